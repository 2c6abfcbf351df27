from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from packaging.markers import default_environment

from pinstall.request.lockfile import Choice, choice, is_lock, read
from pinstall.request.options import Pip
from tests.support.wheels import wheel

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pinstall.model.inputs import RequirementFile

HEAD = 'lock-version = "1.0"\ncreated-by = "test"\n'
SHA = "a" * 64
NEWEST = Pip((26, 3))
MARKERS: Mapping[str, str] = {**default_environment(), "python_version": "3.11", "python_full_version": "3.11.2"}  # type: ignore[dict-item]


def found(text: str, chosen: Choice | None = None, *, base: str = "/at/", head: str = HEAD) -> RequirementFile:
    pytest.importorskip("packaging.dependency_groups", reason="this packaging cannot select from a lock")
    answer = read(
        (head + text).encode(),
        chosen or Choice(path="pylock.toml", default=True),
        file="pylock.toml",
        base=base,
        markers=MARKERS,
    )
    assert answer is not None
    return answer


def package(name: str, rest: str) -> str:
    return f'[[packages]]\nname = "{name}"\n{rest}\n'


def sdist(name: str, rest: str = "") -> str:
    location = f'url = "https://h/{name}-1.0.tar.gz", hashes = {{sha256 = "{SHA}"}}'
    return package(name, f'version = "1.0"\n{rest}\nsdist = {{{location}}}')


class TestNames:
    @pytest.mark.parametrize("path", ["pylock.toml", "/x/pylock.toml", "pylock.dev-x.toml", "https://h/pylock.a.toml"])
    def test_of_lock_files(self, path: str) -> None:
        assert is_lock(path)
        assert choice(path, None, Pip((26, 1))) == Choice(path=path, default=True)
        assert choice(path, None, Pip((26, 0))) is None

    @pytest.mark.parametrize("path", ["pylock", "mypylock.toml", "pylock.a.b.toml", "pylock..toml", "pyproject.toml"])
    def test_of_others(self, path: str) -> None:
        assert not is_lock(path)
        assert choice(path, None, NEWEST) is None

    def test_extras_and_groups(self) -> None:
        assert choice("pylock.toml[A.b, c]", None, Pip((26, 2))) is None
        extras = choice("pylock.toml[A.b, c]", None, NEWEST)
        group = choice("pylock.toml", "Test_It", NEWEST)
        assert extras is not None
        assert group is not None
        assert choice("pylock.toml", "test", Pip((26, 2))) is None
        both = group | extras
        assert both.extras == {"a-b", "c"}
        assert both.groups == {"test-it"}
        assert (both.default, group.default) == (True, False)


class TestPackages:
    def test_a_version_with_the_hashes_of_every_artifact(self) -> None:
        wheels = ", ".join(
            f'{{url = "https://h/demo-1.0-{tag}.whl", hashes = {{sha512 = "{digit * 128}", md5 = "{digit * 32}"}}}}'
            for digit, tag in (("B", "cp27-cp27m-win32"), ("c", "py3-none-any"))
        )
        text = package(
            "demo",
            f'version = "1.0"\nwheels = [{wheels}]\n'
            f'sdist = {{path = "d/demo-1.0.tar.gz", hashes = {{sha256 = "{SHA}"}}}}',
        )
        (line,) = found("\n" + text).lines
        assert (line.text, line.name, str(line.specifier), str(line.origin)) == (
            *("demo==1.0", "demo", "==1.0", "pylock.toml:4"),
        )
        assert line.hashes == {f"sha256:{SHA}", f"sha512:{'b' * 128}", f"sha512:{'c' * 128}"}
        assert line.locked[-1] == f"file:///at/d/demo-1.0.tar.gz#sha256={SHA}"
        assert len(line.locked) == 3

    def test_a_version_that_only_a_file_name_tells(self) -> None:
        name = wheel("demo", "2.0").filename
        (line,) = found(
            package("demo", f'wheels = [{{url = "https://h/{name}", hashes = {{sha256 = "{SHA}"}}}}]')
        ).lines
        assert line.text == "demo==2.0"

    def test_markers_groups_and_extras(self) -> None:
        text = (
            sdist("old", "marker = \"python_version < '3.11'\"")
            + sdist("new", "marker = \"python_version >= '3.11'\"")
            + sdist("test", "marker = \"'test' in dependency_groups\"")
            + sdist("usual", "marker = \"'usual' in dependency_groups\"")
            + sdist("more", "marker = \"'more' in extras\"")
        )
        head = f'{HEAD}extras = ["more"]\ndependency-groups = ["test", "usual"]\ndefault-groups = ["usual"]\n'
        for chosen, names in (
            (choice("pylock.toml", None, NEWEST), ["new", "usual"]),
            (choice("pylock.toml[more]", None, NEWEST), ["new", "usual", "more"]),
            (choice("pylock.toml", "test", NEWEST), ["new", "test"]),
        ):
            assert [line.name for line in found(text, chosen, head=head).lines] == names

    def test_repositories_archives_and_folders(self) -> None:
        commit = "0" * 40
        text = (
            package(
                "vcs", f'vcs = {{type = "git", url = "https://u:p@h/r", commit-id = "{commit}", subdirectory = "s"}}'
            )
            + package("arc", f'archive = {{path = "../arc.zip", hashes = {{sha256 = "{SHA.upper()}"}}}}')
            + package("dir", 'directory = {path = "d", editable = true, subdirectory = "s"}')
        )
        vcs, archive, folder = found(text).lines
        assert vcs.link == f"git+https://u:p@h/r@{commit}#subdirectory=s"
        assert "u:****@" in vcs.text
        assert archive.link == "file:///arc.zip"
        assert archive.hashes == {f"sha256:{SHA}"}
        assert (folder.link, folder.editable) == ("/at/d/s", True)

    def test_paths_count_from_the_lock_behind_a_url(self) -> None:
        text = package("demo", f'sdist = {{path = "d/demo-1.0.tar.gz", hashes = {{sha256 = "{SHA}"}}}}')
        (line,) = found(text, base="https://h/x/pylock.toml").lines
        assert line.locked == (f"https://h/x/d/demo-1.0.tar.gz#sha256={SHA}",)
        for path in ("/d/demo-1.0.tar.gz", "file:///d/demo-1.0.tar.gz"):
            assert found(text.replace("d/demo-1.0.tar.gz", path), base="https://h/x/pylock.toml").faults
        assert found(package("demo", 'directory = {path = "d"}'), base="https://h/x/pylock.toml").faults


@pytest.mark.parametrize(
    "text",
    [
        "packages = [",
        "\N{SNOWMAN} = 1",
        'packages = [{name = "demo"}]',
        'requires-python = "<3.11"\npackages = []',
        "environments = [\"python_version < '3.11'\"]\npackages = []",
        sdist("demo") + sdist("demo"),
    ],
)
def test_faults_of_a_lock(text: str) -> None:
    answer = found(text)
    assert (answer.lines, len(answer.faults)) == ((), 1)
    assert str(answer.faults[0].origin) == "pylock.toml"

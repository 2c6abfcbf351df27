"""What a wheel's ELF files need of this machine, with compiled libraries and the dynamic linker as the judge."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from elftools.elf.elffile import ELFFile
from elftools.elf.gnuversions import GNUVerNeedSection
from elftools.elf.hash import ELFHashTable
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pinstall.cache.abi import missing, read_linker_cache
from tests.support.environments import ROOT
from tests.support.wheels import wheel

if TYPE_CHECKING:
    from collections.abc import Mapping

compiled = pytest.mark.skipif(shutil.which("cc") is None, reason="no C compiler")
pytestmark = pytest.mark.skipif(
    "CS_GNU_LIBC_VERSION" not in os.confstr_names, reason="without glibc nothing is ever found"
)

MACHINE = os.uname().machine
TAG = f"cp311-abi3-linux_{MACHINE}"
MEMBER = "demo/_demo.abi3.so"
GONE = "needs libpinned.so.5, not found"
ASK = """\
import sys
sys.path.insert(0, sys.argv[1])
from pinstall.cache import abi
print(abi.missing(sys.argv[2]))
"""
LOAD = "import ctypes, sys; ctypes.CDLL(sys.argv[1])"
DYNLOAD = sorted(Path(os.__file__).with_name("lib-dynload").glob("*.so"))
anywhere = pytest.mark.skipif(not DYNLOAD, reason="all of the standard library is in the interpreter")


@dataclass(frozen=True, slots=True, kw_only=True)
class Compiler:
    """Compile tiny libraries in a folder."""

    folder: Path

    def library(self, folder: str, *, version: str | None = "PINNED_5.0", soname: str = "libpinned.so.5") -> Path:
        """Make a library of that soname in the folder, which defines `pinned` in that symbol version."""
        script = self.folder / "versions.map"
        self.folder.mkdir(exist_ok=True)
        script.write_text(f"{version} {{ global: pinned; local: *; }};\n", encoding="utf-8")
        versioned = () if version is None else (f"-Wl,--version-script={script}",)
        path = self.folder / folder / soname
        return self.run("int pinned(void) { return 5; }", path, "-shared", f"-Wl,-soname,{soname}", *versioned)

    def module(self, *options: str, library: Path | None = None, attribute: str = "") -> bytes:
        """Make an extension module that needs the library, by default the right one."""
        source = f"{attribute} int pinned(void); int demo(void) {{ return pinned(); }}"
        needed = library or self.library("right")
        return self.run(source, self.folder / "module.so", "-shared", *options, str(needed)).read_bytes()

    def run(self, source: str, path: Path, *options: str) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        command = ["cc", "-fPIC", "-x", "c", "-", "-x", "none", "-o", str(path), "-Wl,--no-as-needed", *options]
        subprocess.run(command, input=source, check=True, text=True)
        return path


@pytest.fixture
def cc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Compiler:
    monkeypatch.delenv("LD_LIBRARY_PATH", raising=False)
    return Compiler(folder=tmp_path / "compiled")


def packed(tmp_path: Path, files: Mapping[str, bytes], tag: str = TAG) -> str:
    return str(wheel("demo", "1.0", tag=tag, files=files).write(tmp_path))


def loads(path: str, site_packages: Path) -> bool:
    """Tell whether the dynamic linker loads the module once the wheel is installed."""
    with zipfile.ZipFile(path) as archive:
        archive.extractall(site_packages)
    ended = subprocess.run(
        [sys.executable, "-c", LOAD, str(site_packages / MEMBER)], capture_output=True, check=False, text=True
    )
    assert ended.returncode == 0 or "OSError" in ended.stderr
    return ended.returncode == 0


def weakened(module: bytes) -> bytes:
    """Return the module with its demand for the version made weak, as newer linkers do when all its symbols are.

    In an `Elf64_Vernaux` the flags stand behind the hash of the name.
    """
    name = ELFHashTable.elf_hash("PINNED_5.0").to_bytes(4, sys.byteorder)
    assert module.count(name + b"\0\0") == 1
    return module.replace(name + b"\0\0", name + (2).to_bytes(2, sys.byteorder))


@compiled
def test_a_library_in_the_library_path_is_there(cc: Compiler, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = packed(tmp_path, {MEMBER: cc.module()})
    monkeypatch.setenv("LD_LIBRARY_PATH", f"/nowhere:{cc.folder / 'right'}")
    assert (missing(path), loads(path, tmp_path / "site")) == (None, True)


@compiled
def test_a_library_that_is_gone_is_missed(cc: Compiler, tmp_path: Path) -> None:
    path = packed(tmp_path, {MEMBER: cc.module()})
    assert (missing(path), loads(path, tmp_path / "site")) == (GONE, False)


@compiled
def test_a_library_whose_soname_changed_is_missed(
    cc: Compiler, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = packed(tmp_path, {MEMBER: cc.module()})
    monkeypatch.setenv("LD_LIBRARY_PATH", str(cc.library("newer", soname="libpinned.so.6").parent))
    assert (missing(path), loads(path, tmp_path / "site")) == (GONE, False)


@compiled
@pytest.mark.parametrize(
    ("version", "weak", "found"),
    [
        ("PINNED_4.0", False, "needs PINNED_5.0 of libpinned.so.5, which has none"),
        ("PINNED_4.0", True, None),
        (None, False, None),  # the linker only warns
        ("PINNED_5.0", False, None),
    ],
)
def test_a_library_without_the_symbol_version_is_missed_where_the_linker_would(
    cc: Compiler,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    version: str | None,
    weak: bool,
    found: str | None,
) -> None:
    module = weakened(cc.module(attribute="__attribute__((weak))")) if weak else cc.module()
    path = packed(tmp_path, {MEMBER: module})
    monkeypatch.setenv("LD_LIBRARY_PATH", str(cc.library("other", version=version).parent))
    assert (missing(path), loads(path, tmp_path / "site")) == (found, found is None)


@compiled
def test_a_library_for_another_machine_is_none(cc: Compiler, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = packed(tmp_path, {MEMBER: cc.module()})
    library = cc.library("foreign")
    library.write_bytes(foreign(library.read_bytes()))
    monkeypatch.setenv("LD_LIBRARY_PATH", str(library.parent))
    assert (missing(path), loads(path, tmp_path / "site")) == (GONE, False)


@compiled
def test_a_library_that_cannot_be_read_accuses_nobody(
    cc: Compiler, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = packed(tmp_path, {MEMBER: cc.module()})
    library = cc.library("damaged")
    library.write_bytes(library.read_bytes()[:100])
    monkeypatch.setenv("LD_LIBRARY_PATH", str(library.parent))
    assert missing(path) is None


@compiled
@pytest.mark.parametrize("name", ["demo.libs/libpinned.so.5", "demo.libs/libpinned-0a1b.so"])
@pytest.mark.parametrize("options", [(), ("-Wl,-rpath,$ORIGIN/../demo.libs",)])
def test_a_library_inside_the_wheel_is_there(cc: Compiler, tmp_path: Path, name: str, options: tuple[str, ...]) -> None:
    """Without a run path and by another file name too: the package may load it before the module is imported."""
    files = {MEMBER: cc.module(*options), name: cc.library("right").read_bytes()}
    path = packed(tmp_path, files)
    assert missing(path) is None
    assert loads(path, tmp_path / "site") is (name.endswith(".5") and options != ())


@compiled
def test_a_library_that_another_package_brings_is_there(cc: Compiler, tmp_path: Path) -> None:
    path = packed(tmp_path, {MEMBER: cc.module()})
    site = tmp_path / "site"
    (site / "torch" / "lib").mkdir(parents=True)
    assert missing(path, [str(site)]) == GONE
    shutil.copy(cc.folder / "right" / "libpinned.so.5", site / "torch" / "lib")
    assert missing(path, ["/nowhere", str(site)]) is None


@compiled
@pytest.mark.parametrize("soname", ["libtorch.so", "libc10.so"])
def test_what_a_package_may_still_bring_accuses_nobody(cc: Compiler, tmp_path: Path, soname: str) -> None:
    """A pin of torch that is not installed yet brings its own `libtorch.so`, and `libpinned.so.5` with it."""
    brought = str(cc.library("torch", soname=soname))
    assert missing(packed(tmp_path, {MEMBER: cc.module(brought)})) is None
    assert missing(packed(tmp_path, {"demo/_torch.so": cc.module(brought), MEMBER: cc.module()})) is None


@compiled
def test_what_is_there_in_another_version_is_proof_all_the_same(
    cc: Compiler, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch = cc.library("torch", soname="libtorch.so")
    path = packed(tmp_path, {MEMBER: cc.module(str(cc.library("right")), library=torch)})
    monkeypatch.setenv("LD_LIBRARY_PATH", str(cc.library("other", version="PINNED_4.0").parent))
    assert missing(path) == "needs PINNED_5.0 of libpinned.so.5, which has none"


@compiled
@pytest.mark.parametrize("soname", ["libpinned-5.3.so", "libpinned-2.40-system.so"])
def test_a_version_before_the_suffix_is_one(cc: Compiler, tmp_path: Path, soname: str) -> None:
    path = packed(tmp_path, {MEMBER: cc.module(library=cc.library("right", soname=soname))})
    assert missing(path) == f"needs {soname}, not found"


@compiled
@pytest.mark.parametrize("flag", ["--enable-new-dtags", "--disable-new-dtags"])
def test_run_paths_are_followed(cc: Compiler, tmp_path: Path, flag: str) -> None:
    path = packed(tmp_path, {MEMBER: cc.module(f"-Wl,{flag},-rpath,/nowhere:{cc.folder / 'right'}")})
    assert (missing(path), loads(path, tmp_path / "site")) == (None, True)


@compiled
@pytest.mark.parametrize("token", ["$ORIGIN", "${ORIGIN}"])
def test_run_paths_out_of_the_wheel_start_where_it_will_be_installed(cc: Compiler, tmp_path: Path, token: str) -> None:
    path = packed(tmp_path, {MEMBER: cc.module(f"-Wl,-rpath,{token}/../../compiled/right")})
    site = tmp_path / "site"
    assert (missing(path, [str(site)]), loads(path, site)) == (None, True)
    assert missing(path, [str(tmp_path / "else" / "where")]) == GONE


@compiled
def test_run_paths_that_only_the_linker_can_read_accuse_nobody(cc: Compiler, tmp_path: Path) -> None:
    assert missing(packed(tmp_path, {MEMBER: cc.module("-Wl,-rpath,/opt/$LIB")})) is None


@compiled
def test_a_library_beside_the_interpreter_is_there(cc: Compiler, tmp_path: Path) -> None:
    site = tmp_path / "conda" / "lib" / "python3.11" / "site-packages"
    site.mkdir(parents=True)
    path = packed(tmp_path, {MEMBER: cc.module()})
    assert missing(path, [str(site)]) == GONE
    shutil.copy(cc.folder / "right" / "libpinned.so.5", tmp_path / "conda" / "lib")
    assert missing(path, [str(site)]) is None


@compiled
def test_the_run_path_of_the_interpreter_is_followed(cc: Compiler, tmp_path: Path) -> None:
    site = tmp_path / "prefix" / "lib" / "python3.11" / "site-packages"
    path = packed(tmp_path, {MEMBER: cc.module()})
    python = tmp_path / "prefix" / "bin" / "python"
    cc.run("int main(void) { return 0; }", python)
    assert missing(path, [str(site)]) == GONE
    cc.run("int main(void) { return 0; }", python, "-Wl,-rpath,$ORIGIN/../../compiled/right")
    assert missing(path, [str(site)]) is None


@compiled
def test_executables_are_looked_into(cc: Compiler, tmp_path: Path) -> None:
    library = cc.library("right")
    program = cc.run("int pinned(void); int main(void) { return pinned(); }", cc.folder / "program", str(library))
    files = {"demo-1.0.data/scripts/demo": program.read_bytes(), "demo-1.0.data/scripts/text": b"#!python\n"}
    assert missing(packed(tmp_path, files)) == GONE


@compiled
def test_one_bad_member_hides_no_other(cc: Compiler, tmp_path: Path) -> None:
    assert missing(packed(tmp_path, {"demo/_bad.so": b"\x7fELF", MEMBER: cc.module()})) == GONE


@compiled
def test_a_bundled_library_that_cannot_be_read_accuses_nobody(cc: Compiler, tmp_path: Path) -> None:
    assert missing(packed(tmp_path, {"demo.libs/libpinned.so.5": b"\x7fELF", MEMBER: cc.module()})) is None


@compiled
def test_what_would_command_a_terminal_is_not_repeated(cc: Compiler, tmp_path: Path) -> None:
    library = cc.library("odd", soname="lib\x1b[2J.so.5")
    assert missing(packed(tmp_path, {MEMBER: cc.module(library=library)})) is None


@compiled
def test_a_circle_of_versions_ends(cc: Compiler, tmp_path: Path) -> None:
    """In an `Elf64_Shdr` the count stands at byte 44, in an `Elf64_Verneed` the way to the next at byte 12."""
    content = bytearray(cc.module())
    elf = ELFFile(io.BytesIO(content))
    (at,) = (number for number in range(elf.num_sections()) if isinstance(elf.get_section(number), GNUVerNeedSection))
    count = elf["e_shoff"] + at * elf["e_shentsize"] + 44
    following = elf.get_section(at)["sh_offset"] + 12
    content[count : count + 4], content[following : following + 4] = b"\xff" * 4, bytes(4)
    assert missing(packed(tmp_path, {MEMBER: bytes(content)})) is None


@anywhere
def test_the_standard_library_misses_nothing(tmp_path: Path) -> None:
    assert missing(packed(tmp_path, {module.name: module.read_bytes() for module in DYNLOAD})) is None


def foreign(content: bytes) -> bytes:
    """Return the ELF file with the machine of another (bytes 18 and 19 of its header)."""
    other = 183 if MACHINE != "aarch64" else 62
    return content[:18] + other.to_bytes(2, sys.byteorder) + content[20:]


@anywhere
@pytest.mark.parametrize(
    ("member", "tag", "accused"),
    [
        (MEMBER, TAG, True),
        (f"_demo.cpython-311-{MACHINE}-linux-gnu.so", f"cp311-cp311-linux_{MACHINE}", True),
        ("_demo.cpython-311-other-linux-gnu.so", f"cp311-cp311-linux_{MACHINE}", False),
        ("demo/attach.so", TAG, False),
        (MEMBER, "cp311-abi3-linux_other", False),
        (MEMBER, f"cp311-abi3-linux_{MACHINE}.linux_other", False),
        (MEMBER, "cp311-abi3-any", False),
    ],
)
def test_another_machine_is_wrong_only_where_this_one_is_claimed(
    tmp_path: Path, member: str, tag: str, accused: bool
) -> None:
    found = missing(packed(tmp_path, {member: foreign(DYNLOAD[0].read_bytes())}, tag))
    assert (found or "").startswith(f"has {Path(member).name} for 64-bit ") is accused
    assert (found is None) is not accused


def test_a_pure_wheel_misses_nothing(tmp_path: Path) -> None:
    assert missing(packed(tmp_path, {}, "py3-none-any")) is None


def test_what_is_no_wheel_misses_nothing(tmp_path: Path) -> None:
    (tmp_path / "demo-1.0-py3-none-any.whl").write_bytes(b"PK\x03\x04")
    assert missing(str(tmp_path / "demo-1.0-py3-none-any.whl")) is None
    assert missing(str(tmp_path / "gone.whl")) is None


@compiled
def test_without_pyelftools_nothing_is_missed(cc: Compiler, tmp_path: Path) -> None:
    path = packed(tmp_path, {MEMBER: cc.module()})
    found = [
        subprocess.run([sys.executable, *options, "-c", ASK, ROOT, path], capture_output=True, check=True, text=True)
        for options in ((), ("-I", "-S"))  # the second sees no installed package
    ]
    assert [ended.stdout.strip() for ended in found] == [GONE, "None"]


@compiled
def test_without_glibc_nothing_is_missed(cc: Compiler, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The one thing that is feigned: there is no second C library on a machine."""
    monkeypatch.setattr(os, "confstr_names", {})
    assert missing(packed(tmp_path, {MEMBER: cc.module()})) is None


@pytest.mark.skipif(not Path("/etc/ld.so.cache").exists(), reason="the linker has no cache")
def test_the_cache_of_the_linker_is_read_as_ldconfig_does() -> None:
    command = shutil.which("ldconfig", path="/sbin:/usr/sbin:/usr/local/sbin")
    if command is None:
        pytest.skip("no ldconfig")
    listed = subprocess.run([command, "-p"], capture_output=True, check=True, text=True).stdout
    expected = [line.split(" => ")[1] for line in listed.splitlines() if " => " in line]
    assert sorted(path for paths in read_linker_cache().values() for path in paths) == sorted(expected)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.binary(max_size=300) | st.binary(max_size=300).map(lambda rest: b"\x7fELF\x02\x01\x01" + rest))
def test_no_bytes_raise(tmp_path: Path, content: bytes) -> None:
    assert missing(packed(tmp_path, {MEMBER: content})) is None


@pytest.mark.slow
@anywhere
@settings(deadline=None, max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cut=st.integers(min_value=0))
def test_no_truncated_module_is_accused(tmp_path: Path, cut: int) -> None:
    content = min((module.read_bytes() for module in DYNLOAD), key=len)
    assert missing(packed(tmp_path, {MEMBER: content[: cut % len(content)]})) is None


@pytest.mark.slow
@anywhere
@settings(deadline=None, max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(offset=st.integers(min_value=0), patch=st.binary(min_size=1, max_size=8), tail=st.booleans())
def test_no_altered_module_raises(tmp_path: Path, offset: int, patch: bytes, tail: bool) -> None:
    """The header is at the start, the list of sections at the end: most bytes between them mean nothing here."""
    content = min((module.read_bytes() for module in DYNLOAD), key=len)
    at = len(content) - offset % 4096 if tail else offset % 64
    missing(packed(tmp_path, {MEMBER: content[:at] + patch + content[at + len(patch) :]}))

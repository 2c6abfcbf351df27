"""Build sdists that carry their own backend, so that real builds need no network and no setuptools."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import tarfile
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from tests.support.wheels import Archive, core_metadata, escaped, wheel_metadata, zipped

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

BUILD_LOG = "PINSTALL_TEST_BUILD_LOG"
"""The variable that names the file to which every build appends a line."""
RECORDED = ("CC", "CFLAGS", "PINSTALL_TEST_FLAVOUR")
"""The variables that a built module shows in `BUILT_WITH["environment"]`."""


def sdist(
    name: str,
    version: str,
    *,
    requires: Sequence[str] = (),
    build_requires: Sequence[str] = (),
    mark: str = "",
    tag: str = "py3-none-any",
    delay: float = 0.0,
    fail: bool = False,
    environment: Sequence[str] = RECORDED,
    backend: str = "",
) -> Archive:
    """Build `NAME-VERSION.tar.gz` (PEP 625), the same arguments always giving the same bytes.

    The built module has `__version__`, `MARK` and `BUILT_WITH = {"config": ..., "environment": ...}`. `backend` is
    code behind the backend's own, which can replace its hooks.
    """
    stem = f"{escaped(name)}-{version}"
    module = f"{escaped(name)}.py"
    metadata = core_metadata(name, version, requires=requires).decode()
    settings = {
        "stem": stem,
        "module": module,
        "METADATA": metadata,
        "WHEEL": wheel_metadata(tag).decode(),
        "tag": tag,
        "delay": delay,
        "fail": fail,
        "environment": list(environment),
    }
    files = {
        "PKG-INFO": metadata,
        "pyproject.toml": "[build-system]\n"
        f"requires = {json.dumps(list(build_requires))}\n"
        'build-backend = "backend"\nbackend-path = ["."]\n',
        "backend.py": Path(__file__).with_name("backend.py").read_text(encoding="utf-8") + backend,
        "settings.json": json.dumps(settings, indent=1),
        module: f"__version__ = {version!r}\nMARK = {mark!r}\n",
    }
    return tarball(stem, files)


def tarball(stem: str, files: dict[str, str]) -> Archive:
    """Pack the files below one folder named like the archive."""
    stream = io.BytesIO()
    with (
        gzip.GzipFile(fileobj=stream, mode="wb", mtime=0) as compressed,
        tarfile.open(fileobj=compressed, mode="w", format=tarfile.PAX_FORMAT) as archive,
    ):
        for path, text in files.items():
            content = text.encode()
            member = tarfile.TarInfo(f"{stem}/{path}")
            member.size, member.mtime, member.mode = len(content), 1_577_836_800, 0o644
            archive.addfile(member, io.BytesIO(content))
    return Archive(f"{stem}.tar.gz", stream.getvalue())


def repacked(archive: Archive, suffix: str, *, below: str = "") -> Archive:
    """Return an sdist with its files in an archive of another kind, or in a folder `below` its first one."""
    stem = archive.filename.removesuffix(".tar.gz")
    stream = io.BytesIO()
    packers: dict[str, Callable[[bytes], bytes]] = {".tar.bz2": bz2.compress, ".tar.xz": lzma.compress}
    pack = packers.get(suffix, partial(gzip.compress, mtime=0))
    with tarfile.open(fileobj=io.BytesIO(archive.content)) as members:
        files = [(member, opened.read()) for member in members if (opened := members.extractfile(member))]
    if below:
        for member, _ in files:
            member.name = member.name.replace("/", f"/{below}/", 1)
    if suffix == ".zip":
        return Archive(f"{stem}.zip", zipped({member.name: content for member, content in files}))
    with tarfile.open(fileobj=stream, mode="w") as packed:
        for member, content in files:
            packed.addfile(member, io.BytesIO(content))
    return Archive(f"{stem}{suffix}", pack(stream.getvalue()))


def checkout(folder: Path, archive: Archive) -> Path:
    """Unpack an sdist's tree into the folder, as a local directory to install from, and return it."""
    folder.mkdir(parents=True)
    with tarfile.open(fileobj=io.BytesIO(archive.content)) as members:
        for member in members:
            text = members.extractfile(member)
            if text is not None:
                (folder / Path(member.name).name).write_bytes(text.read())
    return folder


def builds(log: Path) -> list[str]:
    """Return one `name-version` per build that the log saw."""
    return log.read_text(encoding="utf-8").split() if log.exists() else []

"""Build wheels in memory, right ones and wrong ones."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import zipfile
from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

Record = Literal["true", "lying", "missing"]


class Archive(NamedTuple):
    """An artifact as a file name and its bytes."""

    filename: str
    content: bytes

    @property
    def sha256(self) -> str:
        """The hexadecimal digest that an index would publish."""
        return hashlib.sha256(self.content).hexdigest()

    def write(self, folder: Path) -> Path:
        """Write the artifact into the folder and return its path."""
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / self.filename
        path.write_bytes(self.content)
        return path

    def truncated(self, keep: int | None = None) -> Archive:
        """Return the artifact cut off after `keep` bytes, by default after half of them."""
        return self._replace(content=self.content[: len(self.content) // 2 if keep is None else keep])

    def flipped(self, offset: int | None = None) -> Archive:
        """Return the artifact with one byte inverted, by default in its first file's contents."""
        return self._replace(content=flip(self.content, offset))


def flip(content: bytes, offset: int | None = None) -> bytes:
    """Invert one byte: of a zip by default one that its checksums cover, else the middle one."""
    if offset is None:
        # A local zip header is 30 bytes, the name, the extra field (none here), then the contents.
        is_zip = content.startswith(b"PK\x03\x04")
        offset = 30 + int.from_bytes(content[26:28], "little") + 4 if is_zip else len(content) // 2
    return content[:offset] + bytes([content[offset] ^ 0xFF]) + content[offset + 1 :]


def escaped(name: str) -> str:
    """Return the name as file names of wheels and sdists spell it."""
    return name.lower().replace("-", "_").replace(".", "_")


def zipped(files: Mapping[str, bytes]) -> bytes:
    """Return a zip of the files whose bytes depend on nothing else."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            member = zipfile.ZipInfo(name, (2020, 1, 1, 0, 0, 0))
            member.external_attr = 0o644 << 16
            archive.writestr(member, content, zipfile.ZIP_DEFLATED)
    return stream.getvalue()


def record(files: Mapping[str, bytes], own_name: str, *, lying: bool = False) -> bytes:
    """Return the RECORD of the files; a lying one gives every file the digest of something else."""
    text = io.StringIO()
    lines = csv.writer(text, lineterminator="\n")
    for name, content in files.items():
        digest = hashlib.sha256(content + b"?" * lying).digest()
        lines.writerow((name, f"sha256={base64.urlsafe_b64encode(digest).rstrip(b'=').decode()}", len(content)))
    lines.writerow((own_name, "", ""))
    return text.getvalue().encode()


def core_metadata(
    name: str,
    version: str,
    *,
    requires: Sequence[str] = (),
    extras: Mapping[str, Sequence[str]] | None = None,
    overrides: Mapping[str, str] | None = None,
) -> bytes:
    """Return METADATA 2.1; `overrides` replace or add header lines by name."""
    headers = {"Metadata-Version": "2.1", "Name": name, "Version": version, **(overrides or {})}
    lines = [f"{key}: {value}" for key, value in headers.items()]
    lines += [f"Requires-Dist: {requirement}" for requirement in requires]
    for extra, requirements in (extras or {}).items():
        lines.append(f"Provides-Extra: {extra}")
        lines += [f'Requires-Dist: {requirement} ; extra == "{extra}"' for requirement in requirements]
    return ("\n".join(lines) + "\n").encode()


def wheel(
    name: str,
    version: str,
    *,
    modules: Mapping[str, str] | None = None,
    mark: str = "",
    files: Mapping[str, bytes] | None = None,
    requires: Sequence[str] = (),
    extras: Mapping[str, Sequence[str]] | None = None,
    tag: str = "py3-none-any",
    build: str | None = None,
    metadata: Mapping[str, str] | None = None,
    dist_info: str | None = None,
    record_is: Record = "true",
) -> Archive:
    """Build a wheel whose module has `__version__` and `MARK`.

    `mark` makes two artifacts of one version differ; `files` adds or replaces members by path; `metadata` overrides
    header lines (`{"Version": "9.9"}` contradicts the file name), `dist_info` the stem of the dist-info folder.
    """
    stem = f"{escaped(name)}-{version}"
    folder = f"{dist_info or stem}.dist-info"
    if modules is None:
        modules = {f"{escaped(name)}.py": f"__version__ = {version!r}\nMARK = {mark!r}\n"}
    members = {path: text.encode() for path, text in modules.items()}
    members[f"{folder}/METADATA"] = core_metadata(name, version, requires=requires, extras=extras, overrides=metadata)
    members[f"{folder}/WHEEL"] = wheel_metadata(tag, build)
    members.update(files or {})
    if record_is != "missing":
        own_name = f"{folder}/RECORD"
        members[own_name] = record(members, own_name, lying=record_is == "lying")
    return Archive("-".join(filter(None, (stem, build, tag))) + ".whl", zipped(members))


def wheel_metadata(tag: str, build: str | None = None) -> bytes:
    """Return the WHEEL file, with one line per tag of a compressed set."""
    interpreters, abis, platforms = (part.split(".") for part in tag.split("-"))
    lines = ["Wheel-Version: 1.0", "Generator: pinstall-tests", f"Root-Is-Purelib: {str(abis == ['none']).lower()}"]
    lines += [f"Tag: {one}-{abi}-{where}" for one in interpreters for abi in abis for where in platforms]
    return ("\n".join([*lines, *([f"Build: {build}"] if build else [])]) + "\n").encode()

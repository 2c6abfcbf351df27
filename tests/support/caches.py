"""Look into pip's cache directory by pip's own rules, and falsify what lies there."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlsplit

from tests.support.wheels import Archive, flip

if TYPE_CHECKING:
    from pathlib import Path

Layout = Literal["http", "http-v2"]


def entries(cache: Path) -> list[str]:
    """Return all files below the cache as sorted relative paths, pinstall's own left out."""
    files = (path.relative_to(cache) for path in cache.rglob("*") if path.is_file())
    return sorted(path.as_posix() for path in files if path.parts[0] != "pinstall")


def snapshot(cache: Path) -> dict[str, str]:
    """Return the digest of every entry by path, to show that nothing changed."""
    return {path: hashlib.sha256((cache / path).read_bytes()).hexdigest() for path in entries(cache)}


def http_bodies(cache: Path) -> list[Path]:
    """Return the files that hold HTTP bodies, of both layouts."""
    return sorted([*cache.glob("http-v2/**/*.body"), *(path for path in cache.glob("http/**/*") if path.is_file())])


def built_wheels(cache: Path) -> list[Path]:
    """Return the wheels that pip built."""
    return sorted(cache.glob("wheels/**/*.whl"))


def http_entry(cache: Path, url: str, layout: Layout = "http-v2") -> Path:
    """Return where pip keeps the answer for a URL: the file with its headers (`body_of` gives the other one)."""
    parts = urlsplit(url)
    key = parts._replace(scheme=parts.scheme.lower(), netloc=parts.netloc.lower(), path=parts.path or "/", fragment="")
    digest = hashlib.sha224(key.geturl().encode()).hexdigest()
    return cache.joinpath(layout, *digest[:5], digest)


def body_of(entry: Path) -> Path:
    """Return the file with the body of an entry, which in the old layout is the entry itself."""
    return entry.with_name(f"{entry.name}.body") if "http-v2" in entry.parts else entry


def wheel_entry(cache: Path, url: str, *, python: str, sha256: str | None = None) -> Path:
    """Return the folder in which pip (20.0 and newer) keeps what it built from an sdist's URL; `python` is `3.11`.

    The digest is part of the key where the link carries one; pip 22.2 and 22.3 take none from JSON pages.
    """
    key = {"url": url, "interpreter_name": "cp", "interpreter_version": python.replace(".", "")}
    key |= {"sha256": sha256} if sha256 else {}
    digest = hashlib.sha224(json.dumps(key, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
    return cache.joinpath("wheels", digest[:2], digest[2:4], digest[4:6], digest[6:])


def poison(built: Path, archive: Archive, *, keep_name: bool = False) -> Path:
    """Put another wheel in the place of a built one, under its own file name or under the old one."""
    target = built if keep_name else built.with_name(archive.filename)
    built.unlink()
    target.write_bytes(archive.content)
    return target


def damage(path: Path, *, offset: int | None = None) -> None:
    """Invert one byte of a cached file."""
    path.write_bytes(flip(path.read_bytes(), offset))


def truncate(path: Path, keep: int | None = None) -> None:
    """Cut a cached file off, by default in its middle."""
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2 if keep is None else keep])

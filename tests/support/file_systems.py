"""Mount file systems below a test's own folders, and give folders to another user."""

from __future__ import annotations

import ctypes
import functools
import os
import shutil
import subprocess
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import pytest

from tests.support.runner import beside

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from tests.support.processes import Completed
    from tests.support.runner import Runner

NOBODY: Final = 65534
_READ: Final = "-all,+dac_read_search"
_NEW_NAMESPACE: Final = 0x00020000
"""`CLONE_NEWNS` of <sched.h>; `os.unshare` needs Python 3.12."""


@functools.cache
def _enter_namespace() -> str:
    """Give this process mounts of its own, and return why that cannot be done, or nothing."""
    if os.geteuid():
        return "only root can mount file systems"
    libc = ctypes.CDLL(None, use_errno=True)
    if not hasattr(libc, "unshare") or libc.unshare(_NEW_NAMESPACE):
        return f"there is no private mount namespace: {os.strerror(ctypes.get_errno())}"
    ended = subprocess.run(["mount", "--make-rprivate", "/"], capture_output=True, text=True, check=False)
    return ended.stderr.strip()


@dataclass(frozen=True, slots=True)
class Mounts:
    """File systems mounted over folders, whose content stays what it was; `scratch` is for their layers."""

    scratch: Path
    _mounted: list[Path] = field(default_factory=list)

    def overlay(self, folder: Path) -> None:
        """Make the content of a folder the lower layer of an overlay, as an image of Docker is."""
        upper, work = self._layer("upper"), self._layer("work")
        options = f"lowerdir={folder},upperdir={upper},workdir={work}"
        self._mount(folder, "-t", "overlay", "-o", options, "overlay")

    def elsewhere(self, folder: Path) -> None:
        """Put the content of a folder on another file system."""
        kept = self._layer("kept")
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copytree(folder, kept, symlinks=True, dirs_exist_ok=True)
        self._mount(folder, "-t", "tmpfs", "tmpfs")
        shutil.copytree(kept, folder, symlinks=True, dirs_exist_ok=True)

    def small(self, folder: Path) -> None:
        """Leave only 128 KiB below a folder."""
        folder.mkdir(parents=True, exist_ok=True)
        self._mount(folder, "-t", "tmpfs", "-o", "size=128k", "tmpfs")

    def read_only(self, folder: Path) -> None:
        """Let nobody write below a folder, root neither."""
        folder.mkdir(parents=True, exist_ok=True)
        self._mount(folder, "--bind", str(folder))
        self._mount(folder, "-o", "remount,bind,ro", str(folder))

    def clear(self) -> None:
        """Take everything off again."""
        while self._mounted:
            subprocess.run(["umount", "--lazy", self._mounted.pop()], check=False, capture_output=True)
        shutil.rmtree(self.scratch, ignore_errors=True)

    def _layer(self, name: str) -> Path:
        folder = self.scratch / f"{len(self._mounted)}-{name}"
        folder.mkdir(parents=True)
        return folder

    def _mount(self, folder: Path, *words: str) -> None:
        ended = subprocess.run(["mount", *words, folder], capture_output=True, text=True, check=False)
        if ended.returncode:
            pytest.skip(f"this system does not mount that: {ended.stderr.strip()}")
        self._mounted.append(folder)


@dataclass(frozen=True, slots=True)
class Layout:
    """How a cache and an environment are arranged on file systems."""

    mounts: Mounts
    arrange: Callable[[Mounts, Runner], object]


def mounts(scratch: Path) -> Mounts:
    """Return what mounts file systems that no other process sees; skip the test where that cannot be had."""
    if reason := _enter_namespace():
        pytest.skip(reason)
    return Mounts(scratch)


def give(user: int, folders: Iterable[Path]) -> None:
    """Make a user the owner of folders and of everything below them, as far as root can, and let it reach them.

    For a process that is not root's, access(2) ignores the capability to pass through every folder.
    """
    for folder in folders if os.geteuid() == 0 else ():
        for parent in folder.parents:
            parent.chmod(parent.stat().st_mode | 0o011)
        for path in (folder, *folder.rglob("*")):
            os.lchown(path, user, user)


def somebody_else() -> list[str]:
    """Return what starts a child as a user whom modes stop from writing; fail where that cannot be had.

    It may read everything, since the interpreter often lies in a folder that is root's alone.
    """
    if os.geteuid():
        return []
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        pytest.fail("as root these tests need `setpriv` of util-linux")
    user = [f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
    return [setpriv, *user, *(f"--{kind}={_READ}" for kind in ("inh-caps", "ambient-caps", "bounding-set"))]


def as_somebody_else(runner: Runner, *words: str) -> Completed:
    """Run pinstall as a user whom modes stop."""
    start = [*somebody_else(), *beside(), "--python", str(runner.environment.python)]
    return runner.run([*start, *runner.index_options, *words])

"""A team behind a caching index: the how-to is followed word for word, with the real server, on this machine alone."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING

import pytest

from tests.support.recipes import DOCS, follow, serve
from tests.support.wheels import Archive, wheel

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.index import Index
    from tests.support.runner import Runner

SERVER = ("proxpi", "gunicorn")
NEWER = wheel("six", "1.17.0")


@pytest.fixture
def team(inside: Runner, tmp_path: Path) -> Iterator[Runner]:
    """Return a runner whose index has the server too, fetched from the real index; end the server afterwards."""
    command = [sys.executable, "-m", "pip", "download", "-q", "--only-binary=:all:", "-d", str(tmp_path / "server")]
    subprocess.run([*command, *SERVER], check=True)
    serve(inside)
    for path in (tmp_path / "server").iterdir():
        if path.name not in inside.index.listings:
            inside.index.add(Archive(path.name, path.read_bytes()))
    yield inside
    with contextlib.suppress(OSError, ValueError):
        os.kill(int((inside.home / "proxy.pid").read_text()), signal.SIGTERM)


def publish_once_asked(index: Index, archive: Archive) -> None:
    """List an archive as soon as somebody has seen the page without it."""
    while not index.asked("/simple/six"):
        time.sleep(0.01)
    index.add(archive)


@pytest.mark.network
def test_the_page_on_fleets_works_as_it_stands(team: Runner) -> None:
    threading.Thread(target=publish_once_asked, args=(team.index, NEWER), daemon=True).start()
    follow(DOCS / "how-to" / "fleet.md", team)
    versions = [(team.home / f"env-{name}").glob("lib/python*/site-packages/six.py") for name in "abcd"]
    assert [next(found).read_text().count("1.17.0") for found in versions] == [1, 0, 0, 1]
    # one machine has asked for each page and file, however many environments there are
    files = [request.path for request in team.index.asked("/files/docopt") if request.method == "GET"]
    assert len(files) == 1

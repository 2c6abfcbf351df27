"""Where pip looks for projects."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pinstall.index.client import PYPI, Places
from pinstall.model.inputs import Option, Origin

if TYPE_CHECKING:
    from pathlib import Path


def option(dest: str, value: str | None = None, where: str = "argument 1") -> Option:
    return Option(name=f"--{dest}", dest=dest, value=value, origin=Origin(where=where))


def test_without_options_it_is_the_index_of_pip() -> None:
    assert list(Places([])) == [PYPI]
    assert [place.url for place in Places([]).of("demo")] == [f"{PYPI}/demo/"]


def test_the_last_index_counts_and_every_other_place() -> None:
    given = [
        option("index_url", "https://a/simple/"),
        option("index_url", "https://u:p@b/simple/"),
        option("extra_index_urls", "https://c"),
        option("find_links", "https://d/links.html"),
    ]
    places = Places(given)
    assert list(places) == ["https://u:p@b/simple", "https://c", "https://d/links.html"]
    assert [place.url for place in places.of("demo")] == [
        *("https://d/links.html", "https://u:p@b/simple/demo/", "https://c/demo/"),
    ]
    assert list(Places([*given, option("no_index")])) == ["https://d/links.html"]


def test_a_path_in_a_file_counts_from_its_folder_where_it_is_there(tmp_path: Path) -> None:
    (tmp_path / "wheels").mkdir()
    where = str(tmp_path / "requirements.txt")
    given = [option("find_links", "wheels", where), option("find_links", "other", where), option("find_links", "")]
    assert Places(given).finds == (str(tmp_path / "wheels"), "other")


def test_a_file_is_reached_in_a_folder_next_to_a_page_and_below_an_index(tmp_path: Path) -> None:
    (tmp_path / "index" / "demo").mkdir(parents=True)
    (tmp_path / "page.html").touch()
    (tmp_path / "link").symlink_to(tmp_path)
    given = (
        option("find_links", str(tmp_path / "link" / "page.html")),
        option("index_url", f"file://{tmp_path}/index/"),
    )
    places = Places((*given, option("find_links", "https://host/page"), option("find_links", "~/")))
    for path, expected in (("x.whl", True), ("index/demo/x.whl", True), ("other/x.whl", False), ("index2/x", False)):
        assert places.reach(str(tmp_path / path)) is expected

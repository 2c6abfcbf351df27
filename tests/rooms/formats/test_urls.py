from __future__ import annotations

import pytest

from pinstall.formats import urls as links

SHA = "0123456789abcdef0123456789abcdef01234567"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("https://user:pw@h/simple", "https://user:****@h/simple"),
        ("https://token@h", "https://****@h"),
        ("https://:pw@h", "https://:****@h"),
        ("https://user:@h", "https://user:****@h"),
        ("git+https://u:p@h/r.git@v1#egg=x", "git+https://u:****@h/r.git@v1#egg=x"),
        ("git+ssh://git@github.com:o/r.git@v1", "git+ssh://****@github.com:o/r.git@v1"),
        ("https://u:a@b@h/x", "https://u:****@h/x"),
        ("https://u:a:b@h/x", "https://u:****@h/x"),
        ('x @ https://u:p@h/x ; os_name == "a@b"', 'x @ https://u:****@h/x ; os_name == "a@b"'),
        ("-i https://a:b@c --extra-index-url=http://d:e@f", "-i https://a:****@c --extra-index-url=http://d:****@f"),
        ("cannot reach 'https://u:p@h/': refused", "cannot reach 'https://u:****@h/': refused"),
        ("https://user:p/w@h/simple", "https://user:****@h/simple"),
        ("https://user:p#w?x@h/simple", "https://user:****@h/simple"),
        ("https://h:8080/r.git@v1", "https://h:8080/r.git@v1"),
        ("https://h:8080", "https://h:8080"),
        ("https://h/r.txt?token=pw", "https://h/r.txt?****"),
        ("cannot read `https://u:p@h/x?a=1&b=c#sha256=ab` (x)", "cannot read `https://u:****@h/x?****#sha256=ab` (x)"),
        ("is it https://h/x ?a", "is it https://h/x ?a"),
        ("why?a https://h", "why?a https://h"),
        ("https://h:, write to a@b", "https://h:, write to a@b"),
        ("https://[::1]:80/r@v1", "https://[::1]:80/r@v1"),
        ("https://h/@scope/x", "https://h/@scope/x"),
        ("mail me@home about https://h", "mail me@home about https://h"),
        ("user:pw@h", "user:pw@h"),
    ],
)
def test_secrets_are_masked_and_nothing_else(text: str, shown: str) -> None:
    assert links.redacted(text) == shown
    assert links.redacted(shown) == shown


@pytest.mark.parametrize(
    ("link", "found"),
    [
        (f"git+https://h/r.git@{SHA}", SHA),
        (f"git+https://h/r.git@{SHA.upper()}#egg=x", SHA),
        (f"git+ssh://git@h:o/r@{SHA}?x", SHA),
        (f"git+file:///r@{SHA}", SHA),
        (f"hg+https://h/r@{'ab' * 32}", "ab" * 32),
        (f"git+https://h/a@b/r@{SHA}", SHA),
        (f"git+https://h/r.git@{SHA[:7]}", None),
        (f"git+https://h/r.git@{SHA}0", None),
        (f"git+https://h/r.git@v1#{SHA}", None),
        (f"git+https://h/r.git#@{SHA}", None),
        (f"git+https://u@{SHA}", None),
        (f"git+https://h/r@{SHA}/x", None),
        (f"https://h/r.git@{SHA}", None),
        ("git+https://h/r.git", None),
        ("./path", None),
    ],
)
def test_only_a_full_commit_of_a_repository_counts(link: str, found: str | None) -> None:
    assert links.commit(link) == found


@pytest.mark.parametrize(
    ("link", "url", "vcs"),
    [
        ("https://h", True, False),
        ("FTP://h", True, False),
        ("file:x", True, False),
        ("git+ssh://h/r", True, True),
        ("BZR+lp:r", True, True),
        ("git+ftp://h", False, False),
        ("git://h", False, False),
        ("gopher://h", False, False),
        ("demo @ https://h", False, False),
        ("./x", False, False),
        ("", False, False),
    ],
)
def test_the_scheme_decides(link: str, *, url: bool, vcs: bool) -> None:
    assert (links.is_url(link), links.is_vcs(link)) == (url, vcs)


@pytest.mark.parametrize(
    "name", ["a.whl", "a.ZIP", "./d.e/a.tar.gz", "a.tar", "a.TAR.bz2", ".tar.gz", "a.zip/", "a.tlz"]
)
def test_archives(name: str) -> None:
    assert links.is_archive(name)


@pytest.mark.parametrize("name", ["a", "a.gz", ".zip", "..zip", "a.tar.tar", "a.tar.zip", "a.zip/b", "a.egg", "a.", ""])
def test_no_archives(name: str) -> None:
    assert not links.is_archive(name)


@pytest.mark.parametrize(
    ("url", "digest"),
    [
        ("https://h/x#sha256=AB", "sha256:ab"),
        ("https://h/x#egg=y&sha512=00&subdirectory=z", "sha512:00"),
        ("https://h/x#sha1=00", "sha1:00"),
        ("https://h/x#md5=00", "md5:00"),
        ("https://h/x#md5=00&sha256=ab", "md5:00"),  # the first is the one that pip looks at
        ("https://h/x", None),
    ],
)
def test_the_hash_of_a_fragment(url: str, digest: str | None) -> None:
    assert links.digest(url) == digest


@pytest.mark.parametrize(
    ("link", "name"),
    [
        ("https://h/a/b-1%2Blocal.whl?q#f", "b-1+local.whl"),
        ("https://h/a/b/", "b"),
        ("https://h", ""),
        ("./a/b.zip", "b.zip"),
        ("a#b.zip", "a#b.zip"),
    ],
)
def test_file_names(link: str, name: str) -> None:
    assert links.file_name(link) == name


def test_a_broken_url_has_no_file_name() -> None:
    with pytest.raises(ValueError, match="IPv6"):
        links.file_name("http://[h/x")


@pytest.mark.parametrize(
    ("text", "login", "secrets"),
    [
        ("https://u:p@h:8080/x?a=b#c", "https://h:8080/x?a=b#c", "https://h:8080/x"),
        ("https://u:p@ss@h/x", "https://h/x", "https://h/x"),
        ("git+ssh://git@h/r.git@v1", "git+ssh://h/r.git@v1", "git+ssh://h/r.git@v1"),
        ("https://u:p@[h/x?a", "[h/x?a", "[h/x"),
        ("me@folder/a#b?c", "me@folder/a#b?c", "me@folder/a#b?c"),
        (":all:", ":all:", ":all:"),
    ],
)
def test_urls_without_their_secrets(text: str, login: str, secrets: str) -> None:
    assert links.without_login(text) == login
    assert links.without_secrets(text) == secrets


@pytest.mark.parametrize(
    ("url", "parts"),
    [
        ("https://u:p@ss@h:80/x@y", ("u:p@ss@", "h:80")),
        ("https://h/x", ("", "h")),
        ("https://[h/x", ("", "")),
        ("./x", ("", "")),
    ],
)
def test_login_and_host(url: str, parts: tuple[str, str]) -> None:
    assert links.netloc(url) == parts

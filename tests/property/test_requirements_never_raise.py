"""Laws of the readers of requirement texts."""

from __future__ import annotations

import re
import string
import warnings

from hypothesis import assume, given
from hypothesis import strategies as st

from pinstall.formats import urls as links
from pinstall.model.inputs import Origin, RequirementLine
from pinstall.request.requirements import line, read

HERE = Origin(where="argument 1")

PIECES = [
    *("demo", "Demo.x", "==1.0", ">=1,<2", "[a,B]", " @ ", "https://u:p@h/x-1.zip", "git+ssh://git@h/r@v1", "#egg=x"),
    *(
        ";",
        "; ",
        "python_version>'3'",
        '"',
        "'",
        "\\",
        "\n",
        "\\\n",
        " ",
        "\t",
        "#",
        " # ",
        "${A}",
        "./",
        "[",
        "]",
        "(",
    ),
    *(
        " --hash=sha256:ab",
        " --hash",
        "--pre",
        "-r x",
        "-e ",
        "-C a=b",
        "--",
        "-",
        "=",
        "--no-binary x",
        "file:",
        "\x1f",
    ),
    *("\\x", "\\N{x}", "\0", "é", "\u2028", ".whl", "-1.0-py3-none-any.whl", ".tar.gz", "://", "http://[", "\ufeff"),
]
texts = st.lists(st.one_of(st.sampled_from(PIECES), st.text(max_size=3)), max_size=12).map("".join)
names = st.from_regex(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,8}[A-Za-z0-9])?", fullmatch=True)
versions = st.from_regex(r"[0-9]{1,3}(\.[0-9]{1,2}){0,2}(rc1|\.post2|\+ab\.1)?", fullmatch=True)
specifiers = st.one_of(
    st.just(""), st.builds("{}{}".format, st.sampled_from(["==", ">=", "~=2.", "!=", "==="]), versions)
)
extras = st.one_of(st.just(""), st.lists(names, max_size=3).map(lambda every: f"[{','.join(every)}]"))
markers = st.sampled_from(["", ";os_name=='posix'", ' ; python_version >= "3.8" and extra == "x"', " ;"])
tails = st.sampled_from(["", " @ https://u:p@h/x-1.zip", " @ git+https://h/r.git@v1", "@https://token@h/x"])
requirements = st.one_of(
    st.builds("{}{}{}{}".format, names, extras, specifiers, markers),
    st.builds("{}{}{}{}".format, names, extras, tails, markers.filter(lambda marker: marker.startswith((" ", ";")))),
)


@given(
    content=st.one_of(st.binary(), texts.map(lambda text: text.encode("utf-8", "surrogatepass"))),
    constraint=st.booleans(),
)
def test_reading_never_raises(content: bytes, *, constraint: bool) -> None:
    with warnings.catch_warnings():
        # packaging compiles the strings of a marker, and Python warns of what is quoted oddly there.
        warnings.simplefilter("ignore", category=SyntaxWarning)
        warnings.simplefilter("ignore", category=DeprecationWarning)
        found = read(content, file="r.txt", constraint=constraint, environ={"A": "a b"})
    lines = len(content.decode("utf-8", "replace").splitlines()) + content.count(b"\n")
    parts = (found.lines, found.nested, found.options, found.faults)
    for origin in [one.origin for part in parts for one in part]:
        assert origin.line is None or 1 <= origin.line <= lines + 1


@given(requirement=requirements, editable=st.booleans())
def test_what_is_accepted_is_read_the_same_from_its_own_text(requirement: str, *, editable: bool) -> None:
    first = line(requirement, HERE, editable=editable)
    assume(isinstance(first, RequirementLine))
    assert isinstance(first, RequirementLine)
    again = line(first.text, HERE, editable=editable)
    assert isinstance(again, RequirementLine)
    assert (again.text, again.name, again.extras) == (first.text, first.name, first.extras)
    assert (again.specifier, str(again.marker)) == (first.specifier, str(first.marker))


@given(pin=names, version=versions, digests=st.lists(st.sampled_from("abcdef0123456789"), min_size=1, unique=True))
def test_the_short_way_through_plain_pins_changes_nothing(pin: str, version: str, digests: list[str]) -> None:
    hashes = [f"--hash=sha256:{digest * 64}" for digest in digests]
    plain = f"{pin}=={version} " + " \\\n  ".join(hashes)
    # Parentheses and quotes lead round every short cut.
    quoted = f"{pin} (=={version}) " + " ".join(one.replace("sha", "'sha") + "'" for one in hashes)
    short, long = (read(text.encode(), file="", constraint=False, environ={}).lines for text in (plain, quoted))
    assert (short[0].name, short[0].specifier, short[0].hashes) == (long[0].name, long[0].specifier, long[0].hashes)


SECRETS = st.text(
    alphabet=string.ascii_letters + string.digits + "!$%&*()+,-.:;<=>[]^_{|}~'\"`\\é", min_size=6, max_size=20
)


@given(
    secret=SECRETS,
    user=st.sampled_from(["", "me", "${USER}", "a%40b"]),
    before=st.sampled_from(["", "demo @ ", "-i ", "cannot read `", "git+", "https://h/x ", "x\n"]),
    rest=st.sampled_from(["", "/simple", ":8080/r@v1", "/a@b", " and https://h", "#egg=x", "`: gone"]),
)
def test_no_secret_is_ever_shown(secret: str, user: str, before: str, rest: str) -> None:
    text = f"{before}https://{user}:{secret}@host{rest}"
    assume(secret not in text.replace(f":{secret}@", ":@", 1))
    shown = links.redacted(text)
    assert secret not in shown
    assert shown == f"{before}https://{user}:****@host{rest}"
    assert links.redacted(shown) == shown


@given(token=SECRETS.filter(lambda secret: ":" not in secret), text=texts)
def test_no_token_is_ever_shown(token: str, text: str) -> None:
    assume(token not in text)
    # Without a port of its own, whatever text comes before cannot swallow the URL.
    before = re.sub(r"://", " ", text)
    assert token not in links.redacted(f"{before} https://{token}@h {text}")
    found = read(
        f"demo @ https://{token}@h/x {text}".encode("utf-8", "surrogatepass"), file="", constraint=False, environ={}
    )
    assert not any(token in fault.message for fault in found.faults)
    assert not any(token in one.text for one in found.lines)


@given(secret=st.from_regex(r"[a-z]{2}[a-z0-9]{0,3}[/?#][a-z0-9/?#:]{4,9}", fullmatch=True))
def test_not_even_one_that_makes_the_url_invalid(secret: str) -> None:
    assert secret not in links.redacted(f"https://user:{secret}@host/simple")

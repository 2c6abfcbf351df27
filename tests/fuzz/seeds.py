"""Give each target real material to start from, and the words of its format."""

from __future__ import annotations

import gzip
import io
import json
import sysconfig
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from pinstall import stamp
from tests.fuzz.targets import HEADERS, STEM, URL
from tests.support.sdists import sdist
from tests.support.wheels import wheel

if TYPE_CHECKING:
    from collections.abc import Sequence

DIGEST: Final = "a" * 64


def _json(document: Any) -> bytes:
    return json.dumps(document).encode()


def _members(archive: bytes) -> bytes:
    with zipfile.ZipFile(io.BytesIO(archive)) as members:
        return b"\0\0".join(name.encode() + b"\n" + members.read(name) for name in members.namelist())


def _libraries() -> list[bytes]:
    """Return the smallest extension modules of this interpreter."""
    found = Path(sysconfig.get_config_var("DESTSHARED") or "").glob("*.so")  # a virtual environment has none itself
    return [path.read_bytes() for path in sorted(found, key=lambda path: path.stat().st_size)[:2]]


WHEEL: Final = wheel(
    "demo",
    "1.0",
    files={
        f"{STEM}.data/scripts/demo": b"#!python\n",
        f"{STEM}.dist-info/entry_points.txt": b"[console_scripts]\ndemo = demo:main\n",
    },
).content
SDIST: Final = sdist("demo", "1.0").content
REQUIREMENTS: Final = f"""\
# coding: utf-8
-i https://me:secret@host/simple --pre
-r other.txt
-c ${{A}}.txt
-e git+https://host/r.git@v1#egg=demo
demo[a,B] == 1.0 ; python_version > '3' and extra == "x" --hash=sha256:{DIGEST} \\
    --hash sha512:{DIGEST}  # comment
demo @ https://me:secret@host/demo-1.0.zip#sha256={DIGEST}
./demo-1.0-py2.py3-none-any.whl[a]
https://host/demo-1.0-1-py3-none-any.whl
a>=1,<2,!=1.5.*,~=1.2,===x
a==1.0+local.1 --config-settings a=b
""".encode()
DIRECT: Final = {
    "url": "https://me:secret@host/r.git",
    "vcs_info": {"vcs": "git", "commit_id": "a" * 40},
    "archive_info": {"hash": f"sha256={DIGEST}", "hashes": {"sha256": DIGEST}},
    "dir_info": {"editable": True},
    "subdirectory": "sub",
}
PAGE: Final = {
    "meta": {"api-version": "1.0"},
    "files": [
        {
            "filename": "demo-1.0.zip",
            "url": "../demo-1.0.zip#sha256=ab",
            "hashes": {"sha256": DIGEST},
            "core-metadata": {"sha256": DIGEST},
            "yanked": "no",
            "requires-python": ">=3",
        },
        {"url": "demo-1.0-py3-none-any.whl", "dist-info-metadata": True},
    ],
}
HTML: Final = f"""utf-8
<!DOCTYPE html><html><head><base href="https://h/"><title>Links for demo</title></head><body><!-- x -->
<a href="demo-1.0.zip#sha256={DIGEST}" data-yanked data-core-metadata="sha256={DIGEST}"
data-requires-python="&gt;=3">x</a></body></html>""".encode()
LOCK: Final = f"""\
lock-version = "1.0"
created-by = "x"
extras = ["a"]
default-groups = ["b"]
[[packages]]
name = "demo"
version = "1.0"
marker = "python_version > '3'"
wheels = [{{ name = "demo-1.0-py3-none-any.whl", url = "https://h/demo-1.0-py3-none-any.whl", hashes = {{ sha256 = "{DIGEST}" }} }}]
sdist = {{ name = "demo-1.0.tar.gz", path = "../demo-1.0.tar.gz", size = 1, hashes = {{ sha256 = "{DIGEST}" }} }}
[[packages]]
name = "a"
vcs = {{ type = "git", url = "https://h/r", commit-id = "abc", subdirectory = "s" }}
[[packages]]
name = "b"
directory = {{ path = "./b", editable = true }}
[[packages]]
name = "c"
archive = {{ url = "https://h/c.zip", hashes = {{ sha256 = "{DIGEST}" }} }}
""".encode()  # noqa: E501 - one line by its grammar
LEDGER: Final = {
    "schema": 1,
    "distributions": {
        "demo": {
            "version": "1.0",
            "hashes": [f"sha256:{DIGEST}", f"any:sha256:{DIGEST}|sha512:b"],
            "url": URL,
            "record": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
            "inputs": {"a": "b"},
            "flaws": ["x"],
            "index": "i",
        }
    },
    "holds": {"demo": {"version": "1.0", "origins": {"": "demo==1.0"}}},
}
MANIFEST: Final[dict[str, Any]] = {
    "schema": 1,
    "entries": [
        {
            "what": "the wheel",
            "paths": ["wheels/a/b/c/d/demo-1.0-py3-none-any.whl"],
            "stored": ["0-demo-1.0-py3-none-any.whl"],
            "name": "demo",
            "version": "1.0",
            "hashes": [f"sha256:{DIGEST}"],
            "reason": "a reason",
            "contradiction": True,
        }
    ],
}
REPORT: Final = {
    "install": [
        {
            "metadata": {"name": "demo", "version": "1.0", "requires_dist": ["a; extra == 'x'"]},
            "download_info": DIRECT,
            "is_direct": True,
            "requested": True,
            "requested_extras": ["x"],
        }
    ]
}
METADATA: Final = b"""\
Metadata-Version: 2.1
Name: demo
Version: 1.0
Requires-Dist: a>=1 ; extra == 'x'
Requires-Dist: demo[x] @ https://h/x.zip ; python_version > "3"
License: text
        more

Description
"""
RECORD: Final = f"""\
demo.py,sha256=47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU,0
"a,b",sha256={DIGEST},1
../../../bin/demo,sha256=x,2
{STEM}.data/scripts/demo,,
{STEM}.dist-info/INSTALLER,sha256=zuuue4knoyJ-UwPPXg8fezS7VCrXJQrAP7zeNuwvFQg,3
{STEM}.dist-info/METADATA,,
demo/__pycache__/x.pyc,,
""".encode()
CONF: Final = (
    b"[global]\nindex-url = https://me:secret@h\nverbose: 2\n"
    b"no-cache-dir = on\n[install]\nconstraint =\n    a\n  b\n; c\n"
)
STAMP: Final = f"{stamp.FORMAT}\x0000\x00said\x00c/etc/hostname\x00s/\x00e/x\x00l/\x00vHOME\x00pXDG\x00m///etc//x"

SEEDS: Final[dict[str, Sequence[bytes]]] = {
    "requirement_file": [REQUIREMENTS, b"\xff\xfe" + "demo==1.0".encode("utf-16-le"), b"a[b]; os_name == '\\'' "],
    "pip_conf": [CONF],
    "command_line": [b"-r\nx\n--pin\na=b\n--python=3\n-qvUt\nx\n--\n-\n--conf=a=b\n--progress-bar\noff\n-C\na"],
    "http_entry": [HEADERS % b"\xa4gzip", HEADERS % b"\xa0"],
    "http_body": [b"\1" + gzip.compress(HTML), b"\2" + HTML, b"\0" + WHEEL, b"\0" + SDIST],
    "body": [SDIST, WHEEL, HTML.partition(b"\n")[2], _json(PAGE), METADATA, gzip.compress(HTML)],
    "json_page": [_json(PAGE)],
    "html_page": [HTML],
    "zip_bytes": [WHEEL],
    "wheel_members": [_members(WHEEL)],
    "elf": _libraries() or [b"\x7fELF"],
    "origin": [_json(DIRECT), _json({"url": URL, "archive_info": {"hash": "sha256=ab"}})],
    "direct_url": [_json(DIRECT)],
    "metadata": [METADATA],
    "record_file": [RECORD],
    "ledger_file": [_json(LEDGER)],
    "stamp_file": [STAMP.encode()],
    "manifest": [_json(MANIFEST)],
    "lock_file": [LOCK],
    "build_record": [_json({"schema": 1, "inputs": {"a": "b"}, "lacks": "x"})],
    "pips_report": [_json(REPORT)],
    "link": [b"git+https://me:secret@h/r@" + b"a" * 40 + b"#egg=x&sha256=ab", b"file:///a%20b/x.zip"],
}

WORDS: Final = [
    *(b"[[", b"{", b"}", b"[", b"]", b'"', b"null", b"true", b"1e999", b"-1", b"\\ud800", b"\\u0000", b'""', b":"),
    *(b"\0", b"\n", b"\r", b"\xff", b"/dev/zero", b"/dev/tty", b"../../../../../../", b"://", b"http://[", b"@", b"="),
    *(b"sha256=", b"sha256:", "²".encode(), b"9" * 5000, b"ustar", b"PK\5\6", b"PK\1\2", b"punycode", b"idna"),
    *(
        b"${A}",
        b"\\\n",
        b" #",
        b" --hash=",
        b"; ",
        b"<a ",
        b"<!",
        b"<![",
        b"&#",
        b"%2F",
        b"%00",
        b"verbose=99999999999",
    ),
]
"""What parsers of these formats stumble over; `tests.fuzz` gives them to the fuzzer as its dictionary."""

"""Keep the inputs that once made a reader raise, hang or grow."""

from __future__ import annotations

import functools
import gzip
import json
from typing import TYPE_CHECKING, Final

from tests.fuzz import bombs
from tests.fuzz.seeds import MANIFEST, METADATA, STAMP, WHEEL
from tests.fuzz.targets import STEM

if TYPE_CHECKING:
    from collections.abc import Callable

MANY: Final = 200_000
DEEP: Final = b'{"a":' * MANY
TAGS: Final = "-".join(".".join(f"{letter}{number}" for number in range(400)) for letter in "abc")
"""64 million tags."""


def _manifest(**changes: object) -> bytes:
    entry = {**MANIFEST["entries"][0], **changes}
    return json.dumps({**MANIFEST, "entries": [entry]}).encode()


def _lock(name: str) -> bytes:
    wheel = f'{{ name = "{name}", url = "https://h/{name}", hashes = {{ sha256 = "ab" }} }}'
    head = 'lock-version = "1.0"\ncreated-by = "x"\n[[packages]]\nname = "demo"\nversion = "1"\n'
    return f"{head}wheels = [{wheel}]\n".encode()


FINDINGS: Final[dict[str, tuple[str, Callable[[], bytes]]]] = {
    "brackets that each might begin extras": ("requirement_file", lambda: b"a" + b"[" * MANY + b"]]"),
    "blanks that each might end in a comment": ("requirement_file", lambda: b"aa==1.0" + b" " * MANY + b"x"),
    "schemes that each might begin a password": ("link", lambda: b"https://" * MANY + b"@"),
    "a wheel with millions of tags": ("requirement_file", f"https://h/demo-1-{TAGS}.whl".encode),
    "a flag that is said billions of times": ("pip_conf", lambda: b"[global]\nverbose = 99999999999\n"),
    "a file name of dashes": ("json_page", lambda: b'{"files":[{"url":"' + b"-" * MANY + b'.zip"}]}'),
    "a page with millions of tags": ("json_page", f'{{"files":[{{"url":"demo-1-{TAGS}.whl"}}]}}'.encode),
    "a lock with millions of tags": ("lock_file", functools.partial(_lock, f"demo-1-{TAGS}.whl")),
    "a lock that is nested too deeply": ("lock_file", lambda: b"a = " + b"[" * MANY),
    "a tar of one long word": ("body", lambda: gzip.compress(b"ustar " + b"a" * bombs.MIB * 4)),
    "a tar of words with dashes": ("body", lambda: gzip.compress(b"ustar " + b"a-" * bombs.MIB * 2)),
    "a page that unpacks to gigabytes": ("http_body", lambda: b"\1" + bombs.gzipped(4096)),
    "an origin that is nested too deeply": ("origin", lambda: DEEP),
    "a direct_url that is nested too deeply": ("direct_url", lambda: DEEP),
    "a commit that is no text": ("direct_url", lambda: b'{"url":"https://h/r","vcs_info":{"commit_id":["a"]}}'),
    "a subdirectory that is no text": ("direct_url", lambda: b'{"url":"https://h/r","subdirectory":{"a":1}}'),
    "a manifest that is nested too deeply": ("manifest", lambda: DEEP),
    "a receipt with more names than places": ("manifest", functools.partial(_manifest, paths=[])),
    "a receipt whose words are none": ("manifest", functools.partial(_manifest, what=[], reason={}, contradiction=[])),
    "a receipt that has itself": ("manifest", functools.partial(_manifest, stored=[""])),
    "a report that is nested too deeply": ("build_record", lambda: DEEP),
    "a version of five thousand digits": ("metadata", lambda: METADATA.replace(b"1.0", b"9" * 5000)),
    "a need with a URL that is none": (
        "metadata",
        lambda: METADATA.replace(b"\nLicense", b"\nRequires-Dist: demo[x] @ https://[h/x.zip\nLicense"),
    ),
    "a row of RECORD longer than csv reads": ("record_file", lambda: b'"' + b"a" * MANY + b'",sha256=a,1\n'),
    "a size in superscript": ("record_file", "demo.py,sha256=a,²\n".encode),
    "a size of five thousand digits": ("record_file", lambda: b"demo.py,sha256=a," + b"9" * 5000),
    "a device without an end in RECORD": ("record_file", lambda: b"/dev/zero,sha256=a,0\n"),
    "a stamp that rests on a device without an end": (
        "stamp_file",
        lambda: STAMP.replace("/etc/hostname", "/dev/zero").encode(),
    ),
    "a device without an end and a size": ("record_file", lambda: b"/dev/zero,sha256=a,\n"),
    "a member of four gigabytes": (
        "zip_bytes",
        lambda: bombs.zip_with(WHEEL, {"demo/zeros": (bombs.zeros(4095), 4095 * bombs.MIB)}),
    ),
    "metadata of half a gigabyte": (
        "zip_bytes",
        lambda: bombs.zip_with(WHEEL, {f"{STEM}.dist-info/METADATA": (bombs.zeros(512), 512 * bombs.MIB)}),
    ),
    "metadata that are larger than they say": (
        "zip_bytes",
        lambda: bombs.zip_with(WHEEL, {f"{STEM}.dist-info/METADATA": (bombs.zeros(2048), 10)}),
    ),
    "members that share their bytes": (
        "zip_bytes",
        lambda: bombs.zip_with(WHEEL, {f"demo/{number}": (bombs.zeros(64), 64 * bombs.MIB) for number in range(40)}),
    ),
}
"""By what was wrong: the target, and what makes the bytes."""

"""Build a wheel with nothing but the standard library: the in-tree backend of every sdist of the tests.

It is copied into sdists as text, reads `settings.json` beside it, and has to run on Python 3.7 and newer.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import sys
import time
import zipfile
from pathlib import Path
from typing import Any, Dict, Optional

Config = Optional[Dict[str, Any]]
HERE = Path(__file__).parent
SETTINGS = json.loads((HERE / "settings.json").read_text(encoding="utf-8"))
STEM = str(SETTINGS["stem"])
DIST_INFO = STEM + ".dist-info"


def get_requires_for_build_wheel(config_settings: Config = None) -> list[str]:
    """Demand nothing beyond `build-system.requires`."""
    return []


get_requires_for_build_editable = get_requires_for_build_wheel


def prepare_metadata_for_build_wheel(metadata_directory: str, config_settings: Config = None) -> str:
    """Write METADATA and WHEEL without counting it as a build."""
    folder = Path(metadata_directory, DIST_INFO)
    folder.mkdir()
    for name in ("METADATA", "WHEEL"):
        (folder / name).write_text(SETTINGS[name], encoding="utf-8")
    return DIST_INFO


prepare_metadata_for_build_editable = prepare_metadata_for_build_wheel


def build_wheel(
    wheel_directory: str,
    config_settings: Config = None,
    metadata_directory: str | None = None,
) -> str:
    """Build the wheel and note in its module how it was built."""
    log_build()
    time.sleep(SETTINGS["delay"])
    if SETTINGS["fail"]:
        sys.exit("this build fails on purpose")
    module = (HERE / SETTINGS["module"]).read_text(encoding="utf-8")
    environment = {key: os.environ[key] for key in SETTINGS["environment"] if key in os.environ}
    built_with = {"config": config_settings or {}, "environment": environment}
    return pack(wheel_directory, {SETTINGS["module"]: "%s\nBUILT_WITH = %r\n" % (module, built_with)})


def build_editable(
    wheel_directory: str,
    config_settings: Config = None,
    metadata_directory: str | None = None,
) -> str:
    """Build a wheel that only points at this folder."""
    log_build()
    return pack(wheel_directory, {"__editable__.%s.pth" % STEM: "%s\n" % HERE})


def log_build() -> None:
    """Append one line to the file that PINSTALL_TEST_BUILD_LOG names."""
    log = os.environ.get("PINSTALL_TEST_BUILD_LOG")
    if log:
        with Path(log).open("a", encoding="utf-8") as lines:
            lines.write(STEM + "\n")


def pack(wheel_directory: str, files: dict[str, str]) -> str:
    """Write the wheel, the same files always giving the same bytes, and return its name."""
    name = STEM + "-" + str(SETTINGS["tag"]) + ".whl"
    members = dict(files)
    members.update({DIST_INFO + "/" + part: SETTINGS[part] for part in ("METADATA", "WHEEL")})
    lines = []
    for path, text in members.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
        lines.append("%s,sha256=%s,%d\n" % (path, digest, len(text.encode())))
    members[DIST_INFO + "/RECORD"] = "".join(lines) + DIST_INFO + "/RECORD,,\n"
    with zipfile.ZipFile(str(Path(wheel_directory, name)), "w") as archive:
        for path, text in members.items():
            archive.writestr(zipfile.ZipInfo(path, (2020, 1, 1, 0, 0, 0)), text)
    return name

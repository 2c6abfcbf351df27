"""`pinstall lock` of real projects gives what pip alone chooses on the same index, and installs by its hashes."""

from __future__ import annotations

import json
import os
import subprocess
from typing import TYPE_CHECKING, Final

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.support.environments import OWN
from tests.support.processes import sealed
from tests.support.runner import beside
from tests.support.scenes import RELEASE

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.environments import Environment

pytestmark = [
    pytest.mark.network,
    pytest.mark.skipif(RELEASE < (22, 3), reason="older pips write no report, or not for a dry run"),
]

WEB: Final = """
django>=5 djangorestframework django-filter django-cors-headers django-extensions django-redis gunicorn whitenoise
celery[redis] psycopg[binary] requests httpx pydantic pydantic-settings sentry-sdk structlog boto3 pillow jinja2
markdown pyyaml python-dotenv drf-spectacular
"""
SCIENCE: Final = """
numpy pandas scipy scikit-learn matplotlib seaborn polars pyarrow xarray dask sqlalchemy jupyterlab ipykernel
statsmodels networkx numba openpyxl tqdm plotly requests
"""
BUILT: Final = """
docopt==0.6.2 wget==3.2 sgmllib3k antlr4-python3-runtime==4.9.3 uvicorn[standard] fastapi[standard]
sqlalchemy[asyncio] celery[redis,msgpack] requests[socks] httpx[http2,brotli] coverage[toml] black[d,jupyter]
moto[s3] apache-libcloud pyperclip intervaltree click rich attrs pytest pytest-cov hypothesis
"""
"""With extras, and with projects that have no wheel."""


@pytest.mark.parametrize(
    ("roots", "words"),
    [(WEB, []), (SCIENCE, ["--dry-run"]), (BUILT, [])],
    ids=["web", "science", "built"],
)
def test_a_real_set_is_locked_as_pip_chooses_it(
    environment: Environment, home: Path, roots: str, words: list[str]
) -> None:
    """The index is the machine's own, by its own settings of pip."""
    python = str(environment.python)
    configured = {key: value for key, value in os.environ.items() if key.startswith("PIP_")}
    # the empty one names no file, so that those of the machine count
    environ = {**sealed(home), "PATH": os.environ["PATH"], "PIP_CONFIG_FILE": "", **configured}

    def run(*command: str) -> None:
        ended = subprocess.run(command, env=environ, cwd=home, check=False, capture_output=True, text=True)
        assert ended.returncode == 0, ended.stdout + ended.stderr

    (home / "requirements.in").write_text("\n".join(roots.split()))
    chosen = ("--dry-run", "--ignore-installed", "--report", "report.json")
    run(python, "-m", "pip", "install", *chosen, "-r", "requirements.in")
    run(*beside(), "lock", "--python", python, "-o", "requirements.txt")
    report = json.loads((home / "report.json").read_text(encoding="utf-8"))
    by_pip = {canonicalize_name(one["metadata"]["name"]): one["metadata"]["version"] for one in report["install"]}
    lines = (home / "requirements.txt").read_text(encoding="utf-8").splitlines()
    locked = [Requirement(line.removesuffix(" \\")) for line in lines if not line.startswith((" ", "#", "-"))]
    assert {canonicalize_name(one.name): str(one.specifier) for one in locked} == {
        name: f"=={version}" for name, version in by_pip.items()
    }
    run(*beside(), "--python", python, *words, "--require-hashes", "-r", "requirements.txt")
    if not words:
        parted = (one.partition("==") for one in environment.freeze())
        frozen = {canonicalize_name(name): version for name, _, version in parted}
        assert frozen == {name: version for name, version in by_pip.items() if name not in OWN}

"""Put secrets where every run of the tests could find them, and look for them in all that pinstall writes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from tests.support.processes import Completed

TOKEN: Final = "canary-of-a-variable-5d2f0c"
PASSWORD: Final = "canary-of-a-netrc-91ab7e"
SHORTEST: Final = 6
"""Characters of a password that stands nowhere by chance."""


def variables(home: Path) -> dict[str, str]:
    """Return the variables of a child that has a token, and a netrc with a password for the tests' index."""
    netrc = home.parent / "netrc"
    if not netrc.exists():
        netrc.write_text(f"machine 127.0.0.1 login canary password {PASSWORD}\n", encoding="utf-8")
        netrc.chmod(0o600)
    return {"CANARY_TOKEN": TOKEN, "NETRC": str(netrc)}


def told(ended: Completed, places: Iterable[Path], passwords: Iterable[str] = ()) -> list[str]:
    """Return which secret stands where: in pinstall's own lines, or in a file of these places.

    Of standard output all counts where pip has not been started; pip's own lines are pip's.
    """
    secrets = [TOKEN, PASSWORD, *(password for password in passwords if len(password) >= SHORTEST)]
    own = "\n".join(line for line in ended.stderr.splitlines() if line.startswith("pinstall: "))
    # whoever starts pip has its output there, which before pip 24 shows credentials of direct URLs
    own += "" if "Collecting " in ended.stdout else ended.stdout
    found = [f"{secret} in the output" for secret in secrets if secret in own]
    for path in _files(places):
        content = path.read_bytes()
        found += [f"{secret} in {path}" for secret in secrets if secret.encode() in content]
    return found


def _files(places: Iterable[Path]) -> Iterator[Path]:
    for place in places:
        yield from (path for path in ([place] if place.is_file() else place.rglob("*")) if path.is_file())

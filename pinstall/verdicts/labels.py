"""Say where a pin leaves a local label to chance: PEP 440 lets `==1.0` accept `1.0+cu113`.

May not: read pages, look at the environment.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from pinstall.model.pins import State

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from packaging.utils import NormalizedName
    from packaging.version import Version

    from pinstall.model.pins import Pin, Verdict


def is_open(pin: Pin) -> bool:
    """Tell whether a pin accepts any label."""
    bare = pin.version is not None and pin.version.local is None and pin.exact is None
    return bare and not pin.hashes and not pin.direct


def offered(pin: Pin, versions: Iterable[Version | None]) -> tuple[Version, ...]:
    """Return, of the versions of a release's files, the labelled ones that a pin leaves open, each once."""
    return tuple(sorted({one for one in versions if one is not None and one.local})) if is_open(pin) else ()


def remarked(found: Iterable[Verdict], labels: Mapping[NormalizedName, Sequence[Version]]) -> tuple[Verdict, ...]:
    """Return the verdicts, with a warning on what is installed without a label and could have had one of these."""
    return tuple(_remarked(verdict, labels.get(verdict.pin.name, ())) for verdict in found)


def _remarked(verdict: Verdict, labels: Sequence[Version]) -> Verdict:
    if not labels or verdict.state is not State.HOLDS:
        return verdict
    name, public = verdict.pin.name, labels[0].public
    spellings = ", ".join(f"`{name}=={label}`" for label in labels)
    verb = "demands that label" if len(labels) == 1 else "demand these labels"
    text = f"without a label, though there are builds with one: {spellings} {verb}, `{name}==={public}` none"
    return replace(verdict, warnings=(*verdict.warnings, text))

"""Define pinstall's own settings: key, values, default, and what each is for.

May not: read variables or files.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pinstall.errors import NOT_PINNED, PinstallError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pinstall.request import Option


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """One setting: `--pin KEY=VALUE`, the variable `PINSTALL_KEY`, or the key in `[tool.pinstall]`."""

    name: str
    values: tuple[str, ...]
    default: str
    sentence: str


KEYS = (
    Key(
        name="unpinned",
        values=("refuse", "warn", "allow"),
        default="refuse",
        sentence="What to do with a request that is not pinned",
    ),
    Key(
        name="evict",
        values=("mismatched", "contradicting", "never"),
        default="mismatched",
        sentence="Which locally built wheels of pinned projects leave pip's cache: every one of another version, "
        "only those that are not what they say, or none",
    ),
    Key(
        name="unproven",
        values=("reinstall", "accept", "refuse"),
        default="reinstall",
        sentence="What to do with an installed package of the pinned version whose demanded hash nobody can prove",
    ),
    Key(
        name="hold",
        values=("ignore",),
        default="ignore",
        sentence="What pins of earlier runs mean for this one: nothing yet",
    ),
    Key(
        name="report",
        values=(),
        default="",
        sentence="Where to write the JSON report: a file, or `-` for standard output",
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """The values that are in force."""

    unpinned: str
    evict: str
    unproven: str
    hold: str
    report: str


def decide(settings: Iterable[Option]) -> Policy:
    """Return the policy that settings, the weakest first, amount to."""
    keys = {key.name: key for key in KEYS}
    values = {key.name: key.default for key in KEYS}
    for setting in settings:
        key = keys.get(setting.name)
        value = setting.value or ""
        if key is None and setting.origin.where.startswith("PINSTALL_"):
            continue  # a variable may be somebody else's; a misspelt one leaves the default, which enforces
        if key is None:
            raise _refusal(setting, f"there is no setting `{setting.name}`", f"the settings are {', '.join(keys)}")
        if key.values and value not in key.values:
            raise _refusal(setting, f"`{setting.name}` cannot be `{value}`", f"it can be {', '.join(key.values)}")
        values[setting.name] = value
    return Policy(**values)


def _refusal(setting: Option, message: str, hint: str) -> PinstallError:
    exit_code = 2 if setting.origin.where.startswith("argument") else NOT_PINNED
    return PinstallError("setting", f"{setting.origin}: {message}", hint=hint, exit_code=exit_code)

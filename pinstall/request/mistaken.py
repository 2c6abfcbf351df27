"""Refuse arguments that nobody would read, for the commands behind which no pip comes that could refuse them.

May not: read requirement files, judge, print.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pinstall.model.errors import USAGE, PinstallError
from pinstall.request.arguments import rules

if TYPE_CHECKING:
    from pinstall.request.call import Call

_OF_CACHES: Final = frozenset(
    {
        *("cache_dir", "extra_index_urls", "index_url", "isolated_mode", "trusted_hosts"),
        *("disable_pip_version_check", "log", "no_color", "no_input", "progress_bar", "quiet", "verbose"),
    }
)
"""The destinations of pip's options that say which cache it is, what it can hold, and how much is told."""


def refuse(call: Call, command: str, *own: str) -> None:
    """Raise PinstallError (64) for an option that neither the target's pip nor the command, by its `own`, knows.

    A value that only pip can judge is let pass.
    """
    known = rules(call.target.pip or ())
    for text in call.request.unknown:
        if text in call.request.doubted:
            continue
        if text in known:
            message, hint = f"`{text}` stands without a value, or with one that it does not take", _help(command)
        else:
            message = f"this pinstall does not know `{text}`"
            hint = _nearest(text, [*known, "--pin", "--python", *own]) or _help(command)
        raise PinstallError("usage", message, hint=hint, exit_code=USAGE)


def refuse_beyond_cache(call: Call, command: str, *own: str) -> None:
    """Raise PinstallError (64) also for an option on what to install and how, such as `--dry-run`."""
    refuse(call, command, *own)
    for option in call.request.command_line:
        if option.dest not in _OF_CACHES:
            message = f"`pinstall {command}` does not take `{option.name}`"
            raise PinstallError("usage", message, hint=_help(command), exit_code=USAGE)


def _nearest(text: str, known: list[str]) -> str:
    import difflib  # noqa: PLC0415 - only what is mistyped needs it

    meant = [one for one in known if one.startswith(text)] or difflib.get_close_matches(text, known, 1)
    return f"did you mean {' or '.join(f'`{one}`' for one in dict.fromkeys(meant))}?" if meant else ""


def _help(command: str) -> str:
    return f"`pinstall help {command}` tells what it takes"

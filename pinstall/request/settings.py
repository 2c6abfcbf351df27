"""Tell the options that pip takes from its configuration files and from `PIP_*` variables.

May not: start pip, or judge a value: what pip refuses is handed on as it stands.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pinstall.model.errors import PinstallError
from pinstall.model.inputs import Fault, Option, Origin

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from pinstall.request.options import Pip, Rule

_TRUE: Final = frozenset({"1", "on", "t", "true", "y", "yes"})
_FALSE: Final = frozenset({"0", "f", "false", "n", "no", "off"})

_NEGATIVE: Final = (
    "--no-build-isolation",
    "--no-compile",
    "--no-user",
    "--no-warn-conflicts",
    "--no-warn-script-location",
)
"""Flags that are `store_false` in pip: a value goes to what they switch off, so `PIP_NO_COMPILE=0` means do not."""

_OPPOSITE: Final = {
    "--compile": "--no-compile",
    "--no-compile": "--compile",
    "--no-user": "--user",
    "--use-pep517": "--no-use-pep517",
    "--user": "--no-user",
}

_CALLBACK: Final = (
    "--all-releases",
    "--config-settings",
    "--group",
    "--no-binary",
    "--no-cache-dir",
    "--no-use-pep517",
    "--only-binary",
    "--only-final",
    "--refresh-package",
)
"""Options that pip reads by a callback: not split, added to those of weaker sections, stronger than any plain one."""

_LOUDEST: Final = 99
"""How often a flag can be said: pip makes no difference beyond three, and a number has room for billions."""

_REFUSING_CODE: Final = 2
"""What pip ends with when it cannot read a configuration file."""


_RESET = {
    "dry_run": "PIP_DRY_RUN",
    "force_reinstall": "PIP_FORCE_REINSTALL",
    "ignore_installed": "PIP_IGNORE_INSTALLED",
    "only_dependencies": "PIP_ONLY_DEPS",
    "upgrade": "PIP_UPGRADE",
    "use_user_site": "PIP_USER",
}
"""Flags of a configuration file that a command of ours has to switch off again, and the variable that does it."""

_RESISTANT = ("dependency_groups", "editables", "prefix_path", "requirements_from_scripts", "root_path", "target_dir")
"""What no variable can take back once a configuration file says it: an empty one counts as unset for pip."""


def defaults(
    environ: Mapping[str, str],
    files: Iterable[str],
    rules: Mapping[str, Rule],
    *,
    pip: Pip,
    isolated: bool,
) -> tuple[Option, ...]:
    """Return what files and variables say, as the command line would say it, in the order in which pip takes it.

    `files` are the candidates from the weakest to the strongest, `pip` the target's and
    `rules` the options of that release by spelling.
    A flag or count with a value in it is one whose value pip refuses.

    Raises: PinstallError `pip-configuration` for a file that pip refuses, with pip's exit code.
    Source: https://pip.pypa.io/en/stable/topics/configuration/ and pip's `ConfigOptionParser._update_defaults`.
    """
    plain: dict[str, tuple[Option, ...]] = {}
    called: dict[str, tuple[Option, ...]] = {}
    refused: list[Option] = []
    variables = {} if isolated else environ
    for key, value, origin in _settings(variables, files, merged=pip.merges_files):
        rule = rules.get(f"--{key}")
        if rule is None or rule.name == "--help":
            continue
        said = _said(rule, value, origin, rules)
        if said is None:
            refused.append(Option(name=rule.name, dest=rule.dest, value=value, origin=origin))
        elif rule.name in _CALLBACK:
            called[rule.dest] = called.get(rule.dest, ()) + said
        else:
            plain[rule.dest] = said
    return (*refused, *(option for said in (plain | called).values() for option in said))


def neutral(defaults: Iterable[Option], devnull: str) -> Mapping[str, str | None] | None:
    """Return the variables to set (or, with none, to unset) so that settings do not change a command of ours.

    Each inherited setting is taken back one by one; none at all is returned where one cannot be taken back.
    """
    variables: dict[str, str | None] = {"PIP_REQUIREMENT": devnull, "PIP_REPORT": None}
    for option in defaults:
        inherited = option.origin.where.startswith("PIP_")
        if option.dest in _RESET:
            variables[_RESET[option.dest]] = "0"
        elif option.dest in _RESISTANT:
            if not inherited:
                return None
            variables[option.origin.where] = None
    return variables


def _said(rule: Rule, value: str, origin: Origin, rules: Mapping[str, Rule]) -> tuple[Option, ...] | None:
    """Return the options that this value stands for, nothing at all where pip refuses it."""
    if rule.name == "--no-use-pep517":
        return None
    if rule.action == "flag":
        flag = _flag(rule.name, value)
        if flag is None:
            return None
        contrary = flag == "--no-cache-dir" and value.lower() in _FALSE
        return (Option(name=flag, dest=rule.dest, origin=origin, contrary=contrary),) if flag in rules else ()
    if rule.action == "count":
        count = _count(value)
        return None if count is None else (Option(name=rule.name, dest=rule.dest, origin=origin),) * count
    values = value.split() if rule.action == "append" and rule.name not in _CALLBACK else [value]
    return tuple(Option(name=rule.name, dest=rule.dest, value=each, origin=origin) for each in values)


def _flag(name: str, value: str) -> str | None:
    """Return the flag that says the same, an empty string where none is needed, nothing where pip refuses the value."""
    word = value.lower()
    if word not in _TRUE | _FALSE:
        return None
    if name == "--no-cache-dir":
        # Any valid boolean switches the cache off, `false` too: pip keeps an old mistake for compatibility.
        return name
    holds = (word in _TRUE) is not (name in _NEGATIVE)
    return name if holds else _OPPOSITE.get(name, "")


def _count(value: str) -> int | None:
    word = value.lower()
    if word in _TRUE | _FALSE:
        return int(word in _TRUE)
    try:
        count = int(value)
    except ValueError:
        return None
    return min(count, _LOUDEST) if count >= 0 else None


def _settings(variables: Mapping[str, str], files: Iterable[str], *, merged: bool) -> Iterator[tuple[str, str, Origin]]:
    """Yield key, value and origin as pip weighs them: section over section, and in each file over file."""
    sections: dict[str, dict[tuple[str, str], tuple[str, Origin]]] = {"global": {}, "install": {}, ":env:": {}}
    for path in files:
        for section, key, value, line in _entries(path):
            if section in sections:
                sections[section][key, "" if merged else path] = (value, Origin(where=path, line=line))
    for variable, value in variables.items():
        if variable.startswith("PIP_") and variable != "PIP_VERSION":
            sections[":env:"][_key(variable[4:]), ""] = (value, Origin(where=variable))
    for settings in sections.values():
        # Only now: an empty value counts for nothing, but has replaced a weaker one before.
        yield from ((key, value, origin) for (key, _), (value, origin) in settings.items() if value)


def _entries(path: str) -> Iterator[tuple[str, str, str, int | None]]:
    """Yield section, key, value and line of one file; one that is missing or unreadable says nothing, as for pip."""
    try:
        # The encoding of the locale, and UTF-8 in UTF-8 mode, are pip's choice.
        with open(path) as file:
            text = file.read()
    except OSError:
        return
    except UnicodeDecodeError as error:
        raise _broken(path, None, f"contains invalid {error.encoding} characters") from error
    import configparser  # noqa: PLC0415  # Costs more than all the rest here, and most runs find no file.

    parser = configparser.RawConfigParser()
    try:
        parser.read_string(text, source=path)
    except configparser.Error as error:
        # Only the first line: the next ones quote the file, which may hold credentials.
        raise _broken(path, _faulty_line(error), error.message.partition("\n")[0]) from None
    lines = _lines(text)
    for section in parser.sections():
        for name, value in parser.items(section):
            key = _key(name)
            yield section, key, value, lines.get((section, key))


def _key(name: str) -> str:
    return name.lower().replace("_", "-").removeprefix("--")


def _lines(text: str) -> dict[tuple[str, str], int]:
    """Return on which line each key of each section stands."""
    lines: dict[tuple[str, str], int] = {}
    section = ""
    for number, line in enumerate(text.split("\n"), start=1):
        if line.startswith("["):
            section = line[1:].partition("]")[0]
            continue
        name, separator, _ = line.replace(":", "=").partition("=")
        if separator:
            lines.setdefault((section, _key(name.strip())), number)
    return lines


def _faulty_line(error: Exception) -> int | None:
    listed = getattr(error, "errors", None)
    line = listed[0][0] if listed else getattr(error, "lineno", None)
    return line if isinstance(line, int) else None


def _broken(path: str, line: int | None, reason: str) -> PinstallError:
    return PinstallError(
        "pip-configuration",
        "pip's configuration file cannot be read",
        context=(Fault(origin=Origin(where=path, line=line), message=reason),),
        hint="correct the file, or set `PIP_CONFIG_FILE` to the null device to go without configuration files",
        exit_code=_REFUSING_CODE,
    )

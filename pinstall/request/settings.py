"""Read the options that pip takes from its configuration files and from `PIP_*` variables.

May not: start pip, judge a value: pip gets the values that it refuses.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace

from pinstall.model.errors import PinstallError
from pinstall.model.inputs import Fault, Option, Origin
from pinstall.request.options import Pip, Rule

_BOOLEANS = {
    **dict.fromkeys(("1", "on", "t", "true", "y", "yes"), True),
    **dict.fromkeys(("0", "off", "f", "false", "n", "no"), False),
}

# Flags that are `store_false` in pip: a value sets what they switch off, so `PIP_NO_COMPILE=0` means do not.
_NEGATIVE = ("--no-build-isolation", "--no-compile", "--no-user", "--no-warn-conflicts", "--no-warn-script-location")

_OPPOSITE = {
    "--compile": "--no-compile",
    "--no-compile": "--compile",
    "--no-user": "--user",
    "--use-pep517": "--no-use-pep517",
    "--user": "--no-user",
}
# Options that pip reads by a callback, as all lists: not split, added to weaker sections, stronger than plain ones.
_CALLBACK = ("--config-settings", "--group", "--no-cache-dir")
_LOUDEST = 99  # how often a flag can count: pip knows no difference beyond three, but takes billions
_REFUSING_CODE = 2  # of pip, when it cannot read a configuration file

# Flags of a configuration file that a command of pinstall has to switch off, by their variables.
_RESET = {
    "dry_run": "PIP_DRY_RUN",
    "force_reinstall": "PIP_FORCE_REINSTALL",
    "ignore_installed": "PIP_IGNORE_INSTALLED",
    "only_dependencies": "PIP_ONLY_DEPS",
    "upgrade": "PIP_UPGRADE",
    "use_user_site": "PIP_USER",
}

# Options of a configuration file that no variable can switch off: an empty one counts as unset for pip.
_RESISTANT = ("dependency_groups", "editables", "prefix_path", "requirements_from_scripts", "root_path", "target_dir")


def defaults(
    environ: Mapping[str, str], files: Iterable[str], rules: Mapping[str, Rule], *, pip: Pip, isolated: bool
) -> tuple[Option, ...]:
    """Return the options of files and variables, as on the command line, in pip's order.

    `files` are the candidates from the weakest to the strongest, `rules` the options of this `pip` by spelling.
    pip refuses the value of a flag or count that comes out with a value.

    Raises: PinstallError `pip-configuration` for a file that pip refuses, with pip's exit code.
    Source: https://pip.pypa.io/en/stable/topics/configuration/ and pip's `ConfigOptionParser._update_defaults`.
    """
    plain: dict[str, tuple[Option, ...]] = {}
    called: dict[str, tuple[Option, ...]] = {}
    refused: list[Option] = []
    for key, value, origin in _settings({} if isolated else environ, files, merged=pip.merges_files):
        rule = rules.get(f"--{key}")
        if rule is None or rule.name == "--help":
            continue
        option = Option(name=rule.name, dest=rule.dest, value=value, origin=origin)
        options = _normalize(rule, option, rules)
        if options is None:
            refused.append(option)
        elif rule.action == "list" or rule.name in _CALLBACK:
            called[rule.dest] = called.get(rule.dest, ()) + options
        else:
            plain[rule.dest] = options
    return (*refused, *(option for options in (plain | called).values() for option in options))


def neutral(defaults: Iterable[Option], devnull: str) -> Mapping[str, str | None] | None:
    """Return the variables to set, or to unset (None), against inherited settings; None if one cannot be undone."""
    variables: dict[str, str | None] = {"PIP_REQUIREMENT": devnull, "PIP_REPORT": None}
    for option in defaults:
        if option.dest in _RESET:
            variables[_RESET[option.dest]] = "0"
        elif option.dest in _RESISTANT:
            if not option.origin.where.startswith("PIP_"):
                return None
            variables[option.origin.where] = None
    return variables


def _normalize(rule: Rule, option: Option, rules: Mapping[str, Rule]) -> tuple[Option, ...] | None:
    """Return the options of the command line with the same effect; None where pip refuses the value."""
    value = option.value or ""
    truth = _BOOLEANS.get(value.lower())
    if rule.action == "flag":
        if truth is None or rule.name == "--no-use-pep517":
            return None
        # Any valid boolean switches the cache off, `false` too: pip keeps an old mistake for compatibility.
        of_cache = rule.name == "--no-cache-dir"
        flag = rule.name if of_cache or truth is not (rule.name in _NEGATIVE) else _OPPOSITE.get(rule.name, "")
        return (replace(option, name=flag, value=None, contrary=of_cache and not truth),) if flag in rules else ()
    if rule.action == "count":
        count = _count(value) if truth is None else int(truth)
        return None if count is None else (replace(option, value=None),) * count
    values = value.split() if rule.action == "append" and rule.name not in _CALLBACK else [value]
    return tuple(replace(option, value=each) for each in values)


def _count(value: str) -> int | None:
    with suppress(ValueError):
        count = int(value)
        return min(count, _LOUDEST) if count >= 0 else None
    return None


def _settings(variables: Mapping[str, str], files: Iterable[str], *, merged: bool) -> Iterator[tuple[str, str, Origin]]:
    """Yield key, value and origin in pip's order: section over section, and in each file over file."""
    sections: dict[str, dict[tuple[str, str], tuple[str, Origin]]] = {"global": {}, "install": {}, ":env:": {}}
    for path in files:
        for section, key, value, line in _entries(path):
            if section in sections:
                sections[section][key, "" if merged else path] = (value, Origin(where=path, line=line))
    for variable, value in variables.items():
        if variable.startswith("PIP_") and variable != "PIP_VERSION":
            sections[":env:"][_key(variable[4:]), ""] = (value, Origin(where=variable))
    for settings in sections.values():
        # Only now: an empty value does not count, but has replaced a weaker one before.
        yield from ((key, value, origin) for (key, _), (value, origin) in settings.items() if value)


def _entries(path: str) -> Iterator[tuple[str, str, str, int | None]]:
    """Yield section, key, value and line of one file; none of a missing or unreadable one, as in pip."""
    try:
        # The encoding of the locale, and UTF-8 in UTF-8 mode, are pip's choice.
        with open(path) as file:
            text = file.read()
    except OSError:
        return
    except UnicodeDecodeError as error:
        raise _broken(path, None, f"contains invalid {error.encoding} characters") from error
    import configparser  # noqa: PLC0415 - slow to import, and most runs find no such file

    parser = configparser.RawConfigParser()
    try:
        parser.read_string(text, source=path)
    except configparser.Error as error:
        # Only the first line: the next ones quote the file, which may hold credentials.
        listed = getattr(error, "errors", None)
        line = listed[0][0] if listed else getattr(error, "lineno", None)
        raise _broken(path, line, error.message.partition("\n")[0]) from None
    lines = _lines(text)
    for section in parser.sections():
        for name, value in parser.items(section):
            yield section, _key(name), value, lines.get((section, _key(name)))


def _key(name: str) -> str:
    return name.lower().replace("_", "-").removeprefix("--")


def _lines(text: str) -> dict[tuple[str, str], int]:
    lines: dict[tuple[str, str], int] = {}
    section = ""
    for number, line in enumerate(text.split("\n"), start=1):
        name, separator, _ = line.replace(":", "=").partition("=")
        if line.startswith("["):
            section = line[1:].partition("]")[0]
        elif separator:
            lines.setdefault((section, _key(name.strip())), number)
    return lines


def _broken(path: str, line: int | None, reason: str) -> PinstallError:
    message = "pip's configuration file cannot be read"
    fault = Fault(origin=Origin(where=path, line=line), message=reason)
    hint = "correct the file, or set `PIP_CONFIG_FILE` to the null device to go without configuration files"
    return PinstallError("pip-configuration", message, context=(fault,), hint=hint, exit_code=_REFUSING_CODE)

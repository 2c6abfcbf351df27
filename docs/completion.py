"""Write the completion scripts for bash, zsh and fish from the tables of the code; `docs/tables.py` runs it."""

from __future__ import annotations

import re
import runpy
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from pinstall.request.arguments import rules
from pinstall.request.options import NEWEST, OF_CACHES, VALUED, Rule
from pinstall.request.policy import KEYS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

_USAGE = runpy.run_path(str(Path(__file__).parent / "usage.py"))
COMMON, KINDS, MAIN = _USAGE["COMMON"], _USAGE["KINDS"], _USAGE["MAIN"]
SETTINGS, USAGES = _USAGE["SETTINGS"], _USAGE["USAGES"]
ACTIONS = [word for one in USAGES for word in one.synopsis.split()[1:2] if one.command == "cache"]
SHARE = Path(__file__).parent / "installed" / "share"
HEAD = "# Completes the words of pinstall in {}. Written by docs/tables.py: change that."
FILE, FOLDER, SETTING, TEXT, FLAG = "path", "folder", "setting", "text", ""
METAVARS = {"FILE": FILE, "PYTHON": FILE, "DIR": FOLDER, "KEY=VALUE": SETTING, "NAME": TEXT}
# Kinds of the values of pip's options by destination, where they are not text.
FILES = frozenset({
    *("build_constraints", "cert", "client_cert", "constraints", "json_report_file", "log", "python", "requirements"),
    "requirements_from_scripts",
})  # fmt: skip
FOLDERS = frozenset({"cache_dir", "editables", "find_links", "prefix_path", "root_path", "src_dir", "target_dir"})
OF_PIP = ("install", "check", "lock", "why")
_FIRST = {usage.command: usage.sentence.replace("`", "") for usage in reversed(USAGES)}
COMMANDS = dict(reversed(_FIRST.items()))
TOPICS = (*COMMANDS, "settings")


class Choice(NamedTuple):
    """One option: its spellings, what it does, and the kind of its value, or the words that the value can be."""

    spellings: tuple[str, ...]
    sentence: str
    kind: str


def choices(command: str) -> list[Choice]:
    """Return the options of a command: those of pip that it takes, and its own, each once."""
    known = {**rules(NEWEST)} if command in (*OF_PIP, "cache", "undo") else {}
    if command not in OF_PIP:
        known = {spelling: rule for spelling, rule in known.items() if rule.dest in OF_CACHES}
    found = {rule.name: _of_pip(rule) for rule in known.values()}
    usages = [usage for usage in USAGES if usage.command == command]
    mentioned = re.findall(r"`(--[\w-]+)`", " ".join(text for usage in usages for _, text in usage.options))
    own = [(word, "") for word in mentioned]
    own += [("-h, --help", "Print help"), *(COMMON if command != "help" else ())]
    own += [row for row in MAIN if command == "install" or (command in OF_PIP and "KEY=VALUE" in row[0])]
    for usage in usages:
        own += [(word, usage.sentence) for word in re.findall(r"--[\w-]+", usage.synopsis)]
        own += usage.options
    for text, sentence in own:
        names, _, value = text.rpartition(" ") if re.search(r" [^-\s]\S*$", text) else (text, "", "")
        spellings = tuple(names.split(", "))
        if rule := known.get(spellings[-1]):
            found[rule.name] = _of_pip(rule)._replace(sentence=sentence.replace("`", ""))
        else:
            kind = METAVARS.get(value, value.replace("|", " "))
            found[spellings[-1]] = Choice(spellings, sentence.replace("`", ""), kind)
    return sorted(found.values(), key=lambda choice: choice.spellings[-1])


def _of_pip(rule: Rule) -> Choice:
    short = [spelling for spelling in rule.spellings if not spelling.startswith("--")]
    if rule.action not in VALUED:
        kind = FLAG
    elif rule.accepts.islower():
        kind = rule.accepts
    else:
        kind = FILE if rule.dest in FILES else FOLDER if rule.dest in FOLDERS else TEXT
    return Choice((*short, rule.name), "", kind)


def everything() -> dict[Choice, list[str]]:
    """Return each option with the commands that take it."""
    found: dict[Choice, list[str]] = {}
    for command in COMMANDS:
        for choice in choices(command):
            found.setdefault(choice, []).append(command)
    return found


def _shared() -> list[str]:
    """Return the options, all spellings, that every command of pip takes."""
    first, *rest = ([one for choice in choices(command) for one in choice.spellings] for command in OF_PIP)
    return [spelling for spelling in first if all(spelling in others for others in rest)]


def _valued() -> Mapping[str, list[str]]:
    """Return the options with a value, all spellings, by the kind of the value."""
    found: dict[str, list[str]] = {}
    for choice in everything():
        spellings = found.setdefault(choice.kind, [])
        spellings += [spelling for spelling in choice.spellings if spelling not in spellings]
    every = rules(NEWEST)
    for spelling, rule in every.items():
        found[_of_pip(rule).kind] += [spelling] if spelling not in found[_of_pip(rule).kind] else []
    return {kind: sorted(spellings) for kind, spellings in sorted(found.items()) if kind != FLAG}


def _folded(words: Iterable[str], indent: int, end: str = "") -> str:
    """Return words on several lines; all but the last have this `end`."""
    space = " " * indent
    return f"{end}\n".join(textwrap.wrap(" ".join(words), 100, subsequent_indent=space, break_on_hyphens=False))


def _quoted(text: str) -> str:
    """Return a text as one word of any of the shells, without backticks."""
    return "'" + text.replace("`", "").replace("'", "'\\''") + "'"


BASH = """\
# shellcheck shell=bash
{head}

_pinstall() {{
  local IFS=$' \\t\\n' word words='' kind='' command=install key=''
  local current=${{COMP_WORDS[COMP_CWORD]}} previous=${{COMP_WORDS[COMP_CWORD - 1]}}
  # bash splits words at `=`: `--pin unpinned=warn` is `--pin`, `unpinned`, `=`, `warn`
  if [[ $current == = ]]; then
    current='' key=$previous
  elif [[ $previous == = ]]; then
    previous=${{COMP_WORDS[COMP_CWORD - 2]}} key=$previous
  fi
  local commands='{commands}'
  # what each command takes that takes the arguments of `pip install`
  local pip='{pip}'
  if ((COMP_CWORD > 1)) && [[ " $commands " == *" ${{COMP_WORDS[1]}} "* ]]; then
    command=${{COMP_WORDS[1]}}
  fi
  case $previous in
{values}
  esac
  case $key in
{settings}
  esac
  if [[ -z $kind && $current == -* ]]; then
    kind=words
    case $command in
{options}
    esac
  elif [[ -z $kind ]]; then
    case $command:$COMP_CWORD in
      install:1) kind=path words=$commands ;;
      cache:2) kind=words words='{actions}' ;;
      help:2) kind=words words="$commands settings" ;;
      cache:* | help:* | undo:*) kind=text ;;
    esac
  fi
  COMPREPLY=()
  while read -r word; do
    COMPREPLY+=("$word")
  done < <(compgen -W "$words" -- "$current")
  # where there is no word, readline completes file names: bash 3 always
  case $kind in
    setting) compopt +o default -o nospace ;;
    folder) compopt +o default -o dirnames ;;
    text | words) compopt +o default ;;
  esac 2>/dev/null
}}

complete -o default -F _pinstall pinstall
"""


def bash() -> str:
    """Return the script for bash, 3.2 or newer."""
    lines = []
    for kind, spellings in _valued().items():
        pattern = _folded([" | ".join(spellings)], 6, " \\")
        values = [f"{key.name}=" for key in KEYS] if kind == SETTING else [kind] if " " in kind else []
        words = f" words='{_folded(values, 8)}'" if values else ""
        lines.append(f"    {pattern})\n      kind={'words' if ' ' in kind else kind}{words} ;;")
    settings = [f"    {key.name}) kind=words words='{' '.join(key.values)}' ;;" for key in KEYS if key.values]
    settings += [
        f"    {key.name}) kind={FILE if KINDS[key.name] == 'FILE' else TEXT} ;;" for key in KEYS if not key.values
    ]
    options, shared = [], _shared()
    for command in COMMANDS:
        own = [spelling for choice in choices(command) for spelling in choice.spellings]
        if command in OF_PIP:
            own = ["$pip", *(spelling for spelling in own if spelling not in shared)]
        options.append(f'      {command})\n        words="{_folded(own, 8)}" ;;')
    return BASH.format(
        head=HEAD.format("bash"),
        commands=" ".join(COMMANDS),
        values="\n".join(lines),
        settings="\n".join(settings),
        options="\n".join(options),
        pip=_folded(shared, 4),
        actions=" ".join(ACTIONS),
    )


ZSH = """\
#compdef pinstall
{head}

_pinstall() {{
  local command=install
  local -a commands cache_actions pip
  commands=(
{commands}
  )
  cache_actions=(
{actions}
  )
  if (( CURRENT == 2 )) && [[ $PREFIX != -* ]]; then
    _describe -t commands command commands && return
  elif (( $+commands[(r)$words[2]:*] )) && (( CURRENT > 2 )); then
    command=$words[2]
    shift words
    (( CURRENT-- ))
  fi
  # options of pip, which several commands take
  pip=(
{pip}
  )
  case $command in
{cases}
  esac
}}

_pinstall_settings() {{
  _values setting \\
{settings}
}}

if [[ $zsh_eval_context[-1] == loadautofunc ]]; then
  _pinstall "$@"
else
  compdef _pinstall pinstall
fi
"""
POSITIONALS = {
    "why": ["1:name: ", "*:file:_files"],
    "cache": ["1:action:{_describe action cache_actions}", "2:pattern: "],
    "help": [f"1:topic:({' '.join(TOPICS)})"],
    "undo": [],
}


def zsh() -> str:
    """Return the function for zsh."""
    shared = [spec for choice, some in everything().items() if {*OF_PIP} <= {*some} for spec in _specs(choice)]
    cases = []
    for command in COMMANDS:
        own = [spec for choice in choices(command) for spec in _specs(choice)]
        own = [spec for spec in own if command not in OF_PIP or spec not in shared]
        own = [*map(_quoted, [*own, *POSITIONALS.get(command, ["*:file:_files"])])]
        own = ["$pip", *own] if command in OF_PIP else own
        cases.append(
            f"    {command})\n      _arguments -s \\\n" + " \\\n".join(f"        {one}" for one in own) + "\n      ;;"
        )
    settings = []
    for key in KEYS:
        action = (
            f"value:({' '.join(key.values)})"
            if key.values
            else "file:_files"
            if KINDS[key.name] == "FILE"
            else "globs: "
        )
        settings.append(_quoted(f"{key.name}[{_escaped(SETTINGS[key.name])}]:{action}"))
    actions = {usage.synopsis.split()[1]: usage.sentence for usage in USAGES if usage.synopsis.startswith("cache ")}
    return ZSH.format(
        head=HEAD.format("zsh"),
        commands="\n".join(f"    {_quoted(f'{name}:{sentence}')}" for name, sentence in COMMANDS.items()),
        actions="\n".join(f"    {_quoted(f'{name}:{sentence}')}" for name, sentence in actions.items()),
        pip="\n".join(f"    {_quoted(spec)}" for spec in shared),
        cases="\n".join(cases),
        settings=" \\\n".join(f"    {one}" for one in settings),
    )


def _specs(choice: Choice) -> Iterator[str]:
    """Yield an option as `_arguments` reads it."""
    actions = {FLAG: "", FILE: ":file:_files", FOLDER: ":folder:_files -/", SETTING: ":setting:_pinstall_settings"}
    action = actions.get(choice.kind, ":value: " if choice.kind == TEXT else f":value:({choice.kind})")
    sentence = f"[{_escaped(choice.sentence)}]" if choice.sentence else ""
    for spelling in choice.spellings:
        joint = "" if choice.kind == FLAG else "=" if spelling.startswith("--") else "+"
        yield f"*{spelling}{joint}{sentence}{action}"


def _escaped(text: str) -> str:
    return re.sub(r"([\[\]:\\])", r"\\\1", text)


FISH = """\
{head}

function __pinstall_in --description 'Check whether the command is one of these'
    set -l words (commandline -opc)
    set -l command install
    contains -- "$words[2]" {commands}; and set command $words[2]
    contains -- $command $argv
end

function __pinstall_first --description 'Check whether the word is the first one'
    test (count (commandline -opc)) -eq 1
end

complete -c pinstall -f
complete -c pinstall -n '__pinstall_in {of_pip}' -F
{lines}
"""


def fish() -> str:
    """Return the script for fish, 3.0 or newer."""
    lines = [_fish("__pinstall_first", f"-a {name}", sentence) for name, sentence in COMMANDS.items()]
    for usage in USAGES:
        if usage.synopsis.startswith("cache "):
            condition = f"__pinstall_in cache; and not __fish_seen_subcommand_from {' '.join(ACTIONS)}"
            lines.append(_fish(condition, f"-a {usage.synopsis.split()[1]}", usage.sentence))
    lines.append(_fish("__pinstall_in help", f"-a '{' '.join(TOPICS)}'"))
    kinds = {FLAG: "", FILE: " -rF", FOLDER: " -xa '(__fish_complete_directories)'", TEXT: " -x"}
    pairs = (f"{key.name}={value}" for key in KEYS for value in key.values or ("",))
    kinds[SETTING] = f" -xa '{' '.join(pairs)}'"
    alike: dict[tuple[str, str, str], list[str]] = {}
    for choice, commands in everything().items():
        names = [f"{'-l' if name.startswith('--') else '-s'}~{name.lstrip('-')}" for name in choice.spellings]
        alike.setdefault((" ".join(commands), choice.kind, choice.sentence), []).extend(names)
    for (takers, kind, sentence), spellings in alike.items():
        words = _folded(spellings, 4, " \\").replace("~", " ") + kinds.get(kind, f" -xa '{kind}'")
        lines.append(_fish(f"__pinstall_in {takers}", words, sentence))
    return FISH.format(
        head=HEAD.format("fish"), commands=" ".join(COMMANDS), of_pip=" ".join(OF_PIP), lines="\n".join(lines)
    )


def _fish(condition: str, words: str, sentence: str = "") -> str:
    return f"complete -c pinstall -n '{condition}' {words}" + (f" -d {_quoted(sentence)}" if sentence else "")


SCRIPTS: Mapping[Path, Callable[[], str]] = {
    SHARE / "bash-completion" / "completions" / "pinstall": bash,
    SHARE / "zsh" / "site-functions" / "_pinstall": zsh,
    SHARE / "fish" / "vendor_completions.d" / "pinstall.fish": fish,
}

if __name__ == "__main__":
    for path, script in SCRIPTS.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(script(), encoding="utf-8")

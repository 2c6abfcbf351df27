"""Run pip for one call, as often as it takes, and keep what was run.

May not: decide what is run, read what pip did.
"""

import os
import shlex
import subprocess
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from pinstall import pip, stamp
from pinstall.model.errors import Command
from pinstall.model.pins import Identity, Reporter
from pinstall.report import phrases
from pinstall.request import arguments
from pinstall.request.call import Asked

Changes = Mapping[str, str | None]


def wants_report(asked: Asked) -> bool:
    """Tell whether pip is asked for a report of its own: before 23.0 only where nothing else can tell what it did."""
    request = asked.request
    if asked.target.externally_managed and request.last("dry_run"):
        return False  # for pip a dry run with a report is a way around the mark of PEP 668
    needed = asked.proves or asked.elsewhere or request.last("ignore_installed") is not None
    return bool(asked.demand.pins) and (asked.pip.reports_quietly or (needed and asked.pip.reports))


def mention_unproven(asked: Asked, tell: Reporter) -> None:
    """Say that pip does not tell which artifacts it installs, where that counts."""
    if asked.proves and not asked.pip.reports:
        tell.say(f"pip {asked.pip} does not report what it installs: hashes are not proven")


def update_pip(asked: Asked, installed: Iterable[Identity], tell: Reporter) -> Asked:
    """Return what is asked, of another pip where that is among what has just been installed."""
    for one in installed:
        if one.name == "pip" and one.version is not None and not (asked.elsewhere or asked.pip.is_outside):
            asked = replace(asked, pip=replace(asked.pip, release=one.version.release))
            mention_unproven(asked, tell)
    return asked


def compile_options(asked: Asked) -> tuple[str, ...]:
    """Return what keeps pip from compiling one file after the other, where we can do it on all cores."""
    decided = asked.request.last("compile") is not None
    is_ours = asked.policy.bytecode != "pip" and wants_report(asked) and not asked.elsewhere
    return ("--no-compile",) if is_ours and not decided and cores() > 1 else ()


def own_words(asked: Asked, ours: Sequence[str]) -> tuple[str, ...]:
    """Return the user's own arguments, without a cache or a report in place of ours: pip takes the last."""
    words = asked.request.arguments
    for option, dest in (("--no-cache-dir", "cache_dir"), ("--report", "json_report_file")):
        words = arguments.without(words, dest, asked.pip.release) if option in ours else words
    return words


class Runs:
    """The runs of pip so far: `commands` in their order; `interrupted` is set after Ctrl-C."""

    def __init__(self, asked: Asked, tell: Reporter, before: Callable[[], None], after: Callable[[], None]) -> None:
        """Run nothing yet; `before` is called each time that pip is about to start, `after` once it has ended."""
        self.asked = asked
        self._tell = tell
        self._before, self._after = before, after
        self.commands: list[Command] = []
        self.interrupted = False

    def run(self, purpose: str, words: tuple[str, ...], changes: Changes | None = None, *, silent: bool = False) -> int:
        """Run pip with these arguments and return its exit code; `changes` are of variables, none takes one away."""
        # the target is chosen, so pip must not choose again
        changed = {**self.asked.environ, "PIP_PYTHON": None, **(changes or {})}
        environ = {name: value for name, value in changed.items() if value is not None}
        command = (*self.asked.pip.command, *words)
        self._tell.detail(shlex.join(map(phrases.redact_argument, command)))
        self._before()
        streams = (2, 2) if self.asked.policy.report == "-" else (None, None)  # standard output is for the report
        ended = pip.run(command, environ, self.asked.replays, silent=silent, streams=streams)
        self._after()
        self.interrupted = self.interrupted or ended.interrupted
        self.commands.append(Command(purpose=purpose, arguments=words, exit_code=ended.exit_code))
        return ended.exit_code


# What pip does for each file, `quiet=2` in place of catching what it prints (`install_wheel` in pip 26.3).
_SCRIPT = """
import compileall, sys, warnings
warnings.filterwarnings("ignore")
for path in sys.stdin.buffer.read().split(b"\\0"):
    try:
        compileall.compile_file(path.decode("utf-8", "surrogateescape"), force=True, quiet=2)
    except Exception:
        pass
"""
# Bytes of source below which a second process costs more than it saves.
_FEW = 1 << 17


def cores() -> int:
    """Return on how many cores this process may run."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def compile_files(executable: str, paths: Sequence[str], environ: Mapping[str, str]) -> None:
    """Compile source files as the interpreter would when it imports them; what cannot be compiled is passed over."""

    def compile_share(share: list[str]) -> None:
        names, none = "\0".join(share).encode("utf-8", "surrogateescape"), subprocess.DEVNULL
        subprocess.run([executable, "-c", _SCRIPT], env=environ, input=names, stdout=none, stderr=none, check=False)

    with ThreadPoolExecutor(cores()) as pool:
        list(pool.map(compile_share, _shares(paths, cores())))


def _shares(paths: Sequence[str], workers: int) -> list[list[str]]:
    """Return the files that exist in as many shares as there are workers, each of about the same size, none small."""
    statuses = ((stamp.status(path), path) for path in paths)
    sized = sorted(((status[0], path) for status, path in statuses if len(status) > 1), reverse=True)
    number = max(1, min(workers, sum(size for size, _ in sized) // _FEW))
    shares: list[tuple[list[str], list[int]]] = [([], [0]) for _ in range(number)]
    for size, path in sized:
        names, total = min(shares, key=lambda share: share[1][0])
        names.append(path)
        total[0] += size
    return [names for names, _ in shares if names]

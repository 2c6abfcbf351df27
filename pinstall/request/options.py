"""Hold pip install's options and abilities as data, by pip release: 20.1 to 26.3, the hidden options included.

May not: contain logic.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple

from pinstall.model.errors import NOT_PINNED, PinstallError

Release = tuple[int, ...]
Action = Literal["store", "append", "list", "flag", "count"]
Gate = Literal["free", "pip", "read"]

NEWEST: Release = (26, 3)  # the newest pip release that this table describes


class _Since:
    """An ability that pip has since one release."""

    def __init__(self, *release: int) -> None:
        self._release = release

    def __get__(self, pip: Pip, _: object) -> bool:
        return pip.release >= self._release


@dataclass(frozen=True, slots=True)
class Pip:
    """The pip that installs for a target: its release, and the command that starts it, up to the word `install`."""

    release: Release
    command: tuple[str, ...] = ()

    is_supported = _Since(20, 1)  # pins can be enforced: there is a `pip cache`, and pip builds in one place
    resolves = _Since(20, 3)  # the resolver refuses pins that contradict each other
    reports = _Since(22, 2)  # `--report` and `--dry-run` exist
    serves_others = _Since(22, 3)  # `--python` exists
    reports_quietly = _Since(23, 0)  # `--report` prints no warning that it is an experiment
    splits_bodies = _Since(23, 3)  # the HTTP cache keeps bodies next to their headers, always in `http-v2`
    knows_homebrew = _Since(24, 1)  # configuration files below Homebrew's prefix count on macOS
    refreshes = _Since(26, 2)  # pip takes fresh cached pages without asking the index; `--refresh-package` exists
    hides_constraints = _Since(26, 2)  # isolated builds ignore the `constraint` of variables and configuration files
    follows_xdg = _Since(26, 2)  # XDG variables count on macOS too, and blanks around their values do not
    refuses_eggs = _Since(26, 0)  # `#egg=` takes a name alone, without extras
    takes_locks = _Since(26, 1)  # `-r` takes a lock file (PEP 751)
    chooses_groups = _Since(26, 3)  # `-r` and `--group` take extras and groups of a lock file
    skips_blanks = _Since(26, 3)  # an empty argument, as scripts leave one behind for an unset variable, is ignored
    needs_absolute_xdg = _Since(26, 3)  # a relative path in an XDG variable is ignored

    @property
    def merges_files(self) -> bool:
        """Return whether pip merges its configuration files; 25.2 and 25.3 do not."""
        return not (25, 2) <= self.release < (26, 0)

    @property
    def is_outside(self) -> bool:
        """Return whether it serves the target from another environment."""
        return "--python" in self.command

    def __str__(self) -> str:
        return ".".join(map(str, self.release))

    def need_reports(self, reference: str, purpose: str) -> None:
        """Raise PinstallError where pip does not write reports; `purpose` names what does not work."""
        if not self.reports:
            message = f"this pip cannot say beforehand what it would install, so {purpose}"
            hint = f"run `{self.command[0]} -m pip install --upgrade pip`: 22.2 or newer will do"
            raise PinstallError(reference, message, hint=hint, exit_code=NOT_PINNED)


VALUED: frozenset[Action] = frozenset({"store", "append", "list"})  # each takes one value, the others do not

CARRY = True
LEAVE = False


class Rule(NamedTuple):
    """How pip reads one option, from the release `since` on and before the release `removed`.

    `action` is optparse's; `list` is pip's callback for comma lists, `flag` is every action that stores a constant.
    `gate` says what the option means where every pin is satisfied: `free` that it does not matter, `pip` that pip must
    run, `read` that pinstall acts on it. A second pip command needs the options with `carry` to make the same artifact
    from the same place. `accepts` are the values that pip takes, where it does not take any text; a word in capitals is
    a kind: COUNT, NUMBER, a `KEY=VALUE` PAIR, an ISO 8601 DATE, an AGE such as `P3D`, a GROUP as `[PATH:]NAME`.
    """

    spellings: tuple[str, ...]
    dest: str
    action: Action
    gate: Gate
    carry: bool = LEAVE
    since: Release = ()
    removed: Release | None = None
    accepts: str = ""

    @property
    def name(self) -> str:
        """Return the canonical long spelling."""
        return self.spellings[-1]


_BUILD = ("-b", "--build-dir", "--build-directory", "--build")  # 20.3 itself did not have it: hence the two rows

_KEYRING = "auto disabled import subprocess"

# Gates that need a reason:
# * `--build-constraint` is `pip`: pip reads the file, and always refuses it together with `--no-build-isolation`.
# * `--all-releases`, `--only-final` are `pip`: pip refuses them together with `--pre`.
# * `--install-option` and `--no-use-pep517` are `pip`: pip always refuses some values and some environments.
# * `--upgrade-strategy` and `--src` are `free`: without `-U` and `-e`, which are `pip`, they have no effect.
# * `--ignore-requires-python` is `free`: pip does not ask it of installed packages.
# * `--version` is `free`: after the word `install` pip ignores it, or (26.3) does not know it.
# `--use-feature` lists fewer values than pip takes: pinstall starts pip for the others.
OPTIONS: tuple[Rule, ...] = (
    # What `install` itself adds.
    Rule(("--abi",), "abi", "store", "pip", CARRY, (), (20, 3)),
    Rule(("--abi",), "abis", "append", "pip", CARRY, (20, 3)),
    Rule(("--break-system-packages",), "override_externally_managed", "flag", "free", LEAVE, (23, 0, 1)),
    Rule(_BUILD, "build_dir", "store", "free", LEAVE, (), (20, 3)),
    Rule(_BUILD, "build_dir", "store", "free", LEAVE, (20, 3, 1), (21, 3)),
    Rule(("--build-constraint",), "build_constraints", "append", "pip", CARRY, (25, 3)),
    Rule(("--check-build-dependencies",), "check_build_deps", "flag", "free", CARRY, (22, 1, 1)),
    Rule(("--compile",), "compile", "flag", "free", LEAVE),
    Rule(("--config-settings",), "config_settings", "append", "free", CARRY, (22, 1), (23, 1), accepts="PAIR"),
    Rule(("-C", "--config-settings"), "config_settings", "append", "free", CARRY, (23, 1), accepts="PAIR"),
    Rule(("-c", "--constraint"), "constraints", "append", "read", LEAVE),
    Rule(("--dry-run",), "dry_run", "flag", "pip", LEAVE, (22, 2)),
    Rule(("-e", "--editable"), "editables", "append", "pip", LEAVE),
    Rule(("--force-reinstall",), "force_reinstall", "flag", "pip", LEAVE),
    Rule(("--global-option",), "global_options", "append", "free", CARRY, (), (25, 3)),
    Rule(("--group",), "dependency_groups", "append", "read", LEAVE, (25, 1), accepts="GROUP"),
    Rule(("-I", "--ignore-installed"), "ignore_installed", "flag", "pip", LEAVE),
    Rule(("--ignore-requires-python",), "ignore_requires_python", "flag", "free", CARRY),
    Rule(("--implementation",), "implementation", "store", "pip", CARRY),
    Rule(("--install-option",), "install_options", "append", "pip", CARRY, (), (23, 1)),
    Rule(("--no-build-isolation",), "build_isolation", "flag", "free", CARRY),
    Rule(("--no-clean",), "no_clean", "flag", "free", LEAVE),
    Rule(("--no-compile",), "compile", "flag", "free", LEAVE),
    Rule(("--no-dependencies", "--no-deps"), "ignore_dependencies", "flag", "read", LEAVE),
    Rule(("--no-require-hashes",), "no_require_hashes", "flag", "read", CARRY, (26, 2)),
    Rule(("--no-use-pep517",), "use_pep517", "flag", "pip", CARRY, (), (25, 3)),
    Rule(("--no-user",), "use_user_site", "flag", "free", LEAVE),
    Rule(("--no-warn-conflicts",), "warn_about_conflicts", "flag", "free", LEAVE),
    Rule(("--no-warn-script-location",), "warn_script_location", "flag", "free", LEAVE),
    Rule(("--only-dependencies", "--only-deps"), "only_dependencies", "flag", "pip", LEAVE, (26, 2)),
    Rule(("--platform",), "platform", "store", "pip", CARRY, (), (20, 3)),
    Rule(("--platform",), "platforms", "append", "pip", CARRY, (20, 3)),
    Rule(("--prefix",), "prefix_path", "store", "pip", LEAVE),
    Rule(("--progress-bar",), "progress_bar", "store", "free", LEAVE, (), (22, 1), accepts="on off ascii pretty emoji"),
    Rule(("--progress-bar",), "progress_bar", "store", "free", LEAVE, (22, 1), (24, 1), accepts="on off"),
    Rule(("--progress-bar",), "progress_bar", "store", "free", LEAVE, (24, 1), (25, 2), accepts="on off raw"),
    Rule(("--progress-bar",), "progress_bar", "store", "free", LEAVE, (25, 2), accepts="auto on off raw"),
    Rule(("--python-version",), "python_version", "store", "pip", CARRY),
    Rule(("--report",), "json_report_file", "store", "pip", LEAVE, (22, 2)),
    Rule(("--require-hashes",), "require_hashes", "flag", "read", CARRY),
    Rule(("-r", "--requirement"), "requirements", "append", "read", LEAVE),
    Rule(("--requirements-from-script",), "requirements_from_scripts", "append", "read", LEAVE, (26, 0)),
    Rule(("--root",), "root_path", "store", "pip", LEAVE),
    Rule(("--root-user-action",), "root_user_action", "store", "free", LEAVE, (22, 1), accepts="warn ignore"),
    Rule(("--source", "--source-dir", "--source-directory", "--src"), "src_dir", "store", "free", LEAVE),
    Rule(("-t", "--target"), "target_dir", "store", "pip", LEAVE),
    Rule(("-U", "--upgrade"), "upgrade", "flag", "pip", LEAVE),
    Rule(("--upgrade-strategy",), "upgrade_strategy", "store", "free", LEAVE, accepts="only-if-needed eager"),
    Rule(("--use-pep517",), "use_pep517", "flag", "free", CARRY),
    Rule(("--user",), "use_user_site", "flag", "pip", LEAVE),
    # Where candidates come from.
    Rule(("--extra-index-url",), "extra_index_urls", "append", "free", CARRY),
    Rule(("-f", "--find-links"), "find_links", "append", "free", CARRY),
    Rule(("-i", "--pypi-url", "--index-url"), "index_url", "store", "free", CARRY),
    Rule(("--no-index",), "no_index", "flag", "free", CARRY),
    Rule(("--refresh-package",), "refresh_package", "list", "free", LEAVE, (26, 2)),
    Rule(("--uploaded-prior-to",), "uploaded_prior_to", "store", "free", CARRY, (26, 0), accepts="DATE AGE"),
    # Which of them may be taken.
    Rule(("--all-releases",), "release_control", "list", "pip", CARRY, (26, 0)),
    Rule(("--no-binary",), "format_control", "list", "free", CARRY),
    Rule(("--only-binary",), "format_control", "list", "free", CARRY),
    Rule(("--only-final",), "release_control", "list", "pip", CARRY, (26, 0)),
    Rule(("--pre",), "pre", "flag", "free", CARRY),
    Rule(("--prefer-binary",), "prefer_binary", "flag", "free", CARRY),
    # What every command takes.
    Rule(("--cache-dir",), "cache_dir", "store", "read", LEAVE),
    Rule(("--cert",), "cert", "store", "free", CARRY),
    Rule(("--client-cert",), "client_cert", "store", "free", CARRY),
    Rule(("--debug",), "debug_mode", "flag", "free", LEAVE, (21, 3)),
    Rule(("--disable-pip-version-check",), "disable_pip_version_check", "flag", "free", LEAVE),
    Rule(("--exists-action",), "exists_action", "append", "free", CARRY, accepts="s i w b a"),
    Rule(("-h", "--help"), "help", "flag", "pip", LEAVE),
    Rule(("--isolated",), "isolated_mode", "flag", "read", CARRY),
    Rule(("--keyring-provider",), "keyring_provider", "store", "free", CARRY, (23, 1), accepts=_KEYRING),
    Rule(("--local-log", "--log-file", "--log"), "log", "store", "pip", LEAVE),
    Rule(("--no-cache-dir",), "cache_dir", "flag", "read", LEAVE),
    Rule(("--no-color",), "no_color", "flag", "free", LEAVE),
    Rule(("--no-input",), "no_input", "flag", "free", CARRY),
    Rule(("--no-proxy-env",), "no_proxy_env", "flag", "free", CARRY, (26, 2)),
    Rule(("--no-python-version-warning",), "no_python_version_warning", "flag", "free", LEAVE),
    Rule(("--proxy",), "proxy", "store", "free", CARRY),
    Rule(("--python",), "python", "store", "read", LEAVE, (22, 3)),
    Rule(("-q", "--quiet"), "quiet", "count", "read", LEAVE),
    Rule(("--require-venv", "--require-virtualenv"), "require_venv", "flag", "pip", LEAVE),
    Rule(("--resume-retries",), "resume_retries", "store", "free", CARRY, (25, 1), accepts="COUNT"),
    Rule(("--retries",), "retries", "store", "free", CARRY, accepts="COUNT"),
    Rule(("--default-timeout", "--timeout"), "timeout", "store", "free", CARRY, accepts="NUMBER"),
    Rule(("--trusted-host",), "trusted_hosts", "append", "free", CARRY),
    Rule(("--unstable-feature",), "unstable_features", "append", "pip", LEAVE, (), (20, 3), accepts="resolver"),
    Rule(("--use-deprecated",), "deprecated_features_enabled", "append", "pip", CARRY, (20, 2)),
    Rule(("--use-feature",), "features_enabled", "append", "free", CARRY, (20, 2), (22, 2), accepts="fast-deps"),
    Rule(("--use-feature",), "features_enabled", "append", "free", CARRY, (22, 2), accepts="fast-deps truststore"),
    Rule(("-v", "--verbose"), "verbose", "count", "read", LEAVE),
    Rule(("-V", "--version"), "version", "flag", "free", LEAVE, (), (26, 3)),
)

# The destinations under which pip changes nothing in the environment that it runs in.
ELSEWHERE = frozenset({"dry_run", "target_dir", "prefix_path", "root_path"})
# The destinations under which pip may not take what is installed for what it would install.
RENEWING = ELSEWHERE | {"force_reinstall", "ignore_installed"}
# The destinations under which pip chooses files for another interpreter or platform than its own.
FOREIGN = frozenset({"abi", "abis", "implementation", "platform", "platforms", "python_version"})
# The destinations of the options that say how much pip prints, and how.
SPEECH = frozenset({"disable_pip_version_check", "log", "no_color", "progress_bar", "quiet", "verbose"})
# The destinations of the options that say which cache it is, what it can hold, and how much is printed.
OF_CACHES = SPEECH | {"cache_dir", "extra_index_urls", "index_url", "isolated_mode", "no_input", "trusted_hosts"}

# Which options may be lines of a requirement file, by canonical name.
LINES = frozenset({
    *("--index-url", "--extra-index-url", "--no-index", "--constraint", "--requirement", "--editable", "--find-links"),
    *("--no-binary", "--only-binary", "--prefer-binary", "--require-hashes", "--no-require-hashes", "--pre"),
    *("--all-releases", "--only-final", "--trusted-host", "--use-feature", "--always-unzip"),
})  # fmt: skip
# Which options may follow a requirement on its line, by canonical name.
PER_REQUIREMENT = frozenset({"--hash", "--config-settings", "--global-option", "--install-option"})
# The options that requirement files know later than the command line, and since when.
LATER: Mapping[str, Release] = {"--prefer-binary": (20, 2), "--config-settings": (23, 1)}

# The options that only requirement files know.
FILE_ONLY: tuple[Rule, ...] = (
    Rule(("--hash",), "hashes", "append", "read"),
    Rule(("-Z", "--always-unzip"), "always_unzip", "flag", "free", LEAVE, (), (20, 2)),
)

"""Universes of others' resolvers, as data: pip's own cases, those of packse, and those of resolvelib.

Each has the projects with their releases and what these need, what is asked for, and one solution where one is known.
"""

from __future__ import annotations

import itertools
import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from pinstall.verdicts import closure
from pinstall.verdicts.conflicts import find_conflicts
from tests.support.values import MARKERS, demanded, lines

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from packaging.utils import NormalizedName

    from pinstall.model.inputs import Fault
    from pinstall.model.pins import Distribution

    Choice = Mapping[NormalizedName, str | None]
    """A release for each project; none is one that nobody here knows, which fits everything and needs nothing."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Scenario:
    """One universe."""

    roots: tuple[str, ...]
    projects: Mapping[NormalizedName, Mapping[str, tuple[str, ...]]]
    solution: dict[NormalizedName, str] | None

    def text(self, pins: Mapping[Any, str]) -> str:
        """Return a requirement file with these pins, and the extras that the roots ask for."""
        needs = [Requirement(root) for root in self.roots]
        asked = {canonicalize_name(need.name): need for need in needs if _applies(need, "")}
        extras = {name: f"[{','.join(sorted(need.extras))}]" if need.extras else "" for name, need in asked.items()}
        return "".join(f"{name}{extras.get(name, '')}=={version}\n" for name, version in pins.items())

    def known(self, name: NormalizedName, version: str) -> Distribution:
        """Return what a pin stands for, with its needs where all releases that it allows have the same."""
        allowed = SpecifierSet(f"=={version}")
        needs = {needs for other, needs in self.projects.get(name, {}).items() if allowed.contains(other, True)}
        return closure.release(name, version, needs.pop() if len(needs) == 1 else ())

    def conflicts(self, pins: Mapping[Any, str]) -> tuple[Fault, ...]:
        """Return what is said of these pins when all that they need is known."""
        text = self.text(pins)
        roots = [closure.of_line(line, line.name) for line in lines(text) if line.name is not None]
        known = {
            canonicalize_name(name): self.known(canonicalize_name(name), version) for name, version in pins.items()
        }
        return find_conflicts(roots, demanded(text).pins, known.get, MARKERS)

    def choices(self, pins: Mapping[NormalizedName, str]) -> Iterator[Choice]:
        """Yield every choice of releases that the pins allow, the best that could be of what is not pinned."""
        each = [
            [version for version in self.projects[name] if SpecifierSet(f"=={pins[name]}").contains(version, True)]
            if name in pins
            else [None]
            for name in self.projects
        ]
        for versions in itertools.product(*each):
            yield dict(zip(self.projects, versions, strict=True))

    def works(self, pins: Mapping[NormalizedName, str], choice: Choice) -> bool:
        """Tell, without any code of ours, whether a choice of releases has all that pins and their needs ask for."""
        asked = list(self.text(pins).split())
        done: set[str] = set()
        while asked:
            text = asked.pop()
            if text in done:
                continue
            done.add(text)
            need = Requirement(text)
            name = canonicalize_name(need.name)
            version = choice.get(name)
            if version is None:
                continue
            if not need.specifier.contains(version, prereleases=True):
                return False
            for one in map(Requirement, self.projects[name][version]):
                if any(_applies(one, extra) for extra in ("", *need.extras)):
                    one.marker = None
                    asked.append(str(one))
        return True


def _applies(need: Requirement, extra: str) -> bool:
    return need.marker is None or need.marker.evaluate({**MARKERS, "extra": extra})


@cache
def _scenarios() -> dict[str, Scenario]:
    document = json.loads(Path(__file__).with_name("scenarios.json").read_text(encoding="utf-8"))
    return {
        name: Scenario(
            roots=tuple(one["roots"]),
            projects={
                canonicalize_name(project): {version: tuple(needs) for version, needs in releases.items()}
                for project, releases in one["projects"].items()
            },
            solution=one.get("solution"),
        )
        for name, one in document.items()
    }


SCENARIOS: Final = _scenarios()

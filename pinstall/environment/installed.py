"""Look at the installed distributions of a target at one moment, with their files and the ledger.

May not: know what is asked, judge a pin.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from packaging.utils import NormalizedName

from pinstall import environment, stamp
from pinstall.environment.distributions import Environment, Statuses, is_half, note_statuses
from pinstall.environment.file_list import FileList
from pinstall.environment.foreign import Foreign
from pinstall.environment.ledger import Ledger
from pinstall.environment.ledger import Row as LedgerRow
from pinstall.files import hash_file, path_of
from pinstall.formats import metadata
from pinstall.model.inputs import Interpreter
from pinstall.model.pins import Distribution

if TYPE_CHECKING:
    from pinstall.formats.metadata import Row

    # By place: the distributions that list it, by dist-info, with the row.
    Owners = Mapping[str, Mapping[str, tuple[Distribution, Row]]]


class Installed:
    """The installed distributions of a target; each file is read at most once.

    `verifies` tells that files have to be as RECORD says. Without a report of pip that cannot be required, since some
    wheels have a wrong RECORD. Files whose paths match the `globs` may be anything. `first` is what was there before
    pip ran.
    """

    def __init__(
        self, target: Interpreter, state: str, globs: Sequence[str], *, verifies: bool, before: Installed | None = None
    ) -> None:
        self.target = target
        self.ledger: Ledger = before.ledger if before else Ledger(target.purelib, state)
        self._state = state
        self._verifies, self._globs = verifies, globs
        self._environment = Environment(target.paths)
        self.find, self.copies = self._environment.find, self._environment.copies
        self._noted = note_statuses(target.paths)
        self.first: Statuses = before.first if before else self._noted
        self._files: dict[str, FileList] = before.unchanged(self) if before else {}

    def look_again(self, target: Interpreter, *, verifies: bool) -> Installed:
        """Return a new look, after pip has run."""
        return Installed(target, self._state, self._globs, verifies=verifies, before=self)

    def is_new(self, record: str) -> bool:
        """Tell whether a RECORD was written since the first look at its folder."""
        now = stamp.status(record)
        return len(now) > 1 and os.path.dirname(os.path.dirname(record)) in self.first and self.first.get(record) != now

    @cached_property
    def every(self) -> tuple[Distribution, ...]:
        """Return all installed distributions."""
        return self._environment.every()

    def is_outside(self, found: Distribution) -> bool:
        """Tell whether a distribution is outside of the folders to which pip installs."""
        return found.location not in (self.target.purelib, self.target.platlib)

    def find_inside(self, name: NormalizedName) -> Distribution | None:
        """Return the distribution of this name in the folders to which pip installs."""
        return Environment((self.target.purelib, self.target.platlib)).find(name)

    def files(self, found: Distribution) -> FileList:
        """Return the files of a distribution."""
        known = self._files.get(found.path)
        if known is None or known.distribution != found:
            known = self._files[found.path] = FileList(found, self._globs)
        return known

    def row(self, found: Distribution) -> LedgerRow | None:
        """Return the row of this installation in the ledger."""
        return self.ledger.row(self.files(found))

    def hashes(self, found: Distribution) -> frozenset[str]:
        """Return the known hashes of the artifact of this installation."""
        row = self.row(found)
        if row is None and found.location.endswith(".whl"):  # a wheel on the path is the artifact itself
            return hash_file(found.location)
        return frozenset() if row is None else row.hashes

    def local(self, found: Distribution) -> tuple[str, frozenset[str]]:
        """Return the file on this machine from which it was installed, empty without one, and the hashes it had."""
        row, source = self.row(found), found.identity.source
        url = row.url if row is not None else "" if source is None else source.url
        path = path_of(url) if url.startswith("file:") else None
        return path or "", found.identity.hashes if row is None else row.hashes

    def inputs(self, found: Distribution) -> Mapping[str, str] | None:
        """Return the inputs of the build of this installation, None where they are unknown."""
        return self.ledger.inputs(self.files(found))

    def damage(self, found: Distribution) -> tuple[str | None, Mapping[str, Distribution]]:
        """Return the damage of a distribution, and its files that another one has overwritten."""
        damage = found.damage or self._altered(found)
        if damage is None and is_half(found) and not self.is_outside(found):
            return "only half of it is installed: INSTALLER and RECORD are missing", {}
        if damage is None or found.damage is not None:
            return damage or self._find_dead_script(found), {}
        # to install it again would overwrite the other one
        overwritten = self.overwritten(found)
        return self._altered(found, overwritten), overwritten

    def _altered(self, found: Distribution, passing: Iterable[str] = ()) -> str | None:
        """Return a difference from RECORD that was not there when pip had just installed it."""
        if not self._verifies or self.files(found).damage() is None:
            return None
        row = self.row(found)
        return self.files(found).damage({*passing, *(row.flaws if row else ())})

    def _find_dead_script(self, found: Distribution) -> str | None:
        """Return what a script starts in place of the target's Python, but not if it did so when it was new."""
        outside = self.is_outside(found) or not self._verifies
        dead = {} if outside else dict(self.files(found).find_dead_scripts(self.target.executable))
        row = self.row(found) if dead else None
        return next((text for path, text in dead.items() if row is None or path not in row.flaws), None)

    def flaws(self, found: Distribution) -> tuple[str, ...]:
        """Return the paths of a new installation that differ from RECORD, or start no Python of it, and are its own."""
        files = self.files(found)
        flaws = (*files.flaws, *dict(files.find_dead_scripts(self.target.executable)))
        taken = self.overwritten(found) if flaws else {}
        return tuple(path for path in flaws if path not in taken)

    @cached_property
    def foreign(self) -> Foreign:
        """Return the files that no installer lists."""
        return Foreign(self.target, self._environment.folders())

    @cached_property
    def owners(self) -> Owners:
        """Return the distributions that list each place."""
        return find_owners(map(self.files, self.every))

    def overwritten(self, found: Distribution) -> Mapping[str, Distribution]:
        """Return the files of a distribution that another one has overwritten."""
        return find_overwritten(self.files(found), self.owners)

    def unchanged(self, now: Installed) -> dict[str, FileList]:
        """Return the file lists that are still true; none where unlisted files may have changed.

        A list is true if its dist-info is as it was at this look, and if no distribution that came or went since lists
        one of its files.
        """
        before, after = self._environment.folders(), now._environment.folders()
        differing = {one for one, status in now._noted.items() if self._noted.get(one) != status}
        changed = {path for path in after if not differing.isdisjoint((path, f"{path}/RECORD"))}
        gone = {path for path in before if path not in after or path in changed}
        coming = [found for path in changed if (found := now.find(after[path])) is not None and found.path == path]
        if len(coming) < len(changed) or not gone <= self._files.keys():
            return {}
        lists = (*(self._files[path] for path in gone), *map(FileList, coming))
        touched = {place for files in lists for place in files.places}
        same = {path: files for path, files in self._files.items() if path in after and path not in changed}
        return {path: files for path, files in same.items() if touched.isdisjoint(files.places)}


def find_owners(lists: Iterable[FileList]) -> Owners:
    """Return the distributions that list each place, without byte code."""
    found: dict[str, dict[str, tuple[Distribution, Row]]] = {}
    for files in lists:
        for row in files.rows:
            if metadata.CACHED not in row[0]:
                found.setdefault(files.place(row[0]), {})[files.distribution.path] = (files.distribution, row)
    return found


def find_overwritten(files: FileList, listed: Owners) -> Mapping[str, Distribution]:
    """Return the files of a distribution, by path in RECORD, that are now those of another one."""
    taken: dict[str, Distribution] = {}
    for path, mine, _ in files.rows:
        place = files.place(path)
        for other, (_, digest, size) in listed.get(place, {}).values():
            if other.path != files.distribution.path and digest != mine and _may_be(place, digest, size):
                taken[path] = other
    return taken


def find_shared(listed: Owners) -> dict[tuple[Distribution, ...], list[str]]:
    """Return the paths that several distributions list with different hashes, by these distributions."""
    found: dict[tuple[Distribution, ...], list[str]] = {}
    for each in listed.values():
        hashes = {digest for _, (_, digest, _) in each.values()}
        if len(each) > 1 and (len(hashes) > 1 or "" in hashes):
            (_, (path, _, _)), *_ = each.values()
            found.setdefault(tuple(owner for owner, _ in each.values()), []).append(path)
    return found


def _may_be(place: str, digest: str, size: str) -> bool:
    if not digest.startswith("sha256="):
        return os.path.exists(place)
    return not environment.contents.is_altered(place, metadata.parse_size(size), digest)

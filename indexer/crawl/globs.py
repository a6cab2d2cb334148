"""What include and exclude of config.yaml let through: a mistyped glob must not pass for a registry without images."""

from __future__ import annotations

import fnmatch
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from indexer.crawl.report import Cause, Report, Subject
from indexer.errors import did_you_mean

if TYPE_CHECKING:
    from indexer.config import RegistryConfig  # pydantic: a worker does without
    from indexer.crawl.targets import Walk


NOTHING_INCLUDED = "NothingIncluded"
"""Our code for a configuration that lets nothing through, of any registry."""
_NAMED = 4


class Remark(NamedTuple):
    """A sentence about the configuration; `is_warning` where it is likely a mistake."""

    text: str
    is_warning: bool


class _Seen(NamedTuple):
    """What one target holds: names of repositories, and how many of them are wanted."""

    walk: Walk
    place: str
    names: Sequence[str]
    wanted: int

    @property
    def is_shut_out(self) -> bool:
        """Whether there are repositories, and the configuration wants none of them."""
        return bool(self.names) and not self.wanted

    @property
    def text(self) -> str:
        """What to say where that is so."""
        include, exclude = list(self.walk.registry.include), list(self.walk.registry.exclude)
        count = len(self.names)
        through = "its only repository" if count == 1 else f"any of its {count:,} repositories, such as"
        return (
            f"nothing of {self.place} is indexed: include {include} and exclude {exclude} do not let through "
            f"{through} {self.names[0]}"
        )


class Globs:
    """Takes the repositories of each target, from any thread; `tell` is given what is odd about them."""

    def __init__(self, tell: Callable[[Remark], object]) -> None:
        self._tell = tell
        self._seen: dict[int, _Seen] = {}
        self._lock = threading.Lock()

    def take(self, walk: Walk, account: str | None, names: Sequence[str]) -> None:
        """Note the repositories of a target that was listed, wanted or not."""
        wanted = sum(map(walk.registry.wants, names))
        place = f"{account or walk.target.profile or 'default account'}/{walk.target.region}"
        with self._lock:
            self._seen[walk.number] = _Seen(walk, place, names, wanted)

    def judge(self, walks: Sequence[Walk], report: Report) -> None:
        """Tell what is odd, when all targets are listed. Where nothing at all is wanted, it is failures too.

        Such a run must not count as complete. It is committed all the same: it may know of repositories that are gone.
        """
        found = [self._seen[walk.number] for walk in walks if walk.number in self._seen]
        for seen in found:
            if seen.is_shut_out:
                self._tell(Remark(seen.text, is_warning=True))
                if not any(other.wanted for other in found):
                    report.fail(seen.walk, Subject(), Cause("Config", NOTHING_INCLUDED, seen.text))
        for registry in dict.fromkeys(walk.registry for walk in walks):
            numbers = [walk.number for walk in walks if walk.registry == registry]
            if all(number in self._seen for number in numbers):  # else a glob may match where nothing answered
                for remark in _unmatched(registry, [self._seen[number] for number in numbers]):
                    self._tell(remark)


def _unmatched(registry: RegistryConfig, targets: Sequence[_Seen]) -> Iterator[Remark]:
    names = [name for seen in targets for name in seen.names]
    if not names:
        return
    more = f" and {len(targets) - _NAMED:,} more" if len(targets) > _NAMED else ""
    where = ", ".join(seen.place for seen in targets[:_NAMED]) + more
    groups: Mapping[str, Sequence[str]] = {"include": registry.include, "exclude": registry.exclude}
    for key, globs in groups.items():
        # Where nothing at all is let through, that has been said with all globs.
        is_telling = key == "exclude" or any(seen.wanted for seen in targets)
        unmatched = [
            glob for glob in dict.fromkeys(globs) if not any(fnmatch.fnmatchcase(name, glob) for name in names)
        ]
        for glob in unmatched if is_telling else ():
            hint = did_you_mean(glob, names)
            # To leave out what is not there yet is no mistake.
            yield Remark(f"{key} '{glob}' matches no repository in {where}{hint}", is_warning=key == "include")

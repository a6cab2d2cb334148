"""What deleting images does, worked out slowly in plain Python from an estate's rows.

Written from the rules, not from the SQL. In one repository a manifest *belongs* to another one if that is an index that
lists it, or what it refers to (its subject, or the digest in its tags if it has only tags such as sha256-<hex>.sig).
Whatever belongs to something that stays, stays.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime, timedelta
from fnmatch import fnmatchcase
from typing import NamedTuple

from support.estates import Estate
from support.slow_model import Home, SlowModel

from indexer.tables import ImageRow, RunRow

_REFERRING_TAG = re.compile(r"sha256-([0-9a-f]{64})([.](sig|att|sbom))?")


class Link(NamedTuple):
    """`member` belongs to `holder`."""

    holder: str
    member: str
    is_entry: bool


class Choice(NamedTuple):
    """The parameters of reclaimable."""

    repository: str = "*"
    untagged: bool = True
    keep_tags: str | None = None
    keep_newest: int = 0
    pushed_before: datetime | None = None
    not_pulled_since: datetime | None = None
    with_referrers: bool = True


class Fate(NamedTuple):
    """What becomes of a repository's images: those deleted, and which of these only as referrers."""

    deleted: set[str]
    referrers: set[str]


class DeletionModel(SlowModel):
    """The current state of `estate`, and what deleting parts of it would do."""

    def __init__(self, estate: Estate) -> None:
        super().__init__(estate)
        self.documents = {row.manifest_digest: row for row in estate.manifests}
        self.runs: dict[str, RunRow] = {run.run_id: run.row() for run in estate.runs}
        self.rows = {home: self._rows(home) for home in self.homes}
        self.links = {home: self._links(home) for home in self.homes}
        self.stored = self._stored_mentions()
        self.known = {
            home: {each for each in held if self.kinds.get(each, "unknown") != "unknown"}
            for home, held in self.held.items()
        }

    def fate(self, home: Home, choice: Choice) -> Fate:
        """What is deleted in a repository."""
        if not fnmatchcase(home[2], choice.repository):
            return Fate(set(), set())
        chosen = self._chosen(home, choice)
        going = set(chosen)
        while choice.with_referrers:
            more = {
                link.member
                for link in self.links[home]
                if link.holder in going and not link.is_entry and self._may_follow(home, link.member, choice)
            }
            if more <= going:
                break
            going |= more
        staying = self.held[home] - going
        staying |= self.below(home, staying)
        deleted = going - staying
        return Fate(deleted, deleted - chosen)

    def freed(self, home: Home, deleted: set[str]) -> set[str]:
        """The blobs that a repository stores for deleted manifests, and that nothing which stays refers to."""
        kept = self.blobs_of(self.known[home] - deleted)
        return {
            blob
            for manifest in deleted & self.known[home]
            for blob in self.needs[manifest]
            if (manifest, blob) in self.stored and blob not in kept
        }

    def bytes_of(self, blobs: Iterable[str]) -> int:
        """Bytes of blobs that are stored, each once; unknown sizes are left out."""
        return sum(self.blobs[blob].size or 0 for blob in set(blobs) if self.blobs[blob].is_stored)

    def logical(self, manifests: Iterable[str]) -> int:
        return sum(self.bytes_of(self.needs[each]) for each in manifests)

    def own_bytes(self, manifest: str) -> int:
        """Bytes of a manifest's distinct blobs, foreign ones left out, as it gives their sizes where it first does."""
        layers = [row for row in self.estate.layers if row.manifest_digest == manifest and not row.repeated]
        configs = [row for row in self.estate.configs if row.manifest_digest == manifest and not row.is_layer]
        return sum(row.size or 0 for row in layers if row.distributable) + sum(row.size or 0 for row in configs)

    def blobs_of(self, manifests: Iterable[str]) -> set[str]:
        return set().union(*(self.needs[each] for each in manifests))

    def below(self, home: Home, holders: Iterable[str]) -> set[str]:
        """All that belongs to `holders`, directly or not."""
        found: set[str] = set()
        todo = set(holders)
        while todo:
            todo = {link.member for link in self.links[home] if link.holder in todo} - found
            found |= todo
        return found

    def roots(self, home: Home) -> set[str]:
        """Listed images with a tag of their own, or that belong to no other, and those in circles of their own."""
        return self._holding(home) | self._circles(home)

    def parts(self, home: Home, image: str) -> set[str]:
        """What one of the roots consists of."""
        return {image} if image in self._circles(home) else {image} | self.below(home, {image})

    def goes_alone(self, home: Home, image: str) -> set[str]:
        """What is deleted where only `image`, one of the roots, is."""
        if any(link.member == image and link.is_entry for link in self.links[home]) or image in self._circles(home):
            return set()
        others = (self._holding(home) - {image}) | (self.held[home] - set(self.rows[home]))
        return {image} | (self.below(home, {image}) - others - self.below(home, others) - {image})

    def _holding(self, home: Home) -> set[str]:
        members = {link.member for link in self.links[home]}
        return {each for each in self.rows[home] if self._own_tags(home, each) or each not in members}

    def _circles(self, home: Home) -> set[str]:
        """Listed images that belong to something, but to no image that stays by itself; no digests can be made so."""
        holding = self._holding(home)
        return set(self.rows[home]) - holding - self.below(home, holding)

    def orphans(self, home: Home) -> set[str]:
        tagged = {each for each, row in self.rows[home].items() if row.tags}
        needing = tagged | (self.held[home] - set(self.rows[home]))
        return set(self.rows[home]) - needing - self.below(home, needing)

    def external_pull(self, home: Home, image: str) -> datetime | None:
        """The pull time as listed, or the one of before our own fetch where it is that."""
        if self.is_own_pull(home, image):
            return _time(self.documents[image].pulled_before_fetch_at)
        return _time(self.rows[home][image].last_pulled_at)

    def is_own_pull(self, home: Home, image: str) -> bool:
        document, pulled_at = self.documents.get(image), _time(self.rows[home][image].last_pulled_at)
        if document is None or pulled_at is None or pulled_at == document.pulled_before_fetch_at:
            return False
        fetched_here = (document.registry_id, document.region, document.repository) == home
        return fetched_here and abs(pulled_at - document.fetched_at) <= timedelta(minutes=5)

    def last_used(self, home: Home, image: str) -> datetime:
        """The newest push or pull, also of all that is in an index with it."""
        family = {image}
        for index in {link.holder for link in self.links[home] if link.is_entry}:
            parts = {index} | self._entries_below(home, index)
            if image in parts:
                family |= parts
        return max(self._used(home, each) for each in family if each in self.rows[home])

    def listed_at(self, home: Home) -> datetime | None:
        run_id = self._listing_run(home)
        return self.runs[run_id].started_at if run_id else None

    def _chosen(self, home: Home, choice: Choice) -> set[str]:
        scope = {
            each
            for each, row in self.rows[home].items()
            if not (choice.untagged and row.tags) and not self._keeps_tag(row, choice)
        }
        ranked = sorted(scope - {link.member for link in self.links[home]})
        ranked.sort(key=lambda each: self._age(_time(self.rows[home][each].pushed_at)))
        return {each for each in scope - set(ranked[: choice.keep_newest]) if self._is_old(home, each, choice)}

    def _is_old(self, home: Home, image: str, choice: Choice) -> bool:
        pushed_at = _time(self.rows[home][image].pushed_at)
        if choice.pushed_before and (pushed_at is None or pushed_at >= choice.pushed_before):
            return False
        return not choice.not_pulled_since or self.last_used(home, image) < choice.not_pulled_since

    def _may_follow(self, home: Home, image: str, choice: Choice) -> bool:
        row = self.rows[home].get(image)
        return row is not None and not self._keeps_tag(row, choice) and not self._own_tags(home, image)

    @staticmethod
    def _keeps_tag(row: ImageRow, choice: Choice) -> bool:
        return choice.keep_tags is not None and any(fnmatchcase(tag, choice.keep_tags) for tag in row.tags)

    @staticmethod
    def _age(pushed_at: datetime | None) -> tuple[bool, float]:
        """Sorts newest first; a push of unknown time counts as the newest."""
        return (False, 0) if pushed_at is None else (True, -pushed_at.timestamp())

    def _own_tags(self, home: Home, image: str) -> list[str]:
        return [tag for tag in self.rows[home][image].tags if not _REFERRING_TAG.fullmatch(tag)]

    def _rows(self, home: Home) -> dict[str, ImageRow]:
        run_id = self._listing_run(home)
        rows = [row for run in self.estate.runs for row in run.images]
        return {row.manifest_digest: row for row in rows if row.run_id == run_id and _home(row) == home}

    def _links(self, home: Home) -> set[Link]:
        held = self.held[home]
        links = {Link(holder, member, is_entry=True) for holder in held for member in self.children[holder]}
        for image, row in self.rows[home].items():
            document = self.documents.get(image)
            subjects = {row.subject_digest, document.subject_digest if document else None}
            found = [_REFERRING_TAG.fullmatch(tag) for tag in row.tags]
            if found and all(found):
                subjects |= {f"sha256:{match[1]}" for match in found if match}
            links |= {Link(subject, image, is_entry=False) for subject in subjects if subject in held}
        return {link for link in links if link.holder != link.member}

    def _stored_mentions(self) -> set[tuple[str, str]]:
        layers = {(row.manifest_digest, row.layer_digest) for row in self.estate.layers if row.distributable}
        return layers | {(row.manifest_digest, row.config_digest) for row in self.estate.configs}

    def _used(self, home: Home, image: str) -> datetime:
        row = self.rows[home][image]
        pushed_at = _time(row.pushed_at) or self.runs[row.run_id].started_at
        return max(pushed_at, self.external_pull(home, image) or pushed_at)

    def _entries_below(self, home: Home, index: str) -> set[str]:
        found: set[str] = set()
        todo = {index}
        while todo:
            todo = {link.member for link in self.links[home] if link.holder in todo and link.is_entry} - found
            found |= todo
        return found


def _home(row: ImageRow) -> Home:
    return (row.registry_id, row.region, row.repository)


def _time(value: datetime | int | None) -> datetime | None:
    """Rows may hold times as numbers too; those of tests do not."""
    assert value is None or isinstance(value, datetime)
    return value

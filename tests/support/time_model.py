"""What the queries about time should answer, worked out slowly in plain Python from an estate's rows.

Written from the definitions: night after night, what each repository holds; sets and loops, no joins.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from fnmatch import fnmatchcase
from itertools import pairwise
from typing import NamedTuple

from support.estates import Estate, Run

from indexer.tables import ImageRow

Home = tuple[str, str, str]
Listing = dict[str, ImageRow]
"""The images of a repository by digest."""
State = dict[Home, Listing]


class Span(NamedTuple):
    """A tag that named one image without a break; runs by their place, `until` is None where it still does."""

    home: Home
    tag: str
    digest: str
    first: int
    last: int
    until: int | None
    ended: str | None
    pushed_at: datetime | None


class TimeModel:
    """The history of `estate`."""

    def __init__(self, estate: Estate) -> None:
        self.estate = estate
        self.runs = estate.runs
        self.known = {row.manifest_digest for row in estate.manifests if row.kind != "unknown"}
        self.states = [self.state(at) for at in range(len(self.runs))]

    def state(self, at: int) -> State:
        """What each repository holds at run number `at`."""
        found: State = {}
        for run in self.runs[: at + 1]:
            for row in run.repositories:
                home = (row.registry_id, row.region, row.repository)
                if row.status == "deleted":
                    found.pop(home, None)
                elif row.status == "listed":
                    found[home] = {image.manifest_digest: image for image in run.images if _home(image) == home}
        return found

    def points(self, *, per_day: bool) -> list[int]:
        """The runs to show."""
        if not per_day:
            return list(range(len(self.runs)))
        days: dict[date, int] = {run.started_at.date(): at for at, run in enumerate(self.runs)}
        return sorted(days.values())

    def growth(
        self, glob: str = "*", *, per_day: bool = False, by_repository: bool = False
    ) -> list[tuple[object, ...]]:
        """Rows of growth: run, home, repositories, images, logical, unique, change, unknown images, unknown sizes."""
        points = self.points(per_day=per_day)
        matching = [
            {home: found for home, found in self.states[at].items() if fnmatchcase(home[2], glob)} for at in points
        ]
        if not any(fnmatchcase(home[2], glob) for state in map(self.state, range(len(self.runs))) for home in state):
            return []
        counted = {m for state in matching for found in state.values() for m in self.held(found)}
        sizes = self.sizes(counted)
        shown: list[tuple[object, ...]] = []
        last: dict[Home | None, int] = {}
        for at, state in zip(points, matching, strict=True):
            groups: dict[Home | None, State] = (
                {home: {home: state[home]} for home in state} if by_repository else {None: state}
            )
            for home, part in groups.items():
                figures = self._figures(part, sizes, by_repository=by_repository)
                change = None if home not in last else figures[3] - last[home]
                last[home] = figures[3]
                shown.append((self.runs[at].run_id, home, *figures[:4], change, *figures[4:]))
        return shown

    def difference(self, before: int, after: int, glob: str = "*") -> dict[Home | None, tuple[object, ...]]:
        """Rows of added-and-removed by home (None: all together), without the last three columns."""
        old, new = (
            {home: found for home, found in self.states[at].items() if fnmatchcase(home[2], glob)}
            for at in (before, after)
        )
        if not old and not new:
            return {}
        homes = sorted({*old, *new})
        sizes = self.sizes({m for state in (old, new) for found in state.values() for m in self.held(found)})
        changed: dict[Home | None, tuple[object, ...]] = {}
        totals = [0, 0, 0, 0]
        for home in homes:
            there, here = old.get(home, {}), new.get(home, {})
            change = "appeared" if home not in old else "gone" if home not in new else None
            images = _counts(set(here) - set(there), set(there) - set(here), set(here) ^ set(there), self.known)
            moved = sum(_tags(there)[tag] != _tags(here)[tag] for tag in _tags(there).keys() & _tags(here).keys())
            totals = [a + b for a, b in zip(totals, (*images, moved), strict=True)]
            if change or set(there) != set(here) or moved:
                blobs = self._blob_changes(self.blobs(self.held(there)), self.blobs(self.held(here)), sizes)
                changed[home] = (change, images[0], images[1], moved, *blobs[:4], images[2], blobs[4])
        added = [0] * 5
        for place in {home[:2] for home in homes}:
            there_all, here_all = (
                {blob for home, found in state.items() if home[:2] == place for blob in self.blobs(self.held(found))}
                for state in (old, new)
            )
            added = [a + b for a, b in zip(added, self._blob_changes(there_all, here_all, sizes), strict=True)]
        changed[None] = (None, totals[0], totals[1], totals[3], *added[:4], totals[2], added[4])
        return changed

    def spans(self) -> list[Span]:
        """Every span of every tag."""
        found: list[Span] = []
        for home in sorted({home for state in self.states for home in state}):
            found += self._spans_of(home)
        return found

    def moves(self) -> dict[tuple[Home, str], tuple[int, int, int, str | None]]:
        """For each tag that moved: moves, different images, place of the run of the last move, current image."""
        tags: dict[tuple[Home, str], list[Span]] = defaultdict(list)
        for span in sorted(self.spans(), key=lambda span: span.first):
            tags[span.home, span.tag].append(span)
        found = {}
        for key, spans in tags.items():
            moves = [after.first for before, after in pairwise(spans) if before.digest != after.digest]
            if moves:
                now = spans[-1].digest if spans[-1].until is None else None
                found[key] = (len(moves), len({span.digest for span in spans}), moves[-1], now)
        return found

    def listings(self, home: Home) -> list[int]:
        """The runs that listed `home` whole."""
        return [
            at
            for at, run in enumerate(self.runs)
            for row in run.repositories
            if (row.registry_id, row.region, row.repository) == home and row.status == "listed"
        ]

    def pushes(self, days: int, *, by_repository: bool = False) -> dict[tuple[date, Home | None], tuple[int, ...]]:
        """Rows of push-rate: images, new blobs, new bytes, unknown images, unknown sizes."""
        first: dict[tuple[Home, str], datetime] = {}
        for image in (image for run in self.runs for image in run.images):
            # A failed or deleted repository has no images, so every row is of a listing.
            key, pushed_at = (_home(image), image.manifest_digest), _pushed_at(image)
            if pushed_at is not None:
                first[key] = min(first.get(key, pushed_at), pushed_at)
        arrivals: dict[tuple[Home | tuple[str, str], str], datetime] = {}
        for (home, digest), at in sorted(first.items(), key=lambda item: item[1]):
            for blob in sorted(self.blobs(self.held([digest]))):
                arrivals.setdefault((home if by_repository else home[:2], blob), at)
        sizes = self.sizes({m for _, digest in first for m in self.held([digest])})
        found: dict[tuple[date, Home | None], list[int]] = defaultdict(lambda: [0] * 5)
        for (home, digest), at in first.items():
            row = found[_period(at, days), home if by_repository else None]
            row[0] += 1
            row[3] += digest not in self.known
        for (scope, blob), at in arrivals.items():
            row = found[_period(at, days), (scope[0], scope[1], scope[2]) if len(scope) == 3 else None]
            if sizes[blob][1]:
                row[1] += 1
                row[2] += sizes[blob][0] or 0
                row[4] += sizes[blob][0] is None
        return {key: tuple(row) for key, row in found.items()}

    def held(self, images: Iterable[str]) -> set[str]:
        """The known manifests among `images` and all that is below them."""
        found: set[str] = set()
        todo = list(images)
        while todo:
            digest = todo.pop()
            if digest not in found:
                found.add(digest)
                todo += [row.manifest_digest for row in self.estate.entries if row.index_digest == digest]
        return found & self.known

    def blobs(self, manifests: Iterable[str]) -> set[str]:
        return {blob for manifest in manifests for blob in self.needs(manifest)}

    def needs(self, manifest: str) -> set[str]:
        layers = {row.layer_digest for row in self.estate.layers if row.manifest_digest == manifest}
        return layers | {row.config_digest for row in self.estate.configs if row.manifest_digest == manifest}

    def sizes(self, manifests: set[str]) -> dict[str, tuple[int | None, bool, bool]]:
        """Of each blob of `manifests`: the largest size claimed, whether it is stored, whether it is a layer."""
        claims: dict[str, list[tuple[int | None, bool, bool]]] = defaultdict(list)
        for layer in self.estate.layers:
            if layer.manifest_digest in manifests:
                claims[layer.layer_digest].append((layer.size, layer.distributable, True))
        for config in self.estate.configs:
            if config.manifest_digest in manifests:
                claims[config.config_digest].append((config.size, True, False))
        return {
            blob: (
                max((size for size, _, _ in found if size is not None), default=None),
                any(stored for _, stored, _ in found),
                any(layer for _, _, layer in found),
            )
            for blob, found in claims.items()
        }

    def _figures(
        self, state: State, sizes: dict[str, tuple[int | None, bool, bool]], *, by_repository: bool
    ) -> tuple[int, int, int, int, int, int]:
        scopes: dict[tuple[str, ...], set[str]] = defaultdict(set)
        for home, found in state.items():
            scopes[home if by_repository else home[:2]] |= self.held(found)
        logical = unique = unknown = 0
        for manifests in scopes.values():
            logical += sum(_bytes(self.needs(manifest), sizes) for manifest in manifests)
            unique += _bytes(self.blobs(manifests), sizes)
            unknown += sum(sizes[blob][1] and sizes[blob][0] is None for blob in self.blobs(manifests))
        images = [digest for found in state.values() for digest in found]
        return len(state), len(images), logical, unique, len([d for d in images if d not in self.known]), unknown

    @staticmethod
    def _blob_changes(
        old: set[str], new: set[str], sizes: dict[str, tuple[int | None, bool, bool]]
    ) -> tuple[int, int, int, int, int]:
        added, removed = new - old, old - new
        layers = [sum(sizes[blob][2] for blob in some) for some in (added, removed)]
        unknown = sum(sizes[blob][1] and sizes[blob][0] is None for blob in old ^ new)
        return layers[0], layers[1], _bytes(added, sizes), _bytes(removed, sizes), unknown

    def _spans_of(self, home: Home) -> list[Span]:
        """Walk the runs that say something about `home`; `open_` are the tags that the last of them saw."""
        found: list[Span] = []
        open_: dict[tuple[str, str], Span] = {}
        for at, run in enumerate(self.runs):
            status = _status(run, home)
            if status not in {"listed", "deleted"}:
                continue
            now = self.states[at].get(home, {})
            named = {(tag, digest): image for digest, image in now.items() for tag in image.tags}
            for key, span in list(open_.items()):
                if key not in named:
                    found.append(span._replace(until=at, ended=_ending(span, status, now)))
                    del open_[key]
            for (tag, digest), image in named.items():
                old = open_.get((tag, digest), Span(home, tag, digest, at, at, None, None, None))
                open_[tag, digest] = old._replace(last=at, pushed_at=_pushed_at(image) or old.pushed_at)
        return found + list(open_.values())


def _ending(span: Span, status: str, now: Listing) -> str:
    if status == "deleted":
        return "repository deleted"
    if any(span.tag in image.tags for image in now.values()):
        return "moved"
    return "tag removed" if span.digest in now else "image deleted"


def _status(run: Run, home: Home) -> str | None:
    return next((row.status for row in run.repositories if (row.registry_id, row.region, row.repository) == home), None)


def _home(image: ImageRow) -> Home:
    return image.registry_id, image.region, image.repository


def _pushed_at(image: ImageRow) -> datetime | None:
    return image.pushed_at if isinstance(image.pushed_at, datetime) else None


def _tags(listing: Listing) -> dict[str, str]:
    return {tag: digest for digest, image in listing.items() for tag in image.tags}


def _counts(added: set[str], removed: set[str], both: set[str], known: set[str]) -> Sequence[int]:
    return len(added), len(removed), len(both - known)


def _bytes(blobs: Iterable[str], sizes: dict[str, tuple[int | None, bool, bool]]) -> int:
    return sum(sizes[blob][0] or 0 for blob in blobs if sizes[blob][1])


def _period(at: datetime, days: int) -> date:
    monday = date(2000, 1, 3)
    return monday + timedelta(days=(at.date() - monday).days // days * days)

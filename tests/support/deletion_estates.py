"""Estates for the queries about deleting: with tags, subjects, push and pull times, and where each was fetched."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from hypothesis import strategies as st
from support.estates import ACCOUNT, DAY_ONE, OTHER_ACCOUNT, REGION, Blob, Estate, Run, answer, digest
from support.random_parts import ABSENT, archived, draw_documents, draw_images, draw_subjects, statuses

from indexer.catalog import Catalog

PLACES = [(ACCOUNT, REGION), (OTHER_ACCOUNT, REGION)]
# Many, as a query costs the same for one as for all of them, and each is a case of its own.
REPOSITORIES = ["app", "team/app", "team/sub/app", *(f"team/app-{number}" for number in range(5))]
BLOBS = ["a", "b", "c", "d", "e"]  # few, so that they repeat, are shared, and are claimed with two sizes
MANIFESTS = [f"m{number}" for number in range(6)]
INDEXES = ["x0", "x1", "x2"]
DIGESTS = [*MANIFESTS, *INDEXES, ABSENT]
SIZES = st.sampled_from([None, 0, 1, 10, 100, 5 * 2**30])
DAYS = st.none() | st.integers(-3, 5).map(lambda days: DAY_ONE + timedelta(days=days))
MINUTES = st.sampled_from([0, 1, 5, 6, 59, 61, 180])


def cosign_tag(name: str, suffix: str = ".sig") -> str:
    """The tag by which cosign finds what it attached to the manifest called `name`."""
    return f"sha256-{digest(name).removeprefix('sha256:')}{suffix}"


TAGS = ["latest", "v1", "v2", cosign_tag("m0"), cosign_tag("x0", ""), cosign_tag("m1", ".att")]


def set_image(run: Run, repository: str, name: str, **fields: Any) -> None:
    """Change columns of an image's row in `run`, in every place that has it."""
    run.images = [
        row._replace(**fields) if (row.repository, row.manifest_digest) == (repository, digest(name)) else row
        for row in run.images
    ]


def set_manifest(estate: Estate, name: str, **fields: Any) -> None:
    """Change columns of a manifest's row."""
    estate.manifests = [
        row._replace(**fields) if row.manifest_digest == digest(name) else row for row in estate.manifests
    ]


def fetched(estate: Estate, name: str, repository: str, at: datetime, pulled_before: datetime | None = None) -> None:
    """Say where and when a manifest was fetched, and when it had been pulled before that."""
    set_manifest(estate, name, repository=repository, fetched_at=at, pulled_before_fetch_at=pulled_before)


def deleted(catalog: Catalog, **choice: object) -> set[str]:
    """The names of the images that reclaimable-images lists, of tagged ones too unless `choice` says otherwise."""
    found = answer(catalog, "reclaimable-images", **{"untagged": False} | choice)
    return {_NAMES[row["manifest_digest"]] for row in found}


@st.composite
def estates(draw: st.DrawFn) -> Estate:
    """Random registries with all that makes deleting hard, over none to three runs."""
    estate = Estate()
    blobs: st.SearchStrategy[Blob] = st.tuples(st.sampled_from(BLOBS), SIZES)
    draw_documents(draw, estate, MANIFESTS, INDEXES, blobs)
    for row in estate.manifests:
        at = DAY_ONE + timedelta(days=draw(st.integers(1, 3)), minutes=draw(MINUTES))
        place, repository = draw(st.sampled_from(PLACES)), draw(st.sampled_from(REPOSITORIES))
        before = draw(st.sampled_from([None, at - timedelta(days=9), at - timedelta(minutes=5)]))
        changed = row._replace(
            registry_id=place[0],
            region=place[1],
            repository=repository,
            fetched_at=at,
            pulled_before_fetch_at=before,
        )
        estate.manifests[estate.manifests.index(row)] = changed
    for _ in range(draw(st.sampled_from([1, 2, 3, 3, 2, 0]))):
        _fill(draw, estate, estate.run(*PLACES))
    draw_subjects(draw, estate, DIGESTS)
    return estate


def _fill(draw: st.DrawFn, estate: Estate, run: Run) -> None:
    homes = st.tuples(st.sampled_from(PLACES), st.sampled_from(REPOSITORIES))
    for place, name in draw(st.lists(homes, unique=True, min_size=3, max_size=12)):
        status = draw(statuses())
        images = draw_images(draw, DIGESTS, status, 7)
        key = draw(st.sampled_from([None, None, "key"]))
        tagged = {image: draw(_TAG_LISTS) for image in images}
        cold = draw(archived(images))
        run.repository(name, tagged, place=place, status=status, kms_key=key, archived=cold)
    documents = {row.manifest_digest: row for row in estate.manifests}
    for number, row in enumerate(run.images):
        moments: list[datetime | None] = [None, run.started_at - timedelta(days=9)]
        if document := documents.get(row.manifest_digest):
            moments += [document.fetched_at + timedelta(minutes=minutes) for minutes in (-6, -5, 0, 5, 6)]
        run.images[number] = row._replace(
            pushed_at=draw(DAYS),
            last_pulled_at=draw(st.sampled_from(moments)),
        )


_TAG_LISTS: st.SearchStrategy[Sequence[str]] = st.lists(st.sampled_from(TAGS), max_size=2, unique=True)

_KNOWN_NAMES = "v1 v2 old amd arm lost-amd multi lost sig old-sig cosign tool a b c d e alone"
_NAMES = {digest(name): name for name in _KNOWN_NAMES.split()}

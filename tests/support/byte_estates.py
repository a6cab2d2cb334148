"""Estates for the queries about bytes: places, keys, and blobs that many manifests share."""

from __future__ import annotations

from hypothesis import strategies as st
from support.estates import ACCOUNT, OTHER_ACCOUNT, REGION, Blob, Estate, Run
from support.random_parts import (
    ABSENT,
    archived,
    draw_documents,
    draw_images,
    draw_media_types,
    draw_subjects,
    statuses,
)

PLACES = [(ACCOUNT, REGION), (ACCOUNT, "us-east-1"), (OTHER_ACCOUNT, REGION)]
REPOSITORIES = ["app", "team/app", "tools"]
BLOBS = ["a", "b", "c", "d", "e"]  # few, so that layers repeat, are configs too, and are claimed with two sizes
MANIFESTS = [f"m{number}" for number in range(8)]
INDEXES = ["x0", "x1", "x2"]
DIGESTS = [*MANIFESTS, *INDEXES, ABSENT]
SIZES = st.sampled_from([None, 0, 1, 10, 100, 5 * 2**30])


@st.composite
def estates(draw: st.DrawFn) -> Estate:
    estate = Estate()
    blobs: st.SearchStrategy[Blob] = st.tuples(st.sampled_from(BLOBS), SIZES)
    draw_documents(draw, estate, MANIFESTS, INDEXES, blobs)
    for _ in range(draw(st.sampled_from([1, 2, 3, 3, 2, 0]))):
        _fill(draw, estate.run(*PLACES))
    draw_subjects(draw, estate, DIGESTS)
    return estate


@st.composite
def typed_estates(draw: st.DrawFn) -> Estate:
    estate = draw(estates())
    draw_media_types(draw, estate)
    return estate


def _fill(draw: st.DrawFn, run: Run) -> None:
    homes = st.tuples(st.sampled_from(PLACES), st.sampled_from(REPOSITORIES))
    for place, name in draw(st.lists(homes, unique=True, min_size=3, max_size=6)):
        status = draw(statuses())
        images = draw_images(draw, [*DIGESTS, *INDEXES], status, 6)
        run.repository(
            name,
            dict.fromkeys(images, ()),
            place=place,
            status=status,
            kms_key=draw(st.sampled_from([None, None, "key"])),
            archived=draw(archived(images)),
        )

"""Estates for the queries about time: up to five runs, whose repositories and tags come and go."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import strategies as st
from support.estates import ACCOUNT, DAY_ONE, OTHER_ACCOUNT, REGION, Blob, Estate, Run
from support.random_parts import ABSENT, archived, draw_documents, draw_images, draw_subjects, statuses

PLACES = [(ACCOUNT, REGION), (OTHER_ACCOUNT, REGION)]
REPOSITORIES = ["app", "team/app"]
BLOBS = ["a", "b", "c", "d"]
MANIFESTS = ["m0", "m1", "m2", "m3", "m4"]
INDEXES = ["x0", "x1", "x2"]
DIGESTS = [*MANIFESTS, *INDEXES, ABSENT]
TAGS = ["latest", "1", "2"]
SIZES = st.sampled_from([None, 0, 1, 10, 5 * 2**30])


@st.composite
def histories(draw: st.DrawFn) -> Estate:
    estate = Estate()
    blobs: st.SearchStrategy[Blob] = st.tuples(st.sampled_from(BLOBS), SIZES)
    draw_documents(draw, estate, MANIFESTS, INDEXES, blobs)
    for number in range(draw(st.sampled_from([1, 2, 3, 4, 5, 0]))):
        run = estate.run(*PLACES)
        run.started_at = DAY_ONE + timedelta(hours=10 * number)
        _fill(draw, run)
    draw_subjects(draw, estate, DIGESTS)
    return estate


def _fill(draw: st.DrawFn, run: Run) -> None:
    homes = st.tuples(st.sampled_from(PLACES), st.sampled_from(REPOSITORIES))
    for place, name in draw(st.lists(homes, unique=True, min_size=1, max_size=4)):
        status = draw(statuses())
        images: dict[str, list[str]] = {}
        if status == "listed":
            images = {image: [] for image in draw_images(draw, DIGESTS, status, 5)}
            for tag in TAGS if images else []:
                named = draw(st.none() | st.sampled_from(sorted(images)))
                if named is not None:
                    images[named].append(tag)
        run.repository(name, images, place=place, status=status, archived=draw(archived(images)))
    hours = st.none() | st.integers(-60, 60)
    run.images = [
        row._replace(pushed_at=None if (at := draw(hours)) is None else DAY_ONE + timedelta(hours=at))
        for row in run.images
    ]

"""What the generators of random registries have in common: awkward manifests and indexes, subjects, archived images."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from hypothesis import strategies as st
from support.estates import Blob, Estate, digest

ABSENT = "absent"  # a digest that no generator makes a manifest of
KINDS = ["image", "image", "image", "schema1", "attestation", "artifact"]


def most_of(names: Sequence[str]) -> st.SearchStrategy[list[str]]:
    """Most of `names` in any order; few or none now and then."""
    return st.sampled_from([len(names) - 1, len(names) - 1, len(names) - 2, 0]).flatmap(
        lambda least: st.lists(st.sampled_from(names), unique=True, min_size=least)
    )


def draw_image(
    draw: st.DrawFn,
    estate: Estate,
    name: str,
    layers: st.SearchStrategy[Blob],
    configs: st.SearchStrategy[Blob],
) -> None:
    """Add a manifest of a random kind, one of whose layers may be foreign, or one that cannot be read."""
    if draw(st.integers(0, 11)) == 0:
        estate.unreadable(name)
        return
    kind = draw(st.sampled_from(KINDS))
    stack = draw(st.lists(layers, min_size=2, max_size=4) | st.lists(layers, max_size=4))
    config = draw(st.none() | configs)
    if kind == "schema1":  # it gives no sizes and has no config
        stack, config = [(layer, None) for layer, _ in stack], None
    names = sorted({layer for layer, _ in stack})
    foreign = draw(st.sets(st.sampled_from(names), max_size=1)) if names else set()
    estate.image(name, stack, config, kind=kind, foreign=foreign)


def draw_documents(
    draw: st.DrawFn,
    estate: Estate,
    manifests: Sequence[str],
    indexes: Sequence[str],
    blobs: st.SearchStrategy[Blob],
) -> None:
    """Add most of `manifests` and `indexes`; some entries of the indexes are attestations."""
    for name in draw(most_of(manifests)):
        draw_image(draw, estate, name, blobs, blobs)
    for name in draw(most_of(indexes)):
        estate.index(name, draw(children([*manifests, *indexes, ABSENT], indexes)))
    estate.entries = [row._replace(is_attestation=draw(st.integers(0, 4)) == 0) for row in estate.entries]


def children(digests: Sequence[str], indexes: Sequence[str]) -> st.SearchStrategy[list[str]]:
    """What an index lists: at times an index, itself, or what is nowhere."""
    any_ = st.sampled_from([*digests, *indexes, *indexes, ABSENT])
    return st.lists(any_, min_size=2, max_size=4, unique=True) | st.lists(any_, max_size=1)


def subjects(digests: Sequence[str]) -> st.SearchStrategy[str | None]:
    """The digest of what a manifest is about; mostly none."""
    return st.sampled_from([None, None, None]) | st.sampled_from(digests).map(digest)


def draw_subjects(draw: st.DrawFn, estate: Estate, digests: Sequence[str]) -> None:
    """Let manifests, and images as they are listed, refer to others; the two need not agree."""
    about = subjects(digests)
    estate.manifests = [row._replace(subject_digest=draw(about)) for row in estate.manifests]
    for run in estate.runs:
        run.images = [row._replace(subject_digest=draw(about)) for row in run.images]


def draw_media_types(draw: st.DrawFn, estate: Estate) -> None:
    """Let each document and each mention of a blob have a media type of its own; those of one blob need not agree."""
    types = st.sampled_from(["type/one", "type/two", None])
    estate.manifests = [
        row._replace(media_type=draw(types), artifact_type=draw(types), manifest_bytes=draw(st.integers(0, 2)))
        for row in estate.manifests
    ]
    estate.layers = [row._replace(media_type=draw(types)) for row in estate.layers]
    estate.configs = [row._replace(media_type=draw(types)) for row in estate.configs]


def statuses() -> st.SearchStrategy[str]:
    """How a run found a repository."""
    return st.sampled_from(["listed", "listed", "listed", "listed", "failed", "failed", "deleted"])


def archived(images: Collection[str]) -> st.SearchStrategy[set[str]]:
    """Which of the images of a repository are archived; they may have been fetched before."""
    return st.sets(st.sampled_from(sorted(images)), max_size=2) if images else st.just(set())


def draw_images(draw: st.DrawFn, digests: Sequence[str], status: str, most: int) -> list[str]:
    """The images of a repository: none where it could not be listed, or is gone."""
    if status != "listed":
        return []
    least = draw(st.sampled_from([most - 2, most - 2, most - 2, 0]))
    return sorted(draw(st.sets(st.sampled_from(digests), min_size=least, max_size=most)))

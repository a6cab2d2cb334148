"""Estates for the queries about lineage and attachments: platforms, subjects, cosign's tags, attestations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hypothesis import strategies as st
from support.estates import ACCOUNT, OTHER_ACCOUNT, REGION, Blob, Estate, Run, digest
from support.random_parts import (
    ABSENT,
    archived,
    children,
    draw_image,
    draw_images,
    most_of,
    statuses,
    subjects,
)

PLACES = [(ACCOUNT, REGION), (OTHER_ACCOUNT, REGION)]
REPOSITORIES = ["app", "base", "team/app"]
EMPTY = "sha256:a3ed95caeb02ffe68cdd9fd84406680ae93d633cb16422d00e8a7c22955b46d4"
LAYERS = ["a", "b", "c", "empty"]  # few, so that lists often begin with one another
MANIFESTS = [f"m{number}" for number in range(8)]
INDEXES = ["x0", "x1", "x2"]
DIGESTS = [*MANIFESTS, *INDEXES, ABSENT]
AMD64, ARM64, ARM = ("linux", "amd64"), ("linux", "arm64"), ("linux", "arm")
PLATFORMS: list[Sequence[str]] = [AMD64, ARM64, ("linux", "arm64", "v8"), ARM, (), ("unknown", "unknown")]
SPDX, SLSA = "https://spdx.dev/Document", "https://slsa.dev/provenance/v1"
BUNDLE = "application/vnd.dev.sigstore.bundle.v0.3+json"
TYPES = [None, "application/spdx+json", "application/vnd.cncf.notary.signature", BUNDLE, "application/x-other"]
PREDICATES = [None, None, SPDX, SLSA, "https://sigstore.dev/cosign/sign/v1"]


def cosign_tag(name: str, suffix: str = ".sig") -> str:
    """The tag by which cosign finds what it attached to the manifest called `name`."""
    return f"sha256-{digest(name).removeprefix('sha256:')}{suffix}"


TAGS = ["latest", "1", "2", cosign_tag("m0"), cosign_tag("x0", ".att"), cosign_tag("m1", ".sbom")]


class LineageEstate(Estate):
    """A store in the making, whose layers called `empty` are the empty layer, and whose entries have platforms."""

    def image(self, name: str, layers: Sequence[Blob] = (), config: Blob | None = None, **more: Any) -> None:
        super().image(name, layers, config, **more)
        self.layers = [
            row._replace(layer_digest=EMPTY) if row.layer_digest == digest("empty") else row for row in self.layers
        ]
        if config is not None:
            self.describe(name, config_digest=digest(config[0]), config_size=config[1])

    def stack(self, name: str, layers: str, **more: Any) -> None:
        """An image with layers of 10 bytes each, called by the words of `layers`."""
        self.image(name, [(layer, 10) for layer in layers.split()], **more)

    def platforms(self, name: str, entries: Mapping[str, Sequence[str]]) -> None:
        """An index of children with their platforms: os, architecture and variant, as far as given."""
        self.index(name, list(entries))
        for position, platform in enumerate(entries.values()):
            os, architecture, variant = [*platform, None, None, None][:3]
            self._entry(digest(name), position, os=os, architecture=architecture, variant=variant)

    def attested(self, index: str, attestation: str, about: str) -> None:
        """Make the entry `attestation` of `index` an attestation about the manifest `about`, as BuildKit writes it."""
        for row in self.entries:
            if (row.index_digest, row.manifest_digest) == (digest(index), digest(attestation)):
                note = {"vnd.docker.reference.type": "attestation-manifest"}
                note["vnd.docker.reference.digest"] = digest(about)
                values = {"os": "unknown", "architecture": "unknown", "variant": None}
                self._entry(row.index_digest, row.position, is_attestation=True, annotations=note, **values)

    def describe(self, name: str, **fields: Any) -> None:
        """Change columns of a manifest's row."""
        self.manifests = [
            row._replace(**fields) if row.manifest_digest == digest(name) else row for row in self.manifests
        ]

    def predicate(self, name: str, predicate: str, key: str = "in-toto.io/predicate-type") -> None:
        """Annotate the layers of a manifest with what they say."""
        self.layers = [
            row._replace(annotations={key: predicate}) if row.manifest_digest == digest(name) else row
            for row in self.layers
        ]

    def _entry(self, index: str, position: int, **fields: Any) -> None:
        self.entries = [
            row._replace(**fields) if (row.index_digest, row.position) == (index, position) else row
            for row in self.entries
        ]


def listed_as(run: Run, name: str, **fields: Any) -> None:
    """Change columns of an image's row in `run`, wherever it is listed."""
    run.images = [row._replace(**fields) if row.manifest_digest == digest(name) else row for row in run.images]


@st.composite
def estates(draw: st.DrawFn) -> LineageEstate:
    """Random registries, over none to three runs, whose images often begin with the layers of others."""
    estate = LineageEstate()
    layers = st.tuples(st.sampled_from(LAYERS), st.sampled_from([None, 0, 1, 10, 100]))
    configs = st.tuples(st.sampled_from(["c", "d", "a"]), st.sampled_from([None, 72, 500]))
    for name in draw(most_of(MANIFESTS)):
        draw_image(draw, estate, name, layers, configs)
        _describe(draw, estate, name)
    for name in draw(most_of(INDEXES)):
        listed = draw(children(DIGESTS, INDEXES))
        estate.platforms(name, {child: draw(st.sampled_from(PLATFORMS)) for child in listed})
        if draw(st.booleans()) and listed:
            estate.attested(name, draw(st.sampled_from(listed)), draw(st.sampled_from(DIGESTS)))
    for _ in range(draw(st.sampled_from([1, 2, 3, 3, 2, 0]))):
        _fill(draw, estate.run(*PLACES))
    return estate


def _describe(draw: st.DrawFn, estate: LineageEstate, name: str) -> None:
    subject = draw(subjects(DIGESTS))
    artifact_type = draw(st.sampled_from(TYPES))
    note = draw(st.sampled_from(PREDICATES))
    annotations = None if note is None else {"dev.sigstore.bundle.predicateType": note}
    estate.describe(name, subject_digest=subject, artifact_type=artifact_type, annotations=annotations)
    if predicate := draw(st.sampled_from(PREDICATES)):
        estate.predicate(name, predicate, draw(st.sampled_from(["in-toto.io/predicate-type", "predicateType"])))


def _fill(draw: st.DrawFn, run: Run) -> None:
    homes = st.tuples(st.sampled_from(PLACES), st.sampled_from(REPOSITORIES))
    for place, name in draw(st.lists(homes, unique=True, min_size=3, max_size=5)):
        status = draw(statuses())
        images = draw_images(draw, DIGESTS, status, 6)
        tagged: dict[str, list[str]] = {image: [] for image in images}
        for tag in draw(st.sets(st.sampled_from(TAGS))) if tagged else ():  # a tag names one image of its repository
            tagged[draw(st.sampled_from(sorted(tagged)))].append(tag)
        run.repository(name, tagged, place=place, status=status, archived=draw(archived(images)))
    for number, row in enumerate(run.images):
        if draw(st.integers(0, 5)) == 0:
            subject, artifact_type = digest(draw(st.sampled_from(DIGESTS))), draw(st.sampled_from(TYPES))
            run.images[number] = row._replace(subject_digest=subject, artifact_type=artifact_type)

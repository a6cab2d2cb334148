"""A large store for benchmarks: documents are generated, flattened and written by the project's own code.

What it looks like: repositories of CI builds. An image stands on one of sixty stacks, which are rebuilt now and then;
above come dependencies, which change every few pushes, and the application's own layers, which change with each. So
neighbours share most of their layers. Some repositories hold indexes of two platforms with attestations, some are
promoted copies of others, some sign their images; the stacks have repositories of their own. Each night pushes a few
images and deletes the oldest ones of some repositories; the last night has the number of images asked for, or a few
more. Documents are made in the first night, and held until the night that pushes them.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import NamedTuple

from indexer.flatten import Source, flatten
from indexer.store import Store, Writer
from indexer.tables import ImageRow, RepositoryRow, RunRow, TargetName

PLACES = (("123456789012", "eu-west-1"), ("210987654321", "us-east-1"))
FIRST_NIGHT = datetime(2026, 1, 12, 2, tzinfo=UTC)
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
IN_TOTO = "application/vnd.in-toto+json"
EMPTY = ("sha256:4f4fb700ef54461cfa02571ae0db9a0dc1e0cdb5577484a6d75e68dc38e8acc1", 32)
STACKS, VERSIONS, NEW_EVERY_NIGHT = 60, 24, 0.01
COPY_EVERY, TAGGED, NEW_DEPENDENCIES = 10, 0.7, 0.12

Blob = tuple[str, int]
Shelf = Sequence[Sequence[Sequence[Blob]]]
"""Stacks, of each its versions, of each the layers."""


class Pushed(NamedTuple):
    """One image of a repository: `raw` is its document."""

    digest: str
    raw: bytes
    media_type: str
    size: int
    tags: list[str]
    subject: str | None = None


def build(folder: Path, images: int, nights: int) -> None:
    """Make the store in `folder`, which is absent or empty."""
    store = Store.create_or_open(folder)
    shelf, held = _shelf(), dict[int, list[Pushed]]()
    counts = _counts(images)
    for night in range(nights):
        at = FIRST_NIGHT + timedelta(days=night)
        with store.writer(now=lambda at=at: at, version="benchmark") as writer:  # type: ignore[misc] # bound at once
            _night(
                writer,
                ((number, _held_pushes(held, shelf, number, count)) for number, count in enumerate(counts)),
                night,
                max(nights, 10),
            )
        print(f"night {night + 1} of {nights} written", file=sys.stderr)


def _held_pushes(held: dict[int, list[Pushed]], shelf: Shelf, number: int, count: int) -> list[Pushed]:
    if number not in held:
        held[number] = list(_pushes(shelf, number, count))
    return held[number]


def _night(writer: Writer, repositories: Iterable[tuple[int, list[Pushed]]], night: int, nights: int) -> None:
    seen = added = listed = 0
    for number, pushes in repositories:
        place, name = PLACES[number % 7 == 0], _name(number)
        first, last, new = _held(number, len(pushes), night, nights)
        source = Source(*place, name, writer.started_at)
        for order in range(new, last):
            added += writer.add(flatten(pushes[order].digest, pushes[order].raw, source), order)
            pushes[order] = pushes[order]._replace(raw=b"")  # never asked for again
        writer.add_images(
            _image(writer.run_id, place, name, pushes[order], order, len(pushes)) for order in range(first, last)
        )
        row = RepositoryRow(writer.run_id, *place, name, None, FIRST_NIGHT, "MUTABLE", "AES256", None, "listed", None)
        writer.add_repository(row)
        seen += last - first
        listed += 1
    end = writer.started_at + timedelta(minutes=10)
    targets = [TargetName(*place) for place in PLACES]
    writer.commit_run(
        RunRow(writer.run_id, writer.started_at, end, True, "0.1.0", targets, listed, seen, 1, added, 0, 1)
    )


def _held(number: int, pushes: int, night: int, nights: int) -> tuple[int, int, int]:
    """Return the first and the last push that the repository holds that night, and the first that is new."""
    step = max(1, int(pushes * NEW_EVERY_NIGHT)) if number % 3 == 0 else 0
    start = max(0, pushes - nights * step)
    last = min(pushes, start + step * (night + 1)) if step else pushes
    new = 0 if night == 0 else min(pushes, start + step * night) if step else pushes
    return (step * night if number % 6 == 0 else 0), last, new


def _image(  # noqa: PLR0913, PLR0917 - what a row is made of
    run_id: str, place: tuple[str, str], name: str, pushed: Pushed, order: int, count: int
) -> ImageRow:
    at = FIRST_NIGHT - timedelta(days=400 * (count - order) / count)
    pulled = at + timedelta(days=1) if order % 3 else None
    return ImageRow(
        run_id, *place, name, pushed.digest, pushed.tags, pushed.media_type, None, pushed.size, at, pulled, "ACTIVE",
        pushed.subject,
    )  # fmt: skip


def _name(number: int) -> str:
    return f"base/stack-{number:02}" if number < STACKS else f"team-{number % 40:02}/service-{number:05}"


def _counts(images: int) -> list[int]:
    """Return how many images each repository has been pushed, a few of them very many; `images` together, or nearly."""
    random = Random(images)  # noqa: S311 - no secret
    repositories = max(20, images // 500)
    weights = [min(random.paretovariate(1.16), 200) for _ in range(repositories)]
    # a copy has a quarter of what its neighbour before it has
    weights = [weights[at - 1] / 4 if _is_copy(STACKS + at) else weight for at, weight in enumerate(weights)]
    share = (images - STACKS * VERSIONS) / sum(weights)
    return [VERSIONS] * STACKS + [max(4, round(weight * share)) for weight in weights]


def _is_copy(number: int) -> bool:
    return number % COPY_EVERY == COPY_EVERY - 1


def _pushes(shelf: Shelf, number: int, count: int) -> Iterator[Pushed]:
    """Yield what is pushed to a repository in the course of time, the same each time it is asked."""
    if number < STACKS:
        yield from _stack_pushes(shelf, number)
        return
    copied = _is_copy(number)
    count, number = (count * 4, number - 1) if copied else (count, number)
    random = Random(number)  # noqa: S311 - as above
    if number % 12 == 0:
        every = _platform_pushes(random, shelf, count // 5 + 1)
    else:
        signed = number % 25 == 0
        every = _plain_pushes(random, shelf, count * 2 // 3 if signed else count, signed=signed)
    if copied:  # what was promoted: every fourth, with its own tag
        every = (one._replace(tags=["prod"] if not at else []) for at, one in enumerate(every) if at % 4 == 0)
    yield from every


def _stack_pushes(shelf: Shelf, number: int) -> Iterator[Pushed]:
    random = Random(number)  # noqa: S311 - as above
    for version, layers in enumerate(shelf[number]):
        tags = [f"{version}", *(["latest"] if version == VERSIONS - 1 else [])]
        yield _manifest(random, layers, tags)


def _plain_pushes(random: Random, shelf: Shelf, count: int, *, signed: bool) -> Iterator[Pushed]:
    stack, dependencies = random.choice(shelf), _layers(random, 3, 40e6)
    for at in range(count):
        if random.random() < NEW_DEPENDENCIES:
            keep = random.randrange(3)
            dependencies = dependencies[:keep] + _layers(random, 3 - keep, 40e6)
        base = stack[at * VERSIONS // count]
        own = _layers(random, random.choice((1, 2, 3, 3, 4)), 6e6)
        empty = [EMPTY] * random.choice((0, 0, 1, 3))
        tags = [f"1.{at}"] if random.random() < TAGGED else []
        image = _manifest(random, [*base, *dependencies, *empty, *own], tags + ["latest"] * (at == count - 1))
        yield image
        if signed and at % 2:
            yield _signature(random, image)


def _platform_pushes(random: Random, shelf: Shelf, count: int) -> Iterator[Pushed]:
    stacks = random.choice(shelf), random.choice(shelf)
    dependencies = [_layers(random, 3, 40e6) for _ in stacks]
    for at in range(count):
        entries = []
        for number, (stack, architecture) in enumerate(zip(stacks, ("amd64", "arm64"), strict=True)):
            if random.random() < NEW_DEPENDENCIES:
                dependencies[number] = _layers(random, 3, 40e6)
            base = stack[at * VERSIONS // count]
            image = _manifest(random, [*base, *dependencies[number], *_layers(random, 3, 6e6)], [])
            proof = _manifest(random, _layers(random, 2, 20e3), [], IN_TOTO)
            entries += [_entry(image, "linux", architecture), _entry(proof, "unknown", "unknown", image)]
            yield image
            yield proof
        yield _document(
            f'{{"schemaVersion":2,"mediaType":"{INDEX}","manifests":[{",".join(entries)}]}}',
            INDEX,
            0,
            [f"1.{at}", *(["latest"] if at == count - 1 else [])],
        )


def _entry(pushed: Pushed, system: str, architecture: str, subject: Pushed | None = None) -> str:
    about = (
        f',"annotations":{{"vnd.docker.reference.digest":"{subject.digest}",'
        '"vnd.docker.reference.type":"attestation-manifest"}'
        if subject
        else ""
    )
    return (
        f'{{"mediaType":"{MANIFEST}","digest":"{pushed.digest}","size":{len(pushed.raw)}{about},'
        f'"platform":{{"os":"{system}","architecture":"{architecture}"}}}}'
    )


def _signature(random: Random, image: Pushed) -> Pushed:
    kind = "application/vnd.dev.cosign.simplesigning.v1+json"
    (digest, _), *_ = _layers(random, 1, 300)
    text = (
        f'{{"schemaVersion":2,"mediaType":"{MANIFEST}","artifactType":"{kind}",'
        '"config":{"mediaType":"application/vnd.oci.empty.v1+json","digest":'
        '"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a","size":2},'
        f'"layers":[{{"mediaType":"{kind}","digest":"{digest}","size":241}}],'
        f'"subject":{{"mediaType":"{MANIFEST}","digest":"{image.digest}","size":{len(image.raw)}}}}}'
    )
    return _document(text, MANIFEST, 241, [])._replace(subject=image.digest)


def _manifest(random: Random, layers: Sequence[Blob], tags: list[str], layer_type: str = LAYER) -> Pushed:
    (config, size), *_ = _layers(random, 1, 9e3)
    listed = ",".join(f'{{"mediaType":"{layer_type}","digest":"{blob}","size":{size}}}' for blob, size in layers)
    text = (
        f'{{"schemaVersion":2,"mediaType":"{MANIFEST}","config":{{"mediaType":"{CONFIG}","digest":"{config}",'
        f'"size":{size}}},"layers":[{listed}]}}'
    )
    return _document(text, MANIFEST, sum(size for _, size in layers), tags)


def _document(text: str, media_type: str, size: int, tags: list[str]) -> Pushed:
    raw = text.encode()
    return Pushed("sha256:" + hashlib.sha256(raw).hexdigest(), raw, media_type, size, tags)


def _layers(random: Random, count: int, typical: float) -> list[Blob]:
    return [
        (f"sha256:{random.getrandbits(256):064x}", int(typical * random.lognormvariate(0, 1)) + 100)
        for _ in range(count)
    ]


def _shelf() -> list[list[list[Blob]]]:
    """Return the stacks: of each its versions, oldest first, of each the layers; a rebuild keeps some or none."""
    shelf = []
    for number in range(STACKS):
        random = Random(f"stack {number}")  # noqa: S311 - as above
        layers = _layers(random, random.randrange(3, 8), 30e6)
        versions = []
        for _ in range(VERSIONS):
            keep = random.choice((0, 0, 1, 2, len(layers) - 1))
            layers = layers[:keep] + _layers(random, len(layers) - keep, 30e6)
            versions.append(layers)
        shelf.append(versions)
    return shelf

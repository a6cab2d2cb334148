"""The estate as others see it: through the server with boto3, and flattened by the program it was made for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from support.estate_reading import document, played

from indexer.flatten import Source, digest_matches, flatten
from indexer.local_ecr import Registry, Server
from indexer.local_ecr.estate import Estate
from indexer.model import ACCEPTED_MEDIA_TYPES, Digest, Kind

if TYPE_CHECKING:
    from types_boto3_ecr import ECRClient

SOURCE = Source("123456789012", "eu-west-1", "team/app", datetime(2026, 1, 12, tzinfo=UTC))
TAGS_THAT_MATTER = 3


def client(server: Server, region: str = "eu-west-1") -> ECRClient:
    return boto3.client(
        "ecr",
        region_name=region,
        endpoint_url=server.url,
        aws_access_key_id="AKIDLOCAL",
        aws_secret_access_key="secret",
    )


def described(ecr: ECRClient) -> dict[tuple[str, str], Any]:
    """Everything that a walk over a region finds, by repository and digest."""
    found: dict[tuple[str, str], Any] = {}
    for page in ecr.get_paginator("describe_repositories").paginate():
        for repository in page["repositories"]:
            name = repository["repositoryName"]
            pages = ecr.get_paginator("describe_images").paginate(repositoryName=name, filter={"imageStatus": "ANY"})
            found |= {(name, detail["imageDigest"]): detail for images in pages for detail in images["imageDetails"]}
    return found


@pytest.fixture(scope="module")
def walked() -> Iterator[list[tuple[int, int, dict[Any, Any]]]]:
    """Night by night: the number pushed, the number deleted, and what a walk over both regions finds."""
    estate = Estate(seed=7, scale=0.1, nights=4)
    with Server(estate.registries()) as server:
        with closing(client(server)) as main, closing(client(server, "us-east-1")) as second:
            found = []
            for night in estate.play():
                everything = {("main", *key): value for key, value in described(main).items()}
                everything |= {("second", *key): value for key, value in described(second).items()}
                found.append((night.summary.pushed, night.summary.deleted, everything))
        yield found
        assert server.problems == []


def test_a_walk_finds_what_the_nights_say(walked: list[tuple[int, int, dict[Any, Any]]]) -> None:
    before: dict[Any, Any] = {}
    for pushed, deleted, after in walked:
        assert len(after.keys() - before.keys()) == pushed
        assert len(before.keys() - after.keys()) == deleted
        before = after


def test_a_walk_sees_sizes_types_and_states(walked: list[tuple[int, int, dict[Any, Any]]]) -> None:
    details = walked[-1][2].values()
    sizes = [detail.get("imageSizeInBytes") for detail in details]
    assert max(size for size in sizes if size is not None) > 2**32
    # Schema 1 says no sizes; everything else does, indexes by their largest child.
    assert [detail["repositoryName"] for detail in details if not detail.get("imageSizeInBytes")] == ["legacy/intranet"]
    assert {detail["imageStatus"] for detail in details} == {"ACTIVE", "ARCHIVED"}
    assert len({detail["imageManifestMediaType"] for detail in details}) == 5
    assert any(len(detail.get("imageTags", [])) > TAGS_THAT_MATTER for detail in details)
    assert any("subjectManifestDigest" in detail for detail in details)


def test_all_but_the_archived_can_be_fetched() -> None:
    estate = Estate(seed=7, scale=0.1, nights=1)
    (night,) = estate.play()
    home = estate.registries()[0].repositories["legacy/reports"]
    with Server(estate.registries()) as server, closing(client(server)) as ecr:
        answer = ecr.batch_get_image(
            repositoryName="legacy/reports",
            imageIds=[{"imageDigest": digest} for digest in home.images],
            acceptedMediaTypes=list(ACCEPTED_MEDIA_TYPES),
        )
    archived = {digest for digest, image in home.images.items() if image.status == "ARCHIVED"}
    assert {failure["imageId"]["imageDigest"] for failure in answer["failures"]} == archived
    assert {failure["failureCode"] for failure in answer["failures"]} == {"ImageInaccessible"}
    got = {image["imageId"]["imageDigest"]: image["imageManifest"].encode() for image in answer["images"]}
    assert got == {digest: image.manifest for digest, image in home.images.items() if digest not in archived}
    # The fetch counts as a pull at the time of the night, as the clock shows it.
    assert {home.images[digest].pulled_at for digest in got} == {night.at}


@pytest.mark.parametrize(
    "repository",
    ["payments/api", "edge/gateway", "legacy/intranet", "legacy/windows-agent", "charts/shop", "prod/checkout/api"],
)
def test_ecr_would_have_taken_every_push(repository: str) -> None:
    """Pushed anew through the API, in the estate's order, under ECR's rules: children first, digests true."""
    images = played(scale=0.1).images(repository)
    target = Registry()
    target.create_repository(repository)
    with Server([target]) as server, closing(client(server)) as ecr:
        for image in images:
            ecr.put_image(
                repositoryName=repository,
                imageManifest=image.text,
                imageDigest=image.digest,
                imageTag=f"n{image.sequence}",
            )
    pushed = target.repositories[repository].images
    assert list(pushed) == [image.digest for image in images]
    guessed = [pushed[image.digest].media_type for image in images if "mediaType" in document(image)]
    assert guessed == [image.media_type for image in images if "mediaType" in document(image)]


def test_every_document_is_flattened_whole() -> None:
    kinds: Counter[str] = Counter()
    for _, _, image in played().everything():
        assert digest_matches(Digest.parse(image.digest), image.manifest)
        row = flatten(image.digest, image.manifest, SOURCE).manifest
        assert row.problem is None
        assert row.media_type == image.media_type
        kinds[row.kind] += 1
    assert set(kinds) == {Kind.IMAGE, Kind.INDEX, Kind.ATTESTATION, Kind.ARTIFACT, Kind.SCHEMA1}
    assert kinds[Kind.SCHEMA1] == 1
    assert min(kinds[Kind.IMAGE], kinds[Kind.INDEX], kinds[Kind.ATTESTATION]) > 300
    assert kinds[Kind.ARTIFACT] > 80


def test_flattened_windows_layers_are_known_not_to_be_stored() -> None:
    for image in played().images("legacy/windows-agent"):
        layers = flatten(image.digest, image.manifest, SOURCE).layers
        assert [layer.distributable for layer in layers] in ([], [False, False, True, True, True])

"""Every sort of thing that the estate promises is really in it, at the demo's size and at that of a test."""

from __future__ import annotations

import base64
import itertools
import json
import re
from typing import Any

import pytest
from support.estate_reading import Played, children, document, file_layers, played

from indexer.local_ecr import Image

ATTESTATION = "attestation-manifest"
SCHEMA1_EMPTY = "sha256:a3ed95caeb02ffe68cdd9fd84406680ae93d633cb16422d00e8a7c22955b46d4"


@pytest.fixture(params=[0.1, 1.0], ids=["small", "demo"])
def estate(request: pytest.FixtureRequest) -> Played:
    return played(scale=request.param)


def platforms(index: Image) -> list[tuple[str, str, str | None]]:
    entries = [entry["platform"] for entry in children(index)]
    return [(entry["os"], entry["architecture"], entry.get("variant")) for entry in entries]


def indexes(estate: Played, repository: str) -> list[Image]:
    return [image for image in estate.images(repository) if children(image)]


def test_multi_platform_indexes_with_attestations(estate: Played) -> None:
    for repository in ("payments/api", "payments/worker", "search/query", "platform/base/python"):
        for index in indexes(estate, repository):
            assert platforms(index) == [
                ("linux", "amd64", None),
                ("linux", "arm64", None),
                ("unknown", "unknown", None),
                ("unknown", "unknown", None),
            ]


def test_attestations_name_their_image_and_hold_in_toto_layers(estate: Played) -> None:
    home = estate.main.repositories["payments/api"]
    for index in indexes(estate, "payments/api"):
        images, attestations = children(index)[:2], children(index)[2:]
        for image, entry in zip(images, attestations, strict=True):
            assert entry["annotations"]["vnd.docker.reference.type"] == ATTESTATION
            assert entry["annotations"]["vnd.docker.reference.digest"] == image["digest"]
            layers = document(home.images[entry["digest"]])["layers"]
            assert {layer["mediaType"] for layer in layers} == {"application/vnd.in-toto+json"}
            assert {layer["annotations"]["in-toto.io/predicate-type"] for layer in layers} == {
                "https://spdx.dev/Document",
                "https://slsa.dev/provenance/v0.2",
            }


def test_arm_v7_where_there_are_small_devices(estate: Played) -> None:
    for repository in ("edge/gateway", "platform/base/alpine"):
        three = [index for index in indexes(estate, repository) if len(children(index)) == 6]
        assert three
        assert all(("linux", "arm", "v7") in platforms(index) for index in three)


def test_docker_manifest_lists_and_plain_indexes_without_attestations(estate: Played) -> None:
    lists = indexes(estate, "search/indexer")
    assert {image.media_type for image in lists} == {"application/vnd.docker.distribution.manifest.list.v2+json"}
    for index in lists + indexes(estate, "checkout/web"):
        assert platforms(index) == [("linux", "amd64", None), ("linux", "arm64", None)]


def test_children_of_indexes_and_old_ci_images_are_untagged(estate: Played) -> None:
    for repository in ("payments/api", "search/indexer"):
        home = estate.main.repositories[repository]
        assert all(not home.images[e["digest"]].tags for i in indexes(estate, repository) for e in children(i))
    for repository in ("checkout/cart", "mobile/bff"):
        images = estate.images(repository)
        assert not any(children(image) for image in images)
        untagged = [image for image in images if not image.tags]
        assert len(untagged) >= len(images) / 2
        assert "main" in images[-1].tags


def test_releases_have_several_tags(estate: Played) -> None:
    tags = estate.main.repositories["checkout/api"].tags
    latest = estate.main.image("checkout/api", tags["latest"])
    versions = sorted(tag for tag in latest.tags if re.fullmatch(r"[\d.]+", tag))
    assert len(versions) == 3
    major, minor, patch = versions
    assert minor.startswith(major + ".")
    assert patch.startswith(minor + ".")
    assert any(re.fullmatch(r"sha-[0-9a-f]{7}", tag) for tag in latest.tags)


def test_helm_charts_without_media_type(estate: Played) -> None:
    charts = estate.images("charts/shop")
    assert len(charts) >= 4
    for image in charts:
        parsed = document(image)
        assert "mediaType" not in parsed
        assert parsed["config"]["mediaType"] == "application/vnd.cncf.helm.config.v1+json"
        assert parsed["layers"][0]["mediaType"] == "application/vnd.cncf.helm.chart.content.v1.tar+gzip"
        assert image.tags == [parsed["annotations"]["org.opencontainers.image.version"]]
        assert image.artifact_media_type == "application/vnd.cncf.helm.config.v1+json"


def test_cosign_signatures_under_a_tag_for_everything_promoted(estate: Played) -> None:
    for repository in ("prod/payments/api", "prod/checkout/api"):
        home = estate.main.repositories[repository]
        signed = [tag for tag in home.tags if tag.endswith(".sig")]
        assert signed
        for tag in signed:
            assert home.images[tag.removesuffix(".sig").replace("sha256-", "sha256:")].tags
            (layer,) = document(home.images[home.tags[tag]])["layers"]
            assert layer["mediaType"] == "application/vnd.dev.cosign.simplesigning.v1+json"
            assert base64.b64decode(layer["annotations"]["dev.cosignproject.cosign/signature"])


@pytest.mark.parametrize("kind", ["application/spdx+json", "application/vnd.dev.sigstore.bundle.v0.3+json"])
def test_referrers_with_a_subject_in_the_same_repository(estate: Played, kind: str) -> None:
    home = estate.main.repositories["payments/api"]
    referrers = [image for image in home.images.values() if image.artifact_media_type == kind]
    assert referrers
    for referrer in referrers:
        parsed = document(referrer)
        assert referrer.subject is not None
        subject = home.images[referrer.subject]
        assert parsed["subject"]["size"] == len(subject.manifest)
        assert parsed["subject"]["mediaType"] == subject.media_type
        assert parsed["artifactType"] == kind
        assert base64.b64decode(parsed["config"]["data"]) == b"{}"
        assert not referrer.tags


def test_archived_and_active_builds_stand_side_by_side(estate: Played) -> None:
    builds = estate.images("legacy/reports")
    states = [image.status for image in builds]
    assert set(states) == {"ARCHIVED", "ACTIVE"}
    assert states == sorted(states, reverse=True), "the older ones are archived"
    elsewhere = {image.status for _, name, image in estate.everything() if name != "legacy/reports"}
    assert elsewhere == {"ACTIVE"}


def test_a_signed_schema_1_relic(estate: Played) -> None:
    (relic,) = [image for _, _, image in estate.everything() if document(image)["schemaVersion"] == 1]
    parsed = document(relic)
    assert relic.media_type == "application/vnd.docker.distribution.manifest.v1+prettyjws"
    assert (parsed["name"], parsed["tag"], relic.tags) == ("legacy/intranet", "stable", ["stable"])
    assert len(parsed["fsLayers"]) == len(parsed["history"]) == 6
    assert sum(layer["blobSum"] == SCHEMA1_EMPTY for layer in parsed["fsLayers"]) == 2
    (signature,) = parsed["signatures"]
    assert signature["header"]["alg"] == "ES256"
    protected = _unpadded(signature["protected"])
    assert json.loads(protected)["formatTail"] == "Cn0"
    assert relic.manifest[json.loads(protected)["formatLength"] :].startswith(b',\n   "signatures": [\n')
    assert len(_unpadded(signature["signature"])) == 64


def test_the_relic_tells_its_history_newest_first(estate: Played) -> None:
    (relic,) = [image for image in estate.images("legacy/intranet") if document(image)["schemaVersion"] == 1]
    history: list[dict[str, Any]] = [json.loads(line["v1Compatibility"]) for line in document(relic)["history"]]
    for child, parent in itertools.pairwise(history):
        assert child["parent"] == parent["id"]
    assert "parent" not in history[-1]
    assert relic.pushed_at.year == 2016


def test_a_wasm_artifact(estate: Played) -> None:
    for image in estate.images("edge/filter"):
        parsed = document(image)
        assert parsed["config"]["mediaType"] == "application/vnd.wasm.config.v0+json"
        assert [layer["mediaType"] for layer in parsed["layers"]] == ["application/wasm"]


def test_windows_images_with_foreign_layers(estate: Played) -> None:
    lists = indexes(estate, "legacy/windows-agent")
    assert lists
    for index in lists:
        (entry,) = children(index)
        assert entry["platform"]["os"] == "windows"
        assert entry["platform"]["os.version"].startswith("10.0.17763.")
        layers = document(estate.main.image("legacy/windows-agent", entry["digest"]))["layers"]
        foreign = [layer for layer in layers if "foreign" in layer["mediaType"]]
        assert foreign == layers[:2]
        assert all(layer["urls"][0].endswith(layer["digest"]) for layer in foreign)
        assert not any("urls" in layer for layer in layers[2:])


def test_zstd_layers_on_a_gzip_base(estate: Played) -> None:
    images = [image for image in estate.images("search/query") if file_layers(image)]
    for image in images:
        compressions = [layer["mediaType"].rpartition("+")[2] for layer in document(image)["layers"]]
        assert compressions == ["gzip", "zstd", "zstd", "zstd"]


def test_a_nested_index(estate: Played) -> None:
    home = estate.main.repositories["edge/gateway"]
    bundles = [home.images[digest] for tag, digest in home.tags.items() if tag.startswith("bundle-")]
    assert len(bundles) >= 3
    for bundle in bundles:
        assert len(children(bundle)) == 2
        assert all(children(home.images[entry["digest"]]) for entry in children(bundle))


def test_settings_of_repositories(estate: Played) -> None:
    homes = estate.main.repositories
    encrypted = {name for name, home in homes.items() if home.encryption_type == "KMS"}
    immutable = {name for name, home in homes.items() if home.tag_mutability == "IMMUTABLE"}
    empty = {name for name, home in homes.items() if not home.images}
    assert encrypted == {"identity/tokens"}
    assert (homes["identity/tokens"].kms_key or "").startswith("arn:aws:kms:eu-west-1:")
    assert immutable == {"payments/ledger"}
    assert empty == {"onboarding/first-service"}
    assert all(len(image.tags) == 1 for image in homes["payments/ledger"].images.values())


def test_promoted_images_are_the_same_in_dev_and_prod(estate: Played) -> None:
    homes = estate.main.repositories
    promoted = [name for name in homes if name.startswith("prod/")]
    assert len(promoted) == 5
    for name in promoted:
        source, target = homes[name.removeprefix("prod/")].images, homes[name].images
        copies = [digest for digest, image in target.items() if not any(tag.endswith(".sig") for tag in image.tags)]
        assert copies
        for digest in copies:
            assert source[digest].manifest == target[digest].manifest
            assert source[digest].pushed_at < target[digest].pushed_at
        assert "live" in homes[name].tags


def test_the_second_region_holds_replicas_and_one_repository_of_its_own(estate: Played) -> None:
    homes, replicas = estate.main.repositories, estate.second.repositories
    assert set(replicas) - set(homes) == {"edge/us-tax"}
    shared = set(replicas) & set(homes)
    assert len(shared) == 4
    for name in shared:
        assert set(replicas[name].images) == set(homes[name].images)
        assert replicas[name].tags == homes[name].tags
    assert len(replicas["edge/us-tax"].images) >= 4


def test_labels_say_which_commit_was_built(estate: Played) -> None:
    for image in estate.images("payments/worker"):
        annotations = document(image).get("annotations", {})
        if image.tags:
            (commit,) = {tag.removeprefix("sha-") for tag in image.tags if tag.startswith("sha-")}
            assert annotations["org.opencontainers.image.revision"].startswith(commit)


def _unpadded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))

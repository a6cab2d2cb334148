"""Digests and media types: parsed once, and the predicates that everything else asks."""

from __future__ import annotations

import hashlib

import pytest

from indexer.model import (
    ACCEPTED_MEDIA_TYPES,
    DOCKER_CONFIG,
    DOCKER_LIST,
    DOCKER_MANIFEST,
    DOCKER_SCHEMA1,
    DOCKER_SCHEMA1_SIGNED,
    EMPTY_JSON,
    OCI_ARTIFACT_MANIFEST,
    OCI_CONFIG,
    OCI_INDEX,
    OCI_MANIFEST,
    Digest,
    MediaType,
)


@pytest.mark.parametrize(
    "text",
    [
        "sha256:" + "a" * 64,
        "sha512:" + "0" * 128,
        "crc64:abcDEF",  # not registered, but within the grammar
        "multihash+base58:QmRZxt2b1FVZPNqd8hsiykDL3TdBDeTSPX9Kv46HmX4Gx8",
        "sha256+b64u:LCa0a2j_xo_5m0U8HTBBNBNCLXBkg7-g-YpeiGJm564",
    ],
)
def test_a_digest_is_parsed(text: str) -> None:
    digest = Digest.parse(text)
    assert digest == text
    assert digest.algorithm == text.partition(":")[0]
    assert digest.encoded == text.partition(":")[2]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "sha256",
        "sha256:",
        "sha256:" + "a" * 63,
        "sha256:" + "a" * 65,
        "sha256:" + "A" * 64,
        "sha256:" + "g" * 64,
        "sha256:" + "a" * 64 + "\n",
        " sha256:" + "a" * 64,
        "SHA256:" + "a" * 64,
        "sha512:" + "a" * 64,
        "a" * 64,
        "sha256:" + "a" * 64 + "@x",
        "sha256:" + "\u0661" * 64,  # digits, but not of ASCII
        None,
        5,
        b"sha256:" + b"a" * 64,
    ],
)
def test_what_is_no_digest_is_refused(text: object) -> None:
    with pytest.raises(ValueError, match=r"digest"):
        Digest.parse(text)


def test_a_digest_knows_its_content() -> None:
    content = b'{"schemaVersion": 2}'
    digest = Digest.of(content)
    assert digest == "sha256:" + hashlib.sha256(content).hexdigest()
    assert digest.matches(content)
    assert not digest.matches(content + b" ")
    assert Digest("sha512:" + hashlib.sha512(content).hexdigest()).matches(content)
    assert not Digest("crc64:abc").computable
    assert not Digest("crc64:abc").matches(content)
    assert digest.short == digest[7:19]
    assert Digest.of(b"{}") == EMPTY_JSON


@pytest.mark.parametrize(
    ("predicate", "members"),
    [
        ("is_index", {OCI_INDEX, DOCKER_LIST}),
        ("is_manifest", {OCI_MANIFEST, DOCKER_MANIFEST}),
        ("is_artifact_manifest", {OCI_ARTIFACT_MANIFEST}),
        ("is_schema1", {DOCKER_SCHEMA1, DOCKER_SCHEMA1_SIGNED}),
        ("is_image_config", {OCI_CONFIG, DOCKER_CONFIG}),
    ],
)
def test_predicates_divide_the_vocabulary(predicate: str, members: set[str]) -> None:
    vocabulary = {*ACCEPTED_MEDIA_TYPES, OCI_CONFIG, DOCKER_CONFIG}
    assert {each for each in vocabulary if getattr(MediaType(each), predicate)} == members


def test_parameters_and_case_do_not_hide_a_media_type() -> None:
    assert MediaType(OCI_INDEX + "; charset=utf-8").is_index
    assert MediaType(OCI_INDEX.upper()).is_index
    assert MediaType("application/vnd.oci.image.manifest.list.v1+json").is_index
    assert not MediaType("application/json").is_index


@pytest.mark.parametrize(
    ("media_type", "distributable"),
    [
        ("application/vnd.docker.image.rootfs.diff.tar.gzip", True),
        ("application/vnd.oci.image.layer.v1.tar+zstd", True),
        ("application/vnd.oci.image.layer.v1.tar+gzip+encrypted", True),
        ("application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", False),
        ("application/vnd.docker.image.rootfs.foreign.diff.tar.zstd", False),
        ("application/vnd.oci.image.layer.nondistributable.v1.tar", False),
        ("application/vnd.oci.image.layer.nondistributable.v1.tar+gzip", False),
        ("application/octet-stream", True),
    ],
)
def test_foreign_layers_are_not_distributable(media_type: str, *, distributable: bool) -> None:
    assert MediaType(media_type).is_distributable is distributable


def test_every_manifest_type_is_accepted() -> None:
    assert len(set(ACCEPTED_MEDIA_TYPES)) == len(ACCEPTED_MEDIA_TYPES) == 7

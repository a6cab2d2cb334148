"""One example of each kind of document, and the rows it must give, column by column."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from support.manifests import OCI_CONFIG, OCI_INDEX, OCI_LAYER, OCI_MANIFEST, descriptor, digest_of, document, image

from indexer import tables
from indexer.flatten import Flattened, Source, flatten, parse
from indexer.model import ImageIndex, ImageManifest

DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
DOCKER_CONFIG = "application/vnd.docker.container.image.v1+json"
DOCKER_LAYER = "application/vnd.docker.image.rootfs.diff.tar.gzip"
FOREIGN = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"
ARTIFACT_MANIFEST = "application/vnd.oci.artifact.manifest.v1+json"
OCI_EMPTY = "application/vnd.oci.empty.v1+json"
IN_TOTO = "application/vnd.in-toto+json"
OCI_LIST = "application/vnd.oci.image.manifest.list.v1+json"
BUILDKIT = "application/vnd.docker.attestation.manifest.v1+json"
SOURCE = Source("123456789012", "eu-west-1", "team/app", datetime(2026, 5, 1, 12, tzinfo=UTC))


def flat(content: dict[str, Any]) -> Flattened:
    raw = document(content)
    return flatten(digest_of(raw), raw, SOURCE)


def manifest(config: str = OCI_CONFIG, layers: list[str] | None = None, **more: Any) -> dict[str, Any]:
    """A manifest with layers of the given media types, 10, 11, 12... bytes each."""
    types = [OCI_LAYER] if layers is None else layers
    return {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": descriptor("config", 7, config),
        "layers": [descriptor(f"layer {at}", 10 + at, media_type) for at, media_type in enumerate(types)],
        **more,
    }


def entry(name: str, **more: Any) -> dict[str, Any]:
    return descriptor(name, 500, OCI_MANIFEST, **more)


def test_an_image_gives_a_row_in_every_column() -> None:
    raw = image(
        "config",
        [("base", 30_000_000), ("app", 12)],
        annotations={"org.opencontainers.image.version": "1.2"},
        subject=descriptor("subject", 9, OCI_MANIFEST),
    )
    digest = digest_of(raw)
    rows = flatten(digest, raw, SOURCE)
    assert rows.manifest == tables.ManifestRow(
        manifest_digest=digest,
        media_type=OCI_MANIFEST,
        kind="image",
        schema_version=2,
        artifact_type=None,
        config_digest=digest_of("config"),
        config_media_type=OCI_CONFIG,
        config_size=100,
        subject_digest=digest_of("subject"),
        layer_count=2,
        layer_bytes=30_000_012,
        manifest_bytes=len(raw),
        annotations={"org.opencontainers.image.version": "1.2"},
        raw=raw.decode(),
        verified=True,
        problem=None,
        registry_id="123456789012",
        region="eu-west-1",
        repository="team/app",
        fetched_at=SOURCE.fetched_at,
    )
    assert rows.layers == [
        tables.LayerRow(digest, 0, digest_of("base"), OCI_LAYER, 30_000_000, distributable=True, annotations=None),
        tables.LayerRow(digest, 1, digest_of("app"), OCI_LAYER, 12, distributable=True, annotations=None),
    ]
    assert rows.configs == [tables.ConfigRow(digest, digest_of("config"), OCI_CONFIG, 100)]
    assert rows.index_entries == []


def test_an_index_gives_its_entries_in_order() -> None:
    rows = flat(
        {
            "schemaVersion": 2,
            "mediaType": OCI_INDEX,
            "artifactType": "application/vnd.example.set",
            "manifests": [
                entry("arm", platform={"os": "linux", "architecture": "arm", "variant": "v7"}),
                entry("windows", platform={"os": "windows", "architecture": "amd64", "os.version": "10.0.17763.1"}),
                entry("nested", artifactType="application/spdx+json", annotations={"a": "b"}),
            ],
            "subject": descriptor("subject", 9, OCI_MANIFEST),
            "annotations": {},
        }
    )
    row = rows.manifest
    assert (row.kind, row.media_type, row.schema_version) == ("index", OCI_INDEX, 2)
    assert (row.artifact_type, row.subject_digest) == ("application/vnd.example.set", digest_of("subject"))
    assert (row.layer_count, row.layer_bytes, row.config_digest, row.annotations) == (0, 0, None, {})
    assert (rows.layers, rows.configs) == ([], [])
    assert [each.position for each in rows.index_entries] == [0, 1, 2]
    assert {each.index_digest for each in rows.index_entries} == {row.manifest_digest}
    assert [each.manifest_digest for each in rows.index_entries] == list(map(digest_of, ("arm", "windows", "nested")))
    assert [each[7:11] for each in rows.index_entries] == [
        ("arm", "v7", None, False),
        ("amd64", None, "10.0.17763.1", False),
        (None, None, None, False),
    ]
    assert [each.os for each in rows.index_entries] == ["linux", "windows", None]
    assert rows.index_entries[2].artifact_type == "application/spdx+json"
    assert rows.index_entries[2].annotations == {"a": "b"}
    assert rows.index_entries[2].size == 500


@pytest.mark.parametrize(
    ("kind", "content"),
    [
        ("image", manifest()),
        ("image", manifest(layers=[])),
        ("image", manifest(DOCKER_CONFIG, [DOCKER_LAYER, FOREIGN], mediaType=DOCKER_MANIFEST)),
        ("image", manifest("application/octet-stream", [DOCKER_LAYER], mediaType=DOCKER_MANIFEST)),
        ("image", manifest(layers=["application/vnd.oci.image.layer.v1.tar+zstd"])),
        ("image", manifest(layers=["application/vnd.oci.image.layer.v1.tar+gzip+encrypted"])),
        ("image", manifest(layers=["application/vnd.oci.image.layer.nydus.blob.v1", OCI_LAYER])),
        ("image", manifest(layers=["application/x-tar"])),
        ("image", manifest("application/vnd.oci.image.serialization.v1+json")),
        ("artifact", manifest("application/octet-stream", [DOCKER_LAYER])),
        ("artifact", manifest("application/vnd.docker.plugin.v1+json", [DOCKER_LAYER], mediaType=DOCKER_MANIFEST)),
        ("artifact", manifest(OCI_EMPTY, [OCI_EMPTY], artifactType="application/vnd.example.thing")),
        ("artifact", manifest(OCI_EMPTY, ["text/plain"])),
        ("artifact", manifest(artifactType="application/vnd.example.thing")),
        ("artifact", manifest(layers=["application/vnd.dev.cosign.simplesigning.v1+json"])),
        ("artifact", manifest("application/vnd.cncf.helm.config.v1+json", ["application/tar+gzip"])),
        ("artifact", manifest("application/vnd.cncf.notary.signature", ["application/jose+json"])),
        ("artifact", manifest("application/vnd.wasm.config.v1+json", ["application/wasm"])),
        ("artifact", manifest("test/sbom/file", ["application/spdx+json"])),
        ("artifact", {"mediaType": ARTIFACT_MANIFEST, "artifactType": "any name", "blobs": []}),
        ("attestation", manifest(layers=[IN_TOTO, IN_TOTO])),
        ("attestation", manifest(DOCKER_CONFIG, [IN_TOTO], mediaType=DOCKER_MANIFEST)),
        ("attestation", manifest(OCI_EMPTY, ["application/json"], artifactType=BUILDKIT)),
        ("attestation", {"_type": "https://in-toto.io/Statement/v1", "subject": [{"name": "x"}], "predicate": {}}),
        ("attestation", {"payloadType": IN_TOTO, "payload": "e30=", "signatures": []}),
        ("image", manifest(layers=[IN_TOTO, OCI_LAYER])),
        ("artifact", manifest(layers=[IN_TOTO, "application/json"])),
        ("index", {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": []}),
        ("schema1", {"schemaVersion": 1, "fsLayers": [], "history": []}),
    ],
)
def test_the_kind_follows_from_the_document(kind: str, content: dict[str, Any]) -> None:
    rows = flat(content)
    assert rows.manifest.problem is None
    assert rows.manifest.kind == kind


def test_an_artifact_manifest_lists_its_blobs_as_layers() -> None:
    rows = flat(
        {
            "mediaType": ARTIFACT_MANIFEST,
            "artifactType": "test.sbom.file",
            "blobs": [descriptor("first", 3, "text/plain"), descriptor("second", 4, FOREIGN)],
            "subject": descriptor("subject", 9, OCI_MANIFEST),
        }
    )
    assert rows.manifest.schema_version is None
    assert rows.manifest.artifact_type == "test.sbom.file"
    assert (rows.manifest.config_digest, rows.configs) == (None, [])
    assert rows.manifest.subject_digest == digest_of("subject")
    assert (rows.manifest.layer_count, rows.manifest.layer_bytes) == (2, 7)
    assert [(each.layer_digest, each.distributable) for each in rows.layers] == [
        (digest_of("first"), True),
        (digest_of("second"), False),
    ]


def test_an_artifact_manifest_needs_no_blobs() -> None:
    rows = flat({"mediaType": ARTIFACT_MANIFEST, "artifactType": "application/example"})
    assert (rows.manifest.problem, rows.manifest.layer_count, rows.manifest.layer_bytes) == (None, 0, 0)


def test_a_bare_statement_has_no_blobs_and_its_subject_is_no_descriptor() -> None:
    row = flat({"_type": "https://in-toto.io/Statement/v0.1", "subject": [{"name": "x", "digest": {}}]}).manifest
    assert (row.media_type, row.problem, row.subject_digest) == (IN_TOTO, None, None)
    assert (row.layer_count, row.layer_bytes, row.schema_version) == (0, 0, None)


def test_repeated_and_foreign_layers_count_each_time() -> None:
    content = manifest(layers=[OCI_LAYER, FOREIGN, OCI_LAYER])
    content["layers"][2] = content["layers"][0]
    rows = flat(content)
    assert [each.layer_digest for each in rows.layers] == [digest_of(f"layer {at}") for at in (0, 1, 0)]
    assert [each.distributable for each in rows.layers] == [True, False, True]
    assert (rows.manifest.layer_count, rows.manifest.layer_bytes) == (3, 10 + 11 + 10)


def test_urls_do_not_make_a_layer_foreign() -> None:
    content = manifest()
    content["layers"][0]["urls"] = ["https://example.com/blob"]
    assert flat(content).layers[0].distributable


def test_members_that_reach_no_row_are_let_be() -> None:
    content = manifest(unknown={"deep": [1, None, {"x": 1e300}]}, signatures=5)
    content["config"] |= {"data": "e30=", "platform": "not read here", "custom": 1}
    rows = flat(content)
    assert rows.manifest.problem is None
    assert rows.configs[0].size == 7


def test_null_counts_as_absent_where_a_member_is_optional() -> None:
    content = manifest(mediaType=None, subject=None, annotations=None, artifactType=None, manifests=None, fsLayers=None)
    content["layers"][0] |= {"annotations": None, "urls": None, "data": None, "artifactType": None, "platform": None}
    row = flat(content).manifest
    assert (row.problem, row.media_type, row.kind) == (None, OCI_MANIFEST, "image")
    index = {"schemaVersion": 2, "manifests": [entry("x", platform=None)], "layers": None}
    assert flat(index).manifest.problem is None


@pytest.mark.parametrize(
    ("media_type", "content"),
    [
        (OCI_MANIFEST, manifest()),
        (OCI_MANIFEST, manifest(layers=[])),
        (OCI_MANIFEST, manifest(layers=[DOCKER_LAYER])),
        (DOCKER_MANIFEST, manifest(DOCKER_CONFIG, [])),
        (DOCKER_MANIFEST, manifest(DOCKER_CONFIG, [OCI_LAYER])),
        (DOCKER_MANIFEST, manifest("application/octet-stream", [DOCKER_LAYER])),
        (OCI_MANIFEST, manifest("application/octet-stream", [DOCKER_LAYER, OCI_LAYER])),
        (OCI_INDEX, {"schemaVersion": 2, "manifests": []}),
        (OCI_INDEX, {"schemaVersion": 2, "manifests": [entry("x"), descriptor("y", 1, DOCKER_MANIFEST)]}),
        (DOCKER_LIST, {"schemaVersion": 2, "manifests": [descriptor("y", 1, DOCKER_MANIFEST)]}),
        (ARTIFACT_MANIFEST, {"artifactType": "application/example", "blobs": []}),
    ],
)
def test_a_missing_media_type_follows_from_the_structure(media_type: str, content: dict[str, Any]) -> None:
    content.pop("mediaType", None)
    row = flat(content).manifest
    assert (row.problem, row.media_type) == (None, media_type)


def test_the_list_that_oci_had_before_1_0_is_an_index() -> None:
    platform = {"os": "linux", "architecture": "amd64", "features": ["sse4"]}
    row = flat({"schemaVersion": 2, "mediaType": OCI_LIST, "manifests": [entry("x", platform=platform)]}).manifest
    assert (row.problem, row.kind, row.media_type) == (None, "index", OCI_LIST)


@pytest.mark.parametrize(
    ("more", "attestation"),
    [
        ({"annotations": {"vnd.docker.reference.type": "attestation-manifest"}}, True),
        ({"artifactType": BUILDKIT}, True),
        ({"platform": {"os": "unknown", "architecture": "unknown"}}, False),
        ({"annotations": {"vnd.docker.reference.type": "something else"}}, False),
        ({"annotations": {"vnd.docker.reference.digest": "sha256:..."}}, False),
        ({}, False),
    ],
)
def test_an_attestation_in_an_index_is_known_by_what_buildkit_writes(more: dict[str, Any], attestation: bool) -> None:
    rows = flat({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [entry("x", **more)]})
    assert [each.is_attestation for each in rows.index_entries] == [attestation]


def test_digests_of_every_registered_algorithm_are_kept() -> None:
    content = manifest(layers=[OCI_LAYER, OCI_LAYER])
    named = ["sha512:" + "0f" * 64, "blake3:" + "0f" * 32]
    for layer, digest in zip(content["layers"], named, strict=True):
        layer["digest"] = digest
    assert [each.layer_digest for each in flat(content).layers] == named


def test_the_largest_size_fits() -> None:
    content = manifest()
    content["layers"][0]["size"] = 2**63 - 1
    assert flat(content).manifest.layer_bytes == 2**63 - 1


def test_what_is_not_verified_is_said() -> None:
    raw = document(manifest())
    assert flatten("crc64:00", raw, SOURCE, verified=False).manifest.verified is False
    assert flatten("crc64:00", raw, SOURCE).manifest.manifest_digest == "crc64:00"


@pytest.mark.parametrize("dump", [{"indent": 3}, {"separators": (",", ":")}, {"indent": "\t", "sort_keys": True}])
def test_white_space_and_order_of_members_do_not_matter(dump: dict[str, Any]) -> None:
    content = manifest(layers=[OCI_LAYER, FOREIGN], annotations={"b": "1", "a": "2"})
    raw = json.dumps(content, **dump).encode() + b"\n"
    plain, other = flat(content), flatten(digest_of(document(content)), raw, SOURCE)
    assert other.layers == plain.layers
    assert other.configs == plain.configs
    assert other.manifest == plain.manifest._replace(raw=raw.decode(), manifest_bytes=len(raw))


def test_parse_gives_the_model() -> None:
    found = parse(document(manifest(layers=[OCI_LAYER])))
    assert isinstance(found, ImageManifest)
    assert found.config is not None
    assert (found.config.size, found.layers[0].size, found.layer_bytes) == (7, 10, 10)
    index = parse(document({"schemaVersion": 2, "manifests": [entry("x", platform={"os": "a", "architecture": "b"})]}))
    assert isinstance(index, ImageIndex)
    assert index.manifests[0].platform == ("a", "b", None, None)


def test_repeats_are_marked() -> None:
    """What adds up bytes leaves marked rows out, and has each blob of a manifest once."""
    names = ["base", "empty", "app", "empty", "config"]
    content = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": {"mediaType": OCI_CONFIG, "digest": digest_of("config"), "size": 2},
        "layers": [{"mediaType": OCI_LAYER, "digest": digest_of(name), "size": 2} for name in names],
    }
    rows = flat(content)
    assert [(each.layer_digest, each.repeated) for each in rows.layers] == [
        (digest_of("base"), False),
        (digest_of("empty"), False),
        (digest_of("app"), False),
        (digest_of("empty"), True),
        (digest_of("config"), False),
    ]
    assert [each.is_layer for each in rows.configs] == [True]

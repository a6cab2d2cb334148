"""What the registry reads out of manifests: digests, media types, sizes, children."""

from __future__ import annotations

import base64
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from indexer.local_ecr.documents import (
    MANIFEST_LIST,
    OCI_ARTIFACT,
    OCI_INDEX,
    OCI_MANIFEST,
    SCHEMA1,
    SCHEMA1_SIGNED,
    SCHEMA2,
    Facts,
    digest_of,
    parse,
    read,
)

CORPUS = Path(__file__).parents[2].parent / "shared" / "corpus"
A = f"sha256:{'a' * 64}"
B = f"sha256:{'b' * 64}"


def sha256(raw: bytes) -> str:
    return f"sha256:{hashlib.sha256(raw).hexdigest()}"


def base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def signed(payload: bytes, **header: Any) -> bytes:
    """A schema 1 manifest signed as Docker does: the signatures stand between the payload's body and its end."""
    cut = payload.rindex(b"\n}")
    protected = {"formatLength": cut, "formatTail": base64url(payload[cut:]), "time": "2016-01-01T00:00:00Z", **header}
    block = {"header": {"alg": "ES256"}, "signature": "bm8", "protected": base64url(json.dumps(protected).encode())}
    return payload[:cut] + b',\n   "signatures": ' + json.dumps([block]).encode() + b"\n}"


PAYLOAD = json.dumps({"schemaVersion": 1, "name": "a/b", "tag": "1", "fsLayers": [{"blobSum": A}]}, indent=3).encode()


def test_the_digest_is_over_the_exact_bytes() -> None:
    assert digest_of(b'{"a": 1}') != digest_of(b'{"a":1}')
    assert digest_of(b"\xff not even text") == sha256(b"\xff not even text")


def test_the_digest_of_a_signed_manifest_is_over_its_payload() -> None:
    assert parse(signed(PAYLOAD)) is not None
    assert digest_of(signed(PAYLOAD)) == sha256(PAYLOAD)
    assert read(signed(PAYLOAD)).media_type == SCHEMA1_SIGNED


@pytest.mark.parametrize(
    "broken",
    [
        signed(PAYLOAD, formatLength="no"),
        signed(PAYLOAD, formatTail="a"),
        signed(PAYLOAD, formatTail=5),
        signed(PAYLOAD).replace(b'"protected"', b'"Protected"'),
        PAYLOAD[:-2] + b',"signatures": []}',
        PAYLOAD[:-2] + b',"signatures": [1]}',
        PAYLOAD[:-2] + b',"signatures": [{"protected": 5}]}',
        PAYLOAD[:-2] + b',"signatures": [{"protected": "W10"}]}',
        b'{"schemaVersion": 2, "signatures": [{"protected": "e30"}]}',
        b'"signatures" and no JSON',
    ],
)
def test_without_usable_signatures_all_bytes_count(broken: bytes) -> None:
    assert digest_of(broken) == sha256(broken)


@pytest.mark.parametrize(
    ("document", "media_type"),
    [
        ({"mediaType": "application/x-own", "layers": []}, "application/x-own"),
        ({"mediaType": MANIFEST_LIST, "manifests": []}, MANIFEST_LIST),
        ({"mediaType": "", "manifests": []}, OCI_INDEX),
        ({"mediaType": 7, "manifests": []}, OCI_INDEX),
        ({"schemaVersion": 1, "fsLayers": []}, SCHEMA1),
        ({"schemaVersion": 1, "signatures": [{}]}, SCHEMA1_SIGNED),
        ({"manifests": [{"mediaType": SCHEMA2}]}, MANIFEST_LIST),
        ({"manifests": [{"mediaType": SCHEMA2}, {"mediaType": 5}]}, OCI_INDEX),
        ({"layers": []}, OCI_MANIFEST),
        ({"config": {"mediaType": "application/vnd.oci.empty.v1+json"}}, OCI_MANIFEST),
        ({"config": {"mediaType": "application/vnd.docker.container.image.v1+json"}, "layers": []}, SCHEMA2),
        ({"blobs": []}, OCI_ARTIFACT),
        ({"layers": None}, None),
        ({}, None),
    ],
)
def test_media_types_are_declared_or_follow_from_the_structure(document: dict[str, Any], media_type: str) -> None:
    assert read(json.dumps(document).encode()).media_type == media_type


def test_the_facts_of_an_artifact() -> None:
    document = {
        "mediaType": OCI_ARTIFACT,
        "artifactType": "application/vnd.example",
        "blobs": [{"size": 5}, {"size": 6}],
        "subject": {"digest": A},
    }
    expected = Facts(OCI_ARTIFACT, "application/vnd.example", A, 11)
    assert read(json.dumps(document).encode()) == expected


def test_the_children_of_an_index() -> None:
    raw = json.dumps({"manifests": [{"digest": A, "size": 1}, {"digest": 5}, 7, {"digest": B}]}).encode()
    assert read(raw) == Facts(media_type=OCI_INDEX, children=(A, B))


@pytest.mark.parametrize(
    ("sizes", "total"),
    [
        ([1, 2], 3),
        ([1, 1], 2),
        ([5, -1, "7", None, 2.5, True], 5),
        ([-1], None),
        ([], None),
        ([2**63 - 1], 2**63 - 1),
        ([2**63 - 1, 1], None),
        ([10**30], None),
    ],
)
def test_sizes_that_are_no_sizes_do_not_count(sizes: list[Any], total: int | None) -> None:
    raw = json.dumps({"layers": [{"size": size} for size in sizes]}).encode()
    assert read(raw).size == total


@pytest.mark.parametrize(
    "raw", [b"", b"[]", b"null", b"\xff", b"{", b'{"a": NaN}', b"[" * 100_000, b'{"a":' * 100_000, b"text"]
)
def test_what_is_no_json_object_has_no_facts(raw: bytes) -> None:
    assert parse(raw) is None
    assert read(raw) == Facts()
    assert digest_of(raw) == sha256(raw)


def test_half_a_surrogate_pair_is_read_and_replaced() -> None:
    assert read(b'{"layers": [], "artifactType": "a\\ud800b"}').artifact_media_type == "a?b"


@pytest.mark.skipif(not CORPUS.is_dir(), reason="the corpus of real manifests is not on this machine")
def test_every_real_document_can_be_read() -> None:
    """Whatever is in the corpus is read without an error, and its declared media type is found.

    Attestations are left out: among them are in-toto documents, which are layers and no manifests.
    """
    rows = [json.loads(line) for line in (CORPUS / "manifests.jsonl").read_text().splitlines()]
    wrong = []
    for row in rows:
        raw = (CORPUS / "manifests" / f"{row['sha256']}.json").read_bytes()
        facts = read(raw)
        if row["kind"] not in {"invalid", "attestation"} and facts.media_type != row["media_type"]:
            wrong.append((row["sha256"], facts.media_type, row["media_type"]))
    assert rows
    assert wrong == []

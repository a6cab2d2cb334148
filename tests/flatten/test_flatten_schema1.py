"""Docker schema 1: layers base first, sizes unknown, and the digest of a signed document."""

from __future__ import annotations

import hashlib
import json
from base64 import urlsafe_b64encode
from datetime import UTC, datetime
from typing import Any

import pytest
from support.manifests import digest_of, image

from indexer.flatten import Source, digest_matches, flatten
from indexer.model import Digest

SIGNED = "application/vnd.docker.distribution.manifest.v1+prettyjws"
UNSIGNED = "application/vnd.docker.distribution.manifest.v1+json"
SOURCE = Source("123456789012", "eu-west-1", "team/relic", datetime(2026, 5, 1, 12, tzinfo=UTC))
EMPTY, BASE, APP = digest_of("empty layer"), digest_of("base"), digest_of("app")


def payload(*newest_first: str, **more: Any) -> dict[str, Any]:
    return {
        "schemaVersion": 1,
        "name": "team/relic",
        "tag": "old",
        "architecture": "amd64",
        "fsLayers": [{"blobSum": each} for each in newest_first],
        "history": [{"v1Compatibility": json.dumps({"id": str(at)})} for at in range(len(newest_first))],
        **more,
    }


def base64url(content: bytes) -> str:
    return urlsafe_b64encode(content).decode().rstrip("=")


def header(length: Any, tail: bytes) -> dict[str, Any]:
    return {"formatLength": length, "formatTail": base64url(tail), "time": "2015-01-01T00:00:00Z"}


def signature(protected: dict[str, Any]) -> dict[str, Any]:
    return {"header": {"alg": "ES256"}, "signature": "AAAA", "protected": base64url(json.dumps(protected).encode())}


def signed(content: bytes, *headers: dict[str, Any]) -> bytes:
    """The document that Docker makes of a payload: the signatures stand before its last line."""
    body = content[:-2]  # without "\n}"
    headers = headers or (header(len(body), b"\n}"),)
    added = json.dumps([signature(each) for each in headers], indent=3).encode()
    return body + b',\n   "signatures": ' + added + b"\n}"


PAYLOAD = json.dumps(payload(APP, EMPTY, EMPTY, BASE), indent=3).encode()
DIGEST = Digest.of(PAYLOAD)


def test_layers_stand_base_first_with_repeats_and_without_sizes() -> None:
    rows = flatten(DIGEST, PAYLOAD, SOURCE)
    assert [each.layer_digest for each in rows.layers] == [BASE, EMPTY, EMPTY, APP]
    assert [each.position for each in rows.layers] == [0, 1, 2, 3]
    assert {(each.size, each.media_type, each.distributable, each.annotations) for each in rows.layers} == {
        (None, None, True, None)
    }
    row = rows.manifest
    assert (row.kind, row.media_type, row.schema_version, row.problem) == ("schema1", UNSIGNED, 1, None)
    assert (row.layer_count, row.layer_bytes, row.config_digest) == (4, None, None)
    assert (rows.configs, rows.index_entries) == ([], [])


def test_signatures_make_it_a_signed_document() -> None:
    assert flatten(DIGEST, signed(PAYLOAD), SOURCE).manifest.media_type == SIGNED
    assert flatten(DIGEST, signed(PAYLOAD), SOURCE).layers == flatten(DIGEST, PAYLOAD, SOURCE).layers


@pytest.mark.parametrize(
    ("more", "media_type"),
    [
        ({"signatures": []}, UNSIGNED),
        ({"signatures": None}, UNSIGNED),
        ({"signatures": 1}, SIGNED),
        ({"mediaType": SIGNED}, SIGNED),
        ({"mediaType": UNSIGNED, "signatures": [{}]}, UNSIGNED),
    ],
)
def test_the_media_type_is_the_documents_own_or_follows_from_signatures(more: dict[str, Any], media_type: str) -> None:
    raw = json.dumps(payload(BASE, **more)).encode()
    assert flatten(digest_of(raw), raw, SOURCE).manifest.media_type == media_type


def test_no_layers_are_no_unknown_bytes() -> None:
    raw = json.dumps(payload()).encode()
    row = flatten(digest_of(raw), raw, SOURCE).manifest
    assert (row.problem, row.layer_count, row.layer_bytes) == (None, 0, 0)


def test_a_digest_is_of_the_bytes() -> None:
    raw = image("config", [("base", 5)])
    assert digest_matches(Digest.of(raw), raw)
    assert digest_matches(Digest("sha512:" + hashlib.sha512(raw).hexdigest()), raw)
    assert not digest_matches(Digest.of(raw), raw + b" ")
    assert not digest_matches(Digest("crc64:00"), raw)
    assert not digest_matches(Digest.of(raw), b"")


def test_the_digest_of_a_signed_document_is_of_its_payload() -> None:
    raw = signed(PAYLOAD)
    assert Digest.of(raw) != DIGEST
    assert digest_matches(DIGEST, raw)
    assert digest_matches(Digest.of(raw), raw)
    assert not digest_matches(Digest.of(b"something else"), raw)
    assert not digest_matches(Digest("crc64:00"), raw)
    assert digest_matches(Digest("sha512:" + hashlib.sha512(PAYLOAD).hexdigest()), raw)


def test_two_signatures_sign_one_payload() -> None:
    body = len(PAYLOAD) - 2
    assert digest_matches(DIGEST, signed(PAYLOAD, header(body, b"\n}"), header(body, b"\n}") | {"time": "later"}))
    assert not digest_matches(DIGEST, signed(PAYLOAD, header(body, b"\n}"), header(body, b"\n }")))


def test_a_genuine_payload_does_not_vouch_for_another_document() -> None:
    """The header may hold the whole payload; the document around it must still say what the payload says."""
    other = json.dumps(payload(digest_of("malice"), BASE), indent=3).encode()
    assert not digest_matches(DIGEST, signed(other, header(0, PAYLOAD)))
    assert digest_matches(DIGEST, signed(PAYLOAD, header(0, PAYLOAD)))
    added = signed(PAYLOAD).replace(b'"signatures"', b'"added": 1, "signatures"')
    assert not digest_matches(DIGEST, added)


@pytest.mark.parametrize(
    "protected",
    [
        {},
        {"formatLength": 5},
        {"formatTail": ""},
        header("5", b"\n}"),
        header(None, b"\n}"),
        header(True, b"\n}"),
        header(-2, b"\n}"),
        header(10**9, b"\n}"),
        header(1.5, b"\n}"),
        header(5, b"\n}") | {"formatTail": 7},
        header(5, b"\n}") | {"formatTail": "\u00e9"},
        header(5, b"not json"),
    ],
)
def test_a_made_up_header_is_a_digest_that_does_not_match(protected: dict[str, Any]) -> None:
    assert not digest_matches(DIGEST, signed(PAYLOAD, protected))


@pytest.mark.parametrize(
    "signatures",
    ["1", "null", "[]", "{}", "[1]", "[null]", "[{}]", '[{"protected": 1}]', '[{"protected": "%%"}]', '["protected"]'],
)
def test_made_up_signatures_are_a_digest_that_does_not_match(signatures: str) -> None:
    raw = PAYLOAD[:-2] + b', "signatures": ' + signatures.encode() + b"}"
    assert not digest_matches(DIGEST, raw)
    assert flatten(DIGEST, raw, SOURCE).manifest.problem is None


@pytest.mark.parametrize("raw", [b'"signatures"', b'["signatures"]', b'{"signatures"', b'\xff"signatures"'])
def test_what_is_no_document_matches_nothing(raw: bytes) -> None:
    assert not digest_matches(DIGEST, raw)

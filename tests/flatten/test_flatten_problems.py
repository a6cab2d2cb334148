"""Everything that can be wrong with a document: the message says where, what was expected and what was found."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from support.manifests import OCI_CONFIG, OCI_INDEX, OCI_LAYER, OCI_MANIFEST, descriptor, digest_of, document

from indexer.errors import DocumentError
from indexer.flatten import Flattened, Source, flatten, parse

ARTIFACT_MANIFEST = "application/vnd.oci.artifact.manifest.v1+json"
SCHEMA1 = "application/vnd.docker.distribution.manifest.v1+json"
OCI_LIST = "application/vnd.oci.image.manifest.list.v1+json"
A_SIZE = "a whole number of bytes from 0 to 9223372036854775807"
A_DIGEST = "a digest (sha256, sha512 or blake3, in lower-case hexadecimal)"
A_MEDIA_TYPE = "a media type such as application/json, without parameters"
SOURCE = Source("123456789012", "eu-west-1", "team/app", datetime(2026, 5, 1, 12, tzinfo=UTC))
HEX = "a" * 64


def manifest(**more: Any) -> dict[str, Any]:
    return {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": descriptor("config", 7, OCI_CONFIG),
        "layers": [descriptor(f"layer {at}", 10 + at) for at in range(4)],
        **more,
    }


def index(**more: Any) -> dict[str, Any]:
    platform = {"os": "linux", "architecture": "amd64"}
    entries = [descriptor(f"child {at}", 500, OCI_MANIFEST, platform=platform) for at in range(2)]
    return {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": entries, **more}


def without(content: dict[str, Any], member: str) -> dict[str, Any]:
    return {key: value for key, value in content.items() if key != member}


def layer(**more: Any) -> dict[str, Any]:
    """A manifest whose layer 2 has other members."""
    content = manifest()
    content["layers"][2] |= more
    return content


def entry(**more: Any) -> dict[str, Any]:
    """An index whose entry 1 has other members."""
    content = index()
    content["manifests"][1] |= more
    return content


def only_a_problem(raw: bytes) -> Flattened:
    """The rows of a document that has one, checked to be all or nothing."""
    rows = flatten(digest_of(raw), raw, SOURCE)
    row = rows.manifest
    assert (rows.layers, rows.configs, rows.index_entries) == ([], [], [])
    assert row.kind == "unknown"
    assert row[3:11] == (None,) * 8
    assert row.annotations is None
    assert (row.manifest_digest, row.manifest_bytes) == (digest_of(raw), len(raw))
    assert row[16:] == tuple(SOURCE)
    assert row.problem
    return rows


def problem(content: Any) -> str:
    raw = document(content)
    found = only_a_problem(raw).manifest.problem
    with pytest.raises(DocumentError) as refused:
        parse(raw)
    assert str(refused.value) == found
    return found


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([], "the document: expected an object, found an array"),
        ("text", 'the document: expected an object, found "text"'),
        (None, "the document: expected an object, found null"),
        ({}, "the document: is no manifest: it has no mediaType, no layers, no manifests and no fsLayers"),
        ({"mediaType": 5}, f"mediaType: expected {A_MEDIA_TYPE}, found 5"),
        (manifest(mediaType="invalid"), f'mediaType: expected {A_MEDIA_TYPE}, found "invalid"'),
        (manifest(mediaType=""), f'mediaType: expected {A_MEDIA_TYPE}, found ""'),
        (
            manifest(mediaType="application/json"),
            'mediaType: expected the media type of a manifest or an index, found "application/json"',
        ),
        (manifest(mediaType=OCI_INDEX), f'mediaType: says "{OCI_INDEX}", but the document has "layers"'),
        (index(mediaType=OCI_MANIFEST), f'mediaType: says "{OCI_MANIFEST}", but the document has "manifests"'),
        (manifest(mediaType=SCHEMA1), f'mediaType: says "{SCHEMA1}", but the document has "layers"'),
        (
            manifest(mediaType=ARTIFACT_MANIFEST),
            f'mediaType: says "{ARTIFACT_MANIFEST}", but the document has "layers"',
        ),
        (
            manifest(manifests=[]),
            'the document: has both "layers" and "manifests", so that readers differ in what it is',
        ),
        (
            without(index(config={}), "mediaType"),
            'the document: has both "config" and "manifests", so that readers differ in what it is',
        ),
        (
            index(fsLayers=[]),
            'the document: has both "manifests" and "fsLayers", so that readers differ in what it is',
        ),
        (without(manifest(), "schemaVersion"), "schemaVersion: expected the number 2, found nothing"),
        (manifest(schemaVersion=1), "schemaVersion: expected the number 2, found 1"),
        (manifest(schemaVersion="2"), 'schemaVersion: expected the number 2, found "2"'),
        (manifest(schemaVersion=2.0), "schemaVersion: expected the number 2, found 2.0"),
        (index(schemaVersion=True), "schemaVersion: expected the number 2, found true"),
        (without(manifest(), "config"), "config: expected an object, found nothing"),
        (manifest(config=None), "config: expected an object, found null"),
        (manifest(config="x"), 'config: expected an object, found "x"'),
        (manifest(config={}), f"config.mediaType: expected {A_MEDIA_TYPE}, found nothing"),
        (without(manifest(), "layers"), "layers: expected an array, found nothing"),
        (manifest(layers=None), "layers: expected an array, found null"),
        (manifest(layers={}), "layers: expected an array, found an object"),
        (manifest(layers=[None]), "layers[0]: expected an object, found null"),
        (manifest(layers=[[1]]), "layers[0]: expected an object, found an array"),
        (layer(size="12"), f'layers[2].size: expected {A_SIZE}, found "12"'),
        (layer(size=-1), f"layers[2].size: expected {A_SIZE}, found -1"),
        (layer(size=1e3), f"layers[2].size: expected {A_SIZE}, found 1000.0"),
        (layer(size=True), f"layers[2].size: expected {A_SIZE}, found true"),
        (layer(size=None), f"layers[2].size: expected {A_SIZE}, found null"),
        (layer(size=2**63), f"layers[2].size: expected {A_SIZE}, found 9223372036854775808"),
        (layer(size=2**64), f"layers[2].size: expected {A_SIZE}, found 1.8446744073709552e+19"),
        (layer(size=[]), f"layers[2].size: expected {A_SIZE}, found an array"),
        (layer(digest=None), f"layers[2].digest: expected {A_DIGEST}, found null"),
        (layer(digest={}), f"layers[2].digest: expected {A_DIGEST}, found an object"),
        (layer(digest=""), f'layers[2].digest: expected {A_DIGEST}, found ""'),
        (layer(digest="sha256:abc"), f'layers[2].digest: expected {A_DIGEST}, found "sha256:abc"'),
        (layer(digest=f"SHA256:{HEX}"), f'layers[2].digest: expected {A_DIGEST}, found "SHA256:{HEX}"'),
        (layer(digest=f"sha256:{HEX}\n"), f'layers[2].digest: expected {A_DIGEST}, found "sha256:{HEX}\\n"'),
        (layer(digest=f"sha256+b64:{HEX}"), f'layers[2].digest: expected {A_DIGEST}, found "sha256+b64:{HEX}"'),
        (layer(mediaType="a"), f'layers[2].mediaType: expected {A_MEDIA_TYPE}, found "a"'),
        (layer(mediaType=["a/b"]), f"layers[2].mediaType: expected {A_MEDIA_TYPE}, found an array"),
        (layer(mediaType="a/b;c=d"), f'layers[2].mediaType: expected {A_MEDIA_TYPE}, found "a/b;c=d"'),
        (layer(mediaType="a/.b"), f'layers[2].mediaType: expected {A_MEDIA_TYPE}, found "a/.b"'),
        (layer(annotations=[]), "layers[2].annotations: expected an object, found an array"),
        (layer(annotations={"k": 1}), 'layers[2].annotations["k"]: expected text, found 1'),
        (layer(annotations={"k": None}), 'layers[2].annotations["k"]: expected text, found null'),
        (layer(artifactType=1), "layers[2].artifactType: expected text, found 1"),
        (layer(urls="https://x"), 'layers[2].urls: expected an array, found "https://x"'),
        (layer(urls=["https://x", 1]), "layers[2].urls[1]: expected text, found 1"),
        (layer(data=1), "layers[2].data: expected text, found 1"),
        (layer(data="e30"), 'layers[2].data: expected base64 (RFC 4648), found "e30"'),
        (layer(data="\u00e9"), 'layers[2].data: expected base64 (RFC 4648), found "\\u00e9"'),
        (layer(size=2**63 - 1), "layers: the sizes add up to more than 9223372036854775807 bytes"),
        (manifest(subject="x"), 'subject: expected an object, found "x"'),
        (manifest(subject={"mediaType": "a/b"}), f"subject.digest: expected {A_DIGEST}, found nothing"),
        (manifest(annotations={"k": {}}), 'annotations["k"]: expected text, found an object'),
        (manifest(artifactType=1), f"artifactType: expected {A_MEDIA_TYPE}, found 1"),
        (manifest(artifactType="thing"), f'artifactType: expected {A_MEDIA_TYPE}, found "thing"'),
        (without(index(), "manifests"), "manifests: expected an array, found nothing"),
        (index(manifests=None), "manifests: expected an array, found null"),
        (index(manifests=[5]), "manifests[0]: expected an object, found 5"),
        (entry(size="1"), f'manifests[1].size: expected {A_SIZE}, found "1"'),
        (entry(platform=[]), "manifests[1].platform: expected an object, found an array"),
        (
            entry(platform={"os": "linux"}),
            "manifests[1].platform.architecture: expected text that is not empty, found nothing",
        ),
        (
            entry(platform={"os": "", "architecture": ""}),
            'manifests[1].platform.os: expected text that is not empty, found ""',
        ),
        (
            entry(platform={"os": "linux", "architecture": 386}),
            "manifests[1].platform.architecture: expected text that is not empty, found 386",
        ),
        (
            entry(platform={"os": "linux", "architecture": "arm", "variant": 7}),
            "manifests[1].platform.variant: expected text, found 7",
        ),
        (
            entry(platform={"os": "linux", "architecture": "arm", "os.version": 7}),
            'manifests[1].platform["os.version"]: expected text, found 7',
        ),
        (
            entry(platform={"os": "linux", "architecture": "arm", "os.features": [1]}),
            'manifests[1].platform["os.features"][0]: expected text, found 1',
        ),
        (
            without(entry(mediaType="a/b", platform=None), "mediaType") | {"mediaType": OCI_LIST},
            "manifests[1].platform: expected an object, found null",
        ),
        ({"mediaType": ARTIFACT_MANIFEST}, "artifactType: expected text, found nothing"),
        (
            {"mediaType": ARTIFACT_MANIFEST, "artifactType": "x", "blobs": {}},
            "blobs: expected an array, found an object",
        ),
        (
            {"mediaType": ARTIFACT_MANIFEST, "artifactType": "x", "blobs": [{"mediaType": "a/b"}]},
            f"blobs[0].digest: expected {A_DIGEST}, found nothing",
        ),
        ({"schemaVersion": 2, "fsLayers": [], "history": []}, "schemaVersion: expected the number 1, found 2"),
        ({"schemaVersion": 1, "mediaType": SCHEMA1}, "fsLayers: expected an array, found nothing"),
        ({"schemaVersion": 1, "fsLayers": []}, "history: expected an array, found nothing"),
        (
            {"schemaVersion": 1, "fsLayers": [{}], "history": []},
            f"fsLayers[0].blobSum: expected {A_DIGEST}, found nothing",
        ),
        (
            {"schemaVersion": 1, "fsLayers": ["x"], "history": []},
            'fsLayers[0]: expected an object, found "x"',
        ),
        (
            {"schemaVersion": 1, "fsLayers": [], "history": [{}]},
            "history: expected one entry for each of the 0 fsLayers, found 1",
        ),
        (
            {"schemaVersion": 1, "fsLayers": [{"blobSum": f"sha256:{HEX}"}], "history": [1]},
            "history[0]: expected an object, found 1",
        ),
        (
            {"schemaVersion": 1, "fsLayers": [{"blobSum": f"sha256:{HEX}"}], "history": [{}]},
            "history[0].v1Compatibility: expected text, found nothing",
        ),
    ],
)
def test_a_problem_says_where_and_what(content: Any, message: str) -> None:
    assert problem(content) == message


@pytest.mark.parametrize(
    "content",
    [
        {"_type": "https://example.com/Statement/v1"},
        {"_type": 5},
        {"payloadType": "text/plain", "payload": ""},
        {"payloadType": "application/vnd.in-toto+json"},
        {"artifactType": "application/example"},
        {"blobs": []},
        {"schemaVersion": 2},
        descriptor("a bare descriptor", 5, "text/plain"),
    ],
)
def test_what_is_no_manifest_is_refused(content: dict[str, Any]) -> None:
    assert "the document: is no manifest" in problem(content) or problem(content).startswith("mediaType: expected the")


def test_what_was_found_is_quoted_short_and_escaped() -> None:
    long = problem(layer(size="\x00\x1b[31m\x7f\u202e" + "9" * 1_000_000))
    assert long.startswith(f'layers[2].size: expected {A_SIZE}, found "\\u0000\\u001b[31m\\u007f\\u202e999')
    assert long.isprintable()
    assert long.isascii()
    assert len(long) < 300
    key = problem(manifest(annotations={"k\n" * 100_000: 1}))
    assert key.isprintable()
    assert len(key) < 300


def test_the_declared_media_type_is_kept_where_the_rest_is_no_good() -> None:
    assert only_a_problem(document(manifest(layers=5))).manifest.media_type == OCI_MANIFEST
    assert only_a_problem(document({"mediaType": "application/json"})).manifest.media_type == "application/json"
    assert only_a_problem(document({"mediaType": "no media type"})).manifest.media_type is None
    assert only_a_problem(b'{"mediaType": "a/b", "mediaType": "c/d"}').manifest.media_type is None


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"", "not JSON: "),
        (b"   ", "not JSON: "),
        (b"not json", "not JSON: "),
        (b'{"schemaVersion": 2', "not JSON: "),
        (b'{"schemaVersion": 2,}', "not JSON: "),
        (b'{"schemaVersion": 2} {}', "not JSON: "),
        (b"{'schemaVersion': 2}", "not JSON: "),
        (b'\xef\xbb\xbf{"schemaVersion": 2}', "not JSON: "),
        (b'{"schemaVersion": NaN}', "not JSON: "),
        (b'{"schemaVersion": -Infinity}', "not JSON: "),
        (b'{"schemaVersion": 1e999}', "not JSON: "),
        (b'{"schemaVersion": ' + b"9" * 10_000 + b"}", "not JSON: "),
        (b'{"annotations": {"a": "\\ud800"}}', "not JSON: "),
        (b'{"annotations": {"\\udc00\\ud800": "a"}}', "not JSON: "),
        (b'{"a": "\n"}', "not JSON: "),
        (b'{"a":' * 300 + b"1" + b"}" * 300, "nested too deep"),
        (b"[" * 100_000 + b"]" * 100_000, "not JSON: "),
        (b"[" * 100_000, "not JSON: "),
    ],
    ids=range(18),
)
def test_what_is_not_json_is_a_problem(raw: bytes, message: str) -> None:
    row = only_a_problem(raw).manifest
    assert row.problem is not None
    assert row.problem.startswith(message)
    assert row.problem.isprintable()
    assert len(row.problem) < 200
    assert row.raw == raw.decode()
    assert row.verified


def test_deep_nesting_in_a_manifest_is_a_problem_not_a_crash() -> None:
    shallow = document(manifest(extra=json.loads("[" * 200 + "]" * 200)))
    assert flatten(digest_of(shallow), shallow, SOURCE).manifest.problem is None
    deep = shallow.replace(b"[" * 200, b"[" * 900).replace(b"]" * 200, b"]" * 900)
    assert "nested too deep" in (only_a_problem(deep).manifest.problem or "")


def test_bytes_that_are_no_text_are_kept_as_well_as_can_be() -> None:
    row = only_a_problem(b'{"a": "\xff\xfe"}').manifest
    assert row.problem == "not UTF-8 text: byte 0xff at position 7"
    assert row.raw == '{"a": "\ufffd\ufffd"}'
    assert not row.verified
    assert not only_a_problem(b'{"a": "\xed\xa0\x80"}').manifest.verified  # a surrogate, encoded


@pytest.mark.slow
def test_a_hundred_thousand_layers_are_no_trouble() -> None:
    layers = [descriptor(OCI_LAYER + str(at), at) for at in range(100_000)]
    raw = document(manifest(layers=layers))
    rows = flatten(digest_of(raw), raw, SOURCE)
    assert rows.manifest.layer_count == len(rows.layers) == 100_000
    assert rows.manifest.layer_bytes == sum(range(100_000))
    assert [each.position for each in rows.layers[:3]] == [0, 1, 2]
    layers[-1]["size"] = "99999"
    assert problem(manifest(layers=layers)).startswith("layers[99999].size: expected")


def test_a_long_media_type_is_refused_and_not_remembered() -> None:
    from indexer.flatten import checks  # noqa: PLC0415 - only this test looks at what is remembered

    longest = "a" * 127 + "/" + "b" * 127
    content = layer(mediaType=longest)
    assert flatten("sha256:x", document(content), SOURCE).manifest.problem is None
    assert longest in checks.known_media_types
    assert problem(layer(mediaType=longest + "b")).startswith("layers[2].mediaType: expected")
    assert problem(layer(mediaType="a" + "/b" * 1_000_000)).startswith("layers[2].mediaType: expected")
    assert max(map(len, checks.known_media_types)) == 255


def test_media_types_beyond_what_is_remembered_are_still_read() -> None:
    layers = [descriptor(str(at), 1, f"application/x-{at}") for at in range(5000)]
    raw = document(manifest(layers=layers))
    rows = flatten(digest_of(raw), raw, SOURCE)
    assert [each.media_type for each in rows.layers] == [each["mediaType"] for each in layers]

"""The short way for manifests of the common form finds what the long way finds, and takes no other document."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.manifests import digest_of

from indexer.errors import DocumentError
from indexer.flatten import Flattened, Source, flatten
from indexer.flatten.documents import load
from indexer.flatten.layers import Layers, bare
from indexer.flatten.manifests import common_manifest, read
from indexer.model import OCI_CONFIG, OCI_MANIFEST, Digest, ImageManifest, Kind
from indexer.tables import LayerRow

GZIP = "application/vnd.oci.image.layer.v1.tar+gzip"
FOREIGN = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"


def layer(name: str, **more: object) -> dict[str, object]:
    return {"mediaType": GZIP, "digest": digest_of(name), "size": len(name)} | more


def manifest(layers: object, **more: object) -> dict[str, Any]:
    config = {"mediaType": OCI_CONFIG, "digest": digest_of("config"), "size": 7}
    return {"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": config, "layers": layers} | more


@pytest.fixture(autouse=True)
def _met() -> None:
    """Media types that were met before."""
    for media_type in (GZIP, FOREIGN, OCI_CONFIG, OCI_MANIFEST, "text/plain", "application/vnd.in-toto+json"):
        read(manifest([layer("a", mediaType=media_type)]))


def test_the_common_form_is_taken() -> None:
    document = manifest([layer("a"), layer("b", mediaType=FOREIGN)], annotations={"k": "v"})
    common = common_manifest(document)
    assert common is not None
    found, layers = common
    whole = read(document)
    assert isinstance(whole, ImageManifest)
    assert found == whole._replace(layers=())
    assert layers.digests == [digest_of("a"), digest_of("b")]
    rows = Layers("sha256:m", layers, [True, False])
    assert rows == [
        LayerRow("sha256:m", 0, digest_of("a"), GZIP, 1, True, None),
        LayerRow("sha256:m", 1, digest_of("b"), FOREIGN, 1, False, None),
    ]
    assert rows[-1] == rows[1:][0] == list(rows)[1]
    assert rows == Layers("sha256:m", layers, [True, False])
    assert rows != Layers("sha256:n", layers, [True, False])
    with pytest.raises(IndexError):
        rows[2]


NOT_COMMON: list[object] = [
    [],
    None,
    "text",
    7,
    {"a": 1},
    [[]],
    ["abc"],
    [None],
    [layer("a", annotations={"a": "b"})],
    [layer("a", mediaType="never/met")],
    [layer("a", mediaType=None)],
    [layer("a", mediaType=["x"])],
    [layer("a", size=-1)],
    [layer("a", size=True)],
    [layer("a", size=1.0)],
    [layer("a", size="1")],
    [layer("a", size=2**63)],
    [layer("a", size=2**62), layer("b", size=2**62)],
    [layer("a", digest="sha512:" + "0" * 128)],
    [layer("a", digest="sha256:" + "A" * 64)],
    [layer("a", digest=7)],
    [layer("a", digest=[])],
    [layer("a"), layer("a")],
    [{"mediaType": GZIP, "digest": digest_of("a")}],
]


@pytest.mark.parametrize("layers", NOT_COMMON, ids=repr)
def test_what_is_not_of_the_common_form_is_left_to_the_long_way(layers: object) -> None:
    assert bare(layers) is None
    assert common_manifest(manifest(layers)) is None


@pytest.mark.parametrize(
    "more",
    [
        {"mediaType": None},
        {"mediaType": "application/vnd.oci.image.index.v1+json"},
        {"mediaType": 7},
        {"config": None},
        {"config": []},
        {"config": {"mediaType": OCI_CONFIG, "digest": digest_of("c"), "size": 1, "data": "e30="}},
        {"schemaVersion": 2.0},
        {"schemaVersion": True},
        {"subject": layer("s")},
        {"artifactType": "a/b"},
        {"manifests": []},
        {"fsLayers": None},
    ],
    ids=repr,
)
def test_documents_that_say_more_or_less_are_left_to_the_long_way(more: dict[str, object]) -> None:
    assert common_manifest(manifest([layer("a")], **more)) is None


def flat(text: str) -> Flattened:
    raw = text.encode()
    return flatten(str(Digest.of(raw)), raw, Source("1", "eu-west-1", "team/app", datetime(2026, 1, 2, tzinfo=UTC)))


@pytest.mark.parametrize("indent", [None, 3])
@pytest.mark.parametrize(
    ("once", "twice"),
    [
        ('"schemaVersion": 2', '"schemaVersion": 1, "schemaVersion": 2'),
        ('"config": {', '"config": {}, "config": {'),
        ('"layers": [', '"layers": [], "layers": ['),
        ('"size": 7', '"size": 8, "size": 7'),
        ('"size": 1', '"size": 2, "size": 1'),
        ('"k": "v"', '"k": "w", "k": "v"'),
    ],
)
def test_a_key_that_stands_twice_is_seen_on_the_short_way(once: str, twice: str, indent: int | None) -> None:
    written = json.dumps(manifest([layer("a")], annotations={"k": "v"}), indent=indent)
    assert isinstance(flat(written).layers, Layers), "the short way takes the document itself"
    found = flat(written.replace(once, twice, 1)).manifest
    assert found.kind == Kind.UNKNOWN
    assert "twice" in str(found.problem)


@pytest.mark.parametrize("said", ['"', r"\u0022", "\\", "é", "a\tb"])
def test_escapes_do_not_make_a_key_stand_twice(said: str) -> None:
    written = json.dumps(manifest([layer("a")], annotations={f"k{said}": f"{said}{said}"}))
    found = flat(written)
    assert found.manifest.problem is None
    assert found.manifest.annotations == {f"k{said}": f"{said}{said}"}
    assert list(found.layers) == [LayerRow(found.manifest.manifest_digest, 0, digest_of("a"), GZIP, 1, True, None)]


_VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-1, 2**64 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from([GZIP, FOREIGN, OCI_CONFIG, OCI_MANIFEST, "text/plain", "application/vnd.in-toto+json", ""]),
    st.sampled_from([digest_of("a"), digest_of("b"), digest_of("c"), "sha256:" + "g" * 64]),
    st.just([]),
    st.just({}),
)
_LAYER = st.fixed_dictionaries(
    {
        "mediaType": st.one_of(st.sampled_from([GZIP, FOREIGN, "text/plain"]), _VALUES),
        "digest": st.one_of(st.sampled_from([digest_of(name) for name in "abcdef"]), _VALUES),
        "size": st.one_of(st.integers(0, 2**62), _VALUES),
    }
)


@settings(deadline=None)
@given(st.lists(_LAYER, max_size=4), st.sampled_from(["schemaVersion", "mediaType", "config", "annotations"]), _VALUES)
def test_both_ways_find_the_same(layers: list[object], member: str, value: object) -> None:
    for written in (manifest(layers), manifest(layers, **{member: value})):
        document = load(json.dumps(written).encode())
        try:
            whole: object = read(document)
        except DocumentError as error:
            whole = str(error)
        common = common_manifest(document)
        if common is not None:
            assert isinstance(whole, ImageManifest)
            found, columns = common
            assert found == whole._replace(layers=())
            assert list(zip(*columns, strict=True)) == [(each[1], each[0], each[2]) for each in whole.layers]

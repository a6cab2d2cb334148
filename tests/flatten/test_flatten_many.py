"""Many documents together give the rows that each gives on its own, whatever is among them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.manifests import digest_of

from indexer.flatten import Bundle, Flattened, Given, Source, flatten, flatten_all
from indexer.flatten.checks import are_sha256, is_sha256
from indexer.model import OCI_CONFIG, OCI_INDEX, OCI_MANIFEST, Digest, Kind
from indexer.tables import LayerRow

GZIP = "application/vnd.oci.image.layer.v1.tar+gzip"
FOREIGN = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"
SOURCE = Source("1", "eu-west-1", "team/app", datetime(2026, 1, 2, tzinfo=UTC), 1_700_000_000_000_000)


def layer(name: str, **more: object) -> dict[str, object]:
    return {"mediaType": GZIP, "digest": digest_of(name), "size": len(name)} | more


def manifest(layers: object, **more: object) -> dict[str, Any]:
    config = {"mediaType": OCI_CONFIG, "digest": digest_of("config"), "size": 7}
    return {"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": config, "layers": layers} | more


def together(raws: Sequence[bytes]) -> Bundle:
    sources = [SOURCE._replace(pulled_at=at or None) for at in range(len(raws))]
    each = zip(raws, sources, strict=True)
    return flatten_all(
        [Given(str(Digest.of(raw)), raw, source, at % 2 == 0, 3 * at) for at, (raw, source) in enumerate(each)]
    )


def one_by_one(raws: Sequence[bytes]) -> list[Flattened]:
    return [
        flatten(str(Digest.of(raw)), raw, SOURCE._replace(pulled_at=at or None), verified=at % 2 == 0)
        for at, raw in enumerate(raws)
    ]


def check_same(raws: Sequence[bytes]) -> Bundle:
    """Check a bundle against the rows of its documents; return it."""
    bundle, each = together(raws), one_by_one(raws)
    assert bundle.orders == [3 * at for at in range(len(raws))]
    assert bundle.manifests == [one.manifest for one in each]
    assert bundle.counts == [len(one.layers) for one in each]
    assert bundle.layers == [row for one in each for row in one.layers]
    assert bundle.configs == [row for one in each for row in one.configs]
    assert bundle.entries == [row for one in each for row in one.index_entries]
    # True is 1 and 2.0 is 2, but not in a column.
    assert [[*map(type, row)] for row in bundle.manifests] == [[*map(type, one.manifest)] for one in each]
    assert [[*map(type, row)] for row in bundle.configs] == [[*map(type, row)] for one in each for row in one.configs]
    return bundle


@pytest.fixture(autouse=True)
def _met() -> None:
    """Media types that were met before: a document with a new one goes the careful way once."""
    for media_type in (GZIP, FOREIGN, OCI_CONFIG, OCI_MANIFEST, "text/plain", "application/vnd.in-toto+json"):
        one_by_one([json.dumps(manifest([layer("a", mediaType=media_type)])).encode()])


COMMON = manifest([layer("a"), layer("b", mediaType=FOREIGN)], annotations={"k": "v"})
ODD: list[object] = [
    manifest([]),
    manifest(None),
    manifest("text"),
    manifest(7),
    manifest({}),
    manifest({"a": 1}),
    manifest([[]]),
    manifest(["abc"]),
    manifest([None]),
    manifest([layer("a", annotations={"a": "b"})]),
    manifest([layer("a", mediaType="never/met")]),
    manifest([layer("a", mediaType=None)]),
    manifest([layer("a", mediaType=["x"])]),
    manifest([layer("a", size=-1)]),
    manifest([layer("a", size=True)]),
    manifest([layer("a", size=1.0)]),
    manifest([layer("a", size="1")]),
    manifest([layer("a", size=2**63)]),
    manifest([layer("a", size=2**62), layer("b", size=2**62)]),
    manifest([layer("a", digest="sha512:" + "0" * 128)]),
    manifest([layer("a", digest="sha256:" + "A" * 64)]),
    manifest([layer("a", digest="é" * 71)]),
    manifest([layer("a", digest=7)]),
    manifest([layer("a", digest=[])]),
    manifest([layer("a"), layer("b"), layer("a")]),
    manifest([layer("config")]),
    manifest([{"mediaType": GZIP, "digest": digest_of("a")}]),
    manifest([layer("a")], mediaType=None),
    manifest([layer("a")], mediaType=OCI_INDEX),
    manifest([layer("a")], mediaType=f"{OCI_MANIFEST};version=1"),
    manifest([layer("a")], mediaType=GZIP),
    manifest([layer("a")], mediaType=7),
    manifest([layer("a")], config=None),
    manifest([layer("a")], config=[]),
    manifest([layer("a")], config={"mediaType": OCI_CONFIG, "digest": digest_of("c"), "size": 1, "data": "e30="}),
    manifest([layer("a")], config={"mediaType": OCI_CONFIG, "digest": digest_of("c"), "size": 2**63}),
    manifest([layer("a")], config={"mediaType": OCI_CONFIG, "digest": digest_of("c"), "size": None}),
    manifest([layer("a")], config={"mediaType": OCI_CONFIG, "digest": "sha256:c", "size": 1}),
    manifest([layer("a")], config={"mediaType": OCI_CONFIG, "digest": [], "size": 1}),
    manifest([layer("a")], config={"mediaType": OCI_CONFIG, "digest": {}, "size": 1}),
    manifest([layer("a")], config={"mediaType": {}, "digest": digest_of("c"), "size": 1}),
    manifest([layer("a")], schemaVersion=[2]),
    manifest([layer("a")], mediaType=[]),
    manifest([layer("a")], schemaVersion=2.0),
    manifest([layer("a")], schemaVersion=True),
    manifest([layer("a")], schemaVersion=1),
    manifest([layer("a")], annotations=None),
    manifest([layer("a")], annotations={}),
    manifest([layer("a")], annotations={"k": None}),
    manifest([layer("a")], annotations="abc"),
    manifest([layer("a")], annotations=["k"]),
    manifest([layer("a")], annotations=1),
    manifest([layer("a")], subject=layer("s")),
    manifest([layer("a")], artifactType="a/b"),
    manifest([layer("a")], manifests=[]),
    manifest([layer("a")], fsLayers=None),
    {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [layer("m", mediaType=OCI_MANIFEST)]},
    [],
    "text",
    None,
]


@pytest.mark.parametrize("odd", ODD, ids=repr)
def test_an_odd_document_among_common_ones(odd: object) -> None:
    common = json.dumps(COMMON).encode()
    check_same([common, json.dumps(odd).encode(), common, json.dumps(odd, indent=3).encode()])
    check_same([json.dumps(odd).encode()])


@pytest.mark.parametrize("raw", [b"", b"no json", b"{", b"\xff\xfe", b'{"a": NaN}', b"[" * 2000], ids=repr)
def test_what_is_no_json_among_common_ones(raw: bytes) -> None:
    common = json.dumps(COMMON).encode()
    bundle = check_same([common, raw, common])
    assert [digest for digest, _ in bundle.problems] == [str(Digest.of(raw))]
    assert bundle.bytes == 2 * len(common) + len(raw)


def test_nothing_is_an_empty_bundle() -> None:
    assert len(check_same([])) == 0


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
def test_a_key_that_stands_twice_is_seen(once: str, twice: str, indent: int | None) -> None:
    written = json.dumps(COMMON, indent=indent)
    assert once in written
    bundle = check_same([written.replace(once, twice, 1).encode(), written.encode()])
    twice_, fine = bundle.manifests
    assert (twice_.kind, fine.kind) == (Kind.UNKNOWN, Kind.IMAGE)
    assert "twice" in str(twice_.problem)


def entry(name: str, **more: object) -> dict[str, object]:
    platform = {"os": "linux", "architecture": "amd64"}
    return {"mediaType": OCI_MANIFEST, "digest": digest_of(name), "size": 9, "platform": platform} | more


def index(*entries: object, **more: object) -> dict[str, Any]:
    return {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": list(entries)} | more


_REFERENCE = {"vnd.docker.reference.type": "attestation-manifest", "vnd.docker.reference.digest": digest_of("a")}
INDEXES: list[object] = [
    index(),
    index(None),
    index([]),
    index(entry("a")),
    index(entry("a"), entry("b", platform={"os": "linux", "architecture": "arm", "variant": "v7"})),
    index(entry("a", platform={"os": "windows", "architecture": "amd64", "os.version": "10.0:1"})),
    index(entry("a", platform={"os": "unknown", "architecture": "unknown"}, annotations=_REFERENCE)),
    index(entry("a", annotations={"k": "v", "a:b": "c:d"}), annotations={"x": "y"}),
    index(entry("a", annotations={"k": 1})),
    index(entry("a", annotations=None)),
    index(entry("a"), annotations={}),
    index(entry("a"), annotations=None),
    index(entry("a", platform=None)),
    index(entry("a", platform={})),
    index(entry("a", platform={"os": "", "architecture": "amd64"})),
    index(entry("a", platform={"os": "linux", "architecture": ""})),
    index(entry("a", platform={"os": "li:nux", "architecture": "am:d64"})),
    index(entry("a", platform={"os": "linux", "architecture": "arm", "variant": None})),
    index(entry("a", platform={"os": "linux", "architecture": "arm", "variant": ""})),
    index(entry("a", platform={"os": "linux", "architecture": "arm", "features": ["x"]})),
    index(entry("a", platform={"os": "linux", "architecture": "arm", "more": 1})),
    index(entry("a", size=-1)),
    index(entry("a", size=2**63)),
    index(entry("a", size=2**63 - 1), entry("b", size=2**63 - 1)),
    index(entry("a", size=1.0)),
    index(entry("a", digest="sha256:c")),
    index(entry("a", digest="sha512:" + "0" * 128)),
    index(entry("a", mediaType=OCI_INDEX)),
    index(entry("a", mediaType=None)),
    index(entry("a", artifactType="a/b")),
    index(entry("a"), subject=layer("s")),
    index(entry("a"), artifactType="a/b"),
    index(entry("a"), config={}),
    index(entry("a"), layers=None),
    index(entry("a"), schemaVersion=1),
    index(entry("a"), mediaType=OCI_MANIFEST),
    index(entry("a"), mediaType="application/vnd.docker.distribution.manifest.list.v2+json"),
]


@pytest.mark.parametrize("odd", INDEXES, ids=repr)
def test_an_index_among_manifests(odd: object) -> None:
    common = json.dumps(COMMON).encode()
    check_same([common, json.dumps(odd).encode(), common, json.dumps(odd, indent=3).encode()])
    check_same([json.dumps(odd).encode()])


@pytest.mark.parametrize(
    ("once", "twice"),
    [
        ('"schemaVersion": 2', '"schemaVersion": 1, "schemaVersion": 2'),
        ('"manifests": [', '"manifests": [], "manifests": ['),
        ('"size": 9', '"size": 8, "size": 9'),
        ('"os": "linux"', '"os": "plan9", "os": "linux"'),
        ('"variant": "v:8"', '"variant": null, "variant": "v:8"'),
        ('"platform": {', '"platform": {"os": "a", "architecture": "b"}, "platform": {'),
        ('"k": "v"', '"k": "w", "k": "v"'),
        ('"k": "v"', '"k": "v:", "k": "v"'),
    ],
)
def test_a_key_that_stands_twice_in_an_index_is_seen(once: str, twice: str) -> None:
    platform = {"os": "linux", "architecture": "arm64", "variant": "v:8"}
    written = json.dumps(index(entry("a", platform=platform, annotations={"k": "v"}), entry("b")))
    assert once in written
    bundle = check_same([written.replace(once, twice, 1).encode(), written.encode()])
    assert [row.kind for row in bundle.manifests] == [Kind.UNKNOWN, Kind.INDEX]


@pytest.mark.parametrize(
    ("once", "twice"),
    [
        ('"k": "v"', r'"k": "\u0076"'),
        ('"k": "v"', r'"k": "a\u003ab", "k": "v"'),
        ('"size": 1', r'"size": 2, "si\u007ae": 1'),
        (digest_of("a"), digest_of("a").replace(":", r"\u003a")),
        (
            f'"digest": "{digest_of("a")}"',
            rf'"digest": "x", "digest": "{digest_of("a").replace(":", chr(92) + "u003a")}"',
        ),
    ],
)
def test_escapes_hide_no_key(once: str, twice: str) -> None:
    """An escaped colon in a value must not make up for the colon of a key that stands twice."""
    written = json.dumps(manifest([layer("a", annotations={"k": "v"})]))
    assert once in written
    check_same([written.replace(once, twice, 1).encode(), written.encode()])


@pytest.mark.parametrize("said", ['"', r"\u0022", "\\", "é", "a\tb"])
def test_escapes_do_not_make_a_key_stand_twice(said: str) -> None:
    raw = json.dumps(manifest([layer("a")], annotations={f"k{said}": f"{said}{said}"})).encode()
    (row,) = check_same([raw]).manifests
    assert row.problem is None
    assert row.annotations == {f"k{said}": f"{said}{said}"}


def test_some_of_a_bundle() -> None:
    raws = [json.dumps(each).encode() for each in (COMMON, ODD[-4], manifest([layer("c")]), ODD[0])]
    bundle, each = check_same(raws), one_by_one(raws)
    for wanted in ([True] * 4, [False] * 4, [True, False, False, True], [False, True, True, False]):
        some = bundle.only(wanted)
        kept = Bundle.of((one, 3 * at) for at, one in enumerate(each) if wanted[at])
        for name in Bundle.__slots__:
            assert getattr(some, name) == getattr(kept, name), name
    assert bundle.children == [digest_of("m")]


def test_a_config_without_its_row_is_refused() -> None:
    whole = one_by_one([json.dumps(COMMON).encode()])[0]
    with pytest.raises(ValueError, match="differ"):
        Bundle.of([(whole._replace(configs=[]), 0)])
    with pytest.raises(ValueError, match="differ"):
        Bundle.of([(whole._replace(manifest=whole.manifest._replace(config_digest=None)), 0)])


def test_layers_stand_base_first() -> None:
    bundle = check_same([json.dumps(COMMON).encode()])
    assert bundle.layers == [
        LayerRow(bundle.digests[0], 0, digest_of("a"), GZIP, 1, True, None),
        LayerRow(bundle.digests[0], 1, digest_of("b"), FOREIGN, 1, False, None),
    ]


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
_GOOD = st.sampled_from([digest_of(name) for name in "abcd"]).map(lambda digest: layer("x", digest=digest))
_DOCUMENT = st.builds(
    lambda layers, member, value: manifest(layers) | ({member: value} if member else {}),
    st.lists(_GOOD, max_size=4) | st.lists(_LAYER, max_size=4),
    st.sampled_from(["", "", "schemaVersion", "mediaType", "config", "config", "annotations", "layers"]),
    _VALUES | _LAYER,
)


_ENTRY = st.fixed_dictionaries(
    {
        "mediaType": st.sampled_from([OCI_MANIFEST, OCI_INDEX]) | _VALUES,
        "digest": st.sampled_from([digest_of(name) for name in "ab"]) | _VALUES,
        "size": st.integers(0, 2**62) | _VALUES,
        "platform": st.fixed_dictionaries(
            {"os": st.sampled_from(["linux", ""]), "architecture": st.sampled_from(["amd64", "a:b"])},
            optional={"variant": st.sampled_from(["v7", "", None]), "os.version": st.sampled_from(["10", ":"])},
        )
        | _VALUES,
    },
    optional={
        "annotations": st.dictionaries(st.sampled_from(["k", "a:b"]), st.sampled_from(["v", ":", '"']), max_size=2)
    },
)
_GOOD_ENTRY = st.sampled_from("ab").map(entry)
_INDEX = st.lists(_GOOD_ENTRY, max_size=3).map(lambda each: index(*each)) | st.lists(_ENTRY, max_size=2).map(
    lambda each: index(*each)
)


@settings(deadline=None)
@given(st.lists(_DOCUMENT | _INDEX, max_size=5), st.sampled_from([None, 3]))
def test_together_and_one_by_one_give_the_same(documents: list[object], indent: int | None) -> None:
    check_same([json.dumps(document, indent=indent).encode() for document in documents])


_ALMOST = st.text("sha256:0f", max_size=71) | st.builds(
    lambda name, at, mark: name[:at] + mark + name[at + 1 :],
    st.just(digest_of("a")),
    st.integers(0, 70),
    st.sampled_from(["s", "h", ":", "a", "2", "G", "é", "\ud800", "", "sh"]),
)


@settings(deadline=None)
@given(st.lists(st.just(digest_of("a")) | _ALMOST | st.none(), max_size=3))
def test_digests_are_told_together_as_one_by_one(each: list[str | None]) -> None:
    assert are_sha256(each) == all(one is not None and is_sha256(one) is not None for one in each)


def test_digests_that_only_together_look_like_some() -> None:
    one = digest_of("a")
    moved = [one[:70], one[70] + one]
    swapped = [f"s{'0' * 63}ha256:", f"sha256:{'0' * 64}"]
    for each in (moved, swapped, [one[1:] + "s"], [one.replace("sha256:", "s0h256:a")]):
        assert are_sha256(each) is False
        assert are_sha256([one, *each, one]) is False
    assert are_sha256([one, one])
    assert are_sha256([])

"""Two real registries, served over HTTP, indexed through boto3, and asked: the figures are those known of them.

Their manifests are built from rows of (image, tag, layer), so manifest digests are new; layer and config digests and
sizes are the real ones. Config sizes are not known and set to 0, so that bytes are those of layers.
"""

from __future__ import annotations

import collections
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from support.answers import answer, rows
from support.world import World, world

from indexer.local_ecr import Registry
from indexer.model import DOCKER_CONFIG, DOCKER_LIST, DOCKER_MANIFEST

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("registries")]

OFFICIAL = "registry-official-images-2018.parquet"
TOP = "registry-docker-hub-top150-2023.parquet"
LAYER = "application/vnd.docker.image.rootfs.diff.tar.gzip"
CONFIG_OF = "application/x-made-up"
Row = Mapping[str, Any]


def schema2(layers: Mapping[int, tuple[str, int, str]], config: str) -> bytes:
    return json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": DOCKER_MANIFEST,
            "config": {"mediaType": DOCKER_CONFIG, "size": 0, "digest": config},
            "layers": [
                {"mediaType": media_type, "size": size, "digest": digest}
                for _, (digest, size, media_type) in sorted(layers.items())
            ],
        },
        indent=3,
    ).encode()


def manifest_list(children: list[tuple[str, int, Row]]) -> bytes:
    return json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": DOCKER_LIST,
            "manifests": [
                {
                    "mediaType": DOCKER_MANIFEST,
                    "size": size,
                    "digest": digest,
                    "platform": {"os": row["platform_os"], "architecture": row["platform_arch"]},
                }
                for digest, size, row in children
            ],
        },
        indent=3,
    ).encode()


def official_registry(path: Path) -> Registry:
    """Push every manifest to its repository, and every tag: to the index where there is one."""
    found: list[Row] = pq.read_table(path).to_pylist()
    layers: dict[str, dict[int, tuple[str, int, str]]] = collections.defaultdict(dict)
    first: dict[str, Row] = {}
    tags: dict[tuple[str, str, str | None], dict[str, Row]] = collections.defaultdict(dict)
    for row in found:
        old = row["manifest_digest"]
        layers[old][row["layer_position"]] = (row["layer_digest"], row["layer_size"], row["layer_media_type"])
        first.setdefault(old, row)
        tags[row["image"], row["tag"], row["index_digest"]].setdefault(old, row)
    registry = Registry()
    documents = {old: schema2(each, first[old]["config_digest"]) for old, each in layers.items()}
    for name in sorted({row["image"] for row in found}):
        registry.create_repository(f"library/{name}")
    digests = {old: registry.put_image(f"library/{first[old]['image']}", each) for old, each in documents.items()}
    for (image, tag, index), children in tags.items():
        if index is None:
            (only,) = children
            registry.tag_image(f"library/{image}", digests[only], tag)
            continue
        listed = [(digests[old], len(documents[old]), row) for old, row in children.items()]
        registry.put_image(f"library/{image}", manifest_list(listed), tags=[tag])
    return registry


def top_registry(path: Path) -> Registry:
    layers: dict[str, dict[int, tuple[str, int, str]]] = collections.defaultdict(dict)
    names: dict[str, str] = {}
    for row in pq.read_table(path).to_pylist():
        layers[row["digest"]][row["position"]] = (row["layer_digest"], row["layer_size"], LAYER)
        names[row["digest"]] = f"{row['namespace']}/{row['name']}"
    registry = Registry()
    for digest, name in names.items():
        registry.create_repository(name)
        # The config is not known: the image's old digest stands in for it, which keeps configs apart from layers.
        registry.put_image(name, schema2(layers[digest], digest), tags=["latest"])
    return registry


@pytest.fixture(scope="module")
def official(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with world(tmp_path_factory.mktemp("official") / "store", [official_registry(corpus / OFFICIAL)]) as the_world:
        yield the_world


@pytest.fixture(scope="module")
def top(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with world(tmp_path_factory.mktemp("top") / "store", [top_registry(corpus / TOP)]) as the_world:
        yield the_world


@pytest.fixture(scope="module")
def official_store(official: World) -> Path:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "made-up")
        summary = official.run()
    assert summary.complete
    assert summary.row.repositories == 143
    return official.folder


@pytest.fixture(scope="module")
def top_store(top: World) -> Path:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "made-up")
        assert top.run().complete
    return top.folder


def test_official_images_are_all_there(official_store: Path) -> None:
    counts = dict(rows(official_store, "select kind, count(*) from manifests group by kind"))
    assert counts == {"image": 3_145, "index": 1_008}
    assert rows(official_store, "select count(*) from tags") == [(3_256,)]
    assert rows(official_store, "select count(*), count(distinct layer_digest) from layers") == [(25_854, 9_791)]
    foreign = "select count(distinct layer_digest) from layers where not distributable"
    assert rows(official_store, foreign) == [(9,)]


def test_official_totals(official_store: Path) -> None:
    total = next(each for each in answer(official_store, "registry-totals") if each["registry_id"] is None)
    foreign = rows(
        official_store, "select sum(size) from (select distinct layer_digest, size from layers where not distributable)"
    )
    ((foreign_bytes,),) = foreign
    assert total["listed_layer_bytes"] == 635_291_943_177
    assert total["unique_bytes"] + foreign_bytes == 171_655_457_577
    assert total["images_unknown"] == total["children_unknown"] == total["blobs_unknown_size"] == 0
    assert total["stored_bytes_low"] == total["unique_bytes"], "one registry, one encryption key"
    by_repository = answer(official_store, "storage-by-repository")
    assert len(by_repository) == 143
    assert sum(each["unique_bytes"] + each["foreign_bytes"] for each in by_repository) == 303_318_915_763
    assert sum(each["unique_bytes"] for each in by_repository) == total["stored_bytes_high"]


def test_official_largest_repositories(official_store: Path) -> None:
    largest = answer(official_store, "storage-by-repository", limit=143)
    held = {each["repository"]: each["unique_bytes"] + each["foreign_bytes"] for each in largest}
    ranked = sorted(held.items(), key=lambda item: -item[1])[:3]
    assert ranked == [
        ("library/openjdk", 31_039_324_820),
        ("library/python", 16_945_870_527),
        ("library/golang", 16_218_742_803),
    ]


def test_official_reuse(official_store: Path) -> None:
    histogram = {each["used_by"]: each["layers"] for each in answer(official_store, "layer-reuse-histogram")}
    assert {used_by: histogram[used_by] for used_by in (1, 2, 3, 4)} == {1: 6_663, 2: 1_289, 3: 614, 4: 400}
    assert sum(histogram.values()) == 9_791
    most = answer(official_store, "most-shared-layers", limit=1)[0]
    assert most["layer_digest"] == "sha256:723254a2c089166d4bcfa917be0181ddbecd94971ebfe85792d96e7e29be9c68"
    assert (most["manifests"], most["repositories"], most["size"]) == (191, 43, 45_121_631)
    users = answer(official_store, "images-with-layer", digest=most["layer_digest"])
    assert len({each["manifest_digest"] for each in users}) >= 191


def test_top_images(top_store: Path) -> None:
    assert rows(top_store, "select count(*) from layers") == [(1_068,)]
    pairs = "select count(*) from (select distinct manifest_digest, layer_digest from layers)"
    assert rows(top_store, pairs) == [(1_064,)]
    total = next(each for each in answer(top_store, "registry-totals") if each["registry_id"] is None)
    assert total["listed_layer_bytes"] == 33_219_119_496
    assert total["unique_bytes"] == 25_533_638_743
    assert total["images"] == 145
    per_image = "select layer_count from manifests order by layer_count"
    counts = [count for (count,) in rows(top_store, per_image)]
    assert [counts[int(len(counts) * share)] for share in (0.25, 0.5, 0.75, 0.9, 0.95)] == [4, 6, 9, 14, 18]
    assert counts[-1] == 21
    (spread,) = answer(top_store, "layer-count-distribution")
    shown = [spread[f"{name}_layers"] for name in ("p25", "p50", "p75", "p90", "max")]
    assert shown == [4, 6, 9, 14, 21]


def test_top_reuse(top_store: Path) -> None:
    histogram = {each["used_by"]: each["layers"] for each in answer(top_store, "layer-reuse-histogram")}
    assert histogram == {
        1: 801, 2: 23, 3: 9, 4: 3, 5: 4, 6: 5, 7: 6, 8: 3, 10: 1, 13: 1, 17: 1, 22: 1,
    }  # fmt: skip
    assert sum(histogram.values()) == 858


def test_official_figures_are_the_same_in_every_query(official_store: Path) -> None:
    """The newer queries, against the known figures: they must not each have their own idea of a byte or of sharing."""
    whole = answer(official_store, "registry-totals")[0]
    assert answer(official_store, "growth")[-1]["unique_bytes"] == whole["unique_bytes"]
    (prefix,) = answer(official_store, "storage-by-prefix")
    assert (prefix["prefix"], prefix["repositories"]) == ("library", 143)
    assert prefix["unique_bytes"] == prefix["exclusive_bytes"] == whole["unique_bytes"]
    assert prefix["per_repository_unique_bytes"] == whole["stored_bytes_high"]
    mounting = answer(official_store, "blob-mounting-savings")[0]
    assert mounting["bytes_saved"] == whole["stored_bytes_high"] - whole["unique_bytes"]
    both = answer(official_store, "shared-between", first="library/openjdk", second="library/*")[0]
    foreign = answer(official_store, "storage-by-repository", repository="library/openjdk")[0]["foreign_bytes"]
    assert both["first_bytes"] == both["shared_bytes"] == 31_039_324_820 - foreign
    assert both["second_bytes"] == whole["unique_bytes"]


def test_official_deletions(official_store: Path) -> None:
    """All that goes comes back; the manifests that are part of an index do not go without it."""
    whole = answer(official_store, "registry-totals")[0]
    everything = answer(official_store, "reclaimable", untagged="false")[0]
    assert everything["manifests"] == 3_145 + 1_008
    assert everything["reclaimable_bytes"] == whole["stored_bytes_high"]
    assert everything["reclaimable_bytes_mounted"] == whole["unique_bytes"]
    assert everything["logical_bytes"] == whole["logical_bytes"]
    assert answer(official_store, "reclaimable") == [], "every manifest has a tag, or is in an index that has one"
    assert answer(official_store, "orphans") == []


def test_official_layers_used_once(official_store: Path) -> None:
    once = answer(official_store, "layers-used-once", limit=10_000)
    assert len(once) == len({each["layer_digest"] for each in once}) == 6_663
    largest = answer(official_store, "largest-layers", limit=1)[0]["size"]
    assert largest == rows(official_store, "select max(size) from layers")[0][0]


def test_nothing_is_asked_twice(official: World, official_store: Path) -> None:
    assert official_store.exists()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "made-up")
        official.run()
    assert official.server.calls["BatchGetImage"] == 0

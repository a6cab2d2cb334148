"""What a writer puts into Parquet: every value, in natural order, once, with its description."""

from __future__ import annotations

import threading
from datetime import timedelta
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.manifests import digest_of
from support.store_rows import (
    NOON,
    VERSION,
    Facts,
    arrow,
    broken,
    check_whole,
    facts,
    failure,
    image,
    read,
    repository,
    run_row,
    write_run,
)

import indexer
from indexer.ecr import ListedImage, microseconds
from indexer.store import Store, Writer, listings
from indexer.store.parquet import GROUP_ROWS
from indexer.tables import TABLES, Table


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store.create_or_open(tmp_path / "store")


def plain(row: Any) -> dict[str, Any]:
    """A row as pyarrow gives it back."""
    return {**row._asdict()}


def test_every_table_comes_back_as_it_went_in(store: Store) -> None:
    unicode = "naïve \u0000 \U0001f4a9 \u2028"
    things = [
        facts("a", layers=3),
        facts("b", children=["a", "c"]),
        broken("c", unicode),
        Facts(
            facts("d", children=["e"]).manifest._replace(raw=unicode, annotations={}, layer_bytes=2**63 - 1), [], [], []
        ),
    ]
    with store.writer(now=lambda: NOON, version=VERSION) as writer:
        for order, thing in enumerate(things):
            assert writer.add(thing, order)
        repositories = [repository(writer, "a"), repository(writer, "b", "failed")._replace(error=unicode)]
        images = [image(writer, "a", "a")._replace(tags=[]), image(writer, "a", "b", None)._replace(tags=["1", "ü"])]
        failures = [failure(writer, "x", None)._replace(registry_id=None, repository=None), failure(writer, "y")]
        for row in repositories:
            writer.add_repository(row)
        writer.add_images(images)
        for gone in failures:
            writer.add_failure(gone)
        run = run_row(writer)
        writer.commit_run(run)
    files = store.files()
    assert read(files, "manifests") == [plain(thing.manifest) for thing in things]
    assert read(files, "layers") == [plain(row) for thing in things for row in thing.layers]
    assert read(files, "configs") == [plain(row) for thing in things for row in thing.configs]
    assert read(files, "index_entries") == [plain(row) for thing in things for row in thing.index_entries]
    assert read(files, "repositories") == [plain(row) for row in repositories]
    assert read(files, "images") == [plain(row) for row in images]
    assert read(files, "failures") == [plain(row) for row in failures]
    targets = [target._asdict() for target in run.targets]
    assert read(files, "runs") == [{**plain(run), "targets": targets}]


@pytest.mark.parametrize("table", TABLES.values(), ids=lambda table: str(table.name))
def test_descriptions_stand_in_the_files(store: Store, table: Table) -> None:
    write_run(store, ["a"])
    (path,) = store.files().tables[table.name]
    schema = pq.read_schema(path)
    assert schema.equals(table.schema, check_metadata=False)
    assert schema.metadata[b"description"].decode() == table.description
    for column in table.columns:
        assert schema.field(column.name).metadata[b"description"].decode() == column.description
        assert schema.field(column.name).nullable == column.nullable


@pytest.mark.parametrize("table", TABLES.values(), ids=lambda table: str(table.name))
@pytest.mark.parametrize("rows", [0, 1])
def test_look_ups_have_bloom_filters_and_statistics(store: Store, table: Table, rows: int) -> None:
    write_run(store, ["a"] * rows)
    if not store.files().tables[table.name]:
        assert table.per == "segment"
        return
    (path,) = store.files().tables[table.name]
    metadata = pq.read_metadata(path)
    assert metadata.num_row_groups == (1 if metadata.num_rows else 0)
    for group in range(metadata.num_row_groups):
        columns = [metadata.row_group(group).column(at) for at in range(metadata.num_columns)]
        for column in columns:
            bare = (table.name, column.path_in_schema) in {
                ("images", "manifest_digest"),
                ("index_entries", "manifest_digest"),
                ("configs", "manifest_digest"),
                ("configs", "config_digest"),
            }
            assert column.compression == ("UNCOMPRESSED" if bare else "ZSTD")
            assert (column.bloom_filter_offset is not None) == (column.path_in_schema in table.look_ups)
            flat = "." not in column.path_in_schema and column.path_in_schema != "raw"
            digests = column.path_in_schema.endswith("_digest")
            assert column.is_stats_set == (flat and (table.name == "layers" or not digests))
            differences = table.name == "images" and column.physical_type == "INT64"
            assert ("DELTA_BINARY_PACKED" in column.encodings) == differences
            repeats = column.path_in_schema != "raw" and not differences and (table.name == "layers" or not digests)
            assert ("RLE_DICTIONARY" in column.encodings) == (repeats and column.physical_type != "BOOLEAN")
            assert ("DELTA_LENGTH_BYTE_ARRAY" in column.encodings) == bare
            assert ("DELTA_BYTE_ARRAY" in column.encodings) == (digests and table.name != "layers" and not bare)


def test_a_digest_among_nulls_is_not_taken_for_one(store: Store) -> None:
    """DuckDB takes a column for all NULL whose least and greatest value are the same, where it has no dictionary."""
    with store.writer(now=lambda: NOON, version=VERSION) as writer:
        one, other = image(writer, "a"), image(writer, "b")
        writer.add_repository(repository(writer, "shop/web"))
        writer.add_images([one._replace(subject_digest=other.manifest_digest), other])
        writer.add_failure(failure(writer, "", "shop/web")._replace(manifest_digest=one.manifest_digest))
        writer.add_failure(failure(writer, "", "shop/api"))
        writer.commit_run(run_row(writer)._replace(images=2, failures=2, complete=False))
    with indexer.open(store.folder) as opened:
        assert opened.sql("select manifest_digest from images where subject_digest is null").fetchall() == [
            (other.manifest_digest,)
        ]
        assert opened.sql("select repository from failure_history where manifest_digest is null").fetchall() == [
            ("shop/api",)
        ]


def test_a_dictionary_of_layers_is_not_given_up_half_way(store: Store) -> None:
    one = facts("a", layers=16_000)
    other = facts("b", layers=0)._replace(layers=[row._replace(manifest_digest=digest_of("b")) for row in one.layers])
    with store.writer(now=lambda: NOON, version=VERSION) as writer:
        assert writer.add(one, 0)
        assert writer.add(other, 1)
    (path,) = store.files().tables["layers"]
    group = pq.read_metadata(path).row_group(0)
    column = next(
        found for at in range(group.num_columns) if (found := group.column(at)).path_in_schema == "layer_digest"
    )
    assert column.num_values == 32_000
    # Each digest once, with its length, and two bytes for each row.
    assert column.total_uncompressed_size < 16_000 * 75 + 32_000 * 3


def test_other_engines_read_the_files(store: Store) -> None:
    write_run(store, [f"image {number}" for number in range(50)], segment_manifests=20)
    files = [str(path) for path in store.files().tables["layers"]]
    wanted = digest_of("image 33 1")
    with duckdb.connect() as connection:
        reader = connection.read_parquet(files)
        assert reader.filter(f"layer_digest = '{wanted}'").project("manifest_digest, size").fetchall() == [
            (digest_of("image 33"), 1001)
        ]
        assert reader.filter(f"layer_digest = '{digest_of('nothing')}'").fetchall() == []


def test_segments_are_cut_by_manifests(store: Store) -> None:
    write_run(store, "abcdefg", segment_manifests=3)
    files = store.files()
    assert [len(pq.read_table(path)) for path in files.tables["manifests"]] == [3, 3, 1]
    assert files.segments == tuple(f"{files.runs[0]}-0000{number}" for number in (1, 2, 3))
    assert check_whole(files) == list("abcdefg")


def test_segments_are_cut_by_bytes(store: Store) -> None:
    with store.writer(now=lambda: NOON, version=VERSION, segment_bytes=10) as writer:
        for name in ("four", "five", "six", "seven", "a name of more than ten"):
            writer.add(facts(name))
    assert [len(pq.read_table(path)) for path in store.files().tables["manifests"]] == [3, 2]


def test_rows_stand_in_natural_order(store: Store) -> None:
    with store.writer(now=lambda: NOON, version=VERSION) as writer:
        for name, place, order in (("d", "b", 2), ("b", "a", 9), ("c", "b", 1), ("a", "a", 3), ("e", "c", 0)):
            writer.add(facts(name, place), order)
        for name, place, days in (("d", "b", 1), ("c", "b", 0), ("e", "a", 5)):
            writer.add_images([image(writer, name, place, NOON + timedelta(days=days))])
        for place in "cab":
            writer.add_repository(repository(writer, place))
            writer.add_failure(failure(writer, place, place))
        writer.add_failure(failure(writer, "first", None))
        writer.commit_run(run_row(writer))
    files = store.files()
    names = check_whole(files)
    assert names == list("abcde")
    layers = [row["manifest_digest"] for row in read(files, "layers")]
    assert layers == [digest_of(name) for name in names for _ in range(2)]
    assert [row["tags"] for row in read(files, "images")] == [["e"], ["c"], ["d"]]
    assert [row["repository"] for row in read(files, "repositories")] == ["a", "b", "c"]
    assert [row["reason"] for row in read(files, "failures")] == ["first", "a", "b", "c"]


def test_a_digest_is_stored_once_ever(store: Store) -> None:
    with store.writer(now=lambda: NOON, version=VERSION, segment_manifests=2) as writer:
        assert [writer.add(facts(name)) for name in "abaabbc"] == [True, True, False, False, False, False, True]
        assert writer.duplicates == 4
        assert all(digest_of(name) in writer.known() for name in "abc")
    with store.writer(now=lambda: NOON, version=VERSION) as writer:
        assert len(writer.known()) == 3
        assert [writer.add(facts(name)) for name in "abcd"] == [False, False, False, True]
    assert sorted(check_whole(store.files())) == list("abcd")


def test_the_set_of_known_digests_is_the_callers_own(store: Store) -> None:
    with store.writer(now=lambda: NOON, version=VERSION) as writer:
        known = writer.known()
        known.add(digest_of("a"))  # planned, not fetched
        assert writer.add(facts("a"))
        writer.add(facts("b"))
        assert digest_of("b") not in known


def test_threads_lose_nothing_and_write_nothing_twice(store: Store) -> None:
    def work(writer: Writer, mine: int) -> None:
        for number in range(mine, mine + 150):  # each overlaps with the next
            writer.add(facts(f"{number:04}"), number)
            writer.add_images([image(writer, f"{number:04}")])

    with store.writer(now=lambda: NOON, version=VERSION, segment_manifests=25) as writer:
        threads = [threading.Thread(target=work, args=(writer, 100 * mine)) for mine in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        writer.commit_run(run_row(writer))
        assert writer.duplicates == 250
    files = store.files()
    assert sorted(check_whole(files)) == [f"{number:04}" for number in range(650)]
    sizes = [len(pq.read_table(path)) for path in files.tables["manifests"]]
    assert sum(sizes) == 650
    assert all(25 <= size <= 25 + 6 for size in sizes[:-1])  # one more a thread at most
    assert len(read(files, "images")) == 900


def test_snapshots_are_written_a_row_group_at_a_time(store: Store) -> None:
    many = GROUP_ROWS["images"] + 100
    with store.writer(now=lambda: NOON, version=VERSION) as writer:
        row = image(writer, "a")
        writer.add_images(row._replace(image_size=number) for number in range(many))
        (staged,) = (store.folder / "staging").glob("images.*")
        assert len(writer._run_files["images"]._held) == 100
        writer.commit_run(run_row(writer))
    assert not staged.exists()
    (path,) = store.files().tables["images"]
    metadata = pq.read_metadata(path)
    assert [metadata.row_group(group).num_rows for group in range(metadata.num_row_groups)] == [many - 100, 100]
    sizes = arrow(store.files(), "images").column("image_size").to_pylist()
    assert sorted(sizes) == list(range(many))


def test_a_listing_is_written_as_its_rows_would_be(store: Store) -> None:
    with store.writer(now=lambda: NOON, version=VERSION) as writer:
        at = NOON.timestamp()
        images = [
            ListedImage(digest_of(name), ("x", name), size=number, pushed_at=at + number / 1e6, status="ACTIVE")
            for number, name in enumerate("abc")
        ]
        writer.add_listing("2", "eu-west-1", "b", images)
        writer.add_listing("1", "eu-west-1", "c", images[:1])
        writer.add_listing("1", "eu-west-1", "empty", [])
        writer.commit_run(run_row(writer))
    found = read(store.files(), "images")
    assert [(row["registry_id"], row["repository"], row["image_size"]) for row in found] == [
        ("1", "c", 0),
        ("2", "b", 0),
        ("2", "b", 1),
        ("2", "b", 2),
    ]
    assert found[3] == {
        "run_id": store.files().runs[-1],
        "registry_id": "2",
        "region": "eu-west-1",
        "repository": "b",
        "manifest_digest": digest_of("c"),
        "tags": ["x", "c"],
        "media_type": None,
        "artifact_type": None,
        "image_size": 2,
        "pushed_at": NOON + timedelta(microseconds=2),
        "last_pulled_at": None,
        "status": "ACTIVE",
        "subject_digest": None,
    }


def test_listings_go_out_in_row_groups_and_leave_nothing_behind(store: Store) -> None:
    size = GROUP_ROWS["images"]
    counts = {"a": 100, "b": 2 * size + 50, "c": size, "d": 7}
    with store.writer(now=lambda: NOON, version=VERSION) as writer:
        for name, count in counts.items():
            writer.add_listing("1", "eu-west-1", name, [ListedImage(digest_of(name), size=at) for at in range(count)])
        writer.commit_run(run_row(writer))
    (path,) = store.files().tables["images"]
    metadata = pq.read_metadata(path)
    groups = [metadata.row_group(group).num_rows for group in range(metadata.num_row_groups)]
    assert groups == [size, size, size, 157]
    table = pq.read_table(path, columns=["repository", "image_size"])
    assert table.column("repository").to_pylist() == [name for name, count in counts.items() for _ in range(count)]
    assert table.column("image_size").to_pylist() == [at for count in counts.values() for at in range(count)]


_TEXT = st.one_of(st.none(), st.sampled_from(["ACTIVE", "a/b", "é"]))
_TIME = st.one_of(st.none(), st.floats(0, 253_370_764_799), st.integers(0, 2**51).map(lambda number: number / 1e6))
_IMAGES = st.lists(
    st.builds(
        ListedImage,
        st.integers(0, 9).map(str).map(digest_of),
        st.lists(st.sampled_from(["a", "latest", "ü"]), max_size=3).map(tuple),
        _TEXT,
        _TEXT,
        st.one_of(st.none(), st.integers(0, 2**63 - 1)),
        _TIME,
        _TIME,
        _TEXT,
        st.one_of(st.none(), st.just(digest_of("subject"))),
    ),
    max_size=4,
)
_REPOSITORIES = st.tuples(st.sampled_from(["1", "2"]), st.sampled_from(["eu", "us"]), st.sampled_from("abcdef"))


@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.dictionaries(_REPOSITORIES, _IMAGES, max_size=8), st.integers(1, 9))
def test_whatever_is_listed_is_written(
    tmp_path_factory: pytest.TempPathFactory, listed: dict[tuple[str, str, str], list[ListedImage]], part: int
) -> None:
    store = Store.create_or_open(tmp_path_factory.mktemp("store"))
    with pytest.MonkeyPatch.context() as patch, store.writer(now=lambda: NOON, version=VERSION) as writer:
        patch.setattr(listings, "_PART", part)
        for place, images in listed.items():
            writer.add_listing(*place, images)
        writer.commit_run(run_row(writer))
    (path,) = store.files().tables["images"]
    columns = pq.read_table(path).drop(["run_id"])
    found: dict[tuple[str, str, str], list[tuple[Any, ...]]] = {place: [] for place, images in listed.items() if images}
    times = [columns.column(name).cast("int64").to_pylist() for name in ("pushed_at", "last_pulled_at")]
    rest = columns.drop(["pushed_at", "last_pulled_at"]).to_pylist()
    for row, *moments in zip(rest, *times, strict=True):
        registry_id, region, repository, digest, tags, *others = row.values()
        found[registry_id, region, repository].append((digest, tuple(tags), *others, *moments))
    assert found == {
        place: [
            (
                *(each.digest, each.tags, each.media_type, each.artifact_type, each.size),
                *(each.status, each.subject_digest, microseconds(each.pushed_at), microseconds(each.last_pulled_at)),
            )
            for each in images
        ]
        for place, images in listed.items()
        if images
    }


def test_neighbours_are_written_together_in_the_order_of_names(store: Store) -> None:
    names = [f"{number:03}" for number in range(300)]
    with store.writer(now=lambda: NOON, version=VERSION) as writer:
        for name in names:
            for region in ("us-east-1", "eu-west-1"):
                writer.add_listing("1", region, name, [ListedImage(digest_of(name)), ListedImage(digest_of("same"))])
        writer.commit_run(run_row(writer))
    table = arrow(store.files(), "images")
    places = list(zip(table.column("region").to_pylist(), table.column("repository").to_pylist(), strict=True))
    assert places == [(region, name) for region in ("eu-west-1", "us-east-1") for name in names for _ in range(2)]


def test_nothing_new_makes_no_segment(store: Store) -> None:
    write_run(store, "ab")
    before = store.files().segments
    run_id = write_run(store, "ab")
    files = store.files()
    assert files.segments == before
    assert files.runs[-1] == run_id
    assert len(read(files, "images")) == 4


def test_run_ids_grow_when_the_clock_goes_back(store: Store) -> None:
    ids = [write_run(store, [str(days)], now=NOON - timedelta(days=days)) for days in range(3)]
    with store.writer(now=lambda: NOON - timedelta(days=9), version=VERSION) as writer:
        writer.add(facts("a segment of a run that is not committed"))
        ids.append(writer.run_id)
        assert writer.started_at == NOON - timedelta(days=9)
    ids.append(write_run(store, ["last"]))
    assert ids == sorted(set(ids))
    files = store.files()
    assert list(files.runs) == [ids[0], ids[1], ids[2], ids[4]]
    assert [segment.rpartition("-")[0] for segment in files.segments] == ids


def test_a_run_of_another_id_is_refused(store: Store) -> None:
    with store.writer(now=lambda: NOON, version=VERSION) as writer:
        with pytest.raises(ValueError, match="of run other"):
            writer.commit_run(run_row(writer)._replace(run_id="other"))
        writer.commit_run(run_row(writer))


def test_what_was_fetched_is_kept_when_the_run_fails(store: Store) -> None:
    def fail() -> None:
        with store.writer(now=lambda: NOON, version=VERSION) as writer:
            writer.add(facts("a"))
            writer.add_images([image(writer, "a")])
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    files = store.files()
    assert check_whole(files) == ["a"]
    assert files.runs == ()
    assert not list((store.folder / "staging").iterdir())
    with store.writer(now=lambda: NOON, version=VERSION) as writer:
        assert writer.recovered == (0, 0, 0)


def test_a_row_that_fits_no_column_ends_the_writer_and_harms_nothing(store: Store) -> None:
    write_run(store, ["a"])

    def fail() -> None:
        with store.writer(now=lambda: NOON, version=VERSION, segment_manifests=2) as writer:
            writer.add(facts("b"))
            writer.add(facts("c")._replace(manifest=facts("c").manifest._replace(manifest_bytes=2**63)))

    with pytest.raises(OverflowError):
        fail()
    assert check_whole(store.files()) == ["a"]
    write_run(store, ["b"])
    assert check_whole(store.files()) == ["a", "b"]

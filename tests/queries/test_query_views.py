"""What the views hold over several runs, by hand."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

import pytest
from support.estates import ACCOUNT, DAY_ONE, OTHER_ACCOUNT, REGION, Estate, digest, rows
from support.shop import Shop, shop

import indexer
from indexer.catalog import Catalog, load_views, shipped_queries
from indexer.catalog.views import BASE_VIEWS
from indexer.errors import StoreDamaged
from indexer.tables import TABLES

__all__ = ["shop"]

CURRENT = ["manifests", "layers", "configs", "index_entries"]


def test_images_are_those_of_the_last_good_listing(tmp_path: Path) -> None:
    estate = Estate()
    first, second, third = (estate.run() for _ in range(3))
    first.repository("stable", {"a": ["1"]})
    first.repository("flaky", {"a": []})
    first.repository("gone", {"a": []})
    first.repository("emptied", {"a": []})
    second.repository("stable", {"b": ["1"]})
    second.repository("flaky", status="failed")
    second.repository("gone", status="deleted")
    second.repository("emptied", {})
    third.repository("flaky", status="failed")
    third.repository("never", status="failed")
    with estate.catalog(tmp_path) as catalog:
        assert rows(catalog, "select repository, manifest_digest, run_id from images order by all") == [
            ("flaky", digest("a"), "run-001"),
            ("stable", digest("b"), "run-002"),
        ]
        found = rows(
            catalog, "select repository, run_id, status, listed_run_id, listed_at from repositories order by 1"
        )
    day = [DAY_ONE + timedelta(days=number) for number in range(4)]
    assert found == [
        ("emptied", "run-002", "listed", "run-002", day[2]),
        ("flaky", "run-003", "failed", "run-001", day[1]),
        ("never", "run-003", "failed", None, None),
        ("stable", "run-002", "listed", "run-002", day[2]),
    ]


def test_a_listing_before_a_deletion_does_not_come_back(tmp_path: Path) -> None:
    estate = Estate()
    estate.run().repository("app", {"a": []})
    estate.run().repository("app", status="deleted")
    estate.run().repository("app", status="failed")
    with estate.catalog(tmp_path) as catalog:
        assert rows(catalog, "from images") == []
        assert rows(catalog, "select status, listed_run_id from repositories") == [("failed", None)]


def test_repositories_of_one_name_in_two_places_are_two(tmp_path: Path) -> None:
    estate = Estate()
    run = estate.run()
    run.repository("app", {"a": []})
    run.repository("app", {"b": []}, place=(OTHER_ACCOUNT, REGION))
    later = estate.run()
    later.repository("app", status="deleted")
    with estate.catalog(tmp_path) as catalog:
        assert rows(catalog, "select registry_id, manifest_digest from images") == [(OTHER_ACCOUNT, digest("b"))]


def test_tags_are_one_row_each_and_untagged_images_have_none(tmp_path: Path) -> None:
    estate = Estate()
    estate.run().repository("app", {"a": ["1", "latest"], "b": []})
    with estate.catalog(tmp_path) as catalog:
        found = rows(catalog, "select repository, tag, manifest_digest, pushed_at from tags order by tag")
    assert found == [("app", "1", digest("a"), DAY_ONE), ("app", "latest", digest("a"), DAY_ONE)]


def _several_manifests() -> Estate:
    estate = Estate()
    estate.image("held", [("base", 1)], ("c", 1))
    estate.image("child", [("base", 1)], ("c", 1))
    estate.image("dropped", [("old", 1)], ("d", 1))
    estate.index("inner", ["child", "outer"])
    estate.index("outer", ["inner", "absent"])
    estate.index("unused", ["dropped"])
    return estate


def test_what_no_repository_holds_is_in_the_all_views_only(tmp_path: Path) -> None:
    estate = _several_manifests()
    estate.run().repository("app", {"held": [], "dropped": [], "unused": []})
    estate.run().repository("app", {"held": [], "outer": []})
    with estate.catalog(tmp_path) as catalog:
        for name in CURRENT:
            key = "index_digest" if name == "index_entries" else "manifest_digest"
            everything = set(rows(catalog, f"select {key} from all_{name}"))  # noqa: S608 - names from this test
            current = set(rows(catalog, f"select {key} from {name}"))  # noqa: S608 - as above
            assert everything - current == {(digest(gone),) for gone in ("dropped", "unused")} & everything
        assert rows(catalog, "from unreachable_manifests order by 1") == sorted(
            (digest(gone),) for gone in ("dropped", "unused")
        )
        assert (digest("absent"),) in rows(catalog, "from reachable_manifests")


def test_where_everything_is_held_the_views_are_the_files(tmp_path: Path) -> None:
    estate = _several_manifests()
    estate.run().repository("app", {"held": [], "outer": [], "unused": []})
    with estate.catalog(tmp_path) as catalog:
        for name in CURRENT:
            plan, base = (rows(catalog, f"explain from {view} select count(*)")[0][1] for view in (name, f"all_{name}"))
            assert plan == base


def _plan(catalog: Catalog, statement: str) -> str:
    return str(rows(catalog, f"explain {statement}")[0][1])


def test_where_all_that_runs_listed_is_current_images_are_their_files(tmp_path: Path) -> None:
    estate = Estate()
    estate.run().repository("app", {"a": []})
    first, second = estate.run(), estate.run()
    first.repository("app", {"b": []})
    second.repository("app", {"c": []}, place=(OTHER_ACCOUNT, REGION))
    second.repository("app", status="failed")
    with estate.catalog(tmp_path) as catalog:
        found = rows(catalog, "select run_id, manifest_digest from images order by all")
        plan = _plan(catalog, "select manifest_digest from images")
    assert found == [("run-002", digest("b")), ("run-003", digest("c"))]
    assert "JOIN" not in plan.upper()


def test_of_a_run_that_is_current_in_part_images_are_that_part(tmp_path: Path) -> None:
    estate = Estate()
    first, second, third = (estate.run() for _ in range(3))
    for name in ("stable", "flaky", "gone"):
        first.repository(name, {f"{name}-1": ["x"]})
        second.repository(name, {f"{name}-2": ["x"]})
    third.repository("stable", {"stable-3": ["x"]})
    third.repository("flaky", status="failed")
    third.repository("gone", status="deleted")
    third.repository("stable", {"there": []}, place=(OTHER_ACCOUNT, REGION))
    with estate.catalog(tmp_path) as catalog:
        found = rows(catalog, "select repository, manifest_digest, run_id from images")
        assert "JOIN" in _plan(catalog, "select manifest_digest from images").upper()
        told = rows(catalog, "select tag, manifest_digest from tags where repository = 'flaky'")
    assert sorted(found) == sorted(
        [
            ("flaky", digest("flaky-2"), "run-002"),
            ("stable", digest("stable-3"), "run-003"),
            ("stable", digest("there"), "run-003"),
        ]
    )
    assert told == [("x", digest("flaky-2"))]


def test_images_are_read_from_the_files_of_current_runs_and_no_others(tmp_path: Path) -> None:
    estate = Estate()
    estate.run().repository("app", {f"a{number}": [] for number in range(100)})  # views are made from a smaller file
    estate.run().repository("app", {"b": []})
    estate.run().repository("other", {"c": []})
    files = estate.write(tmp_path)
    with Catalog(files, folder=tmp_path) as catalog:
        files["images"][0].write_bytes(b"not to be opened: nothing of it is current")
        with pytest.raises(StoreDamaged):
            rows(catalog, "select run_id from image_history")
        assert rows(catalog, "select run_id from images order by all") == [("run-002",), ("run-003",)]


@pytest.mark.parametrize("name", ["{}_run-009", "part-{}"])
def test_images_are_found_whatever_their_files_are_called(tmp_path: Path, name: str) -> None:
    estate = Estate()
    for image in ("a", "b"):
        estate.run().repository("app", {image: []})
    files = estate.write(tmp_path)
    files["images"] = [path.rename(path.with_stem(name.format(path.stem))) for path in files["images"]]
    with Catalog(files, folder=tmp_path) as catalog:
        assert rows(catalog, "select run_id, manifest_digest from images") == [("run-002", digest("b"))]


def test_a_repository_holds_its_images_and_what_is_below_its_indexes(tmp_path: Path) -> None:
    estate = _several_manifests()
    estate.unreadable("broken")
    estate.run().repository("app", {"held": [], "outer": [], "inner": [], "broken": [], "cold": []})
    with estate.catalog(tmp_path) as catalog:
        found = rows(catalog, "select manifest_digest, is_listed, is_known, kind from repository_manifests")
    assert sorted(found) == sorted(
        [
            (digest("held"), True, True, "image"),
            (digest("outer"), True, True, "index"),
            (digest("inner"), True, True, "index"),
            (digest("child"), False, True, "image"),
            (digest("absent"), False, False, None),
            (digest("broken"), True, False, "unknown"),
            (digest("cold"), True, False, None),
        ]
    )


def test_a_blob_is_what_all_its_manifests_say(tmp_path: Path) -> None:
    estate = Estate()
    estate.image("one", [("l", None), ("f", 5), ("l", 3)], ("both", 4), foreign=["f", "l"])
    estate.image("two", [("l", 2), ("both", 9)], ("c", None))
    estate.run().repository("app", {"one": [], "two": []})
    with estate.catalog(tmp_path) as catalog:
        found = rows(catalog, "select blob_digest, size, is_layer, is_config, is_stored from blobs")
        assert sorted(found) == sorted(
            [
                (digest("l"), 3, True, False, True),
                (digest("f"), 5, True, False, False),
                (digest("both"), 9, True, True, True),
                (digest("c"), None, False, True, True),
            ]
        )
        pairs = rows(catalog, "select manifest_digest, count(*) from manifest_blobs group by all")
    assert sorted(pairs) == sorted([(digest("one"), 3), (digest("two"), 3)])


def _failures(tmp_path: Path, *runs: tuple[list[tuple[str | None, str]], list[tuple[str | None, str]]]) -> list[str]:
    """Run ids in `failures` after runs, each with its targets and a failure per place."""
    estate = Estate()
    for targets, failed in runs:
        run = estate.run(*targets)
        for place in failed:
            run.failure("app", place=place)
    with estate.catalog(tmp_path) as catalog:
        return [row[0] for row in rows(catalog, "select run_id from failures order by all")]


HERE, THERE, UNKNOWN = (ACCOUNT, REGION), (OTHER_ACCOUNT, REGION), (None, REGION)


@pytest.mark.parametrize(
    ("runs", "expected"),
    [
        ([([HERE], [HERE]), ([HERE], [HERE])], ["run-002"]),
        ([([HERE], [HERE]), ([HERE], [])], []),
        ([([HERE, THERE], [HERE, THERE]), ([HERE], [])], ["run-001"]),
        ([([HERE], [HERE]), ([(ACCOUNT, "us-east-1")], [])], ["run-001"]),
        ([([UNKNOWN], [UNKNOWN]), ([HERE], [])], []),
        ([([HERE], [HERE]), ([UNKNOWN], [UNKNOWN])], ["run-001", "run-002"]),
    ],
    ids=["again", "cured", "another account", "another region", "account learnt", "account forgotten"],
)
def test_failures_are_those_of_the_newest_run_of_each_target(
    tmp_path: Path,
    runs: list[tuple[list[tuple[str | None, str]], list[tuple[str | None, str]]]],
    expected: list[str],
) -> None:
    assert _failures(tmp_path, *runs) == expected


def test_a_store_without_rows_has_every_view(tmp_path: Path) -> None:
    with Catalog({}, folder=tmp_path) as catalog:
        for view in catalog.views:
            assert rows(catalog, f"from {view}") == [] or view == "empty_layers"  # known without any store


def test_views_without_files_have_the_types_of_the_files(tmp_path: Path) -> None:
    described = "select table_name, column_name, data_type from duckdb_columns() where not internal order by all"
    with Catalog({}) as empty, _several_manifests().catalog(tmp_path) as full:
        assert len(rows(empty, described)) > 100
        full_run = [row for row in rows(full, described) if not row[0].startswith("_")]
        assert [row for row in rows(empty, described) if not row[0].startswith("_")] == full_run


def test_every_column_of_every_view_has_a_description(tmp_path: Path) -> None:
    with Catalog({}) as catalog:
        undescribed = rows(
            catalog, "select table_name, column_name from duckdb_columns() where not internal and comment is null"
        )
        assert undescribed == []
        named = rows(catalog, "select comment from duckdb_columns() where column_name = 'is_stored' order by 1")
        assert all("foreign" in comment for (comment,) in named)
        [(what,)] = rows(catalog, "select comment from duckdb_views() where view_name = 'tags'")
    assert what == "The tags each repository holds: one row per tag."


def test_a_column_that_is_described_as_in_a_table_holds_what_that_has(shop: Shop) -> None:
    """Names mean different things in different tables: status of an image is none of a repository's."""
    with indexer.open(shop.folder) as store:
        for path in sorted((shipped_queries() / "views").glob("*.sql")):
            text = path.read_text()
            own = set(re.findall(r"^-- column: ([a-z_]+)", text, re.MULTILINE))
            like = re.findall(r"^-- like: ([a-z_]+)$", text, re.MULTILINE) + [path.stem] * (path.stem in TABLES)
            columns = {column["column"]: column["description"] for column in store.columns(path.stem)}
            assert own <= set(columns), f"{path.stem} describes columns that it does not have"
            for column in set(columns) - own:
                (table,) = like  # no column without either
                (same,) = [each for each in TABLES[table].columns if each.name == column]
                assert columns[column] == same.description
                others = f"select {column} from {path.stem} except select {column} from {BASE_VIEWS[table]}"  # noqa: S608 - our own names
                assert store.sql(others).fetchall() == [], f"{path.stem}.{column} has what {table} has not"


def test_what_once_was_described_as_something_else(shop: Shop) -> None:
    with indexer.open(shop.folder) as store:
        said = {
            (view, column["column"]): column["description"] for view in store.tables() for column in store.columns(view)
        }
    assert said["image_pulls", "status"].startswith("ACTIVE, ARCHIVED or ACTIVATING")
    assert said["tags", "status"].startswith("ACTIVE, ARCHIVED or ACTIVATING")
    assert said["entry_platforms", "position"] == "0 for the first entry."
    assert said["runs", "run_id"].startswith("The run: when it began")
    assert {view for (view, _), text in said.items() if "fetched from" in text} == {"manifests", "all_manifests"}


def test_shipped_views_come_after_what_they_read_from() -> None:
    names = [view.name for view in load_views(shipped_queries() / "views")]
    assert names.index("images") < names.index("tags")
    assert names.index("unreachable_manifests") < names.index("layers") < names.index("blobs")
    assert {path.stem for path in (shipped_queries() / "views").glob("*.sql")} == set(names)


def test_blobs_have_the_same_numbers_wherever_a_statement_reads_them(tmp_path: Path) -> None:
    """They follow the digests, and not the order in which threads are ready with them."""
    estate = Estate()
    run = estate.run()
    layers = sorted([f"layer{number}" for number in range(200)], key=digest)
    for rank, layer in enumerate(layers):
        estate.image(f"image of {layer}", [(layer, 1_000_000 + rank)])
    for repository in ("one", "two"):
        run.repository(repository, {f"image of {layer}": [] for layer in layers})
    with estate.catalog(tmp_path) as catalog:
        found = rows(
            catalog,
            """
            select one.unique_bytes as here, two.unique_bytes as there
            from blobs_by_repository as one
            inner join blobs_by_repository as two using (blob_number)
            where one.repository < two.repository and one.unique_bytes >= 1_000_000
            order by blob_number
            """,
        )
    assert found == [(1_000_000 + rank, 1_000_000 + rank) for rank in range(200)]

"""verify: every promise of the store, broken once; what it says, what it repairs, and that sound stores stay sound."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from support import golden
from support.manifests import digest_of, image, index
from support.s3 import Place
from support.store_rows import NOON, VERSION, failure, repository, run_row
from support.store_rows import image as image_row
from support.upkeep import check, everything, held, night

from indexer.errors import StoreDamaged
from indexer.store import Store
from indexer.store.parquet import FLATTENER
from indexer.store.upkeep import Finding, Policy, compact, prune, repair, verify
from indexer.tables import SEGMENT_TABLES, TABLES

DAY = timedelta(days=1)
AMD = image("amd", [("base", 10), ("own", 1), ("own", 1)], annotations={"b": "1", "a": "2"})
ARM = image("arm", [("base", 10)])
DOCUMENTS = [AMD, ARM, index(AMD, ARM), b"no manifest", b'{"\xff": 1}']


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two nights; the second has a failure."""
    night(tmp_path / "store", NOON, DOCUMENTS)
    night(tmp_path / "store", NOON + DAY, [*DOCUMENTS, image("new", [])], failures=2)
    return tmp_path / "store"


def paths(folder: Path, table: str) -> tuple[Path, ...]:
    return Store.open(folder).files().tables[table]


def damaged(folder: Path) -> list[Finding]:
    return [finding for finding in check(folder).findings if finding.level == "damage"]


def mend(folder: Path) -> None:
    with held(folder) as store:
        repair(store, verify(store.folder))


def rewrite(path: Path, change: Callable[[list[dict[str, Any]]], list[dict[str, Any]]], **metadata: str) -> None:
    """Write a file's rows anew, changed; its footer says the same as before, or `metadata`."""
    with pq.ParquetFile(path) as file:
        rows, schema = file.read().to_pylist(maps_as_pydicts="strict"), file.schema_arrow
        said = {FLATTENER: (file.metadata.metadata or {}).get(FLATTENER.encode(), b"0").decode()} | metadata
    with pq.ParquetWriter(path, schema) as writer:
        writer.write_table(pa.Table.from_pylist(change(rows), schema=schema))
        writer.add_key_value_metadata(said)


def changed(column: str, value: object, at: int = 0) -> Callable[[list[dict[str, Any]]], list[dict[str, Any]]]:
    def change(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        rows[at][column] = value
        return rows

    return change


def test_a_sound_store_has_nothing_to_say(folder: Path) -> None:
    found = check(folder)
    assert (found.findings, found.segments, found.runs, found.manifests) == ((), 2, 2, 6)
    assert found.sound
    assert found.cures == ()


@pytest.mark.parametrize("number", [1, 2])
def test_kept_stores_are_sound(tmp_path: Path, number: int) -> None:
    folder = golden.unpack(number, tmp_path)
    if number == 2:
        assert check(folder).findings == ()
    with Store.open(folder, outdated=True).upkeep(now=lambda: NOON, command="x") as store:
        assert verify(store.folder).sound, "also before it is upgraded"


def test_an_empty_store_is_sound(tmp_path: Path) -> None:
    with Store.create_or_open(tmp_path / "store").writer(now=lambda: NOON, version="1"):
        pass
    assert check(tmp_path / "store") == ((), 0, 0, 0, ())


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("harm", ["cut", "empty", "flipped"])
def test_an_unreadable_file_is_found_and_repaired(folder: Path, table: str, harm: str) -> None:
    before = everything(folder)
    path = paths(folder, table)[0]
    data = path.read_bytes()
    path.write_bytes({"cut": data[:-20], "empty": b"", "flipped": _flipped(path)}[harm])
    (found, *_) = damaged(folder)
    assert found.problem == "unreadable file"
    assert found.file == f"{table}/{path.name}"
    mend(folder)
    assert check(folder).sound
    after = everything(folder)
    if table in {"layers", "configs", "index_entries"}:
        assert after == before, "nothing is lost: the texts are there"
    elif table == "manifests":
        assert [row["raw"] for row in after["manifests"]] == [image("new", []).decode()]
        assert after["images"] == before["images"]
    else:
        assert len(after["runs"]) == 1
        assert after["manifests"] == before["manifests"]


def _flipped(path: Path) -> bytes:
    """The file with a bit changed in the last page of its first column: only the page's checksum tells."""
    data = bytearray(path.read_bytes())
    with pq.ParquetFile(path) as file:
        if not file.metadata.num_row_groups:
            return b""
        chunk = file.metadata.row_group(0).column(0)
    begin = chunk.dictionary_page_offset if chunk.has_dictionary_page else chunk.data_page_offset
    data[begin + chunk.total_compressed_size - 1] ^= 1
    return bytes(data)


@pytest.mark.parametrize("table", TABLES)
def test_a_bit_that_no_checksum_of_a_page_covers_is_found_and_repaired(folder: Path, table: str) -> None:
    """A column's greatest value in the footer: with another one readers skip the rows and say nothing."""
    before = everything(folder)
    of_segment = TABLES[table] in SEGMENT_TABLES
    path = paths(folder, table)[0 if of_segment else 1]
    with pq.ParquetFile(path) as file:
        columns = map(file.metadata.row_group(0).column, range(file.metadata.num_columns))
        ranges = (each.statistics for each in columns if each.physical_type == "BYTE_ARRAY" and each.is_stats_set)
        most = next(each.max for each in ranges if each.has_min_max).encode()
    data = path.read_bytes()
    at = data.rindex(most)
    path.write_bytes(data[:at] + bytes([data[at] - 1]) + data[at + 1 :])
    (found,) = damaged(folder)
    assert (found.problem, found.file) == ("changed file", f"{table}/{path.name}")
    mend(folder)
    assert check(folder).findings == ()
    after = everything(folder)
    if of_segment:
        assert after == before, "nothing is lost: the texts are there"
    else:
        assert len(after["runs"]) == 1
        assert after["manifests"] == before["manifests"]


@pytest.mark.parametrize("table", [name for name in TABLES if name not in {"manifests", "runs"}])
def test_a_missing_file_is_found(folder: Path, table: str) -> None:
    path = paths(folder, table)[0]
    path.unlink()
    assert [(found.problem, found.file) for found in damaged(folder)] == [("missing file", f"{table}/{path.name}")]
    with pytest.raises(StoreDamaged, match="indexer verify --repair"):
        Store.open(folder).files()
    mend(folder)
    assert check(folder).sound


WRONG_ROWS = [
    ("layers", "size", 11, "another size"),
    ("layers", "layer_digest", digest_of("x"), "another layer_digest"),
    ("layers", "repeated", True, "another repeated"),
    ("configs", "media_type", None, "another media_type"),
    ("index_entries", "is_attestation", True, "another is_attestation"),
    ("index_entries", "manifest_digest", digest_of("x"), "another manifest_digest"),
    ("manifests", "kind", "index", "another kind"),
    ("manifests", "layer_bytes", 7, "another layer_bytes"),
]


@pytest.mark.parametrize(("table", "column", "value", "said"), WRONG_ROWS)
def test_a_row_that_the_text_does_not_give(folder: Path, table: str, column: str, value: object, said: str) -> None:
    before = everything(folder)
    rewrite(paths(folder, table)[0], changed(column, value))
    (found,) = damaged(folder)
    assert (found.problem, found.file.partition("/")[0]) == ("wrong rows", table)
    assert said in found.detail
    assert found.subject in {digest_of(raw) for raw in DOCUMENTS}
    mend(folder)
    assert everything(folder) == before
    assert check(folder).sound


def test_rows_that_are_missing_too_many_or_nobodys(folder: Path) -> None:
    before = everything(folder)

    def change(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        stranger = {**rows[-1], "manifest_digest": digest_of("stranger")}
        return [*rows[1:], rows[-1], stranger]

    rewrite(paths(folder, "layers")[0], change)
    found = sorted((each.problem, each.detail) for each in damaged(folder))
    assert [problem for problem, _ in found] == ["rows without manifest", "wrong rows", "wrong rows"]
    assert {detail for _, detail in found[1:]} == {
        "There are 2 rows; the text gives 3",
        "There are 2 rows; the text gives 1",
    }
    mend(folder)
    assert everything(folder) == before


def test_rows_in_another_order_are_no_damage(folder: Path) -> None:
    for table in ("layers", "manifests", "index_entries"):
        rewrite(paths(folder, table)[0], lambda rows: rows[::-1])
    assert check(folder).findings == ()


@pytest.mark.parametrize("value", [ARM.decode(), AMD.decode() + " ", "", "[]"])
def test_a_text_that_is_not_the_digests_is_dropped(folder: Path, value: str) -> None:
    before = everything(folder)
    stored = [row["manifest_digest"] for row in pq.read_table(paths(folder, "manifests")[0]).to_pylist()]
    rewrite(paths(folder, "manifests")[0], changed("raw", value, stored.index(digest_of(AMD))))
    assert ("wrong digest", digest_of(AMD)) in {(each.problem, each.subject) for each in damaged(folder)}
    mend(folder)
    after = everything(folder)
    assert check(folder).sound
    assert digest_of(AMD) not in Store.open(folder).known()
    assert after["manifests"] == [row for row in before["manifests"] if row["manifest_digest"] != digest_of(AMD)]
    assert after["layers"] == [row for row in before["layers"] if row["manifest_digest"] != digest_of(AMD)]
    night(folder, NOON + 9 * DAY, [AMD])  # as the message says: the next run fetches it again
    assert everything(folder)["layers"] == before["layers"]


def test_a_manifest_that_is_there_twice_is_kept_once(folder: Path) -> None:
    before = everything(folder)
    files = Store.open(folder).files()
    for table in ("manifests", "layers", "configs", "index_entries"):
        path = files.tables[table][0]
        path.with_name(path.name.replace("-00001", "-00002")).write_bytes(path.read_bytes())
    found = damaged(folder)
    assert [each.problem for each in found] == ["duplicate manifest"] * 5
    mend(folder)
    assert everything(folder) == before
    assert check(folder).sound


RUN_HARMS: list[tuple[str, Callable[[list[dict[str, Any]]], list[dict[str, Any]]], str]] = [
    ("images", lambda rows: rows[1:], "wrong count"),
    ("failures", lambda rows: rows[1:], "wrong count"),
    ("images", lambda rows: [*rows, rows[0]], "duplicate row"),
    ("images", changed("run_id", "20260101T000000.000Z-000000"), "wrong run_id"),
    ("images", changed("repository", "other"), "images without listing"),
    ("repositories", changed("status", "failed"), "images without listing"),
    ("runs", lambda rows: rows * 2, "wrong count"),
    ("runs", changed("complete", value=True), "wrong count"),
]


@pytest.mark.parametrize(("table", "change", "problem"), RUN_HARMS)
def test_a_run_that_is_not_what_it_says(
    folder: Path, table: str, change: Callable[[list[dict[str, Any]]], list[dict[str, Any]]], problem: str
) -> None:
    before = everything(folder)
    rewrite(paths(folder, table)[1], change)
    assert problem in {each.problem for each in damaged(folder)}
    mend(folder)
    after = everything(folder)
    assert check(folder).sound
    assert len(after["runs"]) == 1
    assert after["manifests"] == before["manifests"]


def test_images_whose_manifest_is_given_up_are_failures_of_their_runs(folder: Path) -> None:
    """Figures leave out what is unknown, and find it among the failures."""
    before = everything(folder)
    paths(folder, "manifests")[1].write_bytes(b"")
    assert [each.problem for each in damaged(folder)] == ["unreadable file", "images without manifest"]
    mend(folder)
    assert check(folder).sound
    after = everything(folder)
    new = digest_of(image("new", []))
    said = [row for row in after["failures"] if row not in before["failures"]]
    assert [(row["manifest_digest"], row["operation"], row["code"]) for row in said] == [
        (new, "Verify", "ManifestLost")
    ]
    (where,) = [row for row in after["images"] if row["manifest_digest"] == new]
    assert {name: said[0][name] for name in ("run_id", "registry_id", "region", "repository")} == {
        name: where[name] for name in ("run_id", "registry_id", "region", "repository")
    }
    first, second = sorted(after["runs"], key=lambda row: row["run_id"])
    assert first == min(before["runs"], key=lambda row: row["run_id"]), "it did not see what is lost"
    assert (second["failures"], second["complete"]) == (3, False)


def test_archived_images_are_not_expected_and_unknown_ones_are_found(tmp_path: Path) -> None:
    store = Store.create_or_open(tmp_path / "store")
    with store.writer(now=lambda: NOON, version=VERSION) as writer:
        writer.add_repository(repository(writer, "shop/web", "listed"))
        rows = [image_row(writer, each, "shop/web") for each in ("a", "b", "c", "d")]
        statuses = ("ACTIVE", "ARCHIVED", "ACTIVATING", "ACTIVE")
        writer.add_images(row._replace(status=status) for row, status in zip(rows, statuses, strict=True))
        writer.add_failure(failure(writer, "")._replace(manifest_digest=rows[0].manifest_digest))
        writer.commit_run(run_row(writer)._replace(repositories=1, images=4, failures=1, complete=False))
    (found,) = damaged(tmp_path / "store")
    assert found.problem == "images without manifest"
    assert found.detail.startswith("1 image")
    assert rows[3].manifest_digest in found.detail
    mend(tmp_path / "store")
    assert check(tmp_path / "store").sound
    told = {row["manifest_digest"] for row in everything(tmp_path / "store")["failures"]}
    assert told == {rows[0].manifest_digest, rows[3].manifest_digest}


def test_what_is_no_damage_is_a_note(folder: Path) -> None:
    orphan = "20270101T000000.000Z-abcdef"
    for name, problem in {
        "layers/mine.parquet": "stray file",
        "runs/notes.txt": "stray file",
        "staging/mine": "stray file",
        f"staging/runs.{orphan}.parquet.tmp": "unfinished file",
        f"layers/{orphan}-00001.parquet": "uncommitted file",
        f"images/{orphan}.parquet": "uncommitted file",
    }.items():
        (folder / name).write_text("x")
        found = {each.file: (each.level, each.problem) for each in check(folder).findings}
        assert found[name] == ("note", problem)
    assert check(folder).sound
    mend(folder)
    assert {each.problem for each in check(folder).findings} == {"stray file"}, "the rest went with the next writer"


@pytest.mark.parametrize(("made", "problem"), [("0", "older rows"), ("99", "newer rows")])
def test_rows_of_another_flattener_are_not_compared(folder: Path, made: str, problem: str) -> None:
    rewrite(paths(folder, "manifests")[0], changed("layer_bytes", 7), **{FLATTENER: made})
    found = check(folder)
    assert [(each.level, each.problem) for each in found.findings] == [("note", problem)]


def test_only_some_of_many_alike_are_told(tmp_path: Path) -> None:
    folder = tmp_path / "store"
    night(folder, NOON, [image(f"config {number}", []) for number in range(30)])
    rewrite(paths(folder, "configs")[0], lambda rows: [{**row, "size": 1} for row in rows])
    found = damaged(folder)
    assert len(found) == 21
    assert found[-1].detail == "and 10 more like these"
    mend(folder)
    assert check(folder).sound


def test_columns_of_other_types_or_names_are_damage(folder: Path) -> None:
    path = paths(folder, "layers")[0]
    stored = pq.read_table(path)
    for other, said in (
        (stored.append_column("more", stored.column("size")), "no column more in layers"),
        (
            stored.drop_columns(["size"]).append_column("size", pc.cast(stored["position"], pa.string())),
            "of type int64",
        ),
        (stored.drop_columns(["layer_digest"]), "layer_digest is missing"),
    ):
        pq.write_table(other, path)
        assert said in damaged(folder)[0].detail
    mend(folder)
    assert check(folder).sound


@pytest.mark.slow
def test_everything_on_both_kinds_of_place(place: Place) -> None:
    """A store in a folder and one in a bucket: merge, prune, drop, harm and mend."""
    where = Path(place.location) if place.server is None else place.location
    for number in range(3):
        night(where, NOON + number * DAY, [AMD, image(str(number), [("base", 1)])])
    store = Store.open(where)
    with store.upkeep(now=lambda: NOON + 9 * DAY, command="indexer compact") as right:
        assert compact(right).after == 1
        prune(right, Policy(days=1))
    assert len(Store.open(where).files().runs) == 1
    with Store.open(where).upkeep(now=lambda: NOON + 20 * DAY, command="indexer prune") as right:
        done = prune(right, Policy(days=1), unreferenced=True)
        assert done.dropped is not None
        assert done.dropped.manifests == 2
    assert verify(Store.open(where).place).findings == ()
    (name,) = Store.open(where).files().segments
    place.remove(f"layers/{name}.parquet")
    assert [each.problem for each in verify(Store.open(where).place).findings] == ["missing file"]
    with Store.open(where).upkeep(now=lambda: NOON + 21 * DAY, command="indexer verify --repair") as right:
        repair(right, verify(right.folder))
    assert verify(Store.open(where).place).sound
    with Store.open(where).upkeep(now=lambda: NOON + 30 * DAY, command="indexer compact") as right:
        compact(right)
    left = [key for key in place.everything() if key.startswith(("manifests/", "layers/", "runs/"))]
    assert len(left) == 3, left

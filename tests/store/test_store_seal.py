"""A file says of itself whether a single bit of it has changed, wherever that is."""

from __future__ import annotations

import hashlib
import io
from datetime import timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from support import golden
from support.manifests import image, index
from support.store_rows import NOON
from support.upkeep import check, held, night

from indexer.store import Store
from indexer.store.seal import BLANK, SEAL, Sealing, intact
from indexer.store.upkeep import compact
from indexer.tables import TABLES

MARK = SEAL.encode()


def stored(folder: Path) -> list[Path]:
    return sorted(path for table in TABLES for path in (folder / table).glob("*.parquet"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two nights, of which one has a text in which the seal's own name stands, and their segments merged."""
    folder = tmp_path_factory.mktemp("sealed") / "store"
    one = image("one", [("base", 1)], annotations={"looks like one": f"{SEAL}\x18\x40{BLANK}"})
    night(folder, NOON, [one, index(one)])
    night(folder, NOON + timedelta(days=1), [image("two", [])], failures=1)
    with held(folder) as store:
        compact(store)
    return folder


def test_every_file_of_a_store_is_sealed(folder: Path) -> None:
    files = stored(folder)
    assert {path.parent.name for path in files} == set(TABLES)
    assert [intact(path) for path in files] == [True] * len(files)
    for path in files:
        digits = pq.read_metadata(path).metadata[MARK]
        data = path.read_bytes()
        assert data.count(digits) == 1
        assert hashlib.sha256(data.replace(digits, BLANK.encode())).hexdigest().encode() == digits


@pytest.mark.parametrize("table", ["layers", "runs"])
def test_a_bit_changed_anywhere_shows(folder: Path, tmp_path: Path, table: str) -> None:
    data = next((folder / table).glob("*.parquet")).read_bytes()
    name = range(data.rindex(MARK), data.rindex(MARK) + len(MARK) + 2)
    assert intact(_of(tmp_path, data)) is True
    missed = [at for at in range(0, len(data) - 8, 5) if intact(_of(tmp_path, _flipped(data, at))) is not False]
    assert set(missed) <= set(name), "without its name there is no seal; all else is as it was"


def _flipped(data: bytes, at: int) -> bytes:
    return data[:at] + bytes([data[at] ^ 1 << at % 8]) + data[at + 1 :]


def _of(folder: Path, data: bytes) -> Path:
    path = folder / "file.parquet"
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("length", [1, 3, 8, 100])
def test_a_file_that_was_cut_is_not_intact(folder: Path, tmp_path: Path, length: int) -> None:
    data = stored(folder)[0].read_bytes()
    assert intact(_of(tmp_path, data[:-length])) is not True
    assert intact(_of(tmp_path, data[length:])) is False
    assert intact(_of(tmp_path, data[:length])) is None


def test_files_of_earlier_versions_have_no_seal_and_are_sound(tmp_path: Path) -> None:
    folder = golden.unpack(2, tmp_path)
    assert {intact(path) for path in stored(folder)} == {None}
    assert check(folder).findings == ()
    assert {path.name for paths in Store.open(folder).files().tables.values() for path in paths}


class Kept(io.BytesIO):
    """Takes what is written and stays."""


def test_the_end_is_held_back_until_it_is_whole() -> None:
    sink = Kept()
    file = Sealing(sink)
    with pq.ParquetWriter(file, pa.schema({"a": pa.int64()})) as writer:
        writer.write_table(pa.table({"a": [1, 2, 3]}))
        writer.add_key_value_metadata({SEAL: BLANK})
        before = len(sink.getvalue())
        file.begin_end()
    assert len(sink.getvalue()) == before
    file.seal()
    assert pq.read_table(io.BytesIO(sink.getvalue())).to_pydict() == {"a": [1, 2, 3]}


def test_an_end_without_a_place_for_the_seal_is_a_mistake_of_the_writer() -> None:
    file = Sealing(Kept())
    file.write(b"begin")
    file.begin_end()
    file.write(b"end")
    with pytest.raises(ValueError, match="no place for its seal"):
        file.seal()

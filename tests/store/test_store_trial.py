"""Whether a store could be written: what a run would say, without a trace."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from indexer.errors import StoreError, StoreFormatError
from indexer.store import Store, try_writing


def everything(folder: Path) -> set[tuple[str, int]]:
    return {(str(path), path.stat().st_size) for path in folder.rglob("*")}


def make(folder: Path) -> None:
    with Store.create_or_open(folder).writer(now=lambda: datetime.now(UTC), version="1"):
        pass


def test_a_store_that_is_not_there_yet(tmp_path: Path) -> None:
    assert "can be written; the first run makes it" in try_writing(tmp_path / "a" / "b" / "store")
    assert everything(tmp_path) == set()


def test_a_store_that_is_there(tmp_path: Path) -> None:
    make(tmp_path / "store")
    before = everything(tmp_path)
    assert "can be written, has 0 committed runs (" in try_writing(tmp_path / "store")
    assert everything(tmp_path) == before


def test_a_run_that_goes_on_is_left_alone(tmp_path: Path) -> None:
    with Store.create_or_open(tmp_path / "store").writer(now=lambda: datetime.now(UTC), version="1"):
        before = everything(tmp_path)
        try_writing(tmp_path / "store")
        assert everything(tmp_path) == before


def test_a_folder_of_something_else(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("x")
    with pytest.raises(StoreFormatError, match="is no store and not empty"):
        try_writing(tmp_path)


def test_a_file_in_the_way(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(StoreError, match="is a file"):
        try_writing(tmp_path / "file" / "store")


def test_a_place_that_takes_nothing() -> None:
    with pytest.raises(StoreError, match="cannot write to /proc"):
        try_writing("/proc/store")


def test_a_store_whose_folder_is_gone(tmp_path: Path) -> None:
    make(tmp_path / "store")
    (tmp_path / "store" / "staging").rmdir()
    with pytest.raises(StoreError, match=r"cannot write to .*staging"):
        try_writing(tmp_path / "store")

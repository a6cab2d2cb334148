"""Who repairs a store dies at any file operation: nothing good is lost or there twice, and the next one ends it."""

from __future__ import annotations

import shutil
from collections import Counter
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from support.manifests import digest_of, image, index
from support.store_disks import Death, Died, DyingDisk
from support.store_rows import NOON, everything_expected, everything_in
from support.upkeep import LONG_AFTER, check, everything, held, night

from indexer.errors import StoreDamaged
from indexer.store import Disk, Store
from indexer.store.upkeep import repair, verify

NEVER = 100_000
DAY = timedelta(days=1)
GOOD, BAD, ELSE = image("good", [("base", 1), ("own", 2)]), image("bad", [("base", 1)]), image("else", [])


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four nights: layers are lost, a text is wrong, texts cannot be read, a run has lost its images."""
    folder = tmp_path_factory.mktemp("template") / "store"
    for number, documents in enumerate(([GOOD, index(GOOD)], [BAD, ELSE], [image("lost", [])], [GOOD, BAD])):
        night(folder, NOON + number * DAY, documents)
    manifests = sorted((folder / "manifests").iterdir())
    (folder / "layers" / manifests[0].name).unlink()
    rows = pq.read_table(manifests[1]).to_pylist(maps_as_pydicts="strict")
    wrong = [row | ({"raw": "{}"} if row["manifest_digest"] == digest_of(BAD) else {}) for row in rows]
    pq.write_table(pa.Table.from_pylist(wrong, schema=pq.read_schema(manifests[1])), manifests[1])
    manifests[2].write_bytes(b"PAR1 and nothing more")
    sorted((folder / "images").iterdir())[1].unlink()
    return folder


def mend(folder: Path, disk: Disk | None = None) -> None:
    with held(folder, disk=disk) as store:
        repair(store, verify(store.folder))


@pytest.mark.slow
@pytest.mark.parametrize("death", ["before", "torn", "power", "reordered"])
def test_dying_at_every_operation(template: Path, tmp_path: Path, death: Death, *, every_step: bool) -> None:
    folder, whole = tmp_path / "store", tmp_path / "whole"
    shutil.copytree(template, whole)
    assert {"missing file", "wrong digest", "unreadable file"} <= {each.problem for each in check(whole).findings}
    measure = DyingDisk(NEVER, "before")
    mend(whole, measure)
    measure.bury()
    after = everything(whole)
    assert check(whole).sound
    assert len(after["runs"]) == 3
    digests = {digest_of(each) for each in (GOOD, index(GOOD), ELSE)}
    assert {row["manifest_digest"] for row in after["manifests"]} == digests
    assert {"create", "write", "sync_file", "rename", "sync_folder", "remove"} <= set(measure.done)
    writes = [at for at, operation in enumerate(measure.done) if operation == "write"]
    # Steps of a prime number: each kind of operation has its turn.
    steps = range(0, len(measure.done), 1 if every_step else 7 if death == "power" else 19)
    for at in writes[:: 1 if every_step else 5] if death == "torn" else steps:
        shutil.copytree(template, folder)
        disk = DyingDisk(at, death)
        with pytest.raises(Died):
            mend(folder, disk)
        disk.bury()
        with suppress(StoreDamaged, pa.ArrowInvalid):  # where what is still to be repaired is in the way
            told = Counter(row["manifest_digest"] for row in everything(folder)["manifests"])
            assert digests <= set(told)
            assert max(told.values()) == 1
        mend(folder)
        assert everything(folder) == after
        assert check(folder).sound
        shutil.rmtree(folder)


def test_nothing_is_left_of_what_was_repaired(template: Path, tmp_path: Path) -> None:
    folder = tmp_path / "store"
    shutil.copytree(template, folder)
    mend(folder)
    after = everything(folder)
    for days in (2, 4):
        with held(folder, now=LONG_AFTER + days * DAY) as store:
            store.remove_replaced(timedelta(hours=24))
    assert everything_in(folder) == everything_expected(Store.open(folder).files())
    assert everything(folder) == after

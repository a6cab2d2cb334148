"""Names that replace others: which count, what goes when, and what a name stands for."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

import pytest

from indexer.store import layout
from indexer.store.versions import Part, Versions, told_apart
from indexer.tables import LAYERS, MANIFESTS, RUNS, TABLES

DAY = datetime(2026, 1, 1, tzinfo=UTC)


def run(day: int) -> str:
    return f"{DAY + timedelta(days=day):%Y%m%dT%H%M%S}.000Z-{day:06x}"


def segment(day: int, number: int = 1) -> str:
    return layout.segment_name(run(day), number)


def part(name: str, *, is_mark: bool = False) -> Part:
    return Part(name, *layout.stands_for(name), is_mark=is_mark)


def current(*names: str) -> Versions:
    return told_apart(map(part, names))


def test_names_say_what_they_stand_for() -> None:
    merged = layout.replacing(segment(1), segment(3, 7), run(9))
    assert merged == f"{segment(1)}_{segment(3, 7)}_{run(9)}"
    assert layout.stands_for(merged) == (segment(1), segment(3, 7), run(9))
    assert layout.stands_for(segment(4)) == (segment(4), segment(4), run(4))
    remade = layout.replacing(run(2), run(2), run(9))
    assert remade == f"{run(2)}_{run(9)}"
    assert layout.stands_for(remade) == (run(2), run(2), run(9))
    assert layout.run_of(merged) == run(1)
    assert layout.run_of(remade) == run(2)


@pytest.mark.parametrize("table", TABLES.values(), ids=lambda table: str(table.name))
def test_names_of_replacements_are_ours_and_only_those(table: object) -> None:
    merged = layout.replacing(segment(1), segment(3), run(9))
    remade = layout.replacing(run(2), run(2), run(9))
    mine, other = (merged, remade) if table in {MANIFESTS, LAYERS} or table.per == "segment" else (remade, merged)  # type: ignore[attr-defined]  # a Table, as its id says
    assert layout.name_in(table, f"{mine}.parquet") == mine  # type: ignore[arg-type]  # as above
    staged = layout.staged_key(f"{table.name}/{mine}.parquet").removeprefix("staging/")  # type: ignore[attr-defined]  # as above
    assert layout.is_staged(staged)
    assert len(staged) < 255
    for wrong in (other, f"{mine}_{run(9)}", f"{mine}_", f"_{mine}", f"{segment(1)}_{run(9)}"):
        assert layout.name_in(table, f"{wrong}.parquet") is None  # type: ignore[arg-type]  # as above


def test_marks_are_of_runs_alone() -> None:
    key = layout.mark_of(run(1), run(9))
    file_name = key.removeprefix("runs/")
    assert layout.pruned_in(RUNS, file_name) == f"{run(1)}_{run(9)}"
    assert layout.pruned_in(MANIFESTS, file_name) is None
    assert layout.pruned_in(RUNS, f"{run(1)}.pruned") is None
    assert layout.name_in(RUNS, file_name) is None
    assert layout.is_staged(layout.staged_key(key).removeprefix("staging/"))


def test_a_replacement_counts_and_what_it_stands_for_does_not() -> None:
    merged = layout.replacing(segment(1), segment(3), run(9))
    for names in ([merged], [merged, segment(2)], [segment(1), segment(2), segment(3), merged]):
        assert current(*names, segment(0), segment(4)).current == (segment(0), merged, segment(4))


def test_replacements_of_replacements() -> None:
    first = layout.replacing(segment(1), segment(3), run(9))
    second = layout.replacing(segment(1), segment(3), run(10))
    third = layout.replacing(segment(0), segment(5), run(11))
    everything = [segment(day) for day in range(7)] + [first, second, third]
    found = current(*everything)
    assert found.current == (third, segment(6))
    since = {each.name: when for each, when in found.replaced.items()}
    assert since[segment(2)] == layout.time_of(run(9)), "since it was first replaced"
    assert since[first] == layout.time_of(run(10))
    assert since[segment(5)] == since[second] == layout.time_of(run(11))
    assert current(first, second).current == (second,)
    assert found.newest == run(11)


def test_a_mark_ends_a_run_whether_its_files_are_there_or_not() -> None:
    mark = part(f"{run(2)}_{run(9)}", is_mark=True)
    found = told_apart([part(run(1)), part(run(2)), part(run(3)), mark])
    assert found.current == (run(1), run(3))
    assert found.marks == (mark,)
    assert found.newest == run(9)
    assert told_apart([mark]).current == ()
    remade = layout.replacing(run(2), run(2), run(8))
    assert told_apart([part(run(2)), part(remade), mark]).current == ()


def test_nothing_is_nothing() -> None:
    assert told_apart([]) == Versions((), {}, (), None)


@pytest.mark.parametrize("seed", range(20))
def test_any_history_of_merges_keeps_each_segment_once(seed: int) -> None:
    """Whatever was merged, and whatever of the replaced is gone: each first segment is stood for once."""
    chance = random.Random(seed)  # noqa: S311 - no secret
    originals = [segment(day) for day in range(30)]
    names, there = list(originals), list(originals)
    for made in range(40, 52):
        start = chance.randrange(len(there))
        group = there[start : start + chance.randint(1, 5)]
        spans = [layout.stands_for(name) for name in group]
        merged = layout.replacing(spans[0][0], spans[-1][1], run(made))
        names.append(merged)
        there[start : start + len(group)] = [merged]
        chance.shuffle(names)
        found = current(*names)
        assert list(found.current) == there
        names = [name for name in names if name in there or chance.random() < 0.7]
        assert list(current(*names).current) == there

"""What a crawl asks of a store, against plain models."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterable, Sequence
from datetime import timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.manifests import digest_of
from support.store_rows import NOON, PLACE, VERSION, broken, facts, repository, run_row

from indexer.digests import key_of
from indexer.errors import StoreDamaged
from indexer.flatten import is_sha256
from indexer.store import Known, Store
from indexer.store import keys as keys_module
from indexer.store.facts import held
from indexer.store.keys import Keys
from indexer.store.standing import Standing

HEX = st.text("0123456789abcdef", min_size=64, max_size=64)
SHA256 = HEX.map(lambda text: "sha256:" + text)
NEARLY = st.sampled_from(
    [
        "sha256:" + "A" * 64,  # the same bytes as another digest, and not the same text
        "sha256:" + "a" * 64,
        "sha256:" + "a" * 63,
        "sha256:" + "a" * 65,
        "sha256:" + "a" * 62 + "  ",
        "sha256:" + " a" * 32,
        "sha256:" + "g" * 64,
        "sha512:" + "a" * 128,
        "sha512:" + "a" * 64,
        "blake3:" + "b" * 64,
        "sha256:" + "é" * 64,
        "",
    ]
)
# Keys that share their first 8 bytes, as no two real digests do.
CROWDED = st.integers(0, 40).map(lambda number: "sha256:" + "ab" * 8 + f"{number:048x}")
DIGESTS = st.one_of(SHA256, NEARLY, CROWDED)


@pytest.mark.parametrize("make", [Known.of, Known.as_they_stand])
@given(stored=st.lists(st.lists(DIGESTS)), added=st.lists(DIGESTS), asked=st.lists(DIGESTS))
def test_known_is_a_set(
    make: Callable[[Iterable[pa.Array]], Known], stored: list[list[str]], added: list[str], asked: list[str]
) -> None:
    known = make(pa.array(digests, pa.string()) for digests in stored)
    model = {digest for digests in stored for digest in digests}
    assert len(known) == len(model)
    copy = known.copy()
    for digest in added:
        assert known.add(digest) == (digest not in model)
        model.add(digest)
    assert len(known) == len(model)
    for digest in (*asked, *model):
        assert (digest in known) == (digest in model)
    plain = [digest for digest in (*model, *asked) if is_sha256(digest)]
    expected = [digest not in model for digest in plain]
    assert known.missing(asked) == [digest not in model for digest in asked]
    assert known.missing(plain) == expected
    with pytest.MonkeyPatch.context() as patch:  # as an older pyarrow does it
        patch.setattr(keys_module, "_places", keys_module._places_one_by_one)
        assert known.missing(plain) == expected
    assert len(copy) == len({digest for digests in stored for digest in digests})
    assert None not in known
    assert b"a" not in known


def text_of(number: int, crowded: bool) -> str:
    return "sha256:" + (f"{number:064x}" if crowded else digest_of(str(number))[7:])


@given(
    stored=st.lists(st.integers(0, 400), max_size=400),
    asked=st.lists(st.integers(0, 1_000), max_size=400),
    crowded=st.booleans(),
    later=st.integers(0, 400),
)
def test_keys_are_a_set(stored: list[int], asked: list[int], crowded: bool, later: int) -> None:
    def joined(numbers: Iterable[int]) -> bytes:
        return b"".join(bytes.fromhex(text_of(number, crowded)[7:]) for number in numbers)

    first, then = stored[:later], [number for number in dict.fromkeys(stored[later:]) if number not in stored[:later]]
    keys = Keys.of(joined(first)).with_others(Keys.of(joined(then)))
    assert keys.lacking(joined(asked)) == [number not in stored for number in asked]
    assert len(keys) == len(set(stored)) == len(keys.packed().keys) // 32
    assert all((joined([number]) in keys) == (number in stored) for number in {*asked, *stored})


SPANS = st.lists(st.tuples(st.integers(0, 400), st.integers(0, 300), st.integers(0, 1_000)), max_size=12)


@given(
    parts=st.lists(st.lists(st.integers(0, 400), max_size=200), max_size=4),
    spans=SPANS,
    crowded=st.booleans(),
    odd=st.sets(st.integers(0, 400), max_size=3),
    at_once=st.integers(1, 400),
)
def test_what_stands_as_it_stood_is_told_as_one_by_one(
    parts: list[list[int]], spans: list[tuple[int, int, int]], crowded: bool, odd: set[int], at_once: int
) -> None:
    """Listings repeat what is stored in its order, from anywhere to anywhere, with others in between."""

    def text(number: int) -> str:
        found = text_of(number, crowded)
        return found.replace("sha256", "blake3") if number in odd else found  # of a digest's length, and none

    def joined(numbers: Iterable[int]) -> str:
        return "".join(map(text, numbers))

    stored = [number for part in parts for number in part]
    asked = [number for start, length, other in spans for number in (*stored[start : start + length], other)]
    standing = Standing(map(joined, parts))
    for start in range(0, len(asked), at_once):  # where one ends is where the next begins to look
        numbers = asked[start : start + at_once]
        assert standing.lacking(joined(numbers)) == [number not in stored for number in numbers]
    assert len(standing) == len(set(stored))
    for number in {*asked, *stored}:
        assert standing.holds(text(number), key_of(text(number))) == (number in stored)


def test_a_listing_as_it_was_is_not_searched_for(monkeypatch: pytest.MonkeyPatch) -> None:
    digests = [digest_of(str(number)) for number in range(1_000)]
    parts = [digests[:400], digests[400:]]
    standing = Standing("".join(part) for part in parts)
    with monkeypatch.context() as patch:
        patch.setattr(Keys, "of", None)
        # Two files, in each of which a repository after the other has a part, and spans that stand elsewhere.
        for begin, end in ((0, 10), (400, 405), (10, 20), (405, 500), (60, 150), (800, 832), (20, 60), (832, 1_000)):
            assert standing.lacking("".join(digests[begin:end])) == [False] * (end - begin)
    with monkeypatch.context() as patch:
        patch.setattr(Standing, "_search", None)
        for begin, end in ((0, 1_000), (17, 340), (999, 1_000)):
            asked = "".join([*digests[begin:end], digest_of("new")])
            assert standing.lacking(asked) == [False] * (end - begin) + [True]
    assert standing.lacking("".join(digests[::-1])) == [False] * 1_000


def test_a_file_of_others_without_a_digest_has_none_there() -> None:
    digests = [digest_of("one"), None, digest_of("two")]
    for make in (Known.of, Known.as_they_stand):
        known = make([pa.array(digests, pa.string())])
        assert len(known) == 2
        assert known.missing([digest_of("two"), digest_of("three")]) == [False, True]


def test_many_additions_are_merged() -> None:
    numbers = random.Random(7)  # noqa: S311 - made-up digests
    digests = [f"sha256:{numbers.getrandbits(256):064x}" for _ in range(150_000)]
    known = Known.of([pa.array(digests[:10])])
    for digest in digests:
        known.add(digest)
    assert len(known) == len(digests)
    assert len(known._fresh) < 100_000  # the rest takes 32 bytes each
    assert all(digest in known for digest in digests)
    assert not any(known.add(digest) for digest in digests)
    assert not any(f"sha256:{numbers.getrandbits(256):064x}" in known for _ in range(1000))


def test_digests_that_are_added_together_are_told_one_by_one() -> None:
    one, two, other = ("sha256:" + "1" * 64, "sha256:" + "2" * 64, "sha512:" + "3" * 128)
    known = Known.of([pa.array([two])])
    assert known.add_all([one, two, one, other, other]) == [True, False, False, True, False]
    assert known.add_all([]) == []
    assert (len(known), one in known, other in known) == (3, True, True)


def test_each_digest_is_new_to_one_thread_only() -> None:
    known = Known()
    digests = [digest_of(str(number)) for number in range(5000)]
    won: list[list[str]] = [[] for _ in range(4)]

    def add(mine: list[str]) -> None:
        mine.extend(digest for digest in digests if known.add(digest))

    threads = [threading.Thread(target=add, args=(mine,)) for mine in won]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(digest for mine in won for digest in mine) == sorted(digests)


def _write(store: Store, manifests: Sequence[str], indexes: dict[str, list[str]], problems: dict[str, str]) -> None:
    with store.writer(now=lambda: NOON, version=VERSION, segment_manifests=3) as writer:
        for name in manifests:
            writer.add(facts(name))
        for name, children in indexes.items():
            writer.add(facts(name, children=children))
        for name, problem in problems.items():
            writer.add(broken(name, problem))


NAMES = st.lists(st.sampled_from("abcdefgh"), unique=True)
INDEXES = st.dictionaries(
    st.sampled_from(["i1", "i2", "i3", "i4"]), st.lists(st.sampled_from(["a", "z", "i1", "i9"]), min_size=1)
)
PROBLEMS = st.dictionaries(st.sampled_from(["p1", "p2", "p3"]), st.sampled_from(["bad size", "no JSON"]))


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(manifests=NAMES, indexes=INDEXES, problems=PROBLEMS, wanted=st.sets(st.sampled_from(["i1", "i2", "i9", "a"])))
def test_known_problems_and_children(
    tmp_path_factory: pytest.TempPathFactory,
    manifests: list[str],
    indexes: dict[str, list[str]],
    problems: dict[str, str],
    wanted: set[str],
) -> None:
    store = Store.create_or_open(tmp_path_factory.mktemp("facts") / "store")
    _write(store, manifests, indexes, problems)
    known = store.known()
    every = {digest_of(name) for name in (*manifests, *indexes, *problems)}
    assert len(known) == len(every)
    assert all(digest in known for digest in every)
    assert digest_of("z") not in known
    assert store.problems() == {digest_of(name): problem for name, problem in problems.items()}
    digests = {digest_of(name) for name in wanted}
    model = [
        (digest_of(name), digest_of(child))
        for name, children in indexes.items()
        if name in wanted
        for child in children
    ]
    found = list(store.children(digests))
    assert sorted(found) == sorted(model)
    for name in wanted & set(indexes):  # and in the index's order
        assert [child for index, child in found if index == digest_of(name)] == [digest_of(c) for c in indexes[name]]


RUNS = st.lists(
    st.dictionaries(st.sampled_from(["web", "db", "team/app"]), st.sampled_from(["listed", "failed", "deleted"])),
    max_size=4,
)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(runs=RUNS)
def test_last_repositories(tmp_path_factory: pytest.TempPathFactory, runs: list[dict[str, str]]) -> None:
    store = Store.create_or_open(tmp_path_factory.mktemp("runs") / "store")
    model: dict[tuple[str, str, str], str] = {}
    for number, statuses in enumerate(runs):
        clock = NOON - timedelta(days=number)  # backwards: the order of the runs counts, not the clock
        with store.writer(now=lambda clock=clock: clock, version=VERSION) as writer:  # type: ignore[misc] # mypy knows no type for it
            for name, status in statuses.items():
                writer.add_repository(repository(writer, name, status))
                model[(*PLACE, name)] = status
            writer.commit_run(run_row(writer))
    with store.writer(now=lambda: NOON, version=VERSION) as writer:
        writer.add_repository(repository(writer, "web", "of a run that was never committed"))
    assert store.last_repositories() == model


def test_repositories_are_told_apart_by_account_and_region(tmp_path: Path) -> None:
    store = Store.create_or_open(tmp_path / "store")
    with store.writer(now=lambda: NOON, version=VERSION) as writer:
        row = repository(writer, "web")
        writer.add_repository(row)
        writer.add_repository(row._replace(region="us-east-1", status="failed"))
        writer.add_repository(row._replace(registry_id="999999999999", status="deleted"))
        writer.commit_run(run_row(writer))
    assert store.last_repositories() == {
        ("123456789012", "eu-west-1", "web"): "listed",
        ("123456789012", "us-east-1", "web"): "failed",
        ("999999999999", "eu-west-1", "web"): "deleted",
    }


def test_a_file_without_digests_is_damage(tmp_path: Path) -> None:
    path = tmp_path / "manifests.parquet"
    pq.write_table(pa.table({"x": [1]}), path)
    with pytest.raises(StoreDamaged, match="manifest_digest"):
        held([path])

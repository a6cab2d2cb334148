"""What waits for a repository comes out as it went in, in order, whatever it is."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indexer.crawl.fetching import Supply
from indexer.crawl.plan import Plan
from indexer.crawl.queue import Listed, Place, Queue, Refusal, Wanted, key_of
from indexer.ecr import FetchFailure, ListedImage
from indexer.model import Digest
from indexer.store import Known

PLACE, OTHER = Place(0, "team/app"), Place(0, "team/copy")
SHA512 = Digest("sha512:" + "5" * 128)
_DIGESTS = st.one_of(
    st.binary(min_size=32, max_size=32).map(lambda key: Digest("sha256:" + key.hex())), st.just(SHA512)
)
_TAGS = st.one_of(st.none(), st.text(max_size=8), st.just("\ud800"))
_LISTED = st.builds(Listed, _DIGESTS, _TAGS, st.one_of(st.none(), st.integers(0, 2**62)))


@settings(deadline=None, max_examples=50)
@given(st.lists(st.lists(_LISTED, max_size=5), max_size=4), st.integers(1, 4))
def test_what_went_in_comes_out(listings: list[list[Listed]], size: int) -> None:
    queue, expected = Queue(), []
    for number, images in enumerate(listings):
        first = 100 * number
        digests, tags, pulled = zip(*images, strict=True) if images else ((), (), ())
        queue.add_all(tags, pulled, [*map(key_of, digests)], first)
        expected += [Wanted(*image, first + at) for at, image in enumerate(images)]
    assert list(queue) == expected
    spans = list(queue.spans(size))
    assert [each for span in spans for each in span] == expected
    assert all(0 < len(span) <= size for span in spans)
    assert all(type(each.digest) is Digest for each in queue)


def listed(number: int, tag: str | None = None) -> Listed:
    return Listed(Digest(f"sha256:{number:064x}"), tag, number)


def image(number: int, *tags: str) -> ListedImage:
    return ListedImage(listed(number).digest, tags, last_pulled_at=number / 1e6, status="ACTIVE")


def test_a_plan_holds_each_digest_once_and_remembers_who_else_has_it() -> None:
    known = Known()
    known.add(listed(3).digest)
    plan = Plan(known)
    assert plan.want(PLACE, [image(1), image(2, "a"), image(1, "again"), image(3)]) == 2
    assert plan.want(OTHER, [image(2, "b", "c"), image(4)]) == 1
    assert plan.planned == 3
    taken = plan.take()
    assert {place: list(queue) for place, queue in taken.items()} == {
        PLACE: [Wanted(*listed(1), 0), Wanted(*listed(2, "a"), 1)],
        OTHER: [Wanted(*listed(4), 2)],
    }
    assert plan.take() == {}
    failure = FetchFailure(listed(2).digest, "ImageNotFound", "gone")
    (wanted,) = list(taken[PLACE])[1:]
    assert plan.elsewhere(wanted, PLACE, failure) == ()
    (again,) = plan.take()[OTHER]
    assert again == Wanted(*listed(2, "b"), 1, (Refusal(PLACE, "a", failure),))
    assert [each.place for each in plan.elsewhere(again, OTHER, failure)] == [PLACE, OTHER]


def test_processes_that_share_a_feed_end_together() -> None:
    """The last spans are small, and nothing is lost or out of order where spans are cut."""
    plan = Plan(Known())
    plan.want(PLACE, [*map(image, range(900))])
    plan.want(OTHER, [*map(image, range(900, 1000))])
    supply = Supply(plan, 5)
    supply.refill()
    feed = supply.feeds[0]
    assert len(list(feed.span())) == 20
    feed.among = 2
    spans = []
    while tasks := list(feed.span()):
        spans.append(tasks)
    sizes = [sum(len(task.wanted) for task in tasks) for tasks in spans]
    assert max(sizes) == 100
    left = 900
    for size in sizes:
        assert size <= max(5, left / 4)
        left -= size
    assert sizes[-4:] == [5, 5, 5, 5]
    digests = [digest for tasks in spans for task in tasks for digest in task.wanted.digests]
    assert digests == [listed(number).digest for number in range(100, 1000)]
    assert {len({task.place for task in tasks}) for tasks in spans} == {1}
    assert feed.left == 0


def test_a_feed_gives_calls_of_one_repository_each() -> None:
    plan = Plan(Known())
    plan.want(PLACE, [*map(image, range(5))])
    plan.want(OTHER, [*map(image, range(5, 8))])
    supply = Supply(plan, 2)
    assert supply.refill() == {0}
    tasks = list(supply.feeds[0])
    assert [(task.place, len(task.wanted)) for task in tasks] == [
        (PLACE, 2),
        (PLACE, 2),
        (PLACE, 1),
        (OTHER, 2),
        (OTHER, 1),
    ]
    assert [each.order for task in tasks for each in task.wanted] == list(range(8))
    assert tasks[0].ask.pulled == [0, 1]


@pytest.mark.parametrize("asked", [True, False])
def test_a_large_repository_is_planned_whole(asked: bool) -> None:
    known = Known()
    known.add_all(listed(number).digest for number in range(0, 12_001, 3))
    images = [image(number % 12_001) for number in range(12_001 + 5)]
    plan = Plan(known)
    missing = plan.missing([each.digest for each in images]) if asked else None
    assert plan.want(PLACE, images, missing) == plan.planned == 8_000
    assert plan.want(OTHER, images, missing) == 0
    wanted = list(plan.take()[PLACE])
    assert [each.digest for each in wanted] == [listed(number).digest for number in range(12_001) if number % 3]
    assert [each.order for each in wanted] == list(range(8_000))

"""What the nights change: registries before and after differ by what the night says, and by what was promised."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple

import pytest
from support.estate_reading import played

from indexer.local_ecr.estate import Estate, Night, Summary

SETTINGS = [(7, 1.0), (7, 0.1), (12, 0.3)]


class Listing(NamedTuple):
    """What could be listed at one time, by region and repository."""

    images: dict[tuple[str, str], dict[str, tuple[str, datetime, datetime | None]]]
    tags: dict[tuple[str, str], dict[str, str]]


def listing(estate: Estate) -> Listing:
    images, tags = {}, {}
    for registry in estate.registries():
        for name, home in registry.repositories.items():
            images[registry.region, name] = {
                digest: (image.status, image.pushed_at, image.pulled_at) for digest, image in home.images.items()
            }
            tags[registry.region, name] = {tag: image.digest for image in home.images.values() for tag in image.tags}
    return Listing(images, tags)


def difference(before: Listing, after: Listing) -> Summary:
    """The night's summary as an onlooker would write it, repository by repository."""
    counts: Counter[str] = Counter()
    for place in before.images.keys() | after.images.keys():
        old, new = before.images.get(place, {}), after.images.get(place, {})
        counts["pushed"] += len([digest for digest in new if digest not in old])
        counts["deleted"] += len([digest for digest in old if digest not in new])
        counts["archived"] += len([digest for digest in new if digest in old and old[digest][0] != new[digest][0]])
        old_tags, new_tags = before.tags.get(place, {}), after.tags.get(place, {})
        counts["moved"] += len([tag for tag in new_tags if old_tags.get(tag, new_tags[tag]) != new_tags[tag]])
    created, gone = len(after.images.keys() - before.images.keys()), len(before.images.keys() - after.images.keys())
    return Summary(counts["pushed"], counts["deleted"], counts["archived"], counts["moved"], created, gone)


def watched(estate: Estate) -> Iterator[tuple[Night, Listing, Listing]]:
    """Each night with a listing from before and one from after."""
    before = listing(estate)
    for night in estate.play():
        after = listing(estate)
        yield night, before, after
        before = after


@pytest.fixture(scope="module", params=SETTINGS, ids=str)
def nights(request: pytest.FixtureRequest) -> list[tuple[Night, Listing, Listing]]:
    seed, scale = request.param
    return list(watched(Estate(seed=seed, scale=scale)))


Nights = list[tuple[Night, Listing, Listing]]


def test_a_night_changes_what_it_says(nights: Nights) -> None:
    assert [night.number for night, _, _ in nights] == [1, 2, 3, 4, 5, 6]
    for night, before, after in nights:
        assert difference(before, after) == night.summary


def test_the_first_night_only_fills_the_registries(nights: Nights) -> None:
    first = nights[0][0].summary
    assert first == Summary(first.pushed, 0, 0, 0, first.repositories_created, 0)
    assert first.repositories_created == 48


def test_later_nights_push_a_few_per_cent(nights: Nights) -> None:
    for night, before, _ in nights[1:]:
        held = sum(map(len, before.images.values()))
        assert 0.01 < night.summary.pushed / held < 0.08


def test_every_later_night_moves_tags(nights: Nights) -> None:
    assert all(night.summary.tags_moved for night, _, _ in nights[1:])


def test_a_repository_comes_and_another_goes(nights: Nights) -> None:
    main = "eu-west-1"
    for night, before, after in nights[1:]:
        came, went = after.images.keys() - before.images.keys(), before.images.keys() - after.images.keys()
        assert came == ({(main, "payments/refunds")} if night.number == 3 else set())
        assert went == ({(main, "sandbox/hackday-2025")} if night.number == 4 else set())
    assert nights[2][2].images[main, "payments/refunds"]


def test_a_lifecycle_rule_keeps_the_newest(nights: Nights) -> None:
    for place in (("eu-west-1", "mobile/bff"), ("eu-west-1", "checkout/cart")):
        sizes = {len(after.images[place]) for _, _, after in nights}
        assert len(sizes) == 1, "as many leave as come"
        first, last = nights[0][2].images[place], nights[-1][2].images[place]
        left = [pushed for digest, (_, pushed, _) in first.items() if digest not in last]
        stayed = [pushed for digest, (_, pushed, _) in first.items() if digest in last]
        assert left
        assert max(left) <= min(stayed)


def test_nothing_else_is_deleted(nights: Nights) -> None:
    shrinking = {
        place[1]
        for _, before, after in nights
        for place, images in before.images.items()
        if images.keys() - after.images.get(place, {}).keys()
    }
    assert shrinking == {"mobile/bff", "checkout/cart", "sandbox/hackday-2025"}


def test_one_night_archives(nights: Nights) -> None:
    assert nights[4][0].summary.archived >= 1
    archived = [
        {digest for digest, (status, *_) in after.images["eu-west-1", "legacy/reports"].items() if status == "ARCHIVED"}
        for _, _, after in nights
    ]
    assert archived[0]
    assert all(earlier <= later for earlier, later in itertools.pairwise(archived))


@pytest.mark.parametrize(
    ("number", "rebuilt"),
    [
        (2, {"base/debian"}),
        (3, {"base/python", "base/java"}),
        (4, {"framework/fastapi", "framework/spring"}),
        (5, {"base/alpine"}),
        (6, {"base/node", "base/static", "base/cuda"}),
    ],
)
def test_bases_are_rebuilt_floor_by_floor(nights: Nights, number: int, rebuilt: set[str]) -> None:
    night, before, after = nights[number - 1]
    assert night.number == number
    platform = {place for place in after.images if place[1].startswith("platform/")}
    changed = {place[1] for place in platform if before.images[place].keys() != after.images[place].keys()}
    assert changed == {f"platform/{name}" for name in rebuilt}
    for place in platform:
        assert (before.tags[place]["latest"] != after.tags[place]["latest"]) == (place[1] in changed)


def test_pull_times_go_forward_and_never_before_the_push(nights: Nights) -> None:
    moved = 0
    for night, before, after in nights:
        for place, images in after.images.items():
            for digest, (_, pushed, pulled) in images.items():
                earlier = before.images.get(place, {}).get(digest, ("", pushed, None))[2]
                assert pulled is None or pushed <= pulled <= night.at
                if earlier is not None:
                    assert pulled is not None
                    assert earlier <= pulled
                    moved += earlier < pulled
    assert moved > 20


def test_production_pulls_what_is_live_every_day(nights: Nights) -> None:
    for night, _, after in nights:
        for place, tags in after.tags.items():
            if "live" in tags:
                pulled = after.images[place][tags["live"]][2]
                assert pulled is not None
                assert timedelta() < night.at - pulled < timedelta(hours=12)


def test_some_images_were_never_pulled(nights: Nights) -> None:
    _, _, after = nights[-1]
    pulls = [pulled for images in after.images.values() for _, _, pulled in images.values()]
    assert 0.3 < sum(pulled is None for pulled in pulls) / len(pulls) < 0.8


def test_pushes_of_a_night_are_of_the_day_before_in_working_hours(nights: Nights) -> None:
    for night, before, after in nights[1:]:
        day = night.at.date() - timedelta(days=1)
        for place, images in after.images.items():
            for digest in images.keys() - before.images.get(place, {}).keys():
                pushed = images[digest][1]
                assert pushed.date() == day
                # Promotions follow a release by three hours.
                assert 7 <= pushed.hour < (23 if "prod/" in place[1] else 20)


def test_history_reaches_back_months_and_is_denser_lately(nights: Nights) -> None:
    night, _, after = nights[0]
    ages = [(night.at - pushed).days for images in after.images.values() for _, pushed, _ in images.values()]
    usual = [age for age in ages if age < 365]
    assert len(ages) - len(usual) == 1, "the relic"
    assert 250 < max(usual) <= 301
    assert sum(age <= 75 for age in usual) > sum(75 < age <= 150 for age in usual)
    assert len(set(usual)) > 60


def test_repositories_are_older_than_their_images(nights: Nights) -> None:
    assert nights
    estate = played(scale=0.1)
    for registry in estate.estate.registries():
        for name, home in registry.repositories.items():
            pushed = [image.pushed_at for image in home.images.values() if name != "legacy/intranet"]
            assert all(home.created_at < time for time in pushed)


def test_weekends_are_quiet() -> None:
    pushed = {night.at.strftime("%a"): night.summary.pushed for night in played(nights=9).nights[1:]}
    # A night looks back on the day before: that of Sunday on Saturday.
    assert max(pushed["Sun"], pushed["Mon"]) < min(pushed[day] for day in ("Tue", "Wed", "Thu", "Fri", "Sat")) / 2


def test_nights_can_go_on_for_weeks() -> None:
    estate = Estate(seed=3, scale=0.1, nights=30, start=date(2025, 11, 20))
    played_on = list(estate.play())
    assert len(played_on) == 30
    assert played_on[-1].at == datetime(2025, 12, 19, 2, tzinfo=UTC)
    assert sum(night.summary.pushed for night in played_on[20:]) > 50

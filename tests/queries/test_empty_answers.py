"""No query has an answer without rows and without a sentence that says why."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from support.estates import ACCOUNT, REGION, Estate, answer, digest
from support.query_values import needed

from indexer.catalog import Catalog, Parameter, Query, load_queries, shipped_queries
from indexer.front.asking import Asking
from indexer.front.emptiness import single_run, why_empty

QUERIES = load_queries([shipped_queries()])
ABOUT_TIME = {"added-and-removed", "growth", "outdated-bases", "push-rate", "tag-churn", "tag-history"}
STATES = {
    "no-images": "holds no image.",
    "refused": "was never listed whole, so its images are not known; indexer query failures says why.",
    "gone": "has no repository any longer: what there was is deleted.",
}


def _estate(runs: int) -> Estate:
    """One image that is signed by nobody, and repositories that are empty, refused and, after two runs, deleted."""
    estate = Estate()
    estate.image("app", [("base", 100), ("top", 10)], ("config", 1))
    for number in range(runs):
        run = estate.run()
        run.repository("team/app", {"app": ["v1"]})
        run.repository("no-images")
        run.repository("refused", status="failed")
        run.repository("gone", status="deleted" if number else "listed")
    return estate


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[int, Asking]]:
    """Stores by their number of runs."""
    folder = tmp_path_factory.mktemp("stores")
    catalogs = {
        runs: Catalog(_estate(runs).write(folder / str(runs)), folder=folder, settings={"threads": 1})
        for runs in (0, 1, 2)
    }
    yield {runs: Asking(catalog, "there") for runs, catalog in catalogs.items()}
    for catalog in catalogs.values():
        catalog.close()


def said(asking: Asking, name: str, **given: Any) -> str | None:
    """What is said of an answer without rows; None where there are rows."""
    values = needed(QUERIES[name]) | given
    return None if answer(asking.catalog, name, **values) else why_empty(asking, QUERIES[name], values)


def _of(is_such: Callable[[Parameter], bool]) -> list[tuple[str, str]]:
    return [(query.name, each.name) for query in QUERIES.values() for each in query.parameters if is_such(each)]


def _is_of_repositories(parameter: Parameter) -> bool:
    return parameter.type == "glob" and parameter.name in {"repository", "base", "first", "second"}


@pytest.mark.parametrize("name", QUERIES)
def test_a_store_without_a_run_says_so(stores: dict[int, Asking], name: str) -> None:
    assert said(stores[0], name) == "there holds no repository yet: no run is committed; indexer run makes the first."


@pytest.mark.parametrize(("name", "parameter"), _of(lambda each: each.name == "limit"))
def test_no_rows_wanted_are_no_rows(stores: dict[int, Asking], name: str, parameter: str) -> None:
    assert said(stores[1], name, **{parameter: 0}) == "limit=0 asks for no rows."


@pytest.mark.parametrize(("name", "parameter"), _of(_is_of_repositories))
def test_a_repository_that_is_not_there_is_named_with_the_nearest(
    stores: dict[int, Asking], name: str, parameter: str
) -> None:
    expected = f"No repository matches {parameter}=teem/app, did you mean team/app?"
    assert said(stores[1], name, **{parameter: "teem/app"}) in {expected, None}


@pytest.mark.parametrize(("name", "parameter"), _of(lambda each: each.name == "tag"))
def test_a_tag_that_is_not_there_is_named_with_the_nearest(
    stores: dict[int, Asking], name: str, parameter: str
) -> None:
    assert said(stores[1], name, **{parameter: "v2"}) == f"No tag matches {parameter}=v2, did you mean v1?"


@pytest.mark.parametrize(("name", "parameter"), _of(lambda each: each.type == "digest"))
def test_a_digest_that_is_not_there_or_something_else_is_said(
    stores: dict[int, Asking], name: str, parameter: str
) -> None:
    unknown = digest("nowhere")
    assert said(stores[1], name, **{parameter: unknown}) == (
        f"{parameter}={unknown} is not in there: no manifest, layer, config or index entry there has this digest."
    )
    config = digest("config")
    assert said(stores[1], name, **{parameter: config}) == (
        f"{QUERIES[name].empty} The store knows {parameter}={config} as: config."
    )


def test_the_beginning_of_a_digest_is_explained_as_the_whole_one_is(stores: dict[int, Asking]) -> None:
    query = QUERIES["images-with-layer"]
    beginning = why_empty(stores[1], query, {"digest": digest("config")[7:20]})
    assert beginning == why_empty(stores[1], query, {"digest": digest("config")})


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        (digest("nowhere"), "image=.* is not in there: no manifest, layer, config or index entry"),
        ("team/app:v2", r"image=team/app:v2: team/app in there has no tag 'v2'; it has 1, such as v1[.]"),
        ("teem/app:v1", "image=teem/app:v1: there is no repository 'teem/app' in there, did you mean team/app"),
        ("team/app", "image=team/app is a repository; give an image in it, as team/app:TAG, or its digest."),
        (digest("app")[7:17], f"is taken as REPOSITORY:TAG or as a whole digest; give image={digest('app')}$"),
        (f"team/app@{digest('app')}", f"; give image={digest('app')}$"),
        (f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/team/app:v1", "; give image=team/app:v1$"),
        (" team/app:v1", "; give image=team/app:v1$"),
        ("team/app:v1", "^No image that repositories hold stands on this one[.]$"),
    ],
)
def test_an_image_that_is_not_there_is_said(stores: dict[int, Asking], image: str, expected: str) -> None:
    sentence = said(stores[1], "derived-images", image=image)
    assert sentence is not None
    assert re.search(expected, sentence)


def test_the_queries_about_time_are_known(stores: dict[int, Asking]) -> None:
    assert {query.name for query in QUERIES.values() if query.single} == ABOUT_TIME
    histories = {"image_history", "repository_history", "tag_spans", "listing_spans"}
    about_now = {name for name in QUERIES if "images" in stores[1].catalog.reads(name)}
    reading = {name for name in QUERIES if stores[1].catalog.reads(name) & histories}
    assert reading - about_now <= ABOUT_TIME | {"failures"}


@pytest.mark.parametrize("name", sorted(ABOUT_TIME))
def test_a_single_run_has_its_own_sentence_with_rows_or_without(stores: dict[int, Asking], name: str) -> None:
    assert "single run" in str(QUERIES[name].single)
    assert said(stores[1], name) in {QUERIES[name].single, None}
    assert single_run(stores[1], QUERIES[name]) == QUERIES[name].single
    assert single_run(stores[2], QUERIES[name]) is None
    assert said(stores[2], name) in {QUERIES[name].empty, None}


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"earlier": "1999"}, "No run has an id that begins as earlier=1999; there are 2, run-001 to run-002."),
        ({"later": "run-003"}, "No run has an id that begins as later=run-003; there are 2, run-001 to run-002."),
        ({"earlier": "run-002"}, "earlier=run-002 is not before later=run-002."),
        ({"earlier": "run-002", "later": "run-001"}, "earlier=run-002 is not before later=run-001."),
        (
            {"later": "run-001"},
            "later=run-001 is the oldest run in the store: there is none before it to compare with.",
        ),
        ({"repository": "refused"}, QUERIES["added-and-removed"].empty),
        ({"repository": "refused", "earlier": "run-", "later": "run-002"}, QUERIES["added-and-removed"].empty),
    ],
)
def test_runs_that_cannot_be_compared_are_named(
    stores: dict[int, Asking], given: dict[str, str], expected: str
) -> None:
    assert said(stores[2], "added-and-removed", **given) == expected


def _about_now(query: Query) -> bool:
    return query.single is None and query.name != "failures" and any(map(_is_of_repositories, query.parameters))


@pytest.mark.parametrize("repository", STATES)
@pytest.mark.parametrize("name", [query.name for query in QUERIES.values() if _about_now(query)])
def test_repositories_that_hold_nothing_are_said_to(stores: dict[int, Asking], name: str, repository: str) -> None:
    (parameter, *_) = [each.name for each in QUERIES[name].parameters if _is_of_repositories(each)]
    expected = f"What matches {parameter}={repository} {STATES[repository]}"
    assert said(stores[2], name, **{parameter: repository}) in {expected, None}


@pytest.mark.parametrize("name", ["untagged", "exclusive-bytes-by-tag", "unfetched-images"])
def test_what_was_never_listed_is_not_said_to_hold_nothing(stores: dict[int, Asking], name: str) -> None:
    sentence = said(stores[2], name, repository="[nr]*")  # no-images and refused
    assert str(sentence).startswith("Of the 2 repositories that match [nr]*, 1 was never listed whole")


@pytest.mark.parametrize("name", ["tag-churn", "tag-history"])
def test_tags_of_what_was_never_listed_are_not_known(stores: dict[int, Asking], name: str) -> None:
    sentence = said(stores[2], name, repository="refused", tag="v1")
    assert sentence is not None
    assert sentence.startswith(
        "No repository that matches refused was ever listed whole, so their images are not known; "
    )

"""What is made of values before a query runs, and what is said where it has no rows."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.shop import BASE, DEPS, TWINS, Shop
from support.world import START

import indexer
from indexer.errors import IndexerError, QueryError
from indexer.front import OpenStore
from indexer.store import Store


@pytest.mark.parametrize("given", [DEPS, DEPS[:19], DEPS[7:13], DEPS.upper(), f" {DEPS[7:20]} "])
def test_a_digest_may_be_given_by_its_beginning(store: OpenStore, given: str) -> None:
    found = store.query("images-with-layer", digest=given).fetchall()
    assert found
    assert found == store.query("images-with-layer", digest=DEPS).fetchall()


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (DEPS[7:12], "digest=.* is too short for a digest, give at least 6 characters"),
        ("abcabc", f"(?s)beginning of several digests.*{TWINS[0]}.*{TWINS[1]}"),
        ("00000000", "digest=00000000: no digest in .* begins so"),
        ("latest", "digest=latest: expected a whole digest"),
        (7, "digest=7: expected a whole digest"),
    ],
)
def test_what_is_no_beginning_of_one_digest_is_refused(store: OpenStore, given: object, said: str) -> None:
    with pytest.raises(IndexerError, match=said):
        store.query("images-with-layer", digest=given)


def test_other_texts_are_left_as_they_are(store: OpenStore) -> None:
    assert store.query("tag-history", tag=BASE[7:13]).fetchall() == []
    with pytest.raises(QueryError, match="no parameter"):
        store.query("tag-history", digest=BASE[7:13])


@pytest.mark.parametrize(
    ("name", "values", "said"),
    [
        (
            "largest-images",
            {"repository": "team/ap"},
            "No repository matches repository=team/ap, did you mean team/app?",
        ),
        (
            "largest-images",
            {"repository": "[q]*"},
            "No repository matches repository=[q]*; there is cold/store, for one",
        ),
        ("largest-images", {"limit": 0}, "limit=0 asks for no rows."),
        ("shared-between", {"first": "*", "second": "nowhere/*"}, "No repository matches second=nowhere/*"),
    ],
)
def test_an_answer_without_rows_says_what_in_the_question_is_wrong(
    store: OpenStore, name: str, values: dict[str, object], said: str
) -> None:
    assert store.query(name, **values).fetchall() == []
    assert store.why_empty(name, **values).startswith(said)


def test_an_answer_without_rows_is_explained_by_the_query_where_the_question_is_right(store: OpenStore) -> None:
    for given in ({"repository": "team/*"}, {"repository": "team/gone"}):  # the second was deleted
        assert store.why_empty("failures", **given) == store.catalog.queries["failures"].empty
    assert store.why_empty("tag-history", tag="gone") == store.catalog.queries["tag-history"].empty


def test_a_store_without_a_run_has_no_repository(tmp_path: Path) -> None:
    with Store.create_or_open(tmp_path).writer(now=lambda: START, version="1"):
        pass
    with indexer.open(tmp_path) as store:
        assert "no run is committed" in store.why_empty("largest-images")


def test_the_shop_has_the_layer_once(shop: Shop, store: OpenStore) -> None:
    found = store.query("images-with-layer", digest=DEPS[7:13], limit=1).fetchall()
    assert len(found) == 1
    assert found[0][4] in {shop.one, shop.two}

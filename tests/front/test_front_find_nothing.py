"""find where nothing is listed yet, and for text that is meant as a digest and is none."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.commands import process
from support.manifests import digest_of, image
from support.shop import BASE, DEPS, Shop
from support.world import world

import indexer
from indexer.errors import QueryError, UsageError
from indexer.front import NotFound, OpenStore
from indexer.local_ecr import Registry

NO_RUN = "; no run is committed there yet, indexer run makes the first"


@pytest.fixture
def kept(shop: Shop, tmp_path: Path) -> Path:
    """What is left where the first run was ended before it was committed."""
    folder = tmp_path / "kept"
    shutil.copytree(shop.folder, folder)
    for path in (folder / "runs").iterdir():
        path.unlink()
    return folder


@pytest.fixture
def unlisted(kept: Path) -> Iterator[OpenStore]:
    with indexer.open(kept) as store:
        yield store


def test_before_the_first_run_no_blob_is_said_to_be_gone(unlisted: OpenStore) -> None:
    assert unlisted.find(BASE)["roles"] == ["blob of manifests that no committed run has listed yet"]


def test_what_a_later_run_fetched_and_never_listed_is_not_gone(tmp_path: Path) -> None:
    registry = Registry()
    registry.create_repository("team/app")
    registry.put_image("team/app", image("config", [("base", 10)]), tags=["1"])
    with world(tmp_path / "store", [registry]) as the_world:
        the_world.run()
        registry.put_image("team/app", image("config 2", [("base", 10), ("new", 1)]), tags=["2"])
        the_world.run()
    max((tmp_path / "store" / "runs").iterdir()).unlink()
    with indexer.open(tmp_path / "store") as store:
        assert store.find(digest_of("base"))["roles"] == ["layer"]
        assert store.find(digest_of("new"))["roles"] == ["blob of manifests that no committed run has listed yet"]


@pytest.mark.parametrize("text", [f"sha256:{'f' * 64}", "f" * 12, "team/app", "team/app:latest"])
def test_before_the_first_run_nothing_is_found_and_that_is_said(unlisted: OpenStore, text: str) -> None:
    with pytest.raises(NotFound) as caught:
        unlisted.find(text)
    assert str(caught.value).endswith(NO_RUN)


def test_the_page_says_that_nothing_is_listed(kept: Path) -> None:
    assert process("find", DEPS, "--store", kept).err.startswith("no run is committed yet: ")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("sha256:zzzz", "is no digest; expected sha256: and 64 hexadecimal digits, or the first 6 or more"),
        ("SHA256:xyz", "is no digest; expected sha256: and 64 hexadecimal digits"),
        ("sha512:latest", "is no digest; expected sha512: and 128 hexadecimal digits"),
        (BASE + "0", "is no digest, it has 65 digits; expected sha256: and 64 hexadecimal digits"),
        ("sha256:abc", "is too short for a digest, give at least 6 characters of it"),
    ],
)
def test_what_is_meant_as_a_digest_and_is_none(store: OpenStore, text: str, said: str) -> None:
    with pytest.raises(UsageError) as caught:
        store.find(text)
    assert said in str(caught.value)


def test_a_repository_of_another_account_is_named_with_its_own(store: OpenStore) -> None:
    with pytest.raises(NotFound) as caught:
        store.find("111111111111.dkr.ecr.eu-west-1.amazonaws.com/cold/store:old")
    assert str(caught.value).startswith("there is no repository 'cold/store' of 111111111111 in eu-west-1 in ")
    assert str(caught.value).endswith("; there is one of 123456789012 in eu-west-1")


@pytest.mark.parametrize(
    ("statement", "values", "said"),
    [
        ("select $x, $y", {"x": 1}, "the statement has parameters without a value: y; give each as -p NAME=VALUE"),
        (
            "select $x",
            {"x": 1, "y": 2},
            "there are values that the statement does not take: y; a parameter is $NAME in it",
        ),
        ("select 1", {"y": 2}, "there are values that the statement does not take; a parameter is $NAME in it"),
    ],
)
def test_a_statement_and_its_values_must_fit(
    store: OpenStore, statement: str, values: dict[str, int], said: str
) -> None:
    with pytest.raises(QueryError) as caught:
        store.sql(statement, **values)
    assert str(caught.value).startswith(said)


def test_a_query_too_is_told_that_a_digest_is_too_long(store: OpenStore) -> None:
    with pytest.raises(UsageError, match=r"digest: .* is no digest, it has 65 digits"):
        store.query("images-with-layer", digest=BASE + "0")


def test_a_tag_that_stands_alone_is_told_how_to_be_named(tmp_path: Path) -> None:
    registry = Registry()
    for name in ("team/app", "team/base"):
        registry.create_repository(name)
    for name, tag in (("team/app", "latest"), ("team/base", "latest"), ("team/base", "1"), ("team/base", "abcdef01")):
        registry.put_image(name, image(f"{name} {tag}", [("layer", 1)]), tags=[tag])
    with world(tmp_path / "store", [registry]) as the_world:
        the_world.run()
    with indexer.open(tmp_path / "store") as store:
        with pytest.raises(NotFound) as told:
            store.find("latest")
        place = tmp_path / "store"
        assert str(told.value) == (
            f"there is no repository 'latest' in {place}; it is a tag of 2 repositories: "
            "name it REPOSITORY:TAG, such as team/base:latest"
        )
        with pytest.raises(
            UsageError, match=r"; it is a tag of a repository: name it REPOSITORY:TAG, such as team/base:1$"
        ):
            store.find("1")
        with pytest.raises(NotFound, match=r"no digest.*; it is a tag of a repository: .* such as team/base:abcdef01$"):
            store.find("abcdef01")
        with pytest.raises(NotFound, match=r"storage-by-repository lists them$"):
            store.find("nosuch")


def test_globs_are_for_queries(shop: Shop) -> None:
    with indexer.open(shop.folder) as store, pytest.raises(NotFound) as caught:
        store.find("team/*")
    assert "find takes one name, indexer query storage-by-repository -p repository='team/*' takes globs" in str(
        caught.value
    )

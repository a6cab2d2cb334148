"""Pages: limits, tokens, pages that are short or empty, and changes between two pages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from indexer.local_ecr import Registry, Server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from local_ecr.conftest import Connect
    from types_boto3_ecr import ECRClient

KEYS = {"list_images": "imageIds", "describe_images": "imageDetails", "describe_repositories": "repositories"}


def pages(client: ECRClient, operation: str, **parameters: Any) -> Iterator[list[Any]]:
    """The rows of page after page, following tokens to the end."""
    token: dict[str, str] = {}
    while True:
        answer = getattr(client, operation)(**parameters, **token)
        yield answer[KEYS[operation]]
        if "nextToken" not in answer:
            return
        token = {"nextToken": answer["nextToken"]}


@pytest.fixture
def full(registry: Registry, document: Callable[..., str]) -> list[str]:
    """Digests of the 7 images of team/app, of which the second has tags a to c and the last has tag z."""
    digests = [registry.put_image("team/app", document(number)) for number in range(7)]
    registry.put_image("team/app", document(1), tags=["c", "a", "b"])
    registry.tag_image("team/app", digests[-1], "z")
    return digests


@pytest.mark.parametrize("size", [1, 2, 3, 4, 6, 7, 8, 1000])
def test_describe_images_in_pages(ecr: ECRClient, full: list[str], size: int) -> None:
    found = list(pages(ecr, "describe_images", repositoryName="team/app", maxResults=size))
    assert [row["imageDigest"] for rows in found for row in rows] == full
    assert [len(rows) for rows in found[:-1]] == [size] * (len(found) - 1)
    assert found[-1]


@pytest.mark.parametrize("size", [1, 2, 3, 5, 9, 10])
def test_list_images_in_pages_may_part_the_tags_of_an_image(ecr: ECRClient, full: list[str], size: int) -> None:
    rows = [row for rows in pages(ecr, "list_images", repositoryName="team/app", maxResults=size) for row in rows]
    tags = [(full.index(row["imageDigest"]), row.get("imageTag")) for row in rows]
    expected = [(0, None), (1, "a"), (1, "b"), (1, "c"), (2, None), (3, None), (4, None), (5, None), (6, "z")]
    assert tags == expected


def test_describe_repositories_in_pages(registry: Registry, ecr: ECRClient) -> None:
    for number in range(4):
        registry.create_repository(f"many/{number}")
    found = [[row["repositoryName"] for row in rows] for rows in pages(ecr, "describe_repositories", maxResults=2)]
    assert found == [["many/0", "many/1"], ["many/2", "many/3"], ["team/app"]]


def test_a_page_holds_100_rows_by_default(registry: Registry, ecr: ECRClient, document: Callable[..., str]) -> None:
    for number in range(101):
        registry.put_image("team/app", document(number))
    assert [len(rows) for rows in pages(ecr, "describe_images", repositoryName="team/app")] == [100, 1]


def test_botocores_own_paginator_finds_everything(registry: Registry, ecr: ECRClient, full: list[str]) -> None:
    registry.page_limit = 2
    registry.short_pages = True
    paginator = ecr.get_paginator("describe_images")
    rows = [row for answer in paginator.paginate(repositoryName="team/app") for row in answer["imageDetails"]]
    assert [row["imageDigest"] for row in rows] == full


def test_page_limit_makes_pages_shorter_than_asked(registry: Registry, ecr: ECRClient, full: list[str]) -> None:
    registry.page_limit = 3
    found = [len(rows) for rows in pages(ecr, "describe_images", repositoryName="team/app", maxResults=5)]
    assert found == [3, 3, 1]


@pytest.mark.parametrize("operation", ["list_images", "describe_images"])
def test_short_pages_are_empty_or_half_and_carry_a_token(
    registry: Registry, ecr: ECRClient, full: list[str], operation: str
) -> None:
    registry.short_pages = True
    found = list(pages(ecr, operation, repositoryName="team/app", maxResults=2))
    assert [len(rows) for rows in found[:4]] == [0, 2, 1, 2]
    assert len({(row["imageDigest"], row.get("imageTag")) for rows in found for row in rows}) >= len(full)


def test_short_pages_end_in_an_empty_repository(registry: Registry, ecr: ECRClient) -> None:
    registry.short_pages = True
    assert list(pages(ecr, "describe_images", repositoryName="team/app")) == [[], []]


@pytest.mark.parametrize(
    ("operation", "parameters"),
    [
        ("list_images", {"repositoryName": "team/app"}),
        ("describe_images", {"repositoryName": "team/other"}),
        ("describe_images", {"repositoryName": "team/app", "filter": {"tagStatus": "TAGGED"}}),
        ("describe_repositories", {}),
    ],
)
def test_a_token_is_good_for_its_own_request_only(
    registry: Registry, ecr: ECRClient, full: list[str], operation: str, parameters: dict[str, Any]
) -> None:
    registry.create_repository("team/other")
    token = ecr.describe_images(repositoryName="team/app", maxResults=2)["nextToken"]
    with pytest.raises(ClientError) as error:
        getattr(ecr, operation)(**parameters, nextToken=token)
    assert error.value.response["Error"]["Code"] == "InvalidParameterException"
    assert "'nextToken'" in str(error.value)
    assert ecr.describe_images(repositoryName="team/app", nextToken=token, maxResults=1)["imageDetails"]


@pytest.mark.parametrize("token", ["", "x", "****", "AAAA", "é", "A" * 200])
def test_a_made_up_token_is_refused(ecr: ECRClient, full: list[str], token: str) -> None:
    with pytest.raises(ecr.exceptions.InvalidParameterException):
        ecr.describe_images(repositoryName="team/app", nextToken=token)


def test_a_token_of_another_registry_is_refused(registry: Registry, full: list[str], connect: Connect) -> None:
    other = Registry(region="us-east-1")
    other.create_repository("team/app")
    with Server([registry, other]) as server:
        ecr, elsewhere = connect(server.url), connect(server.url, region="us-east-1")
        token = ecr.describe_images(repositoryName="team/app", maxResults=2)["nextToken"]
        with pytest.raises(ecr.exceptions.InvalidParameterException):
            elsewhere.describe_images(repositoryName="team/app", nextToken=token)


def test_changes_between_pages_shift_nothing(
    registry: Registry, ecr: ECRClient, full: list[str], document: Callable[..., str]
) -> None:
    walk = pages(ecr, "describe_images", repositoryName="team/app", maxResults=3)
    seen = [row["imageDigest"] for row in next(walk)]
    registry.delete_image("team/app", full[0])
    registry.delete_image("team/app", full[4])
    added = registry.put_image("team/app", document(99))
    seen += [row["imageDigest"] for rows in walk for row in rows]
    assert seen == [*full[:4], *full[5:], added]


def test_a_repository_deleted_between_pages_is_gone(registry: Registry, ecr: ECRClient, full: list[str]) -> None:
    walk = pages(ecr, "list_images", repositoryName="team/app", maxResults=3)
    next(walk)
    registry.delete_repository("team/app")
    with pytest.raises(ecr.exceptions.RepositoryNotFoundException):
        next(walk)


@pytest.mark.parametrize("extra", [{"maxResults": 5}, {"nextToken": "x"}])
def test_paging_does_not_go_with_named_things(ecr: ECRClient, full: list[str], extra: dict[str, Any]) -> None:
    with pytest.raises(ecr.exceptions.InvalidParameterException, match="imageIds"):
        ecr.describe_images(repositoryName="team/app", imageIds=[{"imageDigest": full[0]}], **extra)
    with pytest.raises(ecr.exceptions.InvalidParameterException, match="repositoryNames"):
        ecr.describe_repositories(repositoryNames=["team/app"], **extra)

"""A page of images that is decoded whole is the page that is read image by image."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import botocore.session
import pytest
from botocore.parsers import JSONParser, ResponseParserError
from hypothesis import given, settings
from hypothesis import strategies as st

from indexer.ecr.listed import ListedImage, decoded_page, listed_image, listed_images, listed_repositories
from indexer.ecr.parsing import AnswerParser
from indexer.errors import RegistryUnavailable
from indexer.model import OCI_MANIFEST

WHOLE: dict[str, Any] = {
    "registryId": "123456789012",
    "imageDigest": "sha256:" + "1" * 64,
    "imageTags": ["a", "b"],
    "imageManifestMediaType": "a/manifest",
    "artifactMediaType": "a/config",
    "imageSizeInBytes": 2**40,
    "imagePushedAt": 1_700_000_000.123456,
    "lastRecordedPullTime": 1_700_000_001,
    "imageStatus": "ACTIVE",
    "subjectManifestDigest": "sha256:" + "2" * 64,
}
_ODD: Any = st.sampled_from(
    [
        None,
        "",
        "x",
        "\u00e9",
        "\U0001f600",
        "\ud800",
        0,
        -1,
        7,
        2**63 - 1,
        2**63,
        10**30,
        1.0,
        1.5,
        -0.5,
        1e300,
        253_370_764_799.999,
        253_370_764_800,
        True,
        [],
        ["t"],
        [""],
        [7],
        [None],
        {},
        "2023-11-14T22:13:20Z",
        float("nan"),
        float("inf"),
    ]
)
_ITEM = st.one_of(
    st.just(WHOLE),
    st.builds(lambda name, value: WHOLE | {name: value}, st.sampled_from(list(WHOLE)), _ODD),
    st.builds(lambda name: {key: value for key, value in WHOLE.items() if key != name}, st.sampled_from(list(WHOLE))),
    st.sampled_from([{}, [], None, "text"]),
)
_TIMES = st.one_of(
    st.integers(0, 253_370_764_799),
    st.floats(0, 253_370_764_799),
    st.integers(0, 2**51).map(lambda number: number / 1e6),
    st.integers(0, 2**41).map(lambda number: number / 1e3),
)


@cache
def shape(operation: str) -> Any:
    return botocore.session.Session().get_service_model("ecr").operation_model(operation).output_shape


def parsed(body: str, operation: str = "DescribeImages") -> Any:
    response = {"body": body.encode(), "headers": {}, "status_code": 200}
    return AnswerParser().parse(response, shape(operation))


@settings(deadline=None, max_examples=500)
@given(st.lists(_ITEM, max_size=4), st.booleans())
def test_both_ways_find_the_same(items: list[Any], escaped: bool) -> None:
    try:
        expected = [listed_image(item) for item in items]
    except RegistryUnavailable:
        with pytest.raises((RegistryUnavailable, ResponseParserError)):  # the client takes both for no answer
            listed_images(_sent(items, escaped=escaped))
        return
    found = listed_images(_sent(items, escaped=escaped))
    assert [*map(members, found)] == [*map(members, expected)]


def members(image: ListedImage) -> list[tuple[str, type, Any]]:
    """What an image says, whichever way it was read."""
    values = [(name, getattr(image, name)) for name in ListedImage.__struct_fields__]
    return [(name, type(value), value) for name, value in values]


def _sent(items: list[Any], *, escaped: bool) -> Any:
    try:
        body = json.dumps({"imageDetails": items, "nextToken": "more"}, ensure_ascii=escaped)
        body.encode()
    except UnicodeEncodeError:  # only an escape can say it
        body = json.dumps({"imageDetails": items, "nextToken": "more"})
    answer = parsed(body)
    assert answer["nextToken"] == "more"
    return answer["imageDetails"]


@settings(deadline=None, max_examples=500)
@given(_TIMES, _TIMES)
def test_times_are_those_that_were_sent(pushed: float, pulled: float) -> None:
    item = WHOLE | {"imagePushedAt": pushed, "lastRecordedPullTime": pulled}
    (image,) = parsed(json.dumps({"imageDetails": [item]}))["imageDetails"]
    assert (image.pushed_at, image.last_pulled_at) == (float(pushed), float(pulled))


REPOSITORY: dict[str, Any] = {
    "repositoryArn": "arn:aws:ecr:eu-west-1:123456789012:repository/team/app",
    "registryId": "123456789012",
    "repositoryName": "team/app",
    "repositoryUri": "123456789012.dkr.ecr.eu-west-1.amazonaws.com/team/app",
    "createdAt": 1_690_000_000.123,
    "imageTagMutability": "MUTABLE",
    "imageScanningConfiguration": {"scanOnPush": True},
    "encryptionConfiguration": {"encryptionType": "KMS", "kmsKey": "arn:aws:kms:key"},
}
_A_REPOSITORY = st.one_of(
    st.just(REPOSITORY),
    _TIMES.map(lambda time: REPOSITORY | {"createdAt": time}),
    st.builds(
        lambda name, value: REPOSITORY | {name: value},
        st.sampled_from([name for name in REPOSITORY if name not in {"imageScanningConfiguration", "repositoryArn"}]),
        st.sampled_from([None, "", "x", "é", 7, 1.5, "2023-11-14T22:13:20Z", {}, {"encryptionType": None}]),
    ),
    st.builds(
        lambda name: {key: value for key, value in REPOSITORY.items() if key != name},
        st.sampled_from(list(REPOSITORY)),
    ),
)


@settings(deadline=None, max_examples=300)
@given(st.lists(_A_REPOSITORY, max_size=3))
def test_repositories_are_those_that_botocore_reads(items: list[Any]) -> None:
    body = json.dumps({"repositories": items, "nextToken": "more"})
    answers: list[Any] = []
    for parser in (JSONParser(), AnswerParser()):
        try:
            response = {"body": body.encode(), "headers": {}, "status_code": 200}
            answers.append(listed_repositories(parser.parse(response, shape("DescribeRepositories"))["repositories"]))
        except Exception:  # noqa: BLE001 - whatever botocore says is no answer to the client
            answers.append(None)
    assert answers[0] == answers[1]


def test_a_whole_page_is_decoded_at_once() -> None:
    answer = parsed(json.dumps({"imageDetails": [WHOLE] * 3, "nextToken": "more"}))
    assert [isinstance(image, ListedImage) for image in answer["imageDetails"]] == [True] * 3
    assert answer["nextToken"] == "more"
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 200
    assert "nextToken" not in parsed(json.dumps({"imageDetails": []}))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"[]",
        b'{"imageDetails": null}',
        b'{"imageDetails": [], "nextToken": 7}',
        b'{"imageDetails": [], "x": NaN}',
        b'{"imageDetails": [], "x": "\xff"}',
        b'{"imageDetails": [] ',
        b'{"imageDetails": []} {}',
        b'{"x": ' + b"[" * 100_000,
    ],
)
def test_what_is_out_of_the_common_is_left_to_the_careful_way(body: bytes) -> None:
    assert decoded_page("DescribeImagesResponse", body) is None
    assert decoded_page("DescribeRepositoriesResponse", body.replace(b"imageDetails", b"repositories")) is None


def test_text_that_cannot_be_stored_is_no_answer() -> None:
    body = json.dumps({"imageDetails": [WHOLE | {"imageTags": ["\ud800"]}]})
    with pytest.raises(RegistryUnavailable, match="surrogates"):
        listed_images(parsed(body)["imageDetails"])


@pytest.mark.parametrize("odd", [{}, {"artifactMediaType": "application/vnd.acme+json"}, {"imageStatus": "LOST"}])
def test_common_texts_are_shared_and_others_are_taken_as_they_are(odd: dict[str, str]) -> None:
    common = WHOLE | {
        "imageManifestMediaType": OCI_MANIFEST,
        "artifactMediaType": "application/vnd.oci.image.config.v1+json",
        "imageStatus": "ARCHIVED",
    }
    items = [common, common | odd, {"imageDigest": "sha256:1"}]
    page = decoded_page("DescribeImagesResponse", json.dumps({"imageDetails": items}).encode())
    assert page is not None
    images = page["imageDetails"]
    assert [*map(members, images)] == [members(listed_image(item)) for item in items]
    assert (images[0].artifact_type is images[1].artifact_type) == (odd == {})
    assert members(images[0].with_tags(["a"])) == members(listed_image(common | {"imageTags": ["a"]}))


def test_an_empty_page_is_one() -> None:
    assert listed_images([]) == []


def test_images_of_a_listing_of_several_pages_share_their_texts() -> None:
    """A repository's images are held together: with texts of their own they take half as much again."""
    body = json.dumps({"imageDetails": [WHOLE, WHOLE | {"imageStatus": None}], "nextToken": "more"}).encode()
    page = decoded_page("DescribeImagesResponse", body)
    assert page is not None
    first, second = page["imageDetails"]
    assert (first.media_type, first.artifact_type, first.status) == ("a/manifest", "a/config", "ACTIVE")
    assert first.media_type is second.media_type
    assert first.artifact_type is second.artifact_type
    assert second.status is None

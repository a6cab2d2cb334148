"""A page of images that is read member by member is the page that is read image by image."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indexer.ecr.answers import listed_image, listed_images
from indexer.errors import RegistryUnavailable

WHOLE: dict[str, Any] = {
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
    [None, "", "x", 0, -1, 7, 2**63, 1.5, -0.5, 1e300, True, [], ["t"], [""], [7], {}, "2023-11-14T22:13:20Z"]
)
_ITEM = st.one_of(
    st.just(WHOLE),
    st.builds(lambda name, value: WHOLE | {name: value}, st.sampled_from(list(WHOLE)), _ODD),
    st.builds(lambda name: {key: value for key, value in WHOLE.items() if key != name}, st.sampled_from(list(WHOLE))),
    st.sampled_from([{}, [], None, "text"]),
)


@settings(deadline=None, max_examples=300)
@given(st.lists(_ITEM, max_size=4))
def test_both_ways_find_the_same(items: list[Any]) -> None:
    try:
        expected = [listed_image(item) for item in items]
    except RegistryUnavailable as error:
        with pytest.raises(RegistryUnavailable) as caught:
            listed_images(items)
        assert str(caught.value) == str(error)  # noqa: PT017 - it may be raised or not
        return
    found = listed_images(items)
    assert found == expected
    assert [[type(member) for member in image] for image in found] == [
        [type(member) for member in image] for image in expected
    ]


def test_an_empty_page_is_one() -> None:
    assert listed_images([]) == []

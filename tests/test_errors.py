"""Names that somebody may have meant."""

from __future__ import annotations

import pytest

from indexer.errors import did_you_mean, nearest

NAMES = [
    "storage-by-prefix",
    "storage-by-repository",
    "largest-images",
    "tag-churn",
    "tag-history",
    "image-tags",
    "tag",
]


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("storag", ["storage-by-prefix", "storage-by-repository"]),
        ("largest-image", ["largest-images"]),
        ("lragest-images", ["largest-images"]),
        ("tag", ["tag-churn", "tag-history", "tag"]),
        ("images", ["image-tags"]),
        ("churn", ["tag-churn"]),
        ("by", []),
        ("", []),
        ("nothing like it", []),
    ],
)
def test_the_nearest_names(text: str, meant: list[str]) -> None:
    assert nearest(text, NAMES) == meant


def test_what_is_said_of_them() -> None:
    assert did_you_mean("storag", NAMES) == ", did you mean storage-by-prefix or storage-by-repository?"
    assert did_you_mean("x", NAMES, "; there are others") == "; there are others"

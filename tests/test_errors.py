"""Names that somebody may have meant, and what an error must not tell."""

from __future__ import annotations

import pytest

from indexer.errors import IndexerError, RegistryRefused, did_you_mean, nearest

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


SIGNED = "https://bucket.s3.amazonaws.com/layer?X-Amz-Signature=hunter2&X-Amz-Security-Token=hunter2"


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ('no answer from "http://user:hunter2@10.0.0.1:80/x"', 'no answer from "http://***@10.0.0.1:80/x"'),
        (f"refused: {SIGNED}, try again", "refused: https://bucket.s3.amazonaws.com/layer?*** try again"),
        ("see https://docs.aws.amazon.com/AmazonECR?", "see https://docs.aws.amazon.com/AmazonECR?"),
        ("write to mail@example.com at 5 = 5?", "write to mail@example.com at 5 = 5?"),
    ],
)
def test_addresses_are_told_without_secrets(said: str, told: str) -> None:
    assert str(IndexerError(said)) == told
    error = RegistryRefused("BatchGetImage", "Odd", said)
    assert (error.reason, str(error)) == (told, f"BatchGetImage: Odd: {told}")

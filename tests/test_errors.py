"""Names that somebody may have meant, what an error must not tell, and how it is told."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from indexer.errors import IndexerError, RegistryRefused, did_you_mean, nearest

PACKAGE = Path(__file__).parent.parent / "indexer"
NAMES = [
    "storage-by-prefix",
    "storage-by-repository",
    "largest-images",
    "tag-churn",
    "tag-history",
    "image-tags",
    "tag",
]


def test_a_plural_is_nearer_than_what_begins_so() -> None:
    assert nearest("image", ["image_history", "image_parts", "images"]) == ["images"]


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


RAISED = (
    "Error",
    "Missing",
    "Locked",
    "Damaged",
    "Outdated",
    "Down",
    "Refused",
    "Unavailable",
    "NotFound",
    "Ambiguous",
)
OTHERS_WORDS = ("aws_cli", "local_ecr", "ecr/verbatim.py", "ecr/connections.py", "cli/batch_get_image.py", "lean.py")
"""What speaks as the AWS CLI, ECR or Python itself does."""


def messages() -> Iterator[tuple[str, str]]:
    """Every text that an error is raised with, and where; … stands for what is put into it."""
    for path in sorted(PACKAGE.rglob("*.py")):
        name = path.relative_to(PACKAGE).as_posix()
        if name.startswith(OTHERS_WORDS):
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call) or not node.args:
                continue
            called = ast.unparse(node.func).rpartition(".")[2]
            told = node.args[0]
            if called.endswith(RAISED) and isinstance(told, ast.JoinedStr):
                parts = (str(part.value) if isinstance(part, ast.Constant) else "…" for part in told.values)
                yield f"{name}:{node.lineno}", "".join(parts)
            elif called.endswith(RAISED) and isinstance(told, ast.Constant) and " " in str(told.value):
                yield f"{name}:{node.lineno}", str(told.value)


def test_all_messages_are_of_one_style() -> None:
    """They follow `error: `, so they begin as the middle of a sentence does, and end without a full stop."""
    found = list(messages())
    assert len(found) > 100
    odd = [(where, text) for where, text in found if re.match(r"[A-Z](?![A-Z])", text) or re.search(r"[^.]\.$", text)]
    assert odd == []

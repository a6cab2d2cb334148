"""References: what a text can name."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.errors import UsageError
from indexer.front.references import Reference, is_part, too_short, whole

_DIGEST = "sha256:" + "ab" * 32


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("app", (None, None, "app", None, None)),
        ("team/app", (None, None, "team/app", None, None)),
        ("team/app:1.0", (None, None, "team/app", "1.0", None)),
        (f"team/app@{_DIGEST}", (None, None, "team/app", None, _DIGEST)),
        (f"team/app:1.0@{_DIGEST}", (None, None, "team/app", "1.0", _DIGEST)),
        (f"@{_DIGEST}", (None, None, None, None, _DIGEST)),
        (
            "123456789012.dkr.ecr.eu-west-1.amazonaws.com/team/app:1.0",
            ("123456789012", "eu-west-1", "team/app", "1.0", None),
        ),
        (
            "https://123456789012.dkr-ecr.eu-west-1.on.aws/app",
            ("123456789012", "eu-west-1", "app", None, None),
        ),
        (
            "123456789012.dkr.ecr-fips.us-gov-west-1.amazonaws.com/app",
            ("123456789012", "us-gov-west-1", "app", None, None),
        ),
        (
            "123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn/app",
            ("123456789012", "cn-north-1", "app", None, None),
        ),
        ("docker.io/library/app", (None, None, "docker.io/library/app", None, None)),
    ],
)
def test_a_reference_is_taken_apart(text: str, expected: tuple[str | None, ...]) -> None:
    found = Reference.parse(f" {text} ")
    assert (found.registry_id, found.region, found.repository, found.tag, found.digest) == expected


@pytest.mark.parametrize(("text", "said"), [("app:", "has no tag after"), ("sha256:", "has no digest after")])
def test_a_colon_wants_something_after_it(text: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        Reference.parse(text)


@pytest.mark.parametrize("text", ["", " ", ":", ":tag", "app@", "app@latest", "app@md5:abcdef"])
def test_what_names_nothing_is_refused(text: str) -> None:
    if text == "app@":
        with pytest.raises(UsageError, match="is no digest"):
            Reference.parse(text)
    else:
        with pytest.raises(UsageError):
            Reference.parse(text)


@pytest.mark.parametrize(
    ("text", "part"),
    [("abcdef", True), ("SHA256:ABC", True), ("sha512:0", True), ("team", False), ("md5:abc", False), ("ab/cd", False)],
)
def test_beginnings_of_digests_are_hexadecimal(text: str, part: bool) -> None:
    assert is_part(text) is part
    assert (Reference.parse(text).part is not None) is part


def test_whole_digests_have_the_right_length() -> None:
    assert whole(_DIGEST)
    assert not whole(_DIGEST[:-1])
    assert not whole("odd:abcdef")
    assert too_short("sha256:abcde")
    assert not too_short("abcdef")


@given(st.text(max_size=80))
def test_any_text_is_a_reference_or_wrong_usage(text: str) -> None:
    try:
        found = Reference.parse(text)
    except UsageError as error:
        assert str(error)  # noqa: PT017 - both ends are good
    else:
        assert found.repository or found.digest

"""The door: repeated keys are found, whatever escapes are used to hide them, and nothing else is taken for one."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.manifests import image

from indexer.errors import DocumentError
from indexer.flatten import Source, flatten
from indexer.flatten.documents import load

SOURCE = Source("123456789012", "eu-west-1", "team/app", datetime(2026, 5, 1, 12, tzinfo=UTC))


@pytest.mark.parametrize(
    ("raw", "key"),
    [
        (b'{"a": 1, "a": 1}', '"a"'),
        (b'{"a": 1, "\\u0061": 2}', '"a"'),
        (b'{"x": [{"y": {"": 1, "": 2}}]}', '""'),
        (b'{"a": {"a": 1}, "b": {"a": 1, "c": 1, "a": 1}}', '"a"'),
        # Each mark that is lost with the pair comes back from an escape, so that the count alone would not tell.
        (b'{"a": 1, "a": 2, "b": "\\u0022\\u0022"}', '"a"'),
        (b'{"a": "x", "a": "y", "b": "\\u0022\\u0022\\u0022\\u0022"}', '"a"'),
        (b'{"\\u0022": 1, "\\"": 2}', '"\\""'),
        (b'{"a\\/b": 1, "a/b": 2}', '"a/b"'),
        (b'{"\\ud83d\\ude00": 1, "\xf0\x9f\x98\x80": 2}', '"\\ud83d\\ude00"'),
    ],
)
def test_a_repeated_key_is_named(raw: bytes, key: str) -> None:
    with pytest.raises(DocumentError) as refused:
        load(raw)
    assert str(refused.value) == f"the key {key} stands twice in one object: readers differ in which they take"


@pytest.mark.parametrize(
    "raw",
    [
        b'{"a": 1, "A": 1}',
        b'[{"a": 1}, {"a": 1}]',
        b'{"a": {"a": {"a": "a"}}}',
        b'{"a": "\\u0022", "b": "\\\\u0022", "c": "\\"", "d": "\\\\\\""}',
        b'{"a": "{\\"x\\": 1, \\"x\\": 2}"}',
        b'{"a\\u0000": 1, "a": 2}',
        b'"\\u0022"',
        b"{}",
        b"1e3",
    ],
)
def test_what_only_looks_like_one_is_let_be(raw: bytes) -> None:
    assert load(raw) == json.loads(raw)


def test_a_manifest_with_a_repeated_key_gives_no_rows() -> None:
    raw = image("config", [("base", 5)]).replace(b'"size": 5', b'"size": 5, "size": 500')
    rows = flatten("sha256:x", raw, SOURCE)
    assert rows.layers == []
    assert rows.manifest.problem == 'the key "size" stands twice in one object: readers differ in which they take'


def written(value: Any, draw: st.DrawFn) -> str:
    """`value` as JSON in one of the many ways to write it: any character of a text may be escaped."""
    if isinstance(value, str):
        return '"' + "".join(draw(st.sampled_from(ways_to_write(character))) for character in value) + '"'
    if isinstance(value, dict):
        return "{" + ", ".join(f"{written(key, draw)}:{written(each, draw)}" for key, each in value.items()) + "}"
    if isinstance(value, list):
        return "[" + " ,".join(written(each, draw) for each in value) + "]"
    return json.dumps(value)


def ways_to_write(character: str) -> list[str]:
    ways = ["".join(f"\\u{unit:04x}" for unit in utf16(character))]
    ways += {'"': ['\\"'], "\\": ["\\\\"], "/": ["/", "\\/"], "\n": ["\\n"]}.get(character, [])
    return ways if character in '"\\/' or character < " " else [*ways, character]


def utf16(character: str) -> list[int]:
    encoded = character.encode("utf-16-be")
    return [int.from_bytes(encoded[at : at + 2]) for at in range(0, len(encoded), 2)]


TEXTS = st.text(st.sampled_from('ab"\\/u0 2\n\x7f\u00e9\U0001f600'), max_size=4)
VALUES = st.recursive(
    TEXTS | st.integers(-5, 5) | st.none() | st.booleans(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)


@st.composite
def documents(draw: st.DrawFn) -> tuple[str, Any]:
    value = draw(VALUES)
    return written(value, draw), value


@settings(deadline=None)
@given(documents())
def test_a_document_without_repeated_keys_is_read_however_it_is_written(case: tuple[str, Any]) -> None:
    text, value = case
    assert load(text.encode()) == value


@st.composite
def repeating(draw: st.DrawFn) -> str:
    """An object with a key that stands twice, somewhere in a document, beside any number of escaped marks."""
    key, others = draw(TEXTS), draw(st.dictionaries(TEXTS, VALUES, max_size=3))
    pairs = [(key, draw(VALUES)), (key, draw(VALUES)), *((k, v) for k, v in others.items() if k != key)]
    members = [f"{written(k, draw)}:{written(v, draw)}" for k, v in draw(st.permutations(pairs))]
    inner = "{" + ",".join(members) + "}"
    return draw(st.sampled_from(["{}", "[{}, 1]", '{"outer": {}}'])).replace("{}", inner)


@settings(deadline=None)
@given(repeating())
def test_a_repeated_key_is_found_however_it_is_written(text: str) -> None:
    with pytest.raises(DocumentError, match="stands twice"):
        load(text.encode())

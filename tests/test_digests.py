"""Digests by the hundred are what each of them is."""

from __future__ import annotations

import pyarrow as pa
from hypothesis import example, given
from hypothesis import strategies as st

from indexer.digests import keys_of, keys_of_column
from indexer.flatten import is_sha256

GOOD = "sha256:" + "a1" * 32
_HEX = st.text("0123456789abcdef", min_size=64, max_size=64)
_NEARLY = st.sampled_from(
    [
        "",
        "é" * 71,
        "sha256:" + "A1" * 32,
        "sha256:" + "a1" * 31,
        "sha256:" + "a1" * 31 + "  ",
        "sha256:" + "a1" * 31 + "g1",
        "sha256:" + "a" * 63,  # with the next one the two have the length of two
        "sha256:" + "a" * 65,
        "a1" + "sha256:" + "a1" * 31,
        "a1" * 32 + "sha256:",
        "sha256:sha256:" + "a1" * 28 + "a",
        "sha257:" + "a1" * 32,
        "sha512:" + "a1" * 32,
        "a" * 71,
        "s" + "a" * 70,
    ]
)
_DIGESTS = st.lists(st.one_of(_HEX.map("sha256:".__add__), _NEARLY), max_size=4)


@given(_DIGESTS)
@example([GOOD, "sha256:" + "a" * 63, "a" + GOOD])
@example(["sha256:" + "a" * 63, "a" + GOOD])
@example(["s" + "a" * 70, "sha256:sha256:" + "a1" * 28 + "a"])
def test_keys(digests: list[str]) -> None:
    good = all(map(is_sha256, digests))
    expected = b"".join(bytes.fromhex(digest[7:]) for digest in digests) if good else None
    assert keys_of(digests) == expected
    column = pa.array(["before", *digests, None, "after"])
    assert keys_of_column(column[1:-2]) == expected
    assert keys_of_column(column[1:-1]) is None

"""Cells: values as people read them."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.cli.cells import NULL, age, cell, human_bytes, is_bytes, local_time, may_wrap, number, printable, short

_DIGEST = "sha256:" + "0123456789abcdef" * 4


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 B"),
        (1, "1 B"),
        (1023, "1023 B"),
        (1024, "1.00 KiB"),
        (1536, "1.50 KiB"),
        (10 * 1024, "10.0 KiB"),
        (100 * 1024, "100 KiB"),
        (1024**2 - 1, "1.00 MiB"),
        (5 * 1024**2, "5.00 MiB"),
        (635_291_943_177, "592 GiB"),
        (2**63 - 1, "8.00 EiB"),
        (1024**7, "1,024 EiB"),
        (-2048, "-2.00 KiB"),
        (Decimal(2048), "2.00 KiB"),
    ],
)
def test_bytes_are_human(size: int, text: str) -> None:
    assert human_bytes(size) == text


@given(st.integers(0, 2**63 - 1))
def test_bytes_are_never_far_off(size: int) -> None:
    figure, unit = human_bytes(size).split()
    units = ("B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB")
    assert float(figure.replace(",", "")) * 1024 ** units.index(unit) == pytest.approx(size, rel=0.006)
    assert len(figure) <= 5


@pytest.mark.parametrize(
    ("column", "yes"),
    [
        ("size", True),
        ("bytes", True),
        ("image_size", True),
        ("layer_bytes", True),
        ("bytes_saved", True),
        ("stored_bytes_low", True),
        ("blobs_unknown_size", False),
        ("bytes_unknown", False),
        ("images", False),
        ("oversize", False),
    ],
)
def test_columns_of_bytes_are_told_by_their_names(column: str, yes: bool) -> None:
    assert is_bytes(column) is yes


@pytest.mark.parametrize(
    ("column", "value", "text"),
    [
        ("images", 1234567, "1,234,567"),
        ("images", Decimal(1234), "1,234"),
        ("layer_bytes", 2048, "2.00 KiB"),
        ("layer_bytes", None, NULL),
        ("dedup_ratio", 2.0, "2.00"),
        ("dedup_ratio", 1234.5678, "1,234.57"),
        ("share", 0.01234, "0.0123"),
        ("share", Decimal("0.5"), "0.50"),
        ("share", float("nan"), "nan"),
        ("complete", True, "yes"),
        ("size", False, "no"),
        ("layer_digest", _DIGEST, "sha256:0123456789ab"),
        ("reason", f"no {_DIGEST}", f"no {_DIGEST}"),
        ("tags", [], ""),
        ("tags", ["1.0", "\x1b[31m"], "1.0, \\x1b[31m"),
        ("annotations", {"a": "b", "c": None}, f"a=b, c={NULL}"),
        ("targets", [{"registry_id": "1", "region": "eu"}], "registry_id=1, region=eu"),
        ("text", "[red]x[/red]", "[red]x[/red]"),
        ("blob", b"\x00\xff", "00ff"),
        ("span", timedelta(days=1), "1 day"),
        ("span", timedelta(hours=-1), "-01:00:00"),
        ("span", timedelta(), "00:00:00"),
    ],
)
def test_cells(column: str, value: Any, text: str) -> None:
    assert cell(column, value) == text


def test_control_characters_are_written_out() -> None:
    assert printable("plain ünïcode 漢字") == "plain ünïcode 漢字"
    assert printable("a\x1b[2Jb\x07\x9b\n\r\t\x7f") == "a\\x1b[2Jb\\x07\\x9b\\n\\r\\t\\x7f"
    assert printable("gpj\u202eexe\u2028") == "gpj\\u202eexe\\u2028"
    assert printable("\ud800") == "\\ud800"


@given(st.text())
def test_what_is_printable_cannot_drive_a_terminal(text: str) -> None:
    assert printable(text).isprintable()


def test_only_whole_digests_become_short() -> None:
    assert short(_DIGEST) == "sha256:0123456789ab"
    assert short("sha512:" + "ab" * 64) == "sha512:abababababab"
    assert short("team/app:0123456789abcdef0123456789abcdef") == "team/app:0123456789abcdef0123456789abcdef"
    assert short("v1:2") == "v1:2"


def test_times_are_local(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    try:
        assert local_time(datetime(2026, 1, 12, 20, 30, 1, 999, tzinfo=UTC)) == "2026-01-13 05:30:01"
        assert local_time(datetime(2026, 1, 12, 20, 30)) == "2026-01-12 20:30:00"  # noqa: DTZ001 - SQL has such times
    finally:
        monkeypatch.undo()
        time.tzset()


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-5, "0 seconds"),
        (1, "1 second"),
        (119, "119 seconds"),
        (120, "2 minutes"),
        (7_199, "119 minutes"),
        (7_200, "2 hours"),
        (172_799, "47 hours"),
        (172_800, "2 days"),
        (400 * 86_400, "400 days"),
    ],
)
def test_ages_have_one_unit(seconds: int, text: str) -> None:
    assert age(timedelta(seconds=seconds)) == text


def test_numbers_of_any_size() -> None:
    assert number(2**70) == "1,180,591,620,717,411,303,424"
    assert number(0.0) == "0.00"
    assert number(-0.00012345) == "-0.000123"


def test_digests_and_ids_do_not_wrap() -> None:
    assert not may_wrap("layer_digest", ["sha256:0123456789ab", NULL])
    assert not may_wrap("run_id", ["20260112T020000.261Z-be2d10"])
    assert may_wrap("repository", ["team/app"])

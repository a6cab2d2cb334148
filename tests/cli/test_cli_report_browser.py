"""The report in a real browser: it opens from disk, sorts, filters, fits a phone, and asks no network for anything."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright
from support.shop import Shop

import indexer
from indexer.cli.report.page import page as report

_BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(_BROWSER is None, reason="no Chromium here: apt-get install chromium, and this runs"),
]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=_BROWSER, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def file(shop: Shop, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("report") / "page.html"
    with indexer.open(shop.folder) as store:
        path.write_text(report(store, title="Ours", price=0.1, now=datetime(2026, 1, 3, tzinfo=UTC)), encoding="utf-8")
    return path


@pytest.fixture
def opened(browser: Browser, file: Path) -> Iterator[Page]:
    said: list[str] = []
    asked: list[str] = []
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    page.goto(file.as_uri())
    yield page
    page.close()
    assert said == []
    assert asked == [file.as_uri()]


def _column(page: Page, section: str, place: int) -> list[str]:
    cells = page.locator(f"#{section} tbody tr:visible td:nth-child({place})")
    return [str(cell.get_attribute("data-key")) for cell in cells.all()]


def test_a_press_on_a_column_sorts_and_another_turns_it(opened: Page) -> None:
    head = opened.locator("#repositories th", has_text="images").first
    place = 1 + opened.locator("#repositories th").all_inner_texts().index("images")
    head.locator("button").click()
    falling = [int(key) for key in _column(opened, "repositories", place)]
    assert head.get_attribute("aria-sort") == "descending"
    assert falling == sorted(falling, reverse=True)
    assert len(set(falling)) > 1
    head.locator("button").press("Enter")
    assert [int(key) for key in _column(opened, "repositories", place)] == sorted(falling)


def test_what_is_unknown_comes_last_either_way(opened: Page) -> None:
    names = opened.locator("#repositories th").all_inner_texts()
    place = 1 + names.index("dedup ratio")
    for _ in range(2):
        opened.locator("#repositories th button", has_text="dedup ratio").click()
        keys = _column(opened, "repositories", place)
        assert keys[-1] == ""
        known = [key for key in keys if key]
        assert keys == known + [""] * (len(keys) - len(known))


def test_a_phone_gets_small_pictures_and_no_page_wider_than_it(browser: Browser, file: Path) -> None:
    page = browser.new_page(viewport={"width": 360, "height": 740})
    page.goto(file.as_uri())
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    assert page.locator(".narrow svg").first.is_visible()
    assert not page.locator(".wide svg").first.is_visible()
    page.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_texts_can_be_read_in_light_and_in_dark(browser: Browser, file: Path, scheme: str) -> None:
    page = browser.new_page(color_scheme=scheme)  # type: ignore[arg-type]  # a Literal there
    page.goto(file.as_uri())
    paper, ink, drawn = page.evaluate(
        """() => {
            const of = (element, name) => getComputedStyle(element)[name];
            const label = document.querySelector("svg text");
            return [of(document.body, "backgroundColor"), of(document.body, "color"), of(label, "fill")];
        }"""
    )
    assert abs(_light(paper) - _light(ink)) > 150
    assert abs(_light(paper) - _light(drawn)) > 150
    assert (_light(paper) > 128) == (scheme == "light")
    page.close()


def _light(colour: str) -> float:
    red, green, blue = (int(part) for part in colour.removeprefix("rgb(").rstrip(")").split(",")[:3])
    return (red + green + blue) / 3


def test_a_long_table_shows_the_rows_with_a_text(browser: Browser, shop: Shop, tmp_path: Path) -> None:
    with indexer.open(shop.folder) as store:
        text = report(store, title="x", price=0.1, now=datetime(2026, 1, 3, tzinfo=UTC))
    path = tmp_path / "page.html"
    path.write_text(text, encoding="utf-8")
    page = browser.new_page()
    page.goto(path.as_uri())
    section = page.locator("section", has=page.locator(".filter")).first
    everything = section.locator("tbody tr:visible").count()
    section.locator("input").fill("no-such-text-anywhere")
    assert section.locator("tbody tr:visible").count() == 0
    assert section.locator("output").inner_text() == f"0 of {everything}"
    section.locator("input").fill("")
    assert section.locator("tbody tr:visible").count() == everything
    page.close()


def test_printed_pages_leave_out_what_is_for_the_screen(opened: Page) -> None:
    opened.emulate_media(media="print")
    assert not opened.locator("nav").is_visible()
    assert not opened.locator("details").first.is_visible()
    assert opened.pdf().startswith(b"%PDF")

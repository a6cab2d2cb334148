"""The report: its figures are those of the queries, its texts are text, and it is written whole or not at all."""

from __future__ import annotations

import re
import stat
import subprocess
import sys
import tomllib
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from support.commands import Cli
from support.pages import ROOT
from support.shop import Shop

import indexer
from indexer.catalog import fetch
from indexer.cli.cells import human_bytes
from indexer.cli.report.charts import Bars, Histogram, Lines
from indexer.cli.report.command import _NEEDED
from indexer.cli.report.page import page
from indexer.cli.report.sections import SECTIONS
from indexer.store import Store

_NOW = datetime(2026, 1, 3, tzinfo=UTC)


class Page(HTMLParser):
    """What a browser would have of the page: tables by section, texts, and everything that leads elsewhere."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tables: dict[str, list[list[str]]] = {}
        self.keys: dict[str, list[list[str]]] = {}
        self.texts: list[str] = []
        self.links: list[str] = []
        self.tags: set[str] = set()
        self._section = ""
        self._inside: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.tags.add(tag)
        self._inside.append(tag)
        self.links += [str(given[name]) for name in ("href", "src", "xlink:href", "action") if name in given]
        if tag == "section":
            self._section = str(given["id"])
        elif tag == "tr":
            self.tables.setdefault(self._section, []).append([])
            self.keys.setdefault(self._section, []).append([])
        elif tag in {"td", "th"}:
            self.tables[self._section][-1].append("")
            self.keys[self._section][-1].append(given.get("data-key") or "")

    def handle_data(self, data: str) -> None:
        if {"script", "style"} & set(self._inside[-1:]):
            return
        self.texts.append(data)
        if self.tables.get(self._section) and self.tables[self._section][-1] and "td" in self._inside[-1:]:
            self.tables[self._section][-1][-1] += data

    def handle_endtag(self, tag: str) -> None:
        while self._inside and self._inside.pop() != tag:
            pass


@pytest.fixture(scope="module")
def shown(shop: Shop) -> Page:
    with indexer.open(shop.folder) as store:
        return Page(page(store, title="Ours & <theirs>", price=0.1, now=_NOW))


def _asked(shop: Shop, name: str, **parameters: object) -> list[dict[str, Any]]:
    with indexer.open(shop.folder) as store:
        rows: list[dict[str, Any]] = fetch(store.query(name, **parameters)).to_pylist()
        return rows


def test_every_section_has_a_table_or_says_why_not(shown: Page) -> None:
    for section in SECTIONS:
        if section.id not in shown.tables:
            assert any(section.id == "failures" or "no " in text.lower() for text in shown.texts)
    assert {"totals", "growth", "repositories", "reuse", "layers", "failures", "unfetched", "runs"} <= set(shown.tables)


def test_the_figures_are_those_of_the_queries(shop: Shop, shown: Page) -> None:
    totals = _asked(shop, "registry-totals")
    assert [row[:2] for row in shown.tables["totals"][1:]] == [
        ["all", "all"],
        ["123456789012", "eu-west-1"],
        ["210987654321", "us-east-1"],
    ]
    assert [row[5] for row in shown.keys["totals"][1:]] == [str(row["unique_bytes"]) for row in totals]
    assert human_bytes(totals[0]["stored_bytes_low"]) in " ".join(shown.texts)
    repositories = {
        (row["registry_id"], row["repository"]): row["exclusive_bytes"] for row in _asked(shop, "storage-by-repository")
    }
    at = {(row[0], row[2]): int(row[6]) for row in shown.keys["repositories"][1:]}
    assert at == repositories
    assert len(shown.tables["unfetched"]) == 1 + len(_asked(shop, "unfetched-images"))
    assert all(row[0].startswith("sha256:") for row in shown.keys["layers"][1:])
    saved = [int(row[-1]) for row in shown.keys["layers"][1:]]
    assert saved == sorted((row["bytes_saved"] for row in _asked(shop, "most-shared-layers", limit=1000)), reverse=True)


def test_the_page_needs_nothing_else(shown: Page) -> None:
    assert all(link.startswith("#") for link in shown.links)
    assert not {"link", "iframe", "img", "object"} & shown.tags
    assert {f"#{section.id}" for section in SECTIONS} == set(shown.links)


def test_names_from_a_registry_are_text(shown: Page) -> None:
    text = "".join(shown.texts)
    assert "Ours & <theirs>" in text
    assert "red" not in shown.tags
    assert "b" in shown.tags  # ours: the figures at the top
    assert "\x1b" not in text


def test_what_is_left_out_stands_at_the_top(shop: Shop, shown: Page) -> None:
    text = " ".join(shown.texts)
    unknown = _asked(shop, "registry-totals")[0]["images_unknown"]
    assert f"left out: {unknown} images of unknown content" in text
    assert "incomplete" in text  # the shop has a broken document


def test_an_empty_store_has_a_page_too(tmp_path: Path) -> None:
    with Store.create_or_open(tmp_path / "store").writer(now=lambda: _NOW, version="test"):
        pass
    with indexer.open(tmp_path / "store") as store:
        shown = Page(page(store, title="Nothing", price=0.1, now=_NOW))
    assert "No run is committed yet." in shown.texts
    assert not shown.tables


def test_the_command_writes_the_page_and_replaces_it(cli: Cli, shop: Shop) -> None:
    file = cli.folder / "page.html"
    for title in ("first", "second"):
        done = cli("report", file, "--store", shop.folder, "--title", title, "--price-per-gb-month", "0.2")
        assert (done.code, done.out, done.err) == (0, "", f"written: {file}\n")
        assert f"<h1>{title}</h1>" in file.read_text(encoding="utf-8")
    assert stat.S_IMODE(file.stat().st_mode) & 0o400
    assert [path.name for path in cli.folder.iterdir() if path.name.startswith(".page")] == []
    assert cli("report", "-", "--store", shop.folder).out.startswith("<!doctype html>")


def test_another_file_is_not_replaced(cli: Cli, shop: Shop) -> None:
    file = cli.folder / "notes.html"
    file.write_text("<!doctype html><p>my notes")
    done = cli("report", file, "--store", shop.folder)
    assert (done.code, done.err) == (
        2,
        f"error: {file} exists and is no report: name another file, or remove it yourself\n",
    )
    assert file.read_text() == "<!doctype html><p>my notes"
    file.write_text("")
    assert cli("report", file, "--store", shop.folder).code == 0, "an empty file has nothing to lose"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["config.yaml"], "name a file that ends in .html"),
        (["no/such/page.html"], "there is no folder"),
        (["page.html", "--price-per-gb-month", "-1"], "--price-per-gb-month"),
        ([], "FILE.html"),
    ],
)
def test_wrong_usage_writes_nothing(cli: Cli, shop: Shop, words: list[str], said: str) -> None:
    before = sorted(path.name for path in cli.folder.iterdir())
    done = cli("report", *words, "--store", shop.folder)
    assert (done.code, done.out) == (2, "")
    assert said in done.err
    assert sorted(path.name for path in cli.folder.iterdir()) == before


def test_without_a_store_the_page_of_before_stays(cli: Cli) -> None:
    (cli.folder / "page.html").write_text("as it was")
    assert cli("report", "page.html", "--store", "nowhere").code == 2
    assert (cli.folder / "page.html").read_text() == "as it was"


def test_a_full_device_is_told_and_leaves_the_old_page(cli: Cli, shop: Shop) -> None:
    done = cli("report", "/proc/page.html", "--store", shop.folder)
    assert done.code == 2
    assert "cannot write /proc/page.html" in done.err


def test_without_the_extra_it_says_what_to_install(shop: Shop, tmp_path: Path) -> None:
    """The packages of the extra are hidden from a fresh interpreter, as if they had not been installed."""
    program = f"""
import sys
class Without:
    def find_spec(self, name, path=None, target=None):
        if name in ("altair", "vl_convert"):
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Without())
import importlib.util as util
find = util.find_spec
util.find_spec = lambda name, package=None: None if name in ("altair", "vl_convert") else find(name, package)
from indexer.cli.entry import execute
sys.exit(execute(["report", {str(tmp_path / "page.html")!r}, "--store", {str(shop.folder)!r}]))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "error: indexer report needs altair, vl-convert-python: pip install '.[report]' in a checkout brings what is "
        "missing, elsewhere pip install altair vl-convert-python\n"
    )


def test_the_packages_that_are_named_are_those_of_the_extra() -> None:
    extra = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]["report"]
    assert [each.partition(">")[0] for each in extra] == list(_NEEDED.values())


def test_bars_of_one_name_are_kept_apart() -> None:
    bars = Bars("repository", {"bytes": "bytes"}, stacked=True, label="x")
    rows = [{"repository": "app", "region": region, "registry_id": "1", "bytes": 5} for region in ("a-1", "b-1")]
    picture = bars.draw(rows)
    assert picture is not None
    assert "a-1 app" in picture.wide
    assert "b-1 app" in picture.narrow


def test_nothing_to_see_is_no_picture() -> None:
    bars = Bars("name", {"bytes": "bytes"}, stacked=True, label="x")
    assert bars.draw([]) is None
    assert bars.draw([{"name": "a", "bytes": 0}, {"name": "b", "bytes": None}]) is None
    assert Lines("at", {"bytes": "bytes"}, "x").draw([{"at": _NOW, "bytes": 1}]) is None
    assert Histogram("n", "bytes", "x", "x").draw([]) is None


def test_a_histogram_has_every_byte_in_one_band() -> None:
    rows = [{"n": n, "bytes": 1 << 30} for n in (1, 2, 7, 9, 10, 55, 1000)]
    picture = Histogram("n", "bytes", "uses", "x").draw(rows)
    assert picture is not None
    for band in ("1", "2", "5–9", "10–19", "50–99", "1,000+"):  # noqa: RUF001 - a range
        assert f">{band}</text>" in picture.wide
    heights = [
        float(text) for text in re.findall(r'aria-label="[^"]*: ([0-9.]+)" role="graphics-symbol"', picture.wide)
    ]
    assert sum(heights) == pytest.approx(len(rows))

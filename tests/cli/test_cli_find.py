"""The pages of find, in a terminal and as data, for everything that the shop holds."""

from __future__ import annotations

import csv
import io
import json
import re
from typing import Any

import pytest
from support.commands import Cli, terminal
from support.shop import BASE, Shop

import indexer
from indexer.cli.exact import plain

_ESCAPE = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]")


def _everything(shop: Shop) -> list[str]:
    config = "sha256:" + "0" * 64
    with indexer.open(shop.folder) as store:
        config = store.find(shop.two)["manifest"]["config_digest"]
    return [*shop[1:], BASE, config, "team/app", "team/gone", "empty/one", "odd/names"]


def test_a_page_for_everything(cli: Cli, shop: Shop) -> None:
    for what in _everything(shop):
        done = cli("find", what, "--store", shop.folder)
        assert (done.code, done.err) == (0, _left_out(done.out)), what
        assert what in done.out.splitlines()[0]
        assert "None" not in done.out
        assert "\x1b" not in done.out


def test_the_data_is_what_the_library_gives(cli: Cli, shop: Shop) -> None:
    with indexer.open(shop.folder) as store:
        for what in _everything(shop):
            done = cli("find", what, "--store", shop.folder, "--format", "json")
            assert json.loads(done.out) == plain(dict(store.find(what)))


def test_the_page_says_in_which_roles_a_digest_is_known(cli: Cli, shop: Shop) -> None:
    roles = {
        shop.one: "image",
        shop.signature: "artifact",
        shop.top: "index",
        shop.broken: "unknown manifest",
        shop.absent: "entry of an index",
        shop.cold: "listed image whose manifest is unknown",
        BASE: "layer",
    }
    for digest, role in roles.items():
        assert cli("find", digest, "--store", shop.folder).out.splitlines()[1] == role


def test_a_broken_document_shows_its_problem_and_its_failure(cli: Cli, shop: Shop) -> None:
    page = cli("find", shop.broken, "--store", shop.folder).out
    assert re.search(r"^problem +layers", page, re.MULTILINE)
    assert "What went wrong with it" in page


def _left_out(page: str) -> str:
    """What is said beside a page: who needs a blob depends on images of unknown content too."""
    left_out = "left out: 3 images of unknown content; indexer query unfetched-images says why\n"
    return left_out if re.search(r"\bBlob of ", page) else ""


def test_a_deleted_image_shows_where_it_was(cli: Cli, shop: Shop) -> None:
    page = cli("find", shop.gone, "--store", shop.folder).out
    assert "\nListed once, and no longer\n" in page
    assert "2026-01-02 02:00:00" in page


def test_lists_are_cut_at_the_limit_and_say_so(cli: Cli, shop: Shop) -> None:
    page = cli("find", "team/app", "--limit", "2", "--store", shop.folder).out
    assert "... and 3 more (--limit)\n" in page
    assert "... and" not in cli("find", "team/app", "--store", shop.folder).out


@pytest.mark.parametrize("columns", [80, 200])
def test_the_page_fits_and_reads_the_same_in_a_terminal(shop: Shop, columns: int) -> None:
    done = terminal("find", "team/multi:3.0", "--store", shop.folder, columns=columns)
    shown = _ESCAPE.sub("", done.out)
    assert done.code == 0
    assert shown.startswith(f"{shop.top}\nindex\n")
    titles = ["Listed as an image", "Entries of this index"]
    assert [line for line in shown.splitlines() if line in titles] == titles
    assert max(map(len, shown.splitlines())) <= columns
    assert "--format csv" not in shown  # find has no such format


def test_the_page_as_markdown_is_lists_and_tables(cli: Cli, shop: Shop) -> None:
    for what in _everything(shop):
        done = cli("find", what, "--store", shop.folder, "--format", "markdown")
        assert (done.code, done.err) == (0, _left_out(done.out)), what
        assert done.out.startswith("## ")
        assert "\x1b" not in done.out
        assert "None" not in done.out
        for block in done.out.strip().split("\n\n"):
            lines = block.splitlines()
            if block.startswith("|"):
                assert len({len(re.findall(r"(?<!\\)\|", line)) for line in lines}) == 1, block
                assert re.fullmatch(r"\|( -{3}:? \|)+", lines[1])
            else:
                assert block.startswith(("## ", "- ")) or len(lines) == 1
    done = cli("find", "team/app", "--limit", "2", "--store", shop.folder, "--format", "markdown")
    assert "\n... and 3 more (--limit)\n" in done.out


def test_the_page_as_csv_is_the_data_a_value_a_row(cli: Cli, shop: Shop) -> None:
    for what in _everything(shop):
        rows = list(csv.reader(io.StringIO(cli("find", what, "--store", shop.folder, "--format", "csv").out)))
        assert rows[0] == ["path", "value"]
        paths = [path for path, _ in rows[1:]]
        assert len(set(paths)) == len(paths)
        with indexer.open(shop.folder) as store:
            found = plain(dict(store.find(what)))
        for path, text in rows[1:]:
            assert text == _as_csv(_at(found, path)), path
        assert len(paths) == _leaves(found)


def _at(found: Any, path: str) -> Any:
    for name, place, quoted in re.findall(r'\.([a-z0-9_]+)|\[(\d+)\]|\[("(?:[^"\\]|\\.)*")\]', path):
        found = found[name or (json.loads(quoted) if quoted else int(place))]
    return found


def _as_csv(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, (bool, dict, list)):
        return json.dumps(value)
    return str(value)


def _leaves(found: Any) -> int:
    inside = found.values() if isinstance(found, dict) else found if isinstance(found, list) else ()
    return sum(map(_leaves, inside)) if inside else 1

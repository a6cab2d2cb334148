"""The pages of find, in a terminal and as data, for everything that the shop holds."""

from __future__ import annotations

import json
import re

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
        assert (done.code, done.err) == (0, ""), what
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


def test_a_deleted_image_shows_where_it_was(cli: Cli, shop: Shop) -> None:
    page = cli("find", shop.gone, "--store", shop.folder).out
    assert "\nListed once, and no longer\n" in page
    assert "2026-01-02 02:00:00" in page


def test_lists_are_cut_at_the_limit_and_say_so(cli: Cli, shop: Shop) -> None:
    page = cli("find", "team/app", "--limit", "2", "--store", shop.folder).out
    assert "... and 3 more\n" in page
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

"""All pages: their links lead somewhere, README leads to each of them, and the commands that they name are there."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from support.commands import Cli
from support.pages import ROOT, Page
from support.shop import Shop

PAGES = sorted(path.relative_to(ROOT).as_posix() for path in Path(ROOT / "docs").glob("*.md"))
LINKS = [(page, link) for page in [*PAGES, "README.md"] for link in Page(page).links()]
RUN_BY = {
    "README.md": "test_readme.py",
    "docs/tutorial.md": "docs/test_docs_tutorial.py",
    "docs/reading-elsewhere.md": "docs/test_docs_elsewhere.py",
}
"""The page, and the test that runs what stands in its blocks for a shell."""


@pytest.mark.parametrize(("page", "link"), LINKS)
def test_links_lead_somewhere(page: str, link: str) -> None:
    assert Page(page).leads_to(link)


@pytest.mark.parametrize("page", PAGES)
def test_the_readme_leads_to_every_page(page: str) -> None:
    assert page in Page("README.md").links()


def test_a_link_to_nothing_is_seen() -> None:
    readme = Page("README.md")
    assert not readme.leads_to("docs/no-such-page.md")
    assert not readme.leads_to("docs/format.md#no-such-heading")
    assert readme.leads_to("docs/format.md#in-a-bucket")


def _inline() -> list[tuple[str, str]]:
    """Return page and command for every `indexer …` in a sentence."""
    found = {(page, text) for page in PAGES for text in re.findall(r"`(indexer [a-z][^`]*)`", Page(page).text)}
    return sorted(found)


def test_every_page_with_blocks_for_a_shell_has_a_test_that_runs_them() -> None:
    having = {page for page in [*PAGES, "README.md"] if any(Page(page).blocks("console", "sh", "bash", "shell"))}
    assert having == set(RUN_BY)
    for page, test in RUN_BY.items():
        assert f'Page("{page}")' in (ROOT / "tests" / test).read_text(encoding="utf-8")


@pytest.mark.xdist_group("pages")  # one store for all of them
@pytest.mark.parametrize(("page", "command"), _inline())
def test_commands_in_sentences_are_such_as_there_are(page: str, command: str, cli: Cli, shop: Shop) -> None:
    words = shlex.split(command)[1:]
    if words[:1] == ["query"] and len(words) > 1 and "--help" not in words:
        # Whether the repository that it names is there is no matter; that the query and its parameters are is.
        done = cli(*words, "--store", shop.folder, "--limit", "1")
        assert done.code == 0, f"{page}: {command}\n{done.err}"
        return
    # Not run: they name a command, whose own tests run it, and would need a registry, a file or the store to itself.
    done = cli(words[0], "--help")
    assert done.code == 0, f"{page}: {command}\n{done.err}"
    assert all(word in done.out for word in words[1:] if word.startswith("--")), f"{page}: {command}"

"""All pages: their links lead somewhere, and README leads to each of them."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.pages import ROOT, Page

PAGES = sorted(path.relative_to(ROOT).as_posix() for path in Path(ROOT / "docs").glob("*.md"))
LINKS = [(page, link) for page in [*PAGES, "README.md"] for link in Page(page).links()]


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

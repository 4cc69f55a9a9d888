"""The site in a real browser: its script runs on every page, and nothing runs off one."""

import pytest
from chromium import Watched
from toy_submissions import fill

from simbench.harness.sharing.folder import submissions
from simbench.reports.site.write import write_site

pytestmark = pytest.mark.slow

TOO_WIDE = "document.documentElement.scrollWidth > document.documentElement.clientWidth"


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """The contents first, and one page of each kind."""
    folder = tmp_path_factory.mktemp("site")
    fill(folder / "all")
    write_site(submissions(folder / "all"), folder / "public", "https://example.org/board")
    public = folder / "public"
    kinds = {path.parent.name: path for path in sorted(public.rglob("*.html"))}
    return [public / "index.html", *kinds.values()]


@pytest.mark.parametrize("width", [1280, 375])
def test_every_kind_of_page_works(browser, pages, width):
    assert len(pages) > 2
    for path in pages:
        watched = Watched(browser, path.as_uri(), viewport={"width": width, "height": 800})
        assert watched.page.locator("h1").is_visible()
        assert not watched.page.evaluate(TOO_WIDE), path.name
        assert watched.complaints == [], path.name
        assert {address for address in watched.requests if not address.startswith("data:")} == {path.as_uri()}
        watched.page.close()


def test_tables_are_sorted_by_number(browser, pages):
    board = next(path for path in pages if path.parent.name != "public")
    watched = Watched(browser, board.as_uri())
    head = watched.page.locator("table.sortable").first.locator("thead th")
    column = next(n for n in range(head.count()) if "number" in (head.nth(n).get_attribute("class") or ""))
    for order in ("ascending", "descending"):
        head.nth(column).locator("button").press("Enter")
        assert head.nth(column).get_attribute("aria-sort") == order
        numbers = [float(text.split()[0]) for text in watched.column(column) if text[0].isdigit()]
        assert numbers == sorted(numbers, reverse=order == "descending")
        assert len(set(numbers)) > 1

"""The page in a real browser."""

from pathlib import Path
from typing import Any

import pytest
from chromium import Watched

from simbench.harness.record.folder import RunFolder
from simbench.reports import write

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory, hostile: str, make_rich: Any, make_folder: Any) -> str:
    tmp_path, rich_result = tmp_path_factory.mktemp("page"), make_rich()
    rich_result["models"][2]["name"] = f"{hostile}<script>document.title = 'broken into'</script>"
    rich_result["models"][4]["error"] = "<img src='http://example.org/x.png' onerror='alert(1)'>"
    folder: RunFolder = make_folder(tmp_path / "run", rich_result)
    (path,) = write([("run", folder)], ["html"], tmp_path)
    return path.as_uri()


def test_the_page_works(browser: Any, report: str) -> None:
    watched = Watched(browser, report, viewport={"width": 1280, "height": 900})
    page = watched.page

    images = page.locator("figure img")
    assert images.count() == 10
    assert images.evaluate_all("all => all.every(image => image.complete && image.naturalWidth > 800)")
    assert page.title() == "Fast simulators compared: proton"

    # by number, not by text, and what is missing last either way
    head = page.locator("table.sortable").first.locator("thead th").nth(1)
    for order, expected in (
        ("ascending", ["0.500 ± 0.033", "2.200 ± 0.023", "3.100 ± 0.023", "4.568", "-", "-"]),
        ("descending", ["4.568", "3.100 ± 0.023", "2.200 ± 0.023", "0.500 ± 0.033", "-", "-"]),
    ):
        head.locator("button").press("Enter")
        assert head.get_attribute("aria-sort") == order
        assert watched.column(1) == expected
    page.locator("table.sortable").first.locator("thead th button").first.click()
    assert head.get_attribute("aria-sort") is None
    assert watched.column(0)[-1] == "other"

    enlarged = page.locator("#enlarged")
    assert not enlarged.is_visible()
    page.locator("button.zoom").nth(1).press("Enter")
    assert enlarged.is_visible()
    assert page.locator("#large").get_attribute("src") == images.nth(1).get_attribute("src")
    page.keyboard.press("Escape")
    assert not enlarged.is_visible()

    assert watched.complaints == []
    assert [address for address in watched.requests if not address.startswith("data:")] == [report]


@pytest.mark.parametrize("width", [1280, 375])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(browser: Any, report: str, scheme: str, width: int) -> None:
    sync_playwright = pytest.importorskip("axe_core_python.sync_playwright")
    watched = Watched(browser, report, viewport={"width": width, "height": 800}, color_scheme=scheme)
    watched.page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    found = sync_playwright.Axe().run(watched.page)
    assert [(one["id"], one["nodes"][0]["html"][:200]) for one in found["violations"]] == []
    assert len(found["passes"]) > 20


def test_a_metric_is_chosen(browser: Any, report: str) -> None:
    page = Watched(browser, report).page
    table = page.locator("table.sortable").first
    heads = table.locator("thead th")
    shown = heads.filter(visible=True)
    every = shown.count()
    page.select_option("#metric", index=1)
    assert shown.count() == 2 + heads.filter(has_text="status").count()
    assert heads.nth(1).get_attribute("aria-sort") == "ascending"
    page.select_option("#metric", index=0)
    assert shown.count() == every


def test_without_a_script_it_is_all_there(browser: Any, report: str) -> None:
    page = Watched(browser, report, java_script_enabled=False).page
    assert not page.locator(".choose").is_visible()
    assert page.locator("#verdict li").first.is_visible()
    assert page.locator("table.sortable").first.is_visible()
    page.locator("#tables details summary").last.click()
    assert page.locator("table.sortable").nth(1).is_visible()


def test_numbers_and_picture_of_a_figure_are_saved_by_one_click(browser: Any, report: str) -> None:
    page = Watched(browser, report, accept_downloads=True).page
    figure = page.locator("figure#tradeoff-proton")
    for name, start in (("CSV", b"panel,series,kind"), ("PNG", b"\x89PNG")):
        with page.expect_download() as saved:
            figure.locator("a", has_text=name).click()
        assert saved.value.suggested_filename == f"tradeoff-proton.{name.lower()}"
        assert Path(saved.value.path()).read_bytes().startswith(start)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone_shows_all_of_it(browser: Any, report: str, scheme: str) -> None:
    watched = Watched(browser, report, viewport={"width": 375, "height": 740}, color_scheme=scheme)
    assert watched.page.evaluate("document.documentElement.scrollWidth") == 375
    background = watched.page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (background == "rgb(255, 255, 255)") == (scheme == "light")
    assert watched.complaints == []


def test_on_paper_the_page_is_light_and_without_buttons(browser: Any, report: str) -> None:
    watched = Watched(browser, report, color_scheme="dark")
    watched.page.emulate_media(media="print")
    assert watched.page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert not watched.page.locator("nav").is_visible()
    assert len(watched.page.pdf()) > 10_000

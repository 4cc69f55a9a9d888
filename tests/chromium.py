"""A page in a real browser: Debian's Chromium, driven by playwright.

Tests are skipped where either is missing (both need more than pip), unless SIMBENCH_BROWSER=required.
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest


def _unavailable(reason: str) -> None:
    if os.environ.get("SIMBENCH_BROWSER") == "required":
        pytest.fail(f"SIMBENCH_BROWSER=required, but {reason}", pytrace=False)
    pytest.skip(reason)


@contextmanager
def chromium() -> Iterator[Any]:
    """A running browser."""
    program = shutil.which("chromium") or shutil.which("google-chrome")
    if program is None:
        _unavailable("there is no chromium (Debian: apt-get install chromium)")
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        _unavailable("playwright is not installed")
    with sync_playwright() as playwright:
        # without a sandbox because a container's root has none; the page is ours and asks no server
        running = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield running
        running.close()


class Watched:
    """A page of the browser with all that it complained of and asked for."""

    def __init__(self, browser: Any, address: str, **settings: Any) -> None:
        self.page = browser.new_page(**settings)
        self.complaints: list[str] = []
        self.requests: list[str] = []
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("dialog", lambda dialog: self.complaints.append(dialog.message))
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.goto(address)

    def column(self, number: int) -> list[str]:
        rows = self.page.locator("table.sortable").first.locator("tbody tr")
        return [rows.nth(n).locator("th, td").nth(number).inner_text() for n in range(rows.count())]

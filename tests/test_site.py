"""The documentation site is complete, its links lead somewhere, and it needs no network."""

import importlib.util
import os
import re
import shlex
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
import typer

from simbench.harness import hooks
from simbench.harness.cli.app import app, commands
from simbench.harness.plugin.registry import load

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
LOADING = {"script": "src", "img": "src", "iframe": "src", "source": "src", "link": "href"}


class Page(HTMLParser):
    """What a page refers to, the anchors it has, and the text below each of its sections."""

    def __init__(self, path):
        super().__init__()
        self.anchors, self.links, self.loaded, self.formulas = set(), [], [], 0
        self.text = path.read_text(encoding="utf-8")
        self.feed(self.text)

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self.anchors.add(attrs.get("id"))
        self.formulas += tag == "math"
        if tag == "a" and "href" in attrs:
            self.links.append(attrs["href"])
        if attrs.get(LOADING.get(tag)):
            self.loaded.append(attrs[LOADING[tag]])

    def section(self, anchor):
        """The HTML of the section of an anchor."""
        return self.text.split(f'<section id="{anchor}">')[1].split("<section id=")[0]


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The folder of the site, and its pages by their paths."""
    for package in ("sphinx", "furo", "myst_parser"):
        if importlib.util.find_spec(package) is None:
            reason = f"{package} is not installed: pip install 'simbench-hep[docs]'"
            if os.environ.get("SIMBENCH_DOCS") == "required":
                pytest.fail(f"SIMBENCH_DOCS=required, but {reason}", pytrace=False)
            pytest.skip(reason)
    out = tmp_path_factory.mktemp("site")
    strictly = ["--quiet", "--fail-on-warning", "--keep-going", "-b", "html", "-d", str(out / ".doctrees")]
    built = subprocess.run(
        [sys.executable, "-m", "sphinx", *strictly, str(ROOT / "docs"), str(out)],
        capture_output=True,
        text=True,
    )
    assert built.returncode == 0, built.stderr
    return out, {path.relative_to(out).as_posix(): Page(path) for path in out.rglob("*.html")}


def test_every_command_has_its_entry_with_every_option_and_an_example(site):
    page = site[1]["commands.html"]
    for name, command in commands().items():
        section = page.section(f"simbench-{name.replace(' ', '-')}")
        for parameter in command.params:
            assert (parameter.opts[0] if parameter.param_type_name == "option" else parameter.name) in section
        assert ">Examples<" in section


def test_every_hook_has_its_entry(site):
    for name in vars(hooks):
        if name.startswith("simbench_"):
            assert f"simbench.harness.hooks.{name}" in site[1]["api/hooks.html"].anchors
            assert name in site[1]["adding-a-model.html"].text


def test_every_metric_is_defined_by_a_formula(site):
    page = site[1]["protocol.html"]
    assert page.formulas
    names = [metric.name for metric in load().metrics]
    for name in names:
        longer = tuple(f"{other}-" for other in names if other.startswith(f"{name}-"))
        (anchor,) = (
            one
            for one in page.anchors
            if one and one.startswith(f"{name}-") and not (longer and one.startswith(longer))
        )
        assert "<math" in page.section(anchor)


def test_links_and_anchors_lead_somewhere(site):
    out, pages = site
    missing = []
    for name, page in pages.items():
        for link in page.links:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = (out / name).parent / unquote(parts.path) if parts.path else out / name
            target = target.resolve()
            known = pages.get(target.relative_to(out.resolve()).as_posix())
            anchor = unquote(parts.fragment)
            if not target.is_file() or (anchor and anchor not in (known.anchors if known else ())):
                missing.append(f"{name}: {link}")
    assert len(pages) > 10
    assert not missing


def test_the_site_needs_no_network(site):
    out, pages = site
    outside = {name: url for name, page in pages.items() for url in page.loaded if urlsplit(url).netloc}
    for sheet in out.rglob("*.css"):
        for url in re.findall(r"(?:url\(|@import\s)\s*['\"]?([^'\")\s]+)", sheet.read_text(encoding="utf-8")):
            if urlsplit(url).netloc:
                outside[sheet.name] = url
    assert not outside


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_commands_shown_are_understood(page):
    text = page.read_text(encoding="utf-8").replace("\\\n", " ")  # lines that go on
    for line in re.findall(r"^(?:    )?simbench (\S.*)$", text, re.MULTILINE):
        words = shlex.split(line, comments=True)
        if words[0] not in typer.main.get_command(app).commands:
            continue  # a sentence, not a command
        command = typer.main.get_command(app)
        while hasattr(command, "commands"):
            command = command.commands[words.pop(0)]
        command.make_context(line, words)

"""The documentation is complete: what the code offers is described, and links lead somewhere."""

import re
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest

from simbench import reports
from simbench.baselines.gan.settings import Settings
from simbench.harness import hooks
from simbench.harness.challenge.protocol import STEPS
from simbench.harness.challenge.published import METRICS
from simbench.harness.cli.app import commands
from simbench.harness.plugin.registry import load
from simbench.harness.record.protocol import Protocol

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]
TEXT = {page.name: page.read_text(encoding="utf-8") for page in PAGES}
EVERYWHERE = "\n".join(TEXT.values())


@pytest.mark.parametrize("name", list(commands()))
def test_every_command_is_shown_in_the_readme(name):
    assert f"simbench {name} " in TEXT["README.md"]


@pytest.mark.parametrize(("name", "command"), list(commands().items()))
def test_every_command_explains_itself_with_an_example(name, command):
    assert f"simbench {name}" in command.help
    for parameter in command.params:
        assert getattr(parameter, "help", None), f"{name}: {parameter.name} has no help"


@pytest.mark.parametrize("hook", [name for name in vars(hooks) if name.startswith("simbench_")])
def test_every_hook_is_documented(hook):
    assert f"`{hook}`" in TEXT["adding-a-model.md"]
    assert getattr(hooks, hook).__doc__


def test_every_metric_is_defined():
    for metric in load().metrics:
        assert f"### `{metric.name}`" in TEXT["protocol.md"]


def test_every_model_detector_and_channel_convention_is_described():
    registry = load()
    for offer in registry.simulators:
        assert f"`{offer.name}`" in TEXT["README.md"]
        assert f"`{offer.name}`" in TEXT["models.md"]
    for detector in registry.detectors:
        assert f"`{detector.name}`" in EVERYWHERE
        for convention in detector.channels:
            assert f"`{convention}`" in TEXT["protocol.md"]


def test_every_comparability_field_is_listed():
    for field in fields(Protocol):
        assert f"`{field.name}`" in TEXT["protocol.md"] or field.name == "metrics"


def test_every_format_is_mentioned():
    for name in reports.FORMATS:
        assert name in TEXT["README.md"]


def test_every_training_setting_has_its_line():
    for field in fields(Settings):
        assert re.search(rf"^\s+{field.name}: \S", Settings.__doc__, re.MULTILINE), field.name


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", TEXT[page.name]):
        if "://" not in target:
            assert (page.parent / target).exists(), f"{page.name} links to {target}"


@pytest.mark.parametrize("page", ["docs/architecture.md", "CONTRIBUTING.md"])
def test_the_files_that_a_map_names_are_there(page):
    text = (ROOT / page).read_text(encoding="utf-8")
    named = re.findall(r"`((?:[\w*.]+/)+[\w*.]*)`", text)
    ours = [name for name in named if not re.search(r"[A-Z]{3}|^(runs|units)/", name)]
    assert len(ours) > 10
    lost = [name for name in ours if not any([*ROOT.glob(name), *(ROOT / "harness").glob(name)])]
    assert lost == []


def test_the_complete_plugin_of_the_manual_runs():
    """The example in the hooks module, as printed there."""
    block = hooks.__doc__.split("A complete plugin")[1].split("::\n", 1)[1].split("\nHooks return")[0]
    code = "\n".join(line[4:] for line in block.splitlines())
    namespace = {}
    exec(code, namespace)
    (offer,) = namespace["simbench_simulators"]()
    registry = load()
    simulator = offer.factory(hooks.Context(registry.detectors["proton"]))
    responses = simulator.generate(np.zeros((5, 9), "float32"), seed=1)
    assert responses.shape == (5, 56, 30)
    assert responses.sum() == 5


def test_the_example_of_the_page_on_adding_a_model_runs():
    code = "\n".join(re.findall(r"```python\n(.*?)```", TEXT["adding-a-model.md"], re.DOTALL))
    namespace = {}
    exec("import numpy as np\n" + code, namespace)
    (offer,) = namespace["simbench_simulators"]()
    simulator = offer.factory(hooks.Context(load().detectors["neutron"]))
    assert simulator.generate(np.zeros((0, 9), "float32"), seed=1).shape == (0, 44, 44)


def test_every_step_and_published_score_of_the_calochallenge_is_described():
    page = TEXT["calochallenge.md"]
    for step in STEPS:
        assert f"`{step}`" in page
    for metric in METRICS:
        stem = metric.split("_")[0]
        assert f"`{metric}`" in page or f"`{stem}_*`" in page or stem in ("log", "cpu", "gpu", "parameters")

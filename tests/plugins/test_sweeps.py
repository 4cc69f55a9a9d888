"""The grids of the sweeps `experts` and `router`; what the harness makes of a grid is tested there."""

from collections import Counter
from dataclasses import fields, replace

import pytest

from simbench.baselines.gan.settings import COMPACT, PAPER, Settings
from simbench.expertsim.settings import COMPACT_EXPERTS, PAPER_EXPERTS, ExpertSettings
from simbench.harness.hooks import SweepRequest
from simbench.plugins import sweeps
from simbench.reports.text import published

SWEEPS = ("experts", "router")


@pytest.fixture
def request_for(ours):
    proton = ours.detectors["proton"]

    def make(preset="compact", budget=1.0, seeds=(0,), **overrides):
        return SweepRequest(proton, preset, budget, seeds, overrides)

    return make


def plan(ours, name, request):
    return list(ours.sweeps[name].plan(request))


def test_experts_are_one_to_five(ours, request_for):
    points = plan(ours, "experts", request_for(seeds=(0, 3)))
    assert Counter((point.model, point.parameters["experts"]) for point in points) == {
        ("sdi-gan-ir-ar", 1): 2,
        **{(f"expertsim-{number}", number): 2 for number in (2, 3, 4, 5)},
    }
    assert {point.seed for point in points} == {0, 3}
    assert all(point.overrides == {} for point in points)


def test_the_papers_seven_settings_are_taken_literally(ours, request_for):
    points = [p for p in plan(ours, "router", request_for()) if p.parameters["recipe"] == "paper"]
    found = {(p.parameters["lambda_util"], p.parameters["lambda_diff"]) for p in points}
    assert found == set(published.ROUTER_WS["proton"])
    for point in points:
        settings = replace(
            COMPACT_EXPERTS,
            **{name: type(getattr(COMPACT_EXPERTS, name))(value) for name, value in point.overrides.items()},
        )
        for name in ("diff_intensity", "lr_router", "start", "shared", "router"):
            assert getattr(settings, name) == getattr(PAPER_EXPERTS, name)
        weights = point.parameters["lambda_util"], point.parameters["lambda_diff"]
        assert (settings.lambda_util, settings.lambda_diff) == weights


def test_routers_are_compared_with_fixed_rules_and_with_none(ours, request_for):
    points = plan(ours, "router", request_for())
    own = [p for p in points if p.parameters["recipe"] == "ours"]
    assert [p.parameters["router"] for p in own] == ["learned", "intensity", "energy", "random", "single"]
    assert {p.model for p in own} == {"expertsim-3", "sdi-gan-ir-ar"}
    assert [p.overrides.get("router") for p in own[1:4]] == ["intensity", "energy", "random"]


def test_the_single_model_has_as_many_parameters_as_the_experts(ours):
    proton = ours.detectors["proton"]
    size = sweeps._size(proton, sweeps.single_width(proton, 3))
    assert size == pytest.approx(3 * sweeps._size(proton, COMPACT.width), rel=0.03)


@pytest.mark.parametrize("name", SWEEPS)
def test_a_budget_shortens_every_training_alike(ours, request_for, name):
    points = plan(ours, name, request_for(budget=0.1))
    assert {point.overrides["steps"] for point in points} == {str(COMPACT.steps // 10)}
    assert {point.overrides["evaluations"] for point in points} == {"4"}
    points = plan(ours, name, request_for("paper", budget=0.1))
    assert {point.overrides["epochs"] for point in points} == {str(PAPER.epochs // 10)}
    assert not any("steps" in point.overrides for point in points)
    points = plan(ours, name, request_for(budget=0.5, steps="40"))
    assert {point.overrides["steps"] for point in points} == {"20"}


@pytest.mark.parametrize("name", SWEEPS)
def test_settings_go_to_those_models_that_know_them(ours, request_for, name):
    assert {field.name for field in fields(Settings)} < {field.name for field in fields(ExpertSettings)}
    points = plan(ours, name, request_for(batch="64", temperature="0.5"))
    for point in points:
        assert point.overrides["batch"] == "64"
        assert ("temperature" in point.overrides) == point.model.startswith("expertsim")


@pytest.mark.parametrize("name", SWEEPS)
def test_an_unknown_preset_is_one_clear_line(ours, request_for, name):
    with pytest.raises(ValueError, match=r"^unknown preset 'big'; expected one of compact, layers, paper$"):
        plan(ours, name, request_for("big"))


def test_the_paper_preset_has_no_single_model_of_equal_size(ours, request_for):
    points = plan(ours, "router", request_for("paper"))
    assert "single" not in {point.parameters["router"] for point in points}

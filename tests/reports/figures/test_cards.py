"""A model's card: the observables that give it away, and its mean image beside the data's."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from simbench.reports.figures import cards, validation
from simbench.reports.figures.distributions import Panel


@pytest.fixture
def scene(monkeypatch: pytest.MonkeyPatch) -> Any:
    names = ("photon_sum", "centre_x", "width_y", "peak_x")
    panels = [Panel(name, "", np.arange(9.0), (np.arange(9.0),)) for name in names]
    monkeypatch.setattr(cards, "observable_panels", lambda *_: panels)
    monkeypatch.setattr(cards, "observed_models", lambda _, models: models)
    return SimpleNamespace(reference=SimpleNamespace(observed=names))


def model(importance: dict[str, float], distances: dict[str, float]) -> Any:
    auc = {"mean": 0.9, "importance": {name: {"mean": value} for name, value in importance.items()}}
    channels = {name: {"mean": value, "std": None} for name, value in distances.items()}
    return SimpleNamespace(label="gan", entry={"auc": auc, "ws-observables": {"channels": channels}})


@pytest.mark.parametrize(
    ("importance", "distances", "first"),
    [
        ({"peak_x": 0.2, "centre_x": 0.1}, {"width_y": 0.3}, ["peak_x", "centre_x", "width_y"]),
        ({}, {"width_y": 0.3, "peak_x": 0.4}, ["peak_x", "width_y", "photon_sum"]),
        ({"photon_sum": -0.1}, {}, ["photon_sum", "centre_x", "width_y"]),
    ],
)
def test_the_worst_three_by_the_classifier_then_by_distance(
    scene: Any, importance: dict[str, float], distances: dict[str, float], first: list[str]
) -> None:
    assert [panel.title for panel in cards.telling(scene, model(importance, distances))] == first


def test_both_images_have_one_scale(monkeypatch: pytest.MonkeyPatch) -> None:
    images = {None: np.full((4, 3), 2.0), "gan": np.full((4, 3), 5.0)}
    monkeypatch.setattr(cards, "mean_image", lambda _, one: images[one and one.label])
    drawn: Any = SimpleNamespace(label="gan", index=0, floor=False)
    page = cards.card(SimpleNamespace(), drawn, [Panel("x", "", np.arange(9.0), (np.arange(9.0),))])  # type: ignore[arg-type]
    data, ours, *_ = page.axes
    assert (data.get_title(), ours.get_title()) == ("data", "gan")
    limits = [axes.images[0].get_clim() for axes in (data, ours)]
    assert limits[0] == limits[1]
    assert limits[0][1] == 5.0


def test_only_models_with_an_image_of_the_datas_shape_have_a_card(folder: Any) -> None:
    from simbench.reports.figures.scene import scenes

    (plain,) = scenes([("run", folder)])
    assert cards.card_models(plain) == validation.imaged_models(plain, plain.drawn) == []

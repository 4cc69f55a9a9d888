"""Observables, mean images, response to energy and particles' means, as pictures of known numbers."""

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.collections import QuadMesh

from simbench.harness.data.unit import Unit
from simbench.harness.record.folder import REFERENCE, RunFolder, load_unit, save_unit, unit_path
from simbench.reports.figures import validation
from simbench.reports.figures.drawings import drawings
from simbench.reports.figures.scene import Scene, scenes
from simbench.reports.figures.style import to_png

OBSERVED = ("photon_sum", "centre_x", "mine")
PARTICLE = np.arange(50).repeat(4)
energies = np.geomspace(10, 1000, 50)[PARTICLE]


def enriched(unit: Unit, reference: bool) -> Unit:
    """With what a run of today keeps besides: observables, the image of all, and conditions."""
    observables = np.stack([unit.photons, unit.centre[:, 0], np.full(200, np.nan)], axis=1).astype(np.float32)
    image = np.arange(48.0).reshape(8, 6) * unit.photons.sum()
    told: dict[str, Any] = {"observables": observables, "observed": OBSERVED, "image": image}
    if reference:
        told |= {
            "particle": PARTICLE,
            "conditions": np.stack([energies, -energies], axis=1).astype(np.float32),
            "features": ("Energy", "place"),
        }
    return dataclasses.replace(unit, **told)


@pytest.fixture
def scene(folder: RunFolder) -> Scene:
    units = folder.path / "units"
    for path in units.glob("*.npz"):
        unit = load_unit(path)
        assert unit is not None
        save_unit(path, enriched(unit, path.name == REFERENCE), {})
    (found,) = scenes([("run", folder)])
    return found


def test_a_run_of_today_has_the_figures_of_a_validation(scene: Scene) -> None:
    names = [drawing.name.removesuffix("-proton") for drawing in drawings(scene)]
    assert names[1:12] == [
        "card-gan", "card-expertsim-3", "card-one-run", "card-mc", "channels-linear", "channels-log",
        "observables", "quartiles", "mean-images", "response", "conditional-means",
    ]  # fmt: skip
    assert "showers" not in names  # all of it is among the observables
    kinds = ("card-gan", "observables", "mean-images", "response", "conditional")
    shown = [one for one in drawings(scene) if one.name.startswith(kinds)]
    assert len(shown) == 5
    for drawing in shown:
        assert drawing.png(30)
        assert drawing.alt
        assert drawing.caption


def test_panels_of_observables_have_their_units_and_values(scene: Scene) -> None:
    panels = validation.observable_panels(scene, scene.drawn)
    assert [(panel.title, panel.axis, panel.log) for panel in panels] == [
        ("photon sum", "photons", True), ("centre x", "pixels", False), ("mine", "", False),
    ]  # fmt: skip
    assert scene.reference is not None
    assert np.array_equal(panels[0].reference, scene.reference.photons)
    assert len(panels[0].generated) == len(scene.drawn)


def test_a_unit_of_before_is_left_out(scene: Scene, folder: RunFolder) -> None:
    path = unit_path(folder.path / "units", "gan", "run0")
    unit = load_unit(path)
    assert unit is not None
    save_unit(path, dataclasses.replace(unit, observables=None, observed=None, image=None), {})
    (older,) = scenes([("run", folder)])
    labels = [model.label for model in older.drawn]
    assert [model.label for model in validation.observed_models(older, older.drawn)] == labels[1:]
    assert [model.label for model in validation.imaged_models(older, older.drawn)] == labels[1:]


def test_mean_images_and_their_differences(scene: Scene) -> None:
    models = list(scene.drawn)[:2]
    means = [validation.mean_image(scene, model) for model in (None, *models)]
    page = validation.mean_images(scene, models)
    images = [np.asarray(axes.images[0].get_array()).T for axes in page.axes if axes.images]
    assert len(images) == 5  # reference; then image and difference of each model
    assert images[0] == pytest.approx(means[0])
    assert images[1] == pytest.approx(means[1])
    assert images[2] == pytest.approx(means[1] - means[0])
    assert images[4] == pytest.approx(means[2] - means[0])


def test_response_against_energy(scene: Scene) -> None:
    assert scene.reference is not None
    assert validation.energy_of(scene) == pytest.approx(energies)
    page = validation.response(scene, scene.drawn)
    reference, *generated = page.axes[0].lines
    assert len(generated) == len(scene.drawn)
    lowest = energies <= np.quantile(energies, 0.1)
    x, y = reference.get_xydata()[0]
    assert x == pytest.approx(energies[lowest].mean(), rel=1e-3)
    assert y == pytest.approx(scene.reference.photons[lowest].mean())
    ratios = page.axes[1].lines[1:]
    assert ratios[0].get_ydata()[0] == pytest.approx(generated[0].get_ydata()[0] / y)


def test_a_spread_of_particles_with_one_response_each_is_not_drawn(scene: Scene) -> None:
    """As of the CaloChallenge's electrons: the page is drawn without it, and says why."""
    assert scene.reference is not None
    alone = dataclasses.replace(scene.reference, particle=np.arange(200))
    page = validation.response(dataclasses.replace(scene, reference=alone), scene.drawn)
    assert to_png(page, 50)
    assert "not known" in page.axes[2].texts[0].get_text()
    assert page.axes[0].get_yscale() == "log"


def test_without_an_energy_there_is_no_response(scene: Scene) -> None:
    assert scene.reference is not None
    for change in (
        {"features": ("place", "side")},
        {"conditions": np.zeros((200, 2), np.float32)},
        {"conditions": None},
        {"particle": None},
    ):
        other = dataclasses.replace(scene, reference=dataclasses.replace(scene.reference, **change))
        assert validation.energy_of(other) is None
        assert not [d for d in drawings(other) if d.name.startswith("response")]


def test_particles_means_lie_where_they_are(scene: Scene) -> None:
    model = scene.drawn[0]
    assert scene.reference is not None
    assert model.unit is not None
    x, y = validation.particle_means(scene, model)
    assert x == pytest.approx(scene.reference.photons.reshape(50, 4).mean(axis=1))
    assert y == pytest.approx(model.unit.photons.reshape(50, 4).mean(axis=1))
    page = validation.conditional_means(scene, scene.drawn)
    meshes = [mesh for axes in page.axes for mesh in axes.collections if isinstance(mesh, QuadMesh)]
    assert len(meshes) == len(scene.drawn)
    assert all(np.ma.filled(mesh.get_array(), 0).sum() == 50 for mesh in meshes)


def test_pages_are_written_with_them(scene: Scene, folder: RunFolder, tmp_path: Path) -> None:
    from simbench.reports import write

    (page,) = write([("run", folder)], ["html"], tmp_path)
    text = page.read_text(encoding="utf-8")
    assert "Mean of each particle, generated against reference" in text
    assert "http://" not in text.replace("http://www.w3.org", "")

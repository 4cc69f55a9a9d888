"""The score that chooses a checkpoint: whether responses belong to their conditions, and their images."""

from dataclasses import replace

import numpy as np
import pytest

from simbench.harness.data.sums import Projection
from simbench.harness.metrics.conditional import ws_within
from simbench.harness.metrics.tools.repeats import equal_bins, expected_sums
from simbench.harness.plugin.detectors import ChannelMap, Detector, Feature
from simbench.harness.plugin.observables import OBSERVABLES
from simbench.harness.training.validation import Validation

REPEATS = 6


@pytest.fixture(scope="module")
def detector():
    row = np.indices((6, 4))[0]
    return Detector(
        name="toy",
        title="Toy",
        shape=(6, 4),
        unit="photons",
        features=(Feature("energy", "GeV"),),
        channels={"halves": ChannelMap(("front", "back"), np.stack([row < 3, row >= 3]))},
        default_channels="halves",
        observables=OBSERVABLES,
    )


def draw(seed, particles=80):
    """Responses (N, 6, 4) that follow the energy, the conditions and the particles."""
    generator = np.random.default_rng(seed)
    particle = np.arange(particles).repeat(REPEATS)
    energy = np.random.default_rng(0).uniform(1, 30, particles)[particle]
    showers = generator.poisson(
        energy[:, None, None] / 6 * np.array([3, 2, 1, 0.5, 0.2, 0.1])[:, None], (len(particle), 6, 4)
    )
    showers[:, 0, 0] += 1
    return showers, energy[:, None].astype(np.float32), particle


def judge(detector, particle=None, conditions=None):
    projection = Projection(detector)
    showers, energy, own = draw(1)
    unit = replace(
        projection(showers),
        particle=own if particle is None else particle,
        conditions=energy if conditions is None else conditions,
    )
    return Validation(detector, projection, unit)


def test_the_reference_itself_has_nothing_to_be_told_by(detector):
    showers, energy, _ = draw(1)
    assert judge(detector).scores(energy, showers) == dict.fromkeys(
        ("validation", "ws-conditional", "ws-observables", "ws"), 0.0
    )


def test_the_score_is_the_geometric_mean_of_its_parts(detector):
    (first, energy, particle), (second, _, _) = draw(1), draw(2)
    validation = judge(detector)
    found = validation.scores(energy, second * 2)
    assert found["validation"] == pytest.approx(np.sqrt(found["ws-conditional"] * found["ws-observables"]))
    assert validation(energy, second * 2) == found["validation"]
    sums = first.sum((1, 2))
    label = equal_bins(expected_sums(sums, particle), 8)[0]
    channels = [np.stack([s[:, :3].sum((1, 2)), s[:, 3:].sum((1, 2))], axis=1) for s in (first, 2 * second)]
    assert found["ws-conditional"] == pytest.approx(ws_within(*channels, label).value)
    pooled = [
        np.abs(np.sort(a) - np.sort(b)).mean() for a, b in zip(channels[0].T, channels[1].T, strict=True)
    ]
    assert found["ws"] == pytest.approx(np.mean(pooled))


def test_responses_of_other_conditions_are_seen_where_ws_is_blind(detector):
    showers, energy, _ = draw(1)
    shuffled = np.random.default_rng(3).permutation(showers)
    honest, blind = (judge(detector).scores(energy, some) for some in (draw(2)[0], shuffled))
    assert blind["ws"] == 0
    assert blind["validation"] > 3 * honest["validation"]


def test_images_are_seen_where_channel_sums_are_right(detector):
    showers, energy, _ = draw(1)
    flat = showers.copy()
    for half in (slice(0, 3), slice(3, 6)):  # the same sums in one pixel of each half
        flat[:, half] = 0
        flat[:, half.start + 1, 2] = showers[:, half].sum((1, 2))
    found = judge(detector).scores(energy, flat)
    assert found["ws"] == found["ws-conditional"] == 0
    assert found["ws-observables"] > 0.5


def test_without_observables_it_is_the_conditional_distance(detector):
    _, energy, _ = draw(1)
    found = judge(replace(detector, observables=())).scores(energy, draw(2)[0])
    assert set(found) == {"validation", "ws-conditional", "ws"}
    assert found["validation"] == found["ws-conditional"] > 0


def test_one_response_a_particle_is_expected_from_its_neighbours_in_energy(detector):
    showers, energy, _ = draw(1)
    alone = np.arange(len(showers))
    some = draw(2)[0]
    found = judge(detector, particle=alone).scores(energy, some)
    label = equal_bins(expected_sums(showers.sum((1, 2)), alone, energy[:, 0]), 8)[0]
    assert len(set(label.tolist())) == 8
    channels = [np.stack([s[:, :3].sum((1, 2)), s[:, 3:].sum((1, 2))], axis=1) for s in (showers, some)]
    assert found["ws-conditional"] == pytest.approx(ws_within(*channels, label).value)


def test_without_repeats_and_energy_there_is_one_bin(detector):
    nameless = replace(detector, features=(replace(detector.features[0], name="momentum"),))
    showers, energy, _ = draw(1)
    found = judge(nameless, particle=np.arange(len(showers))).scores(energy, draw(2)[0])
    assert found["ws-conditional"] == pytest.approx(found["ws"])


def test_another_number_of_responses_is_refused(detector):
    showers, energy, _ = draw(1)
    with pytest.raises(ValueError, match="all 480 validation conditions"):
        judge(detector)(energy[:5], showers[:5])

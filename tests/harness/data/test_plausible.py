"""Data that physics forbids are refused with their reason, unless forced."""

import re

import numpy as np
import pytest

from simbench.baselines.montecarlo import make_dataset
from simbench.harness.data import dataset
from simbench.harness.data.importing import import_files
from simbench.harness.data.open import open_data
from simbench.harness.data.plausible import Plausibility, units_problem
from simbench.harness.errors import UserError
from simbench.harness.hooks import DatasetReader, ReadRequest, Responses
from simbench.harness.plugin.detectors import ChannelMap, Detector, Feature
from simbench.harness.plugin.registry import load
from simbench.plugins.zdc import FEATURES, simbench_detectors


def calorimeter(unit="GeV", feature="MeV"):
    return Detector(
        name="calo",
        title="Calo",
        shape=(2, 3),
        unit=unit,
        features=(Feature("eta", ""), Feature("Energy", feature)),
        channels={"all": ChannelMap(("all",), np.ones((1, 2, 3), bool))},
        default_channels="all",
        counted=False,
    )


def showers(rows=600, share=0.8, seed=0):
    generator = np.random.default_rng(seed)
    energy = 10 ** generator.uniform(3, 5, rows)
    conditions = np.column_stack([generator.normal(size=rows), energy]).astype(np.float32)
    return share * energy * generator.uniform(0.8, 1.2, rows), conditions


def problem(detector, sums, conditions):
    looked = Plausibility(detector)
    for rows in np.array_split(np.arange(len(sums)), 3):
        looked.add(sums[rows], conditions[rows])
    return looked.problem()


@pytest.mark.parametrize(
    ("unit", "feature", "factor"), [("GeV", "MeV", 1e-3), ("MeV", "MeV", 1), ("keV", "GeV", 1e6)]
)
def test_energy_balance_in_any_units(unit, feature, factor):
    sums, conditions = showers()
    detector = calorimeter(unit, feature)
    assert problem(detector, sums * factor, conditions) is None
    for wrong in (1000, 1e-3):
        said = problem(detector, sums * factor * wrong, conditions)
        assert f"Energy should be in {feature}, responses in {unit} (GeV beside MeV?)" in said
    assert problem(calorimeter("photons", feature), sums * 1000, conditions) is None


def test_rows_in_another_order():
    sums, conditions = showers()
    order = np.random.default_rng(1).permutation(len(sums))
    detector = calorimeter("MeV")
    assert "belong together" in problem(detector, sums[order], conditions)
    assert problem(detector, sums[order[:400]], conditions[:400]) is None  # too few to tell
    same = np.full_like(conditions, 2e4)
    assert problem(detector, np.full(600, 1e4) + order, same) is None  # of one energy nothing can be told


def test_few_shuffled_rows_pass_by_chance_and_right_ones_always_do():
    detector = calorimeter("photons")
    generator = np.random.default_rng(2)
    found = []
    for seed in range(60):
        sums, conditions = showers(rows=500, seed=seed)
        weak = generator.normal(size=500) + np.log(sums)  # a correlation of about 0.8
        assert problem(detector, weak, conditions) is None
        found.append(problem(detector, generator.permutation(sums), conditions))
    assert sum(one is None for one in found) <= 1


def test_an_import_is_refused_or_forced(tmp_path):
    sums, conditions = showers()
    images = np.repeat(1000 * sums[:, None] / 6, 6, axis=1).reshape(-1, 2, 3)

    def read(_request):
        yield Responses(images, conditions, np.arange(len(images)), np.zeros(len(images)))

    reader = DatasetReader("mine", "Mine", "FILE", read, "Mine")
    file, out = tmp_path / "file", tmp_path / "out.h5"
    file.touch()
    request = ReadRequest(calorimeter("MeV"), (file,), 0)
    with pytest.raises(UserError, match=r"Energy should be in MeV.*--force"):
        import_files(reader, request, out)
    assert not out.exists()
    forced = ReadRequest(calorimeter("MeV"), (file,), 0, force=True)
    assert import_files(reader, forced, out).responses == 600


# Units that ALICE's O2 has: mass in MeV, charge in thirds of e


NINE = {feature.name: place for place, feature in enumerate(FEATURES)}


def zdc(*factors):
    """Conditions of the Monte Carlo, columns multiplied as (name, factor)."""
    conditions = make_dataset("proton", particles=200, repeats=1, seed=3).conditions.copy()
    for name, factor in factors:
        conditions[:, NINE[name]] *= factor
    return conditions


GEV = ("Energy", "Px", "Py", "Pz", "mass")


@pytest.mark.parametrize(
    ("factors", "words"),
    [
        ((), None),
        ([("mass", 1000)], r"the energies of \d+ of \d+ particles follow .* in MeV, of \d+ if it is in GeV"),
        ([("charge", 3)], "all charges of .* multiples of three: charge should be in e"),
        ([(name, 1000) for name in GEV], "half of the masses are above 300 GeV"),
    ],
    ids=["ours", "mass", "charge", "all"],
)
def test_units_of_conditions(factors, words):
    (detector,) = [each for each in simbench_detectors() if each.name == "proton"]
    found = units_problem(zdc(*factors), detector)
    assert found is None if words is None else re.search(words, found)


def test_kinetic_energies_are_in_gev_too():
    (detector,) = [each for each in simbench_detectors() if each.name == "proton"]
    conditions = zdc()
    conditions[:, NINE["Energy"]] -= conditions[:, NINE["mass"]]
    assert units_problem(conditions, detector) is None


def test_a_dataset_file_in_o2s_units_is_refused_unless_forced(tmp_path):
    registry = load()
    detector = registry.detectors["proton"]
    made = make_dataset("proton", particles=200, repeats=2, seed=3)
    path, conditions = tmp_path / "o2.h5", made.conditions.copy()
    conditions[:, NINE["charge"]] *= 3
    block = Responses(made.showers.astype(np.uint16), conditions, made.particle, made.pdg)
    dataset.write(path, detector, [block], min_photons=1, provenance="by hand")
    with pytest.raises(UserError, match=r"o2\.h5: all charges .* thirds of e.*--force"):
        open_data(registry, detector, str(path))
    with open_data(registry, detector, str(path), force=True) as opened:
        assert len(opened) == len(made.showers)

"""The contract's checks: a good simulator passes them all, each broken one fails the one that it breaks."""

import random
import subprocess
import sys

import numpy as np
import pytest
import torch

from simbench.harness.contract.suite import (
    CHECKS,
    ContractError,
    SimulatorContract,
    Subject,
    detectors_of,
    verdicts,
)
from simbench.harness.data.open import conditions_of
from simbench.harness.errors import UserError
from simbench.harness.hooks import Context, TrainedOn
from simbench.harness.plugin.registry import Registry, Source


class Good:
    """Poisson counts; what it is to do wrong is put in by subclasses."""

    def generate(self, conditions, *, seed):
        return self.counts(len(conditions), np.random.default_rng(seed))

    @staticmethod
    def counts(rows, generator):
        return generator.poisson(1.0, (rows, 6, 4)).astype(np.float32)


class Flat(Good):
    def generate(self, conditions, *, seed):
        return super().generate(conditions, seed=seed).reshape(len(conditions), 24)


class Tensor(Good):
    def generate(self, conditions, *, seed):
        return torch.from_numpy(super().generate(conditions, seed=seed))


class Double(Good):
    def generate(self, conditions, *, seed):
        return super().generate(conditions, seed=seed).astype(np.float64)


class NotANumber(Good):
    def generate(self, conditions, *, seed):
        responses = super().generate(conditions, seed=seed)
        responses[3:4, 2, 1] = np.nan
        return responses


class Negative(Good):
    def generate(self, conditions, *, seed):
        responses = super().generate(conditions, seed=seed)
        responses[3:4, 2, 1] = -7
        return responses


class Unseeded(Good):
    def generate(self, conditions, *, seed):
        return self.counts(len(conditions), np.random.default_rng())


class OneStream(Good):
    """Same seed, same result, but only as long as it is made anew."""

    generator = None

    def generate(self, conditions, *, seed):
        self.generator = self.generator or np.random.default_rng(seed)
        return self.counts(len(conditions), self.generator)


class Frozen(Good):
    def generate(self, conditions, *, seed):
        return super().generate(conditions, seed=0)


class ShortSeeds(Good):
    def generate(self, conditions, *, seed):
        state = np.random.RandomState(seed)  # takes 32 bits
        return state.poisson(1.0, (len(conditions), 6, 4)).astype(np.float32)


class NoEmpty(Good):
    def generate(self, conditions, *, seed):
        conditions.max()  # of nothing
        return super().generate(conditions, seed=seed)


class Squeezed(Good):
    def generate(self, conditions, *, seed):
        return super().generate(conditions, seed=seed).squeeze()


class FixedBatch(Good):
    def generate(self, conditions, *, seed):
        if len(conditions) == 7:
            conditions.reshape(-1, 8, 2)
        return super().generate(conditions, seed=seed)


class InPlace(Good):
    def generate(self, conditions, *, seed):
        conditions[:, 1] -= 1
        return super().generate(conditions, seed=seed)


class Global(Good):
    stream = "numpy.random"

    def generate(self, conditions, *, seed):
        {"numpy.random": np.random.seed, "random": random.seed, "torch": torch.manual_seed}[self.stream](
            seed % 2**32
        )
        return super().generate(conditions, seed=seed)


class GlobalPython(Global):
    stream = "random"


class GlobalTorch(Global):
    stream = "torch"


class RandomWeights(Good):
    def __init__(self):
        self.weights = np.random.default_rng().random((6, 4), dtype=np.float32)

    def generate(self, conditions, *, seed):
        return super().generate(conditions, seed=seed) * self.weights


class Routes(Good):
    def route(self, conditions):
        return (conditions[:, 0] > 5).astype(np.int64)


class RoutesOfThree(Routes):
    training_record = {"history": [{"experts": {"share": [0.5, 0.5, 0]}}]}  # noqa: RUF012


class RoutesBeyond(Routes):
    training_record = {"history": [{"experts": {"share": [1.0]}}]}  # noqa: RUF012


class RoutesBelow(Routes):
    def route(self, conditions):
        return super().route(conditions) - 1


class RoutesInFloats(Routes):
    def route(self, conditions):
        return super().route(conditions) + 0.5


class RoutesAtRandom(Routes):
    def route(self, conditions):
        return np.random.default_rng().integers(0, 2, len(conditions))


class RoutesEmpty(Routes):
    def route(self, conditions):
        return super().route(conditions) if len(conditions) else np.zeros(1, np.int64)


TOLD = {"dataset": "abc", "split": "particle", "split_seed": 0, "test_fraction": 0.2}


class Trained(Good):
    trained_on = TrainedOn(**TOLD, particles=np.array([1, 2**63 + 1], np.uint64))


class TrainedUnknown(Good):
    trained_on = None


class TrainedText(Good):
    trained_on = "everything"


class TrainedSeedText(Good):
    trained_on = TrainedOn(**{**TOLD, "split_seed": "0"})


class TrainedUnsorted(Good):
    trained_on = TrainedOn(**TOLD, particles=np.array([2, 1], np.uint64))


class RecordNotJson(Good):
    training_record = {"seed": np.int64(3)}  # noqa: RUF012


class RecordText(Good):
    training_record = "went well"


class Executes(Good):
    execution = {"engine": "numpy", "batch": 8}  # noqa: RUF012
    notes = ("guessed",)


class ExecutionText(Good):
    execution = "torch"


class ExecutionBatchText(Good):
    execution = {"engine": "torch", "batch": "8"}  # noqa: RUF012


class NotesText(Good):
    notes = "guessed"


class FingerprintNumber(Good):
    fingerprint = 5


class FingerprintChanges(Good):
    def __init__(self):
        self.fingerprint = str(np.random.default_rng().integers(2**60))


def Nothing():  # noqa: N802
    return 5


GOOD = [Good, Routes, RoutesOfThree, Trained, TrainedUnknown, Executes]
BROKEN = [
    (Nothing, {"loads": "int, which has no method generate; give an object"}),
    (Flat, {"shape": r"64 conditions give the shape \(64, 24\); it should be \(64, 6, 4\)"}),
    (Tensor, {"shape": "generate returns Tensor; .*cpu"}),
    (Double, {"dtype": r"the responses are float64; end with responses.astype\(numpy.float32\)"}),
    (NotANumber, {"finite": r"1 of 1536 values are wrong, the first nan at \(3, 2, 1\); look for"}),
    (Negative, {"not-negative": r"1 of 1536 values are wrong, the first -7.0 at \(3, 2, 1\); .*ReLU"}),
    (Unseeded, {"same-seed": "differ in 64 of 64 rows; draw all", "reloaded": "differ"}),
    (OneStream, {"same-seed": "two calls", "reloaded": "two simulators .* differ .*; keep nothing"}),
    (Frozen, {"other-seed": "seeds 1 and 2 give the same responses; each seed"}),
    (ShortSeeds, {"any-seed": r"seed 9223372036854775807 raises ValueError.*.py:\d+\); seeds have"}),
    (NoEmpty, {"empty-batch": r"\(0, F\), raises ValueError.*; return numpy.zeros"}),
    (Squeezed, {"any-size": r"1 conditions give the shape \(6, 4\); it should be \(1, 6, 4\)"}),
    (FixedBatch, {"any-size": "an array of 7 conditions raises ValueError.*; take the number of rows"}),
    (InPlace, {"conditions-kept": r"conditions that it is given \(angle\); make new"}),
    (Global, {"global-random": "the global generator of numpy.random is"}),
    (GlobalPython, {"global-random": "the global generator of random is"}),
    (GlobalTorch, {"global-random": "the global generator of torch is"}),
    (RandomWeights, {"reloaded": "two simulators that the factory makes differ"}),
    (RoutesBeyond, {"routing": "route gives experts 0 to 1; count them from 0 to 0"}),
    (RoutesBelow, {"routing": "route gives experts -1 to 0; count them from 0"}),
    (RoutesInFloats, {"routing": r"route gives float64 of shape \(64,\); give integers of shape \(64,\)"}),
    (RoutesAtRandom, {"routing": "two routings of the same conditions differ"}),
    (RoutesEmpty, {"routing": "route gives something for no conditions"}),
    (TrainedText, {"trained-on": "trained_on is str; give a simbench.harness.hooks.TrainedOn"}),
    (TrainedSeedText, {"trained-on": "trained_on.split_seed is str; give int"}),
    (TrainedUnsorted, {"trained-on": "sorted and distinct uint64; use simbench.*particle_hashes"}),
    (RecordNotJson, {"training-record": "training_record is not JSON: .*; give float"}),
    (RecordText, {"training-record": "training_record is str; give a dictionary"}),
    (ExecutionText, {"execution": "execution is str; give a dictionary"}),
    (ExecutionBatchText, {"execution": r"execution\['batch'\] is str; give int, or leave it out"}),
    (NotesText, {"notes": "notes is 'guessed'; give a tuple of short texts"}),
    (FingerprintNumber, {"fingerprint": "fingerprint is int; give a text"}),
    (FingerprintChanges, {"fingerprint": "fingerprint was '.*', then '.*'; make it of"}),
]  # fmt: skip


@pytest.fixture(scope="module")
def conditions(toy):
    return conditions_of(toy.registry(), toy.detector)


@pytest.fixture
def judged(toy, conditions):
    return lambda make: {name: error for name, _, error in verdicts(Subject(make, toy.detector, conditions))}


@pytest.mark.parametrize("make", GOOD, ids=lambda make: make.__name__)
def test_a_good_simulator_passes_every_check(judged, make):
    assert judged(make) == dict.fromkeys(CHECKS)


@pytest.mark.parametrize(("make", "broken"), BROKEN, ids=[make.__name__ for make, _ in BROKEN])
def test_a_broken_promise_is_found_and_named(toy, conditions, make, broken):
    subject = Subject(make, toy.detector, conditions)
    for name, message in broken.items():
        with pytest.raises(ContractError, match=message):
            CHECKS[name](subject)


@pytest.mark.parametrize(
    ("make", "broken"),
    [case for case in BROKEN if case[0] is not Tensor],
    ids=lambda each: getattr(each, "__name__", None) or "-".join(each),
)
def test_only_the_promise_that_is_broken_fails(judged, make, broken):
    failed = {name for name, error in judged(make).items() if error is not None}
    if make is Flat:  # a wrong shape is wrong in every size
        failed -= {"empty-batch", "any-size"}
    assert failed == set(broken)


def test_every_check_has_its_violator():
    assert {name for _, broken in BROKEN for name in broken} == set(CHECKS)
    assert all(check.__doc__ for check in CHECKS.values())


def test_what_cannot_be_made_is_checked_no_further(judged):
    def make():
        raise OSError("no weights")

    (error,) = judged(make).values()
    assert error.startswith("OSError: no weights (test_testing.py:")


def test_an_exception_fails_a_check_and_no_other(judged):
    class Raises(Good):
        def generate(self, conditions, *, seed):
            if seed == 2:
                raise SystemExit("enough")
            return super().generate(conditions, seed=seed)

    failed = {name: error for name, error in judged(Raises).items() if error}
    assert failed.keys() == {"same-seed", "other-seed"}
    assert failed["other-seed"].startswith("SystemExit: enough (test_testing.py:")


def test_the_global_state_is_put_back(toy, conditions):
    draws = []
    for _ in range(2):
        random.seed(5)
        np.random.seed(5)  # noqa: NPY002
        torch.manual_seed(5)
        if draws:
            for make in (Global, GlobalPython, GlobalTorch):
                with pytest.raises(ContractError):
                    CHECKS["global-random"](Subject(make, toy.detector, conditions))
        draws.append((random.random(), np.random.random(), torch.rand(1).item()))  # noqa: NPY002
    assert draws[0] == draws[1]


def test_conditions_come_from_a_maker(toy, conditions):
    assert conditions.shape == (64, 2)
    assert conditions.dtype == np.float32
    assert len(np.unique(conditions, axis=0)) == 64
    bare = Registry()
    bare.add(toy.plugin(detectors=[toy.detector], simulators=[toy.offer("flat")]), Source("toys", "1"))
    with pytest.raises(UserError, match="no dataset maker serves detector 'toy'"):
        conditions_of(bare, toy.detector)
    with pytest.raises(UserError, match="no detector has a dataset maker"):
        detectors_of(bare, None)


SUITE = """
import numpy as np
from simbench.harness.testing import SimulatorContract

class Dim:
    def __init__(self, context):
        self.shape = context.detector.shape
    def generate(self, conditions, *, seed):
        light = np.random.default_rng(seed).poisson(1, (len(conditions), *self.shape))
        return (light - (len(self.shape) == 2 and BROKEN)).astype(np.float32)

class TestDim(SimulatorContract):
    detectors = ["proton"]
    def simulator(self, context):
        return Dim(context)

class TestMonteCarlo(SimulatorContract):
    model = "mc"
    def test_more(self):
        assert self.model == "mc"
"""


@pytest.mark.parametrize("broken", [False, True])
def test_pytest_runs_the_suite(tmp_path, broken):
    (tmp_path / "test_mine.py").write_text(SUITE.replace("BROKEN", str(broken)))
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-W", "error", "test_mine.py"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    if broken:
        assert f"1 failed, {3 * len(CHECKS)} passed" in done.stdout
        assert "test_mine.py::TestDim::test_contract[proton-not-negative]" in done.stdout
        assert "ContractError" in done.stdout
        assert "numpy.maximum(responses, 0)" in done.stdout
    else:
        assert f"{3 * len(CHECKS) + 1} passed" in done.stdout
    assert done.returncode == broken


def test_a_suite_of_no_model_is_told_so(toy):
    with pytest.raises(UserError, match="TestNone should set model, or override simulator"):
        type("TestNone", (SimulatorContract,), {})().simulator(Context(toy.detector))


def test_pytest_is_not_needed(tmp_path):
    code = "import sys; sys.modules['pytest'] = None; import simbench.harness.testing, simbench.harness.cli"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr

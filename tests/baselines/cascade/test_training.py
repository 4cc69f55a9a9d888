import json

import numpy as np
import pytest
import torch

from simbench.baselines.cascade.settings import Settings, Shared, resolve
from simbench.baselines.cascade.simulator import CascadeSimulator
from simbench.baselines.cascade.training import train

pytestmark = pytest.mark.slow


class KilledError(Exception):
    pass


def test_a_killed_training_ends_with_the_same_weights(cascade_job, tmp_path):
    whole = train(cascade_job(out=tmp_path / "whole")).read_bytes()
    for last in (4, 9, 13):  # in the training of the sum, at its end, and in that of the splits

        def kill(news, last=last):
            if news.step >= last:
                raise KilledError

        out = tmp_path / f"killed-{last}"
        with pytest.raises(KilledError):
            train(cascade_job(out=out, progress=kill))
        assert (out / "checkpoint.pt").exists()
        assert train(cascade_job(out=out)).read_bytes() == whole
        assert not (out / "checkpoint.pt").exists()


def test_a_finished_training_is_returned_and_another_one_refused(cascade_job):
    path = train(cascade_job())
    before = path.read_bytes()
    assert train(cascade_job()) == path
    assert path.read_bytes() == before
    with pytest.raises(ValueError, match="holds another training: seed is 3 there and 4 here"):
        train(cascade_job(seed=4))


def test_the_record_tells_the_likelihood_by_level(cascade_job):
    path = train(cascade_job())
    record = json.loads((path.parent / "record.json").read_text())
    training, history = record["training"], record["history"]
    best = min(history, key=lambda entry: entry["validation"])
    assert (training["best_step"], training["validation"]) == (best["step"], best["validation"])
    assert best["validation"] == pytest.approx(sum(best["levels"].values()), abs=1e-4)
    assert {"step", "epoch", "losses", "validation", "seconds"} <= set(history[0])
    for part in ("validation", "training"):
        nats, bits = (training["likelihood"][part][unit] for unit in ("nats", "bits"))
        assert list(nats) == ["sum", "2x2", "3x3", "6x5", "all"]
        assert nats["all"] == pytest.approx(sum(v for k, v in nats.items() if k != "all"), abs=1e-4)
        assert bits["all"] == pytest.approx(nats["all"] / np.log(2), abs=1e-4)


def test_the_likelihood_of_the_record_is_that_of_the_weights(cascade_job):
    job = cascade_job()
    simulator = CascadeSimulator.load(train(job))
    held_out = job.validation(0.2)
    found = simulator.log_prob_levels(job.conditions[held_out], job.showers[held_out])
    told = simulator.header["training"]["likelihood"]["validation"]["nats"]
    assert {name: values.mean() for name, values in found.items()} == pytest.approx(
        {name: told[name] for name in found}, abs=1e-4
    )


def test_learning_raises_the_likelihood(cascade_job):
    longer = {"steps": "150", "sum_steps": "150", "sum_width": "32"}
    record = json.loads((train(cascade_job(settings=longer)).parent / "record.json").read_text())
    first, last = record["history"][0]["levels"], record["history"][-1]["levels"]
    assert sum(last.values()) < sum(first.values()) - 1
    assert last["sum"] < first["sum"]


def test_no_particle_is_on_both_sides(cascade_job):
    job = cascade_job()
    held_out = job.validation(0.05)
    assert 0 < held_out.sum() < len(held_out)
    assert not set(job.particle[held_out]) & set(job.particle[~held_out])
    fold = job.folds(3)
    assert len(set(zip(job.particle.tolist(), fold.tolist(), strict=True))) == len(set(job.particle.tolist()))


def test_torch_is_left_as_it_was(cascade_job):
    threads, state = torch.get_num_threads(), torch.random.get_rng_state()
    train(cascade_job())
    assert torch.get_num_threads() == threads
    assert torch.equal(torch.random.get_rng_state(), state)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"preset": "paper"}, "preset compact only"),
        ({"settings": {"stepz": "1"}}, "unknown setting 'stepz'"),
        ({"settings": {"steps": "many"}}, "expected int, found 'many'"),
        ({"settings": {"steps": "0"}}, "above 0"),
        ({"settings": {"lr": "-1"}}, ">= 0"),
        ({"settings": {"dropout": "1"}}, "below 1"),
        ({"settings": {"storage": "float8"}}, "float16 or float32"),
        ({"showers": np.zeros((400, 6, 5), np.float32)}, "learns counts"),
        ({"showers": np.zeros((400, 5, 6), int)}, "must have the shape"),
        ({"particle": np.zeros(400, int)}, "at least 4 particles"),
    ],
)
def test_what_cannot_be_trained_is_one_line(cascade_job, changes, message):
    with pytest.raises(ValueError, match=message) as error:
        train(cascade_job(**changes))
    assert "\n" not in str(error.value)


def test_every_setting_is_described_and_can_be_set():
    from dataclasses import asdict

    for name, value in asdict(Settings()).items():
        assert f"        {name}: " in Shared.__doc__ + Settings.__doc__
        assert getattr(resolve("compact", {name: str(value)}), name) == value

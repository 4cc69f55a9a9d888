"""Rankings: the order, the letters, and who is left out."""

from dataclasses import replace

import numpy as np
import pytest

from simbench.harness.errors import UserError
from simbench.harness.metrics.wasserstein import EMPTY, WASSERSTEIN
from simbench.harness.plugin.metric import Metric, Value
from simbench.harness.record.folder import RunFolder, unit_path
from simbench.harness.score.leaderboard import rank

KNOWN = {"ws": WASSERSTEIN, "empty": EMPTY}


@pytest.fixture(scope="module")
def run(toy, tmp_path_factory):
    folder = tmp_path_factory.mktemp("board")
    data = toy.write(folder / "toy.h5", toy.responses(200, 5))

    def scaled(scale):
        def generate(conditions, seed):
            responses = toy.flat(conditions, seed, scale)
            responses[:, 0, 0] += 1
            return responses

        return generate

    def broken(conditions, seed):
        raise ValueError("broken")

    offers = [
        toy.offer("far", scaled(3.0)),
        toy.offer("good", scaled(1.0)),
        toy.offer("twin", scaled(1.0)),
        toy.offer("near", scaled(1.3)),
        toy.offer("truth", scaled(1.0), family="reference"),
        toy.offer("anchor", scaled(1.6), family="anchor"),
        toy.offer("broken", broken),
    ]

    def make(name="first", metrics=(WASSERSTEIN, EMPTY), **asked):
        out = folder / name
        toy.run(toy.registry(*offers, metrics=metrics), data, out, **asked)
        return RunFolder(out)

    return make


@pytest.fixture(scope="module")
def board(run):
    return rank([run()], KNOWN)


def test_best_first_and_the_reference_and_anchors_without_a_rank(board):
    assert [place.model for place in board.places][-4:] == ["near", "far", "anchor", "truth"]
    ranks = {place.model: place.rank for place in board.places}
    assert ranks["truth"] is ranks["anchor"] is None
    assert (ranks["near"], ranks["far"]) == (3, 4)
    assert {ranks["good"], ranks["twin"]} == {1, 2}
    means = [place.estimate.mean for place in board.places[:-2]]
    assert means == sorted(means)


def test_letters_tell_noise_from_difference(board):
    letters = {place.model: place.groups for place in board.places}
    assert len(set(letters.values())) == 4
    assert letters["good"] == letters["twin"] == letters["truth"] == (0,)
    assert board.pairs == 15


PHOTONS = Metric(
    "photons",
    "Mean photons",
    "photons",
    1,
    lambda scored: [Value("all", "mean", float(scored.generated_photons.mean()))],
    better="higher",
    runs=1,
)


def test_by_another_metric_of_which_more_may_be_better(run):
    folder = run("bright", metrics=(WASSERSTEIN, PHOTONS))
    known = {"ws": WASSERSTEIN, "photons": PHOTONS}
    board = rank([folder], known, by="photons")
    assert board.metric is PHOTONS
    assert [place.model for place in board.places][:2] == ["far", "near"]
    assert [place.model for place in board.places][-2:] == ["anchor", "truth"]
    assert board.places[0].groups != board.places[1].groups
    assert rank([folder], known).metric is WASSERSTEIN
    with pytest.raises(
        UserError, match="not all scored by 'auc', which models are ranked by; they have ws, pho"
    ):
        rank([folder], known, by="auc")


def test_by_the_conditional_score_where_all_runs_have_it(run):
    conditional = replace(WASSERSTEIN, name="ws-conditional")
    both, old = run("both", metrics=(WASSERSTEIN, conditional)), run()
    known = {"ws": WASSERSTEIN, "ws-conditional": conditional, "empty": EMPTY}
    assert rank([both], known).metric.name == "ws-conditional"
    assert rank([both, old], known).metric.name == "ws"


def test_without_any_known_noise_there_is_no_place(run):
    def whole(scored):
        if len(scored.particle) < 200:
            raise ValueError("too few")
        yield Value("all", "mean", 1.0)

    metric = replace(PHOTONS, function=whole)
    board = rank([run("whole", metrics=(metric,))], {"photons": metric}, by="photons")
    assert board.places == ()
    assert {"no known noise" in reason for model, _, reason in board.unranked if model != "broken"} == {True}


def test_failed_models_are_told_and_not_ranked(board):
    ((model, _, reason),) = board.unranked
    assert model == "broken"
    assert "ValueError: broken" in reason


def test_several_runs_of_one_protocol(run):
    first, second = run(), run("second", seed=5)
    board = rank([first, second], KNOWN)
    assert len(board.places) == 12
    letters = {(place.model, place.run.path.name): place.groups for place in board.places}
    for model in ("good", "near", "far"):
        assert set(letters[model, "first"]) & set(letters[model, "second"])


def test_runs_of_another_protocol_are_refused(run):
    with pytest.raises(UserError, match="differ in 'limit'"):
        rank([run(), run("limited", limit=100)], KNOWN)


def test_without_a_wasserstein_score_there_is_no_ranking(run):
    with pytest.raises(UserError, match="not all scored by 'ws'"):
        rank([run("empty", metrics=(EMPTY,))], KNOWN)


def test_a_confidence_out_of_range(run):
    with pytest.raises(UserError, match=r"above 0\.5 and below 1, found 2"):
        rank([run()], KNOWN, 2.0)


def test_a_model_without_its_units_is_not_ranked(run):
    folder = run("cut")
    unit_path(folder.path / "units", "far", "run0").unlink()
    board = rank([folder], KNOWN)
    assert [model for model, _, _ in board.unranked] == ["far", "broken"]
    assert np.isfinite([place.estimate.mean for place in board.places]).all()

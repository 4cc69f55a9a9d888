"""Held-out likelihoods: of a model that knows the truth, of its terms, of what is impossible."""

import json

import numpy as np
import pytest
from scipy.stats import poisson

from simbench.harness.errors import UserError
from simbench.harness.run.likelihood import TOTAL, likelihoods
from simbench.harness.run.request import Request
from simbench.reports import render_likelihoods


def mean_of(conditions, brightness=1.0):
    """Of the toy's pixels, the first of which has one photon more."""
    rate = np.ones((len(conditions), 6, 4)) * (0.5 + conditions[:, 0, None, None] / 10)
    return brightness * rate


class Knows:
    """The toy's own distribution, or one of another brightness."""

    def __init__(self, brightness=1.0):
        self._brightness = brightness

    def generate(self, conditions, *, seed):
        drawn = np.random.default_rng(seed).poisson(mean_of(conditions, self._brightness))
        drawn[:, 0, 0] += 1
        return drawn.astype(np.int32)

    def log_prob(self, conditions, responses):
        counts = responses.astype(np.int64)
        counts[:, 0, 0] -= 1
        return poisson.logpmf(counts, mean_of(conditions, self._brightness)).sum(axis=(1, 2))


class Tells(Knows):
    """The same in two terms: its first column, and the rest."""

    def log_prob_levels(self, conditions, responses):
        counts = responses.astype(np.int64)
        counts[:, 0, 0] -= 1
        each = poisson.logpmf(counts, mean_of(conditions, self._brightness))
        return {"first": each[:, :, 0].sum(axis=1), "rest": each[:, :, 1:].sum(axis=(1, 2))}


class Never(Knows):
    """Says of every second response that it cannot be."""

    def log_prob(self, conditions, responses):
        found = super().log_prob(conditions, responses)
        found[::2] = -np.inf
        return found


@pytest.fixture
def registry(toy):
    offers = {"true": Knows, "dim": lambda: Knows(0.8), "terms": Tells, "never": Never}
    made = [toy.offer(name, factory=lambda _, kind=kind: kind()) for name, kind in offers.items()]
    return toy.registry(*made, toy.offer("flat"))


@pytest.fixture
def ask(registry, toy_file):
    def asked(*models, **more):
        request = Request(models=models, detector="toy", data=str(toy_file), device="cpu", **more)
        return likelihoods(registry, request)

    return asked


def test_it_is_the_mean_over_the_test_part_with_its_error_over_particles(ask, toy):
    found = ask("true")
    assert found.rows == {"test": 40, "training": 40}
    term = found.terms["true"]["test"][TOTAL]
    # the entropy of 24 Poisson pixels, at the conditions of any part, within three errors
    sample = toy.responses(400, 5, seed=9)
    truth = Knows().log_prob(sample.conditions, sample.showers)
    assert term.mean == pytest.approx(truth.mean(), abs=3 * term.error)
    assert 0.3 < term.error / (truth.std() / np.sqrt(40)) < 3


def test_the_truth_is_more_probable_than_anything_else(ask):
    found = ask("true", "dim")
    assert found.terms["true"]["test"][TOTAL].mean > found.terms["dim"]["test"][TOTAL].mean + 0.3
    table = render_likelihoods(found, "table")
    assert table.index("true") < table.index("dim")


def test_models_are_compared_response_by_response(ask, toy):
    """The error is that of the differences: of one particle with all its responses, each counts once."""
    found = ask("dim", "true", "terms", "never")
    assert set(found.behind) == {"dim", "terms", "never"}
    less = found.behind["dim"][TOTAL]
    means = [found.terms[label]["test"][TOTAL].mean for label in ("dim", "true")]
    assert less.mean == pytest.approx(means[0] - means[1])
    assert 0 < less.error < 0.5 * found.terms["true"]["test"][TOTAL].error
    assert (found.behind["terms"][TOTAL].mean, found.behind["never"][TOTAL].mean) == pytest.approx((0, 0))
    assert set(found.behind["terms"]) == {TOTAL}  # the best tells no others
    assert "less the best" in render_likelihoods(found, "table")
    assert "less the best" not in render_likelihoods(ask("true"), "table")


def test_terms_add_up_to_all(ask):
    found = ask("true", "terms", limit=15)
    assert found.rows == {"test": 15, "training": 15}
    for part in ("test", "training"):
        terms = found.terms["terms"][part]
        assert terms["first"].mean + terms["rest"].mean == pytest.approx(terms[TOTAL].mean)
        assert terms[TOTAL].mean == pytest.approx(found.terms["true"][part][TOTAL].mean)


def test_what_is_impossible_is_left_out_and_told(ask):
    found = ask("never", "true")
    assert found.impossible["never"] == {"test": 0.5, "training": 0.5}
    assert np.isfinite(found.terms["never"]["test"][TOTAL].mean)
    assert "never generates 50 % of the test part's responses" in render_likelihoods(found, "markdown")


def test_models_that_know_none_are_named(ask):
    found = ask("true", "flat")
    assert found.unable == ("flat",)
    assert "They know no probabilities: flat." in render_likelihoods(found, "table")
    assert json.loads(render_likelihoods(found, "json"))["unable"] == ["flat"]
    with pytest.raises(UserError, match=r"none of flat knows .* log_prob"):
        ask("flat")

"""Every wrong simulator of the gallery is seen by one default metric at least, on a small sample too."""

import pytest

from simbench.harness.data.open import make, maker_of
from simbench.harness.gallery.scan import Wish, scan
from simbench.harness.gallery.spoiling import FAULTS
from simbench.harness.hooks import MakeRequest

pytestmark = pytest.mark.slow

SUMS = ("ws", "empty")  # what the channel sums tell, pooled


@pytest.fixture(scope="module")
def gallery(ours, tmp_path_factory):
    """Of 1,200 test responses of 150 particles, every fault in full."""
    path = tmp_path_factory.mktemp("gallery") / "proton.h5"
    detector = ours.detectors["proton"]
    make(path, maker_of(ours, detector), MakeRequest(detector, 750, 8, seed=6))
    return scan(ours, Wish("proton", str(path), sizes=(1.0,), floors=6))


def test_every_default_metric_takes_part(ours, gallery):
    assert gallery.problems == {}
    assert list(gallery.metrics) == [metric.name for metric in ours.metrics if metric.default]


@pytest.mark.parametrize("fault", [name for name in FAULTS if name != "perfect"])
def test_a_wrong_simulator_is_seen(gallery, fault):
    assert any(gallery.smallest(fault, metric) for metric in gallery.metrics)


def test_a_perfect_one_is_not(gallery):
    worst = max(look.sigmas for look in gallery.looks if look.fault == "perfect")
    assert worst < 4  # the largest of eleven, each beside six runs


def test_the_channel_sums_alone_would_not_do(gallery):
    missed = [name for name in FAULTS if not any(gallery.smallest(name, metric) for metric in SUMS)]
    assert "marginal-only" in missed

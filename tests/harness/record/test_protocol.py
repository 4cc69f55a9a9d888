"""What may be compared, and which trained models may be scored."""

from dataclasses import replace

import numpy as np
import pytest

from simbench.harness.data.split import particle_hashes
from simbench.harness.errors import UserError
from simbench.harness.hooks import TrainedOn
from simbench.harness.record import protocol as protocol_module
from simbench.harness.record.protocol import Protocol, leak, require_same
from simbench.harness.run import runner

PROTOCOL = Protocol(
    detector="toy",
    dataset="aaaa",
    min_photons=1,
    split="particle",
    split_seed=0,
    limit=None,
    channels="thirds",
    metrics={"ws": 1, "empty": 1},
)
CONDITIONS = np.arange(20, dtype=np.float32).reshape(10, 2)


def test_fields():
    assert PROTOCOL.as_dict() == {
        "detector": "toy",
        "dataset": "aaaa",
        "min_photons": 1,
        "split": "particle",
        "split_seed": 0,
        "limit": None,
        "channels": "thirds",
        "metrics": {"ws": 1, "empty": 1},
        "test_fraction": 0.2,
        "chunk_size": 4096,
    }
    assert runner.CHUNK == protocol_module.CHUNK == PROTOCOL.chunk_size


@pytest.mark.parametrize(
    ("field", "other"),
    [
        ("detector", "other"),
        ("dataset", "bbbb"),
        ("min_photons", 2),
        ("split", "event"),
        ("split_seed", 1),
        ("limit", 100),
        ("channels", "halves"),
        ("test_fraction", 0.5),
        ("chunk_size", 1),
        ("metrics", {"ws": 2, "empty": 1}),
    ],
)
def test_the_field_that_differs_is_named(field, other):
    first, second = PROTOCOL.as_dict(), {**PROTOCOL.as_dict(), field: other}
    with pytest.raises(UserError, match=f"here and there: .*'{field}'") as error:
        require_same(first, second, "here and there")
    assert "\n" not in str(error.value)
    require_same(first, second, "here and there", ignore=(field,))
    del second[field]
    if field not in ("metrics", "limit"):
        with pytest.raises(UserError, match=field):
            require_same(first, second, "here and there")


def test_equal_protocols_agree():
    require_same(PROTOCOL.as_dict(), PROTOCOL.as_dict(), "")


def test_metrics_that_only_one_has_do_not_matter():
    first = PROTOCOL.as_dict()
    require_same(first, {**first, "metrics": {"ws": 1}}, "")
    require_same(first, {**first, "metrics": {"other": 7}}, "")
    require_same({**first, "metrics": {"other": 7, "ws": 1}}, first, "")


def trained(**changes):
    own = TrainedOn("aaaa", "particle", 0, 0.2, particle_hashes(CONDITIONS))
    return replace(own, **changes)


def test_the_training_part_of_this_split_is_no_leak():
    assert leak(trained(), PROTOCOL, CONDITIONS) is None
    assert leak(trained(particles=None), PROTOCOL, CONDITIONS) is None


@pytest.mark.parametrize(
    "change", [{"split": "event"}, {"split_seed": 3}, {"test_fraction": 0.1}, {"dataset": "bbbb"}]
)
def test_particles_in_common_are_a_leak(change):
    reason = leak(trained(**change), PROTOCOL, np.vstack([CONDITIONS[:3], CONDITIONS[:2], CONDITIONS + 100]))
    assert "holds 3 of the 13 test particles" in reason
    assert "\n" not in reason


@pytest.mark.parametrize("change", [{"split_seed": 3}, {"dataset": "bbbb"}])
def test_no_particle_in_common_is_no_leak(change):
    assert leak(trained(**change), PROTOCOL, CONDITIONS + 100) is None


@pytest.mark.parametrize("change", [{"split": "event"}, {"split_seed": 3}, {"test_fraction": 0.1}])
def test_unknown_particles_of_another_split_of_the_same_data_are_a_leak(change):
    reason = leak(trained(particles=None, **change), PROTOCOL, CONDITIONS)
    assert "of this dataset" in reason


def test_unknown_particles_of_other_data_are_allowed():
    assert leak(trained(particles=None, dataset="bbbb"), PROTOCOL, CONDITIONS) is None

"""Our own models keep what the benchmark demands of every simulator, on every detector that they serve."""

import pytest

from simbench.harness.contract.suite import SimulatorContract
from simbench.harness.plugin.registry import load

pytestmark = pytest.mark.slow

for _model, _offer in load().simulators.records.items():
    if _offer.detectors == ():  # without weights; what a training makes of it is tested beside its code
        continue
    _name = f"Test_{_model.replace('-', '_')}"
    globals()[_name] = type(_name, (SimulatorContract,), {"model": _model, "__module__": __name__})

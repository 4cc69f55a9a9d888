"""Our own models keep what the benchmark demands of every simulator, on every detector that they serve."""

import pytest

from simbench.harness.contract.suite import SimulatorContract
from simbench.harness.plugin.registry import load

pytestmark = pytest.mark.slow

for _model in load().simulators.records:
    _name = f"Test_{_model.replace('-', '_')}"
    globals()[_name] = type(_name, (SimulatorContract,), {"model": _model, "__module__": __name__})

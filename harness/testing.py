"""The contract of a simulator as tests, for a plugin's own test suite: subclass :class:`SimulatorContract`.

What it promises, and the checks one by one, are in ``simbench.harness.contract``::

    from simbench.harness.testing import SimulatorContract


    class TestMyModel(SimulatorContract):
        model = "my-model"
"""

from .contract.checks import ContractError, Subject
from .contract.suite import CHECKS, SimulatorContract, verdicts

__all__ = ["CHECKS", "ContractError", "SimulatorContract", "Subject", "verdicts"]

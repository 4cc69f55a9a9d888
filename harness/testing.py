"""The contract of a simulator as tests, for a plugin's own test suite; see :mod:`simbench.harness.contract`::

from simbench.harness.testing import SimulatorContract


class TestMyModel(SimulatorContract):
model = "my-model"
"""

from .contract.checks import ContractError, Subject
from .contract.suite import CHECKS, SimulatorContract, verdicts

__all__ = ["CHECKS", "ContractError", "SimulatorContract", "Subject", "verdicts"]

"""What draws from the training part itself and learns nothing: the anchors that a learned model must beat.

:class:`Blind` draws any response, whatever is asked: what ignores the particle altogether scores as it does.
:class:`Replay` draws a response of one of the nearest particles.
"""

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from simbench.harness import rng

from .conditions import Scaler
from .neighbours import nearest

NEIGHBOURS = 4  # particles of which Replay draws one

Draw: TypeAlias = Callable[[npt.NDArray[np.int64]], npt.NDArray[Any]]


class Blind:
    """Any of the training responses, all alike.

    Args:
        rows: N, how many there are.
        responses: those of some rows (n,) of the N, as (n, H, W).
    """

    notes = ("ignores the particle",)

    def __init__(self, rows: int, responses: Draw) -> None:
        self._rows, self._responses = rows, responses

    def generate(self, conditions: npt.NDArray[np.float32], *, seed: int) -> npt.NDArray[Any]:
        """(n, H, W) responses for (n, F) conditions, of which the number matters alone."""
        keys = rng.keys(rng.derive(seed, "blind"), np.arange(len(conditions)))
        return self._responses((rng.uniform(keys, 0) * self._rows).astype(np.int64))


class Replay:
    """The training responses of the nearest particles.

    One of the :data:`NEIGHBOURS` particles whose scaled conditions are nearest is drawn, all alike, and one
    of its responses.

    Args:
        conditions: (N, F) of the training responses, physical units.
        particle: (N,) which of them share a condition.
        responses: those of some rows (n,) of the N, as (n, H, W).
        scaler: fitted on the conditions.
    """

    notes = ("repeats training responses",)

    def __init__(
        self,
        conditions: npt.NDArray[np.float32],
        particle: npt.NDArray[np.int64],
        responses: Draw,
        scaler: Scaler,
    ) -> None:
        self._responses, self._scaler = responses, scaler
        self._order = np.argsort(particle, kind="stable")
        _, self._first, self._count = np.unique(particle[self._order], return_index=True, return_counts=True)
        self._known = scaler(conditions[self._order[self._first]])

    def generate(self, conditions: npt.NDArray[np.float32], *, seed: int) -> npt.NDArray[Any]:
        """(n, H, W) responses for (n, F) conditions in physical units."""
        keys = rng.keys(rng.derive(seed, "replay"), np.arange(len(conditions)))
        asked, row = np.unique(conditions, axis=0, return_inverse=True)  # repeats are looked for once
        near = nearest(self._scaler(asked), self._known, NEIGHBOURS)[row.ravel()]
        which = (rng.uniform(keys, 0) * near.shape[1]).astype(np.int64)
        chosen = near[np.arange(len(near)), which]
        repeat = (rng.uniform(keys, 1) * self._count[chosen]).astype(np.int64)
        return self._responses(self._order[self._first[chosen] + repeat])

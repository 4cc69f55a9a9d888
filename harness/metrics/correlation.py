"""Do observables go together as they do in the data? Distance of their correlation matrices.

The Frobenius norm of the difference of Pearson correlation matrices, ``sqrt(sum_ij (r_ij - g_ij)^2)``, both
triangles counted, as in Rehm et al. 2021 (arXiv:2105.08960).
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .tools.arrays import Floats, Standard, column_names, lean_table, pair

_BLOCK = 100_000  # rows held at a time


@dataclass(frozen=True)
class Correlation:
    """How far two correlation matrices are from each other.

    Attributes:
        distance: Frobenius norm of the difference.
        worst: the names of the two observables whose correlation is most wrong.
        difference: of that pair, generated less reference.
        reference: (D, D) correlations; those of an observable that does not vary are 0.
        generated: (D, D).
    """

    distance: float
    worst: tuple[str, str]
    difference: float
    reference: Floats
    generated: Floats


def correlations(values: npt.ArrayLike, fill: Floats | None = None) -> Floats:
    """(D, D) Pearson correlations of (N, D); 0 with a column that does not vary, 1 of each with itself.

    What is undefined (NaN) is read as ``fill``, (D,), or as the rule for a reference says.
    """
    array = lean_table(values, "values", missing=True)
    standard = Standard.of(array, fill)
    blocks = (standard(array[start : start + _BLOCK]) for start in range(0, len(array), _BLOCK))
    found = np.asarray(sum(block.T @ block for block in blocks)) / len(array)
    np.fill_diagonal(found, 1)
    return found


def correlation(
    reference: npt.ArrayLike, generated: npt.ArrayLike, names: tuple[str, ...] | None = None
) -> Correlation:
    """The distance of the correlation matrices of D observables, and the worst pair.

    Args:
        reference: (N, D) observables, any units; NaN is filled by the common rule.
        generated: (M, D) the same of the simulator.
        names: of the D observables; by default their numbers.

    Raises:
        ValueError: the arrays are empty, infinite or do not fit together; fewer than 2 rows or columns.
    """
    sides = pair(reference, generated, missing=True, lean=True)
    told = column_names(names, sides[0].shape[1])
    for side, name in zip(sides, ("reference", "generated"), strict=True):
        if min(side.shape) < 2:
            raise ValueError(f"correlations need 2 rows and 2 columns, {name} has the shape {side.shape}")
    fill = Standard.of(sides[0]).fill
    first, second = correlations(sides[0], fill), correlations(sides[1], fill)
    step = second - first
    i, j = (int(place) for place in np.unravel_index(np.abs(np.triu(step, 1)).argmax(), step.shape))
    if i == j:  # all are equal
        i, j = 0, 1
    return Correlation(float(np.sqrt((step**2).sum())), (told[i], told[j]), float(step[i, j]), first, second)

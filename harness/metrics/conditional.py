"""Does a simulator answer the particle that it is asked about?

Scores that pool all responses hardly see conditions: a simulator that draws responses of the training data
at random has the right distribution. Here each particle's responses are compared with the same particle's.
With R repeats even a perfect simulator is not at zero: compare with the floor that the same R gives.
"""

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from .. import mapped
from ..arrays import ranks
from ..plugin.metric import Resampling
from .tools.arrays import Floats, Integers, columns, labels, pair, row_for_row
from .tools.grouped import wasserstein_by_group
from .tools.replicates import areas


@dataclass(frozen=True)
class ByParticle:
    """Both sides of P particles, for D observables.

    Attributes:
        units: (P,) the particles' labels, ascending.
        counts: (2, P) responses of the reference, and generated ones.
        means: (2, P, D) of the responses, reference and generated.
        variances: (2, P, D) with n - 1; NaN for one response.
        distance: (P, D) first Wasserstein distance between the particle's two samples.
    """

    units: Integers
    counts: Integers = field(repr=False)
    means: Floats = field(repr=False)
    variances: Floats = field(repr=False)
    distance: Floats = field(repr=False)

    def averages(self, weights: npt.ArrayLike | None = None) -> dict[str, Floats]:
        """Averages over particles, each (D,); with (P, B) weights, each (D, B), for a bootstrap.

        - ``bias``: of ``|mean generated - mean reference|``, in the observable's unit.
        - ``excess``: the root mean square of that difference beyond what R repeats give by chance, from the
          mean of ``difference^2 - variance / n - variance / m``, which is unbiased: 0 is expected of a
          perfect simulator. A negative square gives a negative root.
        - ``relative``: that square over the reference's mean variance within a particle, with its sign.
        - ``ratio``: sum of the generated standard deviations over the sum of the reference's. 1 is perfect, 0
          never fluctuates. NaN where the reference does not vary.
        - ``ws``: of the Wasserstein distance, in the observable's unit.

        Particles with one response on a side have no spread, and are left out of all but ``bias`` and ``ws``.
        """
        given = weights is not None
        share = np.asarray(weights, dtype=np.float64) if given else np.ones((len(self.units), 1))
        if share.ndim != 2 or len(share) != len(self.units):
            raise ValueError(f"weights should have the shape ({len(self.units)}, B), found {share.shape}")
        several = np.asarray((self.counts > 1).all(axis=0))
        weights = share if several.all() else share[several]
        shares = weights, weights.sum(axis=0)
        columns = [self._averages(column, share, several, shares) for column in range(self.means.shape[2])]
        found = {name: np.array([each[name] for each in columns]) for name in columns[0]}
        return found if given else {name: values[:, 0] for name, values in found.items()}

    def _averages(
        self, column: int, share: Floats, several: npt.NDArray[np.bool_], shares: tuple[Floats, Floats]
    ) -> dict[str, Floats]:
        """Of one observable, each (B,); with the weights of those with several responses, and their sums."""
        weights, total = shares
        variances = self.variances[:, :, column]
        step = self.means[1, :, column] - self.means[0, :, column]
        noise = (variances / self.counts).sum(axis=0)
        spread = np.sqrt(variances[:, several])
        with np.errstate(invalid="ignore", divide="ignore"):
            square = (step**2 - noise)[several] @ weights / total
            relative = square / (variances[0, several] @ weights / total)
            ratio = (spread[1] @ weights) / (spread[0] @ weights)
        return {
            "bias": np.abs(step) @ share / share.sum(axis=0),
            "excess": np.sign(square) * np.sqrt(np.abs(square)),
            "relative": np.where(np.isfinite(relative), relative, np.nan),
            "ratio": np.where(np.isfinite(ratio), ratio, np.nan),
            "ws": self.distance[:, column] @ share / share.sum(axis=0),
        }


def by_particle(
    reference: npt.ArrayLike,
    generated: npt.ArrayLike,
    *,
    particle: npt.ArrayLike,
    generated_particle: npt.ArrayLike | None = None,
) -> ByParticle:
    """Both sides, particle by particle. What is undefined (NaN) is filled by the common rule.

    Args:
        reference: (N, D) observables, channel sums, or both.
        generated: (M, D) the same of the simulator.
        particle: (N,) the reference's particles.
        generated_particle: (M,) the simulator's; by default the rows are the reference's.

    Raises:
        ValueError: the arrays are empty or do not fit together; a particle is on one side only.
    """
    sides = pair(reference, generated, missing=True, lean=True)
    owners = (
        labels(particle, len(sides[0]), "particle"),
        labels(particle if generated_particle is None else generated_particle, len(sides[1]), "particle"),
    )
    units = np.unique(owners[0])
    alone = np.setxor1d(units, np.unique(owners[1]), assume_unique=True)
    if len(alone):
        raise ValueError(f"particle {alone[0]} has responses on one side only")
    own = ranks(owners[0])
    group = [own, own if owners[1] is owners[0] else ranks(owners[1])]
    counts = np.stack([np.bincount(one, minlength=len(units)) for one in group])
    means, variances = mapped.empty((2, 2, len(units), sides[0].shape[1]), np.float64)
    distance = mapped.empty((len(units), sides[0].shape[1]), np.float64)
    for column, both in enumerate(columns(*sides)):
        for place, (values, one) in enumerate(zip(both, group, strict=True)):
            count = counts[place]
            mean = np.bincount(one, weights=values, minlength=len(units)) / count
            step = mean[one]
            np.subtract(values, step, out=step)
            squares = np.bincount(one, weights=np.square(step, out=step), minlength=len(units))
            means[place, :, column] = mean
            variances[place, :, column] = np.where(count > 1, squares / np.maximum(count - 1, 1), np.nan)
        distance[:, column] = wasserstein_by_group(both[0], group[0], both[1], group[1], len(units))
    return ByParticle(units, counts, means, variances, distance)


@dataclass(frozen=True)
class Within:
    """The Wasserstein score within bins.

    Attributes:
        value: the bins' scores, averaged with their shares of the responses.
        bins: (B,) the labels of the bins, ascending.
        shares: (B,) of the responses that are in a bin.
        scores: (B,) mean over columns in each bin.
        columns: (B, C) the distance of each column in each bin.
    """

    value: float
    bins: Integers
    shares: Floats
    scores: Floats
    columns: Floats


def ws_within(reference: npt.ArrayLike, generated: npt.ArrayLike, label: npt.ArrayLike) -> Within:
    """The Wasserstein score within bins of the conditions, averaged with the bins' shares of the responses.

    In each bin the first Wasserstein distance between generated and reference sums of each column, and its
    mean over columns; bins by expected sum (:mod:`.tools.repeats`), energy or species.

    Args:
        reference: (N, C) channel sums.
        generated: (N, C) to the same conditions, row for row.
        label: (N,) the bin of each row; negative ones are in no bin.

    Raises:
        ValueError: the arrays are empty, not finite or do not fit together; no row is in a bin.
    """
    sides, bins, group = _binned(reference, generated, label)
    distances = np.stack(
        [
            wasserstein_by_group(first, group, second, group, len(bins))
            for first, second in zip(sides[0].T, sides[1].T, strict=True)
        ],
        axis=1,
    )
    shares = np.bincount(group[group >= 0]) / (group >= 0).sum()
    scores = distances.mean(axis=1)
    return Within(float(shares @ scores), bins, shares, scores, distances)


def ws_within_replicates(
    reference: npt.ArrayLike,
    generated: npt.ArrayLike,
    label: npt.ArrayLike,
    resampling: Resampling,
) -> Floats:
    """(B,) the value of :func:`ws_within` in each replicate of a bootstrap over particles.

    Args:
        reference: (N, C) channel sums.
        generated: (N, C) to the same conditions, row for row.
        label: (N,) the bin of each row; negative ones are in no bin.
        resampling: the replicates, of these rows' particles.

    Raises:
        ValueError: as :func:`ws_within` does.
    """
    sides, bins, member = _binned(reference, generated, label)
    owner = labels(resampling.group, len(sides[0]), "group")
    area = np.zeros(resampling.replicates)
    for one in range(len(bins)):
        rows = np.flatnonzero(member == one)
        for first, second in zip(sides[0].T, sides[1].T, strict=True):
            area += areas(first[rows], second[rows], owner[rows], resampling)
    in_bins = np.bincount(owner[member >= 0], minlength=resampling.particles)
    return np.asarray(area / resampling.totals(in_bins) / sides[0].shape[1])


def _binned(
    reference: npt.ArrayLike, generated: npt.ArrayLike, label: npt.ArrayLike
) -> tuple[tuple[Floats, Floats], Integers, Integers]:
    """Both sides, the labels of the bins, and the number of each row's bin, or -1."""
    sides = row_for_row(reference, generated, lean=True)
    told = labels(label, len(sides[0]), "label")
    inside = told >= 0
    if not inside.any():
        raise ValueError("no response is in a bin: all labels are negative")
    bins = np.unique(told[inside])
    return sides, bins, np.where(inside, np.searchsorted(bins, told), -1)

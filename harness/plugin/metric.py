"""What a metric is: a pure function of the responses of a simulator beside those of the reference."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from .. import mapped, rng
from ..arrays import ranks
from ..errors import UserError

Floats = npt.NDArray[np.floating]


REPLICATES = 400  # a standard error is then known to 1 / sqrt(2 * 400), 4 %
_HELD = 500_000  # numbers of a bootstrap at a time: they fit into a cache


@dataclass(frozen=True)
class Scored:
    """One run of a simulator beside the reference, over the same N conditions, row by row.

    What a metric is given besides the channel sums may be ``None``, where a run has not kept it; a metric
    that says in :attr:`Metric.needs` what it needs is called only where it is there.

    Attributes:
        reference: (N, C) channel sums of the reference responses.
        generated: (N, C) channel sums of the generated responses.
        reference_photons: (N,) sum over all pixels of each reference response.
        generated_photons: (N,) the same of the generated ones.
        channels: the C channel names.
        min_photons: the dataset's photon threshold.
        particle: (N,) which rows share a condition.
        conditions: (N, F) float32, physical units.
        features: the F names of the conditions.
        observed: the M names of the detector's observables.
        reference_observables: (N, M) float32 of the reference responses, NaN where a response has none.
        generated_observables: (N, M) of the generated ones.
        reference_image: (H, W) sum of the reference responses.
        generated_image: (H, W) sum of the generated ones.
        training: (T, M) observables of the responses that trained models have learned from.
        blocks: calling it gives the responses themselves, block by block in the order of the rows: pairs of
            (n, H, W) arrays, reference and generated. Kept by ``--keep responses``.
    """

    reference: Floats
    generated: Floats
    reference_photons: Floats
    generated_photons: Floats
    channels: tuple[str, ...]
    min_photons: int
    particle: npt.NDArray[np.int64] | None = None
    conditions: npt.NDArray[np.float32] | None = None
    features: tuple[str, ...] = ()
    observed: tuple[str, ...] = ()
    reference_observables: npt.NDArray[np.float32] | None = None
    generated_observables: npt.NDArray[np.float32] | None = None
    reference_image: Floats | None = None
    generated_image: Floats | None = None
    training: npt.NDArray[np.float32] | None = None
    blocks: "Blocks | None" = None

    def take(self, rows: npt.NDArray[Any]) -> "Scored":
        """Some rows only, an index or a mask; without images, and with blocks only by a mask."""
        changes: dict[str, Any] = {"reference_image": None, "generated_image": None}
        changes["blocks"] = _masked(self.blocks, rows) if rows.dtype == np.bool_ else None
        for name in _BY_ROW:
            values = getattr(self, name)
            changes[name] = None if values is None else values[rows]
        return replace(self, **changes)

    def halves(self) -> "Scored":
        """One half of the reference's repeats as if generated, beside the other: a floor without a model.

        Of each particle the repeats are taken in turn; of an odd number the last is left out.

        Raises:
            ValueError: no particle has two responses.
        """
        if self.particle is None:
            raise ValueError("the particles of the reference's responses are not known")
        order = np.argsort(self.particle, kind="stable")
        _, first, count = np.unique(self.particle[order], return_index=True, return_counts=True)
        repeat = np.arange(len(order)) - np.repeat(first, count)
        whole = repeat < np.repeat(count - count % 2, count)
        even, odd = order[whole & (repeat % 2 == 0)], order[whole & (repeat % 2 == 1)]
        if not len(even):
            raise ValueError("no particle has two reference responses")
        halved, other = self.take(even), self.take(odd)
        return replace(
            halved,
            generated=other.reference,
            generated_photons=other.reference_photons,
            generated_observables=other.reference_observables,
        )


Blocks: TypeAlias = Callable[[], Iterator[tuple[npt.NDArray[Any], npt.NDArray[Any]]]]


def _masked(blocks: Blocks | None, rows: npt.NDArray[np.bool_]) -> Blocks | None:
    """The blocks of the rows of a mask."""
    if blocks is None:
        return None

    def some() -> Iterator[tuple[npt.NDArray[Any], npt.NDArray[Any]]]:
        start = 0
        for reference, generated in blocks():
            chosen = rows[start : start + len(reference)]
            start += len(reference)
            yield reference[chosen], generated[chosen]

    return some


_BY_ROW = (
    "reference",
    "generated",
    "reference_photons",
    "generated_photons",
    "particle",
    "conditions",
    "reference_observables",
    "generated_observables",
)


@dataclass(frozen=True)
class Value:
    """One number of a metric: over which responses (``all``, ``q1`` to ``q4``) and which channel.

    ``channel`` is ``mean``, or the name of a channel or of whatever else the metric looks at one by one;
    ``value`` is ``None`` where nothing could be measured, ``error`` its standard error where it is known.
    ``over_particles`` is not a metric's to give: how far the value hangs on the particles of the test part.
    """

    subset: str
    channel: str
    value: float | None
    error: float | None = None
    over_particles: float | None = None


@dataclass(frozen=True)
class Resampling:
    """B replicates of a test part of N responses of P particles.

    Attributes:
        group: (N,) the particle of each response, counted from 0.
        weights: (P, B) how often a replicate has drawn each particle, in one byte each: turn them into a
            wider type before multiplying them (:meth:`blocks`, :meth:`totals`).
    """

    group: npt.NDArray[np.int64] = field(repr=False)
    weights: npt.NDArray[np.uint8] = field(repr=False)

    @classmethod
    def of(cls, particle: npt.NDArray[np.int64], replicates: int = REPLICATES, seed: int = 0) -> "Resampling":
        """The replicates of a test part with these (N,) particles; the same on every machine.

        Raises:
            UserError: there is only one particle.
        """
        group = ranks(particle)
        count = int(group.max(initial=-1)) + 1
        if count < 2:
            raise UserError(f"resampling needs responses of at least 2 particles, found {count}")
        streams = rng.keys(rng.derive(seed, "bootstrap"), np.arange(replicates))
        weights = mapped.empty((count, replicates), np.uint8)  # a particle comes once on average
        for replicate, stream in enumerate(streams):
            drawn = (rng.uniform(stream, np.arange(count)) * count).astype(np.int64)
            weights[:, replicate] = np.bincount(drawn, minlength=count)
        return cls(group, weights)

    @property
    def particles(self) -> int:
        """P."""
        return len(self.weights)

    @property
    def replicates(self) -> int:
        """B."""
        return int(self.weights.shape[1])

    @property
    def responses(self) -> Floats:
        """(B,) how many responses each replicate has."""
        return self.totals(np.bincount(self.group, minlength=self.particles))

    def totals(self, by_particle: npt.ArrayLike) -> Floats:
        """(B,) the sum in each replicate of what (P,) particles have, each as often as it was drawn."""
        held = np.asarray(by_particle, dtype=np.float64)
        return np.concatenate([held @ drawn for _, drawn in self.blocks(self.particles)])

    def blocks(self, rows: int) -> Iterator[tuple[slice, Floats]]:
        """Some replicates after others, with their (P, b) weights in double precision.

        Args:
            rows: of the arrays that the caller holds beside the weights; b is such that they stay small.
        """
        step = max(1, _HELD // max(rows, self.particles))
        for start in range(0, self.replicates, step):
            block = slice(start, start + step)
            yield block, self.weights[:, block].astype(np.float64)

    def rows(self, replicate: int) -> npt.NDArray[np.int64]:
        """The rows of a replicate, each as often as it was drawn."""
        times = self.weights[:, replicate].astype(np.int64)
        return np.repeat(np.arange(len(self.group)), times[self.group])


NOT_MEASURED = "not measured"  # how such a line begins
_OLDER = "written by an older version; start simbench run on it again"
NEEDS: Mapping[str, tuple[tuple[str, ...], str]] = {
    "particle": (("particle",), _OLDER),
    "conditions": (("conditions",), _OLDER),
    "observables": (("reference_observables", "generated_observables"), _OLDER),
    "image": (("reference_image", "generated_image"), _OLDER),
    "training": (("training",), "run with this metric among --metrics"),
    "responses": (("blocks",), "run with --keep responses"),
}
"""What a metric may need: the fields of :class:`Scored`, and what to do where they are missing."""


@dataclass(frozen=True)
class Metric:
    """A metric that a plugin offers.

    Attributes:
        name: what ``--metrics`` and the results call it.
        title: its name in tables.
        unit: of its values; ``{unit}`` stands for the detector's.
        version: raised whenever its numbers change meaning; results of different versions do not mix.
        function: gives the values of one run; one of them must be of subset ``all``, channel ``mean``.
        better: ``lower`` or ``higher``.
        resampled: a short cut for the bootstrap: the (B,) values of subset ``all``, channel ``mean`` of one
            run in every replicate. Without it there is a jackknife: ``function`` is called twenty times, each
            time without another part of the particles.
        meaning: one line that says what its value tells.
        cost: how long it takes, roughly, such as ``2 s for 20,000 responses``.
        needs: what of :class:`Scored` it cannot do without, of :data:`NEEDS`.
        default: whether a run is scored by it unless metrics are named.
        runs: how many runs are scored by it, the first ones; ``None``: all.
    """

    name: str
    title: str
    unit: str
    version: int
    function: Callable[[Scored], Iterable[Value]]
    better: str = "lower"
    resampled: Callable[[Scored, Resampling], npt.NDArray[np.float64]] | None = None
    meaning: str = ""
    cost: str = ""
    needs: tuple[str, ...] = ()
    default: bool = True
    runs: int | None = None

    def description(self, unit: str) -> dict[str, Any]:
        """What ``result.json`` says of it, for a detector of that unit."""
        told = {name: getattr(self, name) for name in ("title", "unit", "version", "better", "meaning")}
        return {**told, "unit": self.unit.replace("{unit}", unit)}

    def missing(self, scored: Scored) -> str | None:
        """Why it cannot be measured on what a run has kept, or ``None`` if it can."""
        for need in self.needs:
            if any(getattr(scored, name) is None for name in NEEDS[need][0]):
                return f"{NOT_MEASURED}: {NEEDS[need][1]}"
        return None

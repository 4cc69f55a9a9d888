"""What a metric is: a pure function of the responses of a simulator beside those of the reference."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from .. import rng
from ..errors import UserError

Floats = npt.NDArray[np.floating]


REPLICATES = 400  # a standard error is then known to 1 / sqrt(2 * 400), 4 %


@dataclass(frozen=True)
class Scored:
    """One run of a simulator beside the reference, over the same N conditions.

    Attributes:
        reference: (N, C) channel sums of the reference responses.
        generated: (N, C) channel sums of the generated responses.
        reference_photons: (N,) sum over all pixels of each reference response.
        generated_photons: (N,) the same of the generated ones.
        channels: the C channel names.
        min_photons: the dataset's photon threshold.
    """

    reference: Floats
    generated: Floats
    reference_photons: Floats
    generated_photons: Floats
    channels: tuple[str, ...]
    min_photons: int


@dataclass(frozen=True)
class Value:
    """One number of a metric: over which responses (``all``, ``q1`` to ``q4``) and which channel.

    ``channel`` is ``mean`` or a channel's name; ``value`` is ``None`` where nothing could be measured.
    """

    subset: str
    channel: str
    value: float | None


@dataclass(frozen=True)
class Resampling:
    """B replicates of a test part of N responses of P particles.

    Attributes:
        group: (N,) the particle of each response, counted from 0.
        weights: (P, B) how often a replicate has drawn each particle.
    """

    group: npt.NDArray[np.int64] = field(repr=False)
    weights: Floats = field(repr=False)

    @classmethod
    def of(cls, particle: npt.NDArray[np.int64], replicates: int = REPLICATES, seed: int = 0) -> "Resampling":
        """The replicates of a test part with these (N,) particles; the same on every machine.

        Raises:
            UserError: there is only one particle.
        """
        labels, group = np.unique(particle, return_inverse=True)
        count = len(labels)
        if count < 2:
            raise UserError(f"resampling needs responses of at least 2 particles, found {count}")
        streams = rng.keys(rng.derive(seed, "bootstrap"), np.arange(replicates))
        drawn = (rng.uniform(streams[:, None], np.arange(count)) * count).astype(np.int64)
        weights = np.stack([np.bincount(row, minlength=count) for row in drawn], axis=1)
        return cls(group.astype(np.int64), weights.astype(np.float64))

    @property
    def particles(self) -> int:
        """P."""
        return len(self.weights)

    @property
    def responses(self) -> Floats:
        """(B,) how many responses each replicate has."""
        return np.bincount(self.group, minlength=self.particles) @ self.weights

    def rows(self, replicate: int) -> npt.NDArray[np.int64]:
        """The rows of a replicate, each as often as it was drawn."""
        times = self.weights[:, replicate].astype(np.int64)
        return np.repeat(np.arange(len(self.group)), times[self.group])


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
            run in every replicate. Without it, ``function`` is called on each, which takes longer.
    """

    name: str
    title: str
    unit: str
    version: int
    function: Callable[[Scored], Iterable[Value]]
    better: str = "lower"
    resampled: Callable[[Scored, Resampling], npt.NDArray[np.float64]] | None = None

    def description(self, unit: str) -> dict[str, str | int]:
        """What ``result.json`` says of it, for a detector of that unit."""
        told = {name: getattr(self, name) for name in ("title", "unit", "version", "better")}
        return {**told, "unit": self.unit.replace("{unit}", unit)}

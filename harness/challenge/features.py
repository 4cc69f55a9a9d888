"""High-level features of showers: what the challenge's histograms, distances and one of its classifiers see.

Of a layer with voxel energies e, of rings of middle radius r and angles of middle a, with eta = r cos a and
phi = r sin a (lengths in mm, in spite of their names): the energy ``sum e``; the centre ``<q> = sum(q e) /
(sum e + 1e-16)`` of eta, phi and r, 0 in an empty layer; the width ``sqrt(max(0, <q^2> - <q>^2))``; and the
sparsity, the share of voxels without energy. Centres and widths in eta and phi are those of layers that are
divided into angles.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, fields

import numpy as np

from ..plugin.geometry import Cylinders, Floats

_TINY = 1e-16  # against 0 / 0 in an empty layer
_FAINT = 1e-8  # MeV, under the logarithms
_LENGTH = 100.0  # mm, the unit of lengths in the array of all features


@dataclass(frozen=True)
class Features:
    """Of N showers in L layers, A of which are divided into angles.

    Attributes:
        incident: (N,) incident energy [MeV].
        total: (N,) energy of all voxels [MeV].
        energy: (N, L) of each layer [MeV].
        centre_eta: (N, A) [mm].
        centre_phi: (N, A) [mm].
        width_eta: (N, A) [mm].
        width_phi: (N, A) [mm].
        sparsity: (N, L) share of voxels without energy.
        centre_r: (N, L) [mm].
        width_r: (N, L) [mm].
    """

    incident: Floats
    total: Floats
    energy: Floats
    centre_eta: Floats
    centre_phi: Floats
    width_eta: Floats
    width_phi: Floats
    sparsity: Floats
    centre_r: Floats
    width_r: Floats

    def array(self) -> Floats:
        """(N, 2 + 4 L + 4 A) in the challenge's order: what its high-level classifier, FPD and KPD see."""
        return np.column_stack(
            [
                np.log10(self.incident),
                np.log10(self.energy + _FAINT),
                self.centre_eta / _LENGTH,
                self.centre_phi / _LENGTH,
                self.width_eta / _LENGTH,
                self.width_phi / _LENGTH,
                np.log10(self.total + _FAINT),
                self.sparsity,
                self.centre_r / _LENGTH,
                self.width_r / _LENGTH,
            ]
        )

    def arrays(self) -> dict[str, Floats]:
        """Each array by its name, to be stored."""
        return {each.name: getattr(self, each.name) for each in fields(self)}


def divided(geometry: Cylinders) -> list[int]:
    """The places of the layers that are divided into angles."""
    return [place for place, layer in enumerate(geometry.layers) if layer.angles > 1]


def features(
    geometry: Cylinders,
    incident: Floats,
    blocks: Iterable[Floats],
    seen: Callable[[int], None] = lambda _: None,
) -> Features:
    """The features of showers that come block by block; in flat memory but for themselves.

    Args:
        geometry: where the V voxels lie.
        incident: (N,) incident energies in MeV.
        blocks: of (n, V) voxels in MeV, those below the threshold being 0, N in all.
        seen: told after each block how many showers it had.

    Raises:
        ValueError: there are more or fewer showers than incident energies.
    """
    layers, angled, rows = len(geometry.layers), divided(geometry), len(incident)
    found = Features(
        incident,
        np.empty(rows),
        *(np.empty((rows, count)) for count in (layers, *[len(angled)] * 4, *[layers] * 3)),
    )
    start = 0
    for block in blocks:
        part = slice(start, start + len(block))
        start += len(block)
        if start > rows:
            raise ValueError(f"there are more showers than {rows} incident energies")
        found.total[part] = block.sum(axis=1)
        column = 0
        for place, (layer, voxels) in enumerate(zip(geometry.layers, geometry.places, strict=True)):
            content = block[:, voxels]
            energy = content.sum(axis=1)
            found.energy[part, place] = energy
            found.sparsity[part, place] = 1 - (content > 0).sum(axis=1) / layer.voxels
            found.centre_r[part, place], found.width_r[part, place] = _moments(content, energy, layer.radius)
            if layer.angles == 1:
                continue
            for q, name in ((np.cos(layer.angle), "eta"), (np.sin(layer.angle), "phi")):
                moments = _moments(content, energy, layer.radius * q)
                getattr(found, f"centre_{name}")[part, column] = moments[0]
                getattr(found, f"width_{name}")[part, column] = moments[1]
            column += 1
        seen(len(block))
    if start < rows:
        raise ValueError(f"there are {start} showers, but {rows} incident energies")
    return found


def _moments(content: Floats, energy: Floats, q: Floats) -> tuple[Floats, Floats]:
    """(n,) centre and width of q in (n, v) voxels."""
    first, second = (content @ np.column_stack([q, q**2]) / (energy[:, None] + _TINY)).T
    return first, np.sqrt(np.maximum(0, second - first**2))


def names(geometry: Cylinders) -> list[str]:
    """Of the columns of :meth:`Features.array`."""
    numbers = [layer.number for layer in geometry.layers]
    angled = [geometry.layers[place].number for place in divided(geometry)]

    def of(text: str, which: Iterable[int]) -> Iterator[str]:
        return (f"{text}, layer {number}" for number in which)

    return [
        "log incident energy",
        *of("log energy", numbers),
        *(
            name
            for text in ("centre eta", "centre phi", "width eta", "width phi")
            for name in of(text, angled)
        ),
        "log total energy",
        *(name for text in ("sparsity", "centre r", "width r") for name in of(text, numbers)),
    ]

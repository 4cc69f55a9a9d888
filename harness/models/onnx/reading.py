"""In which units an ONNX file wants its conditions, and how its pixels lie: as it was told, or by what shows.

A file made for ALICE's O2 gets the mass in MeV and the charge in thirds of e, and its pixels lie with x
fastest; one made from this package's data gets GeV and e, and its pixels lie row by row. Nothing fails if one
is taken for the other, so what is not told is looked for, and refused where nothing shows.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ...plugin.detectors import Detector
from .declared import EXPORTED_KEY, LAYOUT_KEY, LAYOUTS, O2_UNITS, UNITS, UNITS_KEY, declared, is_zdc
from .scales import Scales

_MEV, _GEV = 30.0, 20.0  # sizes of a mean or scale of masses: MeV above the one, GeV below the other
_MOST = 1.2  # of the mean square of charges in e that are 0 or 1 but for some nuclei
_NEUTRON, _ENERGY = 0.9395654, 1500.0  # GeV
_APART = 2.0  # times nearer to the particle's way is told from chance
_NEAR = 0.2  # of the image's shorter side: light farther off its particle's way follows nothing
_BRIGHT = 20.0  # photons of a response of which the middle is looked at
_FEW = 10  # such responses, or fewer tell nothing


@dataclass(frozen=True)
class Reading:
    """What a user says of a file, each ``None`` if nothing: ``output``, ``units``, ``layout``."""

    output: str | None = None
    units: str | None = None
    layout: str | None = None


def units_of(
    asked: str | None, metadata: Mapping[str, str], scales: Scales | None, detector: Detector
) -> tuple[str, str | None]:
    """The units that a file wants, and what is to be said of that.

    Raises:
        ValueError: its metadata say something unknown, or two readings are equally likely.
    """
    told = declared(metadata, UNITS_KEY, UNITS)
    if asked or told or not is_zdc(detector) or EXPORTED_KEY in metadata:
        return _told("units", asked, told, "simbench")
    if scales is None or (not any(scales.mean) and set(scales.scale) == {1.0}):
        return "simbench", "units taken for simbench's (GeV, e), undeclared: no scales tell others"
    names = detector.feature_names
    pairs = {name: (scales.mean[names.index(name)], scales.scale[names.index(name)]) for name in O2_UNITS}
    mass, charge = _mass(*pairs["mass"]), _charge(*pairs["charge"])
    shown = ", ".join(f"{name} {mean:g} and {scale:g}" for name, (mean, scale) in pairs.items())
    if mass and charge and mass != charge:
        mixed = "mass in MeV, charge in e" if mass == "o2" else "mass in GeV, charge in thirds of e"
        raise ValueError(
            f"its scales (mean and scale of {shown}) are of {mixed}, neither O2's units nor simbench's: say "
            ":units=o2 or :units=simbench"
        )
    units = mass or charge
    if units is None:
        raise ValueError(
            f"its scales (mean and scale of {shown}) tell MeV as little as GeV: say :units=o2 or "
            ":units=simbench"
        )
    words = {"o2": "O2's (MeV, thirds of e)", "simbench": "simbench's (GeV, e)"}[units]
    return units, f"units taken for {words}, undeclared: mean and scale of {shown}"


def _mass(mean: float, scale: float) -> str | None:
    """Whose units a mean and scale of masses are in; 140 or 938 are MeV."""
    size = max(abs(mean), abs(scale))
    if size >= _MEV:
        return "o2"
    return "simbench" if size <= _GEV and (mean, scale) != (0.0, 1.0) else None


def _charge(mean: float, scale: float) -> str | None:
    """Whose units charges with this mean and deviation can be in, if in one only.

    The mean square of 0 and +-3 is at least three times the mean; that of 0 and +-1 at most 1.
    """
    square = mean**2 + scale**2
    if (mean, scale) == (0.0, 1.0):
        return None
    thirds, whole = square * 1.05 >= 3 * abs(mean), square <= _MOST
    return None if thirds == whole else ("o2" if thirds else "simbench")


def layout_of(
    asked: str | None,
    metadata: Mapping[str, str],
    shape: tuple[int, ...],
    detector: Detector,
    respond: Callable[[npt.NDArray[np.float32]], npt.NDArray[np.float32]],
) -> tuple[str, str | None]:
    """How a file's pixels lie, and what is to be said of that.

    Args:
        asked: what the user says.
        metadata: the file's.
        shape: of one response, as the file declares it or gives it.
        detector: whose responses.
        respond: photons of conditions (N, F), as (N, pixels) in the file's order; asked only if need be.

    Raises:
        ValueError: its metadata say something unknown, or two readings are equally likely.
    """
    told = declared(metadata, LAYOUT_KEY, LAYOUTS)
    if asked or told or not is_zdc(detector) or EXPORTED_KEY in metadata:
        return _told("pixel order", asked, told, "row-major")
    sides = tuple(size for size in shape if size != 1)
    nx, ny = detector.shape
    if nx != ny and sides in ((nx, ny), (ny, nx)):
        layout = "row-major" if sides == (nx, ny) else "x-fastest"
        return layout, f"pixel order taken for {layout}, undeclared: the output is {sides[0]} x {sides[1]}"
    off = light_off(respond(aimed(detector)), detector, detector.impact(aimed(detector)))
    best = min(off, key=lambda name: off[name], default="")
    told_by = ", ".join(f"{pixels:.1f} pixels read as {name}" for name, pixels in off.items())
    if not off or off[best] > _NEAR * min(nx, ny) or _APART * off[best] > max(off.values()):
        light = f"neutrons' light lies off their way by {told_by}" if off else "neutrons give no light"
        raise ValueError(
            f"its pixels may be row-major or x-fastest, equally likely ({light}): say :layout=row-major or "
            ":layout=x-fastest"
        )
    return best, f"pixel order taken for {best}, undeclared: neutrons' light lies off their way by {told_by}"


def _told(what: str, asked: str | None, told: str | None, default: str) -> tuple[str, str | None]:
    if asked and told and asked != told:
        return asked, f"{what} read as {asked}, as asked for; its metadata declare {told}"
    return asked or told or default, None


def aimed(detector: Detector) -> npt.NDArray[np.float32]:
    """(64, F) conditions of neutrons that fly from the collision point to places all over the face."""
    if detector.half_size is None or detector.centre is None or detector.distance is None:
        raise ValueError(f"detector {detector.name!r}: it is not known where its face is")
    at = np.linspace(-0.7, 0.7, 8)
    places = np.stack(np.meshgrid(at, at), axis=-1).reshape(-1, 2) * detector.half_size + detector.centre
    momentum = np.sqrt(_ENERGY**2 - _NEUTRON**2)
    along = momentum / np.hypot(1, np.linalg.norm(places / detector.distance, axis=1))
    values = {
        "Energy": _ENERGY,
        "Px": along * places[:, 0] / detector.distance,
        "Py": along * places[:, 1] / detector.distance,
        "Pz": -along,
        "mass": _NEUTRON,
    }
    found = np.zeros((len(places), len(detector.features)), np.float32)
    for column, name in enumerate(detector.feature_names):
        found[:, column] = values.get(name, 0.0)
    return found


def light_off(
    flat: npt.NDArray[np.float32], detector: Detector, impact: npt.NDArray[np.float64]
) -> dict[str, float]:
    """By pixel order: how far bright responses' light lies off the particles' way, the median in pixels.

    Args:
        flat: (N, pixels) photons, in the file's order.
        detector: whose responses.
        impact: (N, 2) where straight lines meet the face, in cm from its middle.

    Returns:
        Nothing if fewer than ten responses tell.
    """
    size, half = np.array(detector.shape), np.array(detector.half_size)
    place = (1 + impact / half) / 2 * size  # in pixels
    telling = (flat.sum(axis=1) > _BRIGHT) & ((place > 0) & (place < size)).all(axis=1)
    if telling.sum() < _FEW:
        return {}
    nx, ny = detector.shape
    images = {
        "row-major": flat[telling].reshape(-1, nx, ny),
        "x-fastest": flat[telling].reshape(-1, ny, nx).transpose(0, 2, 1),
    }
    return {name: _distance(each, place[telling]) for name, each in images.items()}


def _distance(images: npt.NDArray[np.float32], place: npt.NDArray[np.float64]) -> float:
    """Median distance in pixels between the middles of images (N, nx, ny) and places (N, 2)."""
    total = images.sum(axis=(1, 2), dtype=np.float64)
    along = (images.sum(axis=2, dtype=np.float64), images.sum(axis=1, dtype=np.float64))
    middles = [(each @ (np.arange(each.shape[1]) + 0.5)) / total for each in along]
    return float(np.median(np.hypot(*(np.stack(middles, axis=1) - place).T)))

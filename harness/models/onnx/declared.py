"""What an ONNX file may declare of itself in its metadata: what it gives, its units, its pixel order."""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from ...plugin.detectors import Detector

OUTPUT_KEY, OUTPUTS = "output", ("log1p", "photons")
UNITS_KEY, UNITS = "simbench.units", ("simbench", "o2")
LAYOUT_KEY, LAYOUTS = "simbench.layout", ("row-major", "x-fastest")
EMPTIES_KEY = "simbench.empties"  # "drawn": an answer may be empty, as often as the response is
EXPORTED_KEY = "exported by"  # this package, which before it declared units and layout had its own only
WEIGHTS_KEY = "simbench.weights"  # what identifies those of the model that it was made of
TRAINED_ON_KEY = "simbench.trained_on"
O2_UNITS = {"mass": 1000.0, "charge": 3.0}  # ALICE's O2: MeV, thirds of e; in one of this package's


def declared(metadata: Mapping[str, str], key: str, known: Sequence[str]) -> str | None:
    """What the metadata say under a key, one of ``known``; ``None`` if nothing.

    Raises:
        ValueError: they say something else.
    """
    told = metadata.get(key)
    if told is not None and told not in known:
        raise ValueError(f"its metadata declare the {key} {told!r}; expected {' or '.join(known)}")
    return told


def o2_units(detector: Detector) -> npt.NDArray[np.float32]:
    """(F,) what each feature is multiplied with to have O2's units."""
    return np.array([O2_UNITS.get(name, 1.0) for name in detector.feature_names], np.float32)


def is_zdc(detector: Detector) -> bool:
    """Whether O2's path is for this detector: nine features, mass and charge among them, and a known face."""
    names = detector.feature_names
    return len(names) == 9 and set(O2_UNITS) <= set(names) and detector.half_size is not None

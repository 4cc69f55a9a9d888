"""Counter-based random numbers: a value is a pure function of a key and a draw number.

Every stream is addressed, never consumed: the n-th uniform of a key is the same whatever was drawn
before it, so results cannot depend on order, chunking or the number of workers. The mixing function is
the SplitMix64 finaliser (Steele, Lea, Flood 2014, "Fast splittable pseudorandom number generators").
"""

import hashlib
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri

Keys: TypeAlias = npt.NDArray[np.uint64]
Floats: TypeAlias = npt.NDArray[np.float64]

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_STREAM = np.uint64(0xD1B54A32D192ED03)
_LOW32 = np.uint64(0xFFFFFFFF)


def derive(*parts: int | str) -> int:
    """One 63-bit seed from a seed and the names of what it is for, e.g. ``derive(0, "mc", run, chunk)``.

    The parts are told apart by type and place: ``derive(1, 23)``, ``derive(12, 3)`` and ``derive("1", 23)``
    all differ. Text may hold bytes of a file's name that are no UTF-8. It
    must not hold the separator, the control character U+001F.
    """
    text = "\x1f".join(f"{type(part).__name__}:{part}" for part in parts)
    return (
        int.from_bytes(
            hashlib.blake2b(text.encode(errors="surrogateescape"), digest_size=8).digest(), "little"
        )
        >> 1
    )


def mix(values: Keys) -> Keys:
    """The SplitMix64 finaliser: a bijection of 64-bit integers in which every input bit matters."""
    values = values ^ (values >> np.uint64(30))
    values = values * np.uint64(0xBF58476D1CE4E5B9)
    values = values ^ (values >> np.uint64(27))
    values = values * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


def keys(seed: int, index: npt.ArrayLike) -> Keys:
    """One key for each index (any shape) under ``seed``, itself made with :func:`derive`."""
    base = np.full(1, seed & 0xFFFFFFFFFFFFFFFF, dtype=np.uint64)
    return mix(mix(base * _GOLDEN) + np.atleast_1d(index).astype(np.uint64) * _STREAM)


def split(key: Keys, draw: npt.ArrayLike) -> Keys:
    """The ``draw``-th child of each key (shapes broadcast): a key for a stream of its own."""
    return mix(key + (np.atleast_1d(draw).astype(np.uint64) + np.uint64(1)) * _GOLDEN)


def uniform2(key: Keys, draw: npt.ArrayLike) -> tuple[Floats, Floats]:
    """Two independent uniforms in the open interval (0, 1), 32 bits each, of one draw number."""
    bits = split(key, draw)
    high = ((bits >> np.uint64(32)).astype(np.float64) + 0.5) * 2.0**-32
    low = ((bits & _LOW32).astype(np.float64) + 0.5) * 2.0**-32
    return high, low


def uniform(key: Keys, draw: npt.ArrayLike) -> Floats:
    """One uniform in the open interval (0, 1), 32 bits, for each key (shapes broadcast)."""
    return ((split(key, draw) >> np.uint64(32)).astype(np.float64) + 0.5) * 2.0**-32


def normal(key: Keys, draw: npt.ArrayLike) -> Floats:
    """One standard normal variate for each key, by inversion (never rejection)."""
    return np.asarray(ndtri(uniform(key, draw)), dtype=np.float64)

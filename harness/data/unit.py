"""What is kept of responses: a few numbers of each, some images, and what they are responses to."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from .. import mapped

Sums = npt.NDArray[np.float64]
StoredSums = npt.NDArray[np.float64] | npt.NDArray[np.uint32]  # whole numbers take half the memory
_BY_RESPONSE = ("experts", "particle", "conditions", "observables")
_PER_PART = ("examples", "example_rows")
OPTIONAL = (*_PER_PART, *_BY_RESPONSE, "observed", "features", "image", "notes")  # of a unit


@dataclass(frozen=True)
class Lit:
    """Responses by their pixels that are not zero.

    Attributes:
        count: (n,) how many each of n responses has.
        pixel: their places, row by row in an image of H * W pixels, response after response.
        content: what they hold.
    """

    count: npt.NDArray[np.uint32]
    pixel: npt.NDArray[np.uint32]
    content: npt.NDArray[Any]

    @classmethod
    def of(cls, responses: npt.NDArray[Any]) -> "Lit":
        """Of (n, H, W) responses."""
        flat = responses.reshape(len(responses), -1)
        row, pixel = np.nonzero(flat)
        count = np.bincount(row, minlength=len(flat)).astype(np.uint32)
        return cls(count, pixel.astype(np.uint32), flat[row, pixel])

    def responses(self, shape: tuple[int, int]) -> npt.NDArray[Any]:
        """(n, H, W), as they were."""
        flat = np.zeros((len(self.count), shape[0] * shape[1]), self.content.dtype)
        flat[np.repeat(np.arange(len(flat)), self.count), self.pixel] = self.content
        return flat.reshape(len(flat), *shape)


@dataclass(frozen=True)
class Unit:
    """What is kept of N responses.

    Attributes:
        sums: (N, K), see :class:`simbench.harness.data.sums.Projection`.
        columns: the K names of the sums.
        examples: (n, H, W) images of the rows ``example_rows`` of the test part, for a model in run 0 only.
        example_rows: (n,) rows of the test part.
        experts: (N,) the expert that serves each row, of a model that routes in run 0 only.
        particle: (N,) which responses share a condition, of the reference only.
        conditions: (N, F) float32, of the reference only; the rows of every other unit are its rows.
        observables: (N, M) float32, NaN where a response has none; ``None`` of a unit without.
        observed: the M names of the observables.
        features: the F names of the conditions, of the reference only.
        image: (H, W) float64, the sum of all responses.
        notes: what a simulator has said of itself since it generated these; ``None`` if nothing.
        lit: the responses themselves, of a chunk on its way to the disk.
    """

    sums: StoredSums = field(repr=False)
    columns: tuple[str, ...]
    examples: npt.NDArray[Any] | None = field(default=None, repr=False)
    example_rows: npt.NDArray[np.int64] | None = None
    experts: npt.NDArray[np.int64] | None = field(default=None, repr=False)
    particle: npt.NDArray[np.int64] | None = field(default=None, repr=False)
    conditions: npt.NDArray[np.float32] | None = field(default=None, repr=False)
    observables: npt.NDArray[np.float32] | None = field(default=None, repr=False)
    observed: tuple[str, ...] | None = None
    features: tuple[str, ...] | None = None
    image: npt.NDArray[np.float64] | None = field(default=None, repr=False)
    lit: Lit | None = field(default=None, repr=False)
    notes: tuple[str, ...] | None = None

    def light(self) -> "Unit":
        """Photon sums, experts and notes alone: what is held of a unit that lies on the disk."""
        column = self.columns.index("photons")
        return Unit(
            self.sums[:, [column]],
            (self.columns[column],),
            example_rows=self.example_rows,
            experts=self.experts,
            notes=self.notes,
        )

    @property
    def conventions(self) -> dict[str, tuple[str, ...]]:
        """The channel names of each convention that it holds the sums of."""
        found: dict[str, list[str]] = {}
        for column in self.columns:
            convention, slash, channel = column.partition("/")
            if slash:
                found.setdefault(convention, []).append(channel)
        return {name: tuple(channels) for name, channels in found.items()}

    def channels(self, convention: str) -> Sums:
        """(N, C) channel sums of a convention."""
        return columns_of(self.sums, self.columns, f"{convention}/")

    @property
    def photons(self) -> Sums:
        """(N,) photon sums."""
        found = mapped.empty((len(self.sums),), np.float64)
        found[:] = self.sums[:, self.columns.index("photons")]
        return found

    @property
    def centre(self) -> Sums:
        """(N, 2) photon-weighted mean pixel index (x, y); NaN for an empty response."""
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.asarray(self.sums[:, -4:-2] / self.photons[:, None])

    @property
    def width(self) -> Sums:
        """(N, 2) photon-weighted standard deviation of the pixel index (x, y); NaN for an empty response."""
        with np.errstate(invalid="ignore", divide="ignore"):
            square = self.sums[:, -2:] / self.photons[:, None]
        return np.asarray(np.sqrt(np.maximum(square - self.centre**2, 0)))


class Gathered:
    """One unit of the responses of several, put together as they come, in any order.

    All are of one set of columns, and each keeps what the first one keeps.

    Args:
        count: of all responses.
    """

    def __init__(self, count: int) -> None:
        self._count = count
        self._arrays: dict[str, npt.NDArray[Any]] = {}
        self._parts: dict[int, Unit] = {}  # by their first response, less what is in the arrays
        self._waiting: dict[int, tuple[int, npt.NDArray[np.float64]]] = {}  # images and where the next begins
        self._image: npt.NDArray[np.float64] | None = None
        self._next = 0  # response, whose image is to be added: sums of reals depend on the order
        self.responses = 0

    def put(self, start: int, part: Unit) -> None:
        """Take in the responses from ``start`` on."""
        count = len(part.sums)
        for name in ("sums", *_BY_RESPONSE):
            values = getattr(part, name)
            if values is not None:
                self._room(name, values)[start : start + count] = values
        rest: dict[str, Any] = dict.fromkeys(_BY_RESPONSE)
        self._parts[start] = replace(part, sums=np.empty((0, len(part.columns))), image=None, **rest)
        if part.image is not None:
            self._waiting[start] = start + count, part.image
        while self._next in self._waiting:
            self._next, image = self._waiting.pop(self._next)
            self._image = image if self._image is None else self._image + image
        self.responses += count
        mapped.forget()

    def _room(self, name: str, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        array = self._arrays.get(name)
        kind = values.dtype if array is None else np.promote_types(array.dtype, values.dtype)
        if array is None or array.dtype != kind:
            self._arrays[name] = mapped.empty((self._count, *values.shape[1:]), kind)
            if array is not None:  # such as sums that are no whole numbers any more
                np.copyto(self._arrays[name], array)
        return self._arrays[name]

    def unit(self) -> Unit:
        """All of them as one."""
        parts = [part for _, part in sorted(self._parts.items())]
        together: dict[str, Any] = dict(self._arrays)
        for name in _PER_PART:
            if getattr(parts[0], name) is not None:
                together[name] = np.concatenate([getattr(part, name) for part in parts])
        notes = tuple(dict.fromkeys(note for part in parts for note in part.notes or ())) or None
        return replace(parts[0], image=self._image, notes=notes, **together)


def joined(parts: Sequence[Unit]) -> Unit:
    """One unit of the responses of several, in order."""
    gathered, start = Gathered(sum(len(part.sums) for part in parts)), 0
    for part in parts:
        gathered.put(start, part)
        start += len(part.sums)
    return gathered.unit()


def narrow(sums: npt.NDArray[Any]) -> StoredSums:
    """Sums as 32-bit integers if that loses nothing, else as float64."""
    if sums.dtype == np.uint32:
        return sums
    with np.errstate(invalid="ignore"):  # what does not fit stays as it is
        whole = sums.astype(np.uint32, casting="unsafe")
    return whole if np.array_equal(whole, sums) else sums.astype(np.float64, copy=False)


def columns_of(sums: StoredSums, columns: tuple[str, ...], prefix: str) -> Sums:
    """The columns of (N, K) sums whose names begin with ``prefix``.

    Raises:
        KeyError: there is none.
    """
    chosen = [index for index, name in enumerate(columns) if name.startswith(prefix)]
    if not chosen:
        raise KeyError(prefix)
    found = mapped.empty((len(sums), len(chosen)), np.float64)
    for column, index in enumerate(chosen):
        found[:, column] = sums[:, index]
    return found

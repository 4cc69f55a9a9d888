"""Rounding as physicists do: the uncertainty decides how many digits of the value are shown.

The rule is the Particle Data Group's (Review of Particle Physics, Introduction, "Rounding"): with the three
leading digits of the uncertainty between 100 and 354 two of its digits are kept, between 355 and 949 one,
and from 950 on it becomes 1000 and keeps two. The value is rounded to the same decimal place.
"""

import math
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal

DIGITS = 4
"""Significant digits of a value that has no uncertainty to go by."""

NOISE = Decimal("1e-9")
"""A standard deviation below this share of the mean is floating-point noise of equal runs: shown as 0."""

_LARGE, _SMALL = 6, -4  # powers of ten from which on a common factor is set apart


@dataclass(frozen=True)
class Rounded:
    """A value and its uncertainty as text, to be multiplied by ``10**exponent``.

    ``std`` is None where no uncertainty is known (one run).
    """

    value: str
    std: str | None = None
    exponent: int = 0

    def __str__(self) -> str:
        """Plain text: ``3.10 ± 0.02``, ``3.100``, ``(1.23 ± 0.04)e-7``."""
        text = self.value if self.std is None else f"{self.value} ± {self.std}"
        if self.exponent == 0:
            return text
        return f"{text}e{self.exponent}" if self.std is None else f"({text})e{self.exponent}"


def finite(value: float | None) -> float | None:
    """The value, or None for what is no number (None, NaN, an infinity)."""
    return float(value) if value is not None and math.isfinite(value) else None


def rounded(mean: float | None, std: float | None) -> Rounded | None:
    """``mean`` and ``std`` (same unit) by the PDG rule; None if there is no mean.

    Without a standard deviation, or with one of zero, the mean keeps ``DIGITS`` significant digits.
    """
    mean, std = finite(mean), finite(std)
    if mean is None:
        return None
    value = Decimal(repr(mean))
    error = None if std is None else abs(Decimal(repr(std)))
    if error is not None and error <= NOISE * abs(value):
        error = Decimal(0)

    largest = max(abs(value), error or Decimal(0))
    exponent = largest.adjusted() if largest else 0
    if _SMALL < exponent < _LARGE:
        exponent = 0
    value = value.scaleb(-exponent)
    if not error:
        place = min(0, value.adjusted() - DIGITS + 1) if value else 0
        return Rounded(_text(value, place), None if error is None else "0", exponent)
    error = error.scaleb(-exponent)
    place = last_place(error)
    return Rounded(_text(value, place), _text(error, place), exponent)


def last_place(error: Decimal) -> int:
    """The power of ten of the last digit that an uncertainty ``error`` > 0 keeps."""
    leading = error.adjusted()
    three_digits = int(error.scaleb(2 - leading))
    # 950-999 becomes 1000 with two digits kept, whose last one stands where the leading one stood before
    return leading - 1 if three_digits <= 354 else leading


def _text(number: Decimal, place: int) -> str:
    number = number.quantize(Decimal(1).scaleb(place), ROUND_HALF_EVEN)
    return f"{abs(number) if number == 0 else number:f}"  # never "-0.00"

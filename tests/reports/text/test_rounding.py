import math
from decimal import Decimal

import pytest

from simbench.reports.text.rounding import last_place, rounded


@pytest.mark.parametrize(
    ("error", "place"),
    [
        # the PDG's own example: 0.827 +- 0.119 -> 0.83 +- 0.12, 0.827 +- 0.367 -> 0.8 +- 0.4
        ("0.119", -2),
        ("0.367", -1),
        ("100", 1),
        ("354", 1),
        ("354.9", 1),
        ("355", 2),
        ("949", 2),
        ("950", 2),  # becomes 1000 and keeps two digits, the second of which counts hundreds
        ("0.00962", -3),
    ],
)
def test_pdg_rule(error: str, place: int) -> None:
    assert last_place(Decimal(error)) == place


@pytest.mark.parametrize(
    ("mean", "std", "text"),
    [
        (0.827, 0.119, "0.83 ± 0.12"),
        (0.827, 0.367, "0.8 ± 0.4"),
        (3.1, 0.02, "3.100 ± 0.020"),
        (3.1, 0.05, "3.10 ± 0.05"),
        (3.14159, 0.0962, "3.14 ± 0.10"),
        (3.14159, 0.962, "3.1 ± 1.0"),
        (-2.5, 0.3, "-2.50 ± 0.30"),
        (12345.0, 346.0, "12340 ± 350"),  # a tie goes to the even digit
        (12345.0, 1.5, "12345.0 ± 1.5"),
        (0.0004, 0.02, "0.000 ± 0.020"),
        (-0.0004, 0.02, "0.000 ± 0.020"),  # no minus before zero
        (0.0, 0.0, "0 ± 0"),
        (3.1, 0.0, "3.100 ± 0"),
        (0.3, 4e-17, "0.3000 ± 0"),  # equal runs whose mean is not exact in binary
        (2.5e-7, 4e-9, "(2.50 ± 0.04)e-7"),
        (0.00012, 0.00003, "(1.20 ± 0.30)e-4"),
        (1.5e8, 2.5e6, "(1.500 ± 0.025)e8"),
        (1.5e300, 2.5e298, "(1.500 ± 0.025)e300"),
        (5e-324, None, "5.000e-324"),
        # one run: no uncertainty to go by, four digits
        (3.14159, None, "3.142"),
        (0.0, None, "0"),
        (123456.7, None, "123457"),
        (1, None, "1.000"),
        (3.14159, math.nan, "3.142"),
        (-1.23456e-9, None, "-1.235e-9"),
    ],
)
def test_rounded_by_hand(mean: float, std: float | None, text: str) -> None:
    assert str(rounded(mean, std)) == text


@pytest.mark.parametrize("mean", [None, math.nan, math.inf])
def test_no_mean_is_no_value(mean: float | None) -> None:
    assert rounded(mean, 0.1) is None


def test_the_uncertainty_and_the_value_end_at_the_same_place() -> None:
    for power in range(-9, 10):
        shown = rounded(7.7 * 10.0**power, 0.123456 * 10.0**power)
        assert shown is not None
        assert shown.std is not None
        assert len(shown.value.partition(".")[2]) == len(shown.std.partition(".")[2])

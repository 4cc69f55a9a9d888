"""The form of values that came as JSON, or that somebody's code gave."""

import math

import pytest

from simbench.harness.forms import NUMBER, fault

FORM = {"name": "text", "mean": NUMBER, "marks?": ["text"], "kind": {"a", "b"}, "by": {"*": "count"}}
GOOD = {"name": "x", "mean": None, "kind": "a", "by": {"one": 1}, "more": object()}


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, None),
        ({"mean": 1.5, "marks": ["m"]}, None),
        ({"marks": None}, None),
        ({"name": 1}, "name should be a text, found 1"),
        ({"mean": math.nan}, "mean should be a finite number, found nan"),
        ({"mean": True}, "mean should be a finite number, found True"),
        ({"mean": 10**400}, "mean should be a finite number, found 1000"),
        ({"marks": ["m", 2]}, "marks[1] should be a text, found 2"),
        ({"marks": "m"}, "marks should be a list, found 'm'"),
        ({"kind": ["a"]}, "kind should be a or b, found ['a']"),
        ({"by": {"one": -1}}, "by.one should be a whole number of 0 or more, found -1"),
        ({"by": 5}, "by should be an object, found 5"),
    ],
)
def test_what_is_of_another_form_is_named_with_its_place(change, expected):
    found = fault({**GOOD, **change}, FORM)
    assert found == expected or (expected and found.startswith(expected))


def test_a_key_that_is_missing_is_named():
    assert fault({"mean": 1}, FORM, "models[2]") == "models[2].name is missing"

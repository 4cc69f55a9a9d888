"""A run of two toys, two runs each, whole and in parts."""

import pytest


@pytest.fixture
def toys(toy):
    def noted(context):
        return toy.Generates(toy.flat, notes=["seen"])

    return toy.registry(
        toy.offer("flat", factory=noted), toy.offer("bright", toy.bright), toy.offer("dim", toy.flat)
    )

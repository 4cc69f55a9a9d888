"""The command line with toys."""

import pytest


@pytest.fixture
def call(toy, cli_with):
    return cli_with(toy.offer("flat"), toy.offer("bright", toy.bright))


@pytest.fixture
def run(call, toy_file, tmp_path):
    """``simbench run`` on the toy data with more options."""

    def run_with(*options, out="out", models="flat,bright"):
        head = ("run", "--detector", "toy", "--data", toy_file, "--device", "cpu", "--runs", "2")
        return call(*head, "--models", models, "--out", tmp_path / out, *options)

    return run_with

"""What fuzz tests share: how many inputs are tried, the command line in this process, what it promises.

Few inputs are tried, always the same; with ``SIMBENCH_FUZZ=100`` a hundred times as many, at random
(``make fuzz``).
"""

import contextlib
import io
import os
import sys
from collections import Counter

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st

from simbench.harness.cli import app
from simbench.harness.cli.common import plugins

TIMES = int(os.environ.get("SIMBENCH_FUZZ", "0"))
STATUSES = (0, 1, 2, 3, 4)
tried: Counter[str] = Counter()  # inputs by test and answer


def tries(count):
    """Settings of a test that tries so many inputs in CI."""
    return settings(
        max_examples=count * max(TIMES, 1),
        derandomize=not TIMES,
        database=None,
        deadline=None,
        phases=(Phase.explicit, Phase.generate),  # what fails is small already
        suppress_health_check=list(HealthCheck),
    )


def called(made, *arguments):
    """(status, output) of a command with a registry of toys; what it promises of any answer is checked."""
    out, err = io.StringIO(), io.StringIO()
    with (
        pytest.MonkeyPatch.context() as patch,
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        patch.setattr(sys, "argv", ["simbench", *map(str, arguments)])
        patch.setattr(plugins, "load", lambda: made)
        try:
            app.main()
        except SystemExit as stop:
            status = stop.code or 0
    said = err.getvalue()
    assert status in STATUSES, said
    assert "Traceback" not in said
    errors = [line for line in said.splitlines() if line.startswith("simbench: error: ")]
    assert all(line.startswith(("simbench: ", "written: ", "warning: ")) for line in said.splitlines()), said
    if status in (2, 4):
        assert errors, said
    if status == 2:
        assert len(errors) == 1, said
    tried[f"{arguments[0]}: status {status}"] += 1
    return status, out.getvalue()


ODD = st.sampled_from(
    [
        *(
            None,
            True,
            -1,
            0,
            1.5,
            10**30,
            float("nan"),
            float("inf"),
            "",
            "text",
            "a,b",
            "x\n\x1b[31m",
            b"bytes",
        ),
        *([], ["text"], {}, {"a": 1}, (), object, print),
        *(np.float32(1), np.zeros(3), np.ma.array([1], mask=[1])),
    ]
)
"""What nobody expects somewhere."""

ODD_JSON = st.sampled_from(
    [None, True, -1, 1.5, 10**30, "", "text", "\ud800", [], [[]], [None], {}, {"a": {}}]
)


def places(value, place=()):
    """The way to every value inside a JSON value."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in inner:
        yield (*place, key)
        yield from places(item, (*place, key))


@st.composite
def damaged(draw, content):
    """Bytes with one to three changes: a byte, a piece cut or doubled, the end cut."""
    for _ in range(draw(st.integers(1, 3))):
        place = draw(st.integers(0, max(len(content) - 1, 0)))
        length = draw(st.integers(1, 40))
        piece = content[place : place + length]
        new = {
            "byte": bytes([draw(st.integers(0, 255))]) + piece[1:],
            "cut": b"",
            "double": piece + piece,
            "end": None,
        }[draw(st.sampled_from(["byte", "cut", "double", "end"]))]
        content = content[:place] if new is None else content[:place] + new + content[place + length :]
    return content

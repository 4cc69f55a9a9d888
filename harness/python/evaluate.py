"""``evaluate``: the benchmark's run for a model in hand, by the same steps as ``simbench run``."""

from collections.abc import Container, Mapping, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..cli.common.plugins import load_registry
from ..cli.common.progress import watch
from ..errors import SimulatorError, UserError
from ..plugin.registry import Registry
from ..run.benchmark import run
from ..run.opening import Opened, open_asked
from ..run.request import Request
from ..run.watch import Watch
from .inhand import PROBED, InHand
from .progress import progress_bars
from .result import Evaluation, Place

_OURS = ("models", "placement", "part", "scored", "scoring", "timing")  # not for the caller


def evaluate(
    model: Any,
    *,
    detector: str = "proton",
    name: str | None = None,
    runs: int = 5,
    limit: int | None = None,
    part: str | None = None,
    metrics: str | Sequence[str] = (),
    folder: str | Path | None = None,
    timing: str | None = None,
    progress: bool = True,
    **options: Any,
) -> Evaluation:
    """Score a model in hand, by the protocol and to the numbers of ``simbench run``.

    Args:
        model: a function ``f(conditions, *, seed)`` that gives responses, as
            :class:`simbench.harness.hooks.Simulator` describes; an object with such a method ``generate``;
            names as ``--models`` takes them, ``"gan,mc"``; or a list of any of these.
        detector: whose responses.
        name: of a single function or object in tables; it also enters the seeds, as a plugin's does.
        runs: generation seeds.
        limit: only the first so many responses of the part, for a look within a training loop.
        part: ``test``, which decides and is looked at once; or ``validation``, which may be looked at as
            often as one likes and is marked wherever its scores are shown. By default ``test``, or
            ``validation`` where there is a ``limit``: what is tuned on the test part is not tested by it.
        metrics: names; by default those of ``simbench run``, ``all`` for every one.
        folder: where to keep what is computed, as ``--out``: called again, only what is missing is computed.
            Without one all is kept until the result is gone.
        timing: ``none``, ``brief`` or ``full``: whether to time the models; ``brief`` on the test part.
        progress: whether to show how it goes on.
        options: any further field of ``simbench.harness.run.request.Request``, such as ``data``,
            ``seed``, ``channels`` or ``keep``.

    Raises:
        SimulatorError: a model in hand fails or breaks a promise: what it gives is of a wrong shape or kind,
            not finite or negative, or it ignores its seed. Models called by name are reported as failed.
        UserError: wrong use, or unreadable data.
    """
    registry = load_registry()
    given = list(model) if isinstance(model, list | tuple) else [model]
    if name is not None and (len(given) > 1 or isinstance(model, str)):
        raise UserError("name= is for a single function or object; several have their own names")
    hands = [each if isinstance(each, str) else InHand.of(each, name) for each in given]
    _check_options(options)
    more: dict[str, Any] = {key: str(value) if key == "data" else value for key, value in options.items()}
    on_test = (part or ("validation" if limit else "test")) == "test"
    request = Request(
        models=[each if isinstance(each, str) else each.name for each in hands],
        detector=detector,
        runs=runs,
        limit=limit,
        scored=part or ("test" if on_test else "validation"),
        metrics=[one.strip() for one in metrics.split(",")] if isinstance(metrics, str) else metrics,
        timing=timing or ("brief" if on_test else "none"),
        **more,
    )
    request.check()
    with progress_bars(progress) as bars:
        mine = {each.name: each for each in hands if isinstance(each, InHand)}
        told = _without_errors(watch(bars), mine)
        if mine:
            conditions = _probe(registry, request, told)
            for each in mine.values():
                each.offer(registry, registry.detectors[detector], conditions)
        place = Place(folder)
        entries = run(registry, request, place.folder, told)["models"]
    for entry in entries:
        if entry["status"] == "failed" and entry["name"] in mine:
            plugin = ", plugin {name} {version}".format(**entry["plugin"])
            raise SimulatorError(f"{entry['name']}: {entry['error'].removesuffix(plugin)}")
    return Evaluation(place)


def _without_errors(told: Watch, names: Container[str]) -> Watch:
    """The same watch, but silent on the failures of some models, which are raised."""

    def end(entry: Mapping[str, Any]) -> None:
        if entry["error"] is None or entry["name"] not in names:
            told.end(entry)

    return replace(told, end=end)


def _check_options(options: dict[str, Any]) -> None:
    known = [each.name for each in fields(Request) if each.name not in _OURS]
    for name in options:
        if name not in known:
            raise UserError(f"evaluate has no option {name!r}; it has {', '.join(known)}")


def _probe(registry: Registry, request: Request, told: Watch) -> npt.NDArray[np.float32]:
    """(PROBED, F) conditions from all over the part that is scored, to try models with."""
    detector = registry.detectors[request.detector]
    with open_asked(registry, detector, request, told) as data:
        rows = Opened.of(data, request, detector, ()).rows
        return np.resize(
            data.conditions[rows][:: max(1, len(rows) // PROBED)], (PROBED, len(data.feature_names))
        )

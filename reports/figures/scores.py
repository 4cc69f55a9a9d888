"""Scores as pictures: WS by quartile, and WS against the time that a response takes.

Quartiles are those of the particle's expected sum, or of a run without them those of the reference's own sum.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter

from ..text import published
from ..text.rounding import finite
from .scene import Model, Scene
from .style import FLOOR, STEPS, bare, colour, figure, marker, plain, room

DEVICES = {"cpu": "CPU", "cuda": "GPU"}
_MILLISECONDS = 0.1  # per response, of one second per 10,000 responses


EXPECTED = "ws-conditional"  # the metric with quartiles by the expected sum


def quartile_metric(scene: Scene) -> str:
    """The metric that is shown by quartile."""
    known = (model.entry.get("quartiles") or {} for model in scene.scored)
    return EXPECTED if any(EXPECTED in quartiles for quartiles in known) else "ws"


def quartile_models(scene: Scene) -> list[Model]:
    """The models with WS by quartile."""
    metric = quartile_metric(scene)
    return [model for model in scene.scored if metric in (model.entry.get("quartiles") or {})]


def quoted_quartiles(scene: Scene, models: Sequence[Model]) -> Mapping[str, tuple[published.Figure, ...]]:
    """The published WS by quartile of the own sum, for those of ``models`` that were published."""
    if quartile_metric(scene) == EXPECTED:
        return {}
    known = published.QUARTILE_WS.get(scene.detector, {})
    names = {model.entry["name"] for model in models}
    return {name: figures for name, figures in known.items() if name in names}


def quartiles(scene: Scene, models: Sequence[Model]) -> Figure:
    """A panel for each quartile, a bar for each model; the paper's values are markers of their own."""
    metric, quoted = quartile_metric(scene), quoted_quartiles(scene, models)
    names = [plain(model.label, 24) for model in models]
    height = 0.85 + 0.2 * len(models)
    page = figure(height)
    grid = page.add_gridspec(
        1, 4, left=room(names), right=0.985, bottom=0.42 / height, top=1 - 0.45 / height, wspace=0.09
    )
    places = range(len(models))
    for quarter in range(4):
        axes = page.add_subplot(grid[quarter])
        values = [model.entry["quartiles"][metric][quarter] or {} for model in models]
        means = [finite(value.get("mean")) for value in values]
        for place, model, mean, value in zip(places, models, means, values, strict=True):
            if mean is None:
                axes.text(0, place, " no response", va="center", fontsize=6.5)
                continue
            error = finite(value.get("std"))
            axes.barh(place, mean, 0.66, color=colour(model), xerr=error, error_kw={"elinewidth": 1})
            if model.floor:
                axes.axvline(mean, color=FLOOR, linewidth=0.9, linestyle=":")
        theirs = [(float(quoted[m.entry["name"]][quarter].value), place)
                  for place, m in zip(places, models, strict=True) if m.entry["name"] in quoted]  # fmt: skip
        if theirs:
            axes.plot(*zip(*theirs, strict=True), linestyle="none", **_PUBLISHED)
        highest = max([1e-9, *(mean for mean in means if mean is not None), *(x for x, _ in theirs)])
        axes.set_xlim(0, 1.1 * highest)
        axes.set_ylim(len(models) - 0.4, -0.6)
        axes.set_title(f"Q{quarter + 1}")
        axes.xaxis.set_major_locator(MaxNLocator(4, steps=STEPS))
        axes.set_yticks(places, names if quarter == 0 else [""] * len(models))
        axes.tick_params(axis="y", left=False, right=False)
        if quarter == 3:
            axes.set_xlabel(f"WS ({scene.quantity})")
    handles = [Line2D([], [], linestyle="none", **_PUBLISHED)] if quoted else []
    labels = ["published (other data)"] if quoted else []
    if any(model.floor for model in models):
        handles.append(Line2D([], [], color=FLOOR, linewidth=0.9, linestyle=":"))
        labels.append("Monte Carlo floor")
    page.legend(handles, labels, loc="upper right", ncols=2, borderpad=0.1, bbox_to_anchor=(0.99, 1))
    return page


def devices(scene: Scene) -> list[str]:
    """The devices on which some scored model was timed."""
    return [device for device in DEVICES if any(_point(model, device) for model in scene.scored)]


def tradeoff(scene: Scene) -> Figure:
    """WS against milliseconds a response, a panel a device, with the floor and the Pareto front."""
    timed = devices(scene)
    height = max(3.1, 0.19 * len(scene.scored) + 0.8)  # the legend names every model
    page = figure(height)
    grid = page.add_gridspec(
        1, len(timed) + 1, width_ratios=[*[1.0] * len(timed), 0.38 * len(timed)],
        left=0.07, right=0.99, bottom=0.43 / height, top=1 - 0.25 / height, wspace=0.06,
    )  # fmt: skip
    shared: Axes | None = None
    shown: list[Model] = []
    for index, device in enumerate(timed):
        axes = page.add_subplot(grid[index], sharey=shared)
        shared = shared or axes
        points = {m.index: point for m in scene.scored if (point := _point(m, device))}
        models = [model for model in scene.scored if model.index in points]
        shown += [model for model in models if model not in shown]
        _tradeoff(axes, models, points, device)
        axes.set_title(DEVICES[device])
        axes.set_xlabel("time per response (ms)")
        axes.tick_params(axis="y", labelleft=index == 0)
    if shared is not None:
        shared.set_ylabel(f"WS ({scene.quantity})")
        shared.set_ylim(0, 1.12 * max(sum(value or 0 for value in _ws(model)) for model in shown))
    corner = page.add_subplot(grid[len(timed)])
    bare(corner)
    handles = [Line2D([], [], linestyle="none", **_mark(model)) for model in shown]
    labels = [plain(model.label) for model in shown]
    if not all(model.floor for model in shown):
        handles.append(Line2D([], [], color="black", linewidth=1, linestyle="--"))
        labels.append("Pareto front")
    if any(model.floor for model in shown):
        handles.append(Line2D([], [], color=FLOOR, linewidth=1, linestyle=":"))
        labels.append("Monte Carlo floor")
    corner.legend(handles, labels, loc="center left", borderpad=0)
    return page


def latency_engines(scene: Scene) -> list[str]:
    """The engines by which some scored model was timed one particle at a time."""
    return sorted({engine for model in scene.scored for engine in _latencies(model)})


def headline(scene: Scene) -> str:
    """The metric that leaderboards rank by: the conditional score, else WS."""
    return EXPECTED if all(EXPECTED in model.entry for model in scene.scored) else "ws"


def latency(scene: Scene) -> Figure:
    """The headline score against milliseconds for one particle on one thread; ONNX Runtime's are hollow."""
    metric = headline(scene)
    height = max(3.1, 0.19 * len(scene.scored) + 0.8)
    page = figure(height)
    axes, corner = page.subplots(1, 2, width_ratios=[1, 0.38])
    page.subplots_adjust(left=0.07, right=0.99, bottom=0.43 / height, top=1 - 0.1 / height, wspace=0.06)
    shown, hollow = [], False
    for model in scene.scored:
        value = model.entry.get(metric) or {}
        score, latencies = finite(value.get("mean")), _latencies(model)
        if score is None or not latencies:
            continue
        shown.append(model)
        for engine, (typical, slow) in latencies.items():
            mark = _mark(model)
            if engine == "onnx":
                mark |= {"markerfacecolor": "white", "markeredgecolor": colour(model)}
                hollow = True
            axes.errorbar(
                typical, score, xerr=[[0.0], [max(slow - typical, 0.0)]], yerr=finite(value.get("std")),
                elinewidth=0.8, linestyle="none", zorder=3, **mark,
            )  # fmt: skip
    axes.set_xscale("log")
    axes.set_ylim(bottom=0)
    axes.set_xlabel("time of one particle, one thread (ms)")
    axes.set_ylabel(f"{metric} ({scene.quantity})")
    bare(corner)
    handles = [Line2D([], [], linestyle="none", **_mark(model)) for model in shown]
    labels = [plain(model.label) for model in shown]
    if hollow:
        handles.append(Line2D([], [], linestyle="none", **{**_PUBLISHED, "marker": "o"}))
        labels.append("hollow: ONNX Runtime")
    corner.legend(handles, labels, loc="center left", borderpad=0)
    return page


def _latencies(model: Model) -> dict[str, tuple[float, float]]:
    """By engine: median and 99th percentile of the milliseconds of one particle on one thread."""
    timing = (model.entry.get("timing") or {}).get("cpu") or {}
    found = {}
    for engine, entry in (timing.get("latency") or {}).items():
        call = (entry["threads"].get("1") or {}).get("1") or {}
        typical, slow = finite(call.get("p50_ms")), finite(call.get("p99_ms"))
        if typical and slow and typical > 0:
            found[str(engine)] = typical, slow
    return found


def pareto(points: Mapping[int, tuple[float, float]]) -> list[int]:
    """The keys of the (time, score) points that no other beats in both, from the fastest on.

    A point that equals another in one and is worse in the other is beaten; of equal points all stay.
    """
    return sorted(
        (
            key
            for key, (time, score) in points.items()
            if not any((t <= time and s <= score) and (t, s) != (time, score) for t, s in points.values())
        ),
        key=lambda key: points[key],
    )


def _time_error(model: Model, device: str) -> float | None:
    """Half the range of the repeats, in milliseconds a response."""
    timing = (model.entry.get("timing") or {}).get(device) or {}
    spread, seconds = finite(timing.get("spread")), finite(timing.get("seconds_per_10k"))
    return None if spread is None or seconds is None else spread * seconds * _MILLISECONDS


def _tradeoff(
    axes: Axes, models: Sequence[Model], points: Mapping[int, tuple[float, float]], device: str
) -> None:
    front = pareto(
        {model.index: points[model.index] for model in models if not (model.floor or model.anchor)}
    )
    for model in models:
        time, score = points[model.index]
        error: dict[str, Any] = {"xerr": _time_error(model, device), "yerr": _ws(model)[1]}
        axes.errorbar(time, score, linestyle="none", zorder=3, **error, **_mark(model))
        if model.floor:
            axes.axhline(score, color=FLOOR, linewidth=1, linestyle=":")
    times = [time for time, _ in points.values()]
    low, high = min(times) / 1.8, max(times) * 1.8
    axes.set_xscale("log")
    axes.set_xlim(low, high)
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if high / low < 100 else (1,)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    if front:
        xs, ys = zip(*(points[key] for key in front), strict=True)
        axes.step([*xs, high], [*ys, ys[-1]], where="post", color="black", linewidth=1, linestyle="--")


def _point(model: Model, device: str) -> tuple[float, float] | None:
    """(milliseconds a response, WS), where both are known."""
    timing = (model.entry.get("timing") or {}).get(device) or {}
    seconds, score = finite(timing.get("seconds_per_10k")), _ws(model)[0]
    return None if not seconds or seconds < 0 or score is None else (seconds * _MILLISECONDS, score)


def _ws(model: Model) -> tuple[float | None, float | None]:
    value = model.entry.get("ws") or {}
    return finite(value.get("mean")), finite(value.get("std"))


def _mark(model: Model) -> dict[str, Any]:
    size = 10 if model.floor else 6.5
    look = {"color": colour(model), "marker": marker(model), "markersize": size, "markeredgecolor": "white"}
    return {"label": model.label, **look}


_PUBLISHED: dict[str, Any] = {
    "marker": "D", "markersize": 4.5, "markerfacecolor": "white", "markeredgecolor": "black",
    "markeredgewidth": 0.9, "color": "none",
}  # fmt: skip

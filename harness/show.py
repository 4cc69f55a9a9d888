"""Progress on standard error: bars where a person watches a terminal, nothing elsewhere."""

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.text import Text

from .benchmark import Watch
from .registry import Registry, load
from .runner import Model


def load_registry() -> Registry:
    """The registry; what could not be loaded is named on standard error."""
    registry = load()
    for problem in registry.problems:
        print(f"simbench: skipped: {problem}", file=sys.stderr)  # noqa: T201
    return registry


@contextmanager
def bars(quiet: bool) -> Iterator[Progress]:
    """Progress bars on standard error, hidden when ``quiet`` or when it is no terminal."""
    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}", markup=False),
    )
    with Progress(*columns, console=console, disable=quiet or not console.is_terminal) as progress:
        yield progress


def counter(progress: Progress, description: str) -> Callable[[int, int], None]:
    """A ``report(done, total)`` that shows a bar from its first call on."""
    task: TaskID | None = None

    def report(done: int, total: int) -> None:
        nonlocal task
        if task is None:
            task = progress.add_task(description, total=total, note="")
        progress.update(task, completed=done)

    return report


def watch(progress: Progress) -> Watch:
    """Shows a run of the benchmark: a line a model, with its bar, and its scores as soon as it is done."""
    tasks: dict[str, TaskID] = {}

    def begin(models: Sequence[Model], responses: int) -> None:
        for model in models:
            tasks[model.label] = progress.add_task(model.label, total=responses, note="")

    def end(entry: Mapping[str, Any]) -> None:
        progress.update(tasks[entry["name"]], note=_summary(entry))
        if entry["error"] is not None and progress.disable:
            line = f"simbench: model {entry['name']} {_summary(entry)}"
            Console(stderr=True).print(Text(line), soft_wrap=True)

    return Watch(
        data=counter(progress, "making the embedded dataset"),
        begin=begin,
        advance=lambda model, count: progress.advance(tasks[model.label], count),
        end=end,
    )


def _summary(entry: Mapping[str, Any]) -> str:
    """A finished model in a few words: its mean score of every metric, its seconds, or its error."""
    if entry["error"] is not None:
        return f"{entry['status']}: {entry['error']}"
    scores = [
        f"{name} {value['mean']:.4g}" + (f" ± {value['std']:.2g}" if value["std"] is not None else "")
        for name, value in entry.items()
        if isinstance(value, Mapping) and {"mean", "std", "runs"} <= value.keys()
    ]
    timed = entry.get("timing", {})
    scores += [f"{device} {value['seconds_per_10k']:.3g} s" for device, value in timed.items()]
    return ", ".join(scores)

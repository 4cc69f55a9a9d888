"""Progress on standard error: bars where a person watches a terminal, nothing elsewhere."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    TaskID,
    TaskProgressColumn,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from ...plugin.simulators import Progress as News
from ...run.watch import Watch

SHOWN = 2  # scores of a finished model on its line


@contextmanager
def bars(quiet: bool) -> Iterator[Progress]:
    """Progress bars on standard error, hidden when ``quiet`` or when it is no terminal."""
    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(16),
        TaskProgressColumn(),
        TimeRemainingColumn(compact=True, elapsed_when_finished=True),
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


def watch(progress: Progress, scoring: str = "scoring") -> Watch:
    """Shows a run of the benchmark: a line a model, with its bar, and its scores as soon as it is done.

    ``scoring`` is what its last bar is called.
    """
    tasks: dict[str, TaskID] = {}

    def begin(names: Sequence[str], responses: int) -> None:
        for name in names:
            tasks[name] = progress.add_task(name, total=responses, note="")

    def end(entry: Mapping[str, Any]) -> None:
        progress.update(tasks[entry["name"]], note=_summary(entry))
        if entry["error"] is not None and progress.disable:
            line = f"simbench: model {entry['name']} {_summary(entry)}"
            Console(stderr=True).print(Text(line), soft_wrap=True)

    return Watch(
        data=counter(progress, "making the embedded dataset"),
        begin=begin,
        advance=lambda name, count: progress.advance(tasks[name], count),
        running=lambda name, ws: progress.update(tasks[name], note=f"ws {ws:.3g}"),
        scored=counter(progress, scoring),
        end=end,
    )


class TrainingBar:
    """Shows a training: steps, losses, the last validation score and load.

    ``warnings`` are the latest, and ``load`` of a mixture: its experts in a line.
    """

    def __init__(self, progress: Progress, name: str) -> None:
        self._progress = progress
        self._task = progress.add_task(f"training {name}", total=None, note="")
        self._validation = ""
        self.warnings: tuple[str, ...] = ()
        self.load = ""

    def __call__(self, news: News) -> None:
        """Take in what a training tells."""
        self.warnings, self.load = news.warnings, _load(news.experts)
        losses = " ".join(f"{name} {value:.3g}" for name, value in news.losses.items())
        if news.validation is not None:
            self._validation = f"validation {news.validation:.3f} "
        note = f"{self._validation}{f'{self.load} ' if self.load else ''}{losses}"
        self._progress.update(self._task, completed=news.step, total=news.steps, note=note)

    def close(self) -> None:
        """Take the line away."""
        self._progress.remove_task(self._task)


def _load(experts: Mapping[str, Any] | None) -> str:
    """The load of a mixture, if it tells one: percent and mean photon sum of each expert, entropy.

    And, where it tells that, how many of the training's draws miss the expert that serves the condition.
    """
    if not experts:
        return ""
    parts = [
        f"{share:.0%} ({'-' if mean is None else f'{mean:.0f}'})"
        for share, mean in zip(experts["share"], experts["intensity"], strict=True)
    ]
    elsewhere = experts.get("elsewhere")
    astray = "" if elsewhere is None else f", {elsewhere:.0%} of draws elsewhere"
    return f"experts {' '.join(parts)} entropy {experts['entropy']:.2f}{astray}"


def watch_sweep(progress: Progress, name: str) -> Watch:
    """Shows a sweep: a bar over its points, and the training of the moment where that is told."""
    task = progress.add_task(f"sweep {name}", total=None, note="")
    trainings: dict[str, TrainingBar] = {}

    def news(point: str, told: News) -> None:
        if point not in trainings:
            trainings[point] = TrainingBar(progress, point)
            progress.update(task, note=point)
        trainings[point](told)

    def end(entry: Mapping[str, Any]) -> None:
        if entry["name"] in trainings:
            trainings.pop(entry["name"]).close()
        progress.update(task, note="")
        if entry["error"] is not None:
            line = f"simbench: {entry['name']} failed: {entry['error']}"
            progress.console.print(Text(line), soft_wrap=True)

    return Watch(
        data=counter(progress, "making the embedded dataset"),
        begin=lambda points, _: progress.update(task, total=len(points)),
        advance=lambda _, count: progress.advance(task, count),
        news=news,
        end=end,
    )


def _summary(entry: Mapping[str, Any]) -> str:
    """A finished model in a few words: its first scores, its seconds, or its error."""
    if entry["error"] is not None:
        return f"{entry['status']}: {entry['error']}"
    scores = [
        f"{name} {value['mean']:.4g}" + (f" ± {value['std']:.2g}" if value["std"] is not None else "")
        for name, value in entry.items()
        if isinstance(value, Mapping)
        and {"mean", "std", "runs"} <= value.keys()
        and value["mean"] is not None
    ]
    scores = scores[:SHOWN]
    timed = entry.get("timing", {})
    scores += [f"{device} {value['seconds_per_10k']:.3g} s" for device, value in timed.items()]
    return ", ".join(scores)

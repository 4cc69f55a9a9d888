"""What ``evaluate`` and ``compare`` give: scores, words, tables and figures, for scripts and notebooks."""

import math
import shutil
import tempfile
import weakref
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from simbench import reports

from ..cli.common.plugins import load_registry
from ..errors import UserError
from ..files import make_folder
from ..record.folder import RunFolder
from ..score.compare import Change
from ..score.compare import Comparison as Compared
from ..score.compare import compare as compare_runs

if TYPE_CHECKING:
    from simbench.reports.figures.drawing import Drawing


class Place:
    """Where the files of an evaluation are: a folder of the user's, or one that goes with this object."""

    def __init__(self, folder: str | Path | None) -> None:
        self.lasting = folder is not None
        self.folder = Path(tempfile.mkdtemp(prefix="simbench-") if folder is None else folder)
        if not self.lasting:
            weakref.finalize(self, shutil.rmtree, self.folder, ignore_errors=True)


class Evaluation:
    """The result of a run of the benchmark.

    Attributes:
        folder: where its files are; one of no lasting name unless :func:`evaluate` was given a folder.
        content: that of its ``result.json``.
    """

    def __init__(self, place: Place) -> None:
        self._place = place
        self.folder = place.folder
        self._run = RunFolder(place.folder)
        self.content = self._run.result

    @property
    def verdict(self) -> str:
        """The answer in a few lines: who is best by what, what is noise, what gives models away, how fast."""
        return "\n".join(reports.verdict(self._labelled))

    def text(self, *tables: str, width: int = 100) -> str:
        """What ``simbench run --tables`` prints: the verdict, tables by name or ``"all"``, and the protocol.

        Raises:
            UserError: there is no such table.
        """
        return reports.summary(self._labelled, tables, width)

    @cached_property
    def scores(self) -> pd.DataFrame:
        """Every score, one value a row: model, detector, metric, subset, channel, run, value.

        The same numbers, to the last bit, as in ``scores.csv``.
        """
        exact = {"value": lambda text: float(text) if text else math.nan}
        return pd.read_csv(self.folder / "scores.csv", converters=exact, keep_default_na=False)

    def entry(self, model: str) -> Mapping[str, Any]:
        """What ``result.json`` says of a model.

        Raises:
            UserError: it was not asked for.
        """
        entries = {entry["name"]: entry for entry in self.content["models"]}
        if model not in entries:
            raise UserError(f"no model {model!r} here; there are {', '.join(entries)}")
        return dict(entries[model])

    @cached_property
    def _drawings(self) -> "dict[str, Drawing]":
        from simbench.reports.figures.drawings import drawings  # matplotlib takes a second to import
        from simbench.reports.figures.scene import scenes

        (scene,) = scenes(self._labelled)
        suffix = f"-{scene.detector}"
        return {drawing.name.removesuffix(suffix): drawing for drawing in drawings(scene)}

    @property
    def figures(self) -> tuple[str, ...]:
        """The names of the figures that there are data for."""
        return tuple(self._drawings)

    def figure(self, name: str) -> "Drawing":
        """A figure of the page, such as ``tradeoff``: a notebook shows it; ``draw()`` is Matplotlib's own.

        Raises:
            UserError: there is none of this name.
        """
        if name not in self._drawings:
            raise UserError(f"there is no figure {name!r} of this run; there are {', '.join(self.figures)}")
        return self._drawings[name]

    def save(self, folder: str | Path) -> Path:
        """Copy all files into a new folder, with the page ``report.html``; ``simbench`` takes it as a run's.

        Raises:
            UserError: the folder is there and holds something, or it cannot be written to.
        """
        folder = Path(folder)
        if folder.resolve() != self.folder.resolve():
            if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
                raise UserError(f"cannot save to {folder}: it is there already and holds something")
            make_folder(folder.parent)
            try:
                with tempfile.TemporaryDirectory(
                    prefix=f".{folder.name[-40:]}.", dir=folder.parent
                ) as beside:
                    whole = Path(beside) / "run"
                    shutil.copytree(self.folder, whole, ignore=shutil.ignore_patterns(".*"))
                    if folder.exists():
                        folder.rmdir()
                    whole.rename(folder)
            except OSError as error:
                raise UserError(f"cannot save to {folder}: {error.strerror or error}") from error
        reports.write([(str(folder), RunFolder(folder))], ["html"], folder)
        return folder

    @property
    def _labelled(self) -> reports.Runs:
        return [(str(self.folder) if self._place.lasting else "run", self._run)]

    def __repr__(self) -> str:
        return self.text()

    def _repr_html_(self) -> str:
        """What a notebook shows: the verdict, the table and the trade-off of quality and time."""
        return reports.fragment(self._labelled)


class Comparison:
    """What has changed from one evaluation to another beyond noise.

    Attributes:
        changes: one a metric of each model in both, with ``verdict`` and the numbers behind it.
    """

    def __init__(self, found: Compared) -> None:
        self._found = found
        self.changes: tuple[Change, ...] = found.changes

    @property
    def regressions(self) -> tuple[Change, ...]:
        """Those that are worse beyond noise and tolerance."""
        return tuple(change for change in self.changes if change.verdict == "regression")

    @property
    def table(self) -> pd.DataFrame:
        """A row a change: model, metric, base, new, change, its error and adjusted p-value, verdict."""
        rows = []
        for one in self.changes:
            values = [side and side.mean for side in (one.base, one.new)]
            change, error = (one.difference.change, one.difference.error) if one.difference else (None, None)
            rows.append((one.model, one.metric, *values, change, error, one.adjusted, one.verdict))
        names = ["model", "metric", "base", "new", "change", "error", "p", "verdict"]
        return pd.DataFrame(rows, columns=names)

    def __repr__(self) -> str:
        return reports.render_comparison(self._found, "table")

    def _repr_markdown_(self) -> str:
        return reports.render_comparison(self._found, "markdown")


def compare(
    base: Evaluation | str | Path,
    new: Evaluation | str | Path,
    *,
    tolerance: Mapping[str, float] | None = None,
    confidence: float = 0.99,
) -> Comparison:
    """Compare two evaluations, or folders of runs, model by model, as ``simbench compare`` does.

    Args:
        base: what to compare with.
        new: what is in question. Models go by their names: give a function the same ``name`` in both.
        tolerance: percent of the base, by metric, that is not counted as worse.
        confidence: that no verdict at all is noise.

    Raises:
        UserError: the protocols differ, or a tolerance or the confidence is out of range.
    """
    first, second = (one._run if isinstance(one, Evaluation) else RunFolder(Path(one)) for one in (base, new))
    records = load_registry().metrics.records
    return Comparison(compare_runs(first, second, records, dict(tolerance or {}), confidence))

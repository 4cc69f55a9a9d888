"""What figures show, gathered once from the run folders: no simulator is asked again."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

from simbench.harness.data.unit import Unit
from simbench.harness.record.folder import RunFolder

from ..text.results import Result, Runs, one_line, results_of


@dataclass(frozen=True)
class Model:
    """A model of one result, as figures show it.

    Attributes:
        label: its name, with the result's before it where several results are shown.
        index: its place among the models of the figure, which fixes its colour.
        floor: it is the Monte Carlo reference.
        anchor: it shows what a score is worth, and is no candidate.
        entry: what ``result.json`` says of it.
        unit: its responses of run 0, if the run's folder has them.
    """

    label: str
    index: int
    floor: bool
    entry: Mapping[str, Any]
    unit: Unit | None
    anchor: bool = False

    @property
    def ok(self) -> bool:
        """Whether it was scored."""
        return bool(self.entry["status"] == "ok")


@dataclass(frozen=True)
class Scene:
    """All that is shown of one detector, which measures in ``quantity``; the results in it are comparable."""

    detector: str
    convention: str
    quantity: str
    reference: Unit | None
    models: tuple[Model, ...]

    @property
    def scored(self) -> tuple[Model, ...]:
        """The models that were scored, anchors and the floor last."""
        return tuple(model for model in _floor_last(self.models) if model.ok)

    @property
    def drawn(self) -> tuple[Model, ...]:
        """The models whose responses can be drawn beside the reference, anchors and the floor last."""
        known = self.reference is not None
        return tuple(model for model in _floor_last(self.models) if known and model.unit is not None)

    @property
    def channels(self) -> tuple[str, ...]:
        """The names of the C channels, in the order of ``Unit.channels``."""
        if self.reference is None:
            return ()
        prefix = f"{self.convention}/"
        return tuple(
            one_line(column.removeprefix(prefix))
            for column in self.reference.columns
            if column.startswith(prefix)
        )


def _floor_last(models: Sequence[Model]) -> list[Model]:
    return sorted(models, key=lambda model: (model.floor, model.anchor))


def scenes(runs: Runs) -> list[Scene]:
    """One scene for each detector, in order of first appearance; units of run 0 are read from disk."""
    groups: dict[str, list[tuple[str, RunFolder | Result]]] = {}
    for (label, run), (_, result) in zip(runs, results_of(runs), strict=True):
        groups.setdefault(str(result["protocol"]["detector"]), []).append((label, run))
    return [_scene(detector, group) for detector, group in groups.items()]


def _scene(detector: str, runs: Runs) -> Scene:
    results = results_of(runs)
    folders = [run if isinstance(run, RunFolder) else None for _, run in runs]
    prefixes = _short([label for label, _ in runs])
    models: list[Model] = []
    for prefix, folder, (_, result) in zip(prefixes, folders, results, strict=True):
        for entry in result["models"]:
            name = one_line(entry["name"])
            models.append(
                Model(
                    label=f"{prefix}: {name}" if len(runs) > 1 else name,
                    index=len(models),
                    floor=entry["name"] == "mc" or entry.get("family") == "reference",
                    entry=entry,
                    unit=folder.unit(entry["name"], 0) if folder and entry["status"] == "ok" else None,
                    anchor=entry.get("family") == "anchor",
                )
            )
    references = (folder.reference for folder in folders if folder)
    return Scene(
        detector=one_line(detector),
        convention=str(results[0][1]["protocol"]["channels"]),
        quantity=one_line(results[0][1]["dataset"].get("unit", "photons")),
        reference=next((reference for reference in references if reference is not None), None),
        models=tuple(models),
    )


def _short(labels: list[str]) -> list[str]:
    """The last part of each path, if that still tells them apart."""
    names = [PurePath(label).name or label for label in labels]
    return [one_line(label) for label in (names if len(set(names)) == len(names) else labels)]

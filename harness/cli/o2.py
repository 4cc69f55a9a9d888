"""``simbench o2``: what ALICE's O2 would make of a generator, and all that it needs in one folder."""

import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Self

import numpy as np
import numpy.typing as npt
import typer

from simbench import reports
from simbench.reports.output import renderer

from ..data.dataset import Dataset
from ..data.open import open_data, split_rows
from ..errors import UserError
from ..export.bundle import CALORIMETERS, bundle_files, switches, write_bundle
from ..models.names import find_model
from ..o2.agreement import made_of, same_ws
from ..o2.check import require_zdc, steps
from ..o2.classifier import classifier_steps
from ..o2.path import O2Path, PathPlugin
from ..plugin.detectors import Detector
from ..plugin.registry import Registry, Source
from ..plugin.simulators import Check
from ..record.folder import RunFolder
from ..run.benchmark import run as run_benchmark
from ..run.contention import look
from ..run.latency import milliseconds, peak_memory
from ..run.request import Request
from .common.options import Data, Quiet
from .common.plugins import load_registry
from .common.progress import bars, counter, watch

app = typer.Typer(
    help="ALICE's O2: what it would make of a generator, and all that it needs in one folder.",
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
LATENCY = 1000  # particles by which the time of one is told
RAW = 4000  # raw particles by which a classifier is judged
TOWERS = "hardware"  # the channels of O2's hits


@app.command()
def bundle(
    to: Annotated[Path, typer.Option(help="A new folder to write to.")],
    proton: Annotated[str, typer.Option(help="Model of the proton calorimeter: NAME, or NAME@DIR.")],
    neutron: Annotated[str, typer.Option(help="Model of the neutron calorimeter.")],
) -> int:
    """Write all that O2 needs: two generators, the classifier of hits, their scales, cards and checksums.

    The generators answer with nothing as often as a response is empty, for after a yes of the classifier O2
    runs both. The line that switches it on is printed, and in the folder's README.md.

    For example:

      simbench o2 bundle --proton expertsim-3 --neutron expertsim-3 --to zdc
    """
    registry = load_registry()
    models = {"proton": find_model(registry, proton), "neutron": find_model(registry, neutron)}
    checks, files = write_bundle(registry, models, to)
    _tell(checks)
    if not files:
        typer.echo("nothing is written: a graph does not agree with its model", err=True)
        return 1
    typer.echo(f"written: {', '.join(map(str, files))}", err=True)
    typer.echo(f'--configKeyValues "{switches(to)}"')
    return 0


@app.command()
def check(
    folder: Annotated[Path | None, typer.Argument(help="A bundle; or name the files by options.")] = None,
    onnx: Annotated[Path | None, typer.Option(help="A generator's graph.")] = None,
    scales: Annotated[Path | None, typer.Option(help="Its file of scales.")] = None,
    classifier: Annotated[Path | None, typer.Option(help="A classifier's graph.")] = None,
    classifier_scales: Annotated[Path | None, typer.Option(help="Its file of scales.")] = None,
    detector: Annotated[str, typer.Option(help="Whose responses, of --onnx: proton or neutron.")] = "proton",
    beside: Annotated[
        str | None,
        typer.Option(
            help="The model inside this package, to be scored beside it. "
            "[default: the one it was made of, if that comes with simbench]"
        ),
    ] = None,
    data: Data = "embedded",
    limit: Annotated[int, typer.Option(help="So many test responses are scored.")] = 4096,
    runs: Annotated[int, typer.Option(help="So many times, with other noise.")] = 5,
    quiet: Quiet = False,
) -> int:
    """Run generators as O2 does, and say at each step whether O2 would stop, skip or misread.

    O2's parser of scales, its units (mass in MeV, charge in thirds of e), one particle at a time on one
    thread, its pixel order, its truncation to whole photons, and the towers of the hardware's map. All files
    are looked at first. What comes of those that O2 can run is scored on the test particles, beside the Monte
    Carlo and the model itself. Exit status 1 if a step fails, or WS is not that of the model.

    For example:

      simbench o2 check zdc

      simbench o2 check --onnx zp/generator.onnx --scales zp/scales.txt --detector proton

      simbench o2 check --onnx zp/generator.onnx --scales zp/scales.txt --beside expertsim-3 --limit 1000
    """
    generators, judge = _files(folder, (onnx, scales), (classifier, classifier_scales), detector)
    registry = load_registry()
    passed, scored = True, []
    for name in generators:  # before any data are made
        require_zdc(registry.detectors[name])
    for name, (graph, its_scales) in generators.items():
        typer.echo(f"{name}: {graph}")
        request = Request(
            detector=name, data=data, limit=limit, runs=runs, device="cpu", channels=TOWERS, models=()
        )
        subject = _Subject.opened(registry, request, graph, its_scales, quiet)
        found = list(subject.steps(judge))
        _tell(found)
        passed &= all(step.passed for step in found)
        scored += [subject] if _gives_numbers(found) else []
    if judge is None:
        typer.echo("note    classifier: none is given; O2 runs no generator without one")
    for subject in scored:
        typer.echo(f"{subject.detector.name}: {subject.graph}")
        passed &= subject.score(beside, quiet)
    return int(not passed)


def _gives_numbers(found: Sequence[Check]) -> bool:
    """Whether O2 gets responses: the last step was taken, and a classifier says a yes that means one."""
    names = [step.text.partition(":")[0] for step in found]
    judged = all(step.passed for step in found if step.text.startswith("classifier"))
    return "pixel order" in names and judged


def _files(
    folder: Path | None,
    generator: tuple[Path | None, Path | None],
    classifier: tuple[Path | None, Path | None],
    detector: str,
) -> tuple[dict[str, tuple[Path, Path]], tuple[Path, Path] | None]:
    """Generators by detector, and the classifier if there is one."""
    if folder is not None:
        if any((*generator, *classifier)):
            raise UserError("o2 check takes a bundle, or --onnx and --scales: not both")
        found = bundle_files(folder)
        return {name: found[name] for name in CALORIMETERS}, found["classifier"]
    graph, scales = generator
    if graph is None or scales is None:
        raise UserError("o2 check needs a bundle's folder, or --onnx FILE and --scales FILE")
    judge = None
    if any(classifier):
        judging, its_scales = classifier
        if judging is None or its_scales is None:
            raise UserError("--classifier FILE and --classifier-scales FILE go together")
        judge = judging, its_scales
    return {detector: (graph, scales)}, judge


@dataclass(frozen=True)
class _Subject:
    """A generator with what it is checked on."""

    registry: Registry
    request: Request
    detector: Detector
    graph: Path
    scales: Path
    conditions: npt.NDArray[np.float32]
    raw: tuple[npt.NDArray[np.float32], npt.NDArray[np.float64] | None]

    @classmethod
    def opened(cls, registry: Registry, request: Request, graph: Path, scales: Path, quiet: bool) -> Self:
        """With the test part's conditions, and those of raw particles."""
        detector = registry.detectors[request.detector]
        with (
            bars(quiet) as progress,
            open_data(registry, detector, request.data, counter(progress, "making the data")) as data,
        ):
            _, test = split_rows(data, "particle", 0, data.min_photons)
            conditions, raw = data.conditions[test[: request.limit]], _raw(data)
        return cls(registry, request, detector, graph.absolute(), scales.absolute(), conditions, raw)

    def steps(self, judge: tuple[Path, Path] | None) -> Iterator[Check]:
        """Each step of O2's with its verdict, the classifier's last."""
        yield from steps(self.graph, self.scales, self.detector, self.conditions)
        if judge is not None:
            yield from classifier_steps(*judge, self.detector, *self.raw)

    def score(self, beside: str | None, quiet: bool) -> bool:
        """Print scores after the path, latency and memory; whether it scores as the model inside does."""
        plugin = PathPlugin(self.graph, self.scales)
        registry = load_registry()
        registry.add(plugin, Source(plugin.name, "file"))
        inside = beside or made_of(registry, self.graph, self.detector)
        models = [plugin.name, *([inside] if inside else []), "mc"]
        with tempfile.TemporaryDirectory() as temporary:
            out = Path(temporary) / "run"
            with bars(quiet) as progress:
                asked = replace(self.request, models=models)
                result = run_benchmark(registry, asked, out, watch(progress))
            tables = reports.tables_of([("o2 check", RunFolder(out))])
            typer.echo(renderer("table")(tables[:2]), nl=False)  # the verdict and the scores
        passed = all(model["status"] == "ok" for model in result["models"])
        if inside and passed:
            entries = {model["name"]: model for model in result["models"]}
            agreement = same_ws(entries[plugin.name]["ws"], entries[inside]["ws"], inside)
            _tell([agreement])
            passed = agreement.passed
        self._cost()
        return passed

    def _cost(self) -> None:
        with peak_memory() as grown:
            begun = time.perf_counter()
            path = O2Path(self.graph, self.scales, self.detector)
            loaded = time.perf_counter() - begun
            path.generate(self.conditions[:LATENCY], seed=0)
        cost = milliseconds(path.latency)
        memory = f", {grown[0] / 1e6:.0f} MB of memory" if grown else ""
        machine = look(1)
        typer.echo(
            f"one particle on one thread: {cost['p50_ms']:.2f} ms (median), {cost['p99_ms']:.2f} ms (99 %); "
            f"{loaded:.2f} s to load{memory}, {path.footprint['bytes'] / 1e6:.1f} MB of file, "
            f"{path.footprint['parameters']:,} parameters; {machine.free:.2f} of a core were free\n"
        )


def _raw(data: Dataset) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float64] | None]:
    """Conditions of raw particles, and how often they have light, if the data tell."""
    stream = data.stream()
    if stream is None:
        return data.conditions[:RAW], None
    rows = np.linspace(0, len(stream.particle) - 1, min(RAW, len(stream.particle))).astype(np.int64)
    return stream.conditions[rows], stream.hit[rows].mean(axis=1)


def _tell(checks: Iterable[Check]) -> None:
    for each in checks:
        typer.echo(f"{'ok' if each.passed else 'FAILED':6}  {each.text}")

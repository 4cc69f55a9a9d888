"""``simbench o2``: what ALICE's O2 would make of a generator, and all that it needs in one folder."""

import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from simbench import reports
from simbench.reports.output import renderer

from ..data.dataset import Dataset
from ..data.open import open_data, split_rows
from ..errors import UserError
from ..export.bundle import CALORIMETERS, bundle_files, switches, write_bundle
from ..models.names import find_model
from ..o2.check import steps
from ..o2.classifier import classifier_steps
from ..o2.path import O2Path, PathPlugin
from ..plugin.registry import Registry, Source
from ..plugin.simulators import Check
from ..record.folder import RunFolder
from ..run.benchmark import run as run_benchmark
from ..run.request import Request
from .common.plugins import load_registry
from .common.progress import bars, counter, watch
from .run import Data, Quiet

app = typer.Typer(
    help="ALICE's O2: what it would make of a generator, and all that it needs in one folder.",
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
LATENCY = 1000  # particles by which the time of one is told
RAW = 4000  # raw particles by which a classifier is judged


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
        str | None, typer.Option(help="The model inside this package, to be scored beside it.")
    ] = None,
    data: Data = "embedded",
    limit: Annotated[int, typer.Option(help="So many test responses are scored.")] = 4096,
    runs: Annotated[int, typer.Option(help="So many times, with other noise.")] = 2,
    quiet: Quiet = False,
) -> int:
    """Run generators as O2 does, and say at each step whether O2 would stop, skip or misread.

    O2's parser of scales, its units (mass in MeV, charge in thirds of e), one particle at a time on one
    thread, its pixel order and its truncation to whole photons. What comes of it is scored on the test
    particles, beside the Monte Carlo and the model itself. Exit status 1 if a step fails.

    For example:

      simbench o2 check zdc

      simbench o2 check --onnx zp/generator.onnx --scales zp/scales.txt --detector proton

      simbench o2 check --onnx zp/generator.onnx --scales zp/scales.txt --beside expertsim-3 --limit 1000
    """
    generators, judge = _files(folder, (onnx, scales), (classifier, classifier_scales), detector)
    passed = True
    for name, (graph, its_scales) in generators.items():
        typer.echo(f"{name}: {graph}")
        request = Request(detector=name, data=data, limit=limit, runs=runs, device="cpu")
        passed &= _check(load_registry(), request, graph, its_scales, judge, beside, quiet)
    return int(not passed)


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


def _check(
    registry: Registry,
    request: Request,
    graph: Path,
    scales: Path,
    judge: tuple[Path, Path] | None,
    beside: str | None,
    quiet: bool,
) -> bool:
    """Check and score one generator, and the classifier by its particles; whether all is well."""
    detector = registry.detectors[request.detector]
    with (
        bars(quiet) as progress,
        open_data(registry, detector, request.data, counter(progress, "making the data")) as opened,
    ):
        _, test = split_rows(opened, "particle", 0, opened.min_photons)
        conditions = opened.conditions[test[: request.limit]]
        raw = _raw(opened) if judge else None
    passed, last = True, ""
    for step in steps(graph, scales, detector, conditions):
        _tell([step])
        passed, last = passed and step.passed, step.text
    if judge and raw:
        found = list(classifier_steps(*judge, detector, *raw))
        _tell(found)
        passed &= all(step.passed for step in found)
    if not last.startswith("pixel order"):
        return False  # O2 gets nothing from it that could be scored
    plugin = PathPlugin(graph.absolute(), scales.absolute())
    registry.add(plugin, Source(plugin.name, "file"))
    models = [plugin.name, *([beside] if beside else []), "mc"]
    asked = Request(**{**vars(request), "models": models})
    with tempfile.TemporaryDirectory() as temporary:
        out = Path(temporary) / "run"
        with bars(quiet) as progress:
            result = run_benchmark(registry, asked, out, watch(progress))
        tables = reports.tables_of([("o2 check", RunFolder(out))])
        typer.echo(renderer("table")(tables[:2]), nl=False)  # the verdict and the scores
    path = O2Path(graph, scales, detector)
    path.generate(conditions[:LATENCY], seed=0)
    typical, slow = 1000 * np.percentile(path.latency, [50, 99])
    typer.echo(f"one particle on one thread: {typical:.2f} ms (median), {slow:.2f} ms (99 %)\n")
    return passed and all(model["status"] == "ok" for model in result["models"])


def _raw(opened: Dataset) -> tuple[np.ndarray, np.ndarray | None]:
    """Conditions of raw particles, and how often they have light, if the data tell."""
    stream = opened.stream()
    if stream is None:
        return opened.conditions[:RAW], None
    rows = np.linspace(0, len(stream.particle) - 1, min(RAW, len(stream.particle))).astype(np.int64)
    return stream.conditions[rows], stream.hit[rows].mean(axis=1)


def _tell(checks: Iterable[Check]) -> None:
    for each in checks:
        typer.echo(f"{'ok' if each.passed else 'FAILED':6}  {each.text}")

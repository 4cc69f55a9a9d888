"""An outside package: a detector of its own, its data, readers, simulators, a metric and report formats."""

import numpy as np

# The paths of before there were rooms, which stay; all but the new observables is in hooks too.
from simbench.harness.detectors import ChannelMap, Detector, Feature
from simbench.harness.errors import UserError
from simbench.harness.hooks import (
    OBSERVABLES,
    DatasetMaker,
    DatasetReader,
    Embedded,
    Observable,
    ReportFormat,
    Responses,
    SimulatorOffer,
    hookimpl,
)
from simbench.harness.metrics import Metric, Value

SHAPE = (5, 7)
ROW = np.arange(5)[:, None].repeat(7, axis=1)
DETECTOR = Detector(
    name="tiles",
    title="A row of tiles",
    shape=SHAPE,
    unit="hits",
    features=(Feature("energy", "GeV"), Feature("angle", "rad"), Feature("charge", "e")),
    channels={"rows": ChannelMap(("front", "back"), np.stack([ROW < 2, ROW >= 2]))},
    default_channels="rows",
    observables=(
        *OBSERVABLES,
        Observable("last_row", "{unit}", "sum of c over i = 4", lambda c: c[:, 4].sum(1)),
    ),
)


def _hits(conditions, generator):
    mean = np.ones((len(conditions), *SHAPE)) * (0.5 + conditions[:, 0, None, None])
    return generator.poisson(mean)


def _make(request):
    generator = np.random.default_rng(request.seed)
    low, high = (0.5, -1.5, -1), (4.0, 1.5, 1)
    conditions = generator.uniform(low, high, (request.particles, 3)).astype(np.float32)
    conditions = conditions.repeat(request.repeats, axis=0)
    showers = _hits(conditions, generator)
    showers[:, 0, 0] += request.min_photons  # none is empty
    particle = np.arange(request.particles).repeat(request.repeats)
    yield Responses(showers.astype(np.uint16), conditions, particle, np.zeros(len(particle), np.int32))


class Tiles:
    """As the data are made, and a little too bright."""

    def __init__(self, context):
        if context.detector.shape != SHAPE:
            raise ValueError(f"expected the shape {SHAPE}, found {context.detector.shape}")

    def generate(self, conditions, *, seed):
        return _hits(conditions * np.float32(1.1), np.random.default_rng(seed)).astype(np.float32)


class NotANumber(Tiles):
    def generate(self, conditions, *, seed):
        return super().generate(conditions, seed=seed) * np.nan


def _read(request):
    for path in request.files:
        for number, line in enumerate(path.read_text().splitlines(), 1):
            values = line.split()
            if len(values) != 3 + 5 * 7:
                raise UserError(f"{path}: line {number} should have 38 values, found {len(values)}")
            row = np.array(values, dtype=np.float64)
            showers, nobody = row[3:].reshape(1, *SHAPE), np.zeros(1, np.int64)
            yield Responses(showers, row[None, :3], nobody, nobody.astype(np.int32))


def _find(detector, path):
    return (path,) if path.suffix == ".tiles" else None


def _breaks(request):
    yield request.no_such_thing


def _mean(scored):
    yield Value("all", "mean", float(abs(scored.generated.mean() - scored.reference.mean())))


def _render(tables):
    return "".join(f"{table.name}: {' '.join(row.model for row in table.rows)}\n" for table in tables)


def _fails(tables):
    return 1 / (len(tables) - len(tables))


@hookimpl
def simbench_detectors():
    yield DETECTOR


@hookimpl
def simbench_datasets():
    yield DatasetMaker(
        name="tiles",
        title="Hits in tiles",
        detectors=("tiles",),
        make=_make,
        provenance="made for a test",
        embedded={"tiles": Embedded(particles=50, repeats=6, seed=3)},
    )


@hookimpl
def simbench_readers():
    yield DatasetReader("tiles-text", "Text of tiles", "FILE", _read, "tiles as text", ("tiles",), _find)
    yield DatasetReader("tiles-breaks", "Fails", "FILE", _breaks, "nothing", ("tiles",))


@hookimpl
def simbench_simulators():
    yield SimulatorOffer("tiles-bright", "Too bright", Tiles, detectors=("tiles",))
    yield SimulatorOffer("tiles-nan", "Not a number", NotANumber, detectors=("tiles",), slow=True)


def _last_row(scored):
    column = scored.observed.index("last_row")
    both = scored.reference_observables, scored.generated_observables
    reference, generated = (float(each[:, column].mean()) for each in both)
    yield Value("all", "mean", abs(generated - reference))


@hookimpl
def simbench_metrics():
    yield Metric("mean-shift", "Shift of the mean", "hits", 1, _mean)
    yield Metric("last-row", "Shift of the last row", "{unit}", 1, _last_row, needs=("observables",))


@hookimpl
def simbench_reports():
    yield ReportFormat("names", "report.names", _render)
    yield ReportFormat("fails", "report.fails", _fails)
    yield ReportFormat("markdown", "report.mine", _render)
    yield ReportFormat("taken", "report.md", _render)

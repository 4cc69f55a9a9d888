"""The rooms of the folders, and which way imports go between them: one way, whatever a file is called."""

import ast
import importlib.util
import tomllib
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest
from import_graph import FOLDERS, ROOT, imported, longest, modules, source, within

# A room is a folder of modules, without its sub-folders. It may import itself and what stands beside it: a
# room, one module ("harness.rng"), or a folder with all that is in it ("harness.*").
ROOT_OF_HARNESS = (
    "harness.arrays",
    "harness.errors",
    "harness.files",
    "harness.forms",
    "harness.mapped",
    "harness.rng",
    "harness.system",
)
NUMBERS = ("harness.arrays", "harness.errors", "harness.mapped", "harness.rng")
BELOW_MODELS = (
    "harness.plugin",
    "harness.data",
    "harness.record",
    "harness.metrics",
    "harness.metrics.tools",
    *ROOT_OF_HARNESS,
)
BELOW_RUN = ("harness.processes", "harness.score", "harness.models", *BELOW_MODELS)
BELOW_CLI = (
    "harness.contract",
    "harness.challenge",
    "harness.gallery",
    "harness.export",
    "harness.models.onnx",
    "harness.run",
    "harness.batch",
    "harness.sharing",
    "harness.training",
    *BELOW_RUN,
)
ROOMS = {
    "harness": (  # the faces, and what all may import
        "harness.plugin",
        "harness.data",
        "harness.contract",
        "harness.python",
    ),
    "harness.processes": ("harness.errors",),
    "harness.plugin": ("harness.arrays", "harness.errors", "harness.forms", "harness.mapped", "harness.rng"),
    "harness.metrics.tools": ("harness.plugin", *NUMBERS),
    "harness.metrics": ("harness.metrics.tools", "harness.plugin", *NUMBERS),
    "harness.data": ("harness.plugin", *ROOT_OF_HARNESS),
    "harness.data.pickles": ("harness.errors",),
    "harness.record": ("harness.plugin", "harness.data", *ROOT_OF_HARNESS),
    "harness.score": ("harness.processes", *BELOW_MODELS),
    "harness.models.onnx": ("harness.plugin", *ROOT_OF_HARNESS),
    "harness.models": ("harness.models.onnx", *BELOW_MODELS),
    "harness.contract": ("harness.models", *BELOW_MODELS),
    "harness.o2": ("harness.models.onnx", "harness.plugin", *ROOT_OF_HARNESS),
    "harness.export": ("harness.o2", "harness.models.onnx", "harness.run", *BELOW_RUN),
    "harness.run": BELOW_RUN,
    "harness.batch": ("harness.run", *BELOW_RUN),
    "harness.sharing": ("harness.run", *BELOW_RUN),
    "harness.gallery": ("harness.run", *BELOW_RUN),
    "harness.challenge": BELOW_MODELS,
    "harness.training": ("harness.run", *BELOW_RUN),
    "harness.cli.common": ("reports", *BELOW_CLI),
    "harness.python": ("harness.cli.common", "reports", "reports.figures", *BELOW_CLI),
    "harness.cli.scores": ("harness.cli.common", "reports", *BELOW_CLI),
    "harness.cli.results": ("harness.cli.common", "reports", "reports.site", *BELOW_CLI),
    "harness.cli.batch": ("harness.cli.common", "reports", *BELOW_CLI),
    "harness.cli": (
        "harness.cli.common",
        "harness.cli.scores",
        "harness.cli.batch",
        "harness.cli.results",
        "harness.o2",
        "reports",
        *BELOW_CLI,
    ),
    "baselines": ("harness.rng",),
    "baselines.cascade.density": ("baselines",),
    "baselines.cascade": ("baselines", "baselines.cascade.density", "harness.rng"),
    "baselines.cascade.mixture": (
        "baselines",
        "baselines.cascade",
        "baselines.cascade.density",
        "harness.rng",
    ),
    "baselines.flow": ("baselines", "baselines.cascade", "baselines.cascade.density", "harness.rng"),
    "baselines.cascade.energies": ("baselines", "baselines.cascade", "harness.rng"),
    "baselines.export": ("baselines",),
    "baselines.gan": ("baselines", "harness.rng"),
    "baselines.hits": ("baselines", "baselines.export", "harness.rng"),
    "baselines.montecarlo": ("harness.rng",),
    "baselines.gflash": ("baselines.montecarlo", "harness.rng"),
    "expertsim": ("baselines", "baselines.export", "baselines.gan", "harness.rng"),
    "plugins": (
        "baselines",
        "baselines.cascade",
        "baselines.cascade.energies",
        "baselines.cascade.mixture",
        "baselines.export",
        "baselines.flow",
        "baselines.gan",
        "baselines.gflash",
        "baselines.hits",
        "baselines.montecarlo",
        "expertsim",
        "harness.*",
    ),
    "plugins.readers": ("plugins", "harness.*"),
    "reports.text": ("harness.*",),
    "reports.tables": ("reports.text",),
    "reports.formats": ("reports.text", "reports.tables", "harness.*"),
    "reports.figures": ("reports.text", "reports.tables", "harness.*"),
    "reports.rankings": ("reports.text", "reports.tables", "reports.formats", "reports.figures", "harness.*"),
    "reports.page": ("reports.text", "reports.tables", "reports.formats", "reports.figures"),
    "reports.site": ("reports.text", "reports.tables", "reports.formats", "reports.figures", "harness.*"),
    "reports": (
        "harness.errors",
        "reports.text",
        "reports.tables",
        "reports.formats",
        "reports.figures",
        "reports.rankings",
        "reports.page",
    ),
}
MOST = 14  # modules in a room


def room_of(path: Path) -> str:
    return ".".join(path.parent.parts)


def in_rooms() -> list[Path]:
    tops = {room.split(".")[0] for room in ROOMS}
    return [path for path in modules().values() if path.parts[0] in tops]


def forbidden(text: str, path: Path) -> list[str]:
    """What the module at ``path`` (relative to the root) imports and its room may not."""
    room = room_of(path)
    allowed = (room, *ROOMS[room])

    def may(name: str) -> bool:
        owner = longest(name, set(ROOMS))
        return owner in allowed or any(
            within(name, each.removesuffix(".*")) for each in allowed if each not in ROOMS
        )

    return [name for name in imported(text, path) if not may(name)]


def test_imports_between_rooms_are_those_of_the_table():
    assert len(in_rooms()) > 60
    found = {str(path): forbidden(source(path), path) for path in in_rooms()}
    assert {path: wrong for path, wrong in found.items() if wrong} == {}


def test_every_room_is_in_the_table_and_says_what_it_is():
    assert {room_of(path) for path in in_rooms()} == set(ROOMS)
    for room in ROOMS:
        path = Path(*room.split("."), "__init__.py")
        text = ast.get_docstring(ast.parse(source(path))) or ""
        assert "mport" in text, f"{path} does not say what it may import"


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_is_small(room):
    inside = [path.name for path in in_rooms() if room_of(path) == room and path.name != "__init__.py"]
    assert len(inside) <= MOST


def test_no_room_is_above_and_below_another():
    rooms = {room: {each for each in below if each in ROOMS} for room, below in ROOMS.items()}
    assert len(list(TopologicalSorter(rooms).static_order())) == len(ROOMS)


def graph() -> dict[str, set[str]]:
    """The modules that each imports, inside functions too."""
    known = modules()
    return {
        name: {longest(other, set(known)) for other in imported(source(path), path)} - {name, ""}
        for name, path in known.items()
    }


def test_no_module_imports_itself_by_way_of_others():
    try:
        list(TopologicalSorter(graph()).static_order())
    except CycleError as error:
        pytest.fail(" > ".join(error.args[1]))


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("harness/metrics/wasserstein.py", "import simbench.baselines"),
        ("harness/metrics/wasserstein.py", "from ..score import evaluate"),
        ("harness/metrics/wasserstein.py", "from simbench import reports"),
        ("harness/score/evaluate.py", "from ..run.runner import Outcome"),
        ("harness/score/evaluate.py", "def f():\n    from ..models import names"),
        ("harness/data/pickles/worker.py", "from ..dataset import Dataset"),
        ("harness/processes/workers.py", "from ..plugin import registry"),
        ("harness/run/benchmark.py", "from ..cli.run import run"),
        ("harness/cli/run.py", "from simbench.plugins import mc"),
        ("harness/cli/common/progress.py", "from ..run import run"),
        ("baselines/weights.py", "from .gan import ladder"),
        ("baselines/gan/training.py", "from simbench.harness import files"),
        ("baselines/gan/training.py", "from simbench.harness.hooks import Context"),
        ("baselines/gan/training.py", "import simbench.harness"),
        ("baselines/export/generator.py", "from ..gan.networks import make_generator"),
        ("baselines/montecarlo/gun.py", "from ...harness import hooks"),
        ("baselines/montecarlo/gun.py", "from ..conditions import Scaler"),
        ("baselines/montecarlo/gun.py", "class A:\n    def f(self):\n        import simbench.expertsim"),
        ("plugins/mc.py", "from simbench import reports"),
        ("plugins/mc.py", "from .readers import text"),
        ("plugins/mc.py", "import tests.harness"),
        ("reports/tables/table.py", "from simbench.plugins import zdc"),
        ("reports/tables/table.py", "from .. import output"),
        ("reports/tables/table.py", "def f():\n    from ..page import illustrated"),
        ("reports/text/results.py", "from ..tables import table"),
        ("reports/text/results.py", "from baselines import weights"),
    ],
)
def test_the_rule_sees(path, text):
    assert forbidden(text, Path(path)) != []


@pytest.mark.parametrize(
    ("path", "text"),
    [
        (
            "harness/metrics/wasserstein.py",
            "from ..errors import UserError\nfrom .. import rng\nimport numpy",
        ),
        ("harness/score/evaluate.py", "from ..record.folder import RunFolder"),
        ("harness/cli/run.py", "from simbench import reports"),
        ("baselines/gan/training.py", "from simbench.harness import rng"),
        ("baselines/gan/training.py", "from simbench.harness.rng import derive"),
        ("baselines/montecarlo/gun.py", "from . import shower\nfrom ...harness import rng\nimport numpy"),
        ("plugins/mc.py", "from simbench.baselines.montecarlo import MonteCarlo"),
        ("plugins/readers/npz.py", "from ..zdc import FEATURES\nfrom .arrays import ArrayFile"),
        ("reports/text/results.py", "from simbench.harness.files import write_text"),
        ("reports/output.py", "from .page import html"),
    ],
)
def test_the_rule_allows(path, text):
    assert forbidden(text, Path(path)) == []


def test_every_folder_of_modules_is_linked():
    linked = {path.name: path.readlink() for path in (ROOT / "src" / "simbench").iterdir()}
    assert linked == {folder: Path("../..") / folder for folder in FOLDERS}


def test_typed_marker_is_there_and_packaged():
    tool = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]
    assert "py.typed" in tool["package-data"]["simbench.harness"]
    assert (ROOT / "harness" / "py.typed").exists()


def test_the_picture_of_the_rooms_is_current():
    spec = importlib.util.spec_from_file_location("rooms", ROOT / "docs" / "rooms.py")
    rooms = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(rooms)
    drawn = rooms.draw()
    assert rooms.PICTURE.read_text(encoding="utf-8") == drawn, "make map draws it anew"
    assert all(f">{room}<" in drawn for room in ROOMS if room != "harness")

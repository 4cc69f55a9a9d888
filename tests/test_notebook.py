"""The notebook of the documentation runs from top to bottom, with a short training and few responses."""

import os
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

ROOT = Path(__file__).parents[1]
NOTEBOOK = ROOT / "docs" / "notebook" / "first-model.ipynb"

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore::DeprecationWarning")]


@pytest.fixture(scope="module")
def executed(cache, tmp_path_factory):
    settings = {"FIRST_MODEL_STEPS": "9", "FIRST_MODEL_LIMIT": "512", "SIMBENCH_CACHE": str(cache)}
    paths = [str(ROOT / "src"), *filter(None, [os.environ.get("PYTHONPATH")])]
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    for cell in notebook.cells:
        cell.pop("outputs", None)
        if cell.cell_type == "code":
            cell["outputs"] = []
    client = NotebookClient(
        notebook, timeout=300, resources={"metadata": {"path": str(tmp_path_factory.mktemp("at"))}}
    )
    client.execute(env={**os.environ, **settings, "PYTHONPATH": os.pathsep.join(paths)})
    return notebook


def shown(notebook, source):
    """What the cell with this line shows, by kind."""
    (cell,) = (cell for cell in notebook.cells if cell.cell_type == "code" and source in cell.source)
    kinds = {}
    for output in cell.outputs:
        kinds |= output.get("data", {})
        kinds["text"] = kinds.get("text", "") + output.get("text", "")
    return kinds


def test_it_ends_with_a_verdict_of_the_model_in_hand(executed):
    assert "Best of 2: " in shown(executed, "print(result.verdict)")["text"]
    page = shown(executed, 'evaluate([my_model, "gan", "mc"]')["text/html"]
    for part in ("my_model", "gan", "mc", "How far from the floor: proton", "<img"):
        assert part in page


def test_it_looks_at_the_validation_part_while_it_trains(executed):
    assert shown(executed, "looks.append(look)")["text"].count("ws-conditional") == 3


def test_its_figures_are_drawn(executed):
    for source in ('figure("mean-images")', "plt.subplots"):
        assert "image/png" in shown(executed, source)


def test_the_notebook_in_the_documentation_was_executed():
    cells = [cell for cell in nbformat.read(NOTEBOOK, as_version=4).cells if cell.cell_type == "code"]
    assert all(cell.execution_count for cell in cells)
    assert not any(output.output_type == "error" for cell in cells for output in cell.outputs)
    assert NOTEBOOK.stat().st_size < 600_000

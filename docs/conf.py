"""How Sphinx builds the documentation, `make docs`: without a network, for readers without one."""

import re
import sys
from importlib.metadata import version as version_of
from pathlib import Path
from typing import Any

from numpy.typing import ArrayLike
from sphinx.application import Sphinx
from sphinx.util.typing import stringify_annotation

sys.path.insert(0, str(Path(__file__).parent / "_ext"))

project = "simbench"
author = "the simbench authors"
copyright = "the simbench authors, MIT licence"  # noqa: A001 - Sphinx calls it so
release = version = version_of("simbench-hep")
language = "en"

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "simbench_commands",
    "simbench_mathml",
]
exclude_patterns = ["_*"]
smartquotes = False  # they would turn --out into a dash
highlight_language = "text"

html_theme = "furo"
html_title = "simbench"
html_static_path = ["_static"]
html_css_files = ["simbench.css"]
html_copy_source = False
html_show_sourcelink = False
html_math_renderer = "mathml"

myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 3

autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
python_use_unqualified_type_names = True
python_maximum_signature_line_length = 88
napoleon_numpy_docstring = False
napoleon_custom_sections = [("Attributes", "params_style")]  # one list; some of its lines name several

# A reference to something of ours must lead somewhere; types of other packages are named, not linked.
nitpicky = True
nitpick_ignore_regex = [(r"py:.*", r"(?!simbench\.).*")]


ARRAY = re.compile(
    r"~?numpy\.ndarray\[~?tuple\[~?typing\.Any, \.\.\.\], ~?numpy\.dtype\[~?(?:\w+\.)*(\w+)\]\]"
)
ARRAY_LIKE = stringify_annotation(ArrayLike, "smart", short_literals=False)


def shorten(*event: Any) -> tuple[str | None, str | None]:
    """Arrays in a signature as the code writes them: ``NDArray[float32]``, ``ArrayLike``."""
    arguments, returned = (
        part and ARRAY.sub(r"NDArray[\1]", part).replace(ARRAY_LIKE, "ArrayLike") for part in event[-2:]
    )
    return arguments, returned


def setup(app: Sphinx) -> None:
    """Sphinx calls this at the start of a build."""
    app.connect("autodoc-process-signature", shorten)

"""How Sphinx builds the documentation: `make docs`. The site needs no network, neither to build nor to read."""

import sys
from importlib.metadata import version as version_of
from pathlib import Path

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
autodoc_type_aliases = {
    name: name for name in ("Conditions", "Floats", "Images", "Ints", "Keys", "Labelled", "Masks", "Runs", "Sums")
}
python_use_unqualified_type_names = True
python_maximum_signature_line_length = 88
napoleon_numpy_docstring = False
napoleon_custom_sections = [("Attributes", "params_style")]  # one list; some of its lines name several

# A reference to something of ours must lead somewhere; types of other packages are named, not linked.
nitpicky = True
nitpick_ignore_regex = [(r"py:.*", r"(?!simbench\.).*")]

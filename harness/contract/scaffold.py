"""What ``simbench plugin new`` writes: a package of one module and one test, which runs as it stands."""

import re
import secrets
import shutil
from pathlib import Path
from string import Template

from ..errors import UserError
from ..plugin.registry import Registry

_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_RESERVED = ("all", "hep")  # a word of --models, and simbench-hep, our own distribution

_PYPROJECT = Template("""\
[build-system]
requires = ["setuptools>=77"]
build-backend = "setuptools.build_meta"

[project]
name = "simbench-$name"
version = "0.1.0"
description = "The simulator $name, a plugin of simbench"
requires-python = ">=3.11"
dependencies = ["numpy", "simbench-hep"]

[project.entry-points.simbench]
$name = "$module"

[tool.setuptools]
py-modules = ["$module"]

[tool.pytest.ini_options]
testpaths = ["."]
""")

_MODULE = Template('''\
"""The simulator $name, a plugin of simbench: put a model of your own in its place."""

import hashlib
from pathlib import Path

import numpy as np
from simbench.harness.hooks import SimulatorOffer, hookimpl


class $class_name:
    """A round spot in the middle of the detector, brighter where the first condition is larger."""

    # A resumed run keeps what it has only while this is the same: no change of this file goes unseen.
    fingerprint = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()

    def __init__(self, context):
        """Prepare for context.detector; load weights here, and nothing when the module is imported."""
        height, width = context.detector.shape
        y, x = np.indices((height, width))
        distance = np.hypot(y - (height - 1) / 2, x - (width - 1) / 2)
        spot = np.exp(-((distance / (0.1 * (height + width))) ** 2))
        self.spot = spot / spot.sum()

    def generate(self, conditions, *, seed):
        """Responses (N, H, W) to conditions (N, F), which are in physical units.

        conditions[:, i] is context.detector.features[i]. N may be anything from 0 up. Draw all that is random
        from seed: the same conditions and seed give the same responses.
        """
        generator = np.random.default_rng(seed)
        total = 10 * np.log1p(np.abs(conditions[:, 0]))
        return generator.poisson(total[:, None, None] * self.spot).astype(np.int32)


@hookimpl
def simbench_simulators():
    """What simbench asks the plugin for. detectors=("proton",) would serve that one only."""
    yield SimulatorOffer(name="$name", title="$title", factory=$class_name)
''')

_TEST = Template('''\
"""What simbench demands of every simulator, on each detector that $name serves."""

from simbench.harness.testing import SimulatorContract


class Test$class_name(SimulatorContract):
    model = "$name"
''')


def new_plugin(registry: Registry, name: str, parent: Path) -> Path:
    """Write the package of a model called ``name`` to the folder ``parent/name``, at once or not at all.

    Raises:
        UserError: the name is not fit for a model, it is taken, or the folder is there or cannot be written.
    """
    if not _NAME.fullmatch(name):
        raise UserError(
            f"a plugin's name is of lower-case letters, digits and hyphens and starts with a "
            f"letter, such as my-model; found {name!r}"
        )
    if name in _RESERVED:
        raise UserError(f"the name {name!r} is simbench's own; take another")
    if name in registry.simulators.records:
        source = registry.simulators.sources[name]
        raise UserError(f"there is a model {name!r} already, of {source.name} {source.version}; take another")
    folder = parent / name
    if folder.exists() or folder.is_symlink():
        raise UserError(f"{folder} is there already; take another name, or another folder")
    part = parent / f".{name}.{secrets.token_hex(8)}.part"
    try:
        part.mkdir()
        for file, text in _files(name).items():
            (part / file).write_text(text, encoding="utf-8", newline="\n")
        part.rename(folder)
    except OSError as error:
        raise UserError(f"cannot write {folder}: {error.strerror or error}") from error
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return folder


def _files(name: str) -> dict[str, str]:
    words = name.split("-")
    title = " ".join(words).capitalize()
    module = f"simbench_{'_'.join(words)}"
    values = {
        "name": name,
        "module": module,
        "class_name": "".join(map(str.capitalize, words)),
        "title": title,
    }
    templates = {"pyproject.toml": _PYPROJECT, f"{module}.py": _MODULE, f"test_{module}.py": _TEST}
    return {file: template.substitute(values) for file, template in templates.items()}

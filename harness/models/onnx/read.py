"""What an ONNX file holds, and a session of ONNX Runtime that computes it.

An ONNX file is data: it can run no code of its own, for no library of custom operators is ever loaded, and it
may refer to no file outside its folder.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from ...errors import UserError, one_line
from ...files import ways_to
from ...system import threads_allowed

_RANDOM = (
    "RandomNormal",
    "RandomNormalLike",
    "RandomUniform",
    "RandomUniformLike",
    "Multinomial",
    "Bernoulli",
)

_REAL = (1, 10, 11, 16)  # float, float16, double, bfloat16 of ONNX


@dataclass(frozen=True)
class OnnxFile:
    """What is known of an ONNX file before anything is run.

    Attributes:
        path: the file, by the name beside which its data lie.
        metadata: its ``metadata_props``.
        beside: files with data that it refers to.
        random: whether it draws random numbers of its own.
        fixed: whether it does so with a seed that it brings.
        parameters: real numbers among its tensors.
        size: bytes of the file and those beside it.
    """

    path: Path
    metadata: dict[str, str]
    beside: tuple[Path, ...]
    random: bool
    fixed: bool = False
    parameters: int = 0
    size: int = 0


def read_onnx(path: Path) -> OnnxFile:
    """What an ONNX file says of itself; nothing is run.

    Raises:
        ValueError: it is no ONNX file, is damaged, or refers to files that are not in its folder.
        UserError: the package onnx is missing.
    """
    onnx = package("onnx")
    try:
        model = onnx.load_model(path, load_external_data=False)
    except Exception as error:  # noqa: BLE001 - protobuf's own kind
        raise ValueError(f"{path.name} is no ONNX file, or is damaged: {one_line(error)}") from None
    if not model.graph.output:
        raise ValueError(f"{path.name} is no ONNX file, or is damaged: it holds no graph with an output")
    graphs = [model.graph, *model.functions]
    nodes = [node for graph in graphs for node in _nodes(graph)]
    tensors = [tensor for graph in graphs for tensor in _tensors(graph)]
    places = sorted(
        {entry.value for tensor in tensors for entry in tensor.external_data if entry.key == "location"}
    )
    path, beside = _beside(path, places)
    return OnnxFile(
        path=path,
        metadata={entry.key: entry.value for entry in model.metadata_props},
        beside=beside,
        random=any(map(_draws, nodes)),
        fixed=any(_draws(node) and any(each.name == "seed" for each in node.attribute) for node in nodes),
        parameters=sum(math.prod(each.dims) for each in tensors if each.data_type in _REAL),
        size=sum(each.stat().st_size for each in (path, *beside)),
    )


def _draws(node: Any) -> bool:
    """Whether a node draws random numbers; Dropout may, where it is told that it is trained."""
    training = node.op_type == "Dropout" and len(node.input) > 2 and node.input[2]
    return node.domain in ("", "ai.onnx") and bool(node.op_type in _RANDOM or training)


def _nodes(graph: Any) -> Iterator[Any]:
    """The nodes of a graph or function, and of the graphs within them."""
    for node in graph.node:
        yield node
        for attribute in node.attribute:
            for inner in (attribute.g, *attribute.graphs):
                yield from _nodes(inner)


def _tensors(graph: Any) -> Iterator[Any]:
    """The tensors of a graph or function that may keep their data in another file."""
    yield from getattr(graph, "initializer", ())
    for node in graph.node:
        for attribute in node.attribute:
            yield from (attribute.t, *attribute.tensors)
            for inner in (attribute.g, *attribute.graphs):
                yield from _tensors(inner)


def _beside(path: Path, places: Sequence[str]) -> tuple[Path, tuple[Path, ...]]:
    """The file by the name beside which its data lie, and those: the link's, or that of what it leads to.

    Links among the data may lead to the folder of a link's target too, as in the cache of Hugging Face.
    """
    ways = ways_to(path)
    folders = [way.parent.resolve() for way in ways]
    for place in places:
        ends = [(way.parent / place).resolve() for way in ways]
        ends = [end for end in ends if end.exists()] or ends
        if Path(place).is_absolute() or not any(end.is_relative_to(each) for end in ends for each in folders):
            raise ValueError(f"{path.name} refers to {place}, which is outside its folder; it is not opened")
    for way in ways:
        found = tuple(way.parent / place for place in places)
        if all(each.is_file() for each in found):
            return way, found
    missing = next((place for place in places if not (path.parent / place).is_file()), places[0])
    raise ValueError(f"{path.name} keeps weights in {missing}, which is not beside it")


def threads() -> int:
    """How many a session is given: as ``OMP_NUM_THREADS`` says, or one."""
    return threads_allowed() or 1


def open_session(model: Path | bytes, device: str) -> Any:
    """A session of a file, or of what one holds, with :func:`threads`.

    Raises:
        ValueError: the file cannot be run here, or not on this device.
        UserError: the package onnxruntime is missing.
    """
    providers = ["CPUExecutionProvider"]
    if device == "cuda":
        if "CUDAExecutionProvider" not in package("onnxruntime").get_available_providers():
            raise ValueError("this onnxruntime has no CUDA: install onnxruntime-gpu, or say --device cpu")
        providers.insert(0, "CUDAExecutionProvider")
    options = package("onnxruntime").SessionOptions()
    options.intra_op_num_threads = threads()
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # as OpenMP's, see harness
    options.log_severity_level = 4  # what matters comes as an exception
    try:
        return package("onnxruntime").InferenceSession(model, options, providers=providers, enable_fallback=0)
    except Exception as error:  # noqa: BLE001 - onnxruntime's own kinds, with no base of theirs
        name = model.name if isinstance(model, Path) else "the graph"
        raise ValueError(f"onnxruntime cannot load {name}: {one_line(error)}") from None


def package(name: str) -> Any:
    """One of the packages that ONNX files need, imported only where it is.

    Raises:
        UserError: it is missing.
    """
    try:
        return import_module(name)
    except ImportError as error:
        raise UserError(f"ONNX files need the package {name}: pip install {name}") from error

"""What an ONNX file holds, and a session of ONNX Runtime that computes it.

An ONNX file is data: it can run no code of its own, for no library of custom operators is ever loaded, and it
may refer to no file outside its folder.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from ...errors import UserError, one_line
from ...system import threads_allowed

_RANDOM = (
    "RandomNormal",
    "RandomNormalLike",
    "RandomUniform",
    "RandomUniformLike",
    "Multinomial",
    "Bernoulli",
)


@dataclass(frozen=True)
class OnnxFile:
    """What is known of an ONNX file before anything is run.

    Attributes:
        path: the file.
        metadata: its ``metadata_props``.
        beside: files with data that it refers to.
        random: whether it draws random numbers of its own.
    """

    path: Path
    metadata: dict[str, str]
    beside: tuple[Path, ...]
    random: bool


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
    places = {entry.value for tensor in tensors for entry in tensor.external_data if entry.key == "location"}
    return OnnxFile(
        path=path,
        metadata={entry.key: entry.value for entry in model.metadata_props},
        beside=tuple(_beside(path, place) for place in sorted(places)),
        random=any(node.op_type in _RANDOM and node.domain in ("", "ai.onnx") for node in nodes),
    )


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


def _beside(path: Path, place: str) -> Path:
    folder = path.parent.resolve()
    found = (folder / place).resolve()
    if not found.is_relative_to(folder):
        raise ValueError(f"{path.name} refers to {place}, which is outside its folder; it is not opened")
    if not found.is_file():
        raise ValueError(f"{path.name} keeps weights in {place}, which is not beside it")
    return found


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

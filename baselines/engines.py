"""What runs a generator: PyTorch or ONNX Runtime, with the same weights and the same inputs.

Which of them ``auto`` means is a fixed rule, made from what ``make bench`` measured on CPUs (see
docs/performance.md), and never a trial on the spot: results then do not depend on how busy a machine was.
"""

import hashlib
import logging
import warnings
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from .weights import write_atomic

Floats: TypeAlias = npt.NDArray[np.float32]
Rates: TypeAlias = Callable[[Floats, Floats], Floats]  # (B, Z) noise, (B, K) scaled conditions -> (B, ...)

ENGINES = ("torch", "onnx")
_AUTO = {"compact": "torch", "layers": "torch", "paper": "onnx"}  # on a CPU; a GPU is PyTorch's
# Rows computed together: on a CPU as many as run fastest, their activations stay in its cache.
_BATCH = {
    ("compact", "torch"): 256,
    ("compact", "onnx"): 256,
    ("layers", "torch"): 256,
    ("layers", "onnx"): 256,
    ("paper", "torch"): 4,
    ("paper", "onnx"): 16,
}
_GPU_BATCH = 1024


def choose_engine(engine: str, preset: str, device: str) -> str:
    """``torch`` or ``onnx``, given ``auto``, ``torch`` or ``onnx``.

    Raises:
        ValueError: the engine is none of these.
    """
    if engine == "auto":
        return _AUTO[preset] if device == "cpu" else "torch"
    if engine not in ENGINES:
        raise ValueError(f"unknown engine {engine!r}; expected auto, {' or '.join(ENGINES)}")
    return engine


def batch_size(engine: str, preset: str, device: str) -> int:
    """How many rows are computed together."""
    return _BATCH[preset, engine] if device == "cpu" else _GPU_BATCH


def torch_rates(network: nn.Module, device: str) -> Rates:
    """The network in PyTorch, as it stands at each call."""

    def rates(noise: Floats, conditions: Floats) -> Floats:
        inputs = (torch.from_numpy(array).to(device) for array in (noise, conditions))
        with torch.inference_mode():
            return np.asarray(network(*inputs).cpu().numpy())

    return rates


def onnx_rates(network: nn.Module, inputs: tuple[int, int], device: str, graphs: Path) -> Rates:
    """The network, with the weights that it has now, in ONNX Runtime.

    Args:
        network: in evaluation mode.
        inputs: Z and K.
        device: ``cpu`` or ``cuda``; the latter needs the package ``onnxruntime-gpu``.
        graphs: folder where an exported graph is kept, by what its weights hold.

    Raises:
        ValueError: ONNX Runtime has no support for the device.
    """
    import onnxruntime  # a tenth of a second, and only needed here

    path = graphs / f"{_digest(network)}.onnx"
    if not path.exists():
        graph = export_graph(network, inputs)
        with suppress(OSError):  # what cannot be kept is made again each time
            graphs.mkdir(parents=True, exist_ok=True)
            write_atomic(path, graph)
    provider = {"cpu": "CPUExecutionProvider", "cuda": "CUDAExecutionProvider"}[device]
    if provider not in onnxruntime.get_available_providers():
        raise ValueError(f"engine onnx: ONNX Runtime has no {provider} here; install onnxruntime-gpu")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    session = onnxruntime.InferenceSession(path if path.exists() else graph, options, providers=[provider])

    def rates(noise: Floats, conditions: Floats) -> Floats:
        return np.asarray(session.run(None, {"noise": noise, "conditions": conditions})[0])

    return rates


def export_graph(
    network: nn.Module,
    inputs: Sequence[int],
    outputs: Sequence[str] = ("rates",),
    names: Sequence[str] = ("noise", "conditions"),
    **options: Any,
) -> bytes:
    """An ONNX model of a network with inputs ``noise`` (batch, Z) and ``conditions`` (batch, K), or others.

    Args:
        network: in evaluation mode, on the CPU.
        inputs: Z and K, the width of each.
        outputs: names of what it returns.
        names: of the inputs.
        options: for :func:`torch.onnx.export`.
    """
    example = tuple(torch.zeros(2, width) for width in inputs)
    batch = torch.export.Dim("batch")
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)  # it tells of packages that are not needed
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of PyTorch about itself
            program = torch.onnx.export(
                network,
                example,
                input_names=list(names),
                output_names=list(outputs),
                dynamic_shapes=tuple({0: batch} for _ in inputs),
                dynamo=True,
                verbose=False,
                **options,
            )
    finally:
        logger.setLevel(level)
    assert program is not None  # noqa: S101 - it always is with dynamo=True
    return bytes(program.model_proto.SerializeToString())


def _digest(network: nn.Module) -> str:
    """Tells apart what a graph is made of: the weights, and the versions that make it."""
    digest = hashlib.sha256(f"{torch.__version__}\0{type(network).__qualname__}".encode())
    for name, tensor in network.state_dict().items():
        digest.update(f"\0{name}\0{tuple(tensor.shape)}\0".encode())
        digest.update(tensor.cpu().numpy().tobytes())
    return digest.hexdigest()

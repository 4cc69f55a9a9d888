"""The classifier that O2 asks before it runs a generator: its call, and what is taken for an answer."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ..errors import UserError, one_line
from ..models.onnx.inputs import port
from ..models.onnx.scales import Scales
from ..plugin.detectors import Detector
from ..plugin.simulators import Check
from .path import o2_scaled, session_of, version_problems
from .scales_file import read_as_o2


class O2Classifier:
    """A graph and its scales, asked as O2 asks them: one particle at a time; the first number is rounded.

    Raises:
        UserError: O2 would stop, or misread the answer; says why.
    """

    def __init__(self, graph: Path, scales: Path) -> None:
        self._scales: Scales = read_as_o2(scales)
        self._session = session_of(graph)
        inputs = [port(each) for each in self._session.get_inputs()]
        first = port(self._session.get_outputs()[0])
        if len(inputs) != 1:
            raise UserError(f"{graph}: O2 gives a classifier one input; the graph has {len(inputs)}")
        (only,) = inputs
        if only.kind != "tensor(float)" or len(only.dimensions) != 2 or only.dimensions[1] not in (None, 9):
            raise UserError(f"{graph}: O2 gives conditions of float32 (1, 9), the graph takes {only}")
        if only.dimensions[0] not in (None, 1):
            raise UserError(f"{graph}: O2 asks of one particle at a time, the graph takes {only}")
        if first.kind != "tensor(float)":
            raise UserError(f"{graph}: O2 reads the first output as float32, the graph gives {first}")
        self._input = only.name
        self._outputs = [each.name for each in self._session.get_outputs()]

    def answers(self, conditions: npt.NDArray[np.float32], detector: Detector) -> npt.NDArray[np.float32]:
        """All numbers of the first output, (N, M), for conditions (N, 9) in this package's units.

        Raises:
            UserError: the graph cannot be run.
        """
        scaled = o2_scaled(conditions, self._scales, detector)
        found = []
        for row in range(len(scaled)):
            try:
                values = self._session.run(self._outputs, {self._input: scaled[row : row + 1]})[0]
            except Exception as error:  # noqa: BLE001 - onnxruntime's own kinds, with no base of theirs
                raise UserError(
                    f"O2 stops, onnxruntime cannot run the classifier: {one_line(error)}"
                ) from None
            found.append(np.asarray(values, np.float32).ravel())
        return np.stack(found)


def said_yes(answers: npt.NDArray[np.float32]) -> npt.NDArray[np.bool_]:
    """(N,) whether O2 takes answers (N, M) for a hit: ``std::round`` of the first number is not zero."""
    return np.abs(answers[:, 0]) >= 0.5  # half away from zero


def _auc(probability: npt.NDArray[np.float32], light: npt.NDArray[np.float64]) -> float:
    """The chance that a response with light has the higher probability; ``light`` are shares of responses."""
    from sklearn.metrics import roc_auc_score

    truth = np.repeat([1, 0], len(light))
    weight = np.concatenate([light, 1 - light])
    return float(roc_auc_score(truth, np.tile(probability, 2), sample_weight=weight))


def classifier_steps(
    graph: Path,
    scales: Path,
    detector: Detector,
    conditions: npt.NDArray[np.float32],
    light: npt.NDArray[np.float64] | None = None,
) -> Iterator[Check]:
    """Each step of O2's way with a classifier, with its verdict.

    Args:
        graph: the file.
        scales: its file of scales.
        detector: of the conditions.
        conditions: (N, 9) of raw particles, those without a hit too, in this package's units.
        light: (N,) the share of each one's raw responses that had light, if it is known.
    """
    try:
        problems = version_problems(graph)
        classifier = O2Classifier(graph, scales)
        answers = classifier.answers(conditions, detector)
    except (UserError, ValueError) as error:
        yield Check(f"classifier: {error}", passed=False)
        return
    yield from (Check(f"classifier: {problem}", passed=False) for problem in problems)
    if answers.shape[1] != 1:
        yield Check(
            f"classifier: {answers.shape[1]} numbers for a particle; O2 rounds the first, "
            "which of [no, yes] is the no",
            passed=False,
        )
        return
    if not np.isfinite(answers).all() or answers.min() < 0 or answers.max() > 1:
        yield Check(
            f"classifier: from {answers.min():.3g} to {answers.max():.3g}, expected probabilities: "
            "of logarithms of odds O2 takes -0.5 for a hit",
            passed=False,
        )
        return
    yes = said_yes(answers)
    text = f"classifier: a probability; {100 * yes.mean():.1f} % of {len(yes)} particles are a hit"
    if light is not None:
        kept = float(light[yes].sum() / max(light.sum(), 1e-12))
        text += f", with {100 * kept:.1f} % of the responses that have light in {detector.name}"
        if 0 < light.mean() < 1:
            text += f" (AUC {_auc(answers[:, 0], light):.3f})"
    yield Check(text, passed=bool(yes.any()))

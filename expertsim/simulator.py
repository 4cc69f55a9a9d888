"""A trained mixture behind the benchmark's interface."""

from collections.abc import Mapping
from itertools import combinations
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from simbench.baselines.gan.networks import blank_generator
from simbench.baselines.gan.simulator import GanSimulator

from .router import Gate

BUSY, IDLE = 0.80, 0.02  # shares of the responses beyond which an expert deserves a warning
ALIKE = 0.2  # difference of two experts, in that of two noises, below which they do
COMPARED = 1000  # conditions at most, on which experts are compared


class MixtureNetwork(nn.Module):
    """What is stored of a mixture: its gate and the generators of its experts."""

    def __init__(self, gate: Gate, experts: list[nn.Module]) -> None:
        super().__init__()
        self.gate = gate
        self.experts = nn.ModuleList(experts)


class MixtureSimulator(GanSimulator):
    """Responses of a mixture: every condition is served by the one expert that the gate names."""

    network: MixtureNetwork

    @staticmethod
    def blank(header: Mapping[str, Any]) -> MixtureNetwork:
        """Gate and generators of a header, their weights still to be loaded.

        Raises:
            KeyError, TypeError, ValueError: the header is that of no mixture.
        """
        network = dict(header["network"])
        experts = int(network.pop("experts"))
        with torch.random.fork_rng(devices=[]):  # the constructor's numbers are thrown away
            gate = Gate.of(network.pop("gate"))
        return MixtureNetwork(gate, [blank_generator(header["preset"], network) for _ in range(experts)])

    def route(self, conditions: npt.ArrayLike) -> npt.NDArray[np.int64]:
        """The expert, counted from 0, that serves each of the conditions (N, F): (N,)."""
        conditions = np.asarray(conditions)
        return self.network.gate.choose(conditions, self._scaler(conditions))

    def health(self, conditions: npt.NDArray[np.float32], responses: npt.NDArray[np.int32]) -> dict[str, Any]:
        """``experts`` and ``warnings``: what :func:`health` says; and, as further keys of ``experts``,

        - ``elsewhere``: the share of a training's draws that are expected to go to another expert than the
          one that serves the condition, None for a rule that draws nothing;
        - ``difference``: of the two experts that are most alike, see :meth:`differences`.
        """
        expert, scaled = self.route(conditions), self._scaler(conditions)
        found = health(expert, responses.sum(axis=(1, 2)), len(self.network.experts))
        pairs = self.differences(conditions)
        least = min(pairs.values()) if pairs else None
        found["experts"] |= {
            "elsewhere": self.network.gate.elsewhere(scaled),
            "difference": None if least is None else round(least, 5),
        }
        lines = [
            f"experts {i + 1} and {j + 1} of {len(self.network.experts)} are alike: on the conditions that "
            f"they serve they differ by {value:.0%} of what other noise changes (less than {ALIKE:.0%})"
            for (i, j), value in pairs.items()
            if value < ALIKE
        ]
        return found | ({"warnings": [*found.get("warnings", []), *lines]} if lines else {})

    @torch.inference_mode()
    def differences(self, conditions: npt.NDArray[np.float32]) -> dict[tuple[int, int], float]:
        """How far apart each pair of experts is, on what they serve of conditions (N, F).

        The mean absolute difference of the logarithms of the two experts' rates for the same noise, over that
        of one expert's for two noises: 0 for copies, about 1 for experts of which neither is known to the
        other. Experts that serve none of at most :data:`COMPARED` conditions are left out.
        """
        some = np.unique(np.linspace(0, len(conditions) - 1, min(len(conditions), COMPARED)).astype(int))
        rows = np.asarray(conditions)[some]
        expert = self.route(rows)
        scaled = torch.from_numpy(self._scaler(rows)).to(self._device)
        noises = [torch.from_numpy(self.noise(len(rows), seed)).to(self._device) for seed in (1, 2)]
        first, second = (
            [torch.log1p(network(noise, scaled).flatten(1)) for network in self.network.experts]
            for noise in noises
        )
        own = [_distances(one, other) for one, other in zip(first, second, strict=True)]
        found = {}
        for i, j in combinations(np.unique(expert).tolist(), 2):
            served = (expert == i) | (expert == j)
            change = (own[i][served] + own[j][served]).mean() / 2
            if change > 0:
                found[i, j] = float(_distances(first[i], first[j])[served].mean() / change)
        return found

    def _parts(
        self, conditions: npt.NDArray[Any], scaled: npt.NDArray[np.float32]
    ) -> list[tuple[nn.Module, npt.NDArray[np.int64]]]:
        expert = self.network.gate.choose(conditions, scaled)
        order = np.argsort(expert, kind="stable")
        ends = np.searchsorted(expert[order], np.arange(1, len(self.network.experts)))
        return list(zip(self.network.experts, np.split(order, ends), strict=True))


def _distances(first: torch.Tensor, second: torch.Tensor) -> npt.NDArray[np.float64]:
    """(B,) mean absolute differences of rows (B, V)."""
    return np.asarray((first - second).abs().mean(1).cpu().numpy(), dtype=np.float64)


def health(expert: npt.NDArray[np.int64], sums: npt.NDArray[np.integer], experts: int) -> dict[str, Any]:
    """The load of a mixture as JSON values.

    Args:
        expert: of each response, (N,).
        sums: their photon sums, (N,).
        experts: number of experts.

    Returns:
        ``experts`` with ``share`` (one an expert), ``entropy`` of the shares in nats (log of the number of
        experts if even) and ``intensity`` (mean photon sum, None for an expert without a response); and, if
        one has more than 80 % or less than 2 % of the responses, ``warnings``, a line each.
    """
    count = np.bincount(expert, minlength=experts)
    total = np.bincount(expert, sums, minlength=experts)
    share = count / max(len(expert), 1)
    present = share[share > 0]
    load = {
        "share": [round(float(value), 5) for value in share],
        "entropy": round(float((present * np.log(1 / present)).sum()), 5),
        "intensity": [
            round(t / n, 3) if n else None for t, n in zip(total.tolist(), count.tolist(), strict=True)
        ],
    }
    warnings = []
    for number, value in enumerate(share, 1):
        if value > BUSY or value < IDLE:
            bound = f"more than {BUSY:.0%}" if value > BUSY else f"less than {IDLE:.0%}"
            warnings.append(f"expert {number} of {experts} serves {value:.1%} of the responses ({bound})")
    return {"experts": load} | ({"warnings": warnings} if warnings else {})

"""``--part 3/20``: the share of a run that one job of a batch system makes, and what it leaves behind."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import UserError
from ..files import write_json

PART = "part.json"  # in place of result.json, when the part is done


@dataclass(frozen=True)
class Part:
    """Which part of how many, from 1.

    The units of a run (one run of one model), model by model, are dealt out in turn: a slow model's runs go
    to different parts. A unit's responses do not hang on it, for each chunk has a seed of its own.
    """

    number: int
    of: int

    @classmethod
    def parse(cls, text: str) -> "Part":
        """Of ``3/20``.

        Raises:
            UserError: it is not of this form, or there is no such part.
        """
        found = re.fullmatch(r"([0-9]{1,6})/([0-9]{1,6})", text.strip())
        part = cls(int(found[1]), int(found[2])) if found else None
        if part is None or not 1 <= part.number <= part.of:
            raise UserError(f"--part should be K/N with K from 1 to N, such as 3/20, found {text!r}")
        return part

    def __str__(self) -> str:
        return f"{self.number}/{self.of}"

    def runs(self, labels: Sequence[str], runs: int) -> dict[str, list[int]]:
        """Which runs of each model it makes; of some models none."""
        mine: dict[str, list[int]] = {label: [] for label in labels}
        for index in range(self.number - 1, len(labels) * runs, self.of):
            mine[labels[index // runs]].append(index % runs)
        return mine


def write_part(
    out: Path,
    part: Part,
    head: Mapping[str, Any],
    runs: Mapping[str, Sequence[int]],
    entries: Sequence[Mapping[str, Any]],
) -> dict[str, Any]:
    """Write what a finished part says of itself, beside its units, and return it.

    Args:
        out: the part's folder.
        part: which it is.
        head: what ``result.json`` says besides the models.
        runs: which it made, by label, of all models in their order.
        entries: of the models that it made runs of, less their scores.
    """
    told = {
        **head,
        "part": [part.number, part.of],
        "runs": {label: list(mine) for label, mine in runs.items()},
        "models": list(entries),
    }
    write_json(out / PART, told)
    return told

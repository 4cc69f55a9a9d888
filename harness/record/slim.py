"""A run's folder made small enough to be committed: what ``compare`` and ``leaderboard`` need."""

import sys
from dataclasses import replace
from pathlib import Path

from .folder import RunFolder, load_unit, save_unit


def slim(path: Path) -> None:
    """Reduce every unit of a run to the channel sums of the run's own convention and the photon sums.

    The page and what a resumed run would go by are removed: such a run computes everything again.

    Raises:
        UserError: the folder holds no finished run.
    """
    convention = RunFolder(path).result["protocol"]["channels"]
    for file in (path / "units").glob("*.npz"):
        unit = load_unit(file)
        if unit is None:
            continue
        kept = [i for i, name in enumerate(unit.columns) if name.startswith(f"{convention}/")]
        kept.append(unit.columns.index("photons"))
        columns = tuple(unit.columns[index] for index in kept)
        small = replace(unit, sums=unit.sums[:, kept], columns=columns, examples=None, example_rows=None)
        save_unit(file, small, {})
    for name in ("report.html", "scores.csv", "units/protocol.json"):
        (path / name).unlink(missing_ok=True)


if __name__ == "__main__":
    slim(Path(sys.argv[1]))

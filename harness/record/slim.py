"""A run's folder made small enough to be committed: what ``compare`` and ``leaderboard`` need."""

import sys
from dataclasses import replace
from pathlib import Path

from ..errors import UserError
from .folder import RunFolder, load_unit, save_unit, stored_identity


def slim(path: Path) -> None:
    """Reduce every unit of a run to the channel sums of the run's own convention and the photon sums.

    The page and what a resumed run would go by are removed: such a run computes everything again.

    Raises:
        UserError: the folder holds no finished run, or a damaged unit.
    """
    convention = RunFolder(path).result["protocol"]["channels"]
    for file in (path / "units").glob("*.npz"):
        unit, identity = load_unit(file), stored_identity(file)
        if unit is None:
            raise UserError(f"{file} is damaged: start the run again")
        kept = [i for i, name in enumerate(unit.columns) if name.startswith(f"{convention}/")]
        kept.append(unit.columns.index("photons"))
        columns = tuple(unit.columns[index] for index in kept)
        small = replace(unit, sums=unit.sums[:, kept], columns=columns, examples=None, example_rows=None)
        save_unit(file, small, identity or {})
    for name in ("report.html", "scores.csv", "units/protocol.json"):
        (path / name).unlink(missing_ok=True)


if __name__ == "__main__":
    slim(Path(sys.argv[1]))

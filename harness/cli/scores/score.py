"""``simbench score``."""

from pathlib import Path
from typing import Annotated

import typer

from simbench import reports

from ...challenge.protocol import NETWORKS, ROWS, STEPS, Wish
from ...challenge.protocol import score as score_files
from ...errors import UserError
from ...record.lock import held
from ...run.placement import resolve_device
from ..common.options import Device, Quiet
from ..common.plugins import load_registry
from ..common.progress import bars, counter


def score(
    submission: Annotated[
        list[Path], typer.Argument(help="The showers to score; several files are joined.", metavar="FILE...")
    ],
    reference: Annotated[
        list[Path], typer.Option(help="Geant4's showers, the challenge's second file; repeatable.")
    ],
    detector: Annotated[
        str, typer.Option(help="calochallenge-photons, -pions, -electrons or -electrons-fine.")
    ],
    out: Annotated[Path, typer.Option(help="Folder to write to; what is there already is not done again.")],
    training: Annotated[
        list[Path],
        typer.Option(help="The challenge's first file, for the floor; repeatable. [default: none]"),
    ] = [],  # noqa: B006 - typer copies it
    label: Annotated[str | None, typer.Option(help="The submission's name. [default: of its file]")] = None,
    protocol: Annotated[str, typer.Option(help="calochallenge, the only one so far.")] = "calochallenge",
    steps: Annotated[
        str | None,
        typer.Option(
            help=f"Of {', '.join(STEPS)}; joined by commas. [default: all but the networks "
            f"{', '.join(NETWORKS)}; on a GPU with low and high]"
        ),
    ] = None,
    rows: Annotated[int, typer.Option(help="Showers of a side for nearest neighbours; 0: all.")] = ROWS,
    repeats: Annotated[int, typer.Option(help="Trainings of each network.")] = 10,
    epochs: Annotated[int, typer.Option(help="Of each training.")] = 50,
    device: Device = "auto",
    seed: Annotated[int, typer.Option(help="Of the networks; the repeats' follow from it.")] = 0,
    quiet: Quiet = False,
) -> None:
    """Score files of showers as the CaloChallenge does, beside its published table. No simulator is run.

    Files are HDF5 with incident_energies (N, 1) and showers (N, V) in MeV. Each score is a step of its own,
    kept in OUT/steps: started again, only what is missing or has changed is computed. OUT gets score.json,
    scores.csv, score.md and figures.

    For example:

      simbench score mine.hdf5 --reference dataset_2_2.hdf5 --training dataset_2_1.hdf5
      --detector calochallenge-electrons --out runs/mine

      simbench score a.hdf5 b.hdf5 --reference dataset_3_3.hdf5 --reference dataset_3_4.hdf5
      --detector calochallenge-electrons-fine --steps separation,fpd,kpd --out runs/fine

      simbench score mine.hdf5 --reference dataset_1_photons_2.hdf5 --detector calochallenge-photons
      --steps low,high --device cuda --out runs/mine
    """
    registry = load_registry()
    if protocol != "calochallenge":
        raise UserError(f"--protocol should be calochallenge, found {protocol!r}")
    placed = resolve_device(device)
    wish = Wish(
        detector=registry.detectors[detector],
        submission=tuple(submission),
        reference=tuple(reference),
        training=tuple(training),
        label=label or submission[0].stem,
        steps=_steps(steps, placed),
        rows=_at_least("--rows", rows, 0) or 2**62,
        repeats=_at_least("--repeats", repeats, 1),
        epochs=_at_least("--epochs", epochs, 1),
        device=placed,
        seed=seed,
    )
    with held(out, "simbench score"), bars(quiet) as progress:
        result = score_files(wish, out, lambda what: counter(progress, what))
        written = reports.write_score(result, out)
    typer.echo(reports.render_score(result, "table"), nl=False)
    typer.echo(f"written: {', '.join(str(path) for path in (out / 'score.json', *written))}", err=True)


def _steps(asked: str | None, device: str) -> tuple[str, ...]:
    if asked is None:
        return tuple(step for step in STEPS if step not in NETWORKS or (device == "cuda" and step != "cnn"))
    names = [name.strip() for name in asked.split(",")]
    unknown = [name for name in names if name not in STEPS]
    if unknown:
        raise UserError(f"--steps should be of {', '.join(STEPS)}; found {unknown[0]!r}")
    return tuple(step for step in STEPS if step in names)


def _at_least(option: str, value: int, least: int) -> int:
    if value < least:
        raise UserError(f"{option} should be at least {least}, found {value}")
    return value

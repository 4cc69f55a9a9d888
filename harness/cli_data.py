"""``simbench data``: make, describe and check dataset files."""

from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from rich.console import Console

from .cli_run import Quiet
from .dataset import Dataset
from .hooks import MakeRequest
from .picture import picture
from .show import bars, counter, load_registry
from .sources import make as make_file
from .sources import maker_of, open_data

app = typer.Typer(
    help="Make, describe and check dataset files.", rich_markup_mode=None, pretty_exceptions_enable=False
)


@app.command()
def make(
    out: Annotated[Path, typer.Option(help="The HDF5 file to write.")],
    detector: Annotated[str, typer.Option(help="Whose responses.")] = "proton",
    particles: Annotated[int, typer.Option(help="How many particles.")] = 1000,
    repeats: Annotated[int, typer.Option(help="Responses of each particle.")] = 8,
    seed: Annotated[int, typer.Option(help="Of particles and responses.")] = 0,
    simulator: Annotated[str, typer.Option(help="See: simbench list datasets.")] = "mc",
    quiet: Quiet = False,
) -> None:
    """Make a dataset: particles of a gun, and several independent responses of each.

    For example:

      simbench data make --detector neutron --particles 2000 --repeats 8 --seed 1 --out neutron.h5
    """
    registry = load_registry()
    asked = registry.detectors[detector]
    maker = maker_of(registry, asked, simulator)
    total = particles * repeats
    with bars(quiet) as progress:
        report = counter(progress, f"making {out.name}")
        request = MakeRequest(asked, particles, repeats, seed)
        fingerprint = make_file(out, maker, request, lambda done: report(done, total))
    typer.echo(f"{out}: {total} responses, fingerprint {fingerprint}")


@app.command()
def info(
    file: Annotated[str, typer.Argument(help="A dataset file, or embedded.")],
    detector: Annotated[str, typer.Option(help="Which embedded dataset.")] = "proton",
    pictures: Annotated[int, typer.Option(help="How many responses to show.")] = 4,
    quiet: Quiet = False,
) -> None:
    """Describe a dataset: counts, photon sums, zero pixels, particles and repeats, and show a few responses.

    For example:

      simbench data info neutron.h5

      simbench data info embedded --detector proton --pictures 0
    """
    with _open(file, detector, quiet) as data, bars(quiet) as progress:
        report = counter(progress, "reading")
        photons, zeros, largest, rows = [], 0, 0, 0
        for block in data.blocks():
            photons.append(block.sum(axis=(1, 2), dtype=np.int64))
            zeros += int((block == 0).sum())
            largest = max(largest, int(block.max()))
            rows += len(block)
            report(rows, len(data))
        sums = np.concatenate(photons) if photons else np.zeros(0, np.int64)
        _, repeats = np.unique(data.particle, return_counts=True)
        lines = [
            ("file", str(data.path)),
            ("detector", f"{data.detector}, responses of {data.shape[0]} x {data.shape[1]}"),
            ("provenance", data.provenance),
            ("fingerprint", data.fingerprint),
            ("responses", f"{len(data)}"),
            ("particles", f"{len(repeats)}"),
        ]
        if len(data):
            quartiles = " / ".join(f"{value:g}" for value in np.quantile(sums, (0, 0.25, 0.5, 0.75, 1)))
            lines += [
                ("repeats", f"{repeats.min()} to {repeats.max()} responses of a particle"),
                ("photon threshold", f"{data.min_photons}"),
                ("photon sum", f"min / Q1 / Q2 / Q3 / max: {quartiles}"),
                ("", f"mean {sums.mean():.2f}, standard deviation {sums.std():.2f}"),
                ("zero pixels", f"{100 * zeros / (len(data) * data.shape[0] * data.shape[1]):.2f} %"),
                ("largest pixel", f"{largest}"),
            ]
        for name, value in lines:
            typer.echo(f"{name:<17} {value}")
        if pictures > 0 and len(data):
            # Evenly spaced in brightness, from the median up: the faint half is a few photons at an edge.
            order = np.argsort(sums, kind="stable")
            shares = np.linspace(0.5, 0.999, pictures) if pictures > 1 else np.array([0.9])
            chosen = [int(order[int(share * (len(order) - 1))]) for share in shares]
            images = [data.read(row, row + 1)[0] for row in chosen]
            titles = [f"row {row}, {sums[row]} photons" for row in chosen]
            typer.echo("")
            Console(highlight=False).print(picture(images, titles), soft_wrap=True)


@app.command()
def check(
    file: Annotated[str, typer.Argument(help="A dataset file, or embedded.")],
    detector: Annotated[str, typer.Option(help="Which embedded dataset.")] = "proton",
    quiet: Quiet = False,
) -> int:
    """Read a whole dataset and say what is wrong with it; status 1 if anything is.

    For example:

      simbench data check neutron.h5
    """
    with _open(file, detector, quiet) as data:
        problems = data.check()
        for problem in problems:
            typer.echo(f"{data.path}: {problem}", err=True)
        if not problems:
            typer.echo(f"{data.path}: {len(data)} responses, fingerprint {data.fingerprint[:12]}, all well")
    return int(bool(problems))


def _open(file: str, detector: str, quiet: bool) -> Dataset:
    if file != "embedded":
        return Dataset(Path(file))
    registry = load_registry()
    with bars(quiet) as progress:
        report = counter(progress, "making the embedded dataset")
        return open_data(registry, registry.detectors[detector], file, report)

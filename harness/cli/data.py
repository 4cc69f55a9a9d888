"""``simbench data``: make, import, describe and check dataset files."""

import warnings
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from rich.console import Console

from ..data.dataset import Dataset
from ..data.describing import efficiency, lines, peaks
from ..data.importing import import_files
from ..data.open import embedded, former, maker_of, open_data, particles_of
from ..data.open import make as make_file
from ..errors import UserError
from ..plugin.datasets import DatasetMaker, MakeRequest, ReadRequest
from ..plugin.detectors import Detector
from ..plugin.specs import PROJECT
from .common.options import Force, Quiet, named_values
from .common.picture import picture
from .common.plugins import load_registry
from .common.progress import bars, counter

app = typer.Typer(
    help="Make, import, describe and check dataset files.",
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


@app.command()
def make(
    out: Annotated[Path, typer.Option(help="The HDF5 file to write.")],
    detector: Annotated[str, typer.Option(help="Whose responses.")] = "proton",
    detectors: Annotated[
        str | None,
        typer.Option(help="Several, joined by commas: the same particles in each, a file for each."),
    ] = None,
    particles: Annotated[int | None, typer.Option(help="How many particles. [default: 1000]")] = None,
    repeats: Annotated[int | None, typer.Option(help="Responses of each particle. [default: 8]")] = None,
    like: Annotated[
        str | None, typer.Option(help="Data whose particles to take, and as many responses of each.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Of particles and responses.")] = 0,
    simulator: Annotated[str, typer.Option(help="See: simbench list datasets.")] = "mc",
    quiet: Quiet = False,
) -> None:
    """Make a dataset: particles of a gun, or of a file, and several independent responses of each.

    For example:

      simbench data make --detector neutron --particles 2000 --repeats 8 --seed 1 --out neutron.h5

      simbench data make --like mine.h5 --detector neutron --out mine-mc.h5

      simbench data make --detectors proton,neutron --particles 5000 --out pair.h5
    """
    registry = load_registry()
    if detectors is not None:
        if like is not None:
            raise UserError("--detectors takes particles of the guns: no --like")
        names = tuple(dict.fromkeys(name.strip() for name in detectors.split(",")))
        size = 1000 if particles is None else particles, 8 if repeats is None else repeats
        for name in names:
            maker = maker_of(registry, registry.detectors[name], simulator)
        for name in names:
            request = MakeRequest(registry.detectors[name], *size, seed, shared=names)
            path = out.with_name(f"{out.stem}-{name}{out.suffix}")
            _make(path, maker, request, size[0] * size[1], "held no light", quiet)
        return
    asked = registry.detectors[detector]
    maker = maker_of(registry, asked, simulator)
    if like is None:
        gun = 1000 if particles is None else particles, 8 if repeats is None else repeats
        request = MakeRequest(asked, *gun, seed)
        total = request.particles * request.repeats
    else:
        if particles is not None or repeats is not None:
            raise UserError("--like takes particles and repeats from a file: no --particles, no --repeats")
        with open_data(registry, asked, like) as data:
            taken = particles_of(data)
            most = int(taken.repeats.max())
            request = MakeRequest(asked, len(taken.pdg), most, seed, data.min_photons, taken)
            total = len(data)
    _make(out, maker, request, total, "never reached the threshold", quiet)


def _make(out: Path, maker: DatasetMaker, request: MakeRequest, total: int, why: str, quiet: bool) -> None:
    """Make a file and say what is in it; ``why`` of the ``total`` some were left out."""
    written = 0
    with bars(quiet) as progress:
        report = counter(progress, f"making {out.name}")

        def follow(done: int) -> None:
            nonlocal written
            written = done
            report(done, total)

        fingerprint = make_file(out, maker, request, follow)
    short = f"; {total - written} {why} and were left out" if written < total else ""
    typer.echo(f"{out}: {written} responses, fingerprint {fingerprint}{short}")


@app.command("import")
def import_(
    kind: Annotated[str, typer.Argument(help="What the files are; see: simbench list readers.")],
    files: Annotated[list[Path], typer.Argument(help="The files, in the order that the kind asks for.")],
    out: Annotated[Path, typer.Option(help="The HDF5 file to write.")],
    detector: Annotated[str, typer.Option(help="Whose responses.")] = "proton",
    test: Annotated[
        list[Path],
        typer.Option(
            help="Files of the test part, for --split file; all others are for training; repeatable."
        ),
    ] = [],  # noqa: B006
    min_photons: Annotated[
        int | None,
        typer.Option(help="Drop responses with a smaller photon sum. [default: 1; of measured energies 0]"),
    ] = None,
    option: Annotated[
        list[str], typer.Option(help="NAME=VALUE of what the kind takes, such as a branch; repeatable.")
    ] = [],  # noqa: B006
    force: Force = False,
    quiet: Quiet = False,
) -> None:
    """Import a user's files: check them, group equal particles, drop faint responses, write a dataset.

    For example:

      simbench data import wojnar responses.npz particles.npz --detector neutron --out neutron.h5

      simbench data import zdcfastsim non_zero_examples.txt proton_image.txt --detector proton --out proton.h5

      simbench data import calochallenge dataset_2_1.hdf5 --test dataset_2_2.hdf5 \
          --detector calochallenge-electrons --out dataset_2.h5

      simbench data import root zdc.root --detector neutron --option image=fibres --option pdg=id --out zn.h5
    """
    registry = load_registry()
    reader = registry.readers[kind]
    whose = registry.detectors[detector]
    threshold = reader.threshold(whose) if min_photons is None else min_photons
    request = ReadRequest(whose, tuple(files), threshold, force, named_values("--option", option))
    with bars(quiet) as progress, warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        task = progress.add_task(f"importing {kind}", total=None, note="")
        done = import_files(
            reader, request, out, lambda read: progress.update(task, completed=read), test=tuple(test)
        )
    for warning in caught:
        typer.echo(f"{PROJECT}: warning: {warning.message}", err=True)
    typer.echo(
        f"{out}: {done.responses} responses of {done.particles} particles, {_sums(request.detector)} "
        f"{done.smallest:g} to {done.largest:g}; {done.dropped} below {threshold} dropped; fingerprint "
        f"{done.fingerprint}"
    )


@app.command()
def info(
    file: Annotated[str, typer.Argument(help="A dataset file, embedded, or embedded:MAKER.")],
    detector: Annotated[str, typer.Option(help="Which embedded dataset.")] = "proton",
    pictures: Annotated[int, typer.Option(help="How many responses to show.")] = 4,
    quiet: Quiet = False,
) -> None:
    """Describe a dataset: counts, photon sums, zero pixels, particles and repeats, and show a few responses.

    For example:

      simbench data info neutron.h5

      simbench data info embedded --detector proton --pictures 0

      simbench data info embedded:spectators --detector neutron
    """
    with _open(file, detector, quiet) as data, bars(quiet) as progress:
        found, sums = lines(data, counter(progress, "reading"))
        older = former(load_registry(), data.fingerprint)
        if older:
            found.append(("version", older))
        energy = data.feature_names.index("Energy") if "Energy" in data.feature_names else None
        if energy is not None and len(data):
            stream = data.stream()
            if stream is not None:
                found += efficiency(stream, stream.conditions[:, energy].astype(np.float64))
            found += peaks(data, sums, data.conditions[:, energy].astype(np.float64))
        for name, value in found:
            typer.echo(f"{name:<17} {value}")
        if pictures > 0 and len(data):
            # Evenly spaced in brightness, from the median up: the faint half is a few photons at an edge.
            order = np.argsort(sums, kind="stable")
            shares = np.linspace(0.5, 0.999, pictures) if pictures > 1 else np.array([0.9])
            chosen = [int(order[int(share * (len(order) - 1))]) for share in shares]
            images = [data.read(row, row + 1)[0] for row in chosen]
            unit = "photons" if data.counted else "in all"
            titles = [f"row {row}, {sums[row]:g} {unit}" for row in chosen]
            typer.echo("")
            Console(highlight=False).print(picture(images, titles), soft_wrap=True)


@app.command()
def check(
    file: Annotated[str, typer.Argument(help="A dataset file, embedded, or embedded:MAKER.")],
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


def _sums(detector: Detector) -> str:
    return "photon sums" if detector.counted else f"sums ({detector.unit})"


def _open(file: str, detector: str, quiet: bool) -> Dataset:
    if not embedded(file):
        return Dataset(Path(file))
    registry = load_registry()
    with bars(quiet) as progress:
        report = counter(progress, "making the embedded dataset")
        return open_data(registry, registry.detectors[detector], file, report)

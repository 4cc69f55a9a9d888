"""``simbench card``."""

from datetime import date as day
from pathlib import Path
from typing import Annotated

import typer

from ...files import make_folder, write_text
from ...sharing.archive import write_archive
from ...sharing.card import Trained, hub_card


def card(
    model: Annotated[Path, typer.Argument(help="Folder that simbench train wrote.", metavar="MODEL_DIR")],
    run: Annotated[
        list[Path], typer.Option(help="Folder of a run that scored these weights; repeatable.")
    ] = [],  # noqa: B006 - typer copies it
    licence: Annotated[
        str, typer.Option("--license", help="Of the weights, as the Hub spells it: mit, cc-by-4.0, other.")
    ] = "other",
    out: Annotated[Path | None, typer.Option(help="File to write the card to; without it, print.")] = None,
    archive: Annotated[
        Path | None,
        typer.Option(help="ZIP file to write: weights, card, citations, Zenodo's metadata, scores."),
    ] = None,
    author: Annotated[list[str], typer.Option(help='Of --archive, "FAMILY, GIVEN"; repeatable.')] = [],  # noqa: B006
    date: Annotated[str | None, typer.Option(help="Of --archive, like 2026-11-25. [default: today]")] = None,
) -> None:
    """Write the model card of a training for the Hugging Face Hub, with its scores as model-index.

    The scores are those of runs in which these very files were scored, as their digest tells. --archive makes
    one file of the model for a repository such as Zenodo, with CITATION.cff, BibTeX and .zenodo.json. Nothing
    is asked of the network.

    For example:

      simbench card runs/my-gan --run runs/proton --license cc-by-4.0 --out README.md

      simbench card runs/my-gan --run runs/proton --archive my-gan.zip --author "Curie, Marie"
    """
    trained = Trained.read(model)
    text = hub_card(trained, run, licence)
    if archive is not None:
        make_folder(archive.parent)
        names = write_archive(archive, trained, run, author, date or day.today().isoformat(), licence)
        typer.echo(f"written: {archive}: {', '.join(names)}", err=True)
    if out is not None:
        make_folder(out.parent)
        write_text(out, text)
        typer.echo(f"written: {out}", err=True)
    elif archive is None:
        typer.echo(text, nl=False)

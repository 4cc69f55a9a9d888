"""Options that mean the same in several commands."""

from pathlib import Path
from typing import Annotated

import typer

from ...errors import UserError
from ...run.request import Request

Quiet = Annotated[bool, typer.Option("--quiet", help="No progress; the tables are printed all the same.")]
Data = Annotated[
    str, typer.Option(help="embedded, a dataset file, or files that a reader knows: PATH or KIND:FILE,FILE.")
]
MinPhotons = Annotated[
    int | None, typer.Option(help="Only responses with this photon sum or more. [default: the dataset's]")
]
Partial = Annotated[
    bool,
    typer.Option("--allow-partial", help="Do without files of a folder that cannot be read; tables say so."),
]
Force = Annotated[
    bool, typer.Option("--force", help="Take data that are not plausible, such as energies in other units.")
]
Split = Annotated[str, typer.Option(help="particle, event, or file: test files against training files.")]
Device = Annotated[str, typer.Option(help="auto, cpu or cuda.")]
Engine = Annotated[
    str, typer.Option(help="What runs networks: torch, onnx, or auto, a fixed rule for each model.")
]
Out = Annotated[Path | None, typer.Option(help="Folder for the results. [default: runs/DETECTOR]")]


def named_values(option: str, texts: list[str]) -> dict[str, str]:
    """What a repeatable option says in the form NAME=VALUE.

    Raises:
        UserError: one of them is of another form.
    """
    values = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals:
            raise UserError(f"{option} should be NAME=VALUE, found {text!r}")
        values[name.strip()] = value.strip()
    return values


def folder_of(request: Request) -> Path:
    """Where the results of a run go that names no folder; a part of it has one of its own."""
    folder = Path("runs") / request.detector
    if request.part is None:
        return folder
    return folder.with_name(f"{folder.name}-parts") / f"part-{request.part.number}"

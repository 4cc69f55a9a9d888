"""Options that mean the same in several commands."""

from typing import Annotated

import typer

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
Split = Annotated[str, typer.Option(help="particle or event.")]
Device = Annotated[str, typer.Option(help="auto, cpu or cuda.")]
Engine = Annotated[
    str, typer.Option(help="What runs networks: torch, onnx, or auto, a fixed rule for each model.")
]

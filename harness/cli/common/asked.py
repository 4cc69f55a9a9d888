"""The options of ``simbench run`` that say what is to be run, for every command that takes them."""

import inspect
from collections.abc import Callable
from typing import Annotated, Any

import typer

from ...run.placement import Placement
from ...run.request import Request
from .options import Data, Device, Engine, Force, MinPhotons, Partial, Split


def takes_request(command: Callable[..., int | None]) -> Callable[..., int | None]:
    """The command with the options of a run in place of its parameter ``request``."""
    options = inspect.signature(_request, eval_str=True).parameters
    own = inspect.signature(command, eval_str=True).parameters
    together = {**options, **{name: one for name, one in own.items() if name != "request"}}

    def called(**given: Any) -> int | None:
        request = _request(**{name: given.pop(name) for name in options})
        return command(request=request, **given)

    called.__name__, called.__doc__ = command.__name__, command.__doc__
    called.__annotations__ = {name: one.annotation for name, one in together.items()}
    parameters = [one.replace(kind=inspect.Parameter.KEYWORD_ONLY) for one in together.values()]
    called.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    return called


def _request(
    models: Annotated[
        list[str],
        typer.Option(
            help="NAME, NAME@WEIGHTS_DIR, FILE.py:CLASS, onnx:FILE[@SCALES][:units=o2|simbench]"
            "[:layout=row-major|x-fastest] or all; repeatable, or a,b,c."
        ),
    ] = ["all"],  # noqa: B006 - typer copies it
    detector: Annotated[str, typer.Option(help="Whose responses; see: simbench list detectors.")] = "proton",
    data: Data = "embedded",
    allow_partial: Partial = False,
    force: Force = False,
    min_photons: MinPhotons = None,
    split: Split = "particle",
    split_seed: Annotated[int, typer.Option(help="Of the split; independent of --seed.")] = 0,
    limit: Annotated[int | None, typer.Option(help="Only the first N test responses.")] = None,
    channels: Annotated[
        str | None, typer.Option(help="Channel convention. [default: the detector's]")
    ] = None,
    runs: Annotated[int, typer.Option(help="Generation seeds per model.")] = 5,
    seed: Annotated[int, typer.Option(help="Of the generation.")] = 0,
    device: Device = "auto",
    engine: Engine = "auto",
    metrics: Annotated[
        list[str], typer.Option(help="Names joined by commas. [default: see simbench list metrics]")
    ] = [],  # noqa: B006
    keep: Annotated[
        list[str], typer.Option(help="responses: keep them too, for metrics that need whole images.")
    ] = [],  # noqa: B006
    timing: Annotated[
        bool | None,
        typer.Option(
            "--timing/--no-timing",
            help="Time 10,000 responses of each model five times, or none. [default: a few, in passing]",
        ),
    ] = None,
    timing_only: Annotated[bool, typer.Option("--timing-only", help="Time the models; no scores.")] = False,
    allow_leak: Annotated[
        bool, typer.Option("--allow-leak", help="Score models on particles they were trained on, marked.")
    ] = False,
    executor: Annotated[
        str, typer.Option(help="Where to generate: local, processes or dask; changes no score.")
    ] = "local",
    workers: Annotated[
        int | None, typer.Option(help="Of --executor processes. [default: the cores there are]")
    ] = None,
    scheduler: Annotated[
        str | None, typer.Option(help="ADDRESS of the one of --executor dask, such as tcp://HOST:8786.")
    ] = None,
    timeout: Annotated[
        float | None, typer.Option(help="Seconds after which a model is given up; the others go on.")
    ] = None,
    resume: Annotated[bool, typer.Option(help="Keep what the folder already has.")] = True,
) -> Request:
    return Request(
        models=models,
        detector=detector,
        data=data,
        allow_partial=allow_partial,
        force=force,
        min_photons=min_photons,
        split=split,
        split_seed=split_seed,
        limit=limit,
        channels=channels,
        runs=runs,
        seed=seed,
        device=device,
        engine=engine,
        metrics=[name.strip() for text in metrics for name in text.split(",")],
        keep=keep,
        allow_leak=allow_leak,
        resume=resume,
        scoring=not timing_only,
        timing="full" if timing or timing_only else "brief" if timing is None else "none",
        placement=Placement(executor, workers, scheduler, timeout),
    )

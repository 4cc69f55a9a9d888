"""``--format``: the formats that come with simbench, and those that plugins offer."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from simbench import reports
from simbench.reports.output import FILES, lacks

from ...errors import UserError, traced
from ...files import write_text
from ...plugin.registry import Registry
from ...plugin.reports import ReportFormat
from ...plugin.specs import PROJECT
from ...system import told

SYSTEM = 4  # the exit status of what the system, or a report, could not do
T = TypeVar("T")

Formats = Annotated[
    list[str],
    typer.Option(
        "--format",
        help=f"{', '.join(reports.PRINTED)} or a plugin's are printed, and written to the folder; "
        "html, figures and parquet are written only; repeatable.",
    ),
]


Tables = Annotated[
    list[str],
    typer.Option(
        help="all, or names joined by commas, such as verdict, scores, channels, quartiles, timing. "
        "[default: run prints the verdict, all other formats have all]"
    ),
]


def table_names(texts: Sequence[str], registry: Registry) -> list[str]:
    """The names that ``--tables`` gives; ``all`` stands for itself.

    Raises:
        UserError: there can be no such table.
    """
    names = [name.strip() for text in texts for name in text.split(",")]
    known = ["all", *reports.TABLES]
    of_metrics = [
        f"{kind}-{metric.name}" for kind in ("channels", "quartiles") for metric in registry.metrics
    ]
    for name in names:
        if name not in (*known, *of_metrics):
            raise UserError(f"unknown table {name!r}; known: {', '.join(known)}, and channels-METRIC or so")
    return names


def check_formats(names: Sequence[str], others: Sequence[str] = ()) -> list[str]:
    """The formats asked for, each once, of those that come with simbench and ``others``.

    Raises:
        UserError: one of them is unknown, or needs a package that is not there.
    """
    known = (*reports.FORMATS, *others)
    for name in names:
        if name not in known:
            raise UserError(f"unknown format {name!r}; known: {', '.join(known)}")
    lacking = lacks(names)
    if lacking:
        raise UserError(lacking)
    return list(dict.fromkeys(names))


def choose_formats(names: Sequence[str], registry: Registry) -> tuple[list[str], list[ReportFormat]]:
    """The formats asked for: those that come with simbench, and those of plugins.

    Raises:
        UserError: one of them is unknown.
    """
    offered = offered_formats(registry)
    asked = check_formats(names, tuple(offered))
    own = [name for name in asked if name in reports.FORMATS]
    return own, [offered[name] for name in asked if name in offered]


def render_offered(formats: Sequence[ReportFormat], runs: reports.Runs) -> tuple[dict[str, str], bool]:
    """The texts that plugins' formats make of ``runs``, by file, and whether one failed; it is named."""
    texts = {}
    tables = reports.tables_of(runs) if formats else []
    for each in formats:
        try:
            text = each.render(list(tables))
            if not isinstance(text, str):
                raise TypeError(f"render should give a text, found {type(text).__name__}")  # noqa: TRY301
        except (Exception, SystemExit) as error:  # noqa: BLE001 - a plugin's format may fail in any way
            typer.echo(f"{PROJECT}: report format {each.name} failed: {traced(error)}", err=True)
        else:
            texts[each.file] = text
    return texts, len(texts) < len(formats)


class Attempts:
    """Makes the parts of a report, each on its own: one that fails is named, and the others go on.

    Attributes:
        failed: whether one did.
    """

    def __init__(self) -> None:
        self.failed = False

    def __call__(self, what: str, make: Callable[[], T], otherwise: T) -> T:
        """What ``make`` gives.

        Raises:
            UserError: what the user can mend.
            BrokenPipeError: nobody reads the output.
        """
        try:
            return make()
        except (UserError, BrokenPipeError):
            raise
        except Exception as error:  # noqa: BLE001 - the rest of the report is worth having
            self.failed = True
            reason = told(error) if isinstance(error, OSError) else traced(error)
            typer.echo(f"{PROJECT}: error: {what} cannot be made: {reason}", err=True)
            return otherwise

    def write(self, write: Callable[[list[str]], list[Path]], formats: Sequence[str]) -> list[Path]:
        """The files of some formats, by ``write(formats)``; those with figures are drawn together."""
        figured = [name for name in formats if name not in reports.PRINTED]
        groups = [[name] for name in formats if name in reports.PRINTED] + [figured] * bool(figured)
        written: list[Path] = []
        for group in groups:
            written += self(f"the report as {' and '.join(group)}", partial(write, group), list[Path]())
        return written


def write_offered(texts: Mapping[str, str], folder: Path) -> list[Path]:
    """Write them to a folder that is there, each at once."""
    for file, text in texts.items():
        write_text(folder / file, text)
    return [folder / file for file in texts]


def offered_formats(registry: Registry) -> dict[str, ReportFormat]:
    """Plugins' formats by name; one that takes the name or the file of another is named and left out."""
    formats: dict[str, ReportFormat] = {}
    files = set(FILES)
    for each in registry.reports:
        if each.name in reports.FORMATS or each.file in files:
            source = registry.reports.sources[each.name]
            typer.echo(
                f"{PROJECT}: skipped: plugin {source.name} {source.version}, simbench_reports: "
                f"the format {each.name!r} or its file {each.file} is another's",
                err=True,
            )
        else:
            formats[each.name] = each
            files.add(each.file)
    return formats

"""The whole site, written at once."""

import json
import secrets
import shutil
from collections.abc import Sequence
from pathlib import Path

from simbench.harness.errors import UserError
from simbench.harness.files import make_folder
from simbench.harness.sharing.checks import schema
from simbench.harness.sharing.folder import Submission

from ..formats.files import Advance, write_contents
from . import extras
from .board import boards, slug
from .figure import pareto_png, timed
from .pages import badge_path, board_page, contents_page, model_page

MARK = ".simbench-site"  # tells a site, which may be replaced, from a folder that may not


def write_site(
    submissions: Sequence[Submission], site: Path, url: str = "", advance: Advance = lambda *_: None
) -> tuple[list[Path], str | None]:
    """Write the site into a folder, in place of an older one.

    Args:
        submissions: at least one.
        site: the folder.
        url: where it will be published, for the feed.
        advance: is told the pages made, of how many.

    Returns:
        The paths, and a line on what could not be made.

    Raises:
        UserError: the folder holds something else.
    """
    if site.exists() and any(site.iterdir()) and not (site / MARK).exists():
        raise UserError(f"{site} holds something that is no site of simbench: give another folder")
    url = url if not url or url.endswith("/") else f"{url}/"
    found = boards(submissions)
    names = sorted({entry.name for board in found for entry in board.entries})
    total, done, missing = len(found) + len(names), 0, None
    contents: dict[Path, str | bytes] = {
        Path(MARK): "",
        Path("index.html"): contents_page(found, submissions),
    }
    contents[Path("feed.xml")] = extras.feed(submissions, url)
    for name in ("result", "submission"):
        contents[Path("schema") / f"{name}.schema.json"] = json.dumps(schema(name), indent=1) + "\n"
    for board in found:
        folder, frame = Path(board.detector) / board.protocol, extras.table(board)
        downloads = ["scores.csv"]
        contents[folder / "scores.csv"] = frame.to_csv(index=False, lineterminator="\n")
        try:
            contents[folder / "scores.parquet"] = extras.parquet(frame)
            downloads.append("scores.parquet")
        except ImportError:
            missing = "no Parquet downloads: pyarrow is not installed, pip install 'simbench-hep[parquet]'"
        png = pareto_png(board) if timed(board) else None
        contents[folder / "index.html"] = board_page(board, png, downloads)
        for entry in reversed(board.entries):  # a model's best submission last
            contents[Path(badge_path(board, entry.name))] = extras.badge(board, entry)
        done += 1
        advance(done, total)
    for name in names:
        contents[Path("models") / f"{slug(name)}.html"] = model_page(name, found)
        done += 1
        advance(done, total)
    make_folder(site.parent)
    part = site.with_name(f".{site.name}.{secrets.token_hex(8)}.part")
    try:
        write_contents(contents, part)
        if site.exists():
            shutil.rmtree(site)
        part.rename(site)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return [site / path for path in contents], missing

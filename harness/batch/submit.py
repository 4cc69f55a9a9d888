"""Submit files for SLURM and HTCondor: a job for each part of a run, and one that merges them."""

import math
import shlex
import sys
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path

from ..errors import UserError
from ..files import make_folder, write_text
from ..run.request import Request

SYSTEMS = ("slurm", "htcondor")
_MINUTES = 15  # asked for at least
_MARGIN = 2.0  # on what is foretold of time
_SPARE = 1.5  # and of memory
_SWITCHES = {"allow_leak": "--allow-leak", "allow_partial": "--allow-partial", "force": "--force"}
_LISTS = ("models", "metrics", "keep")
_NOT_OPTIONS = ("part", "placement", "resume", "scored", "scoring", "timing")


@dataclass(frozen=True)
class Job:
    """What a batch system is asked for.

    Attributes:
        request: of the run.
        parts: how many it is cut into.
        out: where the merged run goes.
        seconds: that a part may take, as foretold.
        merging: that putting them together and scoring may take.
        memory_mb: that it may hold, as foretold; ``None`` if that is not known.
    """

    request: Request
    parts: int
    out: Path
    seconds: float
    merging: float
    memory_mb: float | None

    @property
    def folder(self) -> Path:
        """Where the submit files, the parts and their logs go."""
        return self.out.with_name(f"{self.out.name}-parts")

    def minutes(self, merging: bool = False) -> int:
        """The time limit of a part, or of merging, with a margin."""
        return max(_MINUTES, math.ceil((self.merging if merging else self.seconds) * _MARGIN / 60))

    @property
    def megabytes(self) -> int:
        """The memory of a part, with a margin."""
        return 256 * math.ceil((self.memory_mb or 4096) * _SPARE / 256)


def run_options(request: Request) -> list[str]:
    """The options of ``simbench run`` that ask for this request, less where it is computed."""
    options: list[str] = []
    for field in fields(request):
        name, value = field.name, getattr(request, field.name)
        if name in _NOT_OPTIONS or value is None:
            continue
        if name in _SWITCHES:
            options += [_SWITCHES[name]] * value
        elif name in _LISTS:
            options += [word for each in value for word in (f"--{name}", each)]
        else:
            options += [f"--{name.replace('_', '-')}", str(value)]
    if request.placement.timeout is not None:
        options += ["--timeout", str(request.placement.timeout)]
    return options


def write_submit_files(job: Job, system: str) -> list[Path]:
    """Write the files of a batch system to the job's folder; the first is the one to submit.

    Raises:
        UserError: no such system, a folder's name that its files cannot hold, or not at least one part.
    """
    if system not in SYSTEMS:
        raise UserError(f"--write should be {' or '.join(SYSTEMS)}, found {system!r}")
    if job.parts < 1:
        raise UserError(f"--parts should be at least 1, found {job.parts}")
    for path in (Path.cwd(), job.folder.absolute()):
        if any(not letter.isprintable() or letter in "\"'\\$%` " for letter in str(path)):
            raise UserError(f"{system} cannot name the folder {str(path)!r}: blanks, quotes or signs in it")
    folder = make_folder(job.folder).absolute()
    texts = _slurm(job, folder) if system == "slurm" else _htcondor(job, folder)
    for name, text in texts.items():
        write_text(folder / name, text)
    return [job.folder / name for name in texts]


def _part_command(job: Job, folder: Path, number: str) -> str:
    head = _quoted([*_simbench(), "run", *run_options(job.request), "--quiet"])
    return f'{head} --part "{number}/{job.parts}" --out "{folder}/part-{number}"'


def _merge_command(job: Job, folder: Path) -> str:
    parts = [f"{folder}/part-{number}" for number in range(1, job.parts + 1)]
    return _quoted([*_simbench(), "merge", *parts, "--out", str(job.out.absolute())])


def _simbench() -> list[str]:
    return [sys.executable, "-m", "simbench.harness.cli"]


def _quoted(words: Sequence[str]) -> str:
    for word in words:
        if not word.isprintable():
            raise UserError(f"a submit file cannot hold {word!r}")
    return shlex.join(words)


def _slurm(job: Job, folder: Path) -> dict[str, str]:
    def script(name: str, extra: Sequence[str], command: str) -> str:
        hours, minutes = divmod(job.minutes(name == "merge"), 60)
        directives = [
            f"--job-name=simbench-{name}",
            f"--chdir={Path.cwd()}",
            "--ntasks=1",
            "--cpus-per-task=1",
            f"--mem={job.megabytes}M",
            f"--time={hours}:{minutes:02}:00",
            *extra,
        ]
        lines = ["#!/bin/bash", *(f"#SBATCH {each}" for each in directives), "set -eu", command]
        return "\n".join(lines) + "\n"

    part = _part_command(job, folder, "${SLURM_ARRAY_TASK_ID}")
    after = f'sbatch --dependency=afterok:"$parts" "{folder}/merge.sbatch"'
    return {
        "submit.sh": f'#!/bin/bash\nset -eu\nparts=$(sbatch --parsable "{folder}/part.sbatch")\n{after}\n',
        "part.sbatch": script("part", [f"--array=1-{job.parts}", f"--output={folder}/part-%a.log"], part),
        "merge.sbatch": script("merge", [f"--output={folder}/merge.log"], _merge_command(job, folder)),
    }


def _htcondor(job: Job, folder: Path) -> dict[str, str]:
    def submit(name: str, log: str, queue: str, arguments: str) -> str:
        settings = {
            "universe": "vanilla",
            "executable": "/bin/bash",
            "arguments": arguments,
            "initialdir": str(Path.cwd()),
            "request_cpus": "1",
            "request_memory": f"{job.megabytes} MB",
            "+MaxRuntime": str(60 * job.minutes(name == "merge")),
            "getenv": "True",
            "should_transfer_files": "NO",
            "output": f"{folder}/{log}.out",
            "error": f"{folder}/{log}.err",
            "log": f"{folder}/{name}.log",
        }
        return "\n".join([*(f"{key} = {value}" for key, value in settings.items()), queue]) + "\n"

    part = f"#!/bin/bash\nset -eu\nnumber=$(($1 + 1))\n{_part_command(job, folder, '${number}')}\n"
    merge = f"#!/bin/bash\nset -eu\n{_merge_command(job, folder)}\n"
    dag = f"JOB parts {folder}/part.sub\nJOB merge {folder}/merge.sub\nPARENT parts CHILD merge\n"
    return {
        "run.dag": dag,
        "part.sub": submit("part", "part-$(Process)", f"queue {job.parts}", f"{folder}/part.sh $(Process)"),
        "part.sh": part,
        "merge.sub": submit("merge", "merge", "queue", f"{folder}/merge.sh"),
        "merge.sh": merge,
    }

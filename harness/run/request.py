"""What a run of the benchmark is asked to do."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from ..errors import UserError
from ..record.part import Part
from .placement import Placement

RUNS = 10_000  # more seeds than anybody needs: a slip of the hand
SEEDS = 2**63
ENGINES = ("auto", "torch", "onnx")
SCORED = ("test", "validation")
TIMINGS = ("none", "brief", "full")


@dataclass(frozen=True)
class Request:
    """What ``simbench run`` was asked to do; the options of the command line, with their defaults."""

    models: Sequence[str] = ("all",)
    detector: str = "proton"
    data: str = "embedded"
    min_photons: int | None = None
    split: str = "particle"
    split_seed: int = 0
    limit: int | None = None
    scored: str = "test"
    channels: str | None = None
    runs: int = 5
    seed: int = 0
    device: str = "auto"
    engine: str = "auto"
    metrics: Sequence[str] = ()
    allow_leak: bool = False
    allow_partial: bool = False
    force: bool = False
    resume: bool = True
    scoring: bool = True
    timing: str = "none"
    keep: Sequence[str] = ()
    part: Part | None = None
    placement: Placement = field(default_factory=Placement)

    def check(self) -> None:
        """Raise UserError for what is out of range."""
        self.placement.check()
        if self.engine not in ENGINES:
            raise UserError(f"unknown engine {self.engine!r}; known: {', '.join(ENGINES)}")
        for what, value, known in (
            ("part", self.scored, SCORED),
            ("timing", self.timing, TIMINGS),
        ):
            if value not in known:
                raise UserError(f"unknown {what} {value!r}; known: {', '.join(known)}")
        if self.part is not None and self.timing == "full":
            raise UserError("--timing is of whole runs, not of a --part: merge, then run --timing there")
        for what in self.keep:
            if what != "responses":
                raise UserError(f"--keep should be responses, found {what!r}")
        for what, number, most in (("--runs", self.runs, RUNS), ("--limit", self.limit, SEEDS)):
            if number is not None and number < 1:
                raise UserError(f"{what} should be at least 1, found {number}")
            if number is not None and number >= most:
                raise UserError(f"{what} should be below {most}, found {number}")
        check_seed("--seed", self.seed)
        check_seed("--split-seed", self.split_seed)


def check_seed(option: str, seed: int) -> None:
    """Raise UserError for a seed out of range."""
    if not 0 <= seed < SEEDS:
        raise UserError(f"{option} should be at least 0 and below 2**63, found {seed}")

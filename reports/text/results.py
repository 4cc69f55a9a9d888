"""The results that a report shows: which may share a table, and the line that says what was held fixed."""

from collections.abc import Iterator, Sequence
from pathlib import PurePath
from typing import Any, TypeAlias

from simbench.harness.record.folder import RunFolder
from simbench.harness.record.protocol import require_same

Result: TypeAlias = dict[str, Any]
"""The content of one ``result.json``."""

Labelled: TypeAlias = Sequence[tuple[str, Result]]
"""Results under the names that tables show for them."""


Runs: TypeAlias = Sequence[tuple[str, RunFolder | Result]]
"""Finished runs under the names that reports show for them.

The bare content of a ``result.json`` will do: figures that need the single responses are then left out.
"""


def results_of(runs: Runs) -> Labelled:
    """The content of each run's ``result.json``."""
    return [(label, run.result if isinstance(run, RunFolder) else run) for label, run in runs]


def one_line(text: str) -> str:
    r"""``text`` on one line, every character that does not print spelt out (``\x1b``), nothing left out.

    Names and errors come from plugins: they must not break a row or steer a terminal.
    """
    spaced = " ".join(str(text).split())
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in spaced)


def by_detector(results: Labelled) -> Iterator[tuple[str, Labelled]]:
    """Each detector with its results, in order of first appearance.

    Raises:
        UserError: two results of a detector differ in a field of their protocol.
    """
    groups: dict[str, list[tuple[str, Result]]] = {}
    for label, result in results:
        groups.setdefault(str(result["protocol"]["detector"]), []).append((one_line(label), result))
    for detector, group in groups.items():
        first, protocol = group[0][0], group[0][1]["protocol"]
        for label, result in group[1:]:
            where = f"results {first!r} and {label!r} cannot share a table"
            require_same(protocol, result["protocol"], where)
        yield one_line(detector), group


def held_fixed(results: Labelled, runs: str = "") -> str:
    """One sentence: what was the same for every row of a table that shows ``results``.

    ``runs`` says how values and ± come from the runs, where it is not the usual mean and deviation.
    """
    result = results[0][1]
    protocol, dataset = result["protocol"], result["dataset"]
    provenance = one_line(dataset.get("provenance") or "no provenance recorded").rstrip(".")
    limit = protocol.get("limit")
    taken = f" (the first {limit})" if limit is not None else ""
    unit = "photon" if protocol["min_photons"] == 1 else "photons"
    return (
        f"Held fixed: detector {one_line(protocol['detector'])}; "
        f"data set {one_line(protocol['dataset'])[:12]} ({provenance}), "
        f"at least {protocol['min_photons']} {unit}; "
        f"split by {one_line(protocol['split'])}, seed {protocol['split_seed']}, "
        f"test fraction {protocol['test_fraction']}; "
        f"{dataset['test_responses']} {part_of(result)} responses{taken} "
        f"of {dataset['test_particles']} particles; "
        f"channels {one_line(protocol['channels'])}; {runs or _runs(results)}.{_rescored(results)}"
    )


def held_briefly(results: Labelled) -> str:
    """The same in one short line, with the data set's short name; ``result.json`` has it in full."""
    result = results[0][1]
    protocol, dataset = result["protocol"], result["dataset"]
    data = one_line(PurePath(str(result["settings"].get("data") or "data")).name)
    limit = "" if protocol.get("limit") is None else "first "
    photons = "" if protocol["min_photons"] == 1 else f", at least {protocol['min_photons']} photons"
    return (
        f"Protocol: {one_line(protocol['detector'])}, {data} data {one_line(protocol['dataset'])[:8]}"
        f"{photons}; "
        f"{protocol['split']} split, seed {protocol['split_seed']}; {limit}{dataset['test_responses']:,} "
        f"{part_of(result)} responses; channels {one_line(protocol['channels'])}; {_runs(results)}."
    )


def part_of(result: Result) -> str:
    """The part of the split that was scored: ``test``, or ``validation``, which decides nothing."""
    return one_line(result["protocol"].get("part", "test"))


def _rescored(results: Labelled) -> str:
    """A sentence if the scores are not those of the run itself."""
    again = results[0][1].get("rescored")
    if not again:
        return ""
    names = ", ".join(one_line(name) for name in again["metrics"])
    return (
        f" Scored again from the kept responses, nothing was generated: metrics {names}; "
        f"channels {one_line(again['channels'])}."
    )


def _runs(results: Labelled) -> str:
    counts = [result["settings"]["runs"] for _, result in results]
    spread = "± is the standard deviation over runs"
    if len(set(counts)) == 1:
        return "1 run, so no spread is known" if counts[0] == 1 else f"{counts[0]} runs, {spread}"
    each = ", ".join(f"{label} {count}" for (label, _), count in zip(results, counts, strict=True))
    return f"runs: {each}; {spread}"

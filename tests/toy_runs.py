"""What tests of runs share: reading what a run wrote, and counting what a simulator was asked."""

import csv


def names_in(folder):
    return sorted(path.name for path in folder.iterdir())


def rows_of(out):
    with (out / "scores.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def entry(result, name):
    (found,) = (model for model in result["models"] if model["name"] == name)
    return found


class Calls:
    """Counts the calls of a generate function and keeps what it was given."""

    def __init__(self, generate):
        self.seen = []
        self._generate = generate

    def __call__(self, conditions, seed):
        self.seen.append((conditions.copy(), seed))
        return self._generate(conditions, seed)

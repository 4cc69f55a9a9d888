"""Made-up submissions: results of chosen numbers, without responses, for pages that do not score."""

import json
import random

from simbench.harness.sharing.folder import protocol_digest

MODELS = ("flow", "diffusion", "gan", "mc")


def model(name, mean, seconds, **more):
    return {
        "name": name,
        "status": "ok",
        "error": None,
        "family": "reference" if name == "mc" else "toys",
        "plugin": {"name": "toys", "version": "1.0"},
        "marks": [],
        "ws": {"mean": mean, "std": mean / 20, "runs": [mean], "floor": 0.4},
        "identity": dict.fromkeys(("model", "plugin", "detector", "weights", "seed", "device"), "x"),
        "timing": {
            "cpu": {"seconds_per_10k": seconds, "spread": 0.1, "noisy": False, "workload": [0.1, 0.1, 0.12]}
        },
        **more,
    }


def submit(folder, name, day, models, limit=None, detector="proton"):
    protocol = {
        "detector": detector,
        "dataset": "0123456789abcdef" * 4,
        "min_photons": 1,
        "split": "particle",
        "split_seed": 0,
        "limit": limit,
        "channels": "expertsim",
        "metrics": {"ws": 1},
        "test_fraction": 0.2,
        "chunk_size": 4096,
    }
    result = {
        "schema": 1,
        "protocol": protocol,
        "settings": {"seed": 0, "runs": 1, "device": "cpu", "engine": "auto"},
        "dataset": {"test_responses": 100, "test_particles": 10, "provenance": "made up for a test"},
        "environment": {"python": "3.12.1", "simbench-hep": "0.1.0", "numpy": "2.0", "platform": "none"},
        "metrics": {"ws": {"title": "Wasserstein score", "unit": "photons", "version": 1, "better": "lower"}},
        "models": models,
    }
    place = folder / detector / protocol_digest(protocol) / name
    place.mkdir(parents=True)
    (place / "result.json").write_text(json.dumps(result))
    files = dict.fromkeys(("result.json", "scores.csv", "units/reference.npz"), "0" * 64)
    told = {"schema": 1, "name": name, "added": day, "files": files}
    (place / "submission.json").write_text(json.dumps(told))


def fill(folder, count=30):
    """Submissions under three protocols, one of them of another detector."""
    draw = random.Random(0)
    for number in range(count):
        models = [model(name, draw.uniform(0.5, 3), draw.uniform(0.1, 9)) for name in MODELS]
        limit, detector = ((None, "proton"), (4096, "proton"), (None, "neutron"))[number % 3]
        submit(folder, f"group-{number}", f"2026-01-{number + 1:02}", models, limit, detector)


def hostile(folder, name, mark):
    """One submission, filled by hand, whose model has this name and mark."""
    failed = {
        "name": f"{name} 2",
        "status": "failed",
        "error": mark,
        "plugin": {"name": mark, "version": "1"},
        "marks": [],
    }
    submit(folder, "group", "2026-01-01", [model(name, 1.0, 1.0, marks=[mark]), failed])

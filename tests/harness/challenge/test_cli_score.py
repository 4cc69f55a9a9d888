"""``simbench score`` and ``simbench leaderboard --published``: what is typed, what comes back."""

import h5py
import numpy as np
import pytest
from cli_answers import fails

DETECTOR = ("--detector", "calochallenge-photons")


@pytest.fixture(scope="module")
def showers(tmp_path_factory):
    """A file of 60 showers."""
    path = tmp_path_factory.mktemp("showers") / "mine.hdf5"
    draw = np.random.default_rng(0)
    with h5py.File(path, "w") as file:
        file["incident_energies"] = (2.0 ** np.arange(8, 23)).repeat(4)[:, None]
        file["showers"] = draw.gamma(0.5, 20, (60, 368))
    return path


def test_a_file_is_scored_and_ranked(typed, showers, tmp_path):
    out = tmp_path / "out"
    steps = ("--steps", "separation,boosted", "--quiet")
    status, said, err = typed("score", showers, "--reference", showers, *DETECTOR, *steps, "--out", out)
    assert status == 0, err
    assert "the challenge's has 121000" in said
    assert "separation power, voxels" in said
    made = {"score.json", "scores.csv", "score.md", "layers.png", "published.png"}
    assert made <= {path.name for path in out.iterdir()}
    status, said, err = typed("leaderboard", "--published", out, "--by", "separation_voxel")
    assert status == 0, err
    assert "not comparable" in said
    assert "CaloDiffusion" in said
    status, said, _ = typed("leaderboard", "--published", out, "--by", "auc_low", "--format", "json")
    assert '"apart": [' in said


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--steps", "sums"), ("--steps should be of separation", "found 'sums'")),
        (("--protocol", "mine"), ("--protocol should be calochallenge, found 'mine'",)),
        (("--repeats", "0"), ("--repeats should be at least 1, found 0",)),
        (("--rows", "-1"), ("--rows should be at least 0, found -1",)),
        (("--training", "none.hdf5"), ("cannot read none.hdf5: no such file",)),
    ],
)
def test_what_is_wrong_is_one_line(typed, showers, tmp_path, arguments, words):
    base = ("score", showers, "--reference", showers, *DETECTOR, "--out", tmp_path / "out", "--quiet")
    fails(typed(*base, *arguments), *words)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), ("--published needs --detector, one of calochallenge-photons",)),
        (("--detector", "proton"), ("nothing is published for detector 'proton'",)),
        ((*DETECTOR, "--by", "auc_cnn"), ("--by auc_cnn: not published for calochallenge-photons",)),
    ],
)
def test_what_is_not_published_is_one_line(typed, arguments, words):
    fails(typed("leaderboard", "--published", *arguments), *words)
    fails(typed("leaderboard", *DETECTOR), "--detector is for --published")
    fails(typed("leaderboard"), "give the folders of one run or more")

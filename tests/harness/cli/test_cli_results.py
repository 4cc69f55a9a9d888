"""``simbench results`` from the command line, on six runs of toys under two protocols."""

import re

import pytest

pytestmark = pytest.mark.slow


def test_six_runs_are_filed_verified_and_listed(call, run, tmp_path):
    folder, site = tmp_path / "all", tmp_path / "site"
    for number in range(6):
        limit = ("--limit", "20") if number % 2 else ()
        options = ("--metrics", "ws", "--no-timing", "--seed", number, *limit)
        assert run(*options, out=f"run-{number}", models="flat")[0] == 0
        status, out, err = call("results", "add", tmp_path / f"run-{number}", "--to", folder)
        assert (status, err) == (0, "")
        assert re.fullmatch(rf"{folder}/toy/[0-9a-f]{{12}}/run-{number}\n", out)
    status, out, _ = call("results", "verify", folder, "--quiet")
    assert (status, out) == (0, f"{folder}: 6 submissions, all as they were scored\n")
    status, out, err = call("results", "site", folder, "--out", site, "--quiet")
    assert (status, err) == (0, "")
    assert out.startswith(f"{site / 'index.html'}: 6 submissions, ")
    boards = list(site.glob("toy/*/index.html"))
    assert [page.read_text().count('<td class="text" data-value="run-') for page in boards] == [3, 3]
    place = next(folder.glob("toy/*/run-3"))
    (place / "scores.csv").write_text("")
    status, _, err = call("results", "verify", folder, "--quiet")
    assert status == 1
    assert err == f"simbench: {place / 'scores.csv'} is not what was submitted: its checksum is another\n"


def test_wrong_use_is_one_line(call, run, tmp_path):
    assert "holds no submission" in call("results", "verify", tmp_path)[2]
    assert (
        "--url should begin with" in call("results", "site", tmp_path, "--out", tmp_path, "--url", "ftp:x")[2]
    )
    status, _, err = call("results", "add", tmp_path, "--to", tmp_path / "all")
    assert status == 2
    assert "holds no result.json" in err

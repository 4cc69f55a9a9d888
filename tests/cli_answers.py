"""What tests of the command line share: the files there are, and an error of one line."""

import os


def names_in(folder):
    return sorted(path.name for path in folder.iterdir())


def files_in(folder):
    return sorted(name for _, _, names in os.walk(folder) for name in names)


def fails(answer, *words, status=2):
    found, out, err = answer
    assert found == status, err
    assert out == ""
    assert err.startswith("simbench: error: "), err
    assert err.count("\n") == 1, err
    assert "Traceback" not in err
    for word in words:
        assert word in err
    return err

"""Importing in general: any reader, also one that misbehaves; and the commands around it."""

import re
from dataclasses import replace

import numpy as np
import pytest

from simbench.harness.data import dataset
from simbench.harness.data.checks import as_responses, photon_sums
from simbench.harness.data.dataset import Dataset
from simbench.harness.data.importing import import_files
from simbench.harness.data.open import make, open_data, particles_of
from simbench.harness.errors import UserError
from simbench.harness.hooks import DatasetReader, MakeRequest, ReadRequest, Responses
from simbench.harness.plugin.registry import Source


def reader(read, **more):
    return DatasetReader("toys", "Toy files", "FILE [FILE ...]", read, "read for a test", **more)


def blocks_of(toy, size=30, **changes):
    """A reader that yields the toy's responses in blocks, changed."""
    whole = toy.responses()

    def read(request):
        for start in range(0, len(whole.particle), size):
            rows = slice(start, start + size)
            block = Responses(
                *(getattr(whole, name)[rows] for name in ("showers", "conditions", "particle", "pdg"))
            )
            yield replace(block, **{name: change(getattr(block, name)) for name, change in changes.items()})

    return reader(read)


@pytest.fixture
def request_(toy, tmp_path):
    path = tmp_path / "a.toy"
    path.write_text("whatever")
    return ReadRequest(toy.detector, (path,))


def test_blocks_become_a_dataset(toy, request_, tmp_path):
    whole = toy.responses()
    told = []
    said = import_files(blocks_of(toy), request_, tmp_path / "new" / "out.h5", told.append)
    assert (said.responses, said.particles, said.dropped) == (200, 40, 0)
    assert told == [30, 60, 90, 120, 150, 180, 200]
    with Dataset(tmp_path / "new" / "out.h5") as data:
        np.testing.assert_array_equal(data.read(0, 200), whole.showers)
        np.testing.assert_array_equal(data.particle, whole.particle)
        assert data.provenance.startswith("read for a test, imported from toys files a.toy, SHA-256 ")
        assert data.check() == []
        assert data.fingerprint == said.fingerprint


def test_particles_are_told_apart_by_their_conditions_alone(toy, request_, tmp_path):
    """Whatever numbers the reader gives; zeros of either sign are one."""

    def zero(conditions):
        conditions = conditions.copy()
        conditions[:, 1] = np.where(np.arange(len(conditions)) % 2, 0.0, -0.0)
        return conditions

    changed = blocks_of(toy, conditions=zero, particle=lambda numbers: numbers * 0)
    assert import_files(changed, request_, tmp_path / "out.h5").particles == 40
    with Dataset(tmp_path / "out.h5") as data:
        assert data.check() == []
        assert not np.signbit(data.conditions).any()


@pytest.mark.parametrize("min_photons", [0, 1, 20, 25])
def test_the_threshold_drops_and_counts(toy, request_, tmp_path, min_photons):
    whole = toy.responses()
    sums = photon_sums(whole.showers)
    request = replace(request_, min_photons=min_photons)
    said = import_files(blocks_of(toy), request, tmp_path / "out.h5")
    assert said.responses == (sums >= min_photons).sum()
    assert said.dropped == (sums < min_photons).sum()
    assert said.smallest == sums[sums >= min_photons].min()
    with Dataset(tmp_path / "out.h5") as data:
        assert data.min_photons == min_photons
        assert f"{said.responses} of 200 responses with {min_photons} photons or more" in data.provenance


def test_equal_content_gives_equal_fingerprints(toy, request_, tmp_path):
    one = import_files(blocks_of(toy), request_, tmp_path / "one.h5")
    other = import_files(
        blocks_of(toy, size=7, showers=lambda showers: showers.astype(np.float64)),
        request_,
        tmp_path / "two.h5",
    )
    assert one == other


def broken(error):
    def read(request):
        yield from ()
        raise error

    return reader(read)


@pytest.mark.parametrize(
    ("change", "part"),
    [
        ({"showers": lambda a: -a.astype(int)}, r"row 0, pixel \(.*\) should be not negative"),
        ({"showers": lambda a: a + 0.5}, "should be a whole number of photons, found"),
        ({"showers": lambda a: a[:, :3]}, r"\(N, 6, 4\), found \(30, 3, 4\)"),
        ({"showers": lambda a: a.astype("S3")}, "should be numbers"),
        ({"conditions": lambda a: a * np.nan}, "row 0, energy should be finite, found nan"),
        ({"conditions": lambda a: a[:, :1]}, r"conditions of shape \(30, 2\)"),
        ({"pdg": lambda a: a[1:]}, r"found \(30, 2\) and \(29,\)"),
        ({"showers": lambda a: a * 0}, "none of 200 responses has a photon sum of 1 or more"),
    ],
)
def test_what_a_reader_should_not_yield(toy, request_, tmp_path, change, part):
    with pytest.raises(UserError, match=part) as error:
        import_files(blocks_of(toy, **change), request_, tmp_path / "out.h5")
    assert str(request_.files[0]) in str(error.value)
    assert [path.name for path in tmp_path.iterdir()] == ["a.toy"]


@pytest.mark.parametrize(
    "error", [ZeroDivisionError("by\nzero"), KeyError("a"), MemoryError(), ValueError("x")]
)
def test_a_reader_that_fails_is_one_line(request_, tmp_path, error):
    with pytest.raises(UserError, match=f"a.toy: cannot be read as toys: {type(error).__name__}") as raised:
        import_files(broken(error), request_, tmp_path / "out.h5")
    assert "\n" not in str(raised.value)
    assert not (tmp_path / "out.h5").exists()


def test_a_file_that_is_there_stays_when_an_import_fails(toy, request_, tmp_path):
    toy.write(tmp_path / "out.h5")
    before = (tmp_path / "out.h5").read_bytes()
    with pytest.raises(UserError):
        import_files(broken(OSError("gone")), request_, tmp_path / "out.h5")
    assert (tmp_path / "out.h5").read_bytes() == before


def test_measured_responses(toy):
    measures = replace(toy.detector, counted=False, unit="MeV")
    showers = np.random.default_rng(0).random((5, 6, 4))
    assert as_responses(showers, measures, "a").dtype == np.float32
    showers[2, 1, 2] = 1e40
    with pytest.raises(UserError, match=r"a: row 12, pixel \(1, 2\) should be finite, found inf"):
        as_responses(showers, measures, "a", 10)


def test_measured_datasets(toy, tmp_path):
    measures = replace(toy.detector, counted=False)
    responses = replace(toy.responses(), showers=toy.responses().showers.astype(np.float32) / 3)
    toy.write(tmp_path / "a.h5", responses, min_photons=0, detector=measures)
    with Dataset(tmp_path / "a.h5") as data:
        assert not data.counted
        assert data.check() == []
        np.testing.assert_array_equal(data.read(0, 200), responses.showers)
        np.testing.assert_allclose(data.photons(), responses.showers.sum(axis=(1, 2)), rtol=1e-6)
    with pytest.raises(ValueError, match="should be float32"):
        toy.write(tmp_path / "b.h5", toy.responses(), detector=measures)
    with pytest.raises(ValueError, match="should be unsigned integers"):
        toy.write(tmp_path / "b.h5", responses)


def test_the_fingerprint_of_counts_is_what_it_was(toy, tmp_path):
    """Files of version 1 keep theirs, and so do the weights that were trained on them."""
    with Dataset(toy.write(tmp_path / "a.h5")) as data:
        assert data.fingerprint[:12] == "dbd551620dc1"
        assert dataset.FORMAT_VERSION == 1


def test_many_files_are_named_by_the_first(toy, request_, tmp_path):
    files = tuple(tmp_path / f"{number}.toy" for number in range(9))
    for path in files:
        path.touch()
    import_files(blocks_of(toy), replace(request_, files=files), tmp_path / "out.h5")
    with Dataset(tmp_path / "out.h5") as data:
        assert "toys files 0.toy, 1.toy, 2.toy, 3.toy, 5 more, SHA-256" in data.provenance


# Users' files as --data


@pytest.fixture
def made(toy, tmp_path):
    """A registry with a reader of ``*.toy`` files, which counts its readings."""
    registry = toy.registry(toy.offer("flat"))
    inner = blocks_of(toy)
    readings = []

    def read(request):
        readings.append(request)
        return inner.read(request)

    def find(detector, path):
        if path.is_dir():
            return tuple(sorted(path.glob("*.toy")))
        return (path,) if path.suffix == ".toy" else None

    offered = replace(inner, read=read, find=find, detectors=("toy",))
    registry.add(toy.plugin(readers=[offered]), Source("reads", "3"))
    assert registry.problems == []
    registry.readings = readings
    return registry


def test_a_run_scores_users_files(toy, made, request_, tmp_path):
    for data in (request_.files[0], tmp_path, f"toys:{request_.files[0]}"):
        result = toy.run(made, data, tmp_path / "out")
        assert result["models"][0]["status"] == "ok"
        assert "imported from toys files a.toy" in result["dataset"]["provenance"]
    assert len(made.readings) == 1  # the import is kept


def test_a_changed_file_is_imported_again(toy, made, request_):
    path = request_.files[0]
    open_data(made, toy.detector, str(path)).__exit__(None, None, None)
    path.write_text("something else")
    with open_data(made, toy.detector, str(path)) as data:
        assert len(made.readings) == 2
        assert len(data) == 200


def test_a_find_that_fails_is_one_line(toy, made, request_):
    made.readers.records["toys"] = replace(made.readers["toys"], find=lambda detector, path: 1 / 0)
    with pytest.raises(UserError, match="the reader toys failed on it: ZeroDivisionError"):
        open_data(made, toy.detector, str(request_.files[0]))


# Responses like a file's


def test_particles_of_a_dataset(toy, tmp_path):
    responses = toy.responses(particles=4, repeats=3)
    order = [9, 0, 1, 2, 3, 6, 10]  # of particles 3, 0, 0, 0, 1, 2, 3
    shuffled = Responses(
        *(getattr(responses, name)[order] for name in ("showers", "conditions", "particle", "pdg"))
    )
    with Dataset(toy.write(tmp_path / "a.h5", shuffled)) as data:
        found = particles_of(data)
    assert found.repeats.tolist() == [2, 3, 1, 1]
    np.testing.assert_array_equal(found.conditions, responses.conditions[[9, 0, 3, 6]])
    assert found.pdg.tolist() == [22] * 4


def test_a_maker_that_draws_its_own_particles_only(toy, tmp_path):
    with Dataset(toy.write(tmp_path / "a.h5")) as data:
        like = particles_of(data)
    request = MakeRequest(toy.detector, 40, 5, 0, like=like)
    with pytest.raises(UserError, match="'toys' draws particles of its own only"):
        make(tmp_path / "b.h5", toy.maker(), request)


# Commands


@pytest.fixture
def neutrons(typed, tmp_path):
    path = tmp_path / "neutron.h5"
    arguments = ("--detector", "neutron", "--particles", 30, "--repeats", 3, "--out", path)
    assert typed("data", "make", *arguments)[0] == 0
    return path


def test_data_make_like(typed, neutrons, tmp_path):
    out = tmp_path / "like.h5"
    status, said, _ = typed("data", "make", "--like", neutrons, "--detector", "neutron", "--out", out)
    assert status == 0
    assert "90 responses" in said
    with Dataset(neutrons) as asked, Dataset(out) as drawn:
        np.testing.assert_array_equal(drawn.conditions, asked.conditions)
        np.testing.assert_array_equal(drawn.particle, asked.particle)
        np.testing.assert_array_equal(drawn.pdg, asked.pdg)
        assert (drawn.read(0, 90) != asked.read(0, 90)).any()
        assert drawn.check() == []
    status, _, error = typed(
        "data", "make", "--like", neutrons, "--detector", "neutron", "--particles", 3, "--out", out
    )
    assert (status, error.count("\n")) == (2, 1)
    assert "no --particles, no --repeats" in error


def test_data_import_says_what_it_did(typed, neutrons, tmp_path):
    out = tmp_path / "out.h5"
    arguments = ("data", "import", "simbench", neutrons, "--detector", "neutron", "--out", out)
    status, said, _ = typed(*arguments, "--min-photons", 100)
    assert status == 0
    with Dataset(out) as data:
        dropped = 90 - len(data)
        assert f"{len(data)} responses of {len(np.unique(data.particle))} particles" in said
        assert f"{dropped} below 100 dropped" in said
        assert data.fingerprint in said
    assert typed("data", "info", out)[0] == typed("data", "check", out)[0] == 0
    status, _, error = typed("data", "import", "simbnch", neutrons, "--out", out)
    assert (status, error.count("\n")) == (2, 1)
    assert "unknown kind of files 'simbnch'; known: expertsim, wojnar" in error
    status, _, error = typed("data", "import", "simbench", tmp_path / "no.h5", "--out", tmp_path / "new.h5")
    assert (status, error.count("\n")) == (2, 1)
    assert not (tmp_path / "new.h5").exists()


def test_lists_of_readers_and_formats(typed):
    status, said, _ = typed("list", "readers")
    assert status == 0
    assert re.search(
        r"^zdcfastsim .*EXAMPLES IMAGES \[EXAMPLES IMAGES ...\] +proton, neutron", said, re.MULTILINE
    )
    status, said, _ = typed("list", "formats")
    assert status == 0
    assert re.search(r"^markdown +report.md +yes +simbench ", said, re.MULTILINE)
    assert re.search(r"^figures +figures/ +no ", said, re.MULTILINE)

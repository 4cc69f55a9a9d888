"""``evaluate``: the numbers of the command line, what is resumed or refused, the part that decides."""

import numpy as np
import pytest
from cli_answers import names_in

from simbench import reports
from simbench.harness import SimulatorError, UserError, evaluate, load_data
from simbench.harness.record.folder import RunFolder
from simbench.harness.record.result import read_result
from simbench.harness.run import runner

SHAPE = (6, 4)


@pytest.fixture(autouse=True)
def no_page(monkeypatch):
    """Its figures take seconds."""
    monkeypatch.setattr(reports, "write", lambda *_: [])


def entries(result):
    """What is scored, without timings, which differ from run to run."""
    return [{key: value for key, value in one.items() if key != "timing"} for one in result["models"]]


def test_names_give_what_the_command_line_gives(toys, score, toy_file, tmp_path):
    options = ("--detector", "toy", "--data", toy_file, "--device", "cpu", "--runs", "2", "--out", tmp_path)
    assert toys("run", *options, "--models", "flat,bright", "--metrics", "ws,empty")[0] == 0
    ours, theirs = score("flat,bright").content, read_result(tmp_path)
    assert entries(ours) == entries(theirs)
    for key in ("protocol", "dataset", "metrics", "significance"):
        assert ours[key] == theirs[key]


def test_a_function_gives_what_a_plugin_of_its_name_gives(toys, score, toy, toy_file, tmp_path, cli_with):
    def mine(conditions, *, seed):
        return toy.bright(conditions, seed)

    result = score([mine, "flat"], folder=tmp_path / "ours")
    call = cli_with(toy.offer("mine", toy.bright), toy.offer("flat"))
    options = ("--detector", "toy", "--data", toy_file, "--device", "cpu", "--runs", "2")
    call("run", *options, "--models", "mine,flat", "--metrics", "ws,empty", "--out", tmp_path / "theirs")
    csv = [(tmp_path / name / "scores.csv").read_bytes() for name in ("ours", "theirs")]
    assert csv[0] == csv[1]
    rows = csv[1].decode().splitlines()
    assert list(result.scores.columns) == rows[0].split(",")
    assert [repr(value) for value in result.scores["value"]] == [row.split(",")[-1] for row in rows[1:]]


def test_an_object_is_scored_with_all_that_it_tells(score, toy):
    model = toy.Generates(toy.flat, notes=("made up",), execution={"engine": "mine"})
    result = score(model, name="thing")
    entry = result.entry("thing")
    assert (entry["marks"], entry["engine"]) == (["made up"], "mine")
    with pytest.raises(UserError, match="no model 'other' here; there are thing"):
        result.entry("other")


def test_a_folder_resumes_a_function_while_it_answers_as_it_did(score, toy, tmp_path):
    calls = []

    def scaled(scale):
        def generate(conditions, *, seed):
            calls.append(len(conditions))
            return toy.flat(conditions, seed, scale)

        return generate

    first = score(scaled(1.0), name="mine", folder=tmp_path, timing="none")
    assert calls.count(40) == 2  # chunks; the others are to try it
    again = score(scaled(1.0), name="mine", folder=tmp_path, timing="none")
    assert calls.count(40) == 2
    assert entries(again.content) == entries(first.content)
    other = score(scaled(2.0), name="mine", folder=tmp_path, timing="none")
    assert calls.count(40) == 4
    assert other.entry("mine")["ws"] != first.entry("mine")["ws"]


def test_without_a_folder_nothing_is_left_behind(score, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    result = score("flat")
    assert len(names_in(tmp_path)) == 1
    del result
    assert names_in(tmp_path) == []


def test_an_interrupted_evaluation_goes_on(score, toy, tmp_path, monkeypatch):
    monkeypatch.setattr(runner, "CHUNK", 16)
    stop = [True]

    def generate(conditions, *, seed):
        if stop[0] and len(conditions) == 8:
            raise KeyboardInterrupt
        return toy.flat(conditions, seed)

    with pytest.raises(KeyboardInterrupt):
        score(generate, name="mine", folder=tmp_path)
    stop[0] = False
    assert score(generate, name="mine", folder=tmp_path).entry("mine")["status"] == "ok"


# The part that is scored


def test_a_limit_looks_at_the_validation_part_and_says_so(score):
    result = score("flat", limit=10)
    assert result.content["protocol"]["part"] == "validation"
    assert result.content["dataset"]["test_responses"] == 10
    assert result.verdict.startswith("Scored on the validation part, which chooses among models and decides")
    assert "first 10 validation responses" in result.text()
    assert "timing" not in result.entry("flat")


def test_the_test_part_is_scored_without_a_limit_or_if_asked_for(score):
    for asked in ({}, {"limit": 10, "part": "test"}):
        result = score("flat", **asked)
        assert "part" not in result.content["protocol"]
        assert "validation" not in result.text()
        assert result.entry("flat")["timing"]["cpu"]["brief"]


def test_the_validation_part_is_that_of_a_training(score, toys, toy_file, tmp_path):
    result = score("flat", part="validation", folder=tmp_path)
    kept = RunFolder(result.folder).reference
    np.testing.assert_array_equal(kept.conditions, load_data("toy", toy_file).validation.conditions)


def test_validation_and_test_never_share_a_folder(score, tmp_path):
    score("flat", folder=tmp_path)
    with pytest.raises(UserError, match="the protocols differ in 'part': None against validation"):
        score("flat", part="validation", folder=tmp_path)


# What is refused


def wrong(give):
    """A simulator that does right but for what ``give`` makes of it."""

    def generate(conditions, *, seed):
        good = np.random.default_rng(seed).poisson(1.0, (len(conditions), *SHAPE)).astype(np.float32)
        return give(good)

    return generate


def with_value(value):
    def give(good):
        good[2, 1, 0] = value
        return good

    return give


@pytest.mark.parametrize(
    ("give", "words"),
    [
        (lambda good: good[:, :3], "generate should return found of shape (40, 6, 4), found (40, 3, 4)"),
        (lambda good: good.tolist(), "generate should return a NumPy array, found list"),
        (with_value(np.nan), "should return finite values >= 0, found a NaN or infinite one at (2, 1, 0)"),
        (with_value(-1.0), "should return finite values >= 0, found a negative one at (2, 1, 0)"),
        (lambda good: good * 0, "seeds 1 and 2 give the same responses; each seed is a new draw"),
        (lambda good: 1 / 0, "ZeroDivisionError: division by zero"),
    ],
)
def test_what_a_plugin_is_told_is_raised(score, toy, give, words):
    with pytest.raises(SimulatorError) as raised:
        score(wrong(give), name="mine")
    line = str(raised.value)
    assert line.startswith("mine: ")
    assert words in line
    assert "\n" not in line
    assert "answers:" not in line


def test_the_line_is_that_of_a_plugin(score, toy, cli_with, toy_file, tmp_path, toys):
    broken = wrong(with_value(np.nan))
    with pytest.raises(SimulatorError) as raised:
        score(broken, name="mine")
    call = cli_with(toy.offer("mine", factory=lambda _: type("", (), {"generate": staticmethod(broken)})()))
    options = ("--detector", "toy", "--data", toy_file, "--device", "cpu", "--out", tmp_path)
    call("run", *options, "--models", "mine", "--runs", "1", "--metrics", "ws")
    (entry,) = read_result(tmp_path)["models"]
    assert f"mine: {entry['error']}" == f"{raised.value}, plugin toys 1.2"


def test_a_function_without_a_seed_is_refused(score):
    def generate(conditions):
        return np.zeros((len(conditions), *SHAPE))

    with pytest.raises(SimulatorError, match=r"mine: generate should take \(conditions, \*, seed\), found"):
        score(generate, name="mine")


def test_a_function_with_a_generator_of_its_own_is_refused(score):
    own = np.random.default_rng(0)
    with pytest.raises(SimulatorError, match="two calls with one seed differ in 64 of 64 rows"):
        score(lambda conditions, seed: own.poisson(1.0, (len(conditions), *SHAPE)), name="mine")


@pytest.mark.parametrize(
    ("model", "options", "words"),
    [
        (3, {}, "a model should be a function .* found int"),
        (dict, {}, r"found the class dict \(make an object of it\)"),
        ("absent", {}, "unknown model 'absent'"),
        ("flat", {"name": "mine"}, "name= is for a single function or object"),
        (wrong(np.abs), {"name": "flat"}, "the name 'flat' is that of a registered model"),
        (wrong(np.abs), {"name": "a,b"}, "name= should be letters"),
        ("flat", {"colour": "red"}, "evaluate has no option 'colour'; it has detector, data"),
        ("flat", {"part": "train"}, "unknown part 'train'; known: test, validation"),
        ("flat", {"timing": "much"}, "unknown timing 'much'; known: none, brief, full"),
        ("flat", {"runs": 0}, "--runs should be at least 1"),
        ("flat", {"metrics": "none"}, "unknown metric 'none'"),
    ],
)
def test_wrong_use(score, model, options, words):
    with pytest.raises(UserError, match=words):
        score(model, **options)


def test_a_model_called_by_name_that_fails_is_reported(toy, cli_with, toy_file, capsys):
    cli_with(toy.offer("flat"), toy.offer("fails", lambda conditions, seed: 1 / 0))
    result = evaluate("fails,flat", detector="toy", data=toy_file, runs=1, metrics="ws", device="cpu")
    assert result.entry("fails")["status"] == "failed"
    assert "model fails failed: ZeroDivisionError" in capsys.readouterr().err


# Models of other libraries, as docs/python.md shows them


def test_a_network_of_pytorch(score):
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    network = torch.nn.Sequential(torch.nn.Linear(2 + 3, 24), torch.nn.Softplus())

    def generate(conditions, *, seed):
        noise = torch.randn(len(conditions), 3, generator=torch.Generator().manual_seed(seed))
        with torch.no_grad():
            given = torch.cat([torch.from_numpy(conditions), noise], dim=1)
            return network(given).reshape(-1, *SHAPE).numpy()

    assert score(generate, name="network").entry("network")["ws"]["mean"] > 0


def test_a_regression_of_scikit_learn(score, toys, toy_file):
    ensemble = pytest.importorskip("sklearn.ensemble")
    data = load_data("toy", toy_file)
    forest = ensemble.ExtraTreesRegressor(8, min_samples_leaf=20, random_state=0)
    forest.fit(data.train.conditions, data.train.responses.reshape(len(data.train), -1))

    def generate(conditions, *, seed):
        rates = forest.predict(conditions).reshape(-1, *data.shape)
        return np.random.default_rng(seed).poisson(rates)

    learned = score([generate, "bright"], metrics="ws")
    assert learned.entry("generate")["ws"]["mean"] < learned.entry("bright")["ws"]["mean"]


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of Keras itself, on PyTorch
def test_a_model_of_keras(score, monkeypatch):
    monkeypatch.setenv("KERAS_BACKEND", "torch")
    keras = pytest.importorskip("keras")
    keras.utils.set_random_seed(0)
    given, noise = keras.Input((2,)), keras.Input((10,))
    rates = keras.layers.Dense(24, activation="softplus")(keras.layers.Concatenate()([given, noise]))
    model = keras.Model([given, noise], keras.layers.Reshape(SHAPE)(rates))

    def generate(conditions, *, seed):
        noise = np.random.default_rng(seed).normal(size=(len(conditions), 10)).astype("float32")
        return model.predict([conditions, noise], verbose=0)

    assert score(generate, name="network").entry("network")["ws"]["mean"] > 0


def test_a_function_of_jax(score):
    jax = pytest.importorskip("jax")
    weights = 0.1 * jax.random.normal(jax.random.key(0), (2 + 10, 24))

    def generate(conditions, *, seed):
        noise = jax.random.normal(jax.random.key(seed % 2**32), (len(conditions), 10))
        rates = jax.nn.softplus(jax.numpy.concatenate([conditions, noise], axis=1) @ weights)
        return np.asarray(rates).reshape(-1, *SHAPE)

    assert score(generate, name="function").entry("function")["ws"]["mean"] > 0

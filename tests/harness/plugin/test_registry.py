"""The registry: every plugin on its own."""

import importlib
import pkgutil
import sys
from dataclasses import replace
from importlib.metadata import PackageNotFoundError
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest

from simbench.harness.errors import UserError
from simbench.harness.hooks import ChannelMap, ReportFormat, Sweep, hookimpl
from simbench.harness.plugin import registry, specs
from simbench.harness.plugin.metric import Metric, Value
from simbench.harness.plugin.observables import Observable
from simbench.harness.plugin.registry import Registry, Source
from simbench.harness.plugin.sound import TAKEN

HERE = Source("mine", "0.3")


def names(catalogue):
    return [record.name for record in catalogue]


def one_problem(made, *words):
    (problem,) = made.problems
    assert "\n" not in problem
    for word in words:
        assert word in problem
    return problem


def test_all_six_hooks(toy):
    made = toy.registry(toy.offer("one"), toy.offer("two"))
    formats = [ReportFormat("names", "report.names", str)]
    made.add(toy.plugin(sweeps=[Sweep("sizes", "Sizes", ("size",), list)], reports=formats), HERE)
    assert names(made.simulators) == ["one", "two"]
    assert names(made.detectors) == ["toy"]
    assert names(made.datasets) == ["toys"]
    assert names(made.metrics) == ["ws", "empty"]
    assert names(made.sweeps) == ["sizes"]
    assert names(made.reports) == ["names"]
    assert made.sweeps.sources["sizes"] == HERE
    assert made.simulators.sources["two"] == Source("toys", "1.2")
    with pytest.raises(UserError, match="unknown model 'three'; known: one, two"):
        made.simulators["three"]
    with pytest.raises(UserError, match="unknown model 'one'; known: none at all"):
        Registry().simulators["one"]


def test_a_hook_may_be_a_generator(toy):
    def offers():
        yield toy.offer("one")
        yield toy.offer("two")

    made = Registry()
    made.add(toy.plugin(simulators=offers), HERE)
    assert names(made.simulators) == ["one", "two"]


def test_a_failing_hook_is_named_and_the_rest_survives(toy):
    def fails():
        yield toy.offer("one")
        raise RuntimeError("broken\non two lines")

    made = toy.registry(toy.offer("good"))
    made.add(toy.plugin(simulators=fails, metrics=list), HERE)
    one_problem(made, "mine 0.3", "simbench_simulators", "RuntimeError: broken on two lines")
    made.add(toy.plugin(simulators=[toy.offer("late")]), Source("later", "1"))
    assert names(made.simulators) == ["good", "one", "late"]  # what came before the failure too
    assert len(made.problems) == 1


def test_one_failing_hook_leaves_the_plugins_other_hooks(toy):
    made = Registry()
    made.add(toy.plugin(metrics=lambda: 1 / 0, simulators=[toy.offer("good")]), HERE)
    one_problem(made, "simbench_metrics", "ZeroDivisionError")
    assert names(made.simulators) == ["good"]


def test_a_record_of_the_wrong_type_is_named(toy):
    made = Registry()
    made.add(toy.plugin(simulators=[toy.detector, toy.offer("good"), "text"]), HERE)
    assert len(made.problems) == 2
    assert "expected SimulatorOffer records, found Detector" in made.problems[0]
    assert "found str" in made.problems[1]
    assert names(made.simulators) == ["good"]


@pytest.mark.parametrize(
    "file", ["result.json", "report", "report.", "report./x", "../report.x", "report.x/y"]
)
def test_a_report_is_written_beside_the_others_and_nowhere_else(toy, file):
    made = Registry()
    made.add(toy.plugin(reports=[ReportFormat("names", file, str)]), HERE)
    one_problem(made, "'names'", "file should be report. and a suffix, found")


def test_a_hook_that_gives_no_list_is_named(toy):
    made = Registry()
    made.add(toy.plugin(simulators=lambda: 5), HERE)
    one_problem(made, "simbench_simulators", "TypeError")


def test_the_first_of_a_name_keeps_it(toy):
    made = toy.registry(toy.offer("one", family="first"))
    made.add(toy.plugin(simulators=[toy.offer("one", family="second"), toy.offer("two")]), HERE)
    one_problem(made, "mine", "the model 'one' is already toys's")
    assert made.simulators["one"].family == "first"
    assert names(made.simulators) == ["one", "two"]


def flat(scored):
    yield Value("all", "mean", 1.0)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"better": "larger"}, ["'mine'", "better should be lower or higher, found 'larger'"]),
        ({"name": "status"}, ["'status'", "the name is one of a result's own"]),
        ({"name": "speed"}, ["'speed'", "the name is one of a result's own"]),
        ({"name": "all"}, ["'all'", "the name is one of a result's own"]),
        ({"name": "a,b"}, ["no space, comma, '=' or '@', found 'a,b'"]),
        ({"name": "a=b"}, ["no space, comma, '=' or '@', found 'a=b'"]),
        ({"name": ""}, ["no space, comma, '=' or '@', found ''"]),
        ({"name": ["list"]}, ["no space, comma, '=' or '@', found ['list']"]),
        ({"name": "taken"}, ["the metric 'taken' is already toys's"]),
        ({"needs": ("image", "luck")}, ["'mine'", "needs should be of particle, ", "found 'luck'"]),
        ({"runs": 0}, ["'mine'", "runs should be a number above 0, or None, found 0"]),
        ({"version": "1"}, ["'mine'", "version should be a whole number, found '1'"]),
        ({"unit": None}, ["'mine'", "unit should be a text, found None"]),
        ({"function": 5}, ["'mine'", "function should be a function, found 5"]),
        ({"needs": 5}, ["TypeError"]),
    ],
)
def test_a_metric_that_is_not_sound_is_named_and_skipped(toy, changes, words):
    made = toy.registry(toy.offer("good"), metrics=[Metric("taken", "Taken", "", 1, flat)])
    faulty = replace(Metric("mine", "Mine", "", 1, flat), **changes)
    made.add(toy.plugin(metrics=[faulty, Metric("later", "Later", "", 1, flat)]), HERE)
    one_problem(made, "mine 0.3, simbench_metrics", *words)
    assert names(made.metrics) == ["taken", "later"]


MASKS = np.ones((1, 6, 4), bool)


def with_channels(detector, **changes):
    channels = ChannelMap(**{"names": ("a",), "masks": MASKS, **changes})
    return replace(detector, channels={"mine": channels}, default_channels="mine")


@pytest.mark.parametrize(
    ("kind", "record", "words"),
    [
        ("simulators", lambda toy: toy.offer("a,b"), "no space, comma, '='"),
        ("simulators", lambda toy: toy.offer("a@b"), "no space, comma, '='"),
        ("simulators", lambda toy: toy.offer("a\x1b[31m"), "no space, comma, '='"),
        ("simulators", lambda toy: toy.offer("all"), "'all': the name means something else"),
        ("simulators", lambda toy: toy.offer("x", detectors="toys"), "detectors should be a tuple of names"),
        ("simulators", lambda toy: toy.offer("x", family=None), "family should be a text, found None"),
        ("simulators", lambda toy: toy.offer("x", slow=np.ones(2)), "slow should be True or False, found "),
        ("simulators", lambda toy: replace(toy.offer("x"), factory=5), "factory should be a function"),
        ("detectors", lambda toy: with_channels(toy.detector, names=("a", "b")), "bool of shape (2, 6, 4)"),
        ("detectors", lambda toy: with_channels(toy.detector, masks=MASKS[0]), "bool of shape (1, 6, 4)"),
        ("detectors", lambda toy: with_channels(toy.detector, masks=MASKS * 1), "found int64 of shape"),
        ("detectors", lambda toy: with_channels(toy.detector, masks=np.ma.array(MASKS)), "a masked array"),
        ("detectors", lambda toy: with_channels(toy.detector, names=("mean",)), "none be mean"),
        ("detectors", lambda toy: replace(toy.detector, shape=(4, 6)), "'thirds' should be bool"),
        ("detectors", lambda toy: replace(toy.detector, shape=(6.0, 4)), "shape should be two numbers"),
        ("detectors", lambda toy: replace(toy.detector, default_channels="no"), "'no' is not one of its own"),
        ("detectors", lambda toy: replace(toy.detector, features=toy.detector.features * 2), "of one name"),
        ("detectors", lambda toy: replace(toy.detector, features=("energy",)), "should be Feature records"),
        ("datasets", lambda toy: replace(toy.maker(), detectors=None), "detectors should be"),
        ("datasets", lambda toy: replace(toy.maker(), embedded={"toy": 5}), "Embedded records by detector"),
        ("datasets", lambda toy: replace(toy.maker(), detectors=("other",)), "embeds 'toy', which is none"),
        ("sweeps", lambda toy: Sweep("x", "X", "size", list), "parameters should be a tuple"),
    ],
)  # fmt: skip
def test_a_record_that_is_not_sound_is_named_and_the_others_live(toy, kind, record, words):
    good = {"simulators": toy.offer("good"), "detectors": replace(toy.detector, name="good")}
    good |= {"datasets": replace(toy.maker(), name="good"), "sweeps": Sweep("good", "Good", ("size",), list)}
    made = Registry()
    made.add(toy.plugin(**{kind: lambda: [record(toy), good[kind]]}), HERE)
    one_problem(made, f"mine 0.3, simbench_{kind}", words)
    assert names(getattr(made, kind)) == ["good"]


def test_all_words_of_a_models_entry_are_taken(toy, toy_file, tmp_path):
    result = toy.run(toy.registry(toy.offer("flat")), toy_file, tmp_path, timing="full")
    assert result["models"][0].keys() - {"ws", "empty"} <= set(TAKEN)


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (lambda responses: responses.sum(axis=1), "'mine' should give (2,) numbers, found (2, 4)"),
        (lambda responses: 1.0, "'mine' should give (2,) numbers, found ()"),
        (lambda responses: np.full(len(responses), np.inf), "'mine' should be finite, or NaN"),
        (lambda responses: responses.nothing, "AttributeError"),
        (lambda responses: ["a", "b"], "ValueError"),
        (None, "'mine' has no function, and is none of photon_sum, "),
    ],
)
def test_an_observable_that_is_not_sound_is_named_and_left_out(toy, function, words):
    dark = Observable(
        "dark", "fraction", "NaN of dark ones", lambda x: np.where(x.any(axis=(1, 2)), 1, np.nan)
    )
    mine = Observable("mine", "", "nothing", function)
    detector = replace(toy.detector, observables=(*toy.detector.observables[:2], mine, dark))
    made = Registry()
    made.add(toy.plugin(detectors=[detector]), HERE)
    one_problem(made, "mine 0.3, simbench_detectors: detector 'toy': observable 'mine'", words)
    assert [one.name for one in made.detectors["toy"].observables] == ["photon_sum", "centre_x", "dark"]


def test_a_plugin_added_twice_is_named(toy):
    made = toy.registry(toy.offer("one"))
    made.add(toy.plugin(simulators=[toy.offer("two")]), Source("toys", "9"))
    one_problem(made, "toys 9")
    assert names(made.simulators) == ["one"]


def test_a_hook_of_wrong_arguments_is_named():
    def simbench_simulators(surplus):
        return []

    plugin = ModuleType("mine")
    plugin.simbench_simulators = hookimpl(simbench_simulators)
    made = Registry()
    made.add(plugin, HERE)
    one_problem(made, "mine 0.3", "surplus")


def test_an_object_that_cannot_be_hashed_is_named(toy):
    made = Registry()
    made.add({"no": "plugin"}, HERE)
    one_problem(made, "mine 0.3", "TypeError: unhashable")
    made.add(toy.plugin(simulators=[toy.offer("good")]), Source("later", "1"))
    assert names(made.simulators) == ["good"]


@pytest.fixture
def entry(monkeypatch):
    """Sets the installed packages' entry points: ``entry(name=function that loads)``."""

    def install(**loaders):
        points = [
            SimpleNamespace(name=name, load=load, dist=SimpleNamespace(version="7.1"))
            for name, load in loaders.items()
        ]
        monkeypatch.setattr(registry, "entry_points", lambda group: points if group == "simbench" else [])

    return install


def test_entry_points_are_loaded_and_broken_ones_skipped(toy, entry):
    def broken():
        raise ImportError("no module named heavy")

    entry(
        a_broken=broken,
        b_good=lambda: toy.plugin(simulators=[toy.offer("theirs")]),
        c_syntax=lambda: compile("a b", "theirs.py", "exec"),
    )
    made = registry.load()
    theirs = [problem for problem in made.problems if "simbench.plugins" not in problem]
    assert len(theirs) == 2
    assert "plugin a_broken 7.1: ImportError: no module named heavy" in theirs[0]
    assert "plugin c_syntax 7.1: SyntaxError" in theirs[1]
    assert made.simulators.sources["theirs"] == Source("b_good", "7.1")
    assert "mc" in made.simulators.records
    assert {"proton", "neutron"} <= made.detectors.records.keys()


def test_an_entry_point_without_a_distribution(toy, monkeypatch):
    point = SimpleNamespace(
        name="loose", load=lambda: toy.plugin(simulators=[toy.offer("theirs")]), dist=None
    )
    monkeypatch.setattr(registry, "entry_points", lambda group: [point])
    assert registry.load().simulators.sources["theirs"] == Source("loose", "?")


def test_a_broken_module_among_our_plugins_is_skipped(toy, entry, monkeypatch, tmp_path):
    folder = importlib.import_module("simbench.plugins")
    (tmp_path / "aa_broken.py").write_text("import no_such_package_at_all\n")
    (tmp_path / "bb_good.py").write_text(
        "from simbench.harness.hooks import SimulatorOffer, hookimpl\n"
        "@hookimpl\n"
        "def simbench_simulators():\n"
        "    return [SimulatorOffer('scanned', 'Scanned', print)]\n"
    )
    monkeypatch.setattr(folder, "__path__", [*folder.__path__, str(tmp_path)])
    entry()
    try:
        made = registry.load()
    finally:
        for name in ("aa_broken", "bb_good"):
            sys.modules.pop(f"simbench.plugins.{name}", None)
    (problem,) = (problem for problem in made.problems if "aa_broken" in problem)
    assert "ModuleNotFoundError: No module named 'no_such_package_at_all'" in problem
    assert made.simulators.sources["scanned"].name == "simbench.plugins.bb_good"
    assert "mc" in made.simulators.records


def test_our_own_plugins_have_no_problem(entry):
    entry()
    assert registry.load().problems == []


def test_every_module_of_the_folder_is_scanned(entry):
    entry()
    made = registry.load()
    folder: ModuleType = importlib.import_module("simbench.plugins")
    names = [module.name for module in pkgutil.iter_modules(folder.__path__)]
    modules = {f"simbench.plugins.{name}" for name in names if not name.startswith("_")}
    catalogues = (
        made.simulators,
        made.classifiers,
        made.detectors,
        made.datasets,
        made.readers,
        made.metrics,
        made.sweeps,
    )
    used = {source.name for catalogue in catalogues for source in catalogue.sources.values()}
    assert used == modules


def test_a_checkout_that_is_not_installed_has_our_plugins_too(monkeypatch):
    def missing(name):
        raise PackageNotFoundError(name)

    monkeypatch.setattr(specs, "version", missing)
    made = registry.load()
    assert made.simulators.sources["mc"] == Source("simbench.plugins.mc", "checkout")

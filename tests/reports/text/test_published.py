import pytest

from simbench.reports.text import published


def test_scores_are_those_of_the_paper() -> None:
    assert published.WS["proton"]["expertsim-3"] == published.Figure("1.59", "0.008")
    assert published.WS["neutron"]["mc"] == published.Figure("0.34", "0.014")
    assert published.WS["proton"]["expertsim-4"] == published.Figure("3.26")  # printed without a deviation
    assert [figure.value for figure in published.QUARTILE_WS["proton"]["sdi-gan-ir"]] == [
        "3.33", "3.42", "3.47", "9.92",
    ]  # fmt: skip


@pytest.mark.parametrize("detector", ["proton", "neutron"])
def test_the_ladder_of_the_paper_descends(detector: str) -> None:
    ladder = ("gan", "sdi-gan", "sdi-gan-ir", "sdi-gan-ir-ar", "expertsim-3", "mc")
    values = [float(published.WS[detector][name].value) for name in ladder]
    assert values == sorted(values, reverse=True)
    best = min((f"expertsim-{n}" for n in (2, 3, 4, 5)), key=lambda n: float(published.WS[detector][n].value))
    assert best == "expertsim-3"


@pytest.mark.parametrize("detector", ["proton", "neutron"])
def test_four_quartiles_each_and_the_source_is_named(detector: str) -> None:
    assert all(len(figures) == 4 for figures in published.QUARTILE_WS[detector].values())
    assert published.QUARTILE_WS[detector].keys() <= published.WS[detector].keys()
    assert "2508.20991" in published.NOTE
    assert "GEANT data of ALICE" in published.NOTE

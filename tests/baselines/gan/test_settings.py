import pytest

from simbench.baselines.gan.settings import COMPACT, PAPER, PRESETS, resolve


def test_paper_defaults_are_the_published_ones():
    assert resolve("paper", {}, PRESETS) == PAPER
    assert (PAPER.lambda_div, PAPER.lambda_in, PAPER.lambda_aux) == (0.1, 1e-3, 1e-3)
    assert (PAPER.lr_generator, PAPER.lr_discriminator, PAPER.lr_regressor) == (1e-4, 1e-5, 1e-4)
    assert (PAPER.batch, PAPER.epochs, PAPER.noise, PAPER.adversarial) == (512, 150, 10, "bce")


def test_overrides_keep_their_types():
    settings = resolve("compact", {"steps": "7", "lambda_in": "2e-3", "storage": "float32"}, PRESETS)
    assert (settings.steps, settings.lambda_in, settings.storage) == (7, 2e-3, "float32")
    assert settings.batch == COMPACT.batch


@pytest.mark.parametrize(
    ("preset", "overrides", "message"),
    [
        ("huge", {}, "unknown preset 'huge'; expected one of compact, layers, paper"),
        ("compact", {"epoch": "3"}, "unknown setting 'epoch'; the settings are steps, epochs, batch"),
        ("compact", {"steps": "many"}, "setting steps: expected int, found 'many'"),
        ("compact", {"steps": "1.5"}, "setting steps: expected int, found '1.5'"),
        (
            "compact",
            {"lr_generator": "-1"},
            "setting lr_generator: expected a finite number >= 0, found -1.0",
        ),
        ("compact", {"penalty": "nan"}, "setting penalty: expected a finite number >= 0, found nan"),
        ("compact", {"batch": "0"}, "setting batch: expected at least 1, found 0"),
        ("compact", {"cell": "0"}, "setting cell: expected at least 1, found 0"),
        ("compact", {"ema": "1.5"}, "setting ema: expected at most 1, found 1.5"),
        ("compact", {"adversarial": "hinge"}, "expected bce or relativistic, found 'hinge'"),
        ("compact", {"steps": "0", "epochs": "0"}, "one of them must be above 0"),
    ],
)
def test_mistakes_are_named_in_one_line(preset, overrides, message):
    with pytest.raises(ValueError) as caught:
        resolve(preset, overrides, PRESETS)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)

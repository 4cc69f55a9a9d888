import numpy as np
import pytest
import torch

from simbench.baselines.gan import networks_paper as paper
from simbench.baselines.gan.batches import Batch
from simbench.baselines.gan.ladder import MODELS, GanLearner, schedule, update
from simbench.baselines.gan.networks import DataSummary, make_networks, network_header
from simbench.baselines.gan.networks_compact import PixelGroups, photon_draw
from simbench.baselines.gan.networks_paper import Dropout
from simbench.baselines.gan.settings import PRESETS, resolve

pytestmark = pytest.mark.slow

PROTON, NEUTRON, ODD = (56, 30), (44, 44), (7, 3)


def trainable(module):
    return sum(p.numel() for p in module.parameters() if p.requires_grad)


def summary(shape, conditions=9):
    i, j = np.indices(shape)
    masks = np.stack([(i + j) % 2 == 0, ((i + j) % 2 == 1) & (i < 3), ((i + j) % 2 == 1) & (i >= 3)])
    return DataSummary(
        shape, conditions, masks, total_mean=90.0, total_std=280.0, total_max=2000.0, min_photons=1
    )


def networks(preset, shape, **overrides):
    settings = resolve(preset, overrides, PRESETS)
    return settings, make_networks(preset, summary(shape), settings, torch.Generator().manual_seed(0))


def batch(nets, shape, rows=6, seed=0):
    draw = np.random.default_rng(seed)
    showers = draw.poisson(0.5, (rows, *shape))
    return Batch(
        torch.from_numpy(nets.pool(showers)).float(),
        torch.from_numpy(draw.normal(size=(rows, 9)).astype(np.float32)),
        torch.full((rows,), 0.5),
        torch.from_numpy(draw.random((rows, 2)).astype(np.float32)),
        torch.arange(rows),
        torch.ones(rows),
    )


def test_paper_has_the_published_numbers_of_parameters():
    assert trainable(paper.Generator(shape=PROTON, conditions=9, noise=10)) == 6_933_185
    assert trainable(paper.Discriminator(shape=PROTON, conditions=9)) == 309_937


@pytest.mark.parametrize(
    ("preset", "shape"),
    [("compact", PROTON), ("compact", NEUTRON), ("compact", ODD), ("paper", PROTON), ("paper", NEUTRON)],
)
def test_shapes(preset, shape):
    _, nets = networks(preset, shape)
    real = batch(nets, shape)
    noise = torch.randn(6, 10, generator=torch.Generator().manual_seed(1))
    nets.generator.eval()
    rates = nets.generator(noise, real.conditions)
    assert rates.shape == (6, *shape)
    assert (rates >= 0).all()
    assert torch.isfinite(rates).all()
    drawn = nets.view(nets.draw(rates.flatten(1)))
    assert drawn.shape == real.photons.shape
    features = nets.discriminator.features(drawn)
    assert nets.discriminator(features, real.conditions).shape == (6,)
    assert nets.discriminator.latent(features, real.conditions).shape == (6, 64 if preset == "paper" else 128)
    assert nets.regressor(drawn).shape == (6, 2)


def test_paper_refuses_other_detectors_in_one_line():
    with pytest.raises(ValueError, match=r"^the paper preset serves .* found \(7, 3\).*$"):
        networks("paper", ODD)


def test_paper_image_is_a_logarithm():
    generator = paper.Generator(shape=NEUTRON, conditions=9, noise=10).eval()
    for layer in generator.body:
        if isinstance(layer, torch.nn.Conv2d) and layer.out_channels == 1:
            torch.nn.init.zeros_(layer.weight)
            torch.nn.init.constant_(layer.bias, np.log(1 + 41.0))
    rates = generator(torch.zeros(1, 10), torch.zeros(1, 9))
    torch.testing.assert_close(rates, torch.full((1, *NEUTRON), 41.0), rtol=1e-4, atol=0)


def test_groups_share_cell_and_channels_and_pool_exactly():
    masks = summary(PROTON).masks
    groups = PixelGroups.of(PROTON, 4, masks)
    showers = np.random.default_rng(0).poisson(0.3, (5, *PROTON)).astype(np.uint16)
    pooled = groups.pool(showers)
    grouped, rows, columns = np.split(pooled, [len(groups), len(groups) + 56], axis=1)
    channels = showers.reshape(5, -1) @ masks.reshape(3, -1).T.astype(int)
    np.testing.assert_array_equal(grouped @ groups.channel, channels)
    i, j = np.indices(PROTON)
    cell = (i * 14 // 56) * 8 + j * 8 // 30
    expected = np.stack([[shower[cell == k].sum() for k in range(112)] for shower in showers])
    np.testing.assert_array_equal(grouped @ groups.cell, expected)
    np.testing.assert_array_equal(rows, showers.sum(axis=2))
    np.testing.assert_array_equal(columns, showers.sum(axis=1))


def test_the_gradient_of_the_views_goes_back_to_their_pixels():
    groups = PixelGroups.of((2, 3), 4, np.array([[[True, False, True], [False, True, False]]]))
    pixels = torch.zeros(1, 6, requires_grad=True)
    slopes = torch.arange(1.0, 8.0)  # two groups, two rows, three columns
    (groups.view(pixels) * slopes).sum().backward()
    group = slopes[groups.of_pixel]
    expected = group + slopes[[2, 2, 2, 3, 3, 3]] + slopes[[4, 5, 6, 4, 5, 6]]
    torch.testing.assert_close(pixels.grad[0], expected)


def test_an_untrained_rate_map_is_even():
    _, nets = networks("compact", ODD)
    with torch.no_grad():
        torch.nn.init.zeros_(nets.generator.profile[-1].weight)
        torch.nn.init.zeros_(nets.generator.profile[-1].bias)
        rates = nets.generator(torch.zeros(1, 10), torch.zeros(1, 9))
    torch.testing.assert_close(rates, rates.mean().expand(1, *ODD))


def test_the_profile_is_field_rows_and_columns_on_a_log_scale():
    _, nets = networks("compact", (4, 4))
    with torch.no_grad():
        torch.nn.init.zeros_(nets.generator.profile[-1].weight)
        # A field of 2 x 2 nodes at pixels 0.5 and 2.5, then four rows, then four columns.
        terms = [0.0, 0.0, 8.0, 8.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 2.0]
        nets.generator.profile[-1].bias.copy_(torch.tensor(terms))
        logs = nets.generator(torch.zeros(1, 10), torch.zeros(1, 9))[0].log()
    field = torch.tensor([0.0, 2.0, 6.0, 8.0])
    expected = field[:, None] + torch.tensor([1.0, 0, 0, 0])[:, None] + torch.tensor([0, 0, 0, 2.0])
    torch.testing.assert_close(logs - logs[1, 1], expected - expected[1, 1], rtol=1e-4, atol=1e-4)


def test_compact_total_is_bounded():
    settings, nets = networks("compact", ODD)
    header = network_header("compact", summary(ODD), settings)
    with torch.no_grad():
        nets.generator.total.bias.fill_(1e6)
        rates = nets.generator(torch.zeros(1, 10), torch.zeros(1, 9))
    assert rates.sum().item() == pytest.approx(np.exp(header["log_limit"]), rel=1e-4)


@pytest.mark.parametrize("preset", ["compact", "paper"])
def test_building_is_reproducible_and_leaves_the_global_generator_alone(preset):
    shape = ODD if preset == "compact" else NEUTRON
    before = torch.random.get_rng_state()
    _, first = networks(preset, shape)
    _, second = networks(preset, shape)
    assert torch.equal(before, torch.random.get_rng_state())
    for one, other in zip(first.generator.parameters(), second.generator.parameters(), strict=True):
        assert torch.equal(one, other)


def test_dropout_is_reproducible_unbiased_and_off_in_evaluation():
    values = torch.ones(20_000)
    layer = Dropout(0.2, torch.Generator().manual_seed(0))
    dropped = layer(values)
    assert set(dropped.unique().tolist()) == {0.0, 1.25}
    assert dropped.mean().item() == pytest.approx(1, abs=0.02)
    assert torch.equal(dropped, Dropout(0.2, torch.Generator().manual_seed(0))(values))
    assert torch.equal(layer.eval()(values), values)
    with pytest.raises(ValueError, match="needs a random generator"):
        Dropout(0.2, None)(values)


def snapshot(modules):
    return [[p.detach().clone() for p in module.parameters()] for module in modules]


def changed(before, modules):
    return [
        any(not torch.equal(p, q) for p, q in zip(old, module.parameters(), strict=True))
        for old, module in zip(before, modules, strict=True)
    ]


@pytest.mark.parametrize(
    ("preset", "shape", "model"),
    [*(("compact", ODD, model) for model in MODELS), ("paper", NEUTRON, "sdi-gan-ir-ar")],
)
def test_each_loss_trains_its_own_network(model, preset, shape):
    settings, nets = networks(preset, shape, warmup="0", lambda_in="0.1", lambda_aux="0.1")
    learner = GanLearner(nets, MODELS[model], settings, 10, torch.Generator().manual_seed(1))
    modules, real = (nets.generator, nets.discriminator, nets.regressor), batch(nets, shape)
    generator, discriminator, _ = learner._optimisers

    fakes, before = learner.fake(real.conditions), snapshot(modules)
    update(discriminator, learner.discriminator_loss(real, fakes, 0))
    assert changed(before, modules) == [False, True, False]

    terms = learner.generator_losses(real, fakes, len(real))
    assert set(terms) == {"adversarial", *MODELS[model]}
    for name, rows in terms.items():
        assert rows.shape == (len(real.conditions),), name
        gradients = torch.autograd.grad(
            rows.mean(), list(nets.generator.parameters()), retain_graph=True, allow_unused=True
        )
        assert any(g is not None and g.any() for g in gradients), name
    before = snapshot(modules)
    update(generator, torch.stack([rows.mean() for rows in terms.values()]).sum())
    assert changed(before, modules) == [True, False, False]

    before = snapshot(modules)
    found = learner.step(real, 1)
    assert changed(before, modules) == [True, True, "auxiliary" in MODELS[model]]
    assert ("regressor" in found.losses) == ("auxiliary" in MODELS[model])
    assert all(torch.isfinite(loss) for loss in found.losses.values())


@pytest.mark.parametrize("div_rows", ["0", "4"])
def test_a_step_tells_losses_and_photons_row_by_row(div_rows):
    idle = {"lr_generator": "0", "lr_discriminator": "0", "lr_regressor": "0"}
    settings, nets = networks("compact", ODD, div_rows=div_rows, **idle)
    real, found = batch(nets, ODD), []
    for _ in range(2):  # the second time in single moves, from the same random numbers
        nets.draw = photon_draw(1, torch.Generator().manual_seed(2))
        learner = GanLearner(nets, MODELS["sdi-gan-ir-ar"], settings, 10, torch.Generator().manual_seed(1))
        found.append(learner.step(real, 0) if not found else learner.fake(real.conditions))
    step, fakes = found
    terms = learner.generator_losses(real, fakes, len(real))
    if div_rows != "0":  # it is not the loss of every row then
        terms.pop("diversity")
    pixels = fakes.photons[:, -3:].sum(1)  # the columns of the image hold every photon once
    torch.testing.assert_close(step.sums, pixels.detach())
    assert not step.sums.requires_grad
    for name, rows in terms.items():
        torch.testing.assert_close(step.losses[name], rows.mean().detach())


def test_a_part_of_a_batch_keeps_its_rows_together():
    _, nets = networks("compact", ODD)
    whole, rows = batch(nets, ODD), torch.tensor([4, 1])
    part = whole.take(rows)
    assert len(whole) == 6
    assert len(part) == 2
    for name in ("photons", "conditions", "diversity", "position", "index", "weight"):
        assert torch.equal(getattr(part, name), getattr(whole, name)[rows]), name


@pytest.mark.parametrize("distance", ["images", "latent"])
def test_diversity_is_judged_on_rates_or_on_the_latent_layer(distance):
    settings, nets = networks("compact", ODD, div_distance=distance, div_rows="4", div_clip="1e9")
    learner = GanLearner(nets, MODELS["sdi-gan"], settings, 10, torch.Generator().manual_seed(1))
    real = batch(nets, ODD)
    rows = learner.generator_losses(real, learner.fake(real.conditions), 4)["diversity"]
    assert rows.shape == (4,)
    assert (rows > 0).all()


def test_schedule_rises_stays_and_falls():
    settings = resolve("compact", {"warmup": "10", "decay": "0.5", "decay_to": "0.1"}, PRESETS)
    assert schedule(settings, 0, 1000) == pytest.approx(0.1)
    assert schedule(settings, 400, 1000) == 1
    assert schedule(settings, 750, 1000) == pytest.approx(0.55)
    assert schedule(settings, 1000, 1000) == pytest.approx(0.1)
    constant = resolve("paper", {}, PRESETS)
    assert {schedule(constant, step, 1000) for step in (0, 500, 1000)} == {1.0}


def test_average_follows_slowly_after_its_start():
    settings, nets = networks("compact", ODD, ema="0.9", ema_late="0.9", ema_from="1", warmup="0")
    learner = GanLearner(nets, (), settings, 10, torch.Generator().manual_seed(1))
    learner.step(batch(nets, ODD), 0)
    first = {name: tensor.clone() for name, tensor in nets.generator.state_dict().items()}
    torch.testing.assert_close(learner.average, first)
    learner.step(batch(nets, ODD), 1)
    for name, tensor in nets.generator.state_dict().items():
        if tensor.is_floating_point():
            torch.testing.assert_close(learner.average[name], 0.9 * first[name] + 0.1 * tensor)

import math

import numpy as np
import pytest
import torch

from simbench.baselines.gan import losses, networks


def test_bce_at_zero_logits_is_the_logarithm_of_two():
    zero = torch.zeros(3)
    torch.testing.assert_close(losses.bce_discriminator(zero, zero), torch.full((3,), 2 * math.log(2)))
    torch.testing.assert_close(losses.bce_generator(zero), torch.full((3,), math.log(2)))


def test_bce_rewards_what_each_side_wants():
    real, fake = torch.tensor([2.0]), torch.tensor([-1.0])
    expected = math.log1p(math.exp(-2)) + math.log1p(math.exp(-1))
    assert losses.bce_discriminator(real, fake).item() == pytest.approx(expected)
    assert losses.bce_generator(fake).item() == pytest.approx(math.log1p(math.exp(1)))


def test_relativistic_pairing_depends_on_the_difference_alone():
    real, fake = torch.tensor([3.0, 13.0]), torch.tensor([1.0, 11.0])
    down, up = math.log1p(math.exp(-2)), math.log1p(math.exp(2))
    torch.testing.assert_close(losses.relativistic_discriminator(real, fake), torch.full((2,), down))
    torch.testing.assert_close(losses.relativistic_generator(real, fake), torch.full((2,), up))


def test_gradient_penalty_of_a_quadratic_and_its_own_gradient():
    inputs = torch.tensor([[1.0, 2.0], [0.0, 3.0]], requires_grad=True)
    slope = torch.tensor(2.0, requires_grad=True)
    penalty = losses.gradient_penalty(slope * inputs.square().sum(1), inputs)  # gradient 2 a x
    torch.testing.assert_close(penalty, torch.tensor([16.0 * 5, 16.0 * 9]))
    penalty.sum().backward()
    assert slope.grad.item() == pytest.approx(2 * 2 * 4 * (5 + 9))


def diversity(first, second, clip=100.0):
    z1, z2 = torch.tensor([[0.0, 0.0]]), torch.tensor([[1.0, 3.0]])  # d_z = 2
    weight = torch.tensor([0.5])
    return losses.diversity(weight, first, second, z1, z2, clip)


def test_diversity_by_hand():
    first, second = torch.zeros(1, 2, 2), torch.tensor([[[0.0, 0.4], [0.0, 0.4]]])  # d_I = 0.2
    expected = 0.5 / (0.2 / (2 + losses.EPSILON) + losses.EPSILON)
    assert diversity(first, second).item() == pytest.approx(expected, rel=1e-6)
    assert diversity(first, second).item() == pytest.approx(0.5 * 2 / 0.2, rel=0.02)


def test_diversity_of_equal_images_is_the_clip_and_does_not_push():
    first = torch.zeros(1, 2, 2, requires_grad=True)
    loss = diversity(first, torch.zeros(1, 2, 2), clip=7.0)
    assert loss.item() == pytest.approx(3.5)
    loss.sum().backward()
    assert not first.grad.any()


def test_diversity_falls_when_images_part():
    first = torch.zeros(1, 2, 2, requires_grad=True)
    diversity(first, torch.full((1, 2, 2), 0.3)).sum().backward()
    assert (first.grad > 0).all()  # downhill is away from the brighter image


def test_intensity_is_in_photons_and_symmetric():
    real, fake = torch.tensor([[1.0, 2.0], [10.0, 0.0]]), torch.tensor([[5.0, 0.0], [3.0, 1.0]])
    torch.testing.assert_close(losses.intensity(real, fake), torch.tensor([2.0, 6.0]))
    torch.testing.assert_close(losses.intensity(fake, real), torch.tensor([2.0, 6.0]))
    expected = torch.tensor([math.log(6 / 4), math.log(11 / 5)])
    torch.testing.assert_close(losses.intensity(real, fake, log=True), expected)


def test_auxiliary_is_a_squared_distance_in_the_units_of_the_extent():
    predicted, position = torch.tensor([[0.5, 1.0], [0.2, 0.3]]), torch.tensor([[0.1, 0.8], [0.2, 0.3]])
    one = losses.auxiliary(predicted, position, torch.ones(2))
    torch.testing.assert_close(one, torch.tensor([0.16 + 0.04, 0]))
    pixels = losses.auxiliary(predicted, position, torch.tensor([55.0, 29.0]))  # 22 and 5.8 pixels off
    torch.testing.assert_close(pixels, torch.tensor([22**2 + 5.8**2, 0]))


def test_brightest_pixel_is_the_first_maximum_in_row_order():
    showers = np.zeros((3, 3, 5), dtype=np.uint16)
    showers[0, 2, 1] = 4
    showers[1, 1, 4] = showers[1, 2, 0] = 9
    np.testing.assert_allclose(networks.brightest(showers), [[1, 0.25], [0.5, 1], [0, 0]])

"""The photon draw as ONNX operators: distributions, and the hash that its chance comes from."""

import numpy as np
import pytest
from scipy import stats

from simbench.baselines import photons
from simbench.baselines.export.photon_graph import photon_graph
from simbench.harness import rng

onnx = pytest.importorskip("onnx")
runtime = pytest.importorskip("onnxruntime")

SHAPE, NOISE = (44, 44), 10


def session(shape=SHAPE, min_photons=0, extra=()):
    model = photon_graph(shape, NOISE, min_photons)
    onnx.checker.check_model(model, full_check=True)
    for name, kind in extra:
        model.graph.output.append(onnx.helper.make_tensor_value_info(name, kind, None))
    options = runtime.SessionOptions()
    options.intra_op_num_threads = 1
    return runtime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])


def noise_of(rows, seed=0):
    return np.random.default_rng(seed).standard_normal((rows, NOISE)).astype(np.float32)


def drawn(session, rates, noise):
    """Photons, as O2 gets them of the first output; they are whole but for float32."""
    logarithms = session.run(["image"], {"noise": noise, "rates": np.float32(rates)})[0]
    found = np.expm1(logarithms.astype(np.float64))
    whole = np.rint(found)
    np.testing.assert_allclose(found, whole, rtol=2e-6, atol=2e-6)
    return whole.astype(np.int64)


@pytest.fixture(scope="module")
def plain():
    return session()


@pytest.fixture(scope="module")
def at_least_one():
    return session(min_photons=1)


def chi_square(counts, probability):
    """The p-value of counts of 0, 1, ... given probabilities; rare ones are put together."""
    number = counts.sum()
    expected = probability * number
    common = expected > 10
    observed = np.append(counts[common], counts[~common].sum())
    rest = np.append(expected[common], number - expected[common].sum())
    kept = rest > 5
    return stats.chisquare(observed[kept], rest[kept] * observed[kept].sum() / rest[kept].sum()).pvalue


@pytest.mark.parametrize("rate", [1e-4, 1e-3, 0.03, 0.5, 2.0, 7.0, 15.9, 16.1, 60.0, 1200.0])
def test_every_pixel_is_poisson(plain, rate):
    counts = drawn(plain, np.full((256, *SHAPE), rate), noise_of(256, 1)).ravel()
    found = np.bincount(counts)
    top = max(len(found), int(rate + 8 * np.sqrt(rate)) + 4)
    probability = stats.poisson.pmf(np.arange(top), rate)
    assert chi_square(np.pad(found, (0, top - len(found))), probability) > 1e-3
    assert abs(counts.mean() - rate) < 4 * np.sqrt(rate / len(counts))


def test_the_faintest_pixels_are_lit_as_often_as_they_should(plain):
    lit = sum(drawn(plain, np.full((512, *SHAPE), 1e-6), noise_of(512, seed)).sum() for seed in range(6))
    expected = 6 * 512 * 44 * 44 * 1e-6
    assert 1e-3 < stats.poisson.cdf(lit, expected) < 1 - 1e-3


def test_pixels_of_one_response_differ_in_rate(plain):
    """Sums over many responses of an image with all kinds of rates, pixel by pixel."""
    rates = np.geomspace(1e-4, 900, 44 * 44).reshape(SHAPE)
    counts = drawn(plain, np.broadcast_to(rates, (500, *SHAPE)), noise_of(500, 2))
    pull = (counts.sum(axis=0) - 500 * rates) / np.sqrt(500 * rates)
    bright = pull[500 * rates > 30]
    assert stats.kstest(bright, "norm").pvalue > 1e-3
    assert (
        stats.kstest(counts.sum(axis=(1, 2)), stats.norm(rates.sum(), np.sqrt(rates.sum())).cdf).pvalue > 1e-3
    )


@pytest.mark.parametrize("threshold", [1, 5])
def test_no_response_falls_short_of_the_threshold(threshold):
    """The law of photons.draw: the total is raised, and every photon is drawn from the profile."""
    rates = np.random.default_rng(3).gamma(0.2, 1.0, SHAPE)
    rates *= 1.3 / rates.sum()
    many = np.broadcast_to(np.float32(rates), (2500, *SHAPE))
    counts = drawn(session(min_photons=threshold), many, noise_of(2500, 4))
    wanted = photons.draw(many, rng.keys(5, np.arange(2500)), threshold)
    totals = counts.sum(axis=(1, 2))
    probability = stats.poisson.pmf(np.arange(12), 1.3)
    probability[threshold] = probability[: threshold + 1].sum()
    probability[:threshold] = 0
    assert totals.min() == threshold
    assert chi_square(np.bincount(totals, minlength=12)[threshold:12], probability[threshold:]) > 1e-3
    bins = np.cumsum(rates.ravel()) // (rates.sum() / 20)
    places = [np.bincount(bins.astype(int), x.sum(axis=0).ravel(), minlength=21) for x in (counts, wanted)]
    expected = np.bincount(bins.astype(int), rates.ravel(), minlength=21) / rates.sum()
    for found in places:
        assert (
            stats.chisquare(found[:20], expected[:20] / expected[:20].sum() * found[:20].sum()).pvalue > 1e-3
        )


def test_a_response_without_any_rate_stays_empty(at_least_one):
    rates = np.zeros((3, *SHAPE), np.float32)
    rates[1, 7, 9] = 1e-20
    counts = drawn(at_least_one, rates, noise_of(3))
    assert counts.sum() == counts[1, 7, 9] == 1
    assert not drawn(at_least_one, rates[:1], noise_of(1)).any()


def test_real_photons_are_rounded_to_a_neighbour():
    values = np.geomspace(1e-4, 3000, 44 * 44).reshape(SHAPE)
    values[0, :5] = [0, 1, 2, 700, 0]
    many = np.broadcast_to(np.float32(values), (2000, *SHAPE))
    counts = drawn(session(min_photons=None), many, noise_of(2000, 6))
    assert (np.abs(counts - many) < 1 + 1e-3).all()
    np.testing.assert_array_equal(counts[:, 0, :5], np.broadcast_to([0, 1, 2, 700, 0], (2000, 5)))
    part = values - np.floor(values)
    spread = np.sqrt(2000 * part * (1 - part))
    pull = ((counts - np.floor(values)).sum(axis=0) - 2000 * part)[spread > 5] / spread[spread > 5]
    assert stats.kstest(pull, "norm").pvalue > 1e-3


def test_equal_noise_gives_equal_photons_whatever_the_batch(at_least_one):
    rates = np.random.default_rng(7).gamma(0.1, 5.0, (40, *SHAPE)).astype(np.float32)
    noise = noise_of(40, 8)
    together = drawn(at_least_one, rates, noise)
    alone = np.concatenate([drawn(at_least_one, rates[i : i + 1], noise[i : i + 1]) for i in range(40)])
    np.testing.assert_array_equal(together, alone)


# From here on, the hash.

BITS = (("bits", onnx.TensorProto.INT64), ("uniform", onnx.TensorProto.FLOAT))


@pytest.fixture(scope="module")
def hashed():
    opened = session(extra=BITS)

    def hashed(noise):
        feed = {"noise": noise, "rates": np.ones((len(noise), *SHAPE), np.float32)}
        bits, uniform = opened.run(["bits", "uniform"], feed)
        return bits.view(np.uint64), uniform

    return hashed


def test_the_hash_is_splitmix_of_noise_and_pixel(hashed):
    """Against NumPy, for int64 products wrap by the grace of the processor."""
    noise = noise_of(5)
    golden = np.uint64(0x9E3779B97F4A7C15)
    numbers = (noise.astype(np.float64) * 2**40).astype(np.int64).view(np.uint64)
    key = rng.mix(rng.mix(numbers + np.arange(1, 11, dtype=np.uint64) * golden).sum(axis=1, keepdims=True))
    expected = rng.mix(key + np.arange(1, 44 * 44 + 1, dtype=np.uint64) * golden)
    bits, uniform = hashed(noise)
    np.testing.assert_array_equal(bits, expected)
    np.testing.assert_allclose(uniform, (expected >> np.uint64(1)).astype(np.float64) * 2.0**-63, rtol=1e-6)


@pytest.mark.parametrize("number", range(NOISE))
@pytest.mark.parametrize("value", [0.0, 1e-4, 0.7, -3.1])
def test_the_least_change_of_one_number_changes_everything(hashed, number, value):
    noise = noise_of(2, 9)
    noise[:, number] = value
    noise[1] = noise[0]
    near = 2.0**-40 if value == 0 else np.nextafter(np.float32(value), np.float32(9))
    noise[1, number] = near
    bits, uniform = hashed(noise)
    flipped = np.unpackbits((bits[0] ^ bits[1]).view(np.uint8)).mean()
    assert abs(flipped - 0.5) < 5 * 0.5 / np.sqrt(64 * 44 * 44)
    assert abs(np.corrcoef(uniform)[0, 1]) < 5 / 44


def test_numbers_in_another_order_are_another_noise(hashed):
    noise = noise_of(1, 10)
    bits, _ = hashed(np.concatenate([noise, noise[:, ::-1], np.roll(noise, 1, axis=1)]))
    assert len(np.unique(bits)) == bits.size


def test_uniforms_are_uniform_and_pixels_do_not_know_their_neighbours(hashed):
    bits, uniform = hashed(noise_of(400, 11))
    assert stats.kstest(uniform.ravel()[:200_000], "uniform").pvalue > 1e-3
    balance = np.unpackbits(bits.view(np.uint8)).reshape(-1, 64).mean(axis=0)
    assert np.abs(balance - 0.5).max() < 5 * 0.5 / np.sqrt(bits.size)
    images = uniform.reshape(-1, *SHAPE)
    for first, second in (
        (images[:, :, 1:], images[:, :, :-1]),
        (images[:, 1:], images[:, :-1]),
        (images[1:], images[:-1]),
        (images[:, 1:, 1:], images[:, :-1, :-1]),
    ):
        assert abs(np.corrcoef(first.ravel(), second.ravel())[0, 1]) < 5 / np.sqrt(first.size)
    assert len(np.unique(bits)) == bits.size

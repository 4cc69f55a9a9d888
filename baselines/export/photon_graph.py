"""The photon draw as a graph of ONNX operators, whose only source of chance is the generator's noise.

ALICE's O2 gives a generator ten noise numbers, and rounds sums of the photons that it gets. Rates would lose
their faint responses there; so a graph that is exported draws whole photons. Its uniforms are a hash of the
noise and the pixel: equal noise gives equal photons, and the least change of one number gives others.

Operators are those of opset 18, in types that ONNX Runtime has had since then.
"""

from math import lgamma
from typing import Any

import numpy as np

OPSET = 18
IR_VERSION = 8  # the one of that opset, which older versions of ONNX Runtime read too

_GOLDEN = 0x9E3779B97F4A7C15
_MULTIPLIERS = (0xBF58476D1CE4E5B9, 0x94D049BB133111EB)
_SHIFTS = (30, 27, 31)
_FEW = 16.0  # expected photons up to which the Poisson distribution is summed up term by term
_TERMS = 52  # of that sum; more photons than these come less than once in 10^11 pixels


def photon_graph(shape: tuple[int, int], noise: int, min_photons: int | None) -> Any:
    """An ``onnx.ModelProto``: ``noise`` (batch, Z), ``rates`` (batch, H, W) to ``image``, log(1 + photons).

    Every pixel is Poisson with its rate, independent of the others, and a response that falls short of
    ``min_photons`` gets as many more as it lacks, each in a pixel drawn from the profile of the rates: the
    distribution of :func:`simbench.baselines.photons.draw`. With ``min_photons`` ``None`` the rates are real
    numbers of photons, each rounded at random to a neighbour as by
    :func:`simbench.baselines.photons.round_photons`.

    Args:
        shape: (H, W).
        noise: Z.
        min_photons: see above.
    """
    import onnx

    height, width = shape
    if min_photons is None:
        steps = (
            "below_one = Min (uniform, largest)\n raised = Add (flat, below_one)\n counts = Floor (raised)"
        )
    else:
        steps = _POISSON + (_AT_LEAST if min_photons else "counts = Identity (drawn)")
    text = f"""<ir_version: {IR_VERSION}, opset_import: ["" : {OPSET}]>
    photons (float[batch, {noise}] noise, float[batch, {height}, {width}] rates)
        => (float[batch, {height}, {width}] image) {{
        flat = Reshape (rates, flat_shape)
        {_hash(noise)}
        {steps}
        more = Add (counts, one)
        logarithms = Log (more)
        image = Reshape (logarithms, image_shape)
    }}"""
    model = onnx.parser.parse_model(text)
    constants = _constants(shape, noise, max(min_photons or 0, 1))
    used = {name for node in model.graph.node for name in node.input}
    model.graph.initializer.extend(
        onnx.numpy_helper.from_array(np.asarray(value), name)
        for name, value in constants.items()
        if name in used
    )
    return model


def _mix(source: str, target: str) -> str:
    """The SplitMix64 finaliser of an int64 tensor, whose products wrap. Only shifts need unsigned numbers."""
    lines, value = [], source
    for step, _ in enumerate(_SHIFTS):
        last = step == len(_SHIFTS) - 1
        mixed = target if last else f"{target}_x{step}"
        lines += [
            f"{target}_u{step} = Cast <to = 13> ({value})",
            f'{target}_s{step} = BitShift <direction = "RIGHT"> ({target}_u{step}, shift{step})',
            f"{target}_i{step} = Cast <to = 7> ({target}_s{step})",
            f"{mixed} = BitwiseXor ({value}, {target}_i{step})",
        ]
        if not last:
            value = f"{target}_p{step}"
            lines.append(f"{value} = Mul ({mixed}, multiplier{step})")
    return "\n".join(lines)


def _hash(noise: int) -> str:
    """One key a row of all its noise in steps of 2^-40, and 64 bits a pixel of key and pixel."""
    columns = [f"column{number}" for number in range(noise)]
    sums = [columns[0], *(f"sum{number}" for number in range(1, noise))]
    added = [f"{sums[n]} = Add ({sums[n - 1]}, {columns[n]})" for n in range(1, noise)]  # ReduceSum saturates
    return "\n".join(
        [
            "precise = Cast <to = 11> (noise)",
            "bounded = Clip (precise, lowest, highest)",
            "fixed = Mul (bounded, steps)",
            "numbers = Cast <to = 7> (fixed)",
            "salted = Add (numbers, noise_salt)",
            _mix("salted", "mixed"),
            f"{', '.join(columns)} = Split <axis = 1, num_outputs = {noise}> (mixed)",
            *added,
            _mix(sums[-1], "key"),
            "places = Add (key, pixel_salt)",
            _mix("places", "bits"),
            _uniform("bits", "uniform", 1),
        ]
    )


def _uniform(bits: str, target: str, kind: int) -> str:
    """Uniforms in [0, 1] of 63 random bits, of the ONNX type ``kind``: those near 0 are as fine as it has."""
    return f"""
        {target}_u = Cast <to = 13> ({bits})
        {target}_s = BitShift <direction = "RIGHT"> ({target}_u, shift_one)
        {target}_i = Cast <to = 7> ({target}_s)
        {target}_f = Cast <to = {kind}> ({target}_i)
        {target} = Mul ({target}_f, unit{kind})
    """


# A pixel has a photon if its uniform is below 1 - exp(-rate) = 2 t / (1 + t), t = tanh(rate / 2). Few have,
# and the rest is done for these only. There are k or more if the uniform is below P(k or more). Where many
# are expected, they are found from a normal deviate w instead, by the expansion of M. B. Giles,
# "Algorithm 955: Approximation of the inverse Poisson cumulative distribution function", ACM Trans. Math.
# Softw. 42 (2016).
_POISSON = f"""
        half_rate = Mul (flat, half)
        t = Tanh (half_rate)
        two_t = Add (t, t)
        one_t = Add (t, one)
        chance = Div (two_t, one_t)
        hit = Less (uniform, chance)
        hit_by_axis = NonZero (hit)
        where = Transpose <perm = [1, 0]> (hit_by_axis)
        rate = GatherND (flat, where)
        u_hit = GatherND (uniform, where)

        few_rate = Min (rate, few)
        log_rate = Log (few_rate)
        log_column = Unsqueeze (log_rate, axis_one)
        rate_column = Unsqueeze (few_rate, axis_one)
        columns = Concat <axis = 1> (log_column, rate_column)
        exponent = Gemm (columns, orders, log_factorials)
        term = Exp (exponent)
        or_more = CumSum <reverse = 1> (term, one_index)
        u_column = Unsqueeze (u_hit, axis_one)
        reached = Less (u_column, or_more)
        reached_number = Cast <to = 1> (reached)
        others = ReduceSum <keepdims = 0> (reached_number, axis_one)
        few_photons = Add (others, one)

        hit_bits = GatherND (bits, where)
        second_place = Add (hit_bits, golden)
        {_mix("second_place", "second_bits")}
        {_uniform("second_bits", "second", 11)}
        angle = Mul (second, two_pi)
        cosine = Cos (angle)
        u_precise = Cast <to = 11> (u_hit)
        u = Max (u_precise, least)
        log_u = Log (u)
        square_radius = Mul (log_u, minus_two)
        radius = Sqrt (square_radius)
        w = Mul (radius, cosine)
        w2 = Mul (w, w)
        w3 = Mul (w2, w)
        w4 = Mul (w2, w2)
        mean = Cast <to = 11> (rate)
        root = Sqrt (mean)
        order1 = Mul (root, w)
        sixth = Mul (w2, c_sixth)
        order2 = Add (sixth, c_third)
        term3a = Mul (w, c_36)
        term3b = Mul (w3, c_72)
        term3 = Add (term3a, term3b)
        order3 = Div (term3, root)
        term4a = Mul (w2, c_7_810)
        term4b = Mul (w4, c_270)
        term4 = Sum (term4a, term4b, c_8_405)
        order4 = Div (term4, mean)
        quantile = Sum (mean, order1, order2, order3, order4)
        whole = Floor (quantile)
        many_precise = Max (whole, zero_precise)
        many_photons = Cast <to = 1> (many_precise)

        is_few = LessOrEqual (rate, few)
        hit_counts = Where (is_few, few_photons, many_photons)
        flat_size = Shape (flat)
        empty = ConstantOfShape <value: tensor = float[1] {{0.0}}> (flat_size)
        drawn = ScatterND (empty, where, hit_counts)
"""

# Slot j of a response adds a photon if it has j photons or fewer: j counts from 0 to the threshold less one.
_AT_LEAST = f"""
        total = ReduceSum <keepdims = 0> (drawn, axis_one)
        short = Less (total, threshold)
        short_by_axis = NonZero (short)
        short_rows = Squeeze (short_by_axis, axis_zero)
        short_rates = Gather (flat, short_rows)
        short_precise = Cast <to = 11> (short_rates)
        profile = CumSum (short_precise, one_index)
        summed_rate = Slice (profile, last_start, last_end, axis_one)
        short_key = Gather (key, short_rows)
        slot_place = Add (short_key, slot_salt)
        {_mix("slot_place", "slot_bits")}
        {_uniform("slot_bits", "slot_uniform", 11)}
        target = Mul (slot_uniform, summed_rate)
        target_cube = Unsqueeze (target, axis_two)
        profile_cube = Unsqueeze (profile, axis_one)
        passed = LessOrEqual (profile_cube, target_cube)
        passed_number = Cast <to = 7> (passed)
        found = ReduceSum <keepdims = 0> (passed_number, axis_two)
        pixel = Min (found, last_pixel)
        rows_column = Unsqueeze (short_rows, axis_one)
        no_pixel = Sub (pixel, pixel)
        row = Add (no_pixel, rows_column)
        row_cube = Unsqueeze (row, axis_two)
        pixel_cube = Unsqueeze (pixel, axis_two)
        slots = Concat <axis = 2> (row_cube, pixel_cube)
        short_total = Gather (total, short_rows)
        total_column = Unsqueeze (short_total, axis_one)
        lacking = LessOrEqual (total_column, slot_numbers)
        shining = Greater (summed_rate, zero_precise)
        adding = And (lacking, shining)
        added = Cast <to = 1> (adding)
        counts = ScatterND <reduction = "add"> (drawn, slots, added)
"""


def _constants(shape: tuple[int, int], noise: int, slots: int) -> dict[str, Any]:
    pixels = shape[0] * shape[1]
    orders = np.arange(2, _TERMS + 1, dtype=np.float32)
    return {
        "flat_shape": np.array([-1, pixels]),
        "image_shape": np.array([-1, *shape]),
        "axis_zero": np.array([0]),
        "axis_one": np.array([1]),
        "axis_two": np.array([2]),
        "one_index": np.array(1),
        "lowest": np.array(-(2.0**20)),
        "highest": np.array(2.0**20),
        "steps": np.array(2.0**40),
        "golden": _signed([_GOLDEN])[0],
        **{f"shift{step}": np.array(shift, np.uint64) for step, shift in enumerate(_SHIFTS)},
        "shift_one": np.array(1, np.uint64),
        **{f"multiplier{step}": _signed([value])[0] for step, value in enumerate(_MULTIPLIERS)},
        "noise_salt": _salt(range(1, noise + 1)),
        "pixel_salt": _salt(range(1, pixels + 1)),
        "slot_salt": _salt(range(pixels + 1, pixels + slots + 1)),
        "unit1": np.float32(2.0**-63),
        "unit11": np.array(2.0**-63),
        "largest": np.float32(1 - 2.0**-24),
        "least": np.array(2.0**-64),
        "one": np.float32(1),
        "half": np.float32(0.5),
        "few": np.float32(_FEW),
        "orders": np.stack([orders, -np.ones_like(orders)]),
        "log_factorials": np.array([-lgamma(order + 1) for order in orders], np.float32),
        "zero_precise": np.array(0.0),
        "two_pi": np.array(2 * np.pi),
        "minus_two": np.array(-2.0),
        "c_third": np.array(1 / 3),
        "c_sixth": np.array(1 / 6),
        "c_36": np.array(-1 / 36),
        "c_72": np.array(-1 / 72),
        "c_7_810": np.array(7 / 810),
        "c_270": np.array(1 / 270),
        "c_8_405": np.array(-8 / 405),
        "threshold": np.float32(slots),
        "slot_numbers": np.arange(slots, dtype=np.float32),
        "last_start": np.array([-1]),
        "last_end": np.array([pixels]),
        "last_pixel": np.array(pixels - 1),
    }


def _salt(numbers: range) -> Any:
    """Multiples of the golden ratio of 2^64, one a number, as int64."""
    return _signed([number * _GOLDEN for number in numbers])


def _signed(values: list[int]) -> Any:
    return np.array([value % 2**64 for value in values], dtype=np.uint64).view(np.int64)

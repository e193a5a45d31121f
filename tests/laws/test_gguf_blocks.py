"""Blocks of GGUF: the fast way equals the definition, equals the reference's numbers, and loses as little as it can."""

import hashlib

import numpy as np
import pytest

from groundup.errors import Problem
from groundup.model import gguf_quantise as quantise
from groundup.model.gguf_blocks import (  # fmt: skip
    DEFINITIONS,
    LAYOUTS,
    NUMBERS,
    decode,
    fitting,
    gathered,
    packed_scales,
    scales_and_floors,
    spread,
)


def blocks(kind: str, count: int) -> np.ndarray:
    """Any bytes at all, and scales that are numbers."""
    layout = LAYOUTS[kind]
    mixed = (np.arange(count * layout.itemsize, dtype=np.uint64) * 2654435761 >> 13) & 255
    made = np.frombuffer(mixed.astype(np.uint8).tobytes(), dtype=layout).copy()
    for name in {"d", "dmin", "least"} & set(layout.names):
        made[name] = (np.arange(count) % 7 - 3) / 64 + (0.011 if name == "d" else 0.023)
    return made


def matrix(rows: int = 8, columns: int = 512) -> np.ndarray:
    return np.random.default_rng(3).normal(0, 0.3, (rows, columns)).astype(np.float32)


@pytest.mark.parametrize("kind", LAYOUTS)
def test_a_tensor_is_what_the_definition_says_of_each_of_its_numbers(kind):
    made = blocks(kind, 9)
    expected = [[DEFINITIONS[kind](block, at) for at in range(NUMBERS[kind])] for block in made]
    found = decode(kind, made.tobytes(), (3, 3 * NUMBERS[kind]))
    assert found.dtype == np.float32 and np.array_equal(found.reshape(9, -1), np.array(expected, np.float32))


# What the package gguf 0.19.0 (llama.cpp's own, in NumPy) made of the same bytes and the same matrices.
DEQUANTISED = {
    "q4_0": "dd61f64859c9e57a",
    "q4_1": "f0fe02480b9d1b86",
    "q5_0": "22490484dc57cff8",
    "q5_1": "05cb194d8afcdca1",
    "q8_0": "cbdf4a6ff9c0db1f",
    "q2_k": "e8d23f5d480a31f1",
    "q3_k": "25426f1188099ced",
    "q4_k": "2161cecb28658839",
    "q5_k": "9774440c9a4c4c4a",
    "q6_k": "5bcdefae56449aec",
}
QUANTISED = {
    "q4_0": "7df8535d18abc185",
    "q5_0": "80f6d68cb17ee179",
    "q8_0": "33d88922fe725e0f",
}


@pytest.mark.parametrize("kind", LAYOUTS)
def test_a_tensor_is_what_llama_cpps_own_reference_makes_of_it(kind):
    found = decode(kind, blocks(kind, 64).tobytes(), (64, NUMBERS[kind]))
    assert hashlib.sha256(found.tobytes()).hexdigest()[:16] == DEQUANTISED[kind]


@pytest.mark.parametrize("kind", ["q4_0", "q5_0", "q8_0"])
def test_blocks_are_llama_cpps_own_to_the_bit(kind):
    assert hashlib.sha256(quantise.encode(kind, grid())).hexdigest()[:16] == QUANTISED[kind]


def grid() -> np.ndarray:
    """Numbers with many halves and ties among their multiples."""
    return ((np.arange(64 * 256, dtype=np.uint64) * 2654435761 >> 13) % 1021).astype(np.float32).reshape(
        64, 256
    ) / 512 - 1


@pytest.mark.parametrize(("bits", "run"), [(1, 32), (2, 32), (2, 4), (4, 16), (4, 32), (4, 64)])
def test_numbers_packed_come_apart_again(bits, run):
    packed = np.random.default_rng(bits).integers(0, 256, (5, 2 * run), dtype=np.uint8)
    assert np.array_equal(gathered(spread(packed, bits, run), bits, run), packed)


def test_small_scales_packed_come_apart_again():
    scales, floors = np.random.default_rng(0).integers(0, 64, (2, 50, 8))
    found = scales_and_floors(packed_scales(scales, floors))
    assert np.array_equal(found[0], scales) and np.array_equal(found[1], floors)


@pytest.mark.parametrize("weights", [matrix(), grid(), np.zeros((2, 256), np.float32)], ids=["normal", "grid", "zeros"])
def test_all_blocks_at_once_are_the_blocks_one_by_one(weights):
    x = weights.reshape(-1, 32)
    for kind, top in (("q4_0", 8), ("q5_0", 16)):
        made = np.frombuffer(quantise.encode(kind, weights), dtype=LAYOUTS[kind])
        q = spread(made["q"], 4, 16) | (np.unpackbits(made["high"], axis=1, bitorder="little") << 4 if top == 16 else 0)
        for block, numbers, row in zip(made, q.tolist(), x, strict=True):
            d, expected = quantise.plain_q4_0(row, top)
            assert block["d"] == np.float16(d) and numbers == expected
    for block, row in zip(np.frombuffer(quantise.encode("q8_0", weights), dtype=LAYOUTS["q8_0"]), x, strict=True):
        d, expected = quantise.plain_q8_0(row)
        assert block["d"] == np.float16(d) and block["q"].tolist() == expected


def test_every_number_of_a_k_block_is_the_nearest_that_its_scales_can_say():
    weights = matrix(2)
    for kind, each, low, high in (("q4_k", 32, 0, 15), ("q6_k", 16, -32, 31)):
        raw = quantise.encode(kind, weights)
        made, found = np.frombuffer(raw, dtype=LAYOUTS[kind]), decode(kind, raw, weights.shape).reshape(-1, each)
        d = made["d"].astype(np.float64)[:, None]
        if kind == "q4_k":
            small, floors = scales_and_floors(made["scales"])
            scales, floors = d * small, made["dmin"].astype(np.float64)[:, None] * floors
        else:
            scales, floors = d * made["scales"], 0 * d * made["scales"]
        for x, y, scale, floor in zip(weights.reshape(-1, each), found, scales.ravel(), floors.ravel(), strict=True):
            expected = [scale * q - floor for q in quantise.plain_steps(x, scale, floor, low, high)]
            assert np.abs(x - y).sum() <= np.abs(x - expected).sum() * (1 + 1e-5)


@pytest.mark.parametrize(
    ("kind", "most"), {"q4_0": 0.09, "q4_k": 0.074, "q5_0": 0.045, "q6_k": 0.0178, "q8_0": 0.0056}.items()
)
def test_what_is_lost_is_little_and_less_with_more_bits(kind, most):
    weights = matrix(64)
    off = decode(kind, quantise.encode(kind, weights), weights.shape) - weights
    assert most * 0.9 < np.sqrt((off**2).mean() / (weights**2).mean()) < most


def test_trying_several_ranges_is_better_than_the_obvious_one():
    parts = matrix().reshape(-1, 32)
    scale, floor = quantise.fit_range(parts, 15)
    low, high = parts.min(-1, keepdims=True), parts.max(-1, keepdims=True)
    step = (high - low) / 15
    obvious = np.rint((parts - low) / step) * step + low - parts
    q = np.clip(np.rint((parts + floor[:, None]) / scale[:, None]), 0, 15)
    found = scale[:, None] * q - floor[:, None] - parts
    assert ((found**2).sum(-1) <= (obvious**2).sum(-1) * (1 + 1e-6)).all()
    assert (found**2).sum() < 0.9 * (obvious**2).sum()


@pytest.mark.parametrize("kind", quantise.ENCODERS)
def test_weights_without_a_range_come_back_exactly(kind):
    for value in (0.0, 0.5, -0.25):
        weights = np.full((1, 256), value, np.float32)
        assert np.allclose(decode(kind, quantise.encode(kind, weights), weights.shape), weights, rtol=5e-3)


@pytest.mark.parametrize("kind", quantise.ENCODERS)
def test_what_no_block_can_say_is_refused(kind):
    for value, said in ((np.inf, "infinite"), (np.nan, "infinite or not a number"), (3e38, "too large")):
        with pytest.raises(Problem, match=said):
            quantise.encode(kind, np.full((1, 256), value, np.float32))


@pytest.mark.parametrize(
    ("asked", "columns", "given"),
    [
        ("q4_k", 512, "q4_k"), ("q4_k", 96, "q5_0"), ("q4_k", 100, "f16"), ("q6_k", 96, "q8_0"), ("q6_k", 3, "f16"),
        ("q4_0", 96, "q4_0"), ("q4_0", 100, "f16"), ("q8_0", 100, "f16"), ("bf16", 3, "bf16"),
    ],
)  # fmt: skip
def test_rows_that_do_not_fill_their_blocks_get_a_type_with_smaller_ones(asked, columns, given):
    assert fitting(asked, columns) == given

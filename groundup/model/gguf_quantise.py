"""Numbers become blocks of a GGUF file: which small integers and scales come nearest to a matrix.

The 32-blocks follow llama.cpp's rounding to the bit. K blocks leave the choice of scales to the writer: here a few ranges
are tried for each part, each mended by least squares, and the one with the smallest squared error is kept.
"""

from collections.abc import Callable

import numpy as np

from groundup.errors import Problem
from groundup.model.gguf_blocks import LAYOUTS, NUMBERS, gathered, packed_scales

STRETCHES = np.linspace(-1.2, 1.2, 13)  # added to the count of steps that a part's range is divided into


def encode(type: str, weight: np.ndarray) -> bytes:
    """weight (rows, columns) f32 -> blocks, row after row; the columns fill whole blocks."""
    if not np.isfinite(weight).all():
        raise Problem(f"A weight is infinite or not a number: it cannot be written as {type}.")
    with np.errstate(over="ignore", invalid="ignore"):  # scales that do not fit into f16 are refused below
        blocks = ENCODERS[type](weight.reshape(-1, NUMBERS[type]))
    if not all(np.isfinite(blocks[name]).all() for name in ("d", "dmin") if name in (LAYOUTS[type].names or ())):
        raise Problem(f"A weight is too large for the f16 scales of {type}: export as f32 or bf16.")
    return blocks.tobytes()


# --- one block at a time, by definition -------------------------------------------------------------------------------


def plain_q4_0(x: np.ndarray, top: int = 8) -> tuple[np.float32, list[int]]:
    """The number farthest from zero becomes exactly -top, and the scale follows from it."""
    farthest = max(x, key=abs)
    d = np.float32(farthest / -top)
    inverse = np.float32(0 if d == 0 else 1 / d)
    return d, [min(2 * top - 1, int(number * inverse + np.float32(top + 0.5))) for number in x]


def plain_q8_0(x: np.ndarray) -> tuple[np.float32, list[int]]:
    """The number farthest from zero becomes 127 or -127; halves are rounded away from zero."""
    d = np.float32(max(abs(x)) / np.float32(127))
    inverse = np.float32(0 if d == 0 else 1 / d)
    return d, [int(np.trunc(number * inverse + np.copysign(np.float32(0.5), number))) for number in x]


def plain_steps(x: np.ndarray, scale: float, floor: float, low: int, high: int) -> list[int]:
    """For each number the nearest that scale · q − floor can be, q from low to high."""
    return [min(range(low, high + 1), key=lambda q: abs(scale * q - floor - number)) for number in x]


# --- all blocks at once: x (n, 32 or 256) f32 -> blocks (n) ------------------------------------------------------------


def _all_around_zero(type: str, top: int) -> Callable[[np.ndarray], np.ndarray]:
    def blocks(x: np.ndarray) -> np.ndarray:
        farthest = np.take_along_axis(x, np.abs(x).argmax(-1)[:, None], -1)  # (n, 1)
        d = farthest / np.float32(-top)
        q = np.clip(np.trunc(x * _inverse(d) + np.float32(top + 0.5)), 0, 2 * top - 1).astype(np.uint8)
        made = _empty(type, len(x))
        made["d"], made["q"] = d[:, 0], gathered(q & 15, 4, 16)
        if type == "q5_0":
            made["high"] = np.packbits(q >> 4, axis=1, bitorder="little")
        return made

    return blocks


def _all_q8_0(x: np.ndarray) -> np.ndarray:
    d = np.abs(x).max(-1, keepdims=True) / np.float32(127)
    made = _empty("q8_0", len(x))
    made["d"] = d[:, 0]
    made["q"] = np.trunc(x * _inverse(d) + np.copysign(np.float32(0.5), x))
    return made


def _all_q4_k(x: np.ndarray) -> np.ndarray:
    parts = x.reshape(len(x), 8, 32)
    scales, floors = fit_range(parts, 15)  # (n, 8) each
    made = _empty("q4_k", len(x))
    made["d"], made["dmin"] = scales.max(-1) / 63, floors.max(-1) / 63
    # Measured in the scales as they were stored: what the f16 lost is made up for as far as it goes.
    d, dmin = made["d"].astype(np.float32)[:, None], made["dmin"].astype(np.float32)[:, None]
    small = np.clip(np.rint(scales * _inverse(d)), 0, 63)
    low = np.clip(np.rint(floors * _inverse(dmin)), 0, 63)
    q = _nearest(parts + (dmin * low)[..., None], (d * small)[..., None], 0, 15)
    made["scales"], made["q"] = packed_scales(small, low), gathered(q.reshape(len(x), -1), 4, 32)
    return made


def _all_q6_k(x: np.ndarray) -> np.ndarray:
    parts = x.reshape(len(x), 16, 16)
    scales = fit_scale(parts, 32)  # (n, 16)
    made = _empty("q6_k", len(x))
    made["d"] = np.take_along_axis(scales, np.abs(scales).argmax(-1)[:, None], -1)[:, 0] / -128
    d = made["d"].astype(np.float32)[:, None]
    small = np.clip(np.rint(scales * _inverse(d)), -128, 127)
    q = (_nearest(parts, (d * small)[..., None], -32, 31) + 32).astype(np.uint8).reshape(len(x), -1)
    made["scales"], made["q"], made["high"] = small, gathered(q & 15, 4, 64), gathered(q >> 4, 2, 32)
    return made


def fit_range(x: np.ndarray, top: int) -> tuple[np.ndarray, np.ndarray]:
    """x (…, each) -> scale and floor (…), neither below zero, with x ≈ scale · q − floor for whole q from 0 to top."""
    x = x.astype(np.float64)
    low = np.minimum(x.min(-1, keepdims=True), 0)
    spans = x.max(-1, keepdims=True) - low
    best = np.full(x.shape[:-1], np.inf)
    scale, floor = spans[..., 0] / top, -low[..., 0]
    for stretch in STRETCHES:
        q = np.clip(np.rint((x - low) * _inverse(spans / (top + stretch))), 0, top)
        # Least squares over the part: scale = cov(q, x) / var(q), and the floor follows from the means.
        centre, mean = q.mean(-1, keepdims=True), x.mean(-1, keepdims=True)
        slope = ((q - centre) * (x - mean)).sum(-1) * _inverse(((q - centre) ** 2).sum(-1))
        base = slope * centre[..., 0] - mean[..., 0]
        through_zero = (q * x).sum(-1) * _inverse((q * q).sum(-1))
        slope, base = np.where(base < 0, through_zero, slope), np.maximum(base, 0)
        error = ((slope[..., None] * q - base[..., None] - x) ** 2).sum(-1)
        better = (error < best) & (slope >= 0)
        scale, floor = np.where(better, slope, scale), np.where(better, base, floor)
        best = np.where(better, error, best)
    return scale, floor


def fit_scale(x: np.ndarray, top: int) -> np.ndarray:
    """x (…, each) -> scale (…), of either sign, with x ≈ scale · q for whole q from -top to top - 1."""
    x = x.astype(np.float64)
    farthest = np.take_along_axis(x, np.abs(x).argmax(-1)[..., None], -1)
    best = np.full(x.shape[:-1], np.inf)
    scale = farthest[..., 0] / -top
    for stretch in STRETCHES:
        q = np.clip(np.rint(x * _inverse(farthest / -(top + stretch))), -top, top - 1)
        slope = (q * x).sum(-1) * _inverse((q * q).sum(-1))
        error = ((slope[..., None] * q - x) ** 2).sum(-1)
        scale, best = np.where(error < best, slope, scale), np.minimum(error, best)
    return scale


def _nearest(x: np.ndarray, scale: np.ndarray, low: int, high: int) -> np.ndarray:
    return np.clip(np.rint(x * _inverse(scale)), low, high)


def _inverse(x: np.ndarray) -> np.ndarray:
    """1 / x, and 0 for 0: where there is no range, every integer is zero."""
    return np.divide(1, x, out=np.zeros_like(x), where=x != 0)


def _empty(type: str, count: int) -> np.ndarray:
    return np.zeros(count, dtype=LAYOUTS[type])


ENCODERS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "q4_0": _all_around_zero("q4_0", 8),
    "q5_0": _all_around_zero("q5_0", 16),
    "q8_0": _all_q8_0,
    "q4_k": _all_q4_k,
    "q6_k": _all_q6_k,
}

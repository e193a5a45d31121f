"""Blocks of a GGUF file: 32 or 256 neighbours of a row as small integers, with the scales that stretch them back.

`DEFINITIONS` say one number at a time what a block stands for; `DECODERS` do the same for a whole tensor at once. How
numbers become blocks is in `gguf_quantise`. In K blocks 256 numbers share two f16 scales, and each 16 or 32 of them have
small integer scales of their own: number = d · scale · q − dmin · floor.
"""

from collections.abc import Callable

import numpy as np

F16, BYTE = "<f2", "u1"
LAYOUTS = {  # how the bytes of one block lie
    "q4_0": np.dtype([("d", F16), ("q", BYTE, 16)]),
    "q4_1": np.dtype([("d", F16), ("least", F16), ("q", BYTE, 16)]),
    "q5_0": np.dtype([("d", F16), ("high", BYTE, 4), ("q", BYTE, 16)]),
    "q5_1": np.dtype([("d", F16), ("least", F16), ("high", BYTE, 4), ("q", BYTE, 16)]),
    "q8_0": np.dtype([("d", F16), ("q", "i1", 32)]),
    "q2_k": np.dtype([("scales", BYTE, 16), ("q", BYTE, 64), ("d", F16), ("dmin", F16)]),
    "q3_k": np.dtype([("high", BYTE, 32), ("q", BYTE, 64), ("scales", BYTE, 12), ("d", F16)]),
    "q4_k": np.dtype([("d", F16), ("dmin", F16), ("scales", BYTE, 12), ("q", BYTE, 128)]),
    "q5_k": np.dtype([("d", F16), ("dmin", F16), ("scales", BYTE, 12), ("high", BYTE, 32), ("q", BYTE, 128)]),
    "q6_k": np.dtype([("q", BYTE, 128), ("high", BYTE, 64), ("scales", "i1", 16), ("d", F16)]),
}
NUMBERS = {name: 256 if name.endswith("k") else 32 for name in LAYOUTS}  # in one block
# What a row gets whose length the blocks do not divide, as llama.cpp chooses.
OTHERWISE = {"q4_k": "q5_0", "q6_k": "q8_0", "q4_0": "f16", "q5_0": "f16", "q8_0": "f16"}


def fitting(type: str, columns: int) -> str:
    """The type asked for, or what rows of so many numbers get in its place."""
    while type in NUMBERS and columns % NUMBERS[type]:
        type = OTHERWISE[type]
    return type


def decode(type: str, raw: bytes | bytearray, shape: tuple[int, ...]) -> np.ndarray:
    """The f32 numbers that blocks stand for."""
    with np.errstate(over="ignore", invalid="ignore"):  # a damaged file may hold scales that are no numbers
        return DECODERS[type](np.frombuffer(raw, dtype=LAYOUTS[type])).reshape(shape)


# --- one number at a time: block, place in it -> number --------------------------------------------------------------


def q4_0(block: np.void, at: int) -> np.float32:
    """The first 16 numbers are the lower halves of the bytes, the other 16 the upper; 8 stands for zero."""
    return np.float32(block["d"]) * (_part(block["q"], at, 4, 16) - 8)


def q4_1(block: np.void, at: int) -> np.float32:
    """The same counted from the least number of the block."""
    return np.float32(block["d"]) * _part(block["q"], at, 4, 16) + np.float32(block["least"])


def q5_0(block: np.void, at: int) -> np.float32:
    """A fifth bit for each lies apart, in order; 16 stands for zero."""
    return np.float32(block["d"]) * (_with_fifth(block, at) - 16)


def q5_1(block: np.void, at: int) -> np.float32:
    """The same counted from the least number of the block."""
    return np.float32(block["d"]) * _with_fifth(block, at) + np.float32(block["least"])


def q8_0(block: np.void, at: int) -> np.float32:
    """A byte each, with its sign."""
    return np.float32(block["d"]) * int(block["q"][at])


def q2_k(block: np.void, at: int) -> np.float32:
    """Two bits each; sixteen share a byte of scale (lower half) and floor (upper half)."""
    told = int(block["scales"][at // 16])
    return np.float32(block["d"]) * (told & 15) * _part(block["q"], at, 2, 32) - np.float32(block["dmin"]) * (told >> 4)


def q3_k(block: np.void, at: int) -> np.float32:
    """Two bits and a third apart, 4 stands for zero; the scales of six bits lie as four and two, 32 stands for zero."""
    scale = _part(block["scales"][:8], at // 16, 4, 8) | _part(block["scales"][8:], at // 16, 2, 4) << 4
    q = _part(block["q"], at, 2, 32) | _part(block["high"], at, 1, 32) << 2
    return np.float32(block["d"]) * (scale - 32) * (q - 4)


def q4_k(block: np.void, at: int) -> np.float32:
    """Four bits each; 32 share a scale and a floor of six bits."""
    scale, floor = _scale_and_floor(block["scales"], at // 32)
    return np.float32(block["d"]) * scale * _part(block["q"], at, 4, 32) - np.float32(block["dmin"]) * floor


def q5_k(block: np.void, at: int) -> np.float32:
    """The same with a fifth bit apart."""
    scale, floor = _scale_and_floor(block["scales"], at // 32)
    q = _part(block["q"], at, 4, 32) | _part(block["high"], at, 1, 32) << 4
    return np.float32(block["d"]) * scale * q - np.float32(block["dmin"]) * floor


def q6_k(block: np.void, at: int) -> np.float32:
    """Four bits and two apart, 32 stands for zero; sixteen share a scale of eight bits, and there is no floor."""
    q = _part(block["q"], at, 4, 64) | _part(block["high"], at, 2, 32) << 4
    return np.float32(block["d"]) * int(block["scales"][at // 16]) * (q - 32)


def _part(packed: np.ndarray, at: int, bits: int, run: int) -> int:
    """Number `at` of those packed `8 / bits` to a byte: `run` bytes hold first the lowest bits of all, then the next."""
    each = 8 // bits
    group, within = divmod(at, run * each)
    return int(packed[group * run + within % run]) >> within // run * bits & (1 << bits) - 1


def _with_fifth(block: np.void, at: int) -> int:
    return _part(block["q"], at, 4, 16) | (int(block["high"][at // 8]) >> at % 8 & 1) << 4


def _scale_and_floor(packed: np.ndarray, at: int) -> tuple[int, int]:
    """Eight scales and eight floors of six bits in twelve bytes: the last four of each lie in pieces."""
    a, b, c = (int(packed[first + at % 4]) for first in (0, 4, 8))
    return (a & 63, b & 63) if at < 4 else (c & 15 | a >> 6 << 4, c >> 4 | b >> 6 << 4)


Definition = Callable[[np.void, int], np.float32]
DEFINITIONS: dict[str, Definition] = {
    "q4_0": q4_0, "q4_1": q4_1, "q5_0": q5_0, "q5_1": q5_1, "q8_0": q8_0,
    "q2_k": q2_k, "q3_k": q3_k, "q4_k": q4_k, "q5_k": q5_k, "q6_k": q6_k,
}  # fmt: skip


# --- all blocks at once: blocks (n) -> numbers (n, 32 or 256) --------------------------------------------------------


def spread(packed: np.ndarray, bits: int, run: int) -> np.ndarray:
    """packed (n, bytes) -> numbers (n, bytes · 8 / bits) of so many bits, in the order that `_part` states."""
    groups = packed.reshape(len(packed), -1, 1, run)  # (n, groups, 1, run)
    shifts = np.arange(0, 8, bits, dtype=np.uint8)[:, None]  # (8 / bits, 1)
    return (groups >> shifts & (1 << bits) - 1).reshape(len(packed), -1)


def gathered(numbers: np.ndarray, bits: int, run: int) -> np.ndarray:
    """The way back: numbers (n, count) -> packed (n, count · bits / 8)."""
    groups = numbers.astype(np.uint8).reshape(len(numbers), -1, 8 // bits, run)
    shifts = np.arange(0, 8, bits, dtype=np.uint8)[:, None]
    return np.bitwise_or.reduce(groups << shifts, axis=2).reshape(len(numbers), -1)


def scales_and_floors(packed: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """packed (n, 12) -> scales (n, 8), floors (n, 8)."""
    a, b, c = packed[:, :4], packed[:, 4:8], packed[:, 8:]
    scales = np.concatenate((a & 63, c & 15 | a >> 6 << 4), 1)
    return scales, np.concatenate((b & 63, c >> 4 | b >> 6 << 4), 1)


def packed_scales(scales: np.ndarray, floors: np.ndarray) -> np.ndarray:
    """The way back: scales (n, 8), floors (n, 8) of six bits -> packed (n, 12)."""
    scales, floors = scales.astype(np.uint8), floors.astype(np.uint8)
    a, b = scales[:, :4] | scales[:, 4:] >> 4 << 6, floors[:, :4] | floors[:, 4:] >> 4 << 6
    return np.concatenate((a, b, scales[:, 4:] & 15 | floors[:, 4:] << 4), 1)


def stretched(d: np.ndarray, scales: np.ndarray, q: np.ndarray) -> np.ndarray:
    """d (n), scales (n, parts), q (n, count) -> (n, parts, count / parts) f32."""
    wide = d.astype(np.float32)[:, None] * scales.astype(np.float32)
    return wide[:, :, None] * q.reshape(*scales.shape, -1).astype(np.float32)


def lowered(numbers: np.ndarray, dmin: np.ndarray, floors: np.ndarray) -> np.ndarray:
    """numbers (n, parts, each) less the floor of their part."""
    return numbers - (dmin.astype(np.float32)[:, None] * floors.astype(np.float32))[:, :, None]


def _once(block: np.ndarray, q: np.ndarray) -> np.ndarray:
    return block["d"].astype(np.float32)[:, None] * q.astype(np.float32)


def _fives(block: np.ndarray) -> np.ndarray:
    return spread(block["q"], 4, 16) | np.unpackbits(block["high"], axis=1, bitorder="little") << 4


def _raised(numbers: np.ndarray, block: np.ndarray) -> np.ndarray:
    return numbers + block["least"].astype(np.float32)[:, None]


def _all_q2_k(block: np.ndarray) -> np.ndarray:
    wide = stretched(block["d"], block["scales"] & 15, spread(block["q"], 2, 32))
    return lowered(wide, block["dmin"], block["scales"] >> 4)


def _all_q3_k(block: np.ndarray) -> np.ndarray:
    scales = spread(block["scales"][:, :8], 4, 8) | spread(block["scales"][:, 8:], 2, 4) << 4
    q = spread(block["q"], 2, 32) | spread(block["high"], 1, 32) << 2
    return stretched(block["d"], scales.astype(np.int8) - 32, q.astype(np.int8) - 4)


def _all_q4_k(block: np.ndarray) -> np.ndarray:
    scales, floors = scales_and_floors(block["scales"])
    return lowered(stretched(block["d"], scales, spread(block["q"], 4, 32)), block["dmin"], floors)


def _all_q5_k(block: np.ndarray) -> np.ndarray:
    scales, floors = scales_and_floors(block["scales"])
    q = spread(block["q"], 4, 32) | spread(block["high"], 1, 32) << 4
    return lowered(stretched(block["d"], scales, q), block["dmin"], floors)


def _all_q6_k(block: np.ndarray) -> np.ndarray:
    q = spread(block["q"], 4, 64) | spread(block["high"], 2, 32) << 4
    return stretched(block["d"], block["scales"], q.astype(np.int8) - 32)


DECODERS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "q4_0": lambda block: _once(block, spread(block["q"], 4, 16).astype(np.int8) - 8),
    "q4_1": lambda block: _raised(_once(block, spread(block["q"], 4, 16)), block),
    "q5_0": lambda block: _once(block, _fives(block).astype(np.int8) - 16),
    "q5_1": lambda block: _raised(_once(block, _fives(block)), block),
    "q8_0": lambda block: _once(block, block["q"]),
    "q2_k": _all_q2_k,
    "q3_k": _all_q3_k,
    "q4_k": _all_q4_k,
    "q5_k": _all_q5_k,
    "q6_k": _all_q6_k,
}

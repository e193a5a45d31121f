"""Chance as a formula: the same bits for the same key on every device, however the rows are split.

A number is mixed until every bit of it depends on every other; no generator has a state that a resumed training could lack.
"""

import torch
from torch import Tensor


def mixed(numbers: Tensor) -> Tensor:
    """int32 -> int32, a bijection that looks like chance (Wellons 2018, lowbias32). Shifts are of unsigned numbers."""
    numbers = (numbers ^ (numbers >> 16 & 0xFFFF)) * 0x7FEB352D
    numbers = (numbers ^ (numbers >> 15 & 0x1FFFF)) * (0x846CA68B - 2**32)
    return numbers ^ (numbers >> 16 & 0xFFFF)


def bits(keys: Tensor, count: int) -> Tensor:
    """keys (n) int32 -> 32 bits of chance for each of `count` places of each key (n, count), int32."""
    places = mixed(torch.arange(count, dtype=torch.int32, device=keys.device))
    return mixed(places[None] + keys[:, None])


def mixed_by_definition(number: int) -> int:
    """`mixed` of one number in [0, 2³²), in Python's own integers."""
    number = (number ^ number >> 16) * 0x7FEB352D % 2**32
    number = (number ^ number >> 15) * 0x846CA68B % 2**32
    return number ^ number >> 16

"""Two integers of four bits in one byte: the first of each two neighbours in the low half."""

import torch
from torch import Tensor
from torch.nn import functional as F


def packed(integers: Tensor) -> Tensor:
    """(…, n) int8 from -8 to 7, or codes from 0 to 15 -> (…, ⌈n/2⌉) uint8; an odd end is filled with zero."""
    halves = F.pad(integers.view(torch.uint8) & 15, (0, integers.shape[-1] % 2)).unflatten(-1, (-1, 2))
    return halves[..., 0] | halves[..., 1] << 4


def codes(bytes_: Tensor, count: int) -> Tensor:
    """(…, ⌈n/2⌉) uint8 -> (…, n) uint8 from 0 to 15."""
    return torch.stack([bytes_ & 15, bytes_ >> 4], -1).flatten(-2)[..., :count]


def unpacked(bytes_: Tensor, count: int) -> Tensor:
    """(…, ⌈n/2⌉) uint8 -> (…, n) int8 from -8 to 7, the inverse of `packed`."""
    return (codes(bytes_, count) ^ 8).view(torch.int8) - 8

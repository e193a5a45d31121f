"""How an optimizer's moments lie in memory between two steps: whole, in bf16, in 8 bits, or in the host's memory.

A step reads them as wide numbers, changes those in place and writes them back. What is kept is part of the training's
state, so a checkpoint holds it as it is and a resumed training goes on with the same bits. On processors one walk of
`kernels/moments.py` does what is written here in torch's operations, to the same bits.
"""

import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Protocol

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from groundup.model.noise import bits

BLOCK = 256  # numbers that share a scale
SMALL = 4096  # numbers below which 8 bits save nothing worth having (Dettmers et al. 2022)


class Kept(Protocol):
    """One moment of one parameter."""

    def slots(self, name: str) -> dict[str, Tensor]:
        """What of it belongs to the state of the training."""
        ...

    def read(self) -> Tensor:
        """The numbers, wide, to be changed in place."""
        ...

    def write(self, value: Tensor, steps: Tensor) -> None:
        """Keep what `read` gave and a step has changed; `steps` keys the noise of rounding."""
        ...


class Whole:
    """As wide as the weights: the step works on the memory itself."""

    def __init__(self, zero: Tensor, name: str, root: bool):
        self.tensor = zero

    def slots(self, name: str) -> dict[str, Tensor]:
        return {name: self.tensor}

    def read(self) -> Tensor:
        return self.tensor

    def write(self, value: Tensor, steps: Tensor) -> None:
        """Nothing is left to do."""


class Bf16:
    """Half the memory. Rounded up or down by chance, since small changes would be lost to the nearest number each time."""

    def __init__(self, zero: Tensor, name: str, root: bool):
        self.wide, self.salt = zero.dtype, zlib.crc32(name.encode()) - 2**31
        self.tensor = zero.to(torch.bfloat16)

    def slots(self, name: str) -> dict[str, Tensor]:
        return {name: self.tensor}

    def read(self) -> Tensor:
        return self.tensor.to(self.wide)

    def write(self, value: Tensor, steps: Tensor) -> None:
        key = (steps.to(torch.int32) * 0x3C6EF372 + self.salt).reshape(1)
        if walks(value):
            from groundup.kernels import moments

            flat, out = value.contiguous().view(-1).view(torch.int32), self.tensor.view(-1).view(torch.int16)
            moments.rounded(_seen(flat, np.uint32), np.uint32(key.item() % 2**32), _seen(out, np.uint16))
        else:
            self.write_by_definition(value, key)

    def write_by_definition(self, value: Tensor, key: Tensor) -> None:
        """The same in torch's operations, on any device; key (1) int32."""
        noise = bits(key, -(-value.numel() // 2))[0].view(torch.int16)[: value.numel()]  # half of 32 bits for each
        self.tensor.copy_(rounded(value.float(), noise.view(value.shape).int()))


def rounded(value: Tensor, noise: Tensor) -> Tensor:
    """f32 -> bf16, up with a chance of how near the upper number is: noise is added below the last bit that stays."""
    raised = value.contiguous().view(torch.int32) + (noise & 0xFFFF)
    return (raised & ~0xFFFF).view(torch.float32).to(torch.bfloat16)


class Blocks:
    """A quarter of the memory (Dettmers et al. 2022): 256 numbers share their largest as a scale, each keeps one of 255
    shares of it, dense near zero. Of squares the root is kept, whose range is half as many decades; what is not zero never
    becomes zero, since it will be divided by. A code is the number of a share, and of others than squares a sign bit."""

    def __init__(self, zero: Tensor, name: str, root: bool):
        self.root, self.shape, self.wide = root, zero.shape, zero.dtype
        self.levels = levels(not root, zero.device)
        self.codes = torch.zeros(zero.shape, dtype=torch.uint8, device=zero.device)
        self.scales = torch.zeros(-(-zero.numel() // BLOCK), device=zero.device)

    def slots(self, name: str) -> dict[str, Tensor]:
        return {name: self.codes, f"{name}.scales": self.scales}

    def read(self) -> Tensor:
        if self.codes.device.type != "cpu" or self.wide != torch.float32:
            return self.read_by_definition()
        from groundup.kernels import moments

        out, codes = torch.empty(self.shape), self.codes.view(-1).numpy()
        moments.opened(codes, self.scales.numpy(), self.levels.shares.numpy(), self.root, out.view(-1).numpy())
        return out

    def read_by_definition(self) -> Tensor:
        """The same in torch's operations, on any device."""
        shares = self.levels.shares[self.codes.flatten().int()]
        value = (_blocks(shares) * self.scales[:, None]).flatten()[: shares.numel()]
        value = value.square() if self.root else value
        return value.view(self.shape).to(self.wide)

    def write(self, value: Tensor, steps: Tensor) -> None:
        if not walks(value):
            return self.write_by_definition(value)
        from groundup.kernels import moments

        between, first = self.levels.between.numpy(), self.levels.first.numpy()
        codes, flat = self.codes.view(-1).numpy(), value.contiguous().view(-1).numpy()
        moments.closed(flat, between, first, self.root, codes, self.scales.numpy())

    def write_by_definition(self, value: Tensor) -> None:
        """The same in torch's operations, on any device."""
        flat = value.float().flatten()
        if self.root:
            flat = flat.double().sqrt().float()  # torch's roots of f32 miss the last bit on some processors
        blocks = _blocks(flat)
        self.scales.copy_(blocks.abs().amax(1))
        shares = (blocks / self.scales.clamp(min=1e-38)[:, None]).flatten()[: flat.numel()]
        codes = self.levels.nearest(shares.abs())
        if self.root:
            codes = codes.maximum((shares > 0).int())
        else:
            codes = codes + 128 * ((shares < 0) & (codes > 0))
        self.codes.copy_(codes.view_as(self.codes))


def walks(value: Tensor) -> bool:
    """Whether numbers lie where compiled loops walk."""
    return value.device.type == "cpu" and value.dtype == torch.float32


def _seen(flat: Tensor, kind: type[np.generic]) -> np.ndarray:
    return flat.numpy().view(kind)


def _blocks(flat: Tensor) -> Tensor:
    return F.pad(flat, (0, -flat.numel() % BLOCK)).view(-1, BLOCK)


@dataclass(frozen=True)
class Levels:
    """The shares that codes stand for, and a quick way from a number to the nearest."""

    shares: Tensor  # of each code
    between: Tensor  # half way from each share that is not negative to the next; at the end what none is above
    first: Tensor  # for the upper 20 bits of a number in [0, 1]: the code of the smallest with such bits

    def nearest(self, share: Tensor) -> Tensor:
        """f32 in [0, 1] -> int32. Numbers alike in their upper bits are so near each other that at most one step lies
        between them."""
        code = self.first[share.view(torch.int32) >> 12].int()
        return code + (share > self.between[code])

    def nearest_by_definition(self, share: Tensor) -> Tensor:
        """By looking among all shares."""
        return torch.bucketize(share, self.between[:-1], out_int32=True)


@cache
def levels(signed: bool, device: torch.device) -> Levels:
    """Those of moments that may be negative, or of squares."""
    shares = dynamic_shares(signed)
    between = torch.cat([(shares[1:] + shares[:-1]) / 2, torch.full((1,), float("inf"))])
    lowest = (torch.arange((0x3F800000 >> 12) + 1, dtype=torch.int32) << 12).view(torch.float32)
    first = torch.bucketize(lowest, between[:-1]).to(torch.uint8)
    every = torch.cat([shares, -shares]) if signed else shares
    return Levels(*(each.to(device) for each in (every, between, first)))


def dynamic_shares(signed: bool) -> Tensor:
    """Zero and 127 or 254 numbers up to one, ascending: seven decades, each with half as many steps as the next larger."""
    steps = 64 if signed else 128
    above: list[float] = []
    for decade in range(7):
        count = steps >> decade
        above += [10.0**-decade * (0.1 + 0.9 * (step + 0.5) / count) for step in range(count)]
    return torch.tensor([0.0, *sorted(above)[:-1], 1.0])  # one takes the place of its neighbour


class Host:
    """In the processor's memory while an accelerator computes: it comes for a step and goes back."""

    def __init__(self, zero: Tensor, name: str, root: bool):
        self.device = zero.device
        self.tensor = torch.zeros_like(zero, device="cpu", pin_memory=zero.device.type == "cuda")

    def slots(self, name: str) -> dict[str, Tensor]:
        return {name: self.tensor}

    def read(self) -> Tensor:
        return self.tensor.to(self.device, non_blocking=True)

    def write(self, value: Tensor, steps: Tensor) -> None:
        self.tensor.copy_(value)  # waits: a checkpoint may read it at any time


STORAGES: dict[str, Callable[[Tensor, str, bool], Kept]] = {"f32": Whole, "bf16": Bf16, "8bit": Blocks, "host": Host}


def keep(storage: str, zero: Tensor, name: str, root: bool = False) -> Kept:
    """Storage of that kind for a moment that begins as zero; `root` says that it is a mean of squares."""
    small = storage == "8bit" and zero.numel() < SMALL
    near = storage == "host" and zero.device.type != "cuda"
    return (Whole if small or near else STORAGES[storage])(zero, name, root)


def bytes_of(slots: dict[str, Tensor]) -> int:
    """Memory of an optimizer's state; tensors on the meta device tell it before there are any."""
    return sum(tensor.numel() * tensor.element_size() for tensor in slots.values())

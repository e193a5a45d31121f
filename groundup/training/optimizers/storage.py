"""How an optimizer's moments lie in memory between two steps: whole, in bf16, in 8 bits, or in the host's memory.

A step reads them as wide numbers, changes those in place and writes them back. What is kept is part of the training's
state, so a checkpoint holds it as it is and a resumed training goes on with the same bits.
"""

import zlib
from collections.abc import Callable
from typing import Protocol

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
        self.tensor.copy_(rounded(value.float(), bits(key, value.numel())[0].view_as(value)))


def rounded(value: Tensor, noise: Tensor) -> Tensor:
    """f32 -> bf16, up with a chance of how near the upper number is: noise is added below the last bit that stays."""
    raised = value.contiguous().view(torch.int32) + (noise & 0xFFFF)
    return (raised & ~0xFFFF).view(torch.float32).to(torch.bfloat16)


class Blocks:
    """A quarter of the memory (Dettmers et al. 2022): 256 numbers share their largest as a scale, each keeps one of 256
    shares of it, dense near one and near zero. Of squares the root is kept, whose range is half as many decades; what
    is not zero never becomes zero, since it will be divided by."""

    def __init__(self, zero: Tensor, name: str, root: bool):
        self.root, self.shape, self.wide = root, zero.shape, zero.dtype
        shares = dynamic_shares(signed=not root)
        nothing = int((shares == 0).nonzero().item())
        self.shares, self.between = (each.to(zero.device) for each in (shares, (shares[1:] + shares[:-1]) / 2))
        self.codes = torch.full(zero.shape, nothing, dtype=torch.uint8, device=zero.device)
        self.scales = torch.zeros(-(-zero.numel() // BLOCK), device=zero.device)

    def slots(self, name: str) -> dict[str, Tensor]:
        return {name: self.codes, f"{name}.scales": self.scales}

    def read(self) -> Tensor:
        shares = self.shares[self.codes.flatten().int()]
        value = (_blocks(shares) * self.scales[:, None]).flatten()[: shares.numel()]
        value = value.square() if self.root else value
        return value.view(self.shape).to(self.wide)

    def write(self, value: Tensor, steps: Tensor) -> None:
        flat = value.float().flatten()
        flat = flat.sqrt() if self.root else flat
        blocks = _blocks(flat)
        self.scales.copy_(blocks.abs().amax(1))
        shares = (blocks / self.scales.clamp(min=1e-38)[:, None]).flatten()[: flat.numel()]
        codes = torch.bucketize(shares, self.between, out_int32=True)
        if self.root:
            codes = codes.maximum((shares > 0).int())
        self.codes.copy_(codes.view_as(self.codes))


def _blocks(flat: Tensor) -> Tensor:
    return F.pad(flat, (0, -flat.numel() % BLOCK)).view(-1, BLOCK)


def dynamic_shares(signed: bool) -> Tensor:
    """At most 256 numbers in [-1, 1] or [0, 1], ascending: seven decades, each with half as many steps as the next larger."""
    steps = 64 if signed else 128
    above: list[float] = [1.0]
    for decade in range(7):
        count = steps >> decade
        above += [10.0**-decade * (0.1 + 0.9 * (step + 0.5) / count) for step in range(count)]
    above = sorted(set(above) - {max(share for share in above if share < 1)})  # one takes the place of its neighbour
    below = [-share for share in reversed(above)] if signed else []
    return torch.tensor([*below, 0.0, *above])


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

"""A model's weights as the compiled step reads them: floating point where it lies, integers packed for the instructions
that multiply them.

Floating-point weights are not copied, so they cost no memory twice. Of integers the step has a copy of its own, in blocks
of 16 rows: one load brings four columns of 16 rows, which one instruction multiplies. Levels (NF4) lie in such blocks, too.
"""

from typing import Any, TypeGuard

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from groundup.kernels.native import layout
from groundup.kernels.native.layout import BLOCK, GROUP, KINDS, LEVEL_GROUP
from groundup.model.embedding import Embedding
from groundup.model.linear import Linear, Stack
from groundup.model.norms import RMSNormFromOne
from groundup.model.quantised.groups import Groups
from groundup.model.quantised.matrices import INPUT_SCALE, Written
from groundup.model.quantised.normal import Normal, levels
from groundup.model.quantised.rows import Int8Embedding, Int8Linear, Int8Stack

PLAIN = (Linear, Embedding, Stack)
FLOATS = {torch.float32: "f32", torch.bfloat16: "bf16", torch.float16: "f16"}
INTEGERS = {4: ("int4_groups", 8), 8: ("int8_groups", 128)}  # bits of a weight -> kind, and what makes it unsigned


class Weights:
    """Makes the structures of `layout` from modules, and keeps alive what they point to."""

    def __init__(self):
        self.kept: list[Any] = []

    def matrix(self, module: nn.Module) -> layout.Matrix:
        """A projection, or a table of vectors read as the matrix that makes logits."""
        bias = getattr(module, "bias", None)
        if type(module) in PLAIN:
            return self.floats(module.get_parameter("weight"), bias)
        if in_levels(module):
            return self.levels(module.integers, module.scales, bias)
        integers, scales, bits = whole_numbers(module)
        return self.integers(integers, scales, bits, bias)

    def matrices(self, stack: nn.Module) -> list[layout.Matrix]:
        """The matrices of all experts."""
        if type(stack) is Stack:
            return [self.floats(weight) for weight in stack.weight]
        if in_levels(stack):
            return [self.levels(*each) for each in zip(stack.integers, stack.scales, strict=True)]
        integers, scales, bits = whole_numbers(stack)
        return [self.integers(*each, bits) for each in zip(integers, scales, strict=True)]

    def floats(self, weight: Tensor, bias: Tensor | None = None) -> layout.Matrix:
        """weight (rows, columns), where it lies."""
        at = self._at(weight.detach())
        return layout.Matrix(at, None, self.f32(bias), KINDS[FLOATS[weight.dtype]], *weight.shape)

    def integers(self, integers: Tensor, scales: Tensor, bits: int, bias: Tensor | None = None) -> layout.Matrix:
        """integers (rows, columns), scales (rows) or (rows, groups of 32)."""
        if scales.ndim == 1:
            kind, stretch = "int8", F.pad(scales.float(), (0, -len(scales) % BLOCK))
        else:
            kind, stretch = INTEGERS[bits][0], packed_scales(scales.to(torch.float16))
        made = packed(integers, bits)
        return layout.Matrix(self._at(made), self._at(stretch), self.f32(bias), KINDS[kind], *integers.shape)

    def levels(self, numbers: Tensor, scales: Tensor, bias: Tensor | None = None) -> layout.Matrix:
        """numbers of levels (rows, columns), scales (rows, groups of 64)."""
        stretch = torch.cat([levels(), packed_scales(scales.float()).flatten()])
        made = packed_levels(numbers)
        return layout.Matrix(self._at(made), self._at(stretch), self.f32(bias), KINDS["levels"], *numbers.shape)

    def norm(self, module: nn.Module | None) -> layout.Norm:
        """A norm's gain and bias; nothing of what is no norm."""
        gain = getattr(module, "weight", None)
        if gain is None:
            return layout.Norm(None, None)
        gain = gain.detach().float()
        return layout.Norm(
            self.f32(1 + gain if isinstance(module, RMSNormFromOne) else gain), self.f32(getattr(module, "bias", None))
        )

    def f32(self, tensor: Tensor | None) -> int | None:
        """The address of a tensor in f32, or of none."""
        return None if tensor is None else self._at(tensor.detach().float())

    def _at(self, tensor: Tensor) -> int:
        tensor = tensor.contiguous()
        self.kept.append(tensor)
        return tensor.data_ptr()


def unreadable(module: nn.Module) -> str | None:
    """Why the compiled step has no word for this module's weights; None if it has."""
    if type(module) in PLAIN:
        dtype = module.weight.dtype
        return None if dtype in FLOATS else f"weights in {dtype}"
    if in_levels(module):
        return None
    try:
        whole_numbers(module)
    except LookupError as error:
        return str(error)
    return None


def in_levels(module: nn.Module) -> TypeGuard[Written]:
    """Whether a module's weights are numbers of levels."""
    if not isinstance(module, Written) or not isinstance(module.scheme.form, Normal):
        return False
    return module.scheme.form.group == LEVEL_GROUP and INPUT_SCALE not in module.tensors


def whole_numbers(module: nn.Module) -> tuple[Tensor, Tensor, int]:
    """A quantised module's integers (…, rows, columns) int8, its scales (…, rows) or (…, rows, groups of 32), and bits of a
    weight."""
    if isinstance(module, Int8Linear | Int8Embedding | Int8Stack):
        return module.weight, module.weight_scale, 8
    if not isinstance(module, Written):
        raise LookupError(f"weights of the kind {type(module).__name__}")
    form = module.scheme.form
    if set(module.tensors) != {"weight", "weight_scale"} or not isinstance(form, Groups) or form.group % GROUP:
        raise LookupError(f"weights of the kind {module.scheme.kind} with {', '.join(module.tensors)}")
    groups = -(-module.columns // GROUP)
    scales = module.scales.repeat_interleave(form.group // GROUP, -1)[..., :groups]  # larger groups: 32 by 32 the same
    return module.integers, scales, form.bits


def packed(integers: Tensor, bits: int) -> Tensor:
    """integers (rows, columns) int8 -> bytes (blocks, groups, 8 or 4 fours of columns, 16 rows, 4): see matrices.h.

    What fills rows and columns up is zero.
    """
    rows, columns = integers.shape
    filled = F.pad(integers, (0, -columns % GROUP, 0, -rows % BLOCK)).to(torch.int16) + INTEGERS[bits][1]
    fours = filled.to(torch.uint8).view(-1, BLOCK, (columns + GROUP - 1) // GROUP, GROUP // 4, 4).permute(0, 2, 3, 1, 4)
    return (fours[:, :, :4] | fours[:, :, 4:] << 4 if bits == 4 else fours).contiguous()


def unpacked_by_definition(made: Tensor, bits: int, row: int, column: int) -> int:
    """One weight of what was packed."""
    block, lane = divmod(row, BLOCK)
    group, place = divmod(column, GROUP)
    byte = int(made[block, group, (place % 16 if bits == 4 else place) // 4, lane, place % 4])
    if bits == 8:
        return byte - 128
    return (byte & 15 if place < 16 else byte >> 4) - 8


def packed_levels(numbers: Tensor) -> Tensor:
    """numbers (rows, columns) from 0 to 15 -> bytes (blocks, groups of 64, 8 eights of columns, 16 rows, 4): see levels.h."""
    rows, columns = numbers.shape
    filled = F.pad(numbers, (0, -columns % LEVEL_GROUP, 0, -rows % BLOCK)).to(torch.uint8)
    pairs = filled.view(-1, BLOCK, -(-columns // LEVEL_GROUP), 8, 4, 2).permute(0, 2, 3, 1, 4, 5)
    return (pairs[..., 0] | pairs[..., 1] << 4).contiguous()


def unpacked_level_by_definition(made: Tensor, row: int, column: int) -> int:
    """One number of what was packed."""
    (block, lane), (group, place) = divmod(row, BLOCK), divmod(column, LEVEL_GROUP)
    return int(made[block, group, place // 8, lane, place % 8 // 2]) >> 4 * (place % 2) & 15


def packed_scales(scales: Tensor) -> Tensor:
    """scales (rows, groups) -> (blocks, groups, 16 rows)."""
    filled = F.pad(scales, (0, 0, 0, -len(scales) % BLOCK))
    return filled.view(-1, BLOCK, scales.shape[1]).transpose(1, 2).contiguous()

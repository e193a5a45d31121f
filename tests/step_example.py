"""Texts that were read into pages, the plain next step over them, and models whose products are those of integers."""

import copy

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from groundup.generation.int8_pages import Int8Pages, rounded
from groundup.generation.pages import PAGE, Pages, pages_for
from groundup.model import experts, quantize
from groundup.model.transformer import Transformer

GROUP = 32


@torch.no_grad()
def read(model: Transformer, texts: list[Tensor], context: int = 128) -> Pages:
    """Each text but its last token in pages that lie in no order."""
    each = pages_for(context)
    pages = Pages(len(texts), len(texts) * each + 1, context)
    order = torch.randperm(len(texts) * each, generator=torch.Generator().manual_seed(3)) + 1
    for row, text in enumerate(texts):
        pages.table[row] = order[row * each : (row + 1) * each]
        ids = text[:-1]
        model(ids[None], torch.arange(len(ids))[None], pages.view([row]))
        pages.lengths[row] = len(ids)
    return pages


@torch.no_grad()
def plain_step(model: Transformer, tokens: Tensor, pages: Pages) -> Tensor:
    """What the compiled step stands for."""
    rows = len(tokens)
    return model(tokens[:, None], pages.lengths[:rows, None].long(), pages.view(slice(0, rows)))[:, 0].float()


def copied(pages: Pages, dtype: torch.dtype | None = None) -> Pages:
    """The same content elsewhere, in another precision if one is given."""
    made = Pages(pages.rows, pages.pages, pages.table.shape[1] * PAGE)
    made.table, made.lengths = pages.table.clone(), pages.lengths.clone()
    made.k = {layer: tensor.to(dtype or tensor.dtype, copy=True) for layer, tensor in pages.k.items()}
    made.v = {layer: tensor.to(dtype or tensor.dtype, copy=True) for layer, tensor in pages.v.items()}
    return made


def in_int8(pages: Pages) -> Int8Pages:
    """The same content, rounded to whole numbers."""
    made = Int8Pages(pages.rows, pages.pages, pages.table.shape[1] * PAGE)
    made.table, made.lengths = pages.table.clone(), pages.lengths.clone()
    for layer, keys in pages.k.items():
        made.k[layer], made.k_scale[layer] = rounded(keys)
        made.v[layer], made.v_scale[layer] = rounded(pages.v[layer])
    return made


class Meant(nn.Module):
    """A projection or table of integers, multiplied as the definition says: numbers in groups of 32 as integers, too."""

    def __init__(self, integers: nn.Module):
        super().__init__()
        self.wide, self.bias = integers.wide(), getattr(integers, "bias", None)

    def project(self, x: Tensor) -> Tensor:
        return F.linear(as_integers(x), self.wide, self.bias)

    def forward(self, x: Tensor) -> Tensor:
        return F.embedding(x, self.wide) if x.dtype == torch.int64 else self.project(x)


def as_integers(x: Tensor) -> Tensor:
    """x (…, columns) -> what is left of it when each 32 neighbours are integers from -127 to 127 times a scale."""
    parts = F.pad(x, (0, -x.shape[-1] % GROUP)).unflatten(-1, (-1, GROUP))
    largest = parts.abs().amax(-1, keepdim=True)
    integers = (parts * torch.where(largest > 0, 127 / largest, 0)).round()
    return (integers * (largest / 127)).flatten(-2)[..., : x.shape[-1]]


class MeantExperts(nn.Module):
    """The experts of a mixture likewise, one visit after another."""

    def __init__(self, integers: experts.Experts):
        super().__init__()
        self.curve, self.stacks = integers.curve, (integers.gate_proj, integers.up_proj, integers.down_proj)

    def forward(self, x: Tensor, routes: experts.Routes) -> Tensor:
        gate, up, down = (stack.wide() for stack in self.stacks)
        out = torch.zeros_like(x)
        for token in range(len(x)):
            seen = as_integers(x[token])
            for share, expert in zip(routes.shares[token], routes.chosen[token], strict=True):
                inside = self.curve(gate[expert] @ seen) * (up[expert] @ seen)
                out[token] += share * (down[expert] @ as_integers(inside))
        return out


def by_definition(model: Transformer) -> Transformer:
    """A copy of a quantised model whose products are those of the definition."""
    made = copy.deepcopy(model)
    for parent in list(made.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, experts.Experts):
                setattr(parent, name, MeantExperts(child))
            elif isinstance(child, quantize.INTEGERS):
                setattr(parent, name, Meant(child))
    return made

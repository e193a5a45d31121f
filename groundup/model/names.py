"""What each weight is called elsewhere, and how it lies there: the way of a trained matrix out of the house and back.

Inside, all families carry the names that Hugging Face gave Llama. A family's tables say what others call them; several of
ours that have one name there lie below each other in one matrix. GGUF's Llama pairs neighbours when it turns queries.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from groundup.errors import Problem
from groundup.model.families import FAMILIES
from groundup.model.settings import ModelSettings

LAYERS = "model.layers."
OF_A_STACK = re.compile(r"(model\.\w+\.layers)\.(\d+)\.(.+)")
EXPERTS = "mlp.experts."  # stacks of matrices, one for each expert
TOGETHER = (  # ours that may lie below each other, in this order
    ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"),
    ("mlp.gate_proj", "mlp.up_proj"),
)


@dataclass(frozen=True)
class Place:
    """Where one of our tensors lies in somebody else's file."""

    ours: str
    theirs: str
    rows: tuple[int, int, int] | None = None  # where its rows begin and end in a matrix that holds several, of how many
    transposed: bool = False
    woven: int = 0  # heads of a matrix that holds each head's q, k and v in turn, instead of all q, all k, all v
    experts: int = 0  # so many tensors instead of one, whose names have an expert's number in the place of {}
    plus: float = 0.0  # what is added to ours there: gains that count from one
    flat: bool = False  # without the middle dimension of our convolutions, which measures 1
    pairs: int = 0  # heads whose rows pair neighbours (2i, 2i+1) instead of halves (i, i + half)

    @property
    def files(self) -> list[str]:
        """The names that it has in their file."""
        return [self.theirs.format(expert) for expert in range(self.experts)] if self.experts else [self.theirs]

    def read(self, read: Callable[[str], Tensor]) -> Tensor:
        """Ours, from a reader of theirs by name."""
        if self.experts:
            return torch.stack([read(name) for name in self.files])
        return self.take(read(self.theirs))

    def take(self, theirs: Tensor) -> Tensor:
        """Their tensor -> ours."""
        part = theirs.t() if self.transposed else theirs
        if self.woven:
            part = unwoven(part, self.woven)
        if self.rows is not None:
            part = part[self.rows[0] : self.rows[1]]
        part = halves(part, self.pairs) if self.pairs else part
        part = part.unsqueeze(1) if self.flat else part
        return (part.float() - self.plus if self.plus else part).contiguous()

    def give(self, ours: Tensor) -> Tensor:
        """Our tensor -> theirs, or its part of theirs."""
        part = ours.float() + self.plus if self.plus else ours
        part = part.squeeze(1) if self.flat else part
        return neighbours(part, self.pairs) if self.pairs else part

    def measure(self, ours: tuple[int, ...]) -> tuple[int, ...]:
        """What the whole tensor, or each of several, measures in their file, if ours has this shape."""
        if self.experts:
            return ours[1:]
        whole = ours if self.rows is None else (self.rows[2], *ours[1:])
        return whole[::-1] if self.transposed else whole


def places(settings: ModelSettings, names: Iterable[str], format: str) -> list[Place]:
    """For each of our names its place in a file of `format`: "hf", "gguf" or "groundup"."""
    family = FAMILIES[settings.family]
    named = family.named(settings) if family.named else family.names
    table = {"hf": named, "gguf": family.gguf}.get(format, {})
    stored = family.stored if format == "hf" else frozenset()
    head = family.heads.get(settings.head.kind) if format == "hf" else None
    found = []
    for name in names:
        stem, _, end = name.rpartition(".")
        if head is not None and stem in head.names:
            found.append(Place(name, f"{head.names[stem]}.{end}"))
        else:
            found.append(_place(settings, name, format, table, stored) if table else Place(name, name))
    return found


def _place(settings: ModelSettings, name: str, format: str, table: Mapping[str, str], stored: frozenset[str]) -> Place:
    if name in table:
        return Place(name, table[name])
    stem, end = name.rsplit(".", 1)  # model.layers.3.self_attn.q_proj, weight
    layer = ""
    if stem.startswith(LAYERS):
        layer, stem = stem.removeprefix(LAYERS).split(".", 1)
    elif found := OF_A_STACK.match(stem):  # model.encoder.layers.3.mlp.up_proj
        layer, stem = found[2], f"{found[1]}.{{}}.{found[3]}"
    if f"{stem}.{end}" in table:
        return Place(name, table[f"{stem}.{end}"].format(layer))
    if stem not in table:
        raise Problem(f"The weight {name} has no name in {format} files of the family {settings.family}.")
    rows = _rows(settings, stem, table)
    gguf = format == "gguf"
    paired = gguf and (FAMILIES[settings.family].gguf_name or settings.family) == "llama"
    pairs = {"self_attn.q_proj": settings.heads, "self_attn.k_proj": settings.kv_heads}.get(stem, 0)
    return Place(
        ours=name,
        theirs=f"{table[stem].format(layer, '{}')}.{end}",
        rows=rows,
        transposed="transposed" in stored and end == "weight" and stem.startswith(("self_attn.", "mlp.")),
        woven=settings.heads if "woven" in stored and rows is not None else 0,
        experts=settings.experts.count if settings.experts and stem.startswith(EXPERTS) and not gguf else 0,
        flat=gguf and stem == "self_attn.conv",
        plus=1.0 if gguf and settings.norm == "rms_one" and stem.endswith("norm") else 0.0,
        pairs=pairs if paired else 0,
    )


def _rows(settings: ModelSettings, stem: str, table: Mapping[str, str]) -> tuple[int, int, int] | None:
    """Which rows of a matrix that holds several of ours are this one's."""
    for group in TOGETHER:
        if stem in group and len({table.get(each) for each in group}) == 1:
            queries, keys = settings.heads * settings.head_width, settings.kv_heads * settings.head_width
            sizes = (queries, keys, keys) if len(group) == 3 else (settings.hidden, settings.hidden)
            start = sum(sizes[: group.index(stem)])
            return start, start + sizes[group.index(stem)], sum(sizes)
    return None


def give(where: Iterable[Place], tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Our tensors -> theirs, by their names."""
    together: dict[str, list[Place]] = {}
    for place in where:
        together.setdefault(place.theirs, []).append(place)
    theirs = {}
    for name, group in together.items():
        if group[0].experts:
            theirs |= zip(group[0].files, tensors[group[0].ours].unbind(), strict=True)
            continue
        group = sorted(group, key=lambda place: place.rows or (0, 0, 0))
        parts = [place.give(tensors[place.ours]) for place in group]
        whole = parts[0] if len(parts) == 1 else torch.cat(parts)
        if group[0].woven:
            whole = woven(whole, group[0].woven)
        theirs[name] = (whole.t() if group[0].transposed else whole).contiguous()
    return theirs


def take(where: Iterable[Place], read: Callable[[str], Tensor]) -> dict[str, Tensor]:
    """Their tensors, read one by one, -> ours."""
    return {place.ours: place.read(read) for place in where}


def neighbours(weight: Tensor, heads: int) -> Tensor:
    """Rows of each head from (i, i + half) to (2i, 2i + 1)."""
    return weight.unflatten(0, (heads, 2, -1)).transpose(1, 2).flatten(0, 2)


def halves(weight: Tensor, heads: int) -> Tensor:
    """Rows of each head from (2i, 2i + 1) to (i, i + half)."""
    return weight.unflatten(0, (heads, -1, 2)).transpose(1, 2).flatten(0, 2)


def woven(weight: Tensor, heads: int) -> Tensor:
    """Rows from all q, all k, all v to q, k and v of each head in turn."""
    return weight.unflatten(0, (3, heads, -1)).transpose(0, 1).flatten(0, 2)


def unwoven(weight: Tensor, heads: int) -> Tensor:
    """Rows from q, k and v of each head in turn to all q, all k, all v."""
    return weight.unflatten(0, (heads, 3, -1)).transpose(0, 1).flatten(0, 2)

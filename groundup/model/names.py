"""What each weight is called elsewhere, and how it lies there: the way of a trained matrix out of the house and back.

Inside, all families carry the names that Hugging Face gave Llama. GPT-2 there keeps q, k, v in one matrix and stores
matrices the other way round; GGUF has names of its own, and its Llama pairs neighbours when it turns queries and keys.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from groundup.model.settings import ModelSettings

_HF_GPT2 = {
    "model.embed_tokens": "transformer.wte",
    "model.positions.table": "transformer.wpe",
    "model.norm": "transformer.ln_f",
    "lm_head": "lm_head",
    "input_layernorm": "transformer.h.{}.ln_1",
    "self_attn.q_proj": "transformer.h.{}.attn.c_attn",
    "self_attn.k_proj": "transformer.h.{}.attn.c_attn",
    "self_attn.v_proj": "transformer.h.{}.attn.c_attn",
    "self_attn.o_proj": "transformer.h.{}.attn.c_proj",
    "post_attention_layernorm": "transformer.h.{}.ln_2",
    "mlp.up_proj": "transformer.h.{}.mlp.c_fc",
    "mlp.down_proj": "transformer.h.{}.mlp.c_proj",
}
_GGUF = {
    "model.embed_tokens": "token_embd",
    "model.positions.table": "position_embd",
    "model.norm": "output_norm",
    "lm_head": "output",
    "input_layernorm": "blk.{}.attn_norm",
    "self_attn.q_proj": "blk.{}.attn_q",
    "self_attn.k_proj": "blk.{}.attn_k",
    "self_attn.v_proj": "blk.{}.attn_v",
    "self_attn.q_norm": "blk.{}.attn_q_norm",
    "self_attn.k_norm": "blk.{}.attn_k_norm",
    "self_attn.o_proj": "blk.{}.attn_output",
    "post_attention_layernorm": "blk.{}.ffn_norm",
    "mlp.gate_proj": "blk.{}.ffn_gate",
    "mlp.up_proj": "blk.{}.ffn_up",
    "mlp.down_proj": "blk.{}.ffn_down",
}
_GGUF_GPT2 = _GGUF | {f"self_attn.{name}_proj": "blk.{}.attn_qkv" for name in "qkv"}
TABLES = {
    ("hf", "gpt2"): _HF_GPT2,
    ("gguf", "qwen3"): _GGUF,
    ("gguf", "llama"): _GGUF,
    ("gguf", "gpt2"): _GGUF_GPT2,
}
_PARTS_OF_QKV = {"self_attn.q_proj": 0, "self_attn.k_proj": 1, "self_attn.v_proj": 2}


@dataclass(frozen=True)
class Place:
    """Where one of our tensors lies in somebody else's file."""

    ours: str
    theirs: str
    third: int | None = None  # of a matrix that holds q, k and v below each other
    transposed: bool = False
    pairs: int = 0  # heads whose rows pair neighbours (2i, 2i+1) instead of halves (i, i + half)

    def take(self, theirs: Tensor) -> Tensor:
        """Their tensor -> ours."""
        whole = theirs.t() if self.transposed else theirs
        part = whole if self.third is None else whole.chunk(3)[self.third]
        return (halves(part, self.pairs) if self.pairs else part).contiguous()


def places(settings: ModelSettings, names: Iterable[str], format: str) -> list[Place]:
    """For each of our names its place in a file of `format`: "hf" or "gguf"."""
    table = TABLES.get((format, settings.family))
    if table is None:
        return [Place(name, name) for name in names]
    return [_place(settings, name, format, table) for name in names]


def _place(settings: ModelSettings, name: str, format: str, table: Mapping[str, str]) -> Place:
    stem, end = name.rsplit(".", 1)  # model.layers.3.self_attn.q_proj, weight
    layer = ""
    if stem.startswith("model.layers."):
        layer, stem = stem.removeprefix("model.layers.").split(".", 1)
    pairs = {"self_attn.q_proj": settings.heads, "self_attn.k_proj": settings.kv_heads}.get(stem, 0)
    return Place(
        ours=name,
        theirs=f"{table[stem].format(layer)}.{end}",
        third=_PARTS_OF_QKV.get(stem) if settings.family == "gpt2" else None,
        transposed=format == "hf" and end == "weight" and stem.startswith(("self_attn.", "mlp.")),
        pairs=pairs if format == "gguf" and settings.family == "llama" else 0,
    )


def give(where: Iterable[Place], tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Our tensors -> theirs, by their names."""
    together: dict[str, list[Place]] = {}
    for place in where:
        together.setdefault(place.theirs, []).append(place)
    theirs = {}
    for name, group in together.items():
        parts = [neighbours(tensors[p.ours], p.pairs) if p.pairs else tensors[p.ours] for p in group]
        whole = parts[0] if len(parts) == 1 else torch.cat(parts)
        theirs[name] = (whole.t() if group[0].transposed else whole).contiguous()
    return theirs


def take(where: Iterable[Place], read: Callable[[str], Tensor]) -> dict[str, Tensor]:
    """Their tensors, read one by one, -> ours."""
    return {place.ours: place.take(read(place.theirs)) for place in where}


def neighbours(weight: Tensor, heads: int) -> Tensor:
    """Rows of each head from (i, i + half) to (2i, 2i + 1)."""
    return weight.unflatten(0, (heads, 2, -1)).transpose(1, 2).flatten(0, 2)


def halves(weight: Tensor, heads: int) -> Tensor:
    """Rows of each head from (2i, 2i + 1) to (i, i + half)."""
    return weight.unflatten(0, (heads, -1, 2)).transpose(1, 2).flatten(0, 2)

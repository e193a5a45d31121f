"""Gemma 2 and 3: norms on both sides of each half with a gain counted from one, vectors grown by √width, GEGLU, windows.

Gemma 2 bends scores and logits, and every other layer looks through a window. Gemma 3 norms queries and keys instead; of
six layers five look through a window, and those turn by a base of their own.
"""

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from groundup.errors import Problem
from groundup.model.families.biases import ATTENTION, biased_otherwise, read_biases, write_biases
from groundup.model.families.family import RMS_ROTARY, Config, Family
from groundup.model.families.layer_types import WORDS, pattern_of, types_of
from groundup.model.families.llama import GGUF, KEYS, SAME, STRETCHES, uneven
from groundup.model.families.rotary import BASE, ROTARY, parameters, read_rotary, write_rotary

if TYPE_CHECKING:
    from groundup.model.settings import ModelSettings

CAPS = {"attention_cap": "attn_logit_softcapping", "logit_cap": "final_logit_softcapping"}
WINDOWS = RMS_ROTARY | {"window": "attention.sliding_window"}  # in GGUF
LOCAL = "rope_local_base_freq"
KINDS = {ours: theirs for theirs, ours in WORDS.items()}
NAMES = SAME | {
    "attention_output_norm": "model.layers.{}.post_attention_layernorm",
    "post_attention_layernorm": "model.layers.{}.pre_feedforward_layernorm",
    "feedforward_output_norm": "model.layers.{}.post_feedforward_layernorm",
}
PARTS = {"norm": "rms_one", "norm_place": "sandwich", "feedforward": "geglu", "biases": False, "eps": 1e-6}
SHARED = frozenset({"sliding_window", "layer_types", "query_pre_attn_scalar", ATTENTION, *CAPS.values()})
FREE = ROTARY | {"pattern", "window", "attention_scale", "embedding_scale", "biases", *CAPS}
MEANT = {"hidden_activation": ("gelu_pytorch_tanh", None), "use_bidirectional_attention": (False, None)}


def grown(sizes: Config) -> dict[str, Any]:
    """The factor on the vectors from the table."""
    return {"embedding_scale": math.sqrt(max(1, sizes["width"]))}


def read(config: Config, where: str, usual: Mapping[str, Any], period: int) -> dict[str, Any]:
    """What both say: windows, caps and scale. Where the file is silent on layers, the last of each `period` sees all."""
    depth, width = config.get("num_hidden_layers"), config.get("hidden_size")
    found: dict[str, Any] = {ours: config.get(key, usual[key]) or 0.0 for ours, key in CAPS.items()}
    types = config.get("layer_types")
    if types is None:
        count = depth if isinstance(depth, int) else 1
        types = [KINDS["full" if (layer + 1) % period == 0 else "window"] for layer in range(count)]
    found["pattern"] = pattern_of(types, where, depth=depth)
    found["window"] = config.get("sliding_window", 4096) or 0
    scalar, wide = config.get("query_pre_attn_scalar", 256), config.get("head_dim", 256)
    if not isinstance(scalar, int | float) or scalar <= 0:
        raise Problem(f"{where}: query_pre_attn_scalar is {scalar!r}; expected a number above 0.")
    found["attention_scale"] = 0.0 if scalar == wide else scalar**-0.5
    if isinstance(width, int):
        found |= grown({"width": width})
    return found | read_biases(config, where, feedforward=False)


def write(settings: "ModelSettings") -> dict[str, Any]:
    """The same way back."""
    told: dict[str, Any] = {key: getattr(settings, ours) or None for ours, key in CAPS.items()}
    told |= {"layer_types": types_of(settings), "sliding_window": settings.window or None}
    return told | {"query_pre_attn_scalar": scalar_of(settings), ATTENTION: write_biases(settings)[ATTENTION]}


def scalar_of(settings: "ModelSettings") -> int:
    """What scores are divided by the root of; they write it as a whole number."""
    return round(settings.attention_scale**-2) if settings.attention_scale else settings.head_width


def lacks(settings: "ModelSettings") -> list[str]:
    """Each in its own words; only the scale, the windows and the growth are bound."""
    wrong = uneven(settings) + biased_otherwise(settings, feedforward=False)
    if odd := sorted(set(settings.pattern) - set(KINDS)):
        wrong.append(f"pattern = {odd[0]}")
    if settings.attention_scale and scalar_of(settings) ** -0.5 != settings.attention_scale:
        wrong.append(f"attention_scale = {settings.attention_scale}")
    if settings.embedding_scale != math.sqrt(settings.width):
        wrong.append(f"embedding_scale = {settings.embedding_scale}")
    return wrong


def read_gemma2(config: Config, where: str) -> dict[str, Any]:
    usual = {"attn_logit_softcapping": 50.0, "final_logit_softcapping": 30.0}
    return read(config, where, usual, 2) | read_rotary(config, where)


def read_gemma3(config: Config, where: str) -> dict[str, Any]:
    """rope_parameters has a table for each kind of layer; older files say two bases, and a stretch of the layers that see
    all."""
    period = config.get("sliding_window_pattern", config.get("_sliding_window_pattern", 6))
    if not isinstance(period, int) or period < 1:
        raise Problem(f"{where}: sliding_window_pattern is {period!r}; expected a number of layers.")
    found = read(config, where, dict.fromkeys(CAPS.values()), period)
    new, old = config.get("rope_parameters") or {}, config.get("rope_scaling") or {}
    nested = isinstance(new, Mapping) and all(key in WORDS and isinstance(new[key], Mapping | None) for key in new)
    if not nested or not isinstance(old, Mapping):
        raise Problem(f"{where}: rope_parameters is {new!r}; expected a table for each of {', '.join(WORDS)}.")
    full, window = new.get(KINDS["full"]) or {}, new.get(KINDS["window"]) or {}
    flat = {key: config[key] for key in config if key in (BASE, "max_position_embeddings")}
    found |= {"rope_base": 1e6} | read_rotary({**flat, "rope_parameters": full, "rope_scaling": old}, where)
    local = {BASE: config[LOCAL]} if LOCAL in config else {}
    near = {"rope_base": 1e4} | parameters(window, local, where)
    if "rope_scaling" in near:
        raise Problem(f"{where}: rotary positions of layers with a window are stretched, which is not computed here.")
    return found | {"local_rope_base": near["rope_base"]}


def write_gemma3(settings: "ModelSettings") -> dict[str, Any]:
    rotary, local = write_rotary(settings), settings.local_rope_base or settings.rope_base
    nested = {KINDS["full"]: rotary["rope_parameters"], KINDS["window"]: {BASE: local, "rope_type": "default"}}
    return write(settings) | rotary | {"rope_parameters": nested, LOCAL: local}


def lacks_gemma3(settings: "ModelSettings") -> list[str]:
    """Layers with a window are never stretched."""
    wrong = lacks(settings)
    if settings.rope_scaling is not None and not settings.local_rope_base:
        wrong.append("local_rope_base = 0.0 with rope_scaling")
    return wrong


def scale_of_27b(sizes: Config, depth: int) -> dict[str, Any]:
    """llama.cpp knows the largest model by its depth, and scales its scores by the width that heads would have."""
    usual = sizes["width"] == sizes["heads"] * sizes["head_width"]
    return {
        "attention_scale": (sizes["width"] / sizes["heads"]) ** -0.5 if sizes["depth"] == depth and not usual else 0.0
    }


GEMMA2 = Family(
    parts=PARTS
    | {"qk_norm": False, "pattern": ["window", "full"], "window": 4096, "attention_cap": 50.0, "logit_cap": 30.0},
    follows=grown,
    model_type="gemma2",
    class_name="Gemma2ForCausalLM",
    keys=KEYS,
    unsaid={"tied": True, "eps": 1e-6, "head_width": 256, "kv_heads": 4, "rope_base": 10_000.0},
    meant=MEANT,
    ignored=frozenset({"hidden_act", "cache_implementation"}),
    free=FREE,
    reads=SHARED | {BASE, "rope_parameters", "rope_scaling"},
    read=read_gemma2,
    write=lambda settings: write(settings) | write_rotary(settings),
    lacks=lacks,
    names=NAMES,
    gguf=GGUF,
    gguf_keys=WINDOWS | {"attention_cap": "attn_logit_softcapping", "logit_cap": "final_logit_softcapping"},
    gguf_stretches=STRETCHES,
    gguf_period=2,
    gguf_follows=lambda sizes, _: grown(sizes) | scale_of_27b(sizes, depth=46),
)
GEMMA3 = Family(
    parts=PARTS
    | {"qk_norm": True, "pattern": ["window"] * 5 + ["full"], "window": 512, "rope_base": 1e6, "local_rope_base": 1e4},
    follows=grown,
    model_type="gemma3_text",
    class_name="Gemma3ForCausalLM",
    keys=KEYS,
    unsaid={"tied": True, "eps": 1e-6, "head_width": 256, "kv_heads": 4},
    meant=MEANT | {"attn_logit_softcapping": (None,)},
    ignored=frozenset({"hidden_act", "cache_implementation"}),
    free=(FREE | {"local_rope_base"}) - {"attention_cap"},
    reads=SHARED
    | {BASE, LOCAL, "rope_parameters", "rope_scaling", "sliding_window_pattern", "_sliding_window_pattern"},
    read=read_gemma3,
    write=write_gemma3,
    lacks=lacks_gemma3,
    names=NAMES,
    gguf=GGUF,
    gguf_keys=WINDOWS | {"local_rope_base": "rope.freq_base_swa"},
    gguf_stretches=frozenset({"linear"}),
    gguf_period=6,
    gguf_follows=lambda sizes, _: grown(sizes) | scale_of_27b(sizes, depth=62),
)

"""Llama and those who followed it: RMS norm before each half, rotary positions, a gated feed-forward.

Mistral looks through a window, Qwen 2 adds biases to q, k, v, Qwen 3 norms queries and keys instead.
"""

from typing import TYPE_CHECKING, Any

from groundup.errors import Problem
from groundup.model.families.biases import ATTENTION, FEEDFORWARD, biased_otherwise, read_biases, write_biases
from groundup.model.families.family import Config, Family, scored
from groundup.model.families.layer_types import pattern_of, types_of
from groundup.model.families.rotary import READS, ROTARY, read_rotary, write_rotary

if TYPE_CHECKING:
    from groundup.model.settings import ModelSettings

KEYS = {
    "depth": "num_hidden_layers",
    "width": "hidden_size",
    "heads": "num_attention_heads",
    "kv_heads": "num_key_value_heads",
    "head_width": "head_dim",
    "hidden": "intermediate_size",
    "context": "max_position_embeddings",
    "vocabulary": "vocab_size",
    "tied": "tie_word_embeddings",
    "eps": "rms_norm_eps",
}
WINDOWS = frozenset({"use_sliding_window", "sliding_window", "max_window_layers", "layer_types"})
PARTS = {"norm": "rms", "positions": "rotary", "feedforward": "swiglu", "qk_norm": False, "biases": False}
GGUF = {
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
    "attention_output_norm": "blk.{}.post_attention_norm",
    "feedforward_output_norm": "blk.{}.post_ffw_norm",
}
STRETCHES = frozenset({"linear", "yarn"})  # that llama.cpp computes in every family
# Their names where they are ours, for families that change a few of them.
SAME = {stem: stem if stem.startswith(("model.", "lm_head")) else f"model.layers.{{}}.{stem}" for stem in GGUF}


def uneven(settings: "ModelSettings") -> list[str]:
    """transformers wants heads that divide the width here, whatever their own width."""
    return [f"heads = {settings.heads}"] if settings.width % settings.heads else []


def read_mistral(config: Config, where: str) -> dict[str, Any]:
    """A window in all layers, unless the file says null."""
    size = config.get("sliding_window", 4096)
    return read_rotary(config, where) | ({"pattern": ["window"], "window": size} if size else {"pattern": ["full"]})


def write_mistral(settings: "ModelSettings") -> dict[str, Any]:
    return write_rotary(settings) | {"sliding_window": settings.window if settings.pattern == ["window"] else None}


def mixed(settings: "ModelSettings") -> list[str]:
    """Mistral's layers are all alike."""
    odd = settings.pattern not in (["full"], ["window"])
    return [f"pattern = {settings.pattern}"] if odd else []


def read_qwen(config: Config, where: str) -> dict[str, Any]:
    """Layers from max_window_layers on look through the window, where it is used at all."""
    found, types = read_rotary(config, where), config.get("layer_types")
    size = config.get("sliding_window", 4096) if config.get("use_sliding_window") else None
    first, depth = config.get("max_window_layers", 28), config.get("num_hidden_layers", 0)
    if not types:
        windows = size is not None and isinstance(depth, int) and isinstance(first, int)
        types = ["sliding_attention" if windows and layer >= first else "full_attention" for layer in range(depth or 1)]
    pattern = pattern_of(types, where, depth=depth or 1)
    if size is None and pattern != ["full"]:
        raise Problem(f"{where}: layer_types has {types}, but use_sliding_window says that no window is used.")
    return found | {"pattern": pattern} | ({"window": size} if size else {})


def write_qwen(settings: "ModelSettings") -> dict[str, Any]:
    """layer_types says it all; older readers know windows only from some layer on."""
    types = types_of(settings)
    used = "sliding_attention" in types
    first = types.index("sliding_attention") if used else settings.depth
    told = {"use_sliding_window": used, "max_window_layers": first, "layer_types": types}
    return write_rotary(settings) | told | {"sliding_window": settings.window if used else None}


LLAMA = Family(
    parts=PARTS | {"eps": 1e-5},
    model_type="llama",
    class_name="LlamaForCausalLM",
    heads=scored("Llama"),
    keys=KEYS,
    unsaid={"tied": False, "eps": 1e-6, "rope_base": 10_000.0},
    meant={"hidden_act": ("silu",), "pretraining_tp": (1, None)},
    free=ROTARY | {"biases"},
    reads=READS | {ATTENTION, FEEDFORWARD},
    read=lambda config, where: read_rotary(config, where) | read_biases(config, where),
    write=lambda settings: write_rotary(settings) | write_biases(settings),
    lacks=lambda settings: uneven(settings) + biased_otherwise(settings),
    gguf=GGUF,
    gguf_stretches=STRETCHES | {"llama3", "longrope"},
)
MISTRAL = Family(
    parts=PARTS | {"eps": 1e-5},
    model_type="mistral",
    class_name="MistralForCausalLM",
    heads=scored("Mistral"),
    keys=KEYS,
    unsaid={"tied": False, "eps": 1e-6, "rope_base": 10_000.0, "kv_heads": 8},
    meant={"hidden_act": ("silu",)},
    free=ROTARY | {"pattern", "window"},
    reads=READS | {"sliding_window"},
    read=read_mistral,
    write=write_mistral,
    lacks=mixed,
    gguf=GGUF,
    gguf_name="llama",
    gguf_stretches=STRETCHES | {"llama3", "longrope"},
)
QWEN2 = Family(
    parts=PARTS | {"biases": "qkv", "eps": 1e-6},
    model_type="qwen2",
    class_name="Qwen2ForCausalLM",
    heads=scored("Qwen2"),
    keys={name: key for name, key in KEYS.items() if name != "head_width"},
    unsaid={"tied": False, "eps": 1e-6, "rope_base": 10_000.0, "kv_heads": 32},
    meant={"hidden_act": ("silu",)},
    free=ROTARY | {"pattern", "window"},
    reads=READS | WINDOWS,
    read=read_qwen,
    write=write_qwen,
    lacks=lambda settings: (
        uneven(settings)
        or [f"head_width = {settings.head_width}"] * (settings.head_width * settings.heads != settings.width)
    ),
    gguf=GGUF,
    gguf_stretches=STRETCHES,
)
QWEN3 = Family(
    parts=PARTS | {"qk_norm": True, "eps": 1e-6},
    model_type="qwen3",
    class_name="Qwen3ForCausalLM",
    heads=scored("Qwen3"),
    keys=KEYS,
    unsaid={"tied": False, "eps": 1e-6, "head_width": 128, "rope_base": 10_000.0, "kv_heads": 32},
    meant={"hidden_act": ("silu",), "attention_bias": (False,)},
    free=ROTARY | {"pattern", "window"},
    reads=READS | WINDOWS,
    read=read_qwen,
    write=write_qwen,
    gguf=GGUF,
    gguf_stretches=STRETCHES,
)

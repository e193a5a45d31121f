"""LFM2: short convolutions, and attention in some of the layers."""

from typing import TYPE_CHECKING, Any

from groundup.errors import Problem
from groundup.model.families.family import RMS_ROTARY, Config, Family
from groundup.model.families.layer_types import pattern_of, shortest, types_of
from groundup.model.families.llama import GGUF, KEYS, PARTS, STRETCHES
from groundup.model.families.rotary import READS, ROTARY, read_rotary, write_rotary

if TYPE_CHECKING:
    from groundup.model.settings import ModelSettings

KINDS = {"full_attention": "full", "conv": "conv"}
WIDER = ("block_auto_adjust_ff_dim", "block_ffn_dim_multiplier", "block_multiple_of")
NAMES = {
    "model.embed_tokens": "model.embed_tokens",
    "model.norm": "model.embedding_norm",
    "lm_head": "lm_head",
    "input_layernorm": "model.layers.{}.operator_norm",
    "post_attention_layernorm": "model.layers.{}.ffn_norm",
    **{f"self_attn.{name}_proj": f"model.layers.{{}}.self_attn.{name}_proj" for name in "qkv"},
    "self_attn.o_proj": "model.layers.{}.self_attn.out_proj",
    "self_attn.q_norm": "model.layers.{}.self_attn.q_layernorm",
    "self_attn.k_norm": "model.layers.{}.self_attn.k_layernorm",
    **{f"self_attn.{name}": f"model.layers.{{}}.conv.{name}" for name in ("in_proj", "conv", "out_proj")},
    "mlp.gate_proj": "model.layers.{}.feed_forward.w1",
    "mlp.up_proj": "model.layers.{}.feed_forward.w3",
    "mlp.down_proj": "model.layers.{}.feed_forward.w2",
}
SPOKEN = GGUF | {
    "model.norm": "token_embd_norm",
    **{f"self_attn.{name}": f"blk.{{}}.shortconv.{name}" for name in ("in_proj", "conv", "out_proj")},
}
OF_TRAINING = {
    "block_dim", "block_mlp_init_scale", "block_norm_eps", "block_out_init_scale", "block_use_swiglu", "conv_dim",
    "block_use_xavier_init", "conv_dim_out", "conv_use_xavier_init", "use_pos_enc", "num_heads",
}  # fmt: skip


def hidden(config: Config, where: str) -> int:
    """The feed-forward's width: said outright, or to be taken two thirds of and rounded up."""
    size = config.get("block_ff_dim", config.get("intermediate_size", 12288))
    adjusted, factor, multiple = (config.get(key, unsaid) for key, unsaid in zip(WIDER, (True, 1.0, 256), strict=True))
    if not isinstance(size, int) or not isinstance(multiple, int) or multiple < 1:
        raise Problem(f"{where}: intermediate_size is {size!r} and block_multiple_of {multiple!r}; expected numbers.")
    if not adjusted:
        return size
    size = int(2 * size / 3)
    if factor is None:
        return size
    if not isinstance(factor, int | float):
        raise Problem(f"{where}: block_ffn_dim_multiplier is {factor!r}; expected a number.")
    return -(-int(factor * size) // multiple) * multiple


def read(config: Config, where: str) -> dict[str, Any]:
    """Layers by their words, or by the numbers of those that have attention."""
    depth, types = config.get("num_hidden_layers", 0), config.get("layer_types")
    if not types:
        full = config.get("full_attn_idxs")
        full = range(depth) if full is None else full
        types = ["full_attention" if layer in full else "conv" for layer in range(depth or 1)]
    found = read_rotary(config, where) | {"pattern": pattern_of(types, where, KINDS), "hidden": hidden(config, where)}
    if "tie_embedding" in config:
        found["tied"] = config["tie_embedding"]
    return found


def write(settings: "ModelSettings") -> dict[str, Any]:
    types = types_of(settings, KINDS)
    full = [layer for layer, word in enumerate(types) if word == "full_attention"]
    told = {"layer_types": types, "full_attn_idxs": full, "intermediate_size": settings.hidden}
    return write_rotary(settings) | told | {"block_auto_adjust_ff_dim": False}


def lacks(settings: "ModelSettings") -> list[str]:
    """Two kinds of layers, at least one with attention; all heads together are as wide as the model."""
    wrong = []
    if set(settings.pattern) - {"full", "conv"} or "full" not in map(settings.kind_of, range(settings.depth)):
        wrong.append(f"pattern = {settings.pattern}")
    if settings.heads * settings.head_width != settings.width:
        wrong.append(f"head_width = {settings.head_width}")
    return wrong


def keys_of_layers(settings: "ModelSettings") -> dict[str, Any]:
    """llama.cpp knows a convolution by its having no keys."""
    kinds = [settings.kind_of(layer) for layer in range(settings.depth)]
    return {RMS_ROTARY["kv_heads"]: [settings.kv_heads if kind == "full" else 0 for kind in kinds]}


def layers_by_keys(values: Config, _: Config) -> dict[str, Any]:
    """The same way back."""
    keys = values["kv_heads"]
    told = isinstance(keys, list) and len(keys) == values["depth"] and len(set(keys) - {0}) == 1
    if not told:
        raise Problem(f"attention.head_count_kv is {keys!r}; expected 0 or one number of heads for each layer.")
    return {"kv_heads": max(keys), "pattern": shortest(["full" if key else "conv" for key in keys])}


LFM2 = Family(
    parts=PARTS | {"qk_norm": True, "pattern": ["conv", "conv", "full"], "eps": 1e-5},
    model_type="lfm2",
    class_name="Lfm2ForCausalLM",
    keys={name: key for name, key in KEYS.items() if name not in ("head_width", "hidden")}
    | {"eps": "norm_eps", "convolution": "conv_L_cache"},
    unsaid={"tied": True, "eps": 1e-5, "rope_base": 1e6, "kv_heads": 8, "convolution": 3},
    meant={"conv_bias": (False,)},
    ignored=frozenset(OF_TRAINING),
    free=ROTARY | {"pattern", "convolution"},
    reads=READS | {"layer_types", "full_attn_idxs", "intermediate_size", "block_ff_dim", "tie_embedding", *WIDER},
    read=read,
    write=write,
    lacks=lacks,
    names=NAMES,
    gguf=SPOKEN,
    gguf_keys=RMS_ROTARY | {"convolution": "shortconv.l_cache"},
    gguf_says=keys_of_layers,
    gguf_follows=layers_by_keys,
    gguf_stretches=STRETCHES,
)

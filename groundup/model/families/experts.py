"""Mixtral: Mistral with eight experts in each layer, of which every token asks two."""

from typing import TYPE_CHECKING, Any

from groundup.model.families.family import Config, Family
from groundup.model.families.llama import GGUF, KEYS, PARTS, STRETCHES, mixed, read_mistral, write_mistral
from groundup.model.families.rotary import READS, ROTARY

if TYPE_CHECKING:
    from groundup.model.settings import ModelSettings

MIXTRAL_NAMES = {
    "model.embed_tokens": "model.embed_tokens",
    "model.norm": "model.norm",
    "lm_head": "lm_head",
    **{f"self_attn.{name}_proj": f"model.layers.{{}}.self_attn.{name}_proj" for name in "qkvo"},
    "input_layernorm": "model.layers.{}.input_layernorm",
    "post_attention_layernorm": "model.layers.{}.post_attention_layernorm",
    "mlp.gate": "model.layers.{}.block_sparse_moe.gate",
    "mlp.experts.gate_proj": "model.layers.{}.block_sparse_moe.experts.{}.w1",
    "mlp.experts.up_proj": "model.layers.{}.block_sparse_moe.experts.{}.w3",
    "mlp.experts.down_proj": "model.layers.{}.block_sparse_moe.experts.{}.w2",
}
ROUTED = {  # in llama.cpp's files the experts' matrices lie in one tensor, as they do here
    "mlp.gate": "blk.{}.ffn_gate_inp",
    "mlp.experts.gate_proj": "blk.{}.ffn_gate_exps",
    "mlp.experts.up_proj": "blk.{}.ffn_up_exps",
    "mlp.experts.down_proj": "blk.{}.ffn_down_exps",
}
TRAINED = frozenset({"output_router_logits", "router_aux_loss_coef"})  # keys that only a training looks at


def read_mixtral(config: Config, where: str) -> dict[str, Any]:
    """Mistral's window, which is off where nothing is said, and how many experts there are."""
    experts = {"count": config.get("num_local_experts", 8), "chosen": config.get("num_experts_per_tok", 2)}
    return read_mistral({"sliding_window": None, **config}, where) | {"experts": experts}


def write_mixtral(settings: "ModelSettings") -> dict[str, Any]:
    assert settings.experts is not None
    told = {"num_local_experts": settings.experts.count, "num_experts_per_tok": settings.experts.chosen}
    return write_mistral(settings) | told


def lacks(settings: "ModelSettings") -> list[str]:
    """Experts of the same kind in every layer, and no more than how many."""
    wrong, experts = mixed(settings), settings.experts
    if experts is None:
        return [*wrong, "experts = None"]
    if settings.expert_hidden != settings.hidden:
        wrong.append(f"experts.hidden = {experts.hidden}")
    unset = type(experts)()
    told = ("count", "chosen", "hidden")
    changed = [name for name in type(experts).model_fields if getattr(experts, name) != getattr(unset, name)]
    return wrong + [f"experts.{name} = {getattr(experts, name)}" for name in changed if name not in told]


MIXTRAL = Family(
    parts=PARTS | {"eps": 1e-5, "experts": {"count": 8, "chosen": 2}},
    model_type="mixtral",
    class_name="MixtralForCausalLM",
    keys=KEYS,
    unsaid={"tied": False, "eps": 1e-5, "rope_base": 1e6, "kv_heads": 8},
    meant={"hidden_act": ("silu",), "router_jitter_noise": (0.0,)},
    ignored=TRAINED,
    free=ROTARY | {"pattern", "window", "experts"},
    reads=READS | {"sliding_window", "num_local_experts", "num_experts_per_tok"},
    read=read_mixtral,
    write=write_mixtral,
    lacks=lacks,
    names=MIXTRAL_NAMES,
    gguf=GGUF | ROUTED,
    gguf_name="llama",
    gguf_tables={"experts": {"count": "expert_count", "chosen": "expert_used_count"}},
    gguf_stretches=STRETCHES | {"llama3", "longrope"},
)

"""DeepSeek V2 and V3: latent attention, and many small experts in groups beside those that every token shares."""

from typing import TYPE_CHECKING, Any

from groundup.errors import Problem
from groundup.model.families.experts import ROUTED, TRAINED
from groundup.model.families.family import RMS_ROTARY, Config, Family
from groundup.model.families.llama import GGUF, PARTS, uneven
from groundup.model.families.rotary import READS, ROTARY, read_rotary, write_rotary

if TYPE_CHECKING:
    from groundup.model.settings import ModelSettings

KEYS = {
    "depth": "num_hidden_layers",
    "width": "hidden_size",
    "heads": "num_attention_heads",
    "hidden": "intermediate_size",
    "context": "max_position_embeddings",
    "vocabulary": "vocab_size",
    "tied": "tie_word_embeddings",
    "eps": "rms_norm_eps",
}
EPS = 1e-6  # of the norms of latents, whatever the model's own is (see latent_attention.py)
LATENT = {"kv_rank": "kv_lora_rank", "rope": "qk_rope_head_dim", "plain": "qk_nope_head_dim", "value": "v_head_dim"}
UNSAID_LATENT = {"kv_lora_rank": 512, "qk_rope_head_dim": 64, "qk_nope_head_dim": 128, "v_head_dim": 128}
EXPERTS = {
    "count": "n_routed_experts",
    "chosen": "num_experts_per_tok",
    "hidden": "moe_intermediate_size",
    "scale": "routed_scaling_factor",
    "dense": "first_k_dense_replace",
}
SAYS = frozenset(
    {*LATENT.values(), *EXPERTS.values(), "q_lora_rank", "n_shared_experts", "n_group", "topk_group", "norm_topk_prob",
     "num_key_value_heads", "head_dim", "qk_head_dim"}
)  # fmt: skip
NAMES = {
    "model.embed_tokens": "model.embed_tokens",
    "model.norm": "model.norm",
    "lm_head": "lm_head",
    **{
        name: f"model.layers.{{}}.{name}"
        for name in (
            "input_layernorm",
            "post_attention_layernorm",
            *(
                f"self_attn.{part}"
                for part in ("q_proj", "q_a_proj", "q_a_layernorm", "q_b_proj", "kv_a_proj_with_mqa")
            ),
            *(f"self_attn.{part}" for part in ("kv_a_layernorm", "kv_b_proj", "o_proj")),
            *(f"mlp{part}.{way}_proj" for part in ("", ".shared_experts") for way in ("gate", "up", "down")),
            "mlp.gate",
        )
    },
    **{f"mlp.experts.{way}_proj": f"model.layers.{{}}.mlp.experts.{{}}.{way}_proj" for way in ("gate", "up", "down")},
}


SPOKEN = GGUF | ROUTED | {
    **{f"self_attn.{part}_proj": f"blk.{{}}.attn_{part}" for part in ("q_a", "q_b", "kv_b")},
    **{f"self_attn.{part}_layernorm": f"blk.{{}}.attn_{part}_norm" for part in ("q_a", "kv_a")},
    "self_attn.kv_a_proj_with_mqa": "blk.{}.attn_kv_a_mqa",
    **{f"mlp.shared_experts.{way}_proj": f"blk.{{}}.ffn_{way}_shexp" for way in ("gate", "up", "down")},
    "mlp.gate.e_score_correction_bias": "blk.{}.exp_probs_b.bias",
}  # fmt: skip
SPOKEN_TABLES = {
    "experts": {
        "count": "expert_count", "chosen": "expert_used_count", "hidden": "expert_feed_forward_length",
        "scale": "expert_weights_scale", "normalise": "expert_weights_norm", "dense": "leading_dense_block_count",
        "groups": "expert_group_count", "chosen_groups": "expert_group_used_count",
    },
    "latent": {
        "query_rank": "attention.q_lora_rank", "kv_rank": "attention.kv_lora_rank", "value": "attention.value_length",
    },
}  # fmt: skip
SHARED, RATED, TURNED = "expert_shared_count", "expert_gating_func", "rope.dimension_count"
RATINGS = {1: "softmax", 2: "sigmoid"}  # llama.cpp's numbers: of the second generation, of the third


def read(config: Config, where: str, unsaid: dict[str, Any]) -> dict[str, Any]:
    """Both tables and the rotary settings; `unsaid` is what the generation takes where its file says nothing."""
    told = {**UNSAID_LATENT, **unsaid, **{key: value for key, value in config.items() if value is not None}}
    heads, keys = told.get("num_attention_heads"), told.get("num_key_value_heads")
    if keys not in (None, heads):
        raise Problem(f"{where}: num_key_value_heads is {keys!r}; latent attention has keys for all {heads!r} heads.")
    latent = {name: told[key] for name, key in LATENT.items()}
    # A rank that is null means something else than one that is not said.
    latent["query_rank"] = (config["q_lora_rank"] or 0) if "q_lora_rank" in config else 1536
    experts = {name: told[key] for name, key in EXPERTS.items() if key in told}
    if isinstance(experts.get("scale"), int):
        experts["scale"] = float(experts["scale"])
    shared, hidden = told["n_shared_experts"], told["moe_intermediate_size"]
    if not isinstance(shared, int) or not isinstance(hidden, int):
        raise Problem(
            f"{where}: n_shared_experts is {shared!r} and moe_intermediate_size {hidden!r}; expected numbers."
        )
    experts |= {"shared": shared * hidden, "normalise": told["norm_topk_prob"]}
    experts |= {"groups": told.get("n_group", 1), "chosen_groups": told.get("topk_group", 1)}
    return read_rotary(config, where) | {"latent": latent, "experts": experts, "pattern": ["latent"]}


def write(settings: "ModelSettings") -> dict[str, Any]:
    """What both generations say alike."""
    latent, experts = settings.latent, settings.experts
    assert latent is not None and experts is not None
    told: dict[str, Any] = {key: getattr(latent, name) for name, key in LATENT.items()}
    told |= {key: getattr(experts, name) for name, key in EXPERTS.items()}
    told |= {"q_lora_rank": latent.query_rank or None, "moe_intermediate_size": settings.expert_hidden}
    told |= {"n_shared_experts": experts.shared // settings.expert_hidden, "norm_topk_prob": experts.normalise}
    told |= {"num_key_value_heads": settings.heads, "head_dim": latent.rope}
    return write_rotary(settings) | told


def read_v3(config: Config, where: str) -> dict[str, Any]:
    """Groups always, rated by their two best experts, and a bias that spreads tokens."""
    unsaid = {"n_shared_experts": 1, "moe_intermediate_size": 2048, "norm_topk_prob": True, "n_group": 8, "topk_group": 4,
              "n_routed_experts": 256, "num_experts_per_tok": 8, "routed_scaling_factor": 2.5, "first_k_dense_replace": 3}  # fmt: skip
    found = read(config, where, unsaid)
    found["latent"]["neighbours"] = config.get("rope_interleave", True)
    found["experts"] |= {"router": "sigmoid", "correction": True}
    return found


def write_v3(settings: "ModelSettings") -> dict[str, Any]:
    assert settings.latent is not None and settings.experts is not None
    groups = {"n_group": settings.experts.groups, "topk_group": settings.experts.chosen_groups}
    return write(settings) | groups | {"rope_interleave": settings.latent.neighbours}


def read_v2(config: Config, where: str) -> dict[str, Any]:
    """Groups only where topk_method says so. norm_topk_prob is in its files, and no program has ever looked at it."""
    unsaid = {"n_shared_experts": 2, "moe_intermediate_size": 1407, "norm_topk_prob": False, "n_routed_experts": 64,
              "routed_scaling_factor": 1.0, "first_k_dense_replace": 0}  # fmt: skip
    method = config.get("topk_method") or "greedy"
    if method not in ("greedy", "group_limited_greedy"):
        raise Problem(f"{where}: topk_method is {method!r}; known here: greedy, group_limited_greedy.")
    if method == "greedy":
        config = {key: value for key, value in config.items() if key not in ("n_group", "topk_group")}
    found = read(config, where, unsaid)
    found["experts"]["normalise"] = False
    return found


def write_v2(settings: "ModelSettings") -> dict[str, Any]:
    experts = settings.experts
    assert experts is not None
    if experts.groups == 1:
        return write(settings) | {"topk_method": "greedy", "n_group": None, "topk_group": None}
    groups = {"n_group": experts.groups, "topk_group": experts.chosen_groups}
    return write(settings) | groups | {"topk_method": "group_limited_greedy"}


def facts(settings: "ModelSettings") -> dict[str, Any]:
    """What llama.cpp is told beside the tables."""
    assert settings.experts is not None
    [rated] = [number for number, name in RATINGS.items() if name == settings.experts.router]
    return {SHARED: settings.experts.shared // settings.expert_hidden, RATED: rated}


def by_facts(values: Config, known: Config) -> dict[str, Any]:
    """The same way back. llama.cpp norms latents as it norms everything, and turns neighbours."""
    router = RATINGS.get(known.get(RATED, 0))
    if router is None:
        raise Problem(f"deepseek2.{RATED} is {known.get(RATED)!r}; computed here: 1 (softmax), 2 (sigmoid).")
    third = router == "sigmoid"
    if not third and values["experts"]["groups"] != 1:
        raise Problem(
            "deepseek2 rates groups by their two best experts and DeepSeek V2 by the best: experts.groups must be 1."
        )
    if values["eps"] != EPS:
        raise Problem(f"deepseek2 norms latents with eps {values['eps']}: here that is {EPS}.")
    turned, shared = known.get(TURNED), known.get(SHARED)
    if not isinstance(turned, int) or not isinstance(shared, int):
        raise Problem(f"deepseek2.{TURNED} is {turned!r} and {SHARED} {shared!r}; expected numbers.")
    experts, latent = dict(values["experts"]), dict(values["latent"])
    experts |= {"router": router, "correction": third, "shared": shared * experts["hidden"]}
    latent |= {"rope": turned, "plain": values["head_width"] - turned, "neighbours": True}
    family = "deepseek_v3" if third else "deepseek_v2"
    return {"family": family, "experts": experts, "latent": latent, "pattern": ["latent"], "rope_share": 1.0}


def lacks(settings: "ModelSettings", **meant: Any) -> list[str]:
    """Both tables, shared experts in whole numbers, and what the generation's name means."""
    latent, experts, wrong = settings.latent, settings.experts, uneven(settings)
    if latent is None or experts is None:
        return [*wrong, f"{'latent' if latent is None else 'experts'} = None"]
    if not experts.shared or experts.shared % settings.expert_hidden:
        wrong.append(f"experts.shared = {experts.shared}")
    table = {"latent": latent, "experts": experts}
    for name, value in meant.items():
        part, setting = name.split("_", 1)
        if getattr(table[part], setting) != value:
            wrong.append(f"{part}.{setting} = {getattr(table[part], setting)}")
    return wrong


def lacks_v3(settings: "ModelSettings") -> list[str]:
    return lacks(settings, experts_router="sigmoid", experts_correction=True)


def lacks_v2(settings: "ModelSettings") -> list[str]:
    return lacks(
        settings, experts_router="softmax", experts_correction=False, experts_normalise=False, latent_neighbours=True
    )


SHARED_MEANT = {"hidden_act": ("silu",), "attention_bias": (False,), "pretraining_tp": (1, None)}
FREE = ROTARY | {"experts", "latent"}
SMALL_EXPERTS = {"count": 8, "chosen": 2, "hidden": 64, "shared": 64, "dense": 1}
DEEPSEEK_V3 = Family(
    parts=PARTS
    | {
        "eps": 1e-6,
        "pattern": ["latent"],
        "latent": {"query_rank": 64},
        "experts": SMALL_EXPERTS | {"router": "sigmoid", "correction": True, "scale": 2.5},
    },
    model_type="deepseek_v3",
    class_name="DeepseekV3ForCausalLM",
    keys=KEYS,
    unsaid={"tied": False, "eps": 1e-6, "rope_base": 10_000.0},
    meant=SHARED_MEANT | {"scoring_func": ("sigmoid",), "topk_method": ("noaux_tc",), "moe_layer_freq": (1,)},
    ignored=TRAINED | {"num_nextn_predict_layers", "aux_loss_alpha", "seq_aux", "ep_size", "auto_map"},
    free=FREE,
    reads=READS | SAYS | {"rope_interleave"},
    read=read_v3,
    write=write_v3,
    lacks=lacks_v3,
    names=NAMES,
    gguf=SPOKEN,
    gguf_name="deepseek2",
    gguf_keys=RMS_ROTARY,
    gguf_tables=SPOKEN_TABLES,
    gguf_says=facts,
    gguf_reads=frozenset({SHARED, RATED}),
    gguf_follows=by_facts,
)
DEEPSEEK_V2 = Family(
    parts=PARTS
    | {"eps": 1e-6, "pattern": ["latent"], "latent": {}, "experts": SMALL_EXPERTS | {"normalise": False}},
    model_type="deepseek_v2",
    class_name="DeepseekV2ForCausalLM",
    keys=KEYS,
    unsaid={"tied": False, "eps": 1e-6, "rope_base": 10_000.0},
    meant=SHARED_MEANT | {"mlp_bias": (False,), "scoring_func": ("softmax",), "moe_layer_freq": (1,)},
    ignored=TRAINED | {"aux_loss_alpha", "seq_aux", "ep_size", "auto_map"},
    free=FREE,
    reads=READS | SAYS | {"topk_method"},
    read=read_v2,
    write=write_v2,
    lacks=lacks_v2,
    names=NAMES,
    gguf=SPOKEN,
    gguf_name="deepseek2",
    gguf_keys=RMS_ROTARY,
    gguf_tables=SPOKEN_TABLES,
    gguf_says=facts,
    gguf_reads=frozenset({SHARED, RATED}),
    gguf_follows=by_facts,
)  # fmt: skip

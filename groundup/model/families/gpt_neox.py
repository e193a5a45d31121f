"""GPT-NeoX, and Pythia after it: both halves of a layer read one vector, a part of each head is turned, q, k, v lie woven.

Woven: the matrix holds q, k and v of the first head, then of the second, and so on. Not all of its models are parallel.
"""

from typing import TYPE_CHECKING, Any

from groundup.errors import Problem
from groundup.model.families.biases import ATTENTION, biased_otherwise, read_biases, write_biases
from groundup.model.families.family import SIZES, Config, Family
from groundup.model.families.llama import GGUF
from groundup.model.families.rotary import BASE, ROTARY, SHARE, read_rotary, write_rotary

if TYPE_CHECKING:
    from groundup.model.settings import ModelSettings

NAMES = {
    "model.embed_tokens": "gpt_neox.embed_in",
    "model.norm": "gpt_neox.final_layer_norm",
    "lm_head": "embed_out",
    "input_layernorm": "gpt_neox.layers.{}.input_layernorm",
    "self_attn.q_proj": "gpt_neox.layers.{}.attention.query_key_value",
    "self_attn.k_proj": "gpt_neox.layers.{}.attention.query_key_value",
    "self_attn.v_proj": "gpt_neox.layers.{}.attention.query_key_value",
    "self_attn.o_proj": "gpt_neox.layers.{}.attention.dense",
    "post_attention_layernorm": "gpt_neox.layers.{}.post_attention_layernorm",
    "mlp.up_proj": "gpt_neox.layers.{}.mlp.dense_h_to_4h",
    "mlp.down_proj": "gpt_neox.layers.{}.mlp.dense_4h_to_h",
}
CURVES = {  # their word -> our feed-forward; the first of each is what we write
    "gelu": "gelu_exact",
    "gelu_pytorch_tanh": "gelu",
    "gelu_new": "gelu",
    "gelu_fast": "gelu",
    "relu": "relu",
    "relu2": "relu2",
    "silu": "silu",
    "swish": "silu",
}
OLD = {BASE: "rotary_emb_base", SHARE: "rotary_pct"}  # the keys of rotary positions in older files
USUAL = {BASE: 10_000, SHARE: 0.25}


def read(config: Config, where: str) -> dict[str, Any]:
    """Rotary positions by their own keys, the curve, and whether attention has biases."""
    told = {key: value for key, value in config.items() if key not in USUAL}
    told |= {key: config[old] for key, old in OLD.items() if config.get(old) is not None}
    usual = {"rope_base": float(USUAL[BASE]), "rope_share": USUAL[SHARE]}
    word = config.get("hidden_act", "gelu")
    if not isinstance(word, str) or word not in CURVES:
        raise Problem(f"{where}: hidden_act is {word!r}; only {', '.join(CURVES)} are computed here.")
    biases = read_biases(config, where, usual=True, feedforward=True)
    return usual | read_rotary(told, where) | biases | {"feedforward": CURVES[word]}


def write(settings: "ModelSettings") -> dict[str, Any]:
    """rope_parameters, and the older keys beside them."""
    told = {key: value for key, value in write_rotary(settings).items() if key not in OLD}
    told["rope_parameters"][SHARE] = settings.rope_share
    word = next(word for word, ours in CURVES.items() if ours == settings.feedforward)
    told |= {OLD[BASE]: settings.rope_base, OLD[SHARE]: settings.rope_share, "hidden_act": word}
    return told | {ATTENTION: write_biases(settings)[ATTENTION]}


def lacks(settings: "ModelSettings") -> list[str]:
    """Each head has a key of its own, all together are as wide as the model, and the feed-forward always has biases."""
    wrong = biased_otherwise(settings, feedforward=True)
    if settings.kv_heads != settings.heads:
        wrong.append(f"kv_heads = {settings.kv_heads}")
    if settings.heads * settings.head_width != settings.width:
        wrong.append(f"head_width = {settings.head_width}")
    if settings.feedforward not in CURVES.values():
        wrong.append(f"feedforward = {settings.feedforward}")
    return wrong


GPT_NEOX = Family(
    parts={
        "norm": "layer", "positions": "rotary", "rope_share": 0.25, "feedforward": "gelu_exact", "qk_norm": False,
        "biases": True, "parallel": True, "eps": 1e-5,
    },
    model_type="gpt_neox",
    class_name="GPTNeoXForCausalLM",
    keys={
        "depth": "num_hidden_layers",
        "width": "hidden_size",
        "heads": "num_attention_heads",
        "hidden": "intermediate_size",
        "context": "max_position_embeddings",
        "vocabulary": "vocab_size",
        "tied": "tie_word_embeddings",
        "eps": "layer_norm_eps",
        "parallel": "use_parallel_residual",
    },
    unsaid={"tied": False, "eps": 1e-5, "parallel": True, "context": 2048},
    meant={"is_decoder": (False, True)},
    ignored=frozenset({"hidden_dropout", "classifier_dropout"}),
    free=ROTARY | {"rope_share", "feedforward", "biases", "parallel"},
    reads=frozenset({"rope_parameters", "rope_scaling", *OLD.values(), "hidden_act", ATTENTION}),
    read=read,
    write=write,
    lacks=lacks,
    names=NAMES,
    stored=frozenset({"woven"}),
    gguf=GGUF | {f"self_attn.{name}_proj": "blk.{}.attn_qkv" for name in "qkv"},
    gguf_name="gptneox",
    gguf_keys=SIZES
    | {"eps": "attention.layer_norm_epsilon", "rope_base": "rope.freq_base", "parallel": "use_parallel_residual"},
    gguf_parts={"feedforward": "gelu", "tied": False},  # whatever the model was trained with
    gguf_stretches=frozenset({"linear", "yarn"}),
)  # fmt: skip

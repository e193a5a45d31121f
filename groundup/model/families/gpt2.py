"""GPT-2: learned positions, LayerNorm, biases everywhere; q, k, v in one matrix, and matrices the other way round."""

from typing import TYPE_CHECKING

from groundup.model.families.family import SIZES, Family, scored
from groundup.model.families.llama import GGUF

if TYPE_CHECKING:
    from groundup.model.settings import ModelSettings

NAMES = {
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


def lacks(settings: "ModelSettings") -> list[str]:
    """Each head has a key of its own, and all together are as wide as the model."""
    wrong = []
    if settings.kv_heads != settings.heads:
        wrong.append(f"kv_heads = {settings.kv_heads}")
    if settings.heads * settings.head_width != settings.width:
        wrong.append(f"head_width = {settings.head_width}")
    return wrong


GPT2 = Family(
    parts={"norm": "layer", "positions": "learned", "feedforward": "gelu", "qk_norm": False, "biases": True, "eps": 1e-5},
    model_type="gpt2",
    class_name="GPT2LMHeadModel",
    keys={
        "depth": "n_layer",
        "width": "n_embd",
        "heads": "n_head",
        "hidden": "n_inner",
        "context": "n_positions",
        "vocabulary": "vocab_size",
        "tied": "tie_word_embeddings",
        "eps": "layer_norm_epsilon",
    },
    unsaid={"tied": True, "eps": 1e-5},
    meant={
        "activation_function": ("gelu_new", "gelu_pytorch_tanh"),
        "scale_attn_weights": (True,),
        "scale_attn_by_inverse_layer_idx": (False,),
        "add_cross_attention": (False,),
    },
    ignored=frozenset(
        {"resid_pdrop", "embd_pdrop", "attn_pdrop", "summary_activation", "summary_first_dropout", "n_ctx",
         "summary_proj_to_labels", "summary_type", "summary_use_proj", "reorder_and_upcast_attn"}
    ),
    lacks=lacks,
    names=NAMES,
    heads=scored("GPT2"),
    root="transformer.",
    stored=frozenset({"transposed"}),
    gguf=GGUF | {f"self_attn.{name}_proj": "blk.{}.attn_qkv" for name in "qkv"},
    gguf_keys=SIZES | {"eps": "attention.layer_norm_epsilon"},
)  # fmt: skip

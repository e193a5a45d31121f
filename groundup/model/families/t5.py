"""T5: an encoder and a decoder with relative positions in buckets, RMS norm before each half, and scores that nobody scales.

The first T5 has one table for ids and head, and divides what the head reads; T5 1.1 has a head of its own and a gated
feed-forward, or, as transformers 5 makes it anew, the table undivided. Nothing here needs torch.
"""

from collections.abc import Collection
from typing import TYPE_CHECKING, Any

from groundup.errors import Problem
from groundup.model.families.family import Config, Family

if TYPE_CHECKING:
    from groundup.model.settings import ModelSettings

CURVES = {  # their word, in files and then inside of transformers -> ours
    ("relu", "relu"): "relu",
    ("gelu", "gelu"): "gelu_exact",
    ("gelu_new", "gelu_new"): "gelu",
    ("gated-gelu", "gelu_new"): "geglu",
    ("gated-silu", "silu"): "swiglu",
}
START = {"decoder_start_token_id": 0, "pad_token_id": 0, "eos_token_id": 1}  # as T5's tokenizers have them


def read(config: Config, where: str) -> dict[str, Any]:
    """Depths of both stacks, the feed-forward, and whether the head is the table: in older files it is if vectors are
    divided; transformers 5 says both, and calls weights tied even where they are not (see `by_weights`)."""
    word = config.get("feed_forward_proj", "relu")
    found = [ours for (theirs, _), ours in CURVES.items() if theirs == word]
    if not found:
        known = ", ".join(theirs for theirs, _ in CURVES)
        raise Problem(f"{where}: feed_forward_proj is {word!r}; known here: {known}.")
    layers, tie = config.get("num_layers", 6), config.get("tie_word_embeddings", True) is not False
    scaled = config.get("scale_decoder_outputs", tie) is not False
    undivided = not scaled and tie
    return {
        "depth": config.get("num_decoder_layers") or layers,
        "encoder": {"depth": layers} | ({"scaled_head": False} if undivided else {}),
        "feedforward": found[0],
        "tied": scaled or undivided,
    }


def by_weights(settings: "ModelSettings", names: Collection[str]) -> "ModelSettings":
    """A T5 1.1 whose file has a head of its own has one, whatever is said."""
    if settings.encoder is None or not settings.tied or settings.encoder.scaled_head or "lm_head.weight" not in names:
        return settings
    encoder = settings.encoder.model_copy(update={"scaled_head": True})  # which means nothing without a tied head
    return settings.model_copy(update={"tied": False, "encoder": encoder})


def write(settings: "ModelSettings") -> dict[str, Any]:
    """The same way back, in both styles."""
    assert settings.encoder is not None
    [(word, curve)] = [theirs for theirs, ours in CURVES.items() if ours == settings.feedforward]
    return START | {
        "num_layers": settings.encoder.depth,
        "num_decoder_layers": settings.depth,
        "feed_forward_proj": word,
        "dense_act_fn": curve,
        "is_gated_act": word.startswith("gated-"),
        "tie_word_embeddings": settings.tied,
        "scale_decoder_outputs": settings.tied and settings.encoder.scaled_head,
        "is_encoder_decoder": True,
    }


def lacks(settings: "ModelSettings") -> list[str]:
    """Both stacks are of one width there."""
    encoder = settings.encoder
    if encoder is None:
        return ["encoder = None"]
    wrong = [
        f"encoder.{name} = {value}" for name, value in encoder if name in ("heads", "hidden", "head_bias") and value
    ]
    if settings.kv_heads != settings.heads:
        wrong.append(f"kv_heads = {settings.kv_heads}")
    if settings.feedforward not in CURVES.values():
        wrong.append(f"feedforward = {settings.feedforward}")
    return wrong


def named(settings: "ModelSettings") -> dict[str, str]:
    """The halves of a layer are numbered there, so what follows self-attention counts one more in the decoder."""
    gated = settings.feedforward in ("geglu", "swiglu")
    found = {"model.embed_tokens": "shared", "lm_head": "lm_head"}
    for side, last in (("encoder", 1), ("decoder", 2)):
        ours, theirs = f"model.{side}.layers.{{}}.", f"{side}.block.{{}}.layer."
        found |= {
            f"model.{side}.positions": f"{side}.block.0.layer.0.SelfAttention.relative_attention_bias",
            f"model.{side}.norm": f"{side}.final_layer_norm",
            f"{ours}input_layernorm": f"{theirs}0.layer_norm",
            f"{ours}cross_layernorm": f"{theirs}1.layer_norm",
            f"{ours}post_attention_layernorm": f"{theirs}{last}.layer_norm",
            f"{ours}mlp.gate_proj": f"{theirs}{last}.DenseReluDense.wi_0",
            f"{ours}mlp.up_proj": f"{theirs}{last}.DenseReluDense.wi" + "_1" * gated,
            f"{ours}mlp.down_proj": f"{theirs}{last}.DenseReluDense.wo",
        }
        for each in "qkvo":
            found[f"{ours}self_attn.{each}_proj"] = f"{theirs}0.SelfAttention.{each}"
            found[f"{ours}cross_attn.{each}_proj"] = f"{theirs}1.EncDecAttention.{each}"
    return found


T5 = Family(
    parts={
        "norm": "rms", "positions": "relative", "feedforward": "relu", "qk_norm": False, "biases": False, "eps": 1e-6,
        "attention_scale": 1.0, "encoder": {"scaled_head": True},
    },
    model_type="t5",
    class_name="T5ForConditionalGeneration",
    keys={
        "width": "d_model",
        "heads": "num_heads",
        "head_width": "d_kv",
        "hidden": "d_ff",
        "vocabulary": "vocab_size",
        "context": "n_positions",
        "eps": "layer_norm_epsilon",
        "buckets": "relative_attention_num_buckets",
        "furthest": "relative_attention_max_distance",
    },
    unsaid={"head_width": 64, "hidden": 2048, "context": 512, "eps": 1e-6, "buckets": 32, "furthest": 128},
    ignored=frozenset({"dropout_rate", "classifier_dropout", "initializer_factor", "output_past", "is_decoder", "dense_act_fn",
                       "is_gated_act", "decoder_start_token_id"}),
    free=frozenset({"feedforward", "encoder", "buckets", "furthest"}),
    reads=frozenset({"num_layers", "num_decoder_layers", "feed_forward_proj", "tie_word_embeddings", "scale_decoder_outputs"}),
    read=read,
    write=write,
    lacks=lacks,
    named=named,
    by_weights=by_weights,
    copies={f"{side}.embed_tokens.weight": "shared.weight" for side in ("encoder", "decoder")},
    spare=("EncDecAttention.relative_attention_bias.weight",),
    architecture="encoder_decoder",
)  # fmt: skip

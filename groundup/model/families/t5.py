"""T5: an encoder and a decoder that share relative positions in buckets, RMS norm before each half, unscaled scores.

The first T5 divides what the tied head reads; T5 1.1 has a head of its own and a gated feed-forward.
"""

from typing import TYPE_CHECKING, Any

from groundup.errors import Problem
from groundup.model.families.family import Config, Family

if TYPE_CHECKING:
    from groundup.model.settings import ModelSettings

CURVES = {"relu": "relu", "gated-gelu": "geglu", "gated-gelu_new": "geglu", "gated-silu": "swiglu", "gelu_new": "gelu",
          "gelu": "gelu_exact", "gated-relu": None}  # fmt: skip


def read(config: Config, where: str) -> dict[str, Any]:
    """Depths of both stacks, the feed-forward, and whether the head is the table, of which older files say the one half
    and those of transformers 5 the other."""
    named = config.get("feed_forward_proj", "relu")
    if named not in CURVES or CURVES[named] is None:
        raise Problem(f"{where}: feed_forward_proj is {named!r}; known: relu, gelu, gelu_new, gated-gelu, gated-silu.")
    scaled = config.get("scale_decoder_outputs", config.get("tie_word_embeddings", True)) is not False
    layers = config.get("num_layers", 6)
    return {
        "depth": config.get("num_decoder_layers") or layers,
        "encoder": {"depth": layers, "scaled_head": scaled},
        "feedforward": CURVES[named],
        "tied": scaled,
    }


def write(settings: "ModelSettings") -> dict[str, Any]:
    """The same in both styles, and the ids that T5's tokenizer always has for padding, start and end."""
    encoder, theirs = settings.encoder, {ours: named for named, ours in reversed(CURVES.items())}
    assert encoder is not None
    named = theirs.get(settings.feedforward, settings.feedforward)
    return {
        "num_layers": encoder.depth,
        "num_decoder_layers": settings.depth,
        "feed_forward_proj": named,
        "dense_act_fn": "gelu_new" if named == "gated-gelu" else named.split("-")[-1],
        "is_gated_act": named.startswith("gated-"),
        "tie_word_embeddings": settings.tied,
        "scale_decoder_outputs": encoder.scaled_head,
        "is_encoder_decoder": True,
        "decoder_start_token_id": 0,
        "pad_token_id": 0,
    }


def lacks(settings: "ModelSettings") -> list[str]:
    """Both stacks are of one width; a tied head is a divided one."""
    encoder = settings.encoder
    if encoder is None:
        return ["encoder = None"]
    wrong = [f"encoder.{name} = {value}" for name, value in encoder if name in ("heads", "hidden", "head_bias") and value]
    if encoder.scaled_head != settings.tied:
        wrong.append(f"encoder.scaled_head = {encoder.scaled_head}")
    if settings.kv_heads != settings.heads:
        wrong.append(f"kv_heads = {settings.kv_heads}")
    if settings.feedforward not in CURVES.values():
        wrong.append(f"feedforward = {settings.feedforward}")
    return wrong


def names(side: str, halves: tuple[str, str], gated: bool) -> dict[str, str]:
    """Stems of one stack: what its halves after self-attention are called."""
    ours, theirs = f"model.{side}.layers.{{}}.", f"{side}.block.{{}}.layer."
    found = {
        f"model.{side}.positions": f"{side}.block.0.layer.0.SelfAttention.relative_attention_bias",
        f"model.{side}.norm": f"{side}.final_layer_norm",
        ours + "input_layernorm": theirs + "0.layer_norm",
    }
    return found


T5 = Family(
    parts={
        "norm": "rms", "norm_place": "pre", "positions": "relative", "feedforward": "relu", "qk_norm": False,
        "biases": False, "eps": 1e-6, "attention_scale": 1.0, "encoder": {"scaled_head": True},
    },
    architecture="encoder_decoder",
)  # fmt: skip

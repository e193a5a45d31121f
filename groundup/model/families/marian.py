"""The Transformer of 2017 and Marian, which translates with it: norms after the sum, sinusoidal positions, one table for all.

Marian puts all sines before all cosines and gives each token of the vocabulary a bias. Nothing here needs torch.
"""

from typing import TYPE_CHECKING, Any

from groundup.errors import Problem
from groundup.model.families.family import Config, Family

if TYPE_CHECKING:
    from groundup.model.settings import ModelSettings

CURVES = {"swish": "silu", "silu": "silu", "relu": "relu", "gelu": "gelu_exact", "gelu_new": "gelu"}
PARTS = {
    "norm": "layer", "norm_place": "post", "positions": "sinusoidal", "feedforward": "relu", "qk_norm": False,
    "biases": True, "eps": 1e-5, "embedding_scale": 0.0,
}  # fmt: skip


def read(config: Config, where: str) -> dict[str, Any]:
    """The encoder beside the decoder, the curve, and the factor on the vectors from the table."""
    curve, width = config.get("activation_function", "gelu"), config.get("d_model", 1024)
    if curve not in CURVES:
        raise Problem(f"{where}: activation_function is {curve!r}; known here: {', '.join(CURVES)}.")
    if config.get("decoder_vocab_size", config.get("vocab_size")) not in (None, config.get("vocab_size")):
        raise Problem(f"{where}: decoder_vocab_size differs from vocab_size; here both texts share one table.")
    return {
        "feedforward": CURVES[curve],
        "embedding_scale": float(width) ** 0.5 if config.get("scale_embedding", False) else 1.0,
        "encoder": {
            "depth": config.get("encoder_layers", 12),
            "heads": config.get("encoder_attention_heads", 16),
            "hidden": config.get("encoder_ffn_dim", 4096),
        },
    }


def write(settings: "ModelSettings") -> dict[str, Any]:
    """The same way back. Padding and start are the last token, the end is the first, as Marian has them."""
    assert settings.encoder is not None
    last = settings.vocabulary - 1
    return {
        "encoder_layers": settings.encoder.depth,
        "encoder_attention_heads": settings.encoder.heads or settings.heads,
        "encoder_ffn_dim": settings.encoder.hidden or settings.hidden,
        "num_hidden_layers": settings.encoder.depth,
        "activation_function": next(theirs for theirs, ours in CURVES.items() if ours == settings.feedforward),
        "scale_embedding": settings.embedding_scale != 1,
        "decoder_vocab_size": settings.vocabulary,
        "is_encoder_decoder": True,
        "decoder_start_token_id": last,
        "pad_token_id": last,
        "eos_token_id": 0,
        "forced_eos_token_id": None,
    }


def lacks(settings: "ModelSettings") -> list[str]:
    """Heads divide the width there, vectors are taken as they are or times √width, and logits have a bias."""
    encoder = settings.encoder
    if encoder is None:
        return ["encoder = None"]
    wrong = [] if encoder.head_bias else ["encoder.head_bias = False"]
    if encoder.scaled_head or not settings.tied:
        wrong.append(f"tied = {settings.tied}, encoder.scaled_head = {encoder.scaled_head}")
    if settings.kv_heads != settings.heads or settings.heads * settings.head_width != settings.width:
        wrong.append(f"kv_heads = {settings.kv_heads}, head_width = {settings.head_width}")
    if settings.embedding_scale not in (1.0, settings.width**0.5):
        wrong.append(f"embedding_scale = {settings.embedding_scale}")
    if settings.feedforward not in CURVES.values():
        wrong.append(f"feedforward = {settings.feedforward}")
    return wrong


def names() -> dict[str, str]:
    """Ours -> theirs."""
    found = {"model.embed_tokens": "model.shared", "lm_head_bias": "final_logits_bias"}
    for side in ("encoder", "decoder"):
        ours = f"model.{side}.layers.{{}}."
        found |= {
            f"{ours}input_layernorm": f"{ours}self_attn_layer_norm",
            f"{ours}cross_layernorm": f"{ours}encoder_attn_layer_norm",
            f"{ours}post_attention_layernorm": f"{ours}final_layer_norm",
            f"{ours}mlp.up_proj": f"{ours}fc1",
            f"{ours}mlp.down_proj": f"{ours}fc2",
        }
        for each, theirs in (("q", "q"), ("k", "k"), ("v", "v"), ("o", "out")):
            found[f"{ours}self_attn.{each}_proj"] = f"{ours}self_attn.{theirs}_proj"
            found[f"{ours}cross_attn.{each}_proj"] = f"{ours}encoder_attn.{theirs}_proj"
    return found


TRANSFORMER2017 = Family(parts=PARTS | {"encoder": {}}, architecture="encoder_decoder")
MARIAN = Family(
    parts=PARTS | {"positions": "sinusoidal_halves", "encoder": {"head_bias": True}},
    model_type="marian",
    class_name="MarianMTModel",
    keys={
        "depth": "decoder_layers",
        "width": "d_model",
        "heads": "decoder_attention_heads",
        "hidden": "decoder_ffn_dim",
        "vocabulary": "vocab_size",
        "context": "max_position_embeddings",
    },
    unsaid={"context": 1024, "eps": 1e-5},
    meant={
        "share_encoder_decoder_embeddings": (True,),
        "tie_word_embeddings": (True,),
        "static_position_embeddings": (True,),
        "normalize_before": (False,),
        "normalize_embedding": (False,),
        "add_final_layer_norm": (False,),
        "add_bias_logits": (False,),
        "extra_pos_embeddings": (0,),
    },
    ignored=frozenset({"activation_dropout", "dropout", "classif_dropout", "classifier_dropout", "encoder_layerdrop",
                       "decoder_layerdrop", "init_std", "num_hidden_layers", "decoder_start_token_id", "forced_eos_token_id",
                       "bad_words_ids", "num_beams", "max_length", "is_decoder"}),
    free=frozenset({"feedforward", "encoder", "embedding_scale"}),
    reads=frozenset({"encoder_layers", "encoder_attention_heads", "encoder_ffn_dim", "activation_function", "scale_embedding",
                     "decoder_vocab_size"}),
    read=read,
    write=write,
    lacks=lacks,
    names=names(),
    copies={f"model.{side}.embed_tokens.weight": "model.shared.weight" for side in ("encoder", "decoder")},
    spare=("embed_positions.weight",),
    architecture="encoder_decoder",
)  # fmt: skip

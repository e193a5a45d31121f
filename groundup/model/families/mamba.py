"""Mamba as transformers has it: no heads, no positions, a few sizes of its own. Nothing here needs torch."""

from typing import TYPE_CHECKING, Any

from groundup.errors import Problem
from groundup.model.families.family import Config, Family
from groundup.model.families.recurrent import ONE

if TYPE_CHECKING:
    from groundup.model.settings import ModelSettings

SIZES = {
    "state": ("state_size", 16),
    "expand": ("expand", 2),
    "kernel": ("conv_kernel", 4),
    "conv_bias": ("use_conv_bias", True),
}
RANK, INNER = "time_step_rank", "intermediate_size"
NAMES = {
    "model.embed_tokens": "backbone.embeddings",
    "model.norm": "backbone.norm_f",
    "lm_head": "lm_head",
    "input_layernorm": "backbone.layers.{}.norm",
    "mixer": "backbone.layers.{}.mixer",
} | {
    f"mixer.{name}": f"backbone.layers.{{}}.mixer.{name}"
    for name in ("in_proj", "conv1d", "x_proj", "dt_proj", "out_proj")
}


def read(config: Config, where: str) -> dict[str, Any]:
    """Their sizes as one table; the rank may be said as "auto"."""
    sizes = {name: config.get(key, unsaid) for name, (key, unsaid) in SIZES.items()}
    rank = config.get(RANK, "auto")
    inner, width = config.get(INNER), config.get("hidden_size")
    if isinstance(width, int) and isinstance(sizes["expand"], int) and inner not in (None, sizes["expand"] * width):
        raise Problem(
            f"{where}: {INNER} is {inner!r}; this program computes only expand · hidden_size = {sizes['expand'] * width}."
        )
    return {"mamba": sizes | {"rank": 0 if rank == "auto" else rank}}


def write(settings: "ModelSettings") -> dict[str, Any]:
    """The same way back."""
    sizes = settings.mamba
    assert sizes is not None
    told = {key: getattr(sizes, name) for name, (key, _) in SIZES.items()}
    return told | {RANK: sizes.rank_of(settings.width), INNER: sizes.expand * settings.width}


def lacks(settings: "ModelSettings") -> list[str]:
    """Biases are everywhere or nowhere."""
    return ["biases = qkv"] if settings.biases == "qkv" else []


MAMBA = Family(
    parts=ONE | {"mamba": {}},
    model_type="mamba",
    class_name="MambaForCausalLM",
    keys={
        "depth": "num_hidden_layers",
        "width": "hidden_size",
        "vocabulary": "vocab_size",
        "context": "max_position_embeddings",  # transformers does not ask, Mamba never ends; it is kept all the same
        "tied": "tie_word_embeddings",
        "eps": "layer_norm_epsilon",
        "biases": "use_bias",
    },
    unsaid={"heads": 1, "context": 1 << 20, "tied": True, "eps": 1e-5, "biases": False},
    meant={"hidden_act": ("silu",)},
    ignored=frozenset(
        {"d_inner", "d_model", "n_layer", "fused_add_norm", "rms_norm", "ssm_cfg", "pad_vocab_size_multiple",
         "residual_in_fp32", "rescale_prenorm_residual", "time_step_scale", "time_step_min", "time_step_max",
         "time_step_init_scheme", "time_step_floor", "use_mambapy", "use_associative_scan", "layer_types"}
    ),
    free=frozenset({"mamba", "biases"}),
    reads=frozenset({RANK, INNER, *(key for key, _ in SIZES.values())}),
    read=read,
    write=write,
    lacks=lacks,
    names=NAMES,
    architecture="stateful",
)  # fmt: skip

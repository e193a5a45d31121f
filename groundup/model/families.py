"""One model, three families: how its settings are written in other people's config.json, and read from it.

A folder is data: what a key means is stated here, a key that could change the numbers and is not understood is refused,
and a key that cannot is on a list. Keys of older transformers (`rope_theta`) and of 5.x (`rope_parameters`) are both
read and both written.
"""

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from groundup.errors import Problem, nearest
from groundup.model.settings import FAMILIES, ModelSettings

FORMAT = 1  # of what stands under the `groundup` key
_LLAMA = {
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
_GPT2 = {
    "depth": "n_layer",
    "width": "n_embd",
    "heads": "n_head",
    "hidden": "n_inner",
    "context": "n_positions",
    "vocabulary": "vocab_size",
    "tied": "tie_word_embeddings",
    "eps": "layer_norm_epsilon",
}
KEYS = {"qwen3": _LLAMA, "llama": _LLAMA, "gpt2": _GPT2}
# What transformers takes where a file says nothing; sizes that a file must state are not here.
UNSAID: dict[str, dict[str, Any]] = {
    "qwen3": {"tied": False, "eps": 1e-6, "head_width": 128, "rope_base": 10_000.0},
    "llama": {"tied": False, "eps": 1e-6, "rope_base": 10_000.0},
    "gpt2": {"tied": True, "eps": 1e-5},
}
CLASSES = {"qwen3": "Qwen3ForCausalLM", "llama": "LlamaForCausalLM", "gpt2": "GPT2LMHeadModel"}
# Keys that change the numbers, and the only values for which ours are the same numbers.
MEANT: dict[str, dict[str, tuple[Any, ...]]] = {
    "llama": {"hidden_act": ("silu",), "attention_bias": (False,), "mlp_bias": (False,), "pretraining_tp": (1, None)},
    "qwen3": {"hidden_act": ("silu",), "attention_bias": (False,), "use_sliding_window": (False,)},
    "gpt2": {
        "activation_function": ("gelu_new", "gelu_pytorch_tanh"),
        "scale_attn_weights": (True,),
        "scale_attn_by_inverse_layer_idx": (False,),
        "add_cross_attention": (False,),
    },
}
WITHOUT_EFFECT = {
    "_name_or_path", "architectures", "transformers_version", "torch_dtype", "dtype", "initializer_range", "use_cache",
    "pad_token_id", "bos_token_id", "eos_token_id", "attention_dropout", "max_window_layers", "sliding_window",
    "resid_pdrop", "embd_pdrop", "attn_pdrop", "summary_activation", "summary_first_dropout", "summary_proj_to_labels",
    "summary_type", "summary_use_proj", "n_ctx", "task_specific_params", "gradient_checkpointing", "model_type",
    "reorder_and_upcast_attn", "return_dict", "output_attentions", "output_hidden_states", "id2label", "label2id",
    "chunk_size_feed_forward", "is_encoder_decoder", "problem_type", "groundup",
}  # fmt: skip


def unspeakable(settings: ModelSettings) -> list[str]:
    """What other programs have no word for under this family's name; empty if they can load the model."""
    wrong = [f"{part} = {getattr(settings, part)}" for part in settings.changed()]
    if settings.family == "gpt2":
        if settings.kv_heads != settings.heads:
            wrong.append(f"kv_heads = {settings.kv_heads}")
        if settings.heads * settings.head_width != settings.width:
            wrong.append(f"head_width = {settings.head_width}")
    if settings.family == "llama" and settings.width % settings.heads:
        wrong.append(f"heads = {settings.heads}")
    return wrong


def to_config(settings: ModelSettings, ours: Mapping[str, Any] | None = None, dtype: str = "float32") -> dict[str, Any]:
    """Settings -> config.json. `ours` is what only we understand of how the weights are stored: with it, or with parts
    that have no name elsewhere, the file says model_type `groundup`, so that nobody loads it as what it is not."""
    if ours or unspeakable(settings):
        return {
            "model_type": "groundup",
            "groundup": {"format": FORMAT, "settings": settings.model_dump(), **(ours or {})},
        }
    config: dict[str, Any] = {"architectures": [CLASSES[settings.family]], "model_type": settings.family}
    config |= {theirs: getattr(settings, name) for name, theirs in KEYS[settings.family].items()}
    config |= {key: values[0] for key, values in MEANT[settings.family].items()}
    if settings.positions == "rotary":
        config["rope_theta"] = settings.rope_base
        config["rope_parameters"] = {"rope_theta": settings.rope_base, "rope_type": "default"}
    return config | {"dtype": dtype, "torch_dtype": dtype, "use_cache": True}


def from_config(config: Mapping[str, Any], where: str) -> tuple[ModelSettings, dict[str, Any]]:
    """config.json -> settings, and what is ours alone. `where` names the file in what is said about it."""
    kind = config.get("model_type")
    if kind == "groundup":
        return _from_ours(config, where)
    if not isinstance(kind, str) or kind not in KEYS:
        guess = nearest(str(kind), KEYS)
        raise Problem(
            f"{where} is of the family {kind!r}, which is not known here; known: {', '.join(KEYS)}"
            + (f" (nearest: {guess})." if guess else ".")
        )
    keys = KEYS[kind]
    values = dict(UNSAID[kind])
    for name, theirs in keys.items():
        if config.get(theirs) is not None:
            values[name] = config[theirs]
    if FAMILIES[kind]["positions"] == "rotary":
        values["rope_base"] = float(_rope_base(config, where, values["rope_base"]))
    values["eps"] = float(values["eps"])
    for key, allowed in MEANT[kind].items():
        if key in config and config[key] not in allowed:
            raise Problem(f"{where}: {key} is {config[key]!r}; this program computes only {key} = {allowed[0]!r}.")
    if set(config.get("layer_types") or []) - {"full_attention"}:
        raise Problem(f"{where}: layer_types has {config['layer_types']}; only full_attention is computed here.")
    ropes = {"layer_types", "rope_theta", "rope_parameters", "rope_scaling"}
    known = {*keys.values(), *MEANT[kind], *WITHOUT_EFFECT, *ropes}
    if unknown := sorted(set(config) - known):
        raise Problem(
            f"{where} has the key {unknown[0]!r}, which this program does not know; it may change what the model "
            f"computes. If it does not, take it out of the file."
        )
    for need in ("depth", "width", "heads", "vocabulary"):
        if need not in values:
            raise Problem(f"{where} does not say {keys[need]}: it is needed to build the model.")
    return checked({"family": kind, **values}, where), dict(config.get("groundup") or {})


def _rope_base(config: Mapping[str, Any], where: str, unsaid: float) -> float:
    """rope_theta of old files, rope_parameters of new ones; a scaling of the angles is refused, never ignored."""
    new, old = config.get("rope_parameters") or {}, config.get("rope_scaling") or {}
    kinds = {part.get("rope_type", part.get("type", "default")) for part in (new, old) if isinstance(part, dict)}
    if kinds - {"default"} or not isinstance(new, dict) or not isinstance(old, dict):
        raise Problem(f"{where}: rotary positions are scaled ({new or old}); only unscaled ones are computed here.")
    if unknown := sorted((set(new) | set(old)) - {"rope_theta", "rope_type", "type"}):
        raise Problem(f"{where}: rope_parameters has {unknown[0]!r}, which this program does not know.")
    base = new.get("rope_theta", config.get("rope_theta", unsaid))
    if not isinstance(base, int | float) or isinstance(base, bool):
        raise Problem(f"{where}: rope_theta is {base!r}; expected a number.")
    return base


def _from_ours(config: Mapping[str, Any], where: str) -> tuple[ModelSettings, dict[str, Any]]:
    ours = config.get("groundup")
    if not isinstance(ours, dict) or not isinstance(ours.get("settings"), dict):
        raise Problem(f"{where} says model_type groundup but has no groundup.settings: the file is not whole.")
    if ours.get("format") != FORMAT:
        raise Problem(f"{where} has groundup.format {ours.get('format')!r}; this program reads format {FORMAT}.")
    rest = {key: value for key, value in ours.items() if key not in ("format", "settings")}
    return checked(ours["settings"], where), rest


def checked(values: Mapping[str, Any], where: str) -> ModelSettings:
    try:
        return ModelSettings.model_validate(dict(values))
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"])
        name = KEYS.get(str(values.get("family")), {}).get(name, name)
        raise Problem(f"{where}: {name}: {first['msg'].removeprefix('Value error, ')}".replace(": :", ":")) from None

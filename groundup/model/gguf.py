"""A model as one GGUF file, as llama.cpp loads it: its settings, tokenizer and weights under llama.cpp's names.

The way out drops nothing: what has no word there is refused. The way back reads models of the same families, and their
tokenizer where it is one of ours.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import numpy as np

from groundup.errors import Problem
from groundup.model import config_json, quantize
from groundup.model.families import FAMILIES
from groundup.model.folder import bare, fill
from groundup.model.gguf_file import ALIGNMENT, FLOAT32, GGUF, STRING, TYPES, UINT32, Fact, pack
from groundup.model.gguf_words import speak, tokenizer_of
from groundup.model.names import give, places, take
from groundup.model.settings import ModelSettings
from groundup.model.transformer import Transformer
from groundup.run import write_atomically
from groundup.tokenizer import Tokenizer

__all__ = ["GGUF", "describe", "read", "settings_of", "speak", "tokenizer_of", "write"]

FILE_TYPES = {"f32": 0, "f16": 1, "q8_0": 7, "bf16": 32}


def write(
    path: str | Path,
    model: Transformer,
    tokenizer: Tokenizer | None = None,
    type: str = "f32",
    template: str | None = None,
) -> None:
    """Write the model, its tokenizer and chat template as one file, matrices in `type`: f32, f16, bf16 or q8_0."""
    settings = model.settings
    if type not in TYPES:
        raise Problem(f"GGUF type {type!r} is not known; known: {', '.join(TYPES)}.")
    if wrong := unspeakable(settings):
        raise Problem(f"GGUF has no word for {settings.family} with {', '.join(wrong)}: keep it as a folder of ours.")
    state = quantize.plain_tensors(model)
    tensors = give(places(settings, state, "gguf"), state)
    facts = [*describe(settings, type), *([] if tokenizer is None else speak(tokenizer, settings.vocabulary, template))]
    write_atomically(Path(path), cast(bytes, pack(facts, tensors, type)))


def unspeakable(settings: ModelSettings) -> list[str]:
    """What llama.cpp has no word for, or what is not told to it here."""
    wrong = config_json.unspeakable(settings)
    if not wrong and not FAMILIES[settings.family].gguf:
        wrong = [f"family = {settings.family}"]
    if not wrong and settings.pattern != ["full"]:
        wrong = [f"pattern = {settings.pattern}"]
    if not wrong and settings.rope_scaling is not None:
        wrong = [f"rope_scaling = {settings.rope_scaling.kind}"]
    return wrong


def describe(settings: ModelSettings, type: str = "f32") -> list[Fact]:
    """The settings under llama.cpp's keys: (key, kind, value)."""
    family = settings.family
    facts: list[Fact] = [
        ("general.architecture", STRING, family),
        ("general.name", STRING, f"groundup {family} {settings.depth}x{settings.width}"),
        ("general.file_type", UINT32, FILE_TYPES[type]),
        ("general.alignment", UINT32, ALIGNMENT),
        (f"{family}.block_count", UINT32, settings.depth),
        (f"{family}.context_length", UINT32, settings.context),
        (f"{family}.embedding_length", UINT32, settings.width),
        (f"{family}.feed_forward_length", UINT32, settings.hidden),
        (f"{family}.attention.head_count", UINT32, settings.heads),
        (f"{family}.vocab_size", UINT32, settings.vocabulary),
    ]
    if settings.norm == "layer":
        return [*facts, (f"{family}.attention.layer_norm_epsilon", FLOAT32, settings.eps)]
    return [
        *facts,
        (f"{family}.attention.head_count_kv", UINT32, settings.kv_heads),
        (f"{family}.attention.layer_norm_rms_epsilon", FLOAT32, settings.eps),
        (f"{family}.attention.key_length", UINT32, settings.head_width),
        (f"{family}.attention.value_length", UINT32, settings.head_width),
        (f"{family}.rope.dimension_count", UINT32, settings.head_width),
        (f"{family}.rope.freq_base", FLOAT32, settings.rope_base),
    ]


def read(path: str | Path, precision: str | None = None) -> Transformer:
    """The model in a GGUF file, as stored (q8_0 widened to f32) or in f32, bf16, f16 or int8."""
    file = GGUF(path)
    settings = settings_of(file)
    model = bare(settings)
    state = model.state_dict()
    where = places(settings, state, "gguf")
    wanted = give(where, state)  # without memory: only shapes
    rest = {name for name in file.entries if name not in wanted and name != "rope_freqs.weight"}
    if rest:
        raise Problem(f"{path} has the tensor {min(rest)}, for which a {settings.family} model has no use.")
    for name, tensor in wanted.items():
        if name not in file.entries or file.entries[name].shape != tuple(tensor.shape):
            found = f"measures {list(file.entries[name].shape)}" if name in file.entries else "is missing"
            raise Problem(f"{path}: the tensor {name} {found}; expected {list(tensor.shape)}.")
    return fill(model, take(where, file.read), precision)


def settings_of(file: GGUF) -> ModelSettings:
    """The settings that the file's facts mean."""
    facts = file.facts
    family = facts.get("general.architecture")
    spoken = [name for name, each in FAMILIES.items() if each.gguf]
    if family not in spoken:
        raise Problem(f"{file.path} is of the family {family!r}; known: {', '.join(spoken)}.")
    if kind := facts.get(f"{family}.rope.scaling.type", "none") not in ("none", None):
        raise Problem(f"{file.path}: rotary positions are scaled ({kind}); only unscaled ones are computed here.")

    def fact(name: str, otherwise: Any = None) -> Any:
        value = facts.get(f"{family}.{name}", otherwise)
        if value is None:
            raise Problem(f"{file.path} does not say {family}.{name}, which is needed to build the model.")
        return value

    heads, width = fact("attention.head_count"), fact("embedding_length")
    embedding = file.entries.get("token_embd.weight")
    if embedding is None or len(embedding.shape) != 2:
        raise Problem(f"{file.path} has no tensor token_embd.weight, which holds the vocabulary.")
    rms = FAMILIES[family].parts["norm"] == "rms"
    eps = fact("attention.layer_norm_rms_epsilon" if rms else "attention.layer_norm_epsilon")
    values: Mapping[str, Any] = {
        "family": family,
        "depth": fact("block_count"),
        "width": width,
        "heads": heads,
        "kv_heads": fact("attention.head_count_kv", heads),
        "head_width": fact("attention.key_length", width // heads if isinstance(heads, int) and heads else 0),
        "hidden": fact("feed_forward_length"),
        "context": fact("context_length"),
        "vocabulary": embedding.shape[0],
        "tied": "output.weight" not in file.entries,
        # Stored in 32 bits: the shortest decimal that means the same is what was written.
        "eps": float(str(np.float32(eps))),
        "rope_base": float(str(np.float32(fact("rope.freq_base", 10_000.0)))),
    }
    return config_json.checked(values, str(file.path))

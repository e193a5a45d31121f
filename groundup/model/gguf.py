"""A model as one GGUF file, as llama.cpp loads it: its settings, tokenizer and weights under llama.cpp's names.

The way out drops nothing: what has no word there is refused. The way back reads models of the same families, and their
tokenizer where it is one of ours.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import cast

from torch import Tensor

from groundup.errors import Problem
from groundup.model import quantize
from groundup.model.folder import bare, fill
from groundup.model.gguf_blocks import NUMBERS, fitting
from groundup.model.gguf_facts import FILE_TYPES, STRETCHES, describe, divisors, settings_from, unspeakable
from groundup.model.gguf_file import GGUF, pack
from groundup.model.gguf_words import speak, tokenizer_of
from groundup.model.names import give, places, take
from groundup.model.settings import ModelSettings
from groundup.model.transformer import Transformer
from groundup.run import write_atomically
from groundup.tokenizer import Tokenizer

__all__ = ["GGUF", "describe", "read", "settings_of", "speak", "tokenizer_of", "unspeakable", "write"]

NEVER_ROUNDED = ("ffn_gate_inp.weight", "shortconv.conv.weight")  # a choice does not forgive it; a filter is small
LONGEST = 1 << 16  # bytes of divisors
HEADS = "output.weight", "token_embd.weight"  # the first of these that a file has decides between tokens


def write(
    path: str | Path,
    model: Transformer,
    tokenizer: Tokenizer | None = None,
    type: str = "f32",
    template: str | None = None,
) -> dict[str, str]:
    """Write the model, its tokenizer and chat template as one file, matrices in `type`, one of FILE_TYPES; what is
    handed back names the matrices that are in another type, and in which."""
    settings = model.settings
    if type not in FILE_TYPES:
        raise Problem(f"GGUF type {type!r} is not known; known: {', '.join(FILE_TYPES)}.")
    if wrong := unspeakable(settings):
        raise Problem(f"GGUF has no word for {settings.family} with {', '.join(wrong)}: keep it as a folder of ours.")
    state = quantize.plain_tensors(model)
    tensors = give(places(settings, state, "gguf"), state) | divisors(settings)
    facts = [*describe(settings, type), *([] if tokenizer is None else speak(tokenizer, settings.vocabulary, template))]
    types = types_of(tensors, type)
    write_atomically(Path(path), cast(bytes, pack(facts, tensors, types)))
    return {name: given for name, given in types.items() if tensors[name].ndim > 1 and given != type}


def types_of(tensors: Mapping[str, Tensor], type: str) -> dict[str, str]:
    """Which type each tensor gets: vectors, routers and short filters stay f32, and in blocks, as in llama.cpp's own files, the table of positions
    stays f32, a head of four bits gets six, and rows that do not fill their blocks get a type with smaller ones."""
    head = next((name for name in HEADS if name in tensors), None)

    def of(name: str, tensor: Tensor) -> str:
        if tensor.ndim == 1 or name.endswith(NEVER_ROUNDED) or name == "position_embd.weight" and type in NUMBERS:
            return "f32"
        return fitting("q6_k" if name == head and type in ("q4_0", "q4_k") else type, tensor.shape[-1])

    return {name: of(name, tensor) for name, tensor in tensors.items()}


def read(path: str | Path, precision: str | None = None) -> Transformer:
    """The model in a GGUF file, as stored (blocks widened to f32) or in f32, bf16, f16 or int8."""
    file = GGUF(path)
    settings = settings_of(file)
    model = bare(settings)
    state = model.state_dict()
    where = places(settings, state, "gguf")
    wanted = give(where, state)  # without memory: only shapes
    rest = {name for name in file.entries if name not in wanted and name not in STRETCHES}
    if rest:
        raise Problem(f"{path} has the tensor {min(rest)}, for which a {settings.family} model has no use.")
    for name, tensor in wanted.items():
        if name not in file.entries or file.entries[name].shape != tuple(tensor.shape):
            found = f"measures {list(file.entries[name].shape)}" if name in file.entries else "is missing"
            raise Problem(f"{path}: the tensor {name} {found}; expected {list(tensor.shape)}.")
    return fill(model, take(where, file.read), precision)


def settings_of(file: GGUF) -> ModelSettings:
    """The settings that the file's facts and its divisors of rotary rates mean."""
    embedding = file.entries.get("token_embd.weight")
    if embedding is None or len(embedding.shape) != 2:
        raise Problem(f"{file.path} has no tensor token_embd.weight, which holds the vocabulary.")
    told: dict[str, Tensor] = {}
    for name in STRETCHES:
        if name in file.entries:
            if len(file.entries[name].shape) != 1 or file.entries[name].size > LONGEST:
                raise Problem(
                    f"{file.path}: the tensor {name} measures {list(file.entries[name].shape)}; expected a list."
                )
            told[name] = file.read(name).float()
    tied = "output.weight" not in file.entries
    return settings_from(file.facts, told, str(file.path), vocabulary=embedding.shape[0], tied=tied)

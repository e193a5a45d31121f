"""A model as a folder that Hugging Face's libraries read: config.json, model.safetensors and the tokenizer beside them.

A folder is data and never code: headers are checked before memory is taken, every tensor must be there in its shape
and no other, and nothing in it is run. Models that other programs have no word for are saved under the name `groundup`.
"""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal, overload

import torch
from torch import Tensor

from groundup.errors import Problem
from groundup.model import architectures, config_json, masks, quantize
from groundup.model.families import FAMILIES
from groundup.model.families.family import Family
from groundup.model.names import Place, give, places, take
from groundup.model.partial import Fit, fit
from groundup.model.safetensors import TensorFile, once, write
from groundup.model.settings import ModelSettings
from groundup.model.transformer import Transformer
from groundup.run import write_atomically
from groundup.run.content import records_of
from groundup.tokenizer import Tokenizer, chat

CONFIG, GENERATION = "config.json", "generation_config.json"
WEIGHTS, SHARDS = "model.safetensors", "model.safetensors.index.json"
PRECISIONS = {"f32": torch.float32, "bf16": torch.bfloat16, "f16": torch.float16}
WORDS = {torch.float32: "float32", torch.bfloat16: "bfloat16", torch.float16: "float16"}
LONGEST_CONFIG = 16 << 20
PADS = ("[PAD]", "<pad>", "<|pad|>")
# Buffers that old checkpoints carry along and that every program makes for itself.
NOT_WEIGHTS = (".attn.bias", ".attn.masked_bias", ".attention.bias", ".attention.masked_bias", "rotary_emb.inv_freq")
Held = tuple[TensorFile, str]  # where a tensor lies: the opened file and its name there


def save(
    folder: str | Path, model: Transformer, tokenizer: Tokenizer | str | Path | None = None, template: str | None = None
) -> None:
    """Write the model, and the tokenizer (or a folder or file that holds one) with its chat template, into `folder`."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer = Tokenizer.load(tokenizer) if isinstance(tokenizer, str | Path) else tokenizer
    if tokenizer is not None and tokenizer.vocabulary > model.settings.vocabulary:
        raise Problem(
            f"The tokenizer has {tokenizer.vocabulary} tokens and the model only {model.settings.vocabulary}: "
            f"they do not belong together."
        )
    state = masks.without_masks(model.state_dict())
    written = quantize.scheme_of(model)
    stored: dict[str, Any] = {} if written is None else {"weights": written.kind}
    if written is not None and written != quantize.scheme("int8"):
        stored["quantization"] = written.entry()
    padding = (
        None if tokenizer is None else next((tokenizer.specials[n] for n in PADS if n in tokenizer.specials), None)
    )
    if model.settings.position_offset and tokenizer is not None and padding != model.settings.position_offset - 1:
        stored["padding"] = padding  # others would count a text's positions by the id before the offset
    dtype = WORDS[next(tensor.dtype for tensor in state.values() if tensor.dtype in WORDS)]
    config = config_json.to_config(model.settings, stored, dtype)
    if template:
        config["groundup"] = {**config.get("groundup", {}), "template": template}
    generation: dict[str, Any] = {}
    if tokenizer is not None:
        tokenizer.save(folder, template)
        generation = special_ids(tokenizer, template)
        config |= {"bos_token_id": generation.get("bos_token_id"), "eos_token_id": generation.get("eos_token_id")}
        config |= {} if padding is None else {"pad_token_id": padding}
        if model.settings.encoder is not None and "bos_token_id" in generation:  # what begins a text begins a target
            config["decoder_start_token_id"] = generation["decoder_start_token_id"] = generation["bos_token_id"]
    format = "groundup" if config["model_type"] == config_json.OURS else "hf"
    write(folder / WEIGHTS, give(places(model.settings, state, format), state))
    write_atomically(folder / GENERATION, _json(generation))
    write_atomically(folder / CONFIG, _json(config))


def special_ids(tokenizer: Tokenizer, template: str | None) -> dict[str, Any]:
    """Where a text begins and where an answer ends, as generation_config.json says it."""
    begin = chat.separator_ids(tokenizer)
    stops = chat.stop_ids(tokenizer, template) if template else begin
    return ({"bos_token_id": begin[0]} if begin else {}) | ({"eos_token_id": stops} if stops else {})


@overload
def load(
    folder: str | Path,
    precision: str | None = None,
    partial: Literal[False] = False,
    settings: ModelSettings | None = None,
    seed: int = 0,
) -> Transformer: ...
@overload
def load(
    folder: str | Path,
    precision: str | None = None,
    *,
    partial: Literal[True],
    settings: ModelSettings | None = None,
    seed: int = 0,
) -> tuple[Transformer, Fit]: ...
def load(
    folder: str | Path,
    precision: str | None = None,
    partial: bool = False,
    settings: ModelSettings | None = None,
    seed: int = 0,
) -> Transformer | tuple[Transformer, Fit]:
    """The model in `folder`, as stored or in another precision: f32, bf16, f16, or a kind of quantisation such as int8.

    With `partial` it is of these other `settings`, filled with what fits and for the rest with start values from `seed`,
    and a Fit names what was taken and what was not.
    """
    folder = Path(folder)
    if precision is not None and precision not in PRECISIONS:
        smaller(precision)
    config = read_json(folder / CONFIG)
    stored, ours = config_json.from_config(config, str(folder / CONFIG))
    written = _written(ours, folder)
    elsewhere = config["model_type"] != config_json.OURS
    if elsewhere and (told := FAMILIES[stored.family].by_weights):
        stored = told(stored, _files(folder))
    if partial:
        if written is not None:
            raise Problem(f"{folder} is quantised ({written.kind}): load what fits from the model it was made from.")
        return _load_what_fits(folder, stored, elsewhere, precision, settings or stored, seed)
    if settings is not None and settings != stored:
        raise Problem(f"{folder} holds a model of other settings; with partial=True what fits into yours is loaded.")
    model = bare(stored)
    if written is not None:
        quantize.hollow(model, written)
    tensors = read_weights(folder, stored, model.state_dict(), elsewhere)
    if written is not None and precision in PRECISIONS:
        model.load_state_dict(tensors, assign=True)
        tensors, model = quantize.plain_tensors(model), bare(stored)
    return fill(model, tensors, precision)


def _load_what_fits(
    folder: Path, stored: ModelSettings, elsewhere: bool, precision: str | None, settings: ModelSettings, seed: int
) -> tuple[Transformer, Fit]:
    """A model of `settings` with what the folder, a model of `stored`, has for it; in f32 if nothing else is said."""
    files = _by_name(folder, stored, elsewhere)
    known = bare(stored).state_dict()
    where = {place.ours: place for place in places(stored, known, "hf" if elsewhere else "groundup")}
    there = {
        name: tuple(known[name].shape) for name, place in where.items() if all(each in files for each in place.files)
    }
    for name in there:
        for each in where[name].files:
            _check(folder, files[each], where[name], known[name])
    model = architectures.build(settings, seed)
    rest = [files[name][1] for name in _unasked(files, where.values(), stored, elsewhere)]
    found = fit(model, there, lambda name: take([where[name]], lambda theirs: _read(files[theirs]))[name], rest)
    return fill(model, dict(model.state_dict()), precision), found


def within(path: str | Path) -> Path:
    """The model's own folder: a stage's folder holds it under model/."""
    path = Path(path)
    return path / "model" if (path / "model" / CONFIG).exists() else path


def bare(settings: ModelSettings) -> Transformer:
    """The model's shape without memory."""
    with torch.device("meta"):
        return architectures.build(settings, seed=None)


def fill(model: Transformer, tensors: dict[str, Tensor], precision: str | None) -> Transformer:
    """Give a bare model its weights, in the precision asked for."""
    if precision in PRECISIONS:
        dtype = PRECISIONS[precision]
        tensors = {name: tensor.to(dtype) if tensor.is_floating_point() else tensor for name, tensor in tensors.items()}
    model.load_state_dict(tensors, assign=True)
    model.eval()
    if precision is None or precision in PRECISIONS:
        return model
    asked, there = smaller(precision), quantize.scheme_of(model)
    if there is not None and there != asked:
        raise Problem(f"precision {precision}: the model is {there.kind} already; name the model it was made from.")
    return model if there == asked else quantize.quantised(model, asked)


def smaller(precision: str) -> quantize.Scheme:
    """The kind of quantisation that is named where a precision may stand; a Problem if no text-free kind is called so."""
    known = [*PRECISIONS, *(name for name, kind in quantize.KINDS.items() if not kind.reads)]
    if precision.partition("_")[0] not in known:
        raise Problem(f"precision {precision!r} is not known; known: {', '.join(known)}.")
    return quantize.scheme(precision)


def in_own_memory(model: Transformer) -> Transformer:
    """Weights that may be changed: those of a loaded model are the file's."""
    for parameter in model.parameters():
        parameter.data = parameter.data.clone()
    return model


def template(folder: str | Path) -> str | None:
    """The chat template that was written down when the model was saved, if any."""
    ours = read_json(Path(folder) / CONFIG).get("groundup")
    return ours.get("template") if isinstance(ours, dict) else None


def sha256(folder: str | Path) -> dict[str, str]:
    """The sha256 of each file that `load` reads, by its name: so it is known afterwards what a model was made from."""
    folder = Path(folder)
    index = [SHARDS] if not (folder / WEIGHTS).exists() else []
    names = sorted({CONFIG, *index, *(file.path.name for file in _files(folder).values())})
    return {name: told["sha256"] for name, told in records_of({name: folder / name for name in names}).items()}


def read_weights(
    folder: Path, settings: ModelSettings, needed: Mapping[str, Tensor], elsewhere: bool
) -> dict[str, Tensor]:
    """Every tensor that the model needs (`needed` is without memory), by our names, after its file's header has been
    held against them."""
    files = _by_name(folder, settings, elsewhere)
    where = places(settings, needed, "hf" if elsewhere else "groundup")
    for place in where:
        for name in place.files:
            if name not in files:
                raise Problem(f"{folder} has no tensor {_bare(name, files)}, which its {CONFIG} calls for.")
            _check(folder, files[name], place, needed[place.ours])
    extra = _unasked(files, where, settings, elsewhere)
    for name in [name for name in extra if FAMILIES[settings.family].copies.get(name) in files]:
        first = FAMILIES[settings.family].copies[name]
        if not torch.equal(_read(files[name]), _read(files[first])):
            raise Problem(f"{folder}: the tensor {name} differs from {first}; here they are one.")
        extra.remove(name)
    if extra and not (settings.tied and [files[name][1] for name in extra] == ["lm_head.weight"]):
        raise Problem(f"{folder} has the tensor {files[extra[0]][1]}, for which its {CONFIG} has no use.")
    return take(where, lambda name: _read(files[name]))


def _by_name(folder: Path, settings: ModelSettings, elsewhere: bool) -> dict[str, Held]:
    """The tensors of the folder by the names that the family's table has for them."""
    files = _files(folder)
    written = as_today(files, FAMILIES[settings.family]) if elsewhere else dict(zip(files, files, strict=True))
    return {today: (files[name], name) for today, name in written.items()}


def as_today(names: Iterable[str], family: Family) -> dict[str, str]:
    """The name that each tensor has today -> its name in a file, which may be older and lack the model's own."""
    names = list(names)
    whole = not family.root or any(name.startswith(family.root) for name in names)
    root, today = "" if whole else family.root, {}
    for name in names:
        end = next((old for old in family.older if name.endswith(old)), "")
        today[root + name.removesuffix(end) + family.older.get(end, "")] = name
    return today


def _bare(name: str, files: Mapping[str, Held]) -> str:
    """A name that is missing, as the other names in the file are written."""
    without = name.split(".", 1)[-1]
    return without if any(today.endswith(f".{held[1]}") for today, held in files.items()) else name


def _unasked(files: Mapping[str, Held], where: Iterable[Place], settings: ModelSettings, elsewhere: bool) -> list[str]:
    """What the folder holds beside the places of a model, but for what every program makes for itself."""
    expected = {name for place in where for name in place.files}
    spare = (*NOT_WEIGHTS, *FAMILIES[settings.family].spare) if elsewhere else ()
    return [name for name in files if name not in expected and not name.endswith(spare)]


def _read(held: Held) -> Tensor:
    return held[0].read(held[1])


def _check(folder: Path, held: Held, place: Place, needed: Tensor) -> None:
    """A tensor is of the shape and the kind of numbers that the model needs there."""
    found, shape = held[0].entries[held[1]], place.measure(tuple(needed.shape))
    if found.shape != shape:
        raise Problem(f"{folder}: the tensor {held[1]} is {list(found.shape)}; its {CONFIG} means {list(shape)}.")
    known = set(WORDS) if needed.is_floating_point() else {needed.dtype}
    if found.dtype not in known:
        words = ", ".join(sorted(str(each).removeprefix("torch.") for each in known))
        raise Problem(f"{folder}: the tensor {held[1]} holds {found.dtype} numbers; read there: {words}.")


def _files(folder: Path) -> dict[str, TensorFile]:
    """Tensor name -> the opened file that holds it; several files where an index says so."""
    if (folder / WEIGHTS).exists() or not (folder / SHARDS).exists():
        if not (folder / WEIGHTS).exists():
            raise Problem(f"{folder} has no {WEIGHTS}: is it a model's folder?")
        file = TensorFile(folder / WEIGHTS)
        return dict.fromkeys(file.entries, file)
    index = read_json(folder / SHARDS).get("weight_map")
    if not isinstance(index, dict) or not all(isinstance(name, str) for name in index.values()):
        raise Problem(f"{folder / SHARDS} has no weight_map from tensors to files.")
    if outside := [name for name in index.values() if Path(name).name != name or not name.endswith(".safetensors")]:
        raise Problem(f"{folder / SHARDS} points to {outside[0]!r}; only .safetensors files beside it are read.")
    opened = {name: TensorFile(folder / name) for name in sorted(set(index.values()))}
    if lost := [tensor for tensor, name in index.items() if tensor not in opened[name]]:
        raise Problem(f"{folder / SHARDS} says that {lost[0]} is in {index[lost[0]]}, and it is not.")
    for name, file in opened.items():
        if strays := [tensor for tensor in file.entries if index.get(tensor) != name]:
            raise Problem(f"{folder / name} holds the tensor {strays[0]}, which {SHARDS} does not place there.")
    return {tensor: opened[name] for tensor, name in index.items()}


def _written(ours: dict[str, Any], folder: Path) -> quantize.Scheme | None:
    """How the folder's matrices are written; None if as they were trained."""
    stored, entry = ours.get("weights"), ours.get("quantization")
    if stored is None and entry is None:
        return None
    written = quantize.scheme("int8") if entry is None else quantize.from_entry(entry, str(folder / CONFIG))
    if stored != written.kind:
        raise Problem(f"{folder / CONFIG}: groundup.weights is {stored!r}; this program reads {written.kind} there.")
    return written


def read_json(path: Path) -> dict[str, Any]:
    """A JSON table, or a sentence about what is in its place."""
    try:
        if path.stat().st_size > LONGEST_CONFIG:
            raise Problem(f"{path} has {path.stat().st_size:,} bytes; no {path.name} has more than {LONGEST_CONFIG:,}.")
        table = json.loads(path.read_text(encoding="utf-8"), object_pairs_hook=once)
    except OSError as error:
        raise Problem(f"{path} cannot be read ({error.strerror}): is {path.parent} a model's folder?") from None
    except (ValueError, RecursionError) as error:
        raise Problem(f"{path} is not JSON ({error}).") from None
    if not isinstance(table, dict):
        raise Problem(f"{path} is not a table of settings.")
    return table


def _json(table: dict[str, Any]) -> str:
    return json.dumps(table, indent=2, sort_keys=True) + "\n"

"""A model in fewer bits: each of its matrices is replaced by integers, in the kind of `quantised/kinds.py` that was asked for.

What that costs is measured, in bits per byte and in what else the stage counts, and not promised here.
"""

import copy
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from groundup.errors import Problem
from groundup.model.embedding import Embedding
from groundup.model.linear import Linear, Stack
from groundup.model.masks import LAYER, make_permanent
from groundup.model.quantised.activations import BothInt8Linear
from groundup.model.quantised.awq import awq, untouched
from groundup.model.quantised.calibration import Calibration, Seen, watched
from groundup.model.quantised.gptq import gptq
from groundup.model.quantised.kinds import KINDS, Scheme, from_entry, scheme
from groundup.model.quantised.matrices import INPUT_SCALE, Written, WrittenEmbedding, WrittenLinear, WrittenStack
from groundup.model.quantised.rows import Int8Embedding, Int8Linear, Int8Stack, Rows, from_int8, to_int8
from groundup.model.transformer import Transformer

__all__ = ["KINDS", "Calibration", "Scheme", "from_entry", "from_int8", "scheme", "to_int8"]
PLAIN = (Linear, Stack, Embedding)
FINDERS: dict[str, Callable[[Tensor, Seen, Any, Calibration], dict[str, Tensor]]] = {"gptq": gptq, "awq": awq}
INTEGERS = (Int8Linear, Int8Stack, Int8Embedding, Written)


def int8(model: Transformer) -> Transformer:
    """A copy of the model with every matrix in 8 bits: projections, embeddings and head."""
    return model if is_quantised(model) else quantised(model, scheme("int8"))


def quantised(model: Transformer, asked: Scheme, calibration: Calibration | None = None) -> Transformer:
    """A copy of the model with its matrices written as the scheme says. Kinds that read a text need a calibration."""
    if there := scheme_of(model):
        raise Problem(f"the model is {there.kind} already: quantise the one it was made from.")
    made = make_permanent(copy.deepcopy(model)).eval()
    if KINDS[asked.base].reads and calibration is None:
        raise Problem(f"kind {asked.kind} reads a text to find its integers: give it one to be calibrated on.")
    for layer, places in by_layer(matrices(made, asked)):
        seen = {} if calibration is None or not KINDS[asked.base].reads else _seen(made, layer, places, calibration)
        for place in places:
            put(place, asked, found(place, asked, seen.get(place.name), calibration))
    return made


def found(place: "Place", asked: Scheme, seen: Seen | None, calibration: Calibration | None) -> dict[str, Tensor]:
    """The tensors that stand for a matrix: by what its projection was seen to read, or else rounded to the nearest."""
    weight = place.matrix.weight
    if seen is not None and calibration is not None:
        return FINDERS[asked.base](weight, seen, asked.form, calibration)
    if asked.base == "awq" and isinstance(place.matrix, Linear):
        return untouched(weight, asked.form)
    return asked.form.write(weight)


def _seen(model: Transformer, layer: str, places: list["Place"], calibration: Calibration) -> dict[str, Seen]:
    projections = {place.name: place.matrix for place in places if isinstance(place.matrix, Linear)}
    return watched(model, layer, projections, calibration.texts) if projections else {}


def hollow(model: Transformer, asked: Scheme) -> Transformer:
    """A model without memory (on the meta device) made ready to be filled with weights written as the scheme says."""
    for place in matrices(model, asked):
        weight = place.matrix.weight
        scaled = asked.base == "awq" and isinstance(place.matrix, Linear)
        scale = {INPUT_SCALE: weight.new_empty(weight.shape[-1], dtype=torch.float32)} if scaled else {}
        put(place, asked, asked.form.empty(weight) | scale)
    return model.eval()


def is_quantised(model: nn.Module) -> bool:
    """Whether its matrices are integers."""
    return any(isinstance(module, INTEGERS) for module in model.modules())


def scheme_of(model: nn.Module) -> Scheme | None:
    """How the model's matrices are written; None if they are numbers as they were trained."""
    found = next((module for module in model.modules() if isinstance(module, INTEGERS)), None)
    if isinstance(found, Written) or found is None:
        return None if found is None else found.scheme
    left = {
        "embeddings" if type(module) is Embedding else "head" for module in model.modules() if type(module) in PLAIN
    }
    both = any(isinstance(module, BothInt8Linear) for module in model.modules())
    return scheme("w8a8" if both else "int8", keep=sorted(left))


def plain_tensors(model: nn.Module) -> dict[str, Tensor]:
    """All tensors by name with integers widened to f32: what other formats are written from."""
    state = model.state_dict()
    for name, module in model.named_modules():
        if isinstance(module, INTEGERS):
            for end in module._buffers:
                del state[f"{name}.{end}"]
            state[f"{name}.weight"] = module.wide()
    return state


# --- which matrices, and what takes their place -----------------------------------------------------------------------


class Place(NamedTuple):
    """A matrix, its full name, and where it hangs."""

    name: str
    parent: nn.Module
    matrix: Linear | Stack | Embedding


def matrices(model: nn.Module, asked: Scheme) -> Iterator[Place]:
    """Every matrix that the scheme does not keep as it is."""
    tied = getattr(getattr(model, "settings", None), "tied", False)
    kept = {"head", "embeddings"} if tied and asked.keep else set(asked.keep)
    for above, parent in list(model.named_modules()):
        for name, child in list(parent.named_children()):
            place = Place(f"{above}.{name}".removeprefix("."), parent, child)  # type: ignore[arg-type]
            if type(child) in PLAIN and role(place) not in kept:
                yield place


def by_layer(places: Iterable[Place]) -> Iterator[tuple[str, list[Place]]]:
    """The name of each layer and its matrices, in the order in which a text meets them; "" for the table and the head."""
    found: dict[str, list[Place]] = {}
    for place in places:
        layer = LAYER.match(place.name)
        found.setdefault(layer[0] if layer else "", []).append(place)
    yield from sorted(found.items(), key=lambda item: not item[0])  # what is after all layers comes last


def role(place: Place) -> str:
    """What a matrix is for: `embeddings`, `head`, or `layers`."""
    if isinstance(place.matrix, Embedding):
        return "embeddings"
    return "layers" if LAYER.match(place.name) else "head"


def put(place: Place, asked: Scheme, tensors: Mapping[str, Tensor]) -> None:
    """The tensors take the matrix's place."""
    made = in_rows if isinstance(asked.form, Rows) else in_groups
    setattr(place.parent, place.name.rpartition(".")[2], made(place.matrix, asked, tensors))


def in_rows(matrix: Any, asked: Scheme, tensors: Mapping[str, Tensor]) -> nn.Module:
    """A matrix with one scale for each row."""
    integers, scales = tensors["weight"], tensors["weight_scale"]
    if isinstance(matrix, Linear):
        return (BothInt8Linear if asked.base == "w8a8" else Int8Linear)(integers, scales, matrix.bias)
    return (Int8Stack if isinstance(matrix, Stack) else Int8Embedding)(integers, scales)


def in_groups(matrix: Any, asked: Scheme, tensors: Mapping[str, Tensor]) -> nn.Module:
    """A matrix with a scale for each group of a row."""
    columns = matrix.weight.shape[-1]
    if isinstance(matrix, Linear):
        return WrittenLinear(asked, tensors, columns, matrix.bias)
    return (WrittenStack if isinstance(matrix, Stack) else WrittenEmbedding)(asked, tensors, columns)

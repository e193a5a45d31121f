"""The table of drafters: what people say (`lookup`, `self`, `self:3`, `skip`, `heads`, or a model) to what drafts for them."""

from collections.abc import Callable
from typing import Any

from groundup.errors import Problem, did_you_mean
from groundup.generation.speculation.drafter import Drafter
from groundup.generation.speculation.lookup import Lookup
from groundup.generation.speculation.own_heads import OwnHeads
from groundup.generation.speculation.own_layers import every_second, first_layers

# name -> (the model, what stands behind the colon, texts at once) -> drafter; a small model is given as a model.
DRAFTERS: dict[str, Callable[[Any, int | None, int], Drafter]] = {
    "lookup": lambda model, number, rows: Lookup(longest=number) if number else Lookup(),
    "self": lambda model, number, rows: first_layers(model, number),
    "skip": lambda model, number, rows: every_second(model),
    "heads": lambda model, number, rows: OwnHeads(model, rows),
}


def is_named(word: str) -> bool:
    """Whether a word is a drafter of the table, and not the path of a model."""
    return word.partition(":")[0] in DRAFTERS


def drafter(word: str, model, rows: int = 4) -> Drafter:
    """The drafter that a word means: a name of the table, perhaps with a number, as in self:3."""
    name, colon, number = word.partition(":")
    if name not in DRAFTERS:
        raise Problem(
            f"a draft by {word!r} is not known, and no model's folder is of that name; {did_you_mean(name, DRAFTERS)}"
        )
    if colon and not number.isdecimal():
        raise Problem(
            f"a draft by {word!r} is not understood: behind the colon stands a number, as in self:3 or lookup:8"
        )
    return DRAFTERS[name](model, int(number) if colon else None, rows)

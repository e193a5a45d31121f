"""Which layers look at everything and which through a window: a list in other people's files, a pattern in ours."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from groundup.errors import Problem

if TYPE_CHECKING:
    from groundup.model.settings import ModelSettings

WORDS = {"full_attention": "full", "sliding_attention": "window"}


def pattern_of(types: Any, where: str, words: dict[str, str] | None = None, depth: Any = None) -> list[str]:
    """Their list of a word for each layer, of `depth` if it is given -> our shortest pattern that repeats to it."""
    words = words or WORDS
    if not isinstance(types, list) or not types:
        raise Problem(f"{where}: layer_types is {types!r}; expected a word for each layer.")
    if unknown := [word for word in types if word not in words]:
        raise Problem(f"{where}: layer_types has {unknown[0]!r}; only {', '.join(words)} are computed here.")
    if depth is not None and len(types) != depth:
        raise Problem(f"{where}: layer_types names {len(types)} layers and num_hidden_layers says {depth}.")
    return shortest([words[word] for word in types])


def types_of(settings: "ModelSettings", words: dict[str, str] | None = None) -> list[str]:
    """Our pattern -> their word for each layer; what has none stays as it is and is refused by `unspeakable`."""
    theirs = {ours: word for word, ours in (words or WORDS).items()}
    return [theirs.get(settings.kind_of(layer), settings.kind_of(layer)) for layer in range(settings.depth)]


def shortest(kinds: Sequence[str]) -> list[str]:
    """The shortest list that gives `kinds` when it is repeated."""
    for period in range(1, len(kinds) + 1):
        if all(kind == kinds[at % period] for at, kind in enumerate(kinds)):
            return list(kinds[:period])
    return []

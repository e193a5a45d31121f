"""Vocabularies that are lists of names, one an id: how a tokenizer.json has them, and where special tokens stand in them."""

from collections.abc import Sequence

from groundup.errors import Problem


def numbered_names(names: Sequence[str]) -> dict[str, int]:
    """Name -> id."""
    return {name: place for place, name in enumerate(names)}


def names_of(vocabulary: dict[str, int], specials: dict[str, int], where: str) -> tuple[list[str], set[int]]:
    """How each id of a vocabulary is written, and which of them are special tokens."""
    named: dict[int, str] = {}
    for name, token in vocabulary.items():
        if specials.get(name, token) != token:
            raise Problem(
                f"{where} has {name!r} as token {token} and as special token {specials[name]}: give it one id"
            )
        if int(token) in named:
            raise Problem(
                f"{where} gives {named[token]!r} and {name!r} the same id, {token}: each needs one of its own"
            )
        named[int(token)] = name
    last = max(named, default=-1)
    named = {token: name for name, token in specials.items() if token < last} | named
    if sorted(named) != list(range(last + 1)):
        raise Problem(f"{where} numbers its {len(named):,} tokens with gaps: ids must run from 0 on")
    return [named[token] for token in range(last + 1)], {token for token in specials.values() if 0 <= token <= last}

"""Merges whose ids are in another order than their ranks, made ready for the encoder, in which the id is the rank."""

from collections.abc import Mapping, Sequence

import numpy as np

from groundup.errors import Problem
from groundup.tokenizer.byte_pairs import Merge


def inner_merges(ids: Mapping[bytes, int], merges: Sequence[Merge]) -> tuple[list[Merge], np.ndarray]:
    """Merges in ids that follow their order, and which of our ids each stands for.

    Neighbours in the list that make the same token count as one merge, as they do in a rank file, from which they come.
    Where a token is made again later, it gets a second inner id, so that both merges keep their rank.
    """
    outer = [ids[bytes([byte])] for byte in range(256)]
    inside: dict[int, list[int]] = {token: [byte] for byte, token in enumerate(outer)}
    ranks, before = [], None
    for _, _, made in merges:
        if made != before:
            inside.setdefault(made, []).append(len(outer))
            outer.append(made)
        ranks.append(len(outer) - 1)
        before = made
    pairs = ((a, b, rank) for (a, b, _), rank in zip(merges, ranks, strict=True))
    inner = [(x, y, rank) for a, b, rank in pairs for x in inside.get(a, []) for y in inside.get(b, [])]
    return inner, np.array(outer, np.uint32)


def check(tokens: Sequence[bytes], ids: Mapping[bytes, int], merges: Sequence[Merge], where: str) -> None:
    """Everything that encoding takes for granted."""
    if len(ids) < sum(map(bool, tokens)):
        raise Problem(f"{where} has one token under two ids: each must be there once")
    missing = [byte for byte in range(256) if bytes([byte]) not in ids]
    if missing:
        raise Problem(f"{where} lacks the bytes {missing[:5]}: a byte-level vocabulary holds all 256")
    there = {ids[bytes([byte])] for byte in range(256)}
    for a, b, made in merges:
        if (
            not (0 <= a < len(tokens) and 0 <= b < len(tokens) and 0 <= made < len(tokens))
            or tokens[a] + tokens[b] != tokens[made]
        ):
            raise Problem(f"{where} merges {a} and {b} to {made}, which is not what their bytes make")
        if not (a in there and b in there):
            raise Problem(
                f"{where} merges {a} and {b} before both are made: merges come in the order in which they build on each other"
            )
        there.add(made)

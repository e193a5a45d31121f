"""What the size of a vocabulary buys and costs: longer tokens for more rows in the embedding.

Byte-level BPE is a vocabulary within a vocabulary: its first merges are the tokenizer that a smaller size would have
given. So one that is there is cut down, exactly. Other kinds, and sizes beyond its own, are trained anew: on every second
document, and measured on the others.
"""

from collections.abc import Sequence
from itertools import takewhile
from typing import Any

from groundup.errors import Problem
from groundup.tokenizer.byte_pairs import BytePairs
from groundup.tokenizer.kind import kind_named
from groundup.tokenizer.surgery import changeable
from groundup.tokenizer.tokenizer import Tokenizer

LEAST = 256


def curve(tokenizer: Tokenizer, texts: Sequence[str], sizes: Sequence[int] = ()) -> list[dict[str, Any]]:
    """Bytes per token at each size; without sizes, those that come of doubling 256, up to the tokenizer's own."""
    whole = ordered(tokenizer)
    if not sizes and whole is None:
        return []
    sizes = sorted(
        {*sizes} or {*takewhile(lambda size: size < tokenizer.size, (LEAST << k for k in range(32))), tokenizer.size}
    )
    cut = [size for size in sizes if whole is not None and size <= tokenizer.size]
    anew = [size for size in sizes if size not in cut]
    if anew and len(texts) < 2:
        raise Problem(
            "a tokenizer of another size is trained on half of the documents and measured on the others: give two or more"
        )
    found = [point(smaller(whole, size), texts, "cut down") for size in cut if whole is not None]
    learn, check = texts[::2], texts[1::2]
    found += [point(kind_named(tokenizer.kind.name).train(learn, size), check, "trained") for size in anew]
    return sorted(found, key=lambda each: each["size"])


def point(kind: Any, texts: Sequence[str], how: str) -> dict[str, Any]:
    """One size, as it turned out: little text may give fewer tokens than were asked for."""
    tokens = sum(map(len, kind.encode_many(texts)))
    size = sum(len(text.encode(errors="surrogatepass")) for text in texts)
    return {"size": len(kind.tokens), "bytes_per_token": round(size / max(tokens, 1), 4), "how": how}


def ordered(tokenizer: Tokenizer) -> BytePairs | None:
    """The same byte-level BPE with the ids of its making: bytes, then merges in their order; None for others."""
    try:
        kind = changeable(tokenizer)
    except Problem:
        return None
    place = {token: number for number, token in enumerate(kind.tokens) if token}
    new = {place[bytes([byte])]: byte for byte in range(256)}
    new |= {made: 256 + rank for rank, (_, _, made) in enumerate(kind.merges)}
    return BytePairs.made_of([(new[a], new[b]) for a, b, _ in kind.merges], kind.pattern, kind.classes)


def smaller(kind: BytePairs, size: int) -> BytePairs:
    """The first tokens."""
    return BytePairs.made_of([(a, b) for a, b, _ in kind.merges[: max(size - 256, 0)]], kind.pattern, kind.classes)

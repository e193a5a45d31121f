"""Which documents are held out for validation: decided by each text's own hash; copies never part.

The same text falls on the same side in every corpus, whatever stands beside it.
"""

import hashlib
from collections.abc import Iterable

from groundup.errors import Problem

WHOLE = 1 << 64


def place(text: str | bytes) -> int:
    """Where a text stands between 0 and 2^64: below share x 2^64 it is held out."""
    data = text if isinstance(text, bytes) else text.encode("utf-8", "replace")
    return int.from_bytes(hashlib.blake2b(data, digest_size=8).digest(), "big")


def limit(places: Iterable[int], share: float, name: str) -> int:
    """The place below which texts are held out: the share's, or just above the first text's if none is.

    Reading ends with the first text that is below the share's, once two different ones have been seen.
    """
    first, second = WHOLE, WHOLE
    documents, wanted = 0, int(share * WHOLE)
    for at in places:
        documents += 1
        if at < first:
            first, second = at, first
        elif first < at < second:
            second = at
        if first < wanted and second < WHOLE:
            return wanted
    if second == WHOLE:
        raise Problem(
            f"{name} is too small for its validation split: {documents} documents, of which "
            f"{share:.1%} are to be held out; at least two different documents are needed: give more "
            "text or cut it into more files"
        )
    return max(first + 1, wanted)

"""Where in a text each of its tokens stands, in characters and in bytes of its UTF-8."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from groundup.errors import Problem


class Offsets(NamedTuple):
    """The tokens of a text and where they stand; a character that is cut by tokens belongs to each of them."""

    ids: np.ndarray  # (tokens,)
    characters: np.ndarray  # (tokens, 2): the first character, and the one after the last
    bytes: np.ndarray  # (tokens, 2), likewise


def offsets(data: bytes, ids: np.ndarray, tokens: Sequence[bytes], lead: str, where: str) -> Offsets:
    """From ids whose bytes in a row are the text, after a `lead` that it does not have."""
    pieces = [tokens[token] for token in ids.tolist()]
    if b"".join(pieces) not in (data, lead.encode() + data):
        raise Problem(
            f"{where} changes text before it cuts it, so its tokens have no place in the text as it was written"
        )
    extra = sum(map(len, pieces)) - len(data)
    borders = np.zeros(len(pieces) + 1, np.int64)
    np.cumsum(np.fromiter(map(len, pieces), np.int64, len(pieces)), out=borders[1:])
    in_bytes = np.stack([borders[:-1], borders[1:]], 1) - extra
    in_bytes = np.maximum(in_bytes, 0)
    first = characters(data)
    last = np.where(in_bytes[:, 1] > in_bytes[:, 0], first[in_bytes[:, 1] - 1] + 1, first[in_bytes[:, 0]])
    return Offsets(ids, np.stack([first[in_bytes[:, 0]], last], 1), in_bytes)


def characters(data: bytes) -> np.ndarray:
    """The number of the character that each byte belongs to, and how many there are; a byte that is not UTF-8 is one."""
    points = np.frombuffer(data.decode(errors="surrogateescape").encode("utf-32-le", "surrogatepass"), np.uint32)
    escaped = (points >= 0xD800) & (points < 0xE000)
    lengths = np.where(escaped, 1, 1 + (points >= 0x80) + (points >= 0x800) + (points >= 0x10000).astype(np.int64))
    return np.append(np.repeat(np.arange(len(points)), lengths), len(points))

"""Rank files, as tiktoken reads them: a token in base64 and its rank, line by line. The rank is the id, and the merges are
not written down: two tokens may become one wherever their bytes together are a token, the lowest rank first.

So the merge that makes a token is recovered by merging its bytes with all lower ranks: two parts are left. A token that was
not trained so may leave more; then every way to cut it in two earlier tokens counts. A whole word that is a token needs no
merges. So all words are cut as tiktoken cuts them, but for ranks that no training gives: it would also make a token of parts
that rank after it.
"""

import base64
import binascii
from collections.abc import Iterator, Mapping
from itertools import pairwise
from pathlib import Path

from groundup.errors import Problem
from groundup.tokenizer.byte_pairs import BytePairs, Merge
from groundup.tokenizer.published import Habits, Published
from groundup.tokenizer.split import known

LARGEST = 1 << 24  # ranks: more than any vocabulary has
LONGEST = 512  # bytes of a token; merging one takes its square


def read(path: Path, pattern: str) -> Published:
    """The vocabulary of a rank file, with the pattern that its words are cut by."""
    known(pattern)
    ranks: dict[bytes, int] = {}
    try:
        lines = path.read_bytes().split(b"\n")
    except OSError as error:
        raise Problem(f"{path} cannot be read: {error.strerror or error}") from None
    if lines.pop() != b"":
        raise Problem(f"{path} ends within line {len(lines) + 1}: the file is not whole")
    for number, line in enumerate(lines, 1):
        token, rank = entry(line.rstrip(b"\r"), f"{path}, line {number}")
        if token in ranks:
            raise Problem(
                f"{path}, line {number} has a token that was there before, with rank {ranks[token]}: each has one rank"
            )
        ranks[token] = rank
    if len(set(ranks.values())) < len(ranks):
        raise Problem(f"{path} gives two tokens the same rank: each must have its own")
    tokens = [b""] * (max(ranks.values(), default=-1) + 1)
    for token, rank in ranks.items():
        tokens[rank] = token
    missing = [byte for byte in range(256) if bytes([byte]) not in ranks]
    if missing:
        raise Problem(f"{path} lacks the bytes {missing[:5]}: a byte-level vocabulary holds all 256")
    return Published(tokens, recovered(ranks), pattern, None, str(path), Habits(whole=True))


def entry(line: bytes, where: str) -> tuple[bytes, int]:
    """One line."""
    written, _, number = line.partition(b" ")
    try:
        token, rank = base64.b64decode(written, validate=True), int(number)
    except (binascii.Error, ValueError):
        raise Problem(
            f"{where} is not a token in base64 and its rank but {line[:60].decode(errors='backslashreplace')!r}"
        ) from None
    if not token or len(token) > LONGEST or not 0 <= rank < LARGEST:
        raise Problem(f"{where} has a token of {len(token):,} bytes and the rank {rank:,}, which cannot be meant")
    return token, rank


def recovered(ranks: Mapping[bytes, int]) -> list[Merge]:
    """The merges, in the order of ranks."""
    merges = []
    for token, rank in sorted(ranks.items(), key=lambda item: item[1]):
        if len(token) > 1:
            merges += [(ranks[a], ranks[b], rank) for a, b in cuts(token, rank, ranks)]
    return in_order(merges, {ranks[bytes([byte])] for byte in range(256)})


def cuts(token: bytes, rank: int, ranks: Mapping[bytes, int]) -> Iterator[tuple[bytes, bytes]]:
    """The two parts that merging with lower ranks leaves of a token, or all pairs of parts."""
    places = [at for at in range(1, len(token)) if token[:at] in ranks and token[at:] in ranks]
    if len(places) > 1 and len(parts := merged(token, rank, ranks)) == 2:
        places = [len(parts[0])]
    yield from ((token[:at], token[at:]) for at in places)


def merged(word: bytes, below: int, ranks: Mapping[bytes, int]) -> list[bytes]:
    """What is left of a word when neighbours are merged, the lowest rank first, the leftmost first, with ranks below a limit."""
    parts = [word[k : k + 1] for k in range(len(word))]
    while len(parts) > 1:
        best = min(range(len(parts) - 1), key=lambda k: ranks.get(parts[k] + parts[k + 1], below))
        if ranks.get(parts[best] + parts[best + 1], below) >= below:
            break
        parts[best : best + 2] = [parts[best] + parts[best + 1]]
    return parts


def in_order(merges: list[Merge], there: set[int]) -> list[Merge]:
    """Only merges whose parts can be made before: nothing else ever happens to bytes."""
    kept = []
    for a, b, made in merges:
        if a in there and b in there:
            kept.append((a, b, made))
            there.add(made)
    return kept


def write(path: Path, kind: BytePairs) -> None:
    """The vocabulary as a rank file; special tokens and the pattern have no place in it."""
    from groundup.tokenizer.huggingface import replace

    habits = getattr(kind, "habits", Habits())
    if not Habits(whole=habits.whole) == habits:
        raise Problem(
            f"{path} is a rank file, which has no place for what this tokenizer does to a text beside merging: save a folder"
        )
    ranks = {token: rank for rank, token in enumerate(kind.tokens) if token}
    made = [token for _, _, token in kind.merges]
    if (
        any(a > b for a, b in pairwise(made))
        or in_order(sorted(kind.merges, key=lambda m: m[2]), byte_ids(ranks)) != kind.merges
    ):
        raise Problem(
            f"{path} is a rank file, where ids are the order of merges, and this tokenizer numbers its tokens otherwise"
        )
    lines = (f"{base64.b64encode(token).decode()} {rank}\n" for token, rank in ranks.items())
    path.parent.mkdir(parents=True, exist_ok=True)
    replace(path, "".join(lines))


def byte_ids(ranks: Mapping[bytes, int]) -> set[int]:
    return {ranks[bytes([byte])] for byte in range(256)}

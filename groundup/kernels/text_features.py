"""What a text is made of, as numbers of buckets: runs of its words and runs of its characters.

A run is hashed into one of 2^bits buckets, so no list of words is ever kept (Weinberger et al. 2009). Text comes as code
points of its lower case; what is no letter and no digit parts words, and any stretch of it counts as one blank.
"""

import math

import numpy as np

from groundup.kernels.compiled import loop
from groundup.kernels.hashing import MIX_B, PRIME, SEED, mix

BLANK = 32
OF_WORDS, OF_CHARACTERS = SEED + np.uint64(1), SEED + np.uint64(2)  # so that a word is not the run of its letters


@loop
def is_inside(point):
    """Whether a code point in lower case is part of a word: letters, digits, and all beyond Latin-1's signs but punctuation."""
    if point < 0xC0:
        return 97 <= point <= 122 or 48 <= point <= 57
    return not (0x2000 <= point < 0x2070 or 0x3000 <= point < 0x3040 or 0xFF00 <= point < 0xFF10)


@loop
def is_alone(point):
    """Whether a character is a word of its own: ideographs and kana, which are written without blanks."""
    return 0x3040 <= point < 0xA000 or 0x20000 <= point < 0x40000


@loop
def squeezed(points):
    """Code points (n,) uint32 -> the same with one blank for whatever stands between words, and at both ends."""
    found = np.empty(len(points) + 2, np.uint32)
    found[0] = BLANK
    n = 1
    for point in points:
        if is_inside(point):
            found[n] = point
            n += 1
        elif found[n - 1] != BLANK:
            found[n] = BLANK
            n += 1
    if found[n - 1] != BLANK:
        found[n] = BLANK
        n += 1
    return found[:n]


@loop
def _of_words(symbols, words, shift, ids, n):
    """The buckets of all runs of 1 to `words` words go to ids[n:]; returns how many ids there are then."""
    last = np.zeros(max(words, 1), np.uint64)  # the hashes of the words before, the newest at the end
    known, value, inside = 0, SEED, False
    for i in range(1, len(symbols)):
        point = symbols[i]
        ends = inside and (point == BLANK or is_alone(point) or is_alone(symbols[i - 1]))
        if ends:
            for k in range(words - 1):
                last[k] = last[k + 1]
            last[words - 1] = mix(value)
            known, value, inside = known + 1, SEED, False
            run = OF_WORDS
            for k in range(words - 1, max(words - known, 0) - 1, -1):
                run = (run ^ last[k]) * MIX_B + PRIME
                ids[n] = mix(run) >> shift
                n += 1
        if point != BLANK:
            value = (value ^ np.uint64(point)) * PRIME
            inside = True
    return n


@loop
def _of_characters(symbols, low, high, shift, ids, n):
    """The buckets of all runs of `low` to `high` characters go to ids[n:]; returns how many ids there are then."""
    for i in range(len(symbols)):
        run = OF_CHARACTERS
        for k in range(i, min(i + high, len(symbols))):
            run = (run ^ np.uint64(symbols[k])) * PRIME
            if k - i + 1 >= low:
                ids[n] = mix(run) >> shift
                n += 1
    return n


@loop
def features(points, words, low, high, bits):
    """Code points (n,) uint32 -> the bucket of each run of words and of characters (m,) uint32, in no order."""
    symbols = squeezed(points)
    ids = np.empty(len(symbols) * (words + max(high - low + 1, 0)), np.uint32)
    shift = np.uint64(64 - bits)
    n = _of_words(symbols, words, shift, ids, 0) if words else 0
    if high:
        n = _of_characters(symbols, low, high, shift, ids, n)
    return ids[:n]


@loop
def weighed(ids, counts):
    """Buckets (m,) -> how many different ones there are, now at the front of ids, and the weight of each, float32.

    A weight is 1 + ln(times), all divided so that their squares sum to 1; counts, one for each bucket, are zeros before
    and after.
    """
    distinct = 0
    for i in range(len(ids)):
        bucket = ids[i]
        if counts[bucket] == 0:
            ids[distinct] = bucket
            distinct += 1
        counts[bucket] += 1
    weights = np.empty(distinct, np.float32)
    total = 0.0
    for k in range(distinct):
        weight = 1.0 + math.log(counts[ids[k]])
        counts[ids[k]] = 0
        weights[k] = weight
        total += weight * weight
    if distinct:
        scale = np.float32(1.0 / math.sqrt(total))
        for k in range(distinct):
            weights[k] *= scale
    return distinct, weights


def points_of(text: str) -> np.ndarray:
    """The code points of a text in lower case (n,) uint32."""
    return np.frombuffer(text.lower().encode("utf-32-le", "surrogatepass"), np.uint32)


def features_plainly(text: str, words: int, low: int, high: int, bits: int) -> list[tuple[str, int]]:
    """`features` as its definition says it, each with the words or characters it stands for."""
    inside = "".join(c if is_inside(ord(c)) else " " for c in text.lower())
    squeezed = " " + "".join(word + " " for word in inside.split(" ") if word)
    parted = "".join(f" {c} " if is_alone(ord(c)) else c for c in squeezed).split()
    found = []
    for end in range(1, len(parted) + 1):
        for start in range(end - 1, max(end - words, 0) - 1, -1):
            run = int(OF_WORDS)
            for word in reversed(parted[start:end]):
                run = ((run ^ _mixed(_folded(int(SEED), word))) * int(MIX_B) + int(PRIME)) % 2**64
            found.append((" ".join(parted[start:end]), _mixed(run) >> 64 - bits))
    for start in range(len(squeezed)):
        for length in range(low, min(high, len(squeezed) - start) + 1):
            run = squeezed[start : start + length]
            found.append((run.replace(" ", "_"), _mixed(_folded(int(OF_CHARACTERS), run)) >> 64 - bits))
    return found


def weighed_plainly(ids: list[int]) -> dict[int, float]:
    """`weighed` as its definition says it."""
    weights = {bucket: 1 + math.log(ids.count(bucket)) for bucket in ids}
    length = math.sqrt(sum(weight**2 for weight in weights.values()))
    return {bucket: weight / length for bucket, weight in weights.items()}


def _folded(value: int, characters: str) -> int:
    for character in characters:
        value = (value ^ ord(character)) * int(PRIME) % 2**64
    return value


def _mixed(value: int) -> int:
    return int(mix(np.uint64(value)))

"""Text in pieces that are compared across documents: lines, paragraphs, tokens and windows of tokens, each as a hash.

Text comes as bytes; letters and digits of ASCII and every byte above 127 make words, as in `hashing`.
"""

import numpy as np

from groundup.kernels.compiled import loop, prefetch
from groundup.kernels.hashing import MIX_A, MIX_B, PRIME, SEED, mix

NEWLINE, SPACE, DELETE, APOSTROPHE = 10, 32, 127, 39
AHEAD = 24  # slots that are asked for before they are needed


@loop
def _in_word(low):
    return 97 <= low <= 122 or 48 <= low <= 57 or low >= 128


@loop
def _lower(byte):
    return byte | 32 if 65 <= byte <= 90 else byte


@loop
def lines(text, blank, least):
    """text (bytes,) uint8 -> (hash, begin, end) of each piece with at least so many words.

    `blank` newlines end a piece (1: lines, 2: paragraphs) and belong to it. The hash is of the words, whatever their
    case and what stands between them.
    """
    size = len(text) // (blank + 1) + 1
    hashes, begins, ends = np.empty(size, np.uint64), np.empty(size, np.int64), np.empty(size, np.int64)
    found, begin, i, n = 0, 0, 0, len(text)
    while begin < n:
        value, word, words, inside, breaks = SEED, SEED, 0, False, 0
        while i < n and (breaks < blank or text[i] == NEWLINE):
            byte = _lower(text[i])
            breaks = breaks + 1 if byte == NEWLINE else 0
            if _in_word(byte):
                word = (word ^ np.uint64(byte)) * PRIME
                inside = True
            elif inside and byte != APOSTROPHE:
                value = (value ^ mix(word)) * MIX_B + PRIME
                words, word, inside = words + 1, SEED, False
            i += 1
        if inside:
            value = (value ^ mix(word)) * MIX_B + PRIME
            words += 1
        if words >= least:
            hashes[found], begins[found], ends[found] = mix(value), begin, i
            found += 1
        begin = i
    return hashes[:found].copy(), begins[:found].copy(), ends[:found].copy()


@loop
def tokens(text):
    """text (bytes,) uint8 -> (hash, begin, end) of each word and each sign; what is white only parts them."""
    n = len(text)
    hashes, begins, ends = np.empty(n, np.uint64), np.empty(n, np.int64), np.empty(n, np.int64)
    found = i = 0
    while i < n:
        byte = text[i]
        if byte <= SPACE or byte == DELETE:
            i += 1
            continue
        begin, value = i, (SEED ^ np.uint64(byte)) * PRIME
        i += 1
        while i < n and _in_word(_lower(byte)) and _in_word(_lower(text[i])):
            value = (value ^ np.uint64(text[i])) * PRIME
            i += 1
        hashes[found], begins[found], ends[found] = mix(value), begin, i
        found += 1
    return hashes[:found], begins[:found], ends[:found]


@loop
def windows(hashes, length):
    """The hash of each `length` tokens in a row (n - length + 1,), in one step a token; of fewer tokens none."""
    found = np.empty(max(0, len(hashes) - length + 1), np.uint64)
    first = np.uint64(1)
    for _ in range(length - 1):
        first = first * MIX_A
    value = np.uint64(0)
    for i in range(len(hashes)):
        if i >= length:
            value -= hashes[i - length] * first
        value = value * MIX_A + hashes[i]
        if i >= length - 1:
            found[i - length + 1] = mix(value)
    return found


@loop
def count(slots, address, keys):
    """Count keys in slots (n,) uint8, four to a byte, up to 2: what may have come more than once."""
    last = np.uint64(4 * len(slots) - 1)
    for i in range(len(keys)):
        if i + AHEAD < len(keys):
            prefetch(address, np.int64((keys[i + AHEAD] & last) >> np.uint64(2)))
        slot = keys[i] & last
        at, shift = slot >> np.uint64(2), np.uint8(2 * (slot & np.uint64(3)))
        if (slots[at] >> shift) & 3 < 2:
            slots[at] += np.uint8(1) << shift


@loop
def several(slots, address, keys):
    """(n,) bool: which keys were counted more than once; some others share a slot and pass too."""
    last = np.uint64(4 * len(slots) - 1)
    found = np.empty(len(keys), np.bool_)
    for i in range(len(keys)):
        if i + AHEAD < len(keys):
            prefetch(address, np.int64((keys[i + AHEAD] & last) >> np.uint64(2)))
        slot = keys[i] & last
        found[i] = (slots[slot >> np.uint64(2)] >> np.uint8(2 * (slot & np.uint64(3)))) & 3 >= 2
    return found


@loop
def united(begins, ends):
    """Spans in order of their begins -> the same bytes in spans that do not overlap."""
    low, high = np.empty(len(begins), np.int64), np.empty(len(begins), np.int64)
    found = 0
    for i in range(len(begins)):
        if found and begins[i] < high[found - 1]:
            high[found - 1] = max(high[found - 1], ends[i])
        else:
            low[found], high[found] = begins[i], ends[i]
            found += 1
    return low[:found], high[:found]


@loop
def word_places(text):
    """(begin, end) of each word that `hashing.word_hashes` makes of a text in lower case."""
    begins, ends = np.empty(len(text) // 2 + 1, np.int64), np.empty(len(text) // 2 + 1, np.int64)
    found, inside = 0, False
    for i in range(len(text)):
        if _in_word(text[i]):
            if not inside:
                begins[found] = i
            inside = True
            ends[found] = i + 1
        elif inside and text[i] != APOSTROPHE:
            found, inside = found + 1, False
    found += inside
    return begins[:found].copy(), ends[:found].copy()


def lines_plainly(text: str, blank: int, least: int) -> list[tuple[tuple[str, ...], int, int]]:
    """`lines` as its definition says it: (words, begin, end), with the words themselves instead of a hash."""
    import re

    found, begin = [], 0
    for piece in re.findall(rf"(?s).*?\n{{{blank},}}|.+\Z", text):
        words = tuple(re.findall(r"[a-z0-9\u0080-\U0010ffff](?:'*[a-z0-9\u0080-\U0010ffff])*", _ascii_lower(piece)))
        end = begin + len(piece.encode())
        if len(words) >= least:
            found.append((tuple(word.replace("'", "") for word in words), begin, end))
        begin = end
    return found


def _ascii_lower(text: str) -> str:
    return "".join(c.lower() if c.isascii() else c for c in text)


def tokens_plainly(text: str) -> list[str]:
    """`tokens` as its definition says it."""
    import re

    return re.findall(r"[A-Za-z0-9\u0080-\U0010ffff]+|[!-~]", text)

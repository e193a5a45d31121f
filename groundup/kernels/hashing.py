"""Words and runs of words as 64-bit numbers: what deduplication and decontamination compare instead of text.

Text comes as bytes in lower case; letters, digits and every byte above 127 make words, all else parts them.
"""

import numpy as np

from groundup.kernels.compiled import loop

SEED = np.uint64(0xCBF29CE484222325)
PRIME = np.uint64(0x100000001B3)  # FNV-1a
MIX_A, MIX_B = np.uint64(0xFF51AFD7ED558CCD), np.uint64(0xC4CEB9FE1A85EC53)


@loop
def mix(value):
    """Murmur's last step: every bit of the result hangs on every bit of the value."""
    value = (value ^ (value >> np.uint64(33))) * MIX_A
    value = (value ^ (value >> np.uint64(33))) * MIX_B
    return value ^ (value >> np.uint64(33))


@loop
def word_hashes(text):
    """text (bytes,) uint8 -> the hash of each word (words,) uint64."""
    found = np.empty(len(text) // 2 + 1, np.uint64)
    count, value, inside = 0, SEED, False
    for byte in text:
        if 97 <= byte <= 122 or 48 <= byte <= 57 or byte >= 128:
            value = (value ^ np.uint64(byte)) * PRIME
            inside = True
        elif inside and byte != 39:  # don't is one word
            found[count] = mix(value)
            count += 1
            value, inside = SEED, False
    if inside:
        found[count] = mix(value)
        count += 1
    return found[:count].copy()


@loop
def runs(words, length):
    """words (n,) -> the hash of each run of `length` words (n - length + 1,); of a shorter text the one run it is."""
    length = min(length, len(words))
    found = np.empty(len(words) - length + 1 if length else 0, np.uint64)
    for i in range(len(found)):
        value = SEED
        for j in range(length):
            value = (value ^ words[i + j]) * MIX_B + PRIME
        found[i] = mix(value)
    return found


def hash_words_plainly(text: bytes) -> list[int]:
    """`word_hashes` as its definition says it."""
    found = []
    for word in "".join(
        chr(b) if chr(b).isascii() and chr(b).isalnum() or b >= 128 else "" if b == 39 else " " for b in text
    ).split(" "):
        value = int(SEED)
        for byte in word.encode("latin-1"):
            value = (value ^ byte) * int(PRIME) % 2**64
        for factor in (int(MIX_A), int(MIX_B)):
            value = (value ^ value >> 33) * factor % 2**64
        if word:
            found.append(value ^ value >> 33)
    return found


@loop
def table(keys):
    """Keys (n,) uint64 in open addressing: slots (a power of two, at most half full), zero where nothing stands."""
    size = 16
    while size < 2 * len(keys):
        size *= 2
    slots = np.zeros(size, np.uint64)
    for key in keys:
        at = key & np.uint64(size - 1)
        while slots[at] != 0 and slots[at] != key:
            at = (at + np.uint64(1)) & np.uint64(size - 1)
        slots[at] = key
    return slots


@loop
def first_in(hashes, slots):
    """Where in hashes (n,) the first one stands that the table has, or -1."""
    last = np.uint64(len(slots) - 1)
    for i in range(len(hashes)):
        at = hashes[i] & last
        while slots[at] != 0:
            if slots[at] == hashes[i]:
                return i
            at = (at + np.uint64(1)) & last
    return -1


@loop
def all_in(hashes, slots):
    """(n,) bool: which of the hashes the table has."""
    last = np.uint64(len(slots) - 1)
    found = np.zeros(len(hashes), np.bool_)
    for i in range(len(hashes)):
        at = hashes[i] & last
        while slots[at] != 0 and not found[i]:
            found[i] = slots[at] == hashes[i]
            at = (at + np.uint64(1)) & last
    return found

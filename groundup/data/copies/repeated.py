"""Lines, paragraphs and long passages that stand in a corpus more than once: every one but the first is cut out.

Lee et al. (2022, "Deduplicating training data makes language models better") find passages with a suffix array. To
know which passages of n tokens repeat, suffixes need to be sorted no deeper than n tokens, so here each window of n
tokens is one number, and equal numbers meet when they are sorted on disk. The passages are the same.
"""

from pathlib import Path
from typing import Literal

import numpy as np
from pydantic import Field

from groundup.config import Settings
from groundup.data.copies.cuts import Cuts, Spans
from groundup.data.copies.spill import Spill, groups
from groundup.data.copies.staged import StagedTable, Texts

LEAST_SLOTS, MOST_SLOTS = 1 << 16, 1 << 29  # bytes of the table that counts windows, four counters in each
TOKEN, LINE = 4, 24  # bytes of text to a token or a line: guesses, to plan with
Pieces = tuple[np.ndarray, np.ndarray, np.ndarray]  # hashes, begins, ends


class RepeatedSettings(Settings):
    """Which lines or paragraphs are cut out where they stand again."""

    words: int = Field(5, ge=1, description="pieces with fewer words stay, however often they come")
    times: int = Field(2, ge=2, description="how often a piece must stand in the corpus before it counts as repeated")
    keep: Literal["first", "none"] = Field("first", description="keep the first of equal pieces, or none of them")


class SubstringSettings(Settings):
    """Which long passages are cut out where they stand again."""

    length: int = Field(50, ge=2, description="tokens (words and signs) a passage must have in common with another")
    keep: Literal["first", "none"] = Field("first", description="keep the first of equal passages, or none of them")


def repeated_pieces(
    staged: StagedTable, folder: Path, settings: RepeatedSettings, there: np.ndarray, blank: int
) -> Cuts:
    """What is cut: lines (blank=1) or paragraphs (blank=2) of the documents there (documents,) bool."""
    from groundup.kernels import pieces

    texts, spill, total = Texts(staged, there), Spill(folder, "pieces", 3, rows=staged.text_bytes // LINE), 0
    for at, text in texts:
        hashes, begins, ends = pieces.lines(text, blank, settings.words)
        spill.add(hashes, begins + at, ends + at)
        total = at + len(text)
    return _cut(spill, Spans(folder, f"pieces-{blank}", total), settings.times, settings.keep, texts)


def repeated_passages(staged: StagedTable, folder: Path, settings: SubstringSettings, there: np.ndarray) -> Cuts:
    """What is cut: passages of at least `length` tokens that stand more than once, in whatever documents."""
    from groundup.kernels import pieces

    texts = Texts(staged, there)
    slots = np.zeros(_slots(staged.text_bytes), np.uint8)
    for _, text in texts:
        pieces.count(slots, slots.ctypes.data, _windows(text, settings.length)[0])
    spill, total = Spill(folder, "windows", 3, rows=staged.text_bytes // TOKEN), 0
    for at, text in texts:
        hashes, begins, ends = _windows(text, settings.length)
        found = pieces.several(slots, slots.ctypes.data, hashes)
        if found.any():
            spill.add(hashes[found], begins[found] + at, ends[found] + at)
        total = at + len(text)
    del slots
    return _cut(spill, Spans(folder, "passages", total), 2, settings.keep, texts)


def _windows(text: np.ndarray, length: int) -> Pieces:
    from groundup.kernels import pieces

    hashes, begins, ends = pieces.tokens(text)
    found = pieces.windows(hashes, length)
    return found, begins[: len(found)], ends[length - 1 :]


def _slots(size: int) -> int:
    """Bytes of the table: some slots for each token there may be, but never more than memory can spare."""
    wanted = LEAST_SLOTS
    while wanted < min(MOST_SLOTS, size // TOKEN):
        wanted *= 2
    return wanted


def _cut(spill: Spill, spans: Spans, times: int, keep: str, texts: Texts) -> Cuts:
    """The spans (hash, begin, end) whose hash comes often enough, but for those that are kept."""
    for rows in spill.sorted_parts():
        begins, ends = groups(rows[:, 0])
        chosen = np.repeat(ends - begins >= times, ends - begins)
        chosen[begins] &= KEEPS[keep]
        spans.add(rows[chosen, 1], rows[chosen, 2])
    return spans.cuts(texts.sizes)


KEEPS = {"first": False, "none": True}  # whether the first of equal pieces is cut, too


def passages_plainly(documents: list[list[str]], length: int, keep: str) -> list[list[bool]]:
    """Which tokens `repeated_passages` cuts: every window against every other."""
    places = [(i, at) for i, tokens in enumerate(documents) for at in range(len(tokens) - length + 1)]
    cut = [[False] * len(tokens) for tokens in documents]
    for this in places:
        for other in places if keep == "none" else places[: places.index(this)]:
            (i, at), (j, before) = this, other
            if this != other and documents[i][at : at + length] == documents[j][before : before + length]:
                cut[i][at : at + length] = [True] * length
    return cut


def passages_by_suffixes(documents: list[list[str]], length: int) -> list[list[bool]]:
    """Which tokens lie in a passage that stands more than once (keep=none), as published: neighbours among sorted suffixes."""
    suffixes = sorted((tokens[at:], i, at) for i, tokens in enumerate(documents) for at in range(len(tokens)))
    cut = [[False] * len(tokens) for tokens in documents]
    for (one, i, at), (other, j, before) in zip(suffixes, suffixes[1:], strict=False):
        shared = next(
            (k for k, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other))
        )
        if shared >= length:
            cut[i][at : at + shared] = [True] * shared
            cut[j][before : before + shared] = [True] * shared
    return cut

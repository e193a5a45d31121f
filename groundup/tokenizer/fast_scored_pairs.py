"""`sentencepiece_bpe.merged` at the speed of compiled loops, for many texts, on all cores."""

from collections.abc import Iterable, Sequence
from itertools import pairwise

import numpy as np

from groundup.hardware import use_cache_folder
from groundup.tokenizer.sentencepiece_bpe import halves, word_borders_hold

use_cache_folder()  # numba reads where to keep compiled code when it is imported, which the next lines do

from groundup.kernels import bpe_merge, scored_pairs, unigram_trie
from groundup.kernels.compiled import announced
from groundup.tokenizer.batches import batches, in_order, joined, say_compiling, usable_threads


class Merger:
    """Merges with given pieces; may be used from several threads at once."""

    def __init__(
        self,
        scores: Sequence[float],
        pieces: dict[str, int],
        symbols: Sequence[str],
        byte_ids: np.ndarray | None,
        unknown_id: int,
    ):
        """scores of all ids; pieces: what is merged, with ids; symbols: those of them that are never merged or cut."""
        numbers = dict(pieces)  # a character that only occurs within pieces has a number of its own, and no id
        for letter in sorted({letter for piece in pieces for letter in piece}):
            numbers.setdefault(letter, len(scores) + len(numbers) - len(pieces))
        pairs = [(numbers[a], numbers[b], pieces[a + b]) for a, b in halves(pieces) if a in numbers and b in numbers]
        first, second, made = (np.array([pair[k] for pair in pairs], np.int64) for k in range(3))
        ordered = {score: rank for rank, score in enumerate(sorted(set(scores), reverse=True))}
        self.ranks, self.size = np.array([ordered[score] for score in scores], np.int64), len(scores)
        self.byte_ids, self.unknown_id = (
            np.zeros(0, np.int64) if byte_ids is None else byte_ids.astype(np.int64),
            unknown_id,
        )
        self.cut = scored_pairs.RUNS if word_borders_hold(pieces) else scored_pairs.WHOLE
        with announced(lambda: say_compiling("encoding text")):
            self.pairs = bpe_merge.pair_table(first, second, made)
            self.symbols = numbered_trie({symbol: numbers[symbol] for symbol in symbols})
            self.characters = numbered_trie({letter: number for letter, number in numbers.items() if len(letter) == 1})
            self._encode([b""])

    def encode_many(self, texts: Iterable[bytes], threads: int | None = None) -> list[np.ndarray]:
        """The ids of each text, uint32."""
        made = in_order(self._encode, batches(texts), threads or usable_threads())
        return [ids for batch in made for ids in batch]

    def _encode(self, batch: list[bytes]) -> list[np.ndarray]:
        buffer, ends = joined(batch)
        out, out_ends = np.empty(len(buffer), np.uint32), np.zeros(len(ends), np.int64)
        place = buffer.ctypes.data, ends, 0, len(batch), self.cut
        given = self.symbols, self.characters, self.pairs, self.ranks, self.size, self.byte_ids, self.unknown_id
        out = out[: scored_pairs.encode_documents(*place, *given, out, out_ends)].copy()
        return [out[a:b] for a, b in pairwise(out_ends.tolist())]


def numbered_trie(numbers: dict[str, int]) -> np.ndarray:
    """A trie of texts that tells the number of each."""
    spelled = {text.encode(): number for text, number in numbers.items()}
    nodes = unigram_trie.build(*joined(sorted(spelled)))
    ends = np.flatnonzero(nodes[:, unigram_trie.VALUE] >= 0)
    nodes[ends, unigram_trie.VALUE] = np.array([spelled[text] for text in sorted(spelled)], np.int32)[
        nodes[ends, unigram_trie.VALUE]
    ]
    return nodes

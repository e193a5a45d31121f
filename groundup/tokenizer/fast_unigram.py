"""Segmenting by `unigram.py` at the speed of compiled loops: many texts in, arrays of ids out, on all cores.

How texts are batched and handed to threads is that of `batches`.
"""

import threading
from collections.abc import Iterable, Sequence
from itertools import pairwise

import numpy as np

from groundup.hardware import use_cache_folder
from groundup.tokenizer.charsmap import Charsmap

use_cache_folder()  # numba reads where to keep compiled code when it is imported, which the next lines do

from groundup.kernels import charsmap as charsmap_loops
from groundup.kernels import unigram_sampling, unigram_trie, unigram_viterbi
from groundup.kernels.compiled import PAD, announced
from groundup.tokenizer.batches import batches, in_order, joined, say_compiling, usable_threads
from groundup.tokenizer.classes import fitting
from groundup.tokenizer.cutting import NUMBERS
from groundup.tokenizer.word_memory import SMALLEST, Memory

CUTS = {"whole": unigram_viterbi.WHOLE, "rounded": unigram_viterbi.ROUNDED, "marked": unigram_viterbi.MARKED} | NUMBERS


class Spacing:
    """`charsmap.spaced` in compiled loops."""

    def __init__(self, charsmap: Charsmap | None, symbols: Sequence[bytes], mark_first: bool, thin_out: bool):
        self.charsmap = charsmap
        self.units = charsmap.units if charsmap else np.zeros(0, np.uint32)
        self.strings = np.frombuffer((charsmap.strings if charsmap else b"") + bytes(PAD), np.uint8)
        with announced(lambda: say_compiling("encoding text")):
            self.symbols = unigram_trie.build(*joined(sorted(symbols)))
            self.ways = mark_first, thin_out
            self(b"")

    def __call__(self, data: bytes) -> bytes:
        """The text as it is cut."""
        buffer, room = joined([data])[0], 4 * len(data) + 64
        while True:
            out = np.empty(room, np.uint8)
            place = buffer.ctypes.data, len(data), self.units, self.strings, self.symbols
            made = charsmap_loops.spaced(*place, *self.ways, out)
            if made >= 0:
                return out[:made].tobytes()
            room *= 4


class Encoder:
    """Segments with given pieces; may be used from several threads at once."""

    def __init__(
        self,
        pieces: Sequence[bytes],
        ids: Sequence[int],
        scores: np.ndarray,
        unknown: float,
        byte_ids: np.ndarray | None,
        unknown_id: int,
        cut: str,
        classes: np.ndarray,
    ):
        """pieces: what text is cut into, with their ids; scores of all ids; byte_ids (256,) where unknowns are spelled in bytes.

        cut: one of CUTS.
        """
        self.scores, self.unknown, self.unknown_id = np.asarray(scores, np.float64), float(unknown), unknown_id
        self.byte_ids = np.zeros(0, np.int64) if byte_ids is None else byte_ids.astype(np.int64)
        self.cut, self.classes = CUTS[cut], np.ascontiguousarray(fitting(classes, cut))
        self.idle: list[Memory] = []
        self.lock = threading.Lock()
        with announced(lambda: say_compiling("encoding text")):
            order = sorted(range(len(pieces)), key=pieces.__getitem__)
            self.nodes = unigram_trie.build(*joined([pieces[k] for k in order]))
            ends = np.flatnonzero(self.nodes[:, unigram_trie.VALUE] >= 0)
            numbers = np.array([ids[k] for k in order], np.int32)
            self.nodes[ends, unigram_trie.VALUE] = numbers[self.nodes[ends, unigram_trie.VALUE]]
            self._encode([b""])

    def encode_many(self, texts: Iterable[bytes], threads: int | None = None) -> list[np.ndarray]:
        """The ids of each text, uint32."""
        made = in_order(self._encode, batches(texts), threads or usable_threads())
        return [ids for batch in made for ids in batch]

    def sample(self, text: bytes, alpha: float, chance: np.ndarray) -> np.ndarray:
        """The ids of a segmentation drawn by chance, a number from 0 to 1 for each byte."""
        buffer, _ = joined([text])
        n = len(text)
        space = np.empty(n + 1), np.empty(n + 1, np.int32), np.empty(n + 1, np.int32), np.empty(n + 1, np.int32)
        out, place = np.empty(n, np.uint32), (buffer.ctypes.data, n, self.cut, self.classes.ctypes.data)
        given = self.nodes, self.scores, self.unknown, self.byte_ids, self.unknown_id, space, alpha, chance
        return out[: unigram_sampling.draw_document(*place, *given, out)].copy()

    def _encode(self, batch: list[bytes]) -> list[np.ndarray]:
        buffer, ends = joined(batch)
        out, out_ends = np.empty(len(buffer), np.uint32), np.zeros(len(ends), np.int64)
        longest = int(np.diff(ends).max()) + 1
        space = np.empty(longest), *(np.empty(longest, np.int32) for _ in range(3))
        memory = self._borrow()
        place = buffer.ctypes.data, ends, 0, len(batch), self.cut, self.classes.ctypes.data
        given = self.nodes, self.scores, self.unknown, self.byte_ids, self.unknown_id, space
        made = unigram_viterbi.encode_documents(*place, *given, *memory, out, out_ends)
        self._give_back(memory)
        out = out[:made].copy()
        return [out[a:b] for a, b in pairwise(out_ends.tolist())]

    def _borrow(self) -> Memory:
        with self.lock:
            return self.idle.pop() if self.idle else Memory.of_size(SMALLEST)

    def _give_back(self, memory: Memory) -> None:
        with self.lock:
            self.idle.append(memory.larger())

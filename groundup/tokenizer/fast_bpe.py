"""The reference of `bpe.py` at the speed of compiled loops: many texts in, merges or arrays of ids out, on all cores.

Texts are joined into one buffer of bytes with the borders beside it; threads take ranges of documents (the loops hold no
lock). The first use on a machine compiles for some seconds and says so; after that the code comes from a cache.
"""

import threading
from collections.abc import Callable, Iterable
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from groundup.errors import Problem
from groundup.tokenizer.batches import as_bytes, batches, in_order, joined, say, say_compiling, usable_threads
from groundup.tokenizer.counting import MEMORY, Counts, Table, count
from groundup.tokenizer.cutting import Cutter

from groundup.kernels import bpe_encode, bpe_merge, bpe_train, compiled, words  # isort: skip (`batches` tells numba of its cache folder first)

FIRST_SLOTS, MOST_SLOTS = 1 << 12, 1 << 20  # in which an encoder remembers half as many words


def word_borders(text: str | bytes, pattern: str, classes: np.ndarray) -> np.ndarray:
    """Where each word of a text ends, in bytes of its UTF-8."""
    data, cutter = as_bytes(text), Cutter(pattern, classes)
    buffer, _ = joined([data])
    rules = cutter.rules([data])
    return words.word_ends(buffer.ctypes.data, len(data), rules.ctypes.data, cutter.number)


def train(
    texts: Iterable[str | bytes],
    size: int,
    pattern: str,
    classes: np.ndarray,
    threads: int | None = None,
    tell: Callable[[str], None] = say_compiling,
    counted: Callable[[int], None] | None = None,
    min_frequency: int = 1,
    memory: int = MEMORY,
) -> list[tuple[int, int]]:
    """The merges that `bpe.train` gives; `counted` hears how many bytes have been read so far."""
    with compiled.announced(lambda: tell("training tokenizers")):
        table, read, _ = count(texts, Cutter(pattern, classes, say), threads, counted, memory)
        return merges_of(table, read, size, min_frequency)


def train_on(
    counts: Counts, size: int, tell: Callable[[str], None] = say_compiling, min_frequency: int = 1
) -> list[tuple[int, int]]:
    """The same from words that have been counted."""
    with compiled.announced(lambda: tell("training tokenizers")):
        return merges_of(counts.table, counts.read, size, min_frequency)


def merges_of(table: Table | None, read: int, size: int, min_frequency: int) -> list[tuple[int, int]]:
    """The merges that these words give; they come from so many bytes."""
    if table is None or table[2] == 0:
        raise Problem("there is no text to train the tokenizer on: every source is empty")
    if read.bit_length() + 2 * (size - 1).bit_length() > 64:
        raise Problem(f"{read:,} bytes are too many to count for {size:,} tokens: train on a sample of the text")
    rows, arena, _, used = table
    left, right = bpe_train.merge_pairs(rows, arena, used, size, min_frequency).T.tolist()
    return [*zip(left, right, strict=True)]


class Memory(NamedTuple):
    """The words that an encoder has seen, and their ids, with room to work in; one thread at a time."""

    table: np.ndarray
    arena: np.ndarray
    ids: np.ndarray
    state: np.ndarray
    scratch: np.ndarray
    heads: np.ndarray
    bits: np.ndarray

    @classmethod
    def of_size(cls, slots: int, vocabulary: int) -> "Memory":
        """Empty, for half as many words as slots."""
        table, arena, ids = (
            np.zeros((slots, 2), np.uint64),
            np.empty(8 * slots, np.uint8),
            np.empty(4 * slots, np.uint32),
        )
        work = np.full(vocabulary, -1, np.int32), np.zeros(vocabulary // 64 + 1, np.uint64)
        return cls(table, arena, ids, np.zeros(3, np.int64), np.empty(bpe_encode.SCRATCH, np.int64), *work)

    def enlarged(self) -> "Memory":
        """The same words, with room for four times as many."""
        bigger = Memory.of_size(min(4 * len(self.table), MOST_SLOTS), 0)
        bpe_encode.move(self.table, bigger.table)
        bigger.arena[: len(self.arena)], bigger.ids[: len(self.ids)] = self.arena, self.ids
        return bigger._replace(state=self.state, heads=self.heads, bits=self.bits)


class Encoder:
    """Encodes with given merges; may be used from several threads at once."""

    def __init__(
        self,
        byte_ids: np.ndarray,
        merges: np.ndarray,
        pattern: str,
        classes: np.ndarray,
        tell: Callable[[str], None] = say_compiling,
    ):
        """byte_ids (256,); merges (merges, 3): a, b and the id they make, which must grow from merge to merge."""
        self.byte_ids, self.cutter = byte_ids.astype(np.int32), Cutter(pattern, classes, say)
        self.vocabulary = max(int(byte_ids.max()), int(merges.max(initial=0))) + 1
        if self.vocabulary > bpe_merge.LIMIT:
            raise Problem(
                f"this vocabulary has ids up to {self.vocabulary - 1:,}, and encoding is made for up to {bpe_merge.LIMIT:,}"
            )
        self.idle: list[Memory] = []
        self.lock = threading.Lock()
        with compiled.announced(lambda: tell("encoding text")):
            self.pairs = bpe_merge.pair_table(*(np.ascontiguousarray(merges[:, k], np.int64) for k in range(3)))
            self.byte_pairs = bpe_merge.byte_pair_table(self.byte_ids, self.pairs)
            addresses = self.byte_ids.ctypes.data, self.byte_pairs.ctypes.data, self.pairs.ctypes.data
            self.merging = np.array([*addresses, len(self.pairs) - 1], np.int64)
            self._encode([b""])

    def encode(self, text: str | bytes) -> np.ndarray:
        """The ids of one text (tokens,) uint32."""
        return self._encode([as_bytes(text)])[0]

    def encode_many(self, texts: Iterable[str | bytes], threads: int | None = None) -> list[np.ndarray]:
        """The ids of each text."""
        made = in_order(self._encode, batches(texts), threads or usable_threads())
        return [ids for batch in made for ids in batch]

    def encode_with_dropout(self, text: str | bytes, p: float, seed: int) -> np.ndarray:
        """The ids of one text (tokens,) uint32 if merges are left out with probability p."""
        from groundup.kernels.bpe_dropout import encode_text

        data = as_bytes(text)
        buffer, _ = joined([data])
        rules, out = self.cutter.rules([data]), np.empty(len(data), np.uint32)
        place = buffer.ctypes.data, len(data), rules.ctypes.data, self.cutter.number
        with compiled.announced(lambda: say_compiling("encoding with dropout")):
            made = encode_text(*place, self.merging.ctypes.data, float(p), np.uint64(seed & (1 << 64) - 1), out)
        return out[:made].copy()

    def _encode(self, batch: list[bytes]) -> list[np.ndarray]:
        buffer, ends = joined(batch)
        rules, memory = self.cutter.rules(batch), self._borrow()
        out, out_ends = np.empty(len(buffer), np.uint32), np.zeros(len(ends), np.int64)
        text = buffer.ctypes.data, ends
        cut = len(batch), rules.ctypes.data, self.cutter.number, self.merging
        d, i, made = 0, 0, 0
        while d < len(batch):
            place = (
                memory.heads,
                memory.bits,
                memory.table,
                memory.arena,
                memory.ids,
                memory.state,
                memory.scratch,
                len(memory.table) < MOST_SLOTS,
            )
            d, i, made = bpe_encode.encode_until_full(*text, d, i, *cut, *place, out, made, out_ends)
            if d < len(batch):
                memory = memory.enlarged()
        with self.lock:
            self.idle.append(memory)
        out = out[:made].copy()
        return [out[a:b] for a, b in pairwise(out_ends.tolist())]

    def _borrow(self) -> Memory:
        with self.lock:
            return self.idle.pop() if self.idle else Memory.of_size(FIRST_SLOTS, self.vocabulary)

"""The reference of `bpe.py` at the speed of compiled loops: many texts in, merges or arrays of ids out, on all cores.

Texts are joined into one buffer of bytes with the borders beside it; threads take ranges of documents (the loops hold no
lock). The first use on a machine compiles for some ten seconds and says so; after that the code comes from a cache.
"""

import os
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import chain, islice, pairwise
from typing import Any, NamedTuple

import numpy as np

from groundup.errors import Problem
from groundup.hardware import cache_folder, use_cache_folder

use_cache_folder()  # numba reads where to keep compiled code when it is imported, which the next lines do

from groundup.kernels import bpe_encode, bpe_train, word_table, words
from groundup.kernels.compiled import PAD, announced

PATTERN_NUMBERS = {"gpt4": words.GPT4, "gpt2": words.GPT2}
BATCH = 4 << 20  # bytes of text that one thread takes at a time: bounds memory, and is long enough to drown the call
SMALLEST_MEMORY, LARGEST_MEMORY = 12, 19  # log2 of the slots in which an encoder remembers words


def say_compiling(purpose: str) -> None:
    """What the first use on a machine tells on standard error."""
    text = f"compiling the loops for {purpose}, some seconds, once on this machine (kept in {cache_folder()})"
    print(text, file=sys.stderr, flush=True)


def usable_threads() -> int:
    """Cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def as_bytes(text: str | bytes) -> bytes:
    """UTF-8; half of a character (a lone surrogate) has none and is refused."""
    if not isinstance(text, str):
        return text
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        found = f"U+{ord(text[error.start]):04X}"
        raise Problem(
            f"character {error.start} of the text is half of a surrogate pair ({found}), which no UTF-8 file can hold: "
            'remove it, for instance with text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")'
        ) from None


def joined(parts: Sequence[bytes]) -> tuple[np.ndarray, np.ndarray]:
    """Parts as one padded buffer, and their borders: part d is buffer[ends[d]:ends[d + 1]]."""
    ends = np.zeros(len(parts) + 1, np.int64)
    np.cumsum(np.fromiter(map(len, parts), np.int64, len(parts)), out=ends[1:])
    return np.frombuffer(b"".join([*parts, bytes(PAD)]), np.uint8), ends


def batches(texts: Iterable[str | bytes]) -> Iterator[list[bytes]]:
    """Texts as UTF-8 in lists of about BATCH bytes."""
    batch, size = [], 0
    for text in texts:
        batch.append(as_bytes(text))
        size += len(batch[-1])
        if size >= BATCH:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def in_order(work: Callable[[Any], Any], items: Iterable[Any], threads: int) -> Iterator[Any]:
    """work(item) of each item, in order, on so many threads; no more items are drawn than the threads have in hand."""
    items = iter(items)
    ahead = list(islice(items, 2))
    if threads == 1 or len(ahead) < 2:  # starting threads takes longer than encoding a sentence
        yield from map(work, chain(ahead, items))
        return
    with ThreadPoolExecutor(threads) as pool:
        waiting: list[Any] = []
        for item in chain(ahead, items):
            waiting.append(pool.submit(work, item))
            if len(waiting) > threads:
                yield waiting.pop(0).result()
        yield from (future.result() for future in waiting)


def word_borders(text: str | bytes, pattern: str, classes: np.ndarray) -> np.ndarray:
    """Where each word of a text ends, in bytes of its UTF-8."""
    data = as_bytes(text)
    buffer, _ = joined([data])
    return words.word_ends(buffer.ctypes.data, len(data), classes.ctypes.data, PATTERN_NUMBERS[pattern])


def train(
    texts: Iterable[str | bytes],
    size: int,
    pattern: str,
    classes: np.ndarray,
    threads: int | None = None,
    tell: Callable[[str], None] = say_compiling,
    counted: Callable[[int], None] | None = None,
) -> list[tuple[int, int]]:
    """The merges that `bpe.train` gives; `counted` hears how many bytes have been read so far."""

    def count(batch: list[bytes]) -> tuple:
        buffer, ends = joined(batch)
        place = buffer.ctypes.data, ends, 0, len(batch), classes.ctypes.data, PATTERN_NUMBERS[pattern]
        return int(ends[-1]), word_table.count_words(*place)

    total, read = None, 0
    with announced(lambda: tell("training tokenizers")):
        for seen, table in in_order(count, batches(texts), threads or usable_threads()):
            total = table if total is None else word_table.add_counts(*total, table[0], table[1])
            read += seen
            if counted:
                counted(read)
        if total is None or total[2] == 0:
            raise Problem("there is no text to train the tokenizer on: every source is empty")
        if read.bit_length() + 2 * (size - 1).bit_length() > 64:
            raise Problem(f"{read:,} bytes are too many to count for {size:,} tokens: train on a sample of the text")
        rows, arena, _, used = total
        return [(a, b) for a, b in bpe_train.merge_pairs(rows, arena, used, size).tolist()]


class Memory(NamedTuple):
    """The words that an encoder has seen, and their ids; one thread at a time."""

    table: np.ndarray
    arena: np.ndarray
    ids: np.ndarray
    state: np.ndarray

    @classmethod
    def of_size(cls, bits: int) -> "Memory":
        """Empty, for 2^(bits - 1) words."""
        arena, ids = np.empty(8 << bits, np.uint8), np.empty(4 << bits, np.uint32)
        return cls(np.zeros((1 << bits, 4), np.uint64), arena, ids, np.zeros(3, np.int64))

    def is_full(self) -> bool:
        """Whether a larger one would remember more."""
        words_kept, bytes_kept, ids_kept = self.state.tolist()
        roomy = 2 * words_kept < len(self.table) and bytes_kept + 64 < len(self.arena) and ids_kept + 64 < len(self.ids)
        return not roomy and len(self.table) < 1 << LARGEST_MEMORY


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
        self.byte_ids, self.classes, self.pattern = byte_ids.astype(np.int64), classes, PATTERN_NUMBERS[pattern]
        self.idle: list[Memory] = []
        self.lock = threading.Lock()
        with announced(lambda: tell("encoding text")):
            self.pairs = bpe_encode.pair_table(*(np.ascontiguousarray(merges[:, k], np.int64) for k in range(3)))
            self._encode([b""])

    def encode(self, text: str | bytes) -> np.ndarray:
        """The ids of one text (tokens,) uint32."""
        return self._encode([as_bytes(text)])[0]

    def encode_many(self, texts: Iterable[str | bytes], threads: int | None = None) -> list[np.ndarray]:
        """The ids of each text."""
        made = in_order(self._encode, batches(texts), threads or usable_threads())
        return [ids for batch in made for ids in batch]

    def _encode(self, batch: list[bytes]) -> list[np.ndarray]:
        buffer, ends = joined(batch)
        out, out_ends = np.empty(len(buffer) + bpe_encode.SHORT, np.uint32), np.zeros(len(ends), np.int64)
        memory = self._borrow()
        place = buffer.ctypes.data, ends, 0, len(batch), self.classes.ctypes.data, self.pattern
        made = bpe_encode.encode_documents(*place, self.byte_ids, self.pairs, *memory, out, out_ends)
        self._give_back(memory)
        out = out[:made].copy()
        borders = out_ends.tolist()
        return [out[a:b] for a, b in pairwise(borders)]

    def _borrow(self) -> Memory:
        with self.lock:
            return self.idle.pop() if self.idle else Memory.of_size(SMALLEST_MEMORY)

    def _give_back(self, memory: Memory) -> None:
        if memory.is_full():
            memory = Memory.of_size(min(LARGEST_MEMORY, len(memory.table).bit_length() + 1))
        with self.lock:
            self.idle.append(memory)

"""How often each word occurs in any amount of text: counted on all cores, in bounded memory, kept in a file, continued.

Distinct words grow without end as text does. Where they would take more than their share of memory, the rarest are forgotten:
in the order (count, length, hash), the last half of them, each time that a stretch of text has been added. The stretches follow
from the texts alone, so the counts are the same on any number of threads. Where nothing was forgotten they are exact.
Within a stretch each thread has a table of its own: what it has seen before costs it a look-up and no more.
"""

import hashlib
import json
import zipfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain, islice
from pathlib import Path
from typing import Any, Self

import numpy as np

from groundup.errors import Problem
from groundup.tokenizer.batches import as_bytes, batches, in_order, joined, usable_threads
from groundup.tokenizer.cutting import Cutter

from groundup.kernels import word_table  # isort: skip (`batches` tells numba of its cache folder first)

STRETCH = 8  # batches between which nothing is forgotten
MEMORY = 2 << 30  # bytes, for counting and for merging after it
BYTE_COST, WORD_COST = 64, 512  # what a byte of a distinct word, and a word, may cost at most in the course of both
Table = tuple[np.ndarray, np.ndarray, int, int]  # as `kernels.word_table` has it


def count(
    texts: Iterable[str | bytes],
    cutter: Cutter,
    threads: int | None = None,
    counted: Callable[[int], None] | None = None,
    memory: int = MEMORY,
    total: Table | None = None,
) -> tuple[Table | None, int, int]:
    """The words of all texts, added to `total`; how many bytes these were; how often rare words were forgotten."""

    tables: list[Table] = []

    def work(batch: list[bytes]) -> int:
        buffer, ends = joined(batch)
        rules, mine = cutter.rules(batch), borrowed(tables)
        given = buffer.ctypes.data, ends, 0, len(batch), rules.ctypes.data, cutter.number
        tables.append(word_table.count_words(*mine, *given))
        return int(ends[-1])

    read, forgotten, waiting = 0, 0, batches(texts)
    while stretch := list(islice(waiting, 1)):
        for seen in in_order(work, chain(stretch, islice(waiting, STRETCH - 1)), threads or usable_threads()):
            read += seen
            if counted:
                counted(read)
        total = added([total, *tables] if total else tables)
        tables.clear()
        rows, arena, size, used = total
        if size * WORD_COST > memory or used * BYTE_COST > memory:
            total = without_rarest(rows, arena, size, used, memory)
            forgotten += 1
    return total, read, forgotten


def borrowed(tables: list[Table]) -> Table:
    """One of the tables that nobody works on, or a new one."""
    try:
        return tables.pop()
    except IndexError:
        return empty()


def added(tables: Sequence[Table]) -> Table:
    """The words of several tables in the first of them."""
    rows, arena, size, used = tables[0]
    for other, theirs, _, _ in tables[1:]:
        rows, arena, size, used = word_table.add_counts(rows, arena, size, used, other, theirs)
    return rows, arena, size, used


def without_rarest(table: np.ndarray, arena: np.ndarray, size: int, used: int, memory: int) -> Table:
    """The half of its words that come first by (count, falling; length; hash), fewer where half are still too many."""
    rows = table[table[:, word_table.LENGTH] > 0]
    order = np.lexsort((rows[:, word_table.HASH], rows[:, word_table.LENGTH], ~rows[:, word_table.VALUE]))
    rows = rows[order[: min((size + 1) // 2, memory // (2 * WORD_COST))]]
    fits = np.cumsum(rows[:, word_table.LENGTH]) <= min(used, memory // BYTE_COST) / 2
    rows = rows[: max(int(fits.sum()), 1)]
    return word_table.add_counts(*empty(), np.ascontiguousarray(rows), arena)


def empty() -> Table:
    """A table without words."""
    return word_table.slots(1 << 13), np.zeros(1 << 16, np.uint8), 0, 0


@dataclass
class Counts:
    """The words of what has been read so far, and a fingerprint of it."""

    cutter: Cutter
    table: Table = field(default_factory=empty)
    read: int = 0  # bytes
    forgotten: int = 0  # how often rare words were
    fingerprint: str = ""  # blake2b of the fingerprint before and the texts added to it, each with its length

    def add(
        self,
        texts: Iterable[str | bytes],
        threads: int | None = None,
        counted: Callable[[int], None] | None = None,
        memory: int = MEMORY,
    ) -> Self:
        """Count these texts, too."""
        digest = hashlib.blake2b(self.fingerprint.encode(), digest_size=16)
        table, read, forgotten = count(hashed(texts, digest), self.cutter, threads, counted, memory, self.table)
        self.table, self.read, self.forgotten = table or self.table, self.read + read, self.forgotten + forgotten
        self.fingerprint = digest.hexdigest()
        return self

    def words(self) -> dict[bytes, int]:
        """Each word with its count."""
        table, arena, _, _ = self.table
        rows = table[table[:, word_table.LENGTH] > 0, 1:].tolist()
        return {arena[start : start + length].tobytes(): times for start, length, times in rows}

    def save(self, path: str | Path) -> None:
        """Into one file of NumPy arrays (.npz)."""
        table, arena, _, used = self.table
        told = {"format": 1, "pattern": self.cutter.pattern, "read": self.read, "forgotten": self.forgotten}
        told |= {"fingerprint": self.fingerprint, "classes": hashlib.sha256(self.cutter.classes.tobytes()).hexdigest()}
        path = Path(path)
        beside = path.with_name(f".{path.name}.writing")
        try:
            with beside.open("wb") as file:
                rows = table[table[:, word_table.LENGTH] > 0]
                np.savez(file, told=np.frombuffer(json.dumps(told).encode(), np.uint8), rows=rows, words=arena[:used])
            beside.replace(path)
        finally:
            beside.unlink(missing_ok=True)

    @classmethod
    def load(cls, path: str | Path, cutter: Cutter) -> Self:
        """From such a file, to go on with; it must have been counted with the same pattern and classes."""
        told, rows, words = read_file(Path(path))
        if told["pattern"] != cutter.pattern:
            raise Problem(
                f"{path} holds words cut by {told['pattern']!r}, and {cutter.pattern!r} is asked for: count again, or ask for that"
            )
        if told["classes"] != hashlib.sha256(cutter.classes.tobytes()).hexdigest():
            raise Problem(f"{path} was counted with another table of character classes: count again")
        table = word_table.add_counts(*empty(), rows, np.concatenate([words, np.zeros(8, np.uint8)]))
        return cls(cutter, table, told["read"], told["forgotten"], told["fingerprint"])


def read_file(path: Path) -> tuple[dict[str, Any], np.ndarray, np.ndarray]:
    """What `Counts.save` wrote; whatever else it is is refused."""
    try:
        with np.load(path, allow_pickle=False) as file:
            told, rows, words = json.loads(bytes(file["told"])), file["rows"], file["words"]
        whole = rows.dtype == np.uint64 and rows.shape[1:] == (4,) and words.dtype == np.uint8 and told["format"] == 1
        if whole and all_inside(rows, len(words)):
            return told, np.ascontiguousarray(rows), words
    except FileNotFoundError:
        raise Problem(f"there are no counts at {path}") from None
    except (OSError, ValueError, KeyError, EOFError, TypeError, AttributeError, IndexError, zipfile.BadZipFile):
        pass
    raise Problem(f"{path} is not a whole file of counts as groundup writes them: count again")


def all_inside(rows: np.ndarray, size: int) -> bool:
    """Whether each word is one of so many bytes."""
    starts, lengths = rows[:, word_table.START], rows[:, word_table.LENGTH]
    return bool(((lengths > 0) & (lengths <= size) & (starts <= size - np.minimum(lengths, size))).all())


def hashed(texts: Iterable[str | bytes], digest: Any) -> Iterator[bytes]:
    """The texts, each added to a digest as it passes."""
    for text in texts:
        data = as_bytes(text)
        digest.update(len(data).to_bytes(8, "little"))
        digest.update(data)
        yield data

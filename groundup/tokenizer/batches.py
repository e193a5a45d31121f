"""Texts as long buffers of bytes, and work on them with all cores: what every compiled tokenizer begins with."""

import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import chain, islice
from typing import Any

import numpy as np

from groundup.errors import Problem
from groundup.hardware import cache_folder, use_cache_folder

use_cache_folder()  # numba reads where to keep compiled code when it is imported, which the next line does

from groundup.kernels.compiled import PAD

BATCH = 4 << 20  # bytes of text that one thread takes at a time: bounds memory, and is long enough to drown the call


def say(text: str) -> None:
    """A note on standard error."""
    print(text, file=sys.stderr, flush=True)


def say_compiling(purpose: str) -> None:
    """What the first use on a machine tells."""
    say(f"compiling the loops for {purpose}, some seconds, once on this machine (kept in {cache_folder()})")


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

"""Blocks of documents become shards, some of them held out; reading, encoding and writing go on at the same time.

What is whole is written down every few seconds, so that a work that was killed goes on there and ends in the same bytes.
"""

import json
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from groundup.data.tokens.corpora import ahead
from groundup.data.tokens.shards import FILE_BYTES, Writer, Written
from groundup.data.tokens.split import place
from groundup.run import write_atomically

SIDES = ("train", "val")
SO_FAR = "so-far.json"
EVERY = 5.0  # seconds between two notes of what is whole
TOGETHER = 64  # documents that are narrowed, hashed and written while they are in the processor's cache


@dataclass
class SoFar:
    """What an attempt has written, to the document."""

    documents: int = 0
    sides: dict[str, Written] = field(default_factory=dict)


class Encoding:
    """Writes documents to the train/ and val/ of a folder, from where an attempt before this one ended."""

    def __init__(self, out: Path, tokenizer: Any, separator: int, held_out: int, file_bytes: int = FILE_BYTES):
        self.out, self.tokenizer, self.held_out = out, tokenizer, held_out
        self.separator = np.array([separator], np.uint32)
        self.so_far = read_so_far(out / SO_FAR)
        self.documents, self.noted = self.so_far.documents, time.monotonic()
        self.writers = {
            name: Writer(out / name, tokenizer.vocabulary, self.so_far.sides.get(name), file_bytes) for name in SIDES
        }

    def take(self, blocks: Iterator[tuple[list[bytes], list[int]]], tell: Callable[[int], None]) -> None:
        """Encode and write all blocks; `tell` hears how many documents are done."""
        with ThreadPoolExecutor(1) as pen:
            written = None
            for block, places in ahead(blocks):
                ids = self.tokenizer.encode_many(block)
                if written is not None:
                    tell(written.result())
                written = pen.submit(self._write, block, places, ids)
            if written is not None:
                tell(written.result())

    def take_ids(self, documents: Iterable[np.ndarray], tell: Callable[[int], None], together: int = 1024) -> None:
        """The same for documents that are numbers already, without separators; their text says where they belong."""
        block: list[np.ndarray] = []
        for document in documents:
            block.append(document)
            if len(block) == together:
                tell(self._write_ids(block))
                block = []
        if block:
            tell(self._write_ids(block))

    def close(self) -> dict[str, dict[str, Any]]:
        """Finish both sides; returns their indices."""
        made = {name: writer.close() for name, writer in self.writers.items()}
        (self.out / SO_FAR).unlink(missing_ok=True)
        return made

    def _write_ids(self, block: list[np.ndarray]) -> int:
        texts = [self.tokenizer.decode_bytes(ids) for ids in block]
        return self._write(texts, [place(text) for text in texts], block)

    def _write(self, texts: list[bytes], places: list[int], ids: list[np.ndarray]) -> int:
        for name in SIDES:
            side = [at for at, where in enumerate(places) if (where < self.held_out) == (name == "val")]
            for some in (side[begin : begin + TOGETHER] for begin in range(0, len(side), TOGETHER)):
                parts = [part for at in some for part in (self.separator, ids[at])]
                lengths = np.array([len(ids[at]) + 1 for at in some])
                self.writers[name].append(np.concatenate(parts), lengths, sum(len(texts[at]) for at in some))
        self.documents += len(texts)
        if time.monotonic() - self.noted > EVERY:
            self.note()
        return self.documents

    def note(self) -> None:
        """Put what has been written on the disk, and write down that it is there."""
        sides = {name: asdict(writer.sync()) for name, writer in self.writers.items()}
        write_atomically(self.out / SO_FAR, json.dumps({"documents": self.documents, "sides": sides}))
        self.noted = time.monotonic()


def read_so_far(path: Path) -> SoFar:
    """What an attempt before this one wrote down, or nothing."""
    if not path.exists():
        return SoFar()
    told = json.loads(path.read_text())
    return SoFar(told["documents"], {name: Written(**side) for name, side in told["sides"].items()})

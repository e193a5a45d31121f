"""Token shards: where a text comes to rest as numbers, one flat file of ids and one of where each document begins.

The tokens stage writes a folder with `Writer`; training maps it into memory with `Shards` and reads any place at once.
A folder holds `tokens.bin` (uint16 or uint32; once that is full, `tokens-00001.bin`, …), `offsets.bin` (int64, one more
than documents) and `index.json`.
"""

import hashlib
import json
import mmap
import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from groundup.data.tokens.flat import Joined
from groundup.errors import Problem

FORMAT, IN_SEVERAL = 1, 2  # of a folder with one file of tokens, and with more
TOKENS, OFFSETS, INDEX = "tokens.bin", "offsets.bin", "index.json"
SCAN = 1 << 24  # ids looked at together when the range is checked
LOOKED_AT = 1 << 28  # ids of which the range is checked on opening; later ones when they are read
FILE_BYTES = 1 << 30  # of one file of tokens
LARGE = 1 << 28  # bytes of a file from which on the system is told how it is read
BLOCK = 1 << 20  # bytes read at once when what was written is hashed again


def dtype_for(vocabulary: int) -> np.dtype:
    """The narrowest of uint16 and uint32 that holds every id, always little-endian on disk."""
    return np.dtype("<u2" if vocabulary <= 1 << 16 else "<u4")


@dataclass
class Written:
    """How much of a folder is whole."""

    documents: int = 0
    tokens: int = 0
    text_bytes: int = 0


class Writer:
    """Appends documents to a folder; nothing can be read from it before `close` has written the index.

    `so_far` goes on with a folder that an earlier writer of the same settings left: what it wrote after that is dropped.
    """

    def __init__(self, folder: Path, vocabulary: int, so_far: Written | None = None, file_bytes: int = FILE_BYTES):
        self.folder, self.vocabulary, self.dtype = Path(folder), vocabulary, dtype_for(vocabulary)
        self.per_file = file_bytes // self.dtype.itemsize  # tokens
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / INDEX).unlink(missing_ok=True)
        self.written = so_far or Written()
        self.offsets = Appended(self.folder / OFFSETS, 8 * (self.written.documents + 1) if so_far else 0)
        if not so_far:
            self.offsets.append(np.zeros(1, "<i8"))
        whole, rest = divmod(self.written.tokens, self.per_file)
        self.files = [self._file(number, self.per_file) for number in range(whole)]
        for file in self.files:
            file.finish()
        if rest or not whole:
            self.files.append(self._file(whole, rest))
        for path in self.folder.glob("tokens-*.bin"):
            if path not in [file.path for file in self.files]:
                path.unlink()

    @property
    def tokens(self) -> int:
        """Of all documents so far."""
        return self.written.tokens

    @property
    def documents(self) -> int:
        """So far."""
        return self.written.documents

    def add(self, documents: Iterable[np.ndarray], text_bytes: int) -> None:
        """Append some documents' ids (separators included), which `text_bytes` of UTF-8 were made into."""
        ids = [np.asarray(document) for document in documents]
        if ids:
            self.append(np.concatenate(ids), np.array([len(document) for document in ids]), text_bytes)

    def append(self, ids: np.ndarray, lengths: np.ndarray, text_bytes: int) -> None:
        """The same for documents that lie end to end in one array."""
        if ids.size and int(ids.max()) >= self.vocabulary:
            raise Problem(
                f"the tokenizer gave the id {int(ids.max())}, but it says it has {self.vocabulary} ids; train it again"
            )
        self.offsets.append((self.written.tokens + np.cumsum(lengths)).astype("<i8"))
        flat, at = ids.astype(self.dtype), 0
        while at < len(flat):
            room = self.per_file * len(self.files) - self.written.tokens - at
            if not room:
                self.files[-1].finish()
                self.files.append(self._file(len(self.files), 0))
                continue
            self.files[-1].append(flat[at : at + room])
            at += min(room, len(flat) - at)
        self.written = Written(
            self.written.documents + len(lengths), self.written.tokens + len(flat), self.written.text_bytes + text_bytes
        )

    def sync(self) -> Written:
        """Wait until all of it is on the disk; returns what a later writer may go on from."""
        self.offsets.sync()
        self.files[-1].sync()  # those before it have been finished
        return self.written

    def close(self) -> dict[str, Any]:
        """Finish the files, write `index.json` and return what stands in it."""
        for file in (*self.files, self.offsets):
            file.finish()
        index = {"format": FORMAT, "dtype": self.dtype.name, "vocabulary": self.vocabulary} | asdict(self.written)
        if len(self.files) > 1:
            index |= {"format": IN_SEVERAL, "files": [file.path.name for file in self.files]}
            index["tokens_per_file"] = self.per_file
        index["sha256"] = {file.path.name: file.hash.hexdigest() for file in (*self.files, self.offsets)}
        (self.folder / INDEX).write_text(json.dumps(index, indent=1) + "\n")
        return index

    def _file(self, number: int, tokens: int) -> "Appended":
        name = f"tokens-{number:05d}.bin" if number else TOKENS
        return Appended(self.folder / name, tokens * self.dtype.itemsize)


class Appended:
    """A file that grows, and the hash of it; what lies behind its first `whole` bytes is dropped."""

    def __init__(self, path: Path, whole: int):
        self.path, self.hash = path, hashlib.sha256()
        self.file = open(path, "r+b" if whole else "wb")  # noqa: SIM115 (it stays open)
        left = whole
        while left:
            block = self.file.read(min(BLOCK, left))
            if not block:
                raise Problem(f"{path} is shorter than the {whole} bytes that were written: remove its folder")
            self.hash.update(block)
            left -= len(block)
        self.file.truncate()

    def append(self, values: np.ndarray) -> None:
        """Write their bytes behind the others."""
        raw = np.ascontiguousarray(values).view(np.uint8).data
        self.file.write(raw)
        self.hash.update(raw)

    def sync(self) -> None:
        """Wait until all of it is on the disk."""
        if not self.file.closed:
            self.file.flush()
            os.fsync(self.file.fileno())

    def finish(self) -> None:
        """The same, and close it."""
        self.sync()
        self.file.close()


class Shards:
    """A folder of tokens mapped into memory: `tokens` (tokens,) and `offsets` (documents + 1,)."""

    def __init__(self, folder: Path | str):
        self.folder, self.maps = Path(folder), list[mmap.mmap]()
        self.index = _read_index(self.folder)
        self.vocabulary: int = self.index["vocabulary"]
        self.documents: int = self.index["documents"]
        self.text_bytes: int = self.index["text_bytes"]
        self.tokens: Any = self._tokens(np.dtype(self.index["dtype"]).newbyteorder("<"), self.index["tokens"])
        self.offsets = self._map(OFFSETS, np.dtype("<i8"), self.documents + 1)
        few = self.offsets[:SCAN]  # of more documents than that the order is not looked at
        if int(self.offsets[0]) != 0 or int(self.offsets[-1]) != len(self.tokens) or np.any(np.diff(few) < 0):
            raise Problem(
                f"{self.folder / OFFSETS} does not divide the {len(self.tokens)} tokens beside it into "
                "documents; the folder is damaged: make the tokens again"
            )
        for start in range(0, min(len(self.tokens), LOOKED_AT), SCAN):
            self.check(self.tokens[start : start + SCAN])
        self._expect_leaps()

    def check(self, ids: np.ndarray) -> None:
        """A Problem if some of these ids are none of the vocabulary."""
        if ids.size and int(ids.max()) >= self.vocabulary:
            raise Problem(
                f"{self.folder / TOKENS} holds the id {int(ids.max())}, but its vocabulary has "
                f"{self.vocabulary} ids; the folder is damaged: make the tokens again"
            )

    def document(self, i: int) -> np.ndarray:
        """The ids of document i, in the shards' own dtype; no copy is made."""
        if not 0 <= i < self.documents:
            raise IndexError(f"document {i} of {self.documents}")
        return self.tokens[int(self.offsets[i]) : int(self.offsets[i + 1])]

    def verify(self) -> None:
        """Read everything and compare it with the hashes of the index."""
        for name, expected in self.index["sha256"].items():
            with open(self.folder / name, "rb") as file:
                found = hashlib.file_digest(file, "sha256").hexdigest()
            if found != expected:
                raise Problem(
                    f"{self.folder / name} has changed since it was written: sha256 {found[:12]}…, "
                    f"expected {expected[:12]}…; make the tokens again"
                )

    def _tokens(self, dtype: np.dtype, count: int) -> np.ndarray | Joined:
        files = self.index.get("files", [TOKENS])
        each = self.index.get("tokens_per_file", count)
        parts = [self._map(name, dtype, min(each, count - each * at)) for at, name in enumerate(files)]
        return parts[0] if len(parts) == 1 else Joined(parts)

    def _map(self, name: str, dtype: np.dtype, count: int) -> np.ndarray:
        path = self.folder / name
        size = path.stat().st_size if path.exists() else -1
        if size != count * dtype.itemsize:
            found = "is missing" if size < 0 else f"has {size} bytes"
            raise Problem(f"{path} {found}, {count * dtype.itemsize} bytes expected; make the tokens again")
        if not count:
            return np.zeros(0, dtype)
        with open(path, "rb") as file:
            self.maps.append(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
        return np.frombuffer(self.maps[-1], dtype)

    def _expect_leaps(self) -> None:
        """Tell the system that large files are read here and there: what it would read ahead of a window nobody wants."""
        for mapped in self.maps:
            if len(mapped) > LARGE and hasattr(mmap, "MADV_RANDOM"):
                mapped.madvise(mmap.MADV_RANDOM)


def _read_index(folder: Path) -> dict[str, Any]:
    path = folder / INDEX
    try:
        index = json.loads(path.read_text())
        if index["format"] not in (FORMAT, IN_SEVERAL):
            raise Problem(
                f"{path} has format {index['format']}, this groundup reads formats {FORMAT} and {IN_SEVERAL}; "
                "make the tokens again or use the version that wrote them"
            )
        if index["dtype"] not in ("uint16", "uint32") or min(index[k] for k in _COUNTS) < 0:
            raise ValueError
        names, each = index.get("files", [TOKENS]), index.get("tokens_per_file", index["tokens"])
        if any(Path(name).name != name for name in names) or (len(names) - 1) * each > index["tokens"]:
            raise ValueError
    except FileNotFoundError:
        raise Problem(
            f"no tokens in {folder}: {INDEX} is missing; name a folder that the tokens stage made (its train/ or val/)"
        ) from None
    except (ValueError, KeyError, TypeError):
        raise Problem(f"{path} is not an index of token shards; make the tokens again") from None
    return index


_COUNTS = ("vocabulary", "documents", "tokens", "text_bytes")

"""Token shards: where a text comes to rest as numbers, one flat file of ids and one of where each document begins.

The tokens stage writes a folder with `Writer`; training maps it into memory with `Shards` and reads any place at once.
A folder holds `tokens.bin` (uint16 or uint32), `offsets.bin` (int64, one more than documents) and `index.json`.
"""

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from groundup.errors import Problem

FORMAT = 1
TOKENS, OFFSETS, INDEX = "tokens.bin", "offsets.bin", "index.json"
SCAN = 1 << 24  # ids looked at together when the range is checked


def dtype_for(vocabulary: int) -> np.dtype:
    """The narrowest of uint16 and uint32 that holds every id, always little-endian on disk."""
    return np.dtype("<u2" if vocabulary <= 1 << 16 else "<u4")


class Writer:
    """Appends documents to a folder; nothing can be read from it before `close` has written the index."""

    def __init__(self, folder: Path, vocabulary: int):
        self.folder, self.vocabulary, self.dtype = Path(folder), vocabulary, dtype_for(vocabulary)
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / INDEX).unlink(missing_ok=True)
        self.documents = self.tokens = self.text_bytes = 0
        self._files = {name: open(self.folder / name, "wb") for name in (TOKENS, OFFSETS)}
        self._hashes = {name: hashlib.sha256() for name in self._files}
        self._append(OFFSETS, np.zeros(1, "<i8"))

    def add(self, documents: Iterable[np.ndarray], text_bytes: int) -> None:
        """Append some documents' ids (separators included), which `text_bytes` of UTF-8 were made into."""
        ids = [np.asarray(document) for document in documents]
        if not ids:
            return
        flat = np.concatenate(ids)
        if flat.size and int(flat.max()) >= self.vocabulary:
            raise Problem(
                f"the tokenizer gave the id {int(flat.max())}, but it says it has {self.vocabulary} ids; train it again"
            )
        ends = self.tokens + np.cumsum([len(document) for document in ids])
        self._append(TOKENS, flat.astype(self.dtype))
        self._append(OFFSETS, ends.astype("<i8"))
        self.documents, self.tokens, self.text_bytes = (
            self.documents + len(ids),
            int(ends[-1]),
            (self.text_bytes + text_bytes),
        )

    def close(self) -> dict[str, Any]:
        """Finish the files, write `index.json` and return what stands in it."""
        for file in self._files.values():
            file.close()
        index = {
            "format": FORMAT,
            "dtype": self.dtype.name,
            "vocabulary": self.vocabulary,
            "documents": self.documents,
            "tokens": self.tokens,
            "text_bytes": self.text_bytes,
            "sha256": {name: digest.hexdigest() for name, digest in self._hashes.items()},
        }
        (self.folder / INDEX).write_text(json.dumps(index, indent=1) + "\n")
        return index

    def _append(self, name: str, values: np.ndarray) -> None:
        raw = values.tobytes()
        self._files[name].write(raw)
        self._hashes[name].update(raw)


class Shards:
    """A folder of tokens mapped into memory: `tokens` (tokens,) and `offsets` (documents + 1,)."""

    def __init__(self, folder: Path | str):
        self.folder = Path(folder)
        self.index = _read_index(self.folder)
        self.vocabulary: int = self.index["vocabulary"]
        self.documents: int = self.index["documents"]
        self.text_bytes: int = self.index["text_bytes"]
        self.tokens = self._map(TOKENS, np.dtype(self.index["dtype"]).newbyteorder("<"), self.index["tokens"])
        self.offsets = self._map(OFFSETS, np.dtype("<i8"), self.documents + 1)
        if int(self.offsets[0]) != 0 or int(self.offsets[-1]) != len(self.tokens) or np.any(np.diff(self.offsets) < 0):
            raise Problem(
                f"{self.folder / OFFSETS} does not divide the {len(self.tokens)} tokens beside it into "
                "documents; the folder is damaged: make the tokens again"
            )
        for start in range(0, len(self.tokens), SCAN):
            largest = int(self.tokens[start : start + SCAN].max())
            if largest >= self.vocabulary:
                raise Problem(
                    f"{self.folder / TOKENS} holds the id {largest}, but its vocabulary has "
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

    def _map(self, name: str, dtype: np.dtype, count: int) -> np.ndarray:
        path = self.folder / name
        size = path.stat().st_size if path.exists() else -1
        if size != count * dtype.itemsize:
            found = "is missing" if size < 0 else f"has {size} bytes"
            raise Problem(f"{path} {found}, {count * dtype.itemsize} bytes expected; make the tokens again")
        return np.memmap(path, dtype, "r") if count else np.zeros(0, dtype)


def _read_index(folder: Path) -> dict[str, Any]:
    path = folder / INDEX
    try:
        index = json.loads(path.read_text())
        if index["format"] != FORMAT:
            raise Problem(
                f"{path} has format {index['format']}, this groundup reads format {FORMAT}; "
                "make the tokens again or use the version that wrote them"
            )
        if index["dtype"] not in ("uint16", "uint32") or min(index[k] for k in _COUNTS) < 0:
            raise ValueError
    except FileNotFoundError:
        raise Problem(
            f"no tokens in {folder}: {INDEX} is missing; name a folder that the tokens stage made (its train/ or val/)"
        ) from None
    except (ValueError, KeyError, TypeError):
        raise Problem(f"{path} is not an index of token shards; make the tokens again") from None
    return index


_COUNTS = ("vocabulary", "documents", "tokens", "text_bytes")

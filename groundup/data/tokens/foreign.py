"""Other people's token files: nanoGPT's, llm.c's and Megatron's, read into documents and written from our shards.

A file comes in and is believed nothing: sizes, counts and borders must fit each other. Documents go out as arrays of ids
without the separator between them, since every format has another habit about it.
"""

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from groundup.data.tokens.shards import Shards
from groundup.errors import Problem

SEARCHED = 1 << 24  # ids among which separators are looked for at once
LLM_C = {  # magic number and version of the 256 numbers before the ids (karpathy/llm.c, dev/data/data_common.py)
    (20240520, 1): np.dtype("<u2"),
    (20240801, 7): np.dtype("<u4"),
}
HEADER = 256 * 4
MEGATRON = b"MMIDIDX\x00\x00"  # NVIDIA/Megatron-LM, core/datasets/indexed_dataset.py
DTYPES = {1: "u1", 2: "i1", 3: "<i2", 4: "<i4", 5: "<i8", 8: "<u2"}  # 6 and 7 are floating, which no id is


@dataclass(frozen=True)
class Stream:
    """A file of ids mapped into memory, and where its documents begin and end, if it says so."""

    path: Path
    form: str
    ids: np.ndarray
    borders: np.ndarray | None = None  # int64 (documents + 1)


def is_foreign(path: Path) -> bool:
    """Whether a path is such a file."""
    return path.is_file() and path.suffix in (".bin", ".idx")


def documents_of(path: Path, separator: int, vocabulary: int) -> Iterator[np.ndarray]:
    """The documents of a file (uint32 each), cut at the separator, which is left out, and where the file itself cuts."""
    stream = opened(path)
    rest: list[np.ndarray] = []
    for part, ends in _stretches(stream):
        if part.size and (int(part.max()) >= vocabulary or int(part.min()) < 0):
            wrong = int(part.max()) if int(part.max()) >= vocabulary else int(part.min())
            raise Problem(
                f"{path} holds the id {wrong}, and the tokenizer has {vocabulary} ids: name the tokenizer that the file was "
                "made with"
            )
        pieces = np.split(part, np.flatnonzero(part == separator))
        for number, piece in enumerate(pieces):
            if number and rest:
                yield from _joined(rest)
                rest = []
            rest.append(piece[piece != separator].astype(np.uint32))
        if ends:
            yield from _joined(rest)
            rest = []
    yield from _joined(rest)


def opened(path: Path) -> Stream:
    """The ids of a file, whichever of the formats it is."""
    if path.suffix == ".idx" or path.with_suffix(".idx").exists():
        return megatron(path)
    with open(path, "rb") as file:
        head = file.read(HEADER)
    if len(head) == HEADER and (found := struct.unpack("<3i", head[:12]))[:2] in LLM_C:
        return llm_c(path, LLM_C[found[0], found[1]], found[2])
    return nanogpt(path)


def nanogpt(path: Path) -> Stream:
    """uint16 ids and nothing else."""
    size = path.stat().st_size
    if size % 2 or not size:
        raise Problem(f"{path} has {size} bytes, which are not a row of 16-bit ids as nanoGPT writes them")
    return Stream(path, "nanogpt", np.asarray(np.memmap(path, "<u2", "r")))


def llm_c(path: Path, dtype: np.dtype, count: int) -> Stream:
    """Ids behind a header of 256 numbers."""
    size, wanted = path.stat().st_size, HEADER + count * dtype.itemsize
    if size != wanted or count < 1:
        raise Problem(
            f"{path} says it holds {count} ids of llm.c, which take {wanted} bytes, and has {size}: fetch it again"
        )
    return Stream(path, "llm.c", np.asarray(np.memmap(path, dtype, "r", HEADER)))


def megatron(path: Path) -> Stream:
    """Ids in NAME.bin, and in NAME.idx where sequences and documents begin (version 1)."""
    index, data = path.with_suffix(".idx"), path.with_suffix(".bin")
    if not index.exists() or not data.exists():
        raise Problem(f"Megatron's files come in pairs, and {data if index.exists() else index} is missing")
    raw = index.read_bytes()
    fixed = len(MEGATRON) + 8 + 1 + 8 + 8
    if raw[: len(MEGATRON)] != MEGATRON or len(raw) < fixed:
        raise Problem(f"{index} does not begin like an index of Megatron's")
    version, code, sequences, borders = struct.unpack("<QBQQ", raw[len(MEGATRON) : fixed])
    if version != 1 or code not in DTYPES:
        raise Problem(
            f"{index} is of version {version} with ids of kind {code}: known are version 1 and {sorted(DTYPES)}"
        )
    if len(raw) not in (whole := fixed + 12 * sequences + 8 * borders, whole + sequences):  # with modes, one byte each
        raise Problem(
            f"{index} has {len(raw)} bytes, and {sequences} sequences in {borders - 1} documents take {whole}"
        )
    lengths = np.frombuffer(raw, "<i4", sequences, fixed).astype(np.int64)
    pointers = np.frombuffer(raw, "<i8", sequences, fixed + 4 * sequences)
    documents = np.frombuffer(raw, "<i8", borders, fixed + 12 * sequences)
    dtype, size = np.dtype(DTYPES[code]), data.stat().st_size
    ends = np.concatenate([[0], np.cumsum(lengths)])
    if np.any(lengths < 0) or np.any(pointers != ends[:-1] * dtype.itemsize) or size != int(ends[-1]) * dtype.itemsize:
        raise Problem(f"{index} tells of sequences that do not lie end to end in the {size} bytes of {data.name}")
    if not borders or documents[0] != 0 or documents[-1] != sequences or np.any(np.diff(documents) < 0):
        raise Problem(f"{index} does not divide its {sequences} sequences into documents")
    ids = np.asarray(np.memmap(data, dtype, "r")) if size else np.zeros(0, dtype)
    return Stream(data, "megatron", ids, ends[documents])


def write_nanogpt(shards: Shards, path: Path) -> None:
    """All ids in a row, separators included."""
    _narrow(shards, "nanoGPT's files hold 16-bit ids")
    with open(path, "wb") as file:
        for part in _parts(shards):
            file.write(part.astype("<u2").tobytes())


def write_llm_c(shards: Shards, path: Path) -> None:
    """The same behind a header."""
    wide = shards.tokens.dtype.itemsize > 2
    (magic, version), dtype = list(LLM_C.items())[wide]
    if len(shards.tokens) >= 1 << 31:
        raise Problem(f"{shards.folder} holds {len(shards.tokens)} tokens, and a file of llm.c at most {(1 << 31) - 1}")
    header = np.zeros(256, "<i4")
    header[:3] = magic, version, len(shards.tokens)
    with open(path, "wb") as file:
        file.write(header.tobytes())
        for part in _parts(shards):
            file.write(part.astype(dtype).tobytes())


def write_megatron(shards: Shards, path: Path) -> None:
    """NAME.bin and NAME.idx, a sequence to a document."""
    wide = shards.tokens.dtype.itemsize > 2
    code, dtype = (4, np.dtype("<i4")) if wide else (8, np.dtype("<u2"))
    lengths = np.diff(shards.offsets)
    if len(lengths) and int(lengths.max()) >= 1 << 31:
        raise Problem(f"{shards.folder} holds a document of {int(lengths.max())} tokens, too long for Megatron's index")
    with open(path.with_suffix(".bin"), "wb") as file:
        for part in _parts(shards):
            file.write(part.astype(dtype).tobytes())
    with open(path.with_suffix(".idx"), "wb") as file:
        file.write(MEGATRON + struct.pack("<QBQQ", 1, code, len(lengths), len(lengths) + 1))
        file.write(lengths.astype("<i4").tobytes())
        file.write((np.asarray(shards.offsets[:-1]) * dtype.itemsize).astype("<i8").tobytes())
        file.write(np.arange(len(lengths) + 1, dtype="<i8").tobytes())


WRITERS: dict[str, Callable[[Shards, Path], None]] = {
    "nanogpt": write_nanogpt,
    "llm.c": write_llm_c,
    "megatron": write_megatron,
}


def _narrow(shards: Shards, why: str) -> None:
    if shards.tokens.dtype.itemsize > 2:
        raise Problem(f"{why}, and {shards.folder} has a vocabulary of {shards.vocabulary}: take llm.c or megatron")


def _parts(shards: Shards) -> Iterator[np.ndarray]:
    for start in range(0, len(shards.tokens), SEARCHED):
        yield np.asarray(shards.tokens[start : start + SEARCHED])


def _stretches(stream: Stream) -> Iterator[tuple[np.ndarray, bool]]:
    """Parts of the ids, and whether a document ends with each."""
    borders = stream.borders if stream.borders is not None else np.array([0, len(stream.ids)])
    for first, last in zip(borders.tolist(), borders[1:].tolist(), strict=False):
        for start in range(first, last, SEARCHED):
            stop = min(start + SEARCHED, last)
            yield stream.ids[start:stop], stop == last


def _joined(pieces: list[np.ndarray]) -> Iterator[np.ndarray]:
    document = np.concatenate(pieces) if pieces else np.zeros(0, np.uint32)
    if len(document):
        yield document

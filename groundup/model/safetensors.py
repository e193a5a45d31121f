"""Tensors in a file: the safetensors format, read as strictly as a stranger's file deserves, written by umask.

A header of JSON says where each tensor lies; then come their bytes. Before any memory is taken for a tensor the whole
header is checked: sizes, ranges, overlaps, holes, names given twice. Nothing in the file can run.
"""

import json
import math
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor

from groundup.errors import Problem
from groundup.run import write_atomically

DTYPES = {
    "F64": torch.float64,
    "F32": torch.float32,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "I64": torch.int64,
    "I32": torch.int32,
    "I16": torch.int16,
    "I8": torch.int8,
    "U8": torch.uint8,
    "BOOL": torch.bool,
}
NAMES = {dtype: name for name, dtype in DTYPES.items()}
LONGEST_HEADER = 32 << 20  # bytes; a model of 100,000 tensors needs about 12 million
MOST_DIMENSIONS = 8


@dataclass(frozen=True)
class Entry:
    """One tensor as the header describes it; begin and end are bytes from the start of the file."""

    dtype: torch.dtype
    shape: tuple[int, ...]
    begin: int
    end: int


class TensorFile:
    """An opened file whose header is sound; tensors are read one at a time."""

    def __init__(self, path: Path):
        self.path = path
        self.entries, self.metadata = read_header(path)

    def __contains__(self, name: str) -> bool:
        return name in self.entries

    def read(self, name: str) -> Tensor:
        """The tensor of this name, in memory of its own."""
        entry = self.entries[name]
        raw = bytearray(entry.end - entry.begin)
        with self.path.open("rb") as file:
            file.seek(entry.begin)
            if file.readinto(raw) != len(raw):
                raise Problem(f"{self.path} ends inside the tensor {name}: it was cut while being read.")
        if not raw:
            return torch.empty(entry.shape, dtype=entry.dtype)
        return torch.frombuffer(raw, dtype=entry.dtype).view(entry.shape)


def read_header(path: Path) -> tuple[dict[str, Entry], dict[str, str]]:
    """What is where in the file, and the words its writer left; a Problem if anything does not add up."""

    def wrong(what: str) -> Problem:
        return Problem(f"{path} is not a sound safetensors file: {what}. Copy or download it again.")

    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            start = file.read(8)
            length = struct.unpack("<Q", start)[0] if len(start) == 8 else -1
            if length < 2 or length > min(LONGEST_HEADER, size - 8):
                raise wrong(f"it has {size} bytes and claims a header of {length}")
            raw = file.read(length)
    except OSError as error:
        raise Problem(f"{path} cannot be read: {error.strerror}.") from None
    try:
        header = json.loads(raw.decode("utf-8"), object_pairs_hook=once, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise wrong(f"its header is not plain JSON ({error})") from None
    if not isinstance(header, dict):
        raise wrong("its header is not a table of tensors")
    metadata = header.pop("__metadata__", {})
    if not isinstance(metadata, dict) or not all(isinstance(value, str) for value in metadata.values()):
        raise wrong("__metadata__ holds something that is not text")
    entries = {}
    for name, described in header.items():
        if fault := _fault(described, size - 8 - length):
            raise wrong(f"the tensor {name[:200]!r} {fault}")
        begin, end = described["data_offsets"]
        shape = tuple(described["shape"])
        entries[name] = Entry(DTYPES[described["dtype"]], shape, 8 + length + begin, 8 + length + end)
    reached = 8 + length
    for name, entry in sorted(entries.items(), key=lambda item: (item[1].begin, item[1].end)):
        if entry.begin != reached:
            raise wrong(f"the tensor {name[:200]!r} {'overlaps another' if entry.begin < reached else 'leaves a hole'}")
        reached = entry.end
    if reached != size:
        raise wrong(f"{size - reached} bytes at its end belong to no tensor")
    return entries, metadata


def _fault(described: Any, size: int) -> str:
    """What is wrong with one entry of a header, or nothing."""
    if not isinstance(described, dict) or set(described) != {"dtype", "shape", "data_offsets"}:
        return "is not described by dtype, shape and data_offsets"
    dtype, shape, offsets = described["dtype"], described["shape"], described["data_offsets"]
    if not isinstance(dtype, str) or dtype not in DTYPES:
        return f"has the unknown dtype {str(dtype)[:20]!r}"
    if not isinstance(shape, list) or len(shape) > MOST_DIMENSIONS or not all(_is_size(number) for number in shape):
        return "has no sound shape"
    if not isinstance(offsets, list) or len(offsets) != 2 or not all(_is_size(number) for number in offsets):
        return "has no sound data_offsets"
    if not offsets[0] <= offsets[1] <= size:
        return "lies outside the file"
    if math.prod(shape) * DTYPES[dtype].itemsize != offsets[1] - offsets[0]:
        return "does not have as many bytes as its shape needs"
    return ""


def _is_size(number: Any) -> bool:
    return type(number) is int and 0 <= number < 1 << 63


def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """For `json.loads`: a table in which no name is given twice."""
    table = dict(pairs)
    if len(table) != len(pairs):
        raise ValueError("a name is given twice")
    return table


def _no_constant(word: str) -> None:
    raise ValueError(f"{word} is not JSON")


def laid_out(tensors: dict[str, Tensor], metadata: dict[str, str] | None = None) -> tuple[bytes, list[str]]:
    """What stands before the tensors' bytes in a file, and their order.

    The widest numbers first, then by name, after a padded header: every number lies at a multiple of its size.
    """
    header: dict[str, Any] = {"__metadata__": metadata or {"format": "pt"}}
    order = sorted(tensors, key=lambda name: (-tensors[name].element_size(), name))
    at = 0
    for name in order:
        tensor = tensors[name]
        size = tensor.numel() * tensor.element_size()
        header[name] = {"dtype": NAMES[tensor.dtype], "shape": list(tensor.shape), "data_offsets": [at, at + size]}
        at += size
    raw = json.dumps(header, separators=(",", ":")).encode()
    raw += b" " * (-len(raw) % 8)
    return struct.pack("<Q", len(raw)) + raw, order


def write(path: Path, tensors: dict[str, Tensor], metadata: dict[str, str] | None = None) -> None:
    """All tensors into one file, there whole or not at all."""
    header, order = laid_out(tensors, metadata)
    write_atomically(path, b"".join([header, *(as_bytes(tensors[name]) for name in order)]))


def as_bytes(tensor: Tensor) -> memoryview:
    """A tensor's bytes, least significant first, as they lie in files."""
    flat = tensor.detach().cpu().contiguous().view(-1)
    return memoryview(cast(Any, flat.view(torch.uint8).numpy())) if flat.numel() else memoryview(b"")

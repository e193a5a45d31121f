"""The GGUF container: facts under keys, then tensors, as llama.cpp's files lay them out (version 3).

Written and read by hand from the format's description. The reader takes nothing on trust: each count and length is held
against the bytes that are left before anything is made of it, and two tensors never share a byte.
"""

import math
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from groundup.errors import Problem
from groundup.model import gguf_quantise
from groundup.model.gguf_blocks import LAYOUTS, NUMBERS, decode
from groundup.model.safetensors import as_bytes

MAGIC, VERSION, ALIGNMENT = b"GGUF", 3, 32
MOST = 1 << 24  # entries of one array, keys or tensors: more than any real file has
TYPES = {  # of tensors
    "f32": 0, "f16": 1, "q4_0": 2, "q4_1": 3, "q5_0": 6, "q5_1": 7, "q8_0": 8,
    "q2_k": 10, "q3_k": 11, "q4_k": 12, "q5_k": 13, "q6_k": 14, "bf16": 30,
}  # fmt: skip
DTYPES = {"f32": torch.float32, "f16": torch.float16, "bf16": torch.bfloat16}
SCALARS = {0: "<B", 1: "<b", 2: "<H", 3: "<h", 4: "<I", 5: "<i", 6: "<f", 7: "<?", 10: "<Q", 11: "<q", 12: "<d"}
UINT32, INT32, FLOAT32, BOOL, STRING, ARRAY = 4, 5, 6, 7, 8, 9
Fact = tuple[str, int, Any]  # key, kind, value; of an array the value is (kind of entries, entries)


def pack(facts: Sequence[Fact], tensors: Mapping[str, Tensor], types: Mapping[str, str]) -> bytearray:
    """A whole file, each tensor in the type that `types` has for its name."""
    encoded = {name: encode(name, tensor, types[name]) for name, tensor in sorted(tensors.items())}
    head = bytearray(MAGIC + struct.pack("<IQQ", VERSION, len(tensors), len(facts)))
    for key, kind, value in facts:
        head += _text(key) + struct.pack("<I", kind) + _value(kind, value)
    at = 0
    for name, (kind, raw) in encoded.items():
        shape = tensors[name].shape[::-1]  # the fastest dimension first
        head += _text(name) + struct.pack(f"<I{len(shape)}QIQ", len(shape), *shape, kind, at)
        at += _padded(len(raw))
    whole = bytearray(_padded(len(head)) + at)
    whole[: len(head)] = head
    at = _padded(len(head))
    for _, raw in encoded.values():
        whole[at : at + len(raw)] = raw
        at += _padded(len(raw))
    return whole


def encode(name: str, tensor: Tensor, type: str) -> tuple[int, memoryview | bytes]:
    """A tensor -> (the number of its type, its bytes)."""
    if type in NUMBERS:
        try:
            return TYPES[type], gguf_quantise.encode(type, tensor.float().numpy())
        except Problem as problem:
            raise Problem(f"{name}: {problem}") from None
    narrow = tensor.to(DTYPES[type])
    if not narrow.isfinite().all():
        raise Problem(f"{name}: a weight does not fit into {type} (infinite or not a number): export as f32 or bf16.")
    return TYPES[type], as_bytes(narrow)


def _text(words: str) -> bytes:
    raw = words.encode()
    return struct.pack("<Q", len(raw)) + raw


def _value(kind: int, value: Any) -> bytes:
    if kind == STRING:
        return _text(value)
    if kind == ARRAY:
        of, items = value
        return struct.pack("<IQ", of, len(items)) + b"".join(_value(of, item) for item in items)
    return struct.pack(SCALARS[kind], value)


def _padded(size: int) -> int:
    return -(-size // ALIGNMENT) * ALIGNMENT


@dataclass(frozen=True)
class Entry:
    """One tensor as the file describes it; begin counts from the start of the file."""

    type: str
    shape: tuple[int, ...]
    begin: int
    size: int


class GGUF:
    """An opened file whose head is sound: `facts` by key, `entries` by tensor name; tensors are read one at a time."""

    def __init__(self, path: str | Path):
        self.path = Path(path)
        try:
            self.size = self.path.stat().st_size
            with self.path.open("rb") as file:
                self._file = file
                self.facts, self.entries = self._head()
        except OSError as error:
            raise Problem(f"{path} cannot be read: {error.strerror}.") from None
        except (struct.error, UnicodeDecodeError, OverflowError, MemoryError) as error:
            raise self._wrong(f"its head does not make sense ({error})") from None

    def read(self, name: str) -> Tensor:
        """The tensor of this name, f32 if it lies in blocks."""
        entry = self.entries[name]
        raw = bytearray(entry.size)
        with self.path.open("rb") as file:
            file.seek(entry.begin)
            if file.readinto(raw) != len(raw):
                raise self._wrong(f"it ends inside the tensor {name}")
        if entry.type in NUMBERS:
            return torch.from_numpy(decode(entry.type, raw, entry.shape))
        return torch.frombuffer(raw, dtype=DTYPES[entry.type]).view(entry.shape)

    def _head(self) -> tuple[dict[str, Any], dict[str, Entry]]:
        if self._take(4) != MAGIC:
            raise self._wrong("it does not begin with GGUF")
        version, tensors, facts = struct.unpack("<IQQ", self._take(20))
        if version != VERSION:
            raise self._wrong(f"it is of version {version}, this program reads {VERSION}")
        if max(tensors, facts) > MOST:
            raise self._wrong(f"it claims {tensors} tensors and {facts} facts")
        known: dict[str, Any] = {}
        for _ in range(facts):
            key = self._string()
            if key in known:
                raise self._wrong(f"it says {key[:200]!r} twice")
            known[key] = self._fact(self._number("<I"))
        alignment = known.get("general.alignment", ALIGNMENT)
        if not isinstance(alignment, int) or alignment < 1 or alignment & (alignment - 1) or alignment > 1 << 20:
            raise self._wrong(f"general.alignment is {alignment!r}")
        described: dict[str, tuple[str, tuple[int, ...], int]] = {}
        for _ in range(tensors):
            name = self._string()
            if name in described:
                raise self._wrong(f"it has the tensor {name[:200]!r} twice")
            described[name] = self._tensor(name)
        start = -(-self._file.tell() // alignment) * alignment
        entries = {name: self._entry(name, start, alignment, *told) for name, told in described.items()}
        reached = start
        for name, entry in sorted(entries.items(), key=lambda item: item[1].begin):
            if entry.begin != reached:
                fault = "overlaps another" if entry.begin < reached else "leaves a hole before it"
                raise self._wrong(f"the tensor {name[:200]!r} {fault}")
            reached = -(-(entry.begin + entry.size) // alignment) * alignment
        if self.size > reached:
            raise self._wrong(f"{self.size - reached} bytes at its end belong to no tensor")
        return known, entries

    def _tensor(self, name: str) -> tuple[str, tuple[int, ...], int]:
        dimensions = self._number("<I")
        if not 1 <= dimensions <= 4:
            raise self._wrong(f"the tensor {name[:200]!r} has {dimensions} dimensions")
        *shape, kind, begin = struct.unpack(f"<{dimensions}QIQ", self._take(8 * dimensions + 12))
        names = {number: name for name, number in TYPES.items()}
        if kind not in names:
            raise self._wrong(f"the tensor {name[:200]!r} is of type {kind}; read here: {', '.join(TYPES)}")
        return names[kind], tuple(shape[::-1]), begin

    def _entry(self, name: str, start: int, alignment: int, type: str, shape: tuple[int, ...], begin: int) -> Entry:
        count = math.prod(shape)
        if type in NUMBERS:
            if shape[-1] % NUMBERS[type]:
                raise self._wrong(f"the rows of {name[:200]!r} do not fill blocks of {NUMBERS[type]}")
            size = count // NUMBERS[type] * LAYOUTS[type].itemsize
        else:
            size = count * DTYPES[type].itemsize
        if not count or begin % alignment or start + begin + size > self.size:
            raise self._wrong(f"the tensor {name[:200]!r} lies outside the file")
        return Entry(type, shape, start + begin, size)

    def _fact(self, kind: int, depth: int = 0) -> Any:
        if kind == STRING:
            return self._string()
        if kind != ARRAY:
            return self._number(self._scalar(kind))
        of, count = struct.unpack("<IQ", self._take(12))
        if depth or count > MOST:
            raise self._wrong(f"it has an array of {count} entries")
        if of == STRING:
            return [self._string() for _ in range(count)]
        form = self._scalar(of)
        return list(struct.unpack(f"<{count}{form[1]}", self._take(count * struct.calcsize(form))))

    def _scalar(self, kind: int) -> str:
        if kind not in SCALARS:
            raise self._wrong(f"it has a value of the unknown kind {kind}")
        return SCALARS[kind]

    def _number(self, form: str) -> Any:
        return struct.unpack(form, self._take(struct.calcsize(form)))[0]

    def _string(self) -> str:
        return self._take(self._number("<Q")).decode()

    def _take(self, size: int) -> bytes:
        if size > self.size - self._file.tell():
            raise self._wrong("it is shorter than it claims")
        return self._file.read(size)

    def _wrong(self, what: str) -> Problem:
        return Problem(f"{self.path} is not a GGUF file that can be read here: {what}.")

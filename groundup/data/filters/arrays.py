"""Tables of numbers beside a description of them: NAME.json and NAME.safetensors, written whole, read strictly.

The description says which arrays there must be and of what shape; a file that differs from that in one byte of its
header is refused before memory is taken. Nothing in either file can run.
"""

import hashlib
import json
import struct
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from groundup.config import Settings, build
from groundup.errors import Problem
from groundup.run import write_atomically

NAMES = {"F32": np.dtype("<f4"), "F16": np.dtype("<f2"), "U32": np.dtype("<u4"), "U16": np.dtype("<u2")}
CODES = {dtype: code for code, dtype in NAMES.items()}
LONGEST = 16 << 20  # bytes of a description
Described = TypeVar("Described", bound=Settings)
Shapes = dict[str, tuple[str, tuple[int, ...]]]  # name -> (dtype, shape)


def write(folder: Path, name: str, described: Settings, arrays: dict[str, np.ndarray]) -> None:
    """Both files; the description is written last and holds the other's sha256."""
    arrays = {key: np.ascontiguousarray(array.astype(array.dtype.newbyteorder("<"))) for key, array in arrays.items()}
    raw = header({key: (CODES[array.dtype], array.shape) for key, array in arrays.items()})
    raw += b"".join(arrays[key].tobytes() for key in arrays)
    write_atomically(folder / f"{name}.safetensors", raw)
    told = {"format": f"groundup {name}", "sha256": hashlib.sha256(raw).hexdigest(), **described.model_dump()}
    write_atomically(folder / f"{name}.json", json.dumps(told, ensure_ascii=False, indent=1) + "\n")


def read_description(folder: Path, name: str, kind: type[Described]) -> tuple[Described, str]:
    """What NAME.json says, and the sha256 that NAME.safetensors must have."""
    path = folder / f"{name}.json"
    if not path.is_file():
        raise Problem(f"{folder} has no {name}.json: give the folder that `groundup {name}` made")
    if path.stat().st_size > LONGEST:
        raise Problem(f"{path} is longer than any {name} needs: it is not one")
    try:
        told = json.loads(path.read_bytes().decode("utf-8"), object_pairs_hook=_once)
    except (ValueError, RecursionError) as error:
        raise Problem(f"{path} is not sound JSON ({error}); copy it again or make it again") from None
    if not isinstance(told, dict) or told.pop("format", None) != f"groundup {name}":
        raise Problem(f"{path} does not say that it describes a {name}; give the folder that `groundup {name}` made")
    return build(kind, {key: value for key, value in told.items() if key != "sha256"}, str(path)), str(
        told.get("sha256")
    )


def read_arrays(folder: Path, name: str, shapes: Shapes, sha256: str) -> dict[str, np.ndarray]:
    """The arrays of NAME.safetensors, which must be these and have this sha256."""
    path, start = folder / f"{name}.safetensors", header(shapes)
    sizes = {key: NAMES[code].itemsize * int(np.prod(shape)) for key, (code, shape) in shapes.items()}
    wrong = f"{path} does not fit {name}.json beside it: {{}}; copy the folder again or make it again"
    if not path.is_file():
        raise Problem(wrong.format("it is not there"))
    if path.stat().st_size != len(start) + sum(sizes.values()):
        raise Problem(wrong.format(f"it has {path.stat().st_size} bytes, not {len(start) + sum(sizes.values())}"))
    raw = path.read_bytes()
    if raw[: len(start)] != start:
        raise Problem(wrong.format("other arrays are in it"))
    if hashlib.sha256(raw).hexdigest() != sha256:
        raise Problem(wrong.format("its sha256 is another"))
    found, at = {}, len(start)
    for key, (code, shape) in shapes.items():
        found[key] = np.frombuffer(raw, NAMES[code], int(np.prod(shape)), at).reshape(shape)
        at += sizes[key]
    return found


def header(shapes: Shapes) -> bytes:
    """What stands before the numbers in a safetensors file of these arrays, in this order."""
    told: dict[str, Any] = {}
    at = 0
    for name, (code, shape) in shapes.items():
        size = NAMES[code].itemsize * int(np.prod(shape))
        told[name] = {"dtype": code, "shape": list(shape), "data_offsets": [at, at + size]}
        at += size
    raw = json.dumps(told, separators=(",", ":")).encode()
    raw += b" " * (-len(raw) % 8)
    return struct.pack("<Q", len(raw)) + raw


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    table = dict(pairs)
    if len(table) != len(pairs):
        raise ValueError("a name is given twice")
    return table

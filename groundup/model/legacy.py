"""Old weights become data: `pytorch_model.bin`, whole or in shards, is read in a process of its own and written as safetensors.

A .bin file is a pickle, and a pickle is a program. The child that reads it takes torch's weights-only reader, which builds
tensors and runs nothing, works under a limit of memory, and hands back a sentence; nothing else in this package opens one.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import groundup
from groundup.errors import Problem

if TYPE_CHECKING:
    from torch import Tensor

WEIGHTS, SHARDS = "pytorch_model.bin", "pytorch_model.bin.index.json"
BESIDE = (
    "config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json",
    "added_tokens.json", "vocab.json", "merges.txt", "vocab.txt", "tokenizer.model", "spiece.model",
    "sentencepiece.bpe.model", "chat_template.jinja",
)  # fmt: skip
ROOM = 1 << 30  # bytes that the child may take beside what the largest file explains
WRONG = 2  # the exit code with a sentence


def convert(source: str | Path, into: str | Path) -> dict[str, Any]:
    """Write the folder `source` to the new folder `into` with its weights as safetensors; tensors, bytes and ties told."""
    source, into = Path(source), Path(into)
    files = weight_files(source)
    if into.exists() and (not into.is_dir() or any(into.iterdir())):
        raise Problem(f"{into} is there already: name a new folder with --into")
    partial = into.with_name(f"{into.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    try:
        told = _in_a_child(source, partial, files)
        for name in BESIDE:
            if (source / name).is_file():
                shutil.copyfile(source / name, partial / name)
        if into.exists():
            into.rmdir()
        os.replace(partial, into)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return told


def weight_files(source: Path) -> list[str]:
    """The names of the .bin files that hold the folder's weights."""
    if (source / WEIGHTS).is_file():
        return [WEIGHTS]
    if not (source / SHARDS).is_file():
        raise Problem(f"{source} has neither {WEIGHTS} nor {SHARDS}: name a folder with weights of the old kind")
    names = sorted(set(_index(source).values()))
    for name in names:
        if Path(name).name != name or not name.endswith(".bin"):
            raise Problem(f"{source / SHARDS} points to {name!r}; only .bin files beside it are read.")
        if not (source / name).is_file():
            raise Problem(f"{source / SHARDS} names {name}, which is not there: copy or download it again.")
    return names


def _index(source: Path) -> dict[str, str]:
    try:
        table = json.loads((source / SHARDS).read_text(encoding="utf-8"))["weight_map"]
    except (ValueError, KeyError, TypeError, RecursionError):
        table = None
    if not isinstance(table, dict) or not table or not all(isinstance(name, str) for name in table.values()):
        raise Problem(f"{source / SHARDS} has no weight_map from tensors to files.")
    return table


def _in_a_child(source: Path, into: Path, files: list[str]) -> dict[str, Any]:
    """Run this file as a program; -P keeps what lies in the working folder from being imported."""
    above = str(Path(groundup.__file__).parents[1])
    child = [sys.executable, "-P", "-m", __name__, str(source), str(into), *files]
    surroundings = os.environ | {"PYTHONPATH": os.pathsep.join([above, os.environ.get("PYTHONPATH", "")])}
    done = subprocess.run(child, capture_output=True, text=True, errors="replace", env=surroundings, check=False)
    said = (done.stderr.strip().splitlines() or [""])[-1][:1000]
    if done.returncode == WRONG:
        raise Problem(said)
    if done.returncode:
        raise Problem(f"{source} could not be converted: the reading process ended with {done.returncode} ({said}).")
    return json.loads(done.stdout.splitlines()[-1])


# --- in the child ----------------------------------------------------------------------------------------------------


def main(source: Path, into: Path, files: list[str]) -> None:
    """Read each file and write it as safetensors; at the end one line of JSON says what was done."""
    import torch

    from groundup.model.safetensors import write

    torch.set_num_threads(1)
    _limit_memory(3 * max((source / name).stat().st_size for name in files) + ROOM)
    ties, where, size = not _unties(source), {}, 0
    tied: list[str] = []
    for number, name in enumerate(files, 1):
        tensors, again = _once(checked(_read(source / name), source / name), ties)
        tied += again
        made = "model.safetensors" if len(files) == 1 else f"model-{number:05}-of-{len(files):05}.safetensors"
        if doubled := next((tensor for tensor in tensors if tensor in where), None):
            raise Problem(f"{source} holds the tensor {doubled} twice, in {name} and in an earlier shard.")
        write(into / made, tensors)
        where |= dict.fromkeys(tensors, made)
        size += sum(tensor.nbytes for tensor in tensors.values())
    if len(files) > 1:
        lost = [tensor for tensor in _index(source) if tensor not in where and tensor not in tied]
        if lost:
            raise Problem(f"{source / SHARDS} names the tensor {lost[0]}, which no shard holds.")
        index = {"metadata": {"total_size": size}, "weight_map": dict(sorted(where.items()))}
        (into / "model.safetensors.index.json").write_text(json.dumps(index, indent=2) + "\n")
    print(json.dumps({"tensors": len(where), "bytes": size, "tied": tied}))


def _limit_memory(room: int) -> None:
    """No more address space than is taken now and `room`, where the system can say so."""
    statm = Path("/proc/self/statm")
    if not statm.exists():
        return
    import resource

    taken = int(statm.read_text().split()[0]) * resource.getpagesize()
    _, most = resource.getrlimit(resource.RLIMIT_AS)
    limit = taken + room if most == resource.RLIM_INFINITY else min(taken + room, most)
    resource.setrlimit(resource.RLIMIT_AS, (limit, most))


def _read(path: Path) -> Any:
    """What torch's weights-only reader makes of the file."""
    import torch

    archive = zipfile.is_zipfile(path)  # since torch 1.6; older files are one pickle after another
    if archive:
        with zipfile.ZipFile(path) as entries:
            if packed := [entry.filename for entry in entries.infolist() if entry.compress_type]:
                raise Problem(f"{path} holds {packed[0][:200]!r} in compressed form, as torch never writes it.")
    try:
        return torch.load(path, map_location="cpu", weights_only=True, mmap=archive)
    except MemoryError:
        raise Problem(f"{path} asks for far more memory than its size explains.") from None
    except Exception as error:  # whatever a stranger's bytes make of the reader
        said = " ".join(str(error).split())
        if called := re.search(r"GLOBAL (\S+)", said):
            raise Problem(
                f"{path} is a pickle that wants to call {called[1][:200]}: refused, nothing of it was run."
            ) from None
        raise Problem(f"{path} cannot be read as weights alone ({type(error).__name__}: {said[:300]}).") from None


def checked(found: Any, path: Path) -> dict[str, "Tensor"]:
    """A table from names to plain tensors that fit into their own storage, or a Problem that names what is not."""
    import torch

    from groundup.model.safetensors import NAMES

    if not isinstance(found, dict):
        raise Problem(f"{path} holds {type(found).__name__}; expected a table from names to tensors.")
    for name, tensor in found.items():
        if not isinstance(name, str) or not isinstance(tensor, torch.Tensor):
            raise Problem(
                f"{path} holds {str(name)[:200]!r}, which is of the kind {type(tensor).__name__} and no tensor."
            )
        if tensor.layout != torch.strided or tensor.device.type != "cpu" or tensor.dtype not in NAMES:
            raise Problem(
                f"{path}: the tensor {name[:200]!r} is {tensor.layout} {tensor.dtype} on {tensor.device}; plain ones are read."
            )
        if tensor.nbytes > tensor.untyped_storage().nbytes():
            raise Problem(f"{path}: the tensor {name[:200]!r} has {tensor.nbytes} bytes and the file gives it fewer.")
    if sum(tensor.nbytes for tensor in found.values()) > 2 * path.stat().st_size:
        raise Problem(
            f"{path}: its tensors share their numbers so often that they need more than twice the file's bytes."
        )
    return {name: tensor.detach() for name, tensor in found.items()}


def _once(tensors: dict[str, "Tensor"], ties: bool) -> tuple[dict[str, "Tensor"], list[str]]:
    """The tensors without later names of the very same numbers, if the model ties them, and those names."""
    first: dict[Any, str] = {}
    for name, tensor in tensors.items():
        first.setdefault(
            (tensor.data_ptr(), tensor.dtype, tensor.shape, tensor.stride()) if tensor.numel() else name, name
        )
    kept = set(first.values()) if ties else set(tensors)
    return {name: tensor for name, tensor in tensors.items() if name in kept}, [
        name for name in tensors if name not in kept
    ]


def _unties(source: Path) -> bool:
    """Whether config.json says that head and embedding are two, though the file may hold them as one."""
    try:
        return json.loads((source / "config.json").read_text(encoding="utf-8")).get("tie_word_embeddings") is False
    except (OSError, ValueError, AttributeError, RecursionError):
        return False


def _said(arguments: Iterable[str]) -> int:
    source, into, *files = arguments
    try:
        main(Path(source), Path(into), files)
    except Problem as problem:
        print(problem, file=sys.stderr)
        return WRONG
    except MemoryError:
        print(f"{source} needs more memory than its files explain: refused.", file=sys.stderr)
        return WRONG
    return 0


if __name__ == "__main__":
    sys.exit(_said(sys.argv[1:]))

"""What is missing on this machine and how to get it: findings for a person, each with advice where there is some."""

import importlib.util
import os
import shutil
import sys

from groundup.hardware.caches import cache_folder
from groundup.hardware.machine import Machine

GB = 1e9
EXTRAS = {  # extra -> (a module it brings, what it is for)
    "scale": ("ray", "corpus work on more than one machine"),
    "track": ("tensorboard", "following runs in TensorBoard"),
    "hub": ("huggingface_hub", "fetching and publishing models"),
    "dev": ("pytest", "the tests"),
}
COMPILERS = ("c++", "g++", "clang++")


def doctor(machine: Machine) -> list[tuple[str, str, str]]:
    """(topic, finding, advice) of everything a run may stumble over; the advice is empty where all is well."""
    return [
        _python(),
        _processor(machine),
        _memory(machine),
        _disk(machine),
        _device(machine),
        _compiler(),
        *_extras(),
        _caches(),
    ]


def _python() -> tuple[str, str, str]:
    version = ".".join(map(str, sys.version_info[:3]))
    return "python", version, "" if sys.version_info >= (3, 11) else "install Python 3.11 or newer"


def _processor(machine: Machine) -> tuple[str, str, str]:
    names = ("amx", "avx512", "avx512_bf16", "avx512_vnni", "neon", "arm_bf16")
    sets = ", ".join(name for name in names if getattr(machine, name)) or "no fast instruction sets"
    finding = f"{machine.cpu}, {machine.cpus} usable cores, {machine.threads} threads; {sets}"
    fast = machine.amx or machine.avx512_bf16 or machine.arm_bf16
    return "processor", finding, "" if fast else "training will run in f32 here; expect about twice the time"


def _memory(machine: Machine) -> tuple[str, str, str]:
    finding = f"{machine.memory_available_bytes / GB:.1f} of {machine.memory_bytes / GB:.1f} GB available"
    return "memory", finding, "" if machine.memory_available_bytes > 2 * GB else "the tour needs 2 GB: close something"


def _disk(machine: Machine) -> tuple[str, str, str]:
    advice = "" if machine.disk_free_bytes > 2 * GB else "free some space, or let --into name a folder elsewhere"
    return "disk", f"{machine.disk_free_bytes / GB:.1f} GB free", advice


def _device(machine: Machine) -> tuple[str, str, str]:
    if machine.device == "cuda":
        cards = zip(machine.gpus, machine.gpu_memory_bytes, strict=True)
        return "device", ", ".join(f"{name} with {size / GB:.0f} GB" for name, size in cards), ""
    if machine.device == "mps":
        return "device", "Apple GPU (MPS)", "untried by its authors: f32 is used; PYTORCH_ENABLE_MPS_FALLBACK=1 helps"
    return "device", "processor only", ""


def _compiler() -> tuple[str, str, str]:
    found = next((path for name in COMPILERS if (path := shutil.which(name))), None)
    get = "xcode-select --install" if sys.platform == "darwin" else "apt install g++, or your system's package"
    return "C++ compiler", found or "none", "" if found else f"not needed, but some loops are faster with one: {get}"


def _extras() -> list[tuple[str, str, str]]:
    rows = []
    for extra, (module, purpose) in EXTRAS.items():
        here = importlib.util.find_spec(module) is not None
        finding = f"{purpose}: {'here' if here else 'not installed'}"
        rows.append((f"extra {extra}", finding, "" if here else f'pip install "groundup[{extra}]"'))
    return rows


def _caches() -> tuple[str, str, str]:
    folder = cache_folder()
    size = sum(entry.stat().st_size for entry in folder.rglob("*") if entry.is_file())
    wanted = os.environ.get("GROUNDUP_CACHE") or "~"
    temporary = folder.name.startswith("groundup-cache-")
    advice = f"{wanted} is not writable: set GROUNDUP_CACHE to a folder that is" if temporary else ""
    return "compiled code", f"{folder} ({size / 1e6:.0f} MB, may be deleted)", advice

"""From the text of `decode.cpp` to a library for this very processor, kept in the user's cache folder.

Compiled when it is first needed, in a few seconds; afterwards it is found by what it was made from: the text, the compiler
and the processor. Several processes may ask at once: one compiles, the others wait for it.
"""

import ctypes
import fcntl
import hashlib
import os
import platform
import shutil
import subprocess
import tempfile
from functools import lru_cache
from pathlib import Path

from groundup.errors import Problem
from groundup.kernels.native.layout import Asked, Model, Passage

HERE = Path(__file__).parent
SOURCES = (
    "decode.cpp", "attention.h", "attention_many.h", "cached.h", "curves.h", "experts.h", "levels.h", "many.h", "matrices.h",
    "numbers.h", "panels.h", "parts.h", "prompt.h", "sheets.h", "team.h", "tiles.h",
)  # fmt: skip
COMPILERS = ("g++", "c++", "clang++")
FLAGS = (
    "-O3", "-std=c++17", "-shared", "-fPIC", "-pthread", "-fno-math-errno", "-fno-trapping-math", "-w",
    "--param=avoid-fma-max-bits=0",  # tuned for AMD's Zen, GCC rounds twice in some loops and once in their twins
)  # fmt: skip
FOR_THIS_PROCESSOR = {"x86_64": "-march=native", "AMD64": "-march=native"}  # elsewhere -mcpu=native says the same
SECONDS = 600  # after which a compiler is given up


def compiler() -> str | None:
    """Where a C++ compiler is, if there is one."""
    return next((path for name in COMPILERS if (path := shutil.which(name))), None)


def library(folder: Path) -> ctypes.CDLL:
    """The compiled step; `folder` is where compiled code is kept. A Problem says why there is none."""
    loaded, why = attempt(folder)
    if loaded is None:
        raise Problem(why)
    return loaded


@lru_cache
def attempt(folder: Path) -> tuple[ctypes.CDLL | None, str]:
    """The compiled step, or why there is none; tried once in a process, for a compiler that fails takes its time too."""
    try:
        return _library(folder), ""
    except Problem as problem:
        return None, str(problem)


def _library(folder: Path) -> ctypes.CDLL:
    path = _made(folder / "native")
    try:
        return declared(ctypes.CDLL(str(path)))
    except OSError as error:
        raise Problem(f"{path} cannot be loaded ({error}): remove it, and it is made again") from None


def _made(folder: Path) -> Path:
    """Where the library lies, compiled if it is not there; without a compiler, one that was made elsewhere for this processor."""
    if found := compiler():
        path = folder / f"decode-{fingerprint()}-{version(found)}.so"
        if not path.exists():
            _compile_once(found, path)
        return path
    if brought := sorted(folder.glob(f"decode-{fingerprint()}-*.so")):
        return brought[0]
    raise Problem(
        f"no C++ compiler was found ({', '.join(COMPILERS)}), so torch writes every token, more slowly: install one, "
        f"like `apt install g++`"
    )


def fingerprint() -> str:
    """What the library is made from and for: its text, how it is compiled, and what the processor can do."""
    mixed = hashlib.sha256(repr((FLAGS, processor())).encode())
    for name in SOURCES:
        mixed.update((HERE / name).read_bytes())
    return mixed.hexdigest()[:16]


def version(compiler: str) -> str:
    """Which compiler it is, by its file."""
    told = os.stat(os.path.realpath(compiler))
    return hashlib.sha256(repr((compiler, told.st_size, told.st_mtime_ns)).encode()).hexdigest()[:8]


def processor() -> str:
    """The processor's kind and its instruction sets, as far as the system tells."""
    told = Path("/proc/cpuinfo")
    lines = told.read_text(errors="replace").splitlines() if told.exists() else []
    sets = next((line for line in lines if line.startswith(("flags", "Features"))), "")
    return f"{platform.machine()} {platform.processor()} {sets}"


def _compile_once(compiler: str, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path.with_suffix(".lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # let go of when the file is closed, whatever happens
        if path.exists():
            return
        with tempfile.TemporaryDirectory(dir=path.parent) as making:
            made = Path(making) / path.name
            compiled(compiler, made, FOR_THIS_PROCESSOR.get(platform.machine(), "-mcpu=native"))
            os.replace(made, path)


def compiled(compiler: str, path: Path, processor: str) -> None:
    """Make the library at `path`; `processor` is the compiler's word for what it shall run on."""
    command = [compiler, *FLAGS, processor, str(HERE / SOURCES[0]), "-o", str(path)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Problem(
            f"{compiler} did not compile {SOURCES[0]} ({error}): torch writes every token, more slowly"
        ) from None
    if done.returncode:
        lines = done.stderr.splitlines()
        first = next((line for line in lines if "error" in line), lines[0] if lines else "it said nothing")
        raise Problem(
            f"{compiler} could not compile {SOURCES[0]}, so torch writes every token, more slowly; it said: {first.strip()}"
        )


def declared(loaded: ctypes.CDLL) -> ctypes.CDLL:
    """The library with the types of its functions."""
    loaded.groundup_begin.restype = ctypes.c_void_p
    loaded.groundup_begin.argtypes = [ctypes.POINTER(Model), ctypes.c_int, ctypes.c_int]
    loaded.groundup_step.restype = None
    loaded.groundup_step.argtypes = [ctypes.c_void_p, ctypes.POINTER(Asked)]
    loaded.groundup_prompt.restype = None
    loaded.groundup_prompt.argtypes = [ctypes.c_void_p, ctypes.POINTER(Passage)]
    loaded.groundup_read.restype = ctypes.c_uint64
    loaded.groundup_read.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t]
    loaded.groundup_end.restype = None
    loaded.groundup_end.argtypes = [ctypes.c_void_p]
    return loaded

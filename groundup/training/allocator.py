"""Memory that a step frees is kept for the next step, instead of being handed back to the system and begged for again.

glibc gives large blocks back at once and the kernel then fills every page with zeros anew: a fifth of a step on a CPU.
What oneDNN compiles for a product is another matter: it is kept for each number of rows, and few of them ever come again.
"""

import ctypes
import os
import sys

KERNELS = (
    "ONEDNN_PRIMITIVE_CACHE_CAPACITY",
    "LRU_CACHE_CAPACITY",
)  # oneDNN's, and torch's of what oneDNN made; both 1024
ENOUGH = "64"  # a step of the tour meets some forty shapes
TRIM_THRESHOLD, MMAP_THRESHOLD = -1, -3  # the names that malloc.h gives these numbers
LARGE, USUAL = 1 << 30, 128 << 10  # bytes; the second is where glibc starts


def keep_memory() -> bool:
    """Ask the C library to keep freed blocks; False where it is not glibc, and nothing is changed."""
    library = _glibc()
    return bool(library and library.mallopt(MMAP_THRESHOLD, LARGE) and library.mallopt(TRIM_THRESHOLD, LARGE))


def keep_few_kernels() -> None:
    """Let oneDNN and torch keep the kernels of a step or two, unless somebody chose a number; before the first product in bf16.

    Answers have another number of tokens in each batch, so the head's three products are compiled anew in each: over a
    megabyte apiece with AMX, so that a training took a gigabyte more the longer it went on (torch 2.13).
    """
    for name in KERNELS:
        os.environ.setdefault(name, ENOUGH)


def give_back_memory() -> bool:
    """Hand back what is free, and keep no more of it than usual: after training others need the room."""
    library = _glibc()
    if not library:
        return False
    library.mallopt(MMAP_THRESHOLD, USUAL)
    library.mallopt(TRIM_THRESHOLD, USUAL)
    return bool(library.malloc_trim(0))


def _glibc() -> ctypes.CDLL | None:
    if not sys.platform.startswith("linux"):
        return None
    try:
        library = ctypes.CDLL(None)
        return library if library.mallopt and library.malloc_trim else None
    except (OSError, AttributeError):
        return None

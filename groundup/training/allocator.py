"""Memory that a step frees is kept for the next step, instead of being handed back to the system and begged for again.

glibc gives large blocks back at once and the kernel then fills every page with zeros anew: a fifth of a step on a CPU.
"""

import ctypes
import sys

TRIM_THRESHOLD, MMAP_THRESHOLD = -1, -3  # the names that malloc.h gives these numbers
LARGE = 1 << 30


def keep_memory() -> bool:
    """Ask the C library to keep freed blocks; False where it is not glibc, and nothing is changed."""
    if not sys.platform.startswith("linux"):
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return False
    return bool(mallopt(MMAP_THRESHOLD, LARGE) and mallopt(TRIM_THRESHOLD, LARGE))

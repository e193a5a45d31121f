"""How long ago this process began: what a person waits includes the imports, which no timer inside a program sees."""

import os
import time
from pathlib import Path

IMPORTED = time.time()  # the next best where the system does not tell


def process_seconds() -> float:
    """Seconds since this process was started (on Linux; elsewhere since this module was imported)."""
    try:
        told = Path("/proc/self/stat").read_text().rpartition(")")[2].split()
        up = float(Path("/proc/uptime").read_text().split()[0])
        return up - int(told[19]) / os.sysconf("SC_CLK_TCK")  # the 22nd field: when it began, in ticks after boot
    except (OSError, ValueError, IndexError):
        return time.time() - IMPORTED

"""How busy this machine is: processors, memory, disk and, where there are any, graphics cards."""

import os
import shutil
import subprocess
import time
from collections import deque
from contextlib import suppress
from pathlib import Path
from typing import Any

REMEMBERED = 360  # looks
GPU_PATIENCE = 3.0  # seconds


class Load:
    """Looks at the machine now and then, and remembers the last half hour."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.before = _processor_times()
        self.history: deque[dict[str, Any]] = deque(maxlen=REMEMBERED)
        self.gpus = shutil.which("nvidia-smi")

    def look(self) -> dict[str, Any]:
        """Shares between 0 and 1, sizes in bytes; what this system does not tell is left out."""
        now, before = _processor_times(), self.before
        self.before = now
        disk = shutil.disk_usage(self.folder)
        found: dict[str, Any] = {"at": time.time(), "disk_free": disk.free, "disk": 1 - disk.free / disk.total}
        if now and before and now[1] > before[1]:
            found["cpu"] = round((now[0] - before[0]) / (now[1] - before[1]), 4)
        if hasattr(os, "getloadavg"):
            found["waiting"] = round(os.getloadavg()[0], 2)
        memory = _memory()
        if memory.get("MemTotal"):
            found["memory"] = round(1 - memory.get("MemAvailable", 0) / memory["MemTotal"], 4)
            found["memory_bytes"] = memory["MemTotal"]
        if self.gpus:
            found["gpus"] = self._graphics(self.gpus)
        self.history.append(found)
        return found

    def _graphics(self, program: str) -> list[dict[str, Any]]:
        asked = "--query-gpu=name,utilization.gpu,memory.used,memory.total,temperature.gpu,power.draw"
        with suppress(OSError, subprocess.SubprocessError, ValueError):
            words = [program, asked, "--format=csv,noheader,nounits"]
            told = subprocess.run(words, capture_output=True, text=True, timeout=GPU_PATIENCE, check=True).stdout
            rows = [[cell.strip() for cell in line.split(",")] for line in told.splitlines()]
            return [
                {"name": row[0], "busy": _number(row[1]) / 100, "memory": _number(row[2]) / max(1.0, _number(row[3]))}
                | {"celsius": _number(row[4]), "watts": _number(row[5])}
                for row in rows
                if len(row) == 6
            ]
        return []


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:  # "[N/A]"
        return 0.0


def _processor_times() -> tuple[float, float] | None:
    """(busy, all) ticks of all processors since the machine started."""
    with suppress(OSError, ValueError, IndexError):
        ticks = [float(word) for word in Path("/proc/stat").read_text().splitlines()[0].split()[1:9]]
        return sum(ticks) - ticks[3] - ticks[4], sum(ticks)
    return None


def _memory() -> dict[str, int]:
    with suppress(OSError, ValueError, IndexError):
        lines = Path("/proc/meminfo").read_text().splitlines()
        return {line.split(":")[0]: int(line.split()[1]) * 1024 for line in lines}
    return {}

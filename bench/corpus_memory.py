"""Makes corpora of growing internets and measures the memory of all processes together, and the speed.

    python -m bench.corpus_memory [--megabytes 100 1000] [--workers 2] [--note …] [folder]

Megabytes are of raw pages (WARC). Every size is a line in bench/results/corpus_memory.jsonl: the largest sum of the
resident memory (shared pages counted once: Pss) of the process and its children, the processor time that all of them took,
and the speed by both clocks.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from groundup.hardware import look

TOP = Path(__file__).parents[1]
RESULTS = Path(__file__).parent / "results" / "corpus_memory.jsonl"
PAGES = 2.87  # bytes of archive in a byte of text of the invented internet
EVERY = 0.25  # seconds between two looks


def command(*words: str) -> list[str]:
    return [sys.executable, "-m", "groundup", *words]


def invent(folder: Path, megabytes: float) -> Path:
    """Pages of about so many megabytes."""
    rest = ("readers=0", "dialogues=0", "preferences=0", "questions=200", "attacks=10")
    words = command("invent", f"megabytes={megabytes / PAGES:.3f}", *rest, "--into", str(folder))
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return folder / "pages"


def family(pid: int) -> list[int]:
    """A process and everybody below it."""
    found = [pid]
    for parent in found:
        with suppress(OSError):
            for task in Path(f"/proc/{parent}/task").iterdir():
                found += [int(child) for child in (task / "children").read_text().split()]
    return found


def memory_of(pids: list[int]) -> int:
    """Bytes that these processes hold in memory."""
    total = 0
    for pid in pids:
        with suppress(OSError, StopIteration):
            lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
            total += 1024 * next(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    return total


def measure(pages: Path, into: Path, workers: int) -> dict[str, Any]:
    """Make the corpus of `pages` in a process of its own and watch it."""
    began, before, peak, most = time.monotonic(), os.times(), 0, 0
    words = command("corpus", f"files=[{pages}]", "profile=web", f"workers={workers}", "--into", str(into))
    with tempfile.TemporaryFile("w+") as said:  # a pipe that nobody reads while it runs would hold it up
        process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=said)
        while process.poll() is None:
            pids = family(process.pid)
            peak, most = max(peak, memory_of(pids)), max(most, memory_of(pids[:1]))
            time.sleep(EVERY)
        if process.returncode:
            said.seek(0)
            raise SystemExit(f"the corpus ended with {process.returncode}:\n{said.read()[-3000:]}")
    after, seconds = os.times(), time.monotonic() - began
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    raw = sum(path.stat().st_size for path in pages.iterdir())
    return {
        "raw_bytes": raw,
        "peak_mb": round(peak / 1e6),
        "peak_mb_first_process": round(most / 1e6),
        "seconds": round(seconds, 1),
        "cpu_seconds": round(cpu, 1),
        "mb_per_s": round(raw / 1e6 / seconds, 2),
        "mb_per_cpu_s": round(raw / 1e6 / cpu, 2),
        "documents": json.loads((into / "table.json").read_text())["steps"][0]["documents_in"],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path)
    parser.add_argument("--megabytes", type=float, nargs="+", default=[100, 1000])
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--note", default="")
    asked = parser.parse_args()
    machine = look()
    with tempfile.TemporaryDirectory(prefix="groundup-memory-", dir=asked.folder) as folder:
        for size in asked.megabytes:
            pages = invent(Path(folder, f"town-{size:g}"), size)
            told = measure(pages, Path(folder, f"corpus-{size:g}"), asked.workers)
            told = {"megabytes": size, "workers": asked.workers, **told, "cpus": machine.cpus, "cpu": machine.cpu}
            told |= {"note": asked.note} if asked.note else {}
            RESULTS.parent.mkdir(exist_ok=True)
            with RESULTS.open("a") as file:
                file.write(json.dumps(told) + "\n")
            print(json.dumps(told), flush=True)


if __name__ == "__main__":
    main()

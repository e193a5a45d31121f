"""A stage small enough to see through: counts the words of pages into numbered files. Also a program, to be killed.

python tests/run_example.py INTO PAGES [name=value …]
"""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from pydantic import Field

from groundup import config, hardware, run
from groundup.errors import Problem


def strace_works() -> bool:
    """Installed, and allowed to trace: some containers forbid it."""
    return bool(shutil.which("strace")) and not subprocess.run(["strace", "-o", os.devnull, "true"]).returncode


class Settings(config.Settings):
    pages: config.Input = Field(description="what is counted")
    parts: int = Field(4, gt=0, description="how many files are written")
    size: int = Field(100, description="characters in each")
    pause: float = Field(0.0, description="seconds between two files")


def count(settings: Settings, work: run.Work) -> None:
    """Resumes: files that are there are whole, because each is written atomically."""
    text = "".join(path.read_text() for path in sorted(Path(settings.pages).rglob("*.txt")))
    done = len(list(work.out.glob("part-*.txt")))
    work.rewind(done - 1)
    for step in range(done, settings.parts):
        if work.stopping():
            raise KeyboardInterrupt
        work.log(step=step)
        run.write_atomically(
            work.out / f"part-{step}.txt", (f"{len(text.split())} words, {step} " * 99)[: settings.size]
        )
        work.progress(step + 1, settings.parts, "parts")
        time.sleep(settings.pause)


def at(into: Path, pages: Path, **values) -> run.Stage:
    return run.stage(into, "count", Settings(pages=str(pages), **values), version=1, seed=1)


def make(into: Path, pages: Path, **values) -> Path:
    return run.perform(at(into, pages, **values), count, hardware.look())


def main(into: str, pages: str, *words: str) -> int:
    return ended(lambda: make(Path(into), Path(pages), **config.overrides(words)))


def ended(work: Callable[[], object]) -> int:
    """The exit code of a program that does this and may be stopped, as the command line has it."""
    try:
        work()
    except KeyboardInterrupt:
        return 130
    except Problem as problem:
        print(problem, file=sys.stderr)
        return problem.exit_code
    return 0


if __name__ == "__main__":
    if user := os.environ.get("BECOME_USER"):
        os.setuid(int(user))
    sys.exit(main(*sys.argv[1:]))

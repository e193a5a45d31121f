"""Makes shards of the invented internet in processes of their own: `python -m groundup.town.workers`.

A worker reads one job from its standard input and answers with one line for each shard it has written. Plain processes
rather than multiprocessing: whoever calls us from a script needs no `if __name__ == "__main__"`.
"""

import json
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Self

from groundup.town.internet import Internet, Plan, write_shard

PATIENCE = 0.2  # seconds between two looks at whether to stop


class Crew:
    """Worker processes that share the shards of one internet."""

    def __init__(self, plan: Plan, folder: Path, shards: Sequence[int], pages: int, workers: int):
        self.left = len(shards)
        self.answers: queue.Queue[dict | None] = queue.Queue()
        self.processes = [
            _start({"plan": asdict(plan), "folder": str(folder), "pages": pages, "shards": shards[first::workers]})
            for first in range(workers)
        ]
        for process in self.processes:
            threading.Thread(target=self._listen, args=(process,), daemon=True).start()

    def _listen(self, process: subprocess.Popen) -> None:
        assert process.stdout
        for line in process.stdout:
            self.answers.put(json.loads(line))
        self.answers.put(None)

    def wait(self, done: Callable[[int], None], stopping: Callable[[], bool]) -> None:
        """Until all shards are written; `done` hears of each."""
        silent = 0
        while self.left:
            if stopping():
                raise KeyboardInterrupt
            try:
                answer = self.answers.get(timeout=PATIENCE)
            except queue.Empty:
                continue
            if answer is None:
                silent += 1
            elif "errno" in answer:
                raise OSError(answer["errno"], answer["error"], answer["path"])
            else:
                self.left -= 1
                done(answer["shard"])
            if self.left and silent == len(self.processes):
                raise RuntimeError("a worker that writes pages ended before its shards were done")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for process in self.processes:
            if self.left:
                process.terminate()
            process.wait()
            assert process.stdout
            process.stdout.close()


def _start(job: dict) -> subprocess.Popen:
    """A worker with its job; it finds this package wherever we found it."""
    package = str(Path(__file__).resolve().parents[2])
    path = os.pathsep.join(filter(None, (package, os.environ.get("PYTHONPATH"))))
    process = subprocess.Popen(
        [sys.executable, "-m", "groundup.town.workers"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": path},
        text=True,
    )
    assert process.stdin
    process.stdin.write(json.dumps(job))
    process.stdin.close()
    return process


def main() -> None:
    """One worker: a job on standard input, a line of JSON for each finished shard."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # whoever started us decides
    job = json.load(sys.stdin)
    net = Internet(Plan(**job["plan"] | {"leaks": tuple(job["plan"]["leaks"])}))
    for shard in job["shards"]:
        try:
            write_shard(net, Path(job["folder"]), shard, job["pages"])
        except OSError as error:
            print(json.dumps({"errno": error.errno, "error": error.strerror, "path": str(error.filename)}), flush=True)
            return
        print(json.dumps({"shard": shard}), flush=True)


if __name__ == "__main__":
    main()

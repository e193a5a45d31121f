"""Children at work on documents, and what happens when one of them dies: the guilty document is found and set aside.

A batch goes to a child in small parts. The part in which a child dies is done again by a fresh one, document by document;
whoever kills it again is refused, and all others come out as if nothing had been.
"""

import json
import os
import queue
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from groundup.data.workers.child import OUT_OF_MEMORY, packed, receive, send, unpacked
from groundup.data.workers.job import Job

if TYPE_CHECKING:
    import pyarrow as pa

PART_DOCUMENTS, PART_BYTES = 32, 256 << 10
TRIES = 3  # for a document whose child was ended by somebody else
FROM_OUTSIDE = {signal.SIGKILL, signal.SIGTERM, signal.SIGHUP, signal.SIGINT}
Apply = Callable[["pa.RecordBatch"], "pa.RecordBatch"]
Refuse = Callable[["pa.RecordBatch", str], "pa.RecordBatch"]


class Died(Exception):
    """A child ended before it answered: in words why, and whether the document may have had no part in it."""

    def __init__(self, why: str, from_outside: bool):
        super().__init__(why)
        self.why, self.from_outside = why, from_outside


class Closed(Exception):
    """Nobody waits for answers any more."""


class Child:
    """One process, started when it is first needed."""

    def __init__(self, job: Job):
        self.job = job
        self.log = tempfile.TemporaryFile()  # noqa: SIM115
        self.process = subprocess.Popen(
            [sys.executable, "-m", "groundup.data.workers.child"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.log,
            env=_environment(),
        )
        assert self.process.stdin and self.process.stdout
        self.questions: IO[bytes] = self.process.stdin
        self.answers: IO[bytes] = self.process.stdout

    def begin(self) -> None:
        """Tell it the job and wait until it is ready for documents."""
        with suppress(BrokenPipeError):
            send(self.questions, json.dumps(self.job.as_json()).encode())
        if receive(self.answers) is None:
            died = self._died()
            if died.from_outside:
                raise died
            raise RuntimeError(f"a process for documents could not begin: {died.why}\n{self._said()}")

    def apply(self, batch: "pa.RecordBatch") -> "pa.RecordBatch":
        """The answer to a batch, or Died."""
        with suppress(BrokenPipeError):
            send(self.questions, packed(batch))
        answer = receive(self.answers)
        if answer is None:
            raise self._died()
        return unpacked(answer)

    def close(self) -> None:
        """Whatever it is doing, it does no more."""
        self.process.kill()
        self.process.wait()
        for pipe in (self.questions, self.answers, self.log):
            with suppress(BrokenPipeError):
                pipe.close()

    def _died(self) -> Died:
        code = self.process.wait()
        if code in (-signal.SIGPROF, -signal.SIGALRM):
            return Died(f"it took more than {self.job.seconds:g} s", False)
        if code == OUT_OF_MEMORY:
            return Died(f"it needed more than {self.job.megabytes} MiB of memory", False)
        if code < 0:
            return Died(f"its process was ended by {signal.Signals(-code).name}", -code in FROM_OUTSIDE)
        last = self._said().strip().rpartition("\n")[2]
        return Died(f"its process ended with {code}: {last}", False)

    def _said(self) -> str:
        self.log.seek(0)
        return self.log.read().decode("utf-8", "replace")[-3000:]


class Crew:
    """So many children at most; each batch goes to one that is free, from whatever thread it comes."""

    def __init__(self, job: Job, refuse: Refuse, workers: int):
        self.job, self.refuse, self.workers = job, refuse, workers
        self.children: list[Child] = []
        self._places: queue.Queue[Child | None] | None = None
        self._ended = False

    def __reduce__(self) -> Any:
        """Sent to another machine it is a crew of its own."""
        return Crew, (self.job, self.refuse, self.workers)

    def open(self) -> "Crew":
        """Ready for batches; no process is started before it is needed."""
        self._places = queue.Queue()
        for _ in range(self.workers):
            self._places.put(None)
        return self

    def apply(self, batch: "pa.RecordBatch") -> "pa.RecordBatch":
        """A batch after the job, refused documents among the others."""
        import pyarrow as pa

        if self._places is None:
            self.open()
        assert self._places is not None
        seat = Seat(self, self._places.get())
        try:
            return pa.concat_batches(list(guarded(seat.apply, batch, self.refuse)))
        except Closed:
            return self.refuse(batch, "closed")  # which nobody will read
        finally:
            self._places.put(seat.child)

    def start(self) -> Child:
        """One more child; none once all was ended."""
        for _ in range(TRIES):
            child = Child(self.job)
            self.children.append(child)
            if self._ended:
                child.close()
                raise Closed
            try:
                child.begin()
                return child
            except Died:
                self.dismiss(child)
        raise RuntimeError("workers on documents were ended by somebody else while they began")

    def dismiss(self, child: Child) -> None:
        """It is dead, or soon will be."""
        self.children.remove(child)
        child.close()

    def close(self) -> None:
        """Send everybody home, at once."""
        self._ended = True
        for child in list(self.children):
            child.close()


class Seat:
    """Where one child sits, and after its death the next."""

    def __init__(self, crew: Crew, child: Child | None):
        self.crew, self.child = crew, child

    def apply(self, batch: "pa.RecordBatch") -> "pa.RecordBatch":
        self.child = self.child or self.crew.start()
        try:
            return self.child.apply(batch)
        except Died:
            self.crew.dismiss(self.child)
            self.child = None
            raise


def guarded(apply: Apply, batch: "pa.RecordBatch", refuse: Refuse) -> "Iterator[pa.RecordBatch]":
    """A batch in parts through `apply`; documents whose process dies of them go through `refuse`."""
    for part in parts(batch):
        try:
            yield apply(part)
        except Died:
            for row in range(part.num_rows):
                yield _alone(apply, part.slice(row, 1), refuse)


def _alone(apply: Apply, document: "pa.RecordBatch", refuse: Refuse) -> "pa.RecordBatch":
    why = ""
    for _ in range(TRIES):
        try:
            return apply(document)
        except Died as died:
            why = died.why
            if not died.from_outside:
                break
    return refuse(document, why)


def parts(batch: "pa.RecordBatch") -> "Iterator[pa.RecordBatch]":
    """A batch cut into parts of few documents and few bytes; a larger document is a part by itself."""
    import pyarrow.compute as compute

    sizes = compute.binary_length(batch.column("body")).to_pylist()  # type: ignore[attr-defined]
    start = weight = 0
    for row, size in enumerate(sizes):
        if row > start and (row - start >= PART_DOCUMENTS or weight + size > PART_BYTES):
            yield batch.slice(start, row - start)
            start, weight = row, 0
        weight += size
    if start < len(sizes):
        yield batch.slice(start)


def _environment() -> dict[str, str]:
    """A child finds this package wherever we found it; one allocator, so that its limit counts what is used."""
    home = str(Path(__file__).resolve().parents[3])
    paths = [home, *os.environ.get("PYTHONPATH", "").split(os.pathsep)]
    return os.environ | {
        "PYTHONPATH": os.pathsep.join(dict.fromkeys(filter(None, paths))),
        "ARROW_DEFAULT_MEMORY_POOL": "system",
    }

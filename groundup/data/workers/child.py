"""The process in which documents are worked on: `python -m groundup.data.workers.child`, fed through its standard input.

The kernel holds its limits, so that no native loop can get around them: an alarm ends it when a document takes too
long (and when nobody is left to be answered), and memory beyond the limit is refused.
"""

import json
import os
import resource
import signal
import struct
import sys
from pathlib import Path
from typing import IO, TYPE_CHECKING

from groundup.data.workers.job import Job

if TYPE_CHECKING:
    import pyarrow as pa

BEGINNING = 900  # seconds for imports and compilation
IDLE = 10  # times as long may pass by the clock as by the processor's count: for what waits and never works
OUT_OF_MEMORY = 77  # the exit status that says so
LENGTH = struct.Struct("<q")
SAMPLE = (
    "The old bridge was built in 1874 by two brothers from the valley, and most people who live there still cross it every day. "
    "When the river is high, children stand at the railing and watch what it carries with it. Write to nobody@mail.example."
)


def send(pipe: IO[bytes], message: bytes) -> None:
    """One message, its length first."""
    pipe.write(LENGTH.pack(len(message)))
    pipe.write(message)
    pipe.flush()


def receive(pipe: IO[bytes]) -> bytes | None:
    """The next message, or None where the other side is gone, even in the middle of one."""
    head = pipe.read(LENGTH.size)
    if len(head) < LENGTH.size:
        return None
    message = pipe.read(LENGTH.unpack(head)[0])
    return message if len(message) == LENGTH.unpack(head)[0] else None


def packed(batch: "pa.RecordBatch") -> bytes:
    """A batch as a stream of Arrow."""
    import pyarrow as pa

    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema) as stream:
        stream.write_batch(batch)
    return sink.getvalue().to_pybytes()


def unpacked(message: bytes) -> "pa.RecordBatch":
    """The one batch of a stream."""
    import pyarrow as pa

    return pa.ipc.open_stream(message).read_next_batch()


def main() -> None:
    """A job first, then batch after batch; each is answered before the next is read."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # whoever started us decides
    for limit in (signal.SIGALRM, signal.SIGPROF):
        signal.signal(limit, signal.SIG_DFL)
    questions, answers = _pipes()
    told = receive(questions)
    if told is None:
        return
    job = Job(**json.loads(told))
    signal.alarm(BEGINNING)
    apply = job.make()
    apply(_sample())  # so that the first document does not pay for what has to be compiled
    _limit_memory(job.megabytes << 20)
    signal.alarm(0)
    send(answers, b"")
    while (message := receive(questions)) is not None:
        _allow(job.seconds)
        try:
            answer = packed(apply(unpacked(message)))
        except MemoryError:
            os._exit(OUT_OF_MEMORY)
        _allow(0)
        send(answers, answer)


def _allow(seconds: float) -> None:
    """So long from now, or without an end for 0; a machine that does other things meanwhile is not a document's fault."""
    signal.setitimer(signal.ITIMER_PROF, seconds)
    signal.setitimer(signal.ITIMER_REAL, IDLE * seconds)


def _pipes() -> tuple[IO[bytes], IO[bytes]]:
    """The two ends of the conversation; whatever else is printed goes to the standard error."""
    questions, answers = os.dup(0), os.dup(1)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(2, 1)
    return os.fdopen(questions, "rb"), os.fdopen(answers, "wb")


def _sample() -> "pa.RecordBatch":
    from groundup.data.documents import HTML, Record, batches

    page = f"<html><head><title>Bridge</title></head><body><p>{SAMPLE}</p></body></html>"
    return next(batches([Record("text", "", SAMPLE.encode()), Record("page", "", page.encode(), HTML)]))


def _limit_memory(more: int) -> None:
    """Let this process grow by so much and no further. macOS has no such limit that it keeps."""
    status = Path("/proc/self/status")
    if not status.exists():
        return
    used = next(int(line.split()[1]) for line in status.read_text().splitlines() if line.startswith("VmData"))
    resource.setrlimit(resource.RLIMIT_DATA, (used * 1024 + more, resource.RLIM_INFINITY))


if __name__ == "__main__":
    sys.exit(main())

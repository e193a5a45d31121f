"""Documents that no process survives, for tests: a job that dies of certain words, beside what else it does."""

import ctypes
import time
from pathlib import Path

from groundup.data.workers.preparing import prepare

LOOP, MEMORY, CRASH, LAST = b"never ends", b"fills all memory", b"crashes natively", b"ends the process"
SLOW = b"slow"


def die_of_words(profile, protected, **_):
    """The preparation of a profile, in a process that is not proof against some words."""
    apply = prepare(profile, protected)

    def batch(documents):
        for body in documents.column("body").to_pylist():
            if LOOP in body:
                sum(iter(int, 1))  # in C, with Python's lock held
            if MEMORY in body:
                bytearray(4 << 30)
            if CRASH in body:
                ctypes.string_at(0)
            if LAST in body:
                raise RuntimeError("no document gets past this")
        return apply(documents)

    return batch


def slow(sign):
    """A job that leaves a sign when it has taken up a slow document, and is done a while later."""

    def batch(documents):
        if SLOW in documents.column("body").to_pylist():
            Path(sign).touch()
            time.sleep(1.0)
        return documents

    return batch

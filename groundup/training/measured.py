"""What a piece of work takes of memory and time, measured from outside: it runs in a child process, and the kernel tells.

Nothing that was done before counts, and nothing remains afterwards. Linux and macOS.
"""

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass

from groundup.errors import Problem

UNIT = 1 if sys.platform == "darwin" else 1024  # bytes in which the kernel counts peaks


@dataclass(frozen=True)
class Taken:
    """Of one piece of work."""

    peak_bytes: int  # the highest that its process ever held, Python and torch included
    seconds: float  # of processors, so that other work on the machine changes little


def taken(work: Callable[[], object]) -> Taken:
    """Run it in a child; a child that fails says why on its stderr, and here is a Problem."""
    sys.stdout.flush()
    sys.stderr.flush()
    child = os.fork()
    if not child:
        code = 1
        try:
            work()
            code = 0
        except BaseException as error:  # noqa: BLE001  a child must end here, whatever happens in it
            print(f"{type(error).__name__}: {error}", file=sys.stderr, flush=True)
        finally:
            os._exit(code)
    _, status, usage = os.wait4(child, 0)
    if status:
        raise Problem(f"the work to be measured failed with status {status}: its process says why above.")
    return Taken(usage.ru_maxrss * UNIT, usage.ru_utime + usage.ru_stime)

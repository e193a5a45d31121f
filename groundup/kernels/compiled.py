"""How the loops are compiled, and how they read bytes: the ground under every other file of this room.

numba passes an array as seven fields and counts references to it at each call; in loops that run once a word that
costs more than the work. So the hot functions take an address (`array.ctypes.data`) and read with `load8` and
`load64`. The price: no bounds are checked, the caller keeps the array alive, and every buffer that is read by
address ends in PAD spare bytes.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from llvmlite import ir
from numba import njit, types
from numba.core import event
from numba.extending import intrinsic

PAD = 8  # readable bytes after the end of every buffer that is read by address

loop: Any = njit(cache=True, nogil=True)


def _reader(bits: int) -> Any:
    """An intrinsic: the unsigned integer of `bits` bits at address + i bytes, wherever that falls."""

    @intrinsic
    def read(typing, address, i):
        def generate(context, builder, signature, arguments):
            place = builder.inttoptr(builder.add(arguments[0], arguments[1]), ir.IntType(bits).as_pointer())
            value = builder.load(place)
            value.align = 1
            return builder.zext(value, ir.IntType(64)) if bits < 64 else value

        return (types.int64 if bits < 64 else types.uint64)(types.int64, types.int64), generate

    return read


load8: Any = _reader(8)
load64: Any = _reader(64)


class _Listener(event.Listener):
    """Calls `tell` when the first compilation starts: what comes from the cache folder is not a compilation."""

    def __init__(self, tell: Callable[[], None]):
        self.tell = tell
        self.told = False

    def on_start(self, event):
        if not self.told:
            self.told = True
            self.tell()

    def on_end(self, event):
        pass


@contextmanager
def announced(tell: Callable[[], None]) -> Iterator[None]:
    """Within this block, call `tell` once if something has to be compiled: it takes seconds, and silence looks like a hang."""
    with event.install_listener("numba:compile", _Listener(tell)):
        yield

"""How the loops are compiled, and how they read bytes: the ground under every other file of this room.

numba passes an array as seven fields and counts references to it at each call; in loops that run once a word that
costs more than the work. So the hot functions take an address (`array.ctypes.data`) and read with `load8` to
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


def _writer(bits: int) -> Any:
    """An intrinsic: puts the low `bits` bits of a value at address + i bytes."""

    @intrinsic
    def write(typing, address, i, value):
        def generate(context, builder, signature, arguments):
            place = builder.inttoptr(builder.add(arguments[0], arguments[1]), ir.IntType(bits).as_pointer())
            low = builder.trunc(arguments[2], ir.IntType(bits)) if bits < 64 else arguments[2]
            builder.store(low, place).align = 1
            return context.get_dummy_value()

        return types.void(types.int64, types.int64, types.int64), generate

    return write


@intrinsic
def _prefetch(typing, address, i):
    """Asks for the bytes at address + i, which are wanted soon."""

    def generate(context, builder, signature, arguments):
        byte, number = ir.IntType(8).as_pointer(), ir.IntType(32)
        known = ir.FunctionType(ir.VoidType(), [byte, number, number, number])
        function = builder.module.declare_intrinsic("llvm.prefetch", [byte], known)
        place = builder.inttoptr(builder.add(arguments[0], arguments[1]), byte)
        builder.call(function, [place, number(0), number(3), number(1)])  # to be read, near, data
        return context.get_dummy_value()

    return types.void(types.int64, types.int64), generate


prefetch: Any = _prefetch
load8: Any = _reader(8)
load32: Any = _reader(32)
load64: Any = _reader(64)
store32: Any = _writer(32)
store64: Any = _writer(64)


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

"""The fields of a protobuf message, read strictly: just enough of the wire format for SentencePiece's files.

A message is a row of (field number, wire type, value); what the numbers mean is the reader's affair.
"""

import struct
from collections.abc import Iterator

from groundup.errors import Problem

VARINT, EIGHT_BYTES, COUNTED, FOUR_BYTES = 0, 1, 2, 5
LONGEST_VARINT = 10


def fields(data: bytes, where: str) -> Iterator[tuple[int, int | float | bytes]]:
    """(number, value) of each field: an int, the bytes of a string or of a message within, or a float of four bytes."""
    at = 0
    while at < len(data):
        key, at = varint(data, at, where)
        number, wire = key >> 3, key & 7
        if number == 0:
            raise Problem(f"{where} is not a whole SentencePiece model: there is a field without a number at byte {at}")
        if wire == VARINT:
            value, at = varint(data, at, where)
            yield number, value
            continue
        if wire == COUNTED:
            size, at = varint(data, at, where)
        elif wire in (FOUR_BYTES, EIGHT_BYTES):
            size = 4 if wire == FOUR_BYTES else 8
        else:
            raise Problem(f"{where} is not a whole SentencePiece model: byte {at} is no field of one")
        if at + size > len(data):
            raise Problem(f"{where} is cut off: it ends in the middle of a field; get the file again")
        part = data[at : at + size]
        at += size
        yield number, part if wire != FOUR_BYTES else struct.unpack("<f", part)[0]


def varint(data: bytes, at: int, where: str) -> tuple[int, int]:
    """(the number at a place, the place behind it)."""
    value = 0
    for k in range(LONGEST_VARINT):
        if at + k >= len(data):
            raise Problem(f"{where} is cut off: it ends in the middle of a number; get the file again")
        value |= (data[at + k] & 127) << 7 * k
        if data[at + k] < 128:
            return value & (1 << 64) - 1, at + k + 1
    raise Problem(f"{where} is not a whole SentencePiece model: no number has {LONGEST_VARINT + 1} bytes")

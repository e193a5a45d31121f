"""TensorBoard's event files, written out: each a row of framed records, each record a protobuf `Event` with one scalar.

    tensorboard --logdir runs/tour/tracked/tensorboard

A record is its length (8 bytes), a checksum of that, the data, a checksum of the data; the checksum is CRC-32C, turned and
shifted so that a checksum of a text with checksums in it stays good. Nothing of TensorBoard has to be installed.
"""

import struct
import time
from functools import cache
from pathlib import Path
from typing import BinaryIO

from groundup.training.trackers.follow import Facts

POLYNOMIAL = 0x82F63B78  # Castagnoli's, its bits reversed
COUNTED, EIGHT_BYTES, FOUR_BYTES, VARINT = 2, 1, 5, 0  # wire types of protobuf
LARGEST = 3.4e38  # that a float of four bytes holds
START = 1  # of a session: whoever reads forgets scalars of this step and later ones, which were told before


class EventFile:
    """One attempt of a training; a resumed one writes another file into the same folder."""

    def __init__(self, file: BinaryIO):
        self.file = file
        self._write(_field(3, b"brain.Event:2"))  # file_version

    def log(self, step: int, values: dict[str, float]) -> None:
        """Every value is a scalar of its own: Event.summary (5) . value (1) . tag (1), simple_value (2)."""
        scalars = [
            _field(1, _field(1, name.replace(".", "/", 1).encode()) + _float(2, value))
            for name, value in values.items()
        ]
        self._write(_integer(2, step) + _field(5, b"".join(scalars)))
        self.file.flush()

    def rewind(self, step: int) -> None:
        """Event.session_log (7) . status (1)."""
        self._write(_integer(2, step + 1) + _field(7, _integer(1, START)))

    def close(self) -> None:
        """The file is whole after every line."""
        self.file.close()

    def _write(self, event: bytes) -> None:
        event = _key(1, EIGHT_BYTES) + struct.pack("<d", time.time()) + event  # wall_time
        length = struct.pack("<Q", len(event))
        self.file.write(length + checksum(length) + event + checksum(event))


def begin(facts: Facts) -> EventFile:
    """A new file in the folder of this run."""
    folder = facts.folder / "tensorboard" / f"{facts.name}-{facts.run}"
    folder.mkdir(parents=True, exist_ok=True)
    taken = len(list(folder.iterdir()))
    return EventFile(open(Path(folder, f"events.out.tfevents.{time.time():.0f}.{taken:04d}"), "xb"))


@cache
def _table() -> list[int]:
    table = []
    for value in range(256):
        for _ in range(8):
            value = value >> 1 ^ (POLYNOMIAL if value & 1 else 0)
        table.append(value)
    return table


def crc32c(data: bytes) -> int:
    """CRC-32C, a byte at a time."""
    table, crc = _table(), 0xFFFFFFFF
    for byte in data:
        crc = crc >> 8 ^ table[(crc ^ byte) & 255]
    return crc ^ 0xFFFFFFFF


def checksum(data: bytes) -> bytes:
    """The masked CRC-32C of a record."""
    crc = crc32c(data)
    return struct.pack("<I", ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF)


def _varint(value: int) -> bytes:
    parts = bytearray()
    while value > 127:
        parts.append(value & 127 | 128)
        value >>= 7
    return bytes([*parts, value])


def _key(number: int, wire: int) -> bytes:
    return _varint(number << 3 | wire)


def _integer(number: int, value: int) -> bytes:
    return _key(number, VARINT) + _varint(value)


def _float(number: int, value: float) -> bytes:
    return _key(number, FOUR_BYTES) + struct.pack("<f", max(min(value, LARGEST), -LARGEST))  # a nan stays one


def _field(number: int, data: bytes) -> bytes:
    return _key(number, COUNTED) + _varint(len(data)) + data

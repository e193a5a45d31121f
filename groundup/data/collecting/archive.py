"""Pages as they were found, put into WARC files: what any crawl brings home, and what the corpus stage reads.

Each record is packed by itself, so that a shard which was cut short is whole up to some record. A shard grows as
NAME.warc.gz.open and gets its name when it is full; an attempt that was killed goes on behind the last record it has told of.
"""

import gzip
import hashlib
import os
import uuid
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

from groundup.run.files import sync, sync_folder

SHARD_BYTES = 256 << 20  # packed; a shard is closed when it is larger
OPEN = ".open"
PACKED = "content-encoding", "content-length", "transfer-encoding"  # of the wire: the body is kept unpacked


class Archive:
    """Shards of a crawl in a folder, written one after the other."""

    def __init__(
        self, folder: Path, told: dict[str, str], shard: int = 0, size: int = 0, shard_bytes: int = SHARD_BYTES
    ):
        """Go on at `size` bytes of the shard of that number; what stands behind is not known to anybody and goes.

        told: what the first record of each shard says about the crawl.
        """
        self.folder, self.told, self.shard, self.shard_bytes = folder, told, shard, shard_bytes
        folder.mkdir(parents=True, exist_ok=True)
        self.file = open(self._path(OPEN), "ab")
        self.file.truncate(size)
        self.file.seek(size)

    @property
    def place(self) -> tuple[int, int]:
        """The number of the shard that grows, and its bytes so far."""
        return self.shard, self.file.tell()

    def add(self, url: str, date: str, head: bytes, body: bytes) -> tuple[int, int]:
        """Put a page behind the others; its shard, and where it ends there."""
        if self.file.tell() >= self.shard_bytes:
            self.commit()
            self.shard += 1
            self.file = open(self._path(OPEN), "wb")
        if not self.file.tell():
            self.file.write(_packed(_info(self.told, self._path("").name, date)))
        self.file.write(_packed(_response(url, date, head, body)))
        self.file.flush()
        return self.place

    def commit(self) -> None:
        """Give the shard its name, once all of it is on the disk; a shard without pages is none."""
        empty = not self.file.tell()
        self.file.flush()
        sync(self.file.fileno())
        self.file.close()
        if empty:
            self._path(OPEN).unlink()
        else:
            os.replace(self._path(OPEN), self._path(""))
        sync_folder(self.folder)

    def close(self) -> None:
        """Leave the shard open for whoever goes on."""
        self.file.close()

    def _path(self, more: str) -> Path:
        return self.folder / f"pages-{self.shard:05}.warc.gz{more}"


def whole_bytes(folder: Path, shard: int) -> int:
    """How many bytes of a shard are there, under whichever name."""
    for more in ("", OPEN):
        path = folder / f"pages-{shard:05}.warc.gz{more}"
        if path.exists():
            return path.stat().st_size
    return 0


def is_committed(folder: Path, shard: int) -> bool:
    """Whether a shard has its name."""
    return (folder / f"pages-{shard:05}.warc.gz").exists()


def head_of(status: int, reason: str, headers: Iterable[tuple[str, str]], size: int) -> bytes:
    """The head of an answer as the archive keeps it: what it said of its packing is kept under other names."""
    lines = [f"HTTP/1.1 {status} {reason}".rstrip()]
    for name, value in headers:
        lines.append(f"{'X-Crawl-' if name.lower() in PACKED else ''}{name}: {value}")
    return "\r\n".join([*lines, f"Content-Length: {size}", "", ""]).encode("latin-1", "replace")


def now() -> str:
    """The time as archives write it."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _response(url: str, date: str, head: bytes, body: bytes) -> bytes:
    digest = hashlib.sha256(body).hexdigest()
    lines = [
        "WARC/1.1",
        "WARC-Type: response",
        f"WARC-Record-ID: <urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, f'{url} {date} {digest}')}>",
        f"WARC-Target-URI: {url}",
        f"WARC-Date: {date}",
        f"WARC-Payload-Digest: sha256:{digest}",
        "Content-Type: application/http; msgtype=response",
    ]
    return _record(lines, head + body)


def _info(told: dict[str, str], name: str, date: str) -> bytes:
    """The record that says who collected this, and under which rules."""
    lines = [
        "WARC/1.1",
        "WARC-Type: warcinfo",
        f"WARC-Record-ID: <urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, f'{name} {date}')}>",
        f"WARC-Filename: {name}",
        f"WARC-Date: {date}",
        "Content-Type: application/warc-fields",
    ]
    return _record(lines, "".join(f"{key}: {value}\r\n" for key, value in told.items()).encode())


def _record(lines: list[str], block: bytes) -> bytes:
    return "\r\n".join([*lines, f"Content-Length: {len(block)}", "", ""]).encode() + block + b"\r\n\r\n"


def _packed(record: bytes) -> bytes:
    return gzip.compress(record, 6, mtime=0)

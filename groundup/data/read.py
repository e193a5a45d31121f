"""Reading: files, folders and globs of other people's formats become records, in an order that never changes.

What is no text by its name is skipped and counted; what claims to be one and cannot be read becomes a record with a
problem; the rest goes on. Files are streamed: no archive is unpacked into memory at once.
"""

import bz2
import glob
import gzip
import io
import json
import lzma
import os
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any

from groundup.data.documents import HTML, TEXT, Record
from groundup.data.warc import read_warc
from groundup.errors import Problem

LARGEST = 64 << 20  # bytes of one record; what is longer is not a document
PIECE = 256 << 10  # a long plain text is cut at blank lines into documents of about this size
LONG = 4 * PIECE
DAMAGE = (EOFError, OSError, lzma.LZMAError, zlib.error, ValueError)
PLAIN = """txt text md markdown rst tex org adoc py pyi c h cc cpp hpp rs go java js ts sh sql""".split()
NAMELESS = {"readme", "license", "licence", "copying", "authors", "changelog", "news", "contributing"}
OF_A_RUN = {"metrics.jsonl", "manifest.json", "resolved.json"}  # what a run folder says about itself


def open_zst(file: IO[bytes]) -> IO[bytes]:
    import pyarrow as pa

    return io.BufferedReader(pa.CompressedInputStream(file, "zstd"))  # type: ignore[arg-type]


OPENERS: dict[str, Callable[[IO[bytes]], Any]] = {
    ".gz": gzip.open,
    ".xz": lzma.open,
    ".bz2": bz2.open,
    ".zst": open_zst,
}


class Reader:
    """Iterates over the records of some paths; afterwards `skipped` says how many files were left and why."""

    def __init__(self, paths: list[str], text_field: str = "text"):
        self.text_field = text_field
        self.files = list(find(paths))
        self.total_bytes = sum(path.stat().st_size for path, _ in self.files)
        self.skipped: Counter[str] = Counter()
        self._finished = 0
        self._file: IO[bytes] | None = None

    @property
    def done_bytes(self) -> int:
        """How much of the files has been read."""
        reading = self._file.tell() if self._file and not self._file.closed else 0
        return min(self.total_bytes, self._finished + reading)

    def __iter__(self) -> Iterator[Record]:
        for path, name in self.files:
            yield from self._records(path, name)
            self._file = None
            self._finished += path.stat().st_size

    def _records(self, path: Path, name: str) -> Iterator[Record]:
        suffix, read = format_of(path)
        if read is None:
            self.skipped[suffix or "no suffix"] += 1
            return
        try:
            if read is read_parquet:
                yield from read_parquet(path, name, self.text_field)
                return
            with open(path, "rb") as self._file:
                stream = OPENERS.get(path.suffix.lower(), _plain)(self._file)
                yield from read(stream, name, self.text_field, self.skipped)
        except PermissionError:
            raise Problem(f"no permission to read {path}; allow it or leave the file out") from None
        except DAMAGE as error:
            yield Record(name, name, problem=f"broken off: {str(error) or type(error).__name__}")


def find(paths: list[str]) -> Iterator[tuple[Path, str]]:
    """Every file under the paths, sorted, with a name that does not say where on this machine it lies."""
    if not paths:
        raise Problem("no files to read were named; name files, folders or globs")
    for number, written in enumerate(paths):
        matches = [written] if os.path.exists(written) else sorted(glob.glob(written, recursive=True))
        if not matches:
            raise Problem(f"{written} does not exist; name a file, a folder or a glob that matches something")
        several = f"{number}/" if len(paths) > 1 else ""
        for path in map(Path, matches):
            if path.is_file():
                yield path, several + path.name
                continue
            yield from ((inner, several + inner.relative_to(path).as_posix()) for inner in _inside(path))


def _inside(folder: Path) -> Iterator[Path]:
    for root, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith((".", "__pycache__")))
        of_a_run = OF_A_RUN if "manifest.json" in names else set()
        for name in sorted(names):
            path = Path(root, name)
            if not name.startswith(".") and name not in of_a_run and path.is_file():
                yield path


def format_of(path: Path) -> tuple[str, Callable[..., Iterator[Record]] | None]:
    """The suffix that tells the format (below a compression's own) and its reader, if there is one."""
    suffixes = [suffix.lower() for suffix in path.suffixes]
    if suffixes and suffixes[-1] in OPENERS:
        suffixes.pop()
    if not suffixes:
        return "", read_text if path.name.split(".")[0].lower() in NAMELESS else None
    return suffixes[-1], READERS.get(suffixes[-1])


def read_text(stream: IO[bytes], name: str, text_field: str, skipped: Counter[str]) -> Iterator[Record]:
    """A file is a document; a long one is several, cut at blank lines."""
    number, rest = 0, stream.read(LONG + 1)
    if len(rest) <= LONG:
        yield Record(name, name, rest)
        return
    while rest:
        cut = rest.find(b"\n\n", PIECE)
        if cut < 0:
            cut = rest.find(b"\n", PIECE)
        cut = cut + 1 if 0 <= cut < LONG else min(len(rest), PIECE)
        yield Record(f"{name}#{number}", name, rest[:cut])
        number += 1
        rest = rest[cut:]
        if len(rest) < LONG:
            rest += stream.read(LONG)


def read_html(stream: IO[bytes], name: str, text_field: str, skipped: Counter[str]) -> Iterator[Record]:
    """A file is a page."""
    body = stream.read(LARGEST + 1)
    if len(body) > LARGEST:
        yield Record(name, name, problem=f"longer than {LARGEST >> 20} MiB")
        return
    yield Record(name, name, body, HTML)


def read_lines(stream: IO[bytes], name: str, text_field: str, skipped: Counter[str]) -> Iterator[Record]:
    """A line of JSON is a document, with an id and a source of its own if it has such fields."""
    number = 0
    while line := stream.readline(LARGEST + 1):
        number += 1
        if line.strip():
            yield _line(line, f"{name}#{number}", name, text_field)
        while len(line) > LARGEST and not line.endswith(b"\n"):
            line = stream.readline(LARGEST)


def _line(line: bytes, place: str, name: str, text_field: str) -> Record:
    if len(line) > LARGEST:
        return Record(place, name, problem=f"longer than {LARGEST >> 20} MiB")
    try:
        fields = json.loads(line)
    except (ValueError, RecursionError) as error:
        return Record(place, name, problem=f"not JSON: {error}")
    text = fields.get(text_field) if isinstance(fields, dict) else None
    if not isinstance(text, str):
        return Record(place, name, problem=f"no text under {text_field!r}")
    return Record(
        str(fields.get("id") or fields.get("url") or place),
        str(fields.get("source") or name),
        text.encode("utf-8", "replace"),
        TEXT,
        "utf-8",
    )


def read_parquet(path: Path, name: str, text_field: str) -> Iterator[Record]:
    """A row is a document."""
    import pyarrow as pa
    import pyarrow.parquet as parquet

    file = parquet.ParquetFile(path)
    found = file.schema_arrow
    if text_field not in found.names or not _holds_text(found.field(text_field).type):
        yield Record(name, name, problem=f"no text column {text_field!r}; columns: {', '.join(found.names)}")
        return
    columns = [column for column in ("id", "url", "source", text_field) if column in found.names]
    number = 0
    for batch in file.iter_batches(256, columns=list(dict.fromkeys(columns))):
        batch = batch.set_column(
            batch.schema.get_field_index(text_field), text_field, batch.column(text_field).cast(pa.large_binary())
        )
        for row in batch.to_pylist():
            number += 1
            place = f"{name}#{number}"
            yield Record(
                str(row.get("id") or row.get("url") or place),
                str(row.get("source") or name),
                row[text_field] or b"",
                TEXT,
                "utf-8",
            )


def _holds_text(type_: Any) -> bool:
    import pyarrow.types as types

    return types.is_string(type_) or types.is_large_string(type_) or types.is_binary(type_)


def _plain(file: IO[bytes]) -> IO[bytes]:
    return file


READERS: dict[str, Callable[..., Iterator[Record]]] = {
    **{f".{suffix}": read_text for suffix in PLAIN},
    **dict.fromkeys((".html", ".htm", ".xhtml"), read_html),
    **dict.fromkeys((".jsonl", ".ndjson"), read_lines),
    **dict.fromkeys((".warc", ".wet"), read_warc),
    ".parquet": read_parquet,
}

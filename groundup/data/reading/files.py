"""Reading: files, folders and globs of other people's formats become records, in an order that never changes.

What is no text by its name is skipped and counted; what claims to be one and cannot be read becomes a record with a
problem; the rest goes on. Files are streamed, and no archive is ever unpacked to the disk.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import IO

from groundup.data.documents import Record
from groundup.data.reading.bounds import Allowance, Bomb
from groundup.data.reading.code import CODE, left_out, read_code
from groundup.data.reading.columns import read_arrow, read_parquet
from groundup.data.reading.dataset_card import data_set
from groundup.data.reading.delimited import read_delimited
from groundup.data.reading.epub import read_epub
from groundup.data.reading.fields import Fields, Manner
from groundup.data.reading.found import Found, Nothing, Read, safely
from groundup.data.reading.json_rows import read_json, read_lines
from groundup.data.reading.latex import read_latex
from groundup.data.reading.licence import licensed
from groundup.data.reading.mediawiki import read_mediawiki
from groundup.data.reading.pdf import read_pdf
from groundup.data.reading.plain import read_html, read_text
from groundup.data.reading.stack_exchange import read_posts
from groundup.data.reading.tars import read_tar
from groundup.data.reading.unpack import OPENERS, unpacked
from groundup.data.reading.walk import File, Folder, find, open_plain
from groundup.data.reading.warc import read_packed_warc, read_warc
from groundup.data.reading.xml import Dumps
from groundup.data.reading.zips import read_zip

PLAIN = "txt text md markdown rst org adoc".split()
NAMELESS = {"readme", "license", "licence", "copying", "authors", "changelog", "news", "contributing"}
SHORT = {".tgz": (".tar", ".gz"), ".tbz": (".tar", ".bz2"), ".tbz2": (".tar", ".bz2"), ".txz": (".tar", ".xz"),
         ".tzst": (".tar", ".zst")}  # fmt: skip
LONGEST = 2000  # characters of an id, an address or a licence

READERS: dict[str, Read] = {
    **{f".{suffix}": read_code for suffix in CODE},
    **{f".{suffix}": read_text for suffix in PLAIN},
    **dict.fromkeys((".html", ".htm", ".xhtml"), read_html),
    **dict.fromkeys((".jsonl", ".ndjson"), read_lines),
    **dict.fromkeys((".csv", ".tsv"), read_delimited),
    **dict.fromkeys((".warc", ".wet"), read_warc),
    **dict.fromkeys((".tex", ".ltx"), read_latex),
    ".json": read_json,
    ".parquet": read_parquet,
    ".arrow": read_arrow,
    ".epub": read_epub,
    ".pdf": read_pdf,
    ".xml": Dumps({b"<mediawiki": read_mediawiki, b"<posts>": read_posts}),
    ".zip": read_zip,
    ".tar": read_tar,
}
OF_A_TREE = {read_code, read_text, read_html, read_latex}  # files that the LICENSE beside them speaks of


class Reader:
    """Iterates over the records of some paths; afterwards `skipped` says how many files were left and why."""

    def __init__(self, paths: list[str], fields: Fields | None = None, manner: Manner | None = None):
        self.fields, self.manner = fields or Fields.model_validate({}), manner or Manner.model_validate({})
        self.skipped: Counter[str] = Counter()
        self.files = list(find(paths, self.skipped))
        self.total_bytes = sum(file.size for file in self.files)
        self._finished = 0
        self._file: IO[bytes] | None = None

    @property
    def done_bytes(self) -> int:
        """How much of the files has been read."""
        reading = self._file.tell() if self._file and not self._file.closed else 0
        return min(self.total_bytes, self._finished + reading)

    def __iter__(self) -> Iterator[Record]:
        place, found, chosen = None, None, None
        for file in self.files:
            if found is None or place != (file.root, file.alone):
                place, chosen = (file.root, file.alone), None if file.alone else data_set(file.root)
                found = self._root(file, chosen.license if chosen else "")
            path = file.name if file.alone else file.path.relative_to(file.root).as_posix()
            if why := chosen.left_out(path) if chosen else "":
                self.skipped[why] += 1
                continue
            yield from map(_sound, self._records(file, replace(found, name=file.name, path=path)))
            self._file = None
            self._finished += file.size

    def _root(self, file: File, license: str) -> Found:
        around = Nothing() if file.alone else Folder(file.root)  # only what was named counts among a stage's inputs
        return Found("", "", self.fields, self.manner, self.skipped, Allowance(0), read_any, around, license)

    def _records(self, file: File, found: Found) -> Iterator[Record]:
        if file.problem:
            yield Record(file.name, file.name, problem=file.problem)
            return
        if why := unread(found.path):
            self.skipped[why] += 1
            return
        try:
            with open_plain(file.path) as self._file:
                if not self._file.peek(1):  # type: ignore[attr-defined]
                    yield Record(file.name, file.name, problem="the file is empty")
                    return
                yield from safely(read_any, self._file, replace(found, allowance=Allowance(file.size)))
        except Bomb as error:
            yield Record(file.name, file.name, problem=f"broken off: {error}")
        except OSError as error:
            yield Record(file.name, file.name, problem=f"it cannot be opened: {error.strerror or error}")


def format_of(path: str) -> tuple[str, str]:
    """(suffix that tells the format, suffix of a compression around it) of a file's name."""
    suffixes = [suffix.lower() for suffix in PurePosixPath(path).suffixes]
    if suffixes and suffixes[-1] in SHORT:
        return SHORT[suffixes[-1]]
    packed = suffixes.pop() if suffixes and suffixes[-1] in OPENERS else ""
    return suffixes[-1] if suffixes else "", packed


def unread(path: str) -> str:
    """Why a file is no document by its name; nothing where it has a reader."""
    suffix, _ = format_of(path)
    if why := left_out(path):
        return why
    if suffix in READERS or not suffix and Path(path).name.split(".")[0].lower() in NAMELESS:
        return ""
    return suffix or "no suffix"


def read_any(stream: IO[bytes], found: Found) -> Iterator[Record]:
    """A file or a member of an archive, by its name."""
    if why := unread(found.path):
        found.skipped[why] += 1
        return
    suffix, packed = format_of(found.path)
    read = READERS.get(suffix, read_text)
    if read is read_warc and packed == ".gz":
        yield from read_packed_warc(stream, found)
        return
    found = licensed(found) if read in OF_A_TREE else found
    yield from read(unpacked(stream, packed, found.allowance), found)


def _sound(record: Record) -> Record:
    """The record with names that can be written everywhere: no halves of characters, and not without end."""
    named = {name: getattr(record, name) for name in ("id", "source", "charset", "problem", "url", "license")}
    if all(value.isascii() and len(value) <= LONGEST for value in named.values()):
        return record
    sound = {name: value[:LONGEST].encode("utf-8", "replace").decode("utf-8") for name, value in named.items()}
    return replace(record, **sound)

"""LaTeX papers: the body without its preamble, commands as their words, formulas as they were written.

A paper is the file with a \\documentclass; what it takes in by \\input is read from the same folder or archive only.
"""

import re
from collections.abc import Iterator
from posixpath import join, normpath
from typing import IO

from groundup.data.documents import Record
from groundup.data.reading.bounds import LARGEST, whole
from groundup.data.reading.encoding import decode
from groundup.data.reading.found import Around, Found
from groundup.data.reading.latex_words import readable

PART = 8 << 20  # bytes of one file of a paper
PARTS = 200  # files of one paper
HEAD = 64 << 10
SUFFIXES = (".tex", ".ltx")
WHOLE = re.compile(r"^[^%\n]*\\document(?:class|style)\b", re.M)
COMMENT = re.compile(r"(?<!\\)((?:\\\\)*)%[^\n]*(?:\n[ \t]*)?")
TAKEN = re.compile(
    r"\\(?:input|include|subfile)\s*\{\s*([^{}\n]{1,300}?)\s*\}|\\(?:sub)?import\*?\s*\{([^{}\n]{0,300})\}\s*\{([^{}\n]{1,300})\}"
)


def read_latex(stream: IO[bytes], found: Found) -> Iterator[Record]:
    """A paper is a document; a file that another paper takes in is none."""
    text = decode(whole(stream, PART))
    if not WHOLE.search(text) and _has_papers(found):
        found.skipped["a part of a LaTeX paper"] += 1
        return
    joined = _joined(text, found.path.rpartition("/")[0], found.around, [PARTS, LARGEST])
    yield Record(
        found.name, found.name, readable(joined).encode("utf-8", "replace"), charset="utf-8", license=found.license
    )


def _has_papers(found: Found) -> bool:
    """Whether there is a paper in the file's folder or one above it."""
    folder = found.path
    while folder:
        folder = folder.rpartition("/")[0]
        for name in found.around.names(folder):
            if name.lower().endswith(SUFFIXES) and name != found.path:
                head = found.around.read(name, HEAD) or b""
                if WHOLE.search(head.decode("latin-1")):
                    return True
    return False


def _joined(text: str, folder: str, around: Around, left: list[int], depth: int = 0) -> str:
    """The text with what it takes in; `left` counts down the files and bytes that one paper may have."""
    text = COMMENT.sub(lambda found: found[1], text)
    parts, at = [], 0
    for found in TAKEN.finditer(text):
        parts.append(text[at : found.start()])
        at = found.end()
        parts.append(_taken(found[1] or join(found[2], found[3]), folder, around, left, depth))
    return "".join([*parts, text[at:]])


def _taken(written: str, folder: str, around: Around, left: list[int], depth: int) -> str:
    if left[0] <= 0 or left[1] <= 0 or depth >= 8 or written.startswith("/"):
        return ""
    for name in (written, f"{written}.tex"):
        path = normpath(join(folder, name))
        if path.startswith("..") or not path.lower().endswith((*SUFFIXES, ".bbl")):
            continue
        body = around.read(path, PART)
        if body is not None:
            left[0] -= 1
            left[1] -= len(body)
            return _joined(decode(body), folder, around, left, depth + 1)
    return ""

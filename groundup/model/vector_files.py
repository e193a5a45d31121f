"""Files of word vectors as others write them: text of word2vec and of GloVe, and word2vec's binary form.

    word2vec text    a line with the number of words and the width, then a line for each word: the word and its numbers
    GloVe text       the same without the first line
    word2vec binary  that first line, then for each word its bytes, a blank, and its numbers as little-endian float32

A word is whatever stands before the last `width` numbers: GloVe's own files have words with blanks inside. Sizes that the file
cannot hold are refused before memory is taken.
"""

from array import array
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import numpy as np

from groundup.errors import Problem
from groundup.model.vectors import Vectors
from groundup.run import write_atomically

LONGEST_LINE, LONGEST_WORD, WIDEST = 1 << 20, 1 << 12, 1 << 16  # bytes, bytes, numbers
FORMS = ("word2vec", "glove")  # that are written
NUMBER = frozenset(b"0123456789+-.eE")
Row = tuple[str, list[float] | np.ndarray]


def read(path: str | Path) -> Vectors:
    """The words and vectors in a file of any of the three forms; the file shows which it is."""
    path = Path(path)
    try:
        with path.open("rb") as file:
            counts = _counts(path, file)
            rows = _binary(path, file, *counts) if counts and _is_binary(file, counts[1]) else _text(path, file, counts)
            return _gathered(path, rows, counts)
    except OSError as error:
        raise Problem(f"{path} cannot be read as word vectors: {error.strerror or error}") from None


def write(path: str | Path, vectors: Vectors, form: str = "word2vec") -> None:
    """As text of word2vec or of GloVe; every number comes back as it was."""
    if form not in FORMS:
        raise Problem(f"word vectors are written as {' or '.join(FORMS)}, not as {form!r}")
    odd = next((word for word in vectors.words if not _can_be_written(word)), None)
    if odd is not None:
        raise Problem(
            f"the word {odd[:60]!r} cannot stand in a file of vectors: it is empty, too long, no UTF-8, or has a blank or line break in it"
        )
    lines = [f"{len(vectors)} {vectors.width}"] if form == "word2vec" else []
    lines += [f"{word} {' '.join(row.astype(str))}" for word, row in zip(vectors.words, vectors.table, strict=True)]
    write_atomically(Path(path), "\n".join([*lines, ""]))


def _can_be_written(word: str) -> bool:
    try:
        return " " not in word and "\n" not in word and 1 <= len(word.encode()) <= LONGEST_WORD
    except UnicodeEncodeError:
        return False


def _counts(path: Path, file: IO[bytes]) -> tuple[int, int] | None:
    """(words, width) of word2vec's first line, which the file can hold; None, and back at the start, where it is no such line."""
    size = path.stat().st_size
    if not size:
        raise Problem(f"{path} is empty: expected word vectors")
    counts = _two_counts(file.readline(LONGEST_LINE))
    if counts is None:
        file.seek(0)
        return None
    words, width = counts
    _check_width(path, width)
    if (
        not words or words * (1 + 2 * width) > size
    ):  # the shortest row: a letter, and a blank and a digit for each number
        raise Problem(
            f"{path}:1 promises {words:,} words of {width:,} numbers, and the file has {size:,} bytes: it is cut off, or no such file"
        )
    return counts


def _two_counts(line: bytes) -> tuple[int, int] | None:
    fields = line.split()
    if len(fields) == 2 and all(field.isdigit() and len(field) < 19 for field in fields):
        return int(fields[0]), int(fields[1])
    return None


def _check_width(path: Path, width: int) -> None:
    if not 1 <= width <= WIDEST:
        raise Problem(f"{path}:1 has vectors of {width:,} numbers: expected 1 to {WIDEST:,}")


def _is_binary(file: IO[bytes], width: int) -> bool:
    """Whether the first word is followed by bytes that no number in text has; the file stays where it is."""
    start = file.tell()
    beginning = file.read(LONGEST_WORD + 1 + 4 * width)
    file.seek(start)
    numbers = beginning.partition(b" ")[2][: 4 * width].partition(b"\n")[0]
    return any(byte < 32 and byte not in b"\t\r" or byte > 126 for byte in numbers)


def _text(path: Path, file: IO[bytes], counts: tuple[int, int] | None) -> Iterator[Row]:
    """The rows of a text; where no first line says how wide they are, the first row does."""
    number, width = (1, counts[1]) if counts else (0, None)
    while line := file.readline(LONGEST_LINE + 1):
        number += 1
        where = f"{path}:{number}"
        if not line.endswith(b"\n"):
            wrong = (
                "is longer than a line of word vectors"
                if len(line) > LONGEST_LINE
                else "does not end: the file was cut off"
            )
            raise Problem(f"{where} {wrong}")
        line = line.rstrip(b" \r\n")
        if width is None:
            width = _numbers_at_the_end(line)
            _check_width(path, width)
        word, *numbers = line.rsplit(b" ", width)
        if len(numbers) < width or not word:
            raise Problem(f"{where} has {len(line.split()) - 1} numbers after its word: expected {width}")
        yield _decoded(where, word), _floats(where, numbers)


def _numbers_at_the_end(line: bytes) -> int:
    """How many numbers a first line ends with; its first field is the word, whatever it looks like."""
    fields = line.split(b" ")[1:]
    return next((n for n, field in enumerate(reversed(fields)) if not _is_number(field)), len(fields))


def _is_number(field: bytes) -> bool:
    try:
        float(field)
    except ValueError:
        return False
    return NUMBER.issuperset(field)


def _floats(where: str, fields: list[bytes]) -> list[float]:
    try:
        numbers = [float(field) for field in fields]
    except ValueError:
        numbers = None
    if numbers is None or not NUMBER.issuperset(b"".join(fields)):  # Python also reads nan, inf and 1_000
        wrong = next(field for field in fields if not _is_number(field))
        raise Problem(f"{where} has {wrong[:40].decode(errors='replace')!r} where a number should be")
    return numbers


def _decoded(where: str, word: bytes) -> str:
    if len(word) > LONGEST_WORD:
        raise Problem(f"{where} has a word of {len(word):,} bytes: expected {LONGEST_WORD:,} at most")
    try:
        return word.decode()
    except UnicodeDecodeError:
        raise Problem(f"{where} has a word that is not UTF-8, {word[:40]!r}: convert the file") from None


def _binary(path: Path, file: IO[bytes], words: int, width: int) -> Iterator[Row]:
    """The rows of the binary form; some writers put a line break after each, which is no part of the next word."""
    for number in range(1, words + 1):
        where, word = f"{path}, word {number:,}", bytearray()
        while (byte := file.read(1)) not in (b" ", b""):
            if byte != b"\n" or word:
                word += byte
            if len(word) > LONGEST_WORD:
                raise Problem(f"{where} has more than {LONGEST_WORD:,} bytes: the file is damaged, or no word2vec file")
        raw = file.read(4 * width)
        if len(raw) < 4 * width:
            raise Problem(f"{where} of {words:,} is not whole: the file was cut off")
        if not word:
            raise Problem(f"{where} is empty: the file is damaged, or no word2vec file")
        yield _decoded(where, bytes(word)), np.frombuffer(raw, "<f4")
    if file.read(2) not in (b"", b"\n"):
        raise Problem(
            f"{path} goes on after its {words:,} words: the first line promises too few, or it is no word2vec file"
        )


def _gathered(path: Path, rows: Iterator[Row], counts: tuple[int, int] | None) -> Vectors:
    """All rows as one table, which grows as the file is read."""
    names: dict[str, int] = {}
    table = array("f")
    for word, numbers in rows:
        if word in names:
            raise Problem(
                f"{path} has the word {word[:60]!r} twice, as number {names[word] + 1:,} and {len(names) + 1:,}: leave one out"
            )
        names[word] = len(names)
        with np.errstate(over="ignore"):  # what is too large for float32 becomes infinite, and is refused
            row = np.asarray(numbers, np.float64).astype(np.float32)
        if not np.isfinite(row).all():
            raise Problem(f"{path} has a number that is not finite in the vector of word {len(names):,}, {word[:60]!r}")
        table.frombytes(row.tobytes())
    if counts and len(names) != counts[0]:
        raise Problem(
            f"{path}:1 promises {counts[0]:,} words, and there are {len(names):,}: the file was cut off or joined"
        )
    return Vectors(list(names), np.frombuffer(table, np.float32).reshape(len(names), -1), str(path))

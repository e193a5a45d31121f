"""Words and their vectors, learnt before any model: who is near whom, and what is to one word as another is to a third.

`vector_files` reads and writes them, `skipgram` learns them, `start_vectors` puts them into a model's embedding.
"""

from collections.abc import Sequence

import numpy as np

from groundup.errors import Problem, nearest

BLANK = "▁"  # a token's blank, where words may have none (SentencePiece's sign)
FEW = 20_000  # words among which a misspelt one is looked for


class Vectors:
    """One vector for each word: table (words, width) float32, all numbers finite, no word twice."""

    def __init__(self, words: Sequence[str], table: np.ndarray, where: str = "this table of vectors"):
        self.words, self.table, self.where = list(words), np.ascontiguousarray(table, np.float32), where
        if self.table.ndim != 2 or len(self.table) != len(self.words) or not self.table.size:
            raise Problem(
                f"{where} has {len(self.words)} words and a table of shape {table.shape}: expected one row for each word"
            )
        if not np.isfinite(self.table).all():
            row = int(np.argmin(np.isfinite(self.table).all(1)))
            raise Problem(f"{where} has a number that is not finite in the vector of {self.words[row]!r}")
        self.place = {word: row for row, word in enumerate(self.words)}
        if len(self.place) < len(self.words):
            twice = next(word for row, word in enumerate(self.words) if self.place[word] != row)
            raise Problem(f"{where} has the word {twice!r} twice: leave one of them out")

    def __len__(self) -> int:
        return len(self.words)

    @property
    def width(self) -> int:
        """Numbers in a vector."""
        return self.table.shape[1]

    def row(self, word: str) -> int:
        """Where a word stands; one that only stands there after a blank, or in lower case, is found, too."""
        for tried in (word, BLANK + word, word.lower(), BLANK + word.lower()):
            if tried in self.place:
                return self.place[tried]
        near = nearest(word, self.words) if len(self.words) <= FEW else None
        raise Problem(
            f"{self.where} has no vector for {word!r}"
            + (f"; did you mean {near}?" if near else ": choose another word")
        )

    def __getitem__(self, word: str) -> np.ndarray:
        """The vector of a word (width,)."""
        return self.table[self.row(word)]

    def nearest(self, word: str, k: int = 10) -> list[tuple[str, float]]:
        """The k words whose vectors point most nearly where this one's does, each with the cosine of the angle between."""
        row = self.row(word)
        return self._most_like(self.table[row], k, {row})

    def analogy(self, a: str, b: str, c: str, k: int = 1) -> list[tuple[str, float]]:
        """What is to c as b is to a: the words nearest to b - a + c, all of length one (Mikolov et al. 2013)."""
        rows = [self.row(word) for word in (a, b, c)]
        first, second, third = (_of_length_one(self.table[row]) for row in rows)
        return self._most_like(second - first + third, k, set(rows))

    def _most_like(self, vector: np.ndarray, k: int, without: set[int]) -> list[tuple[str, float]]:
        lengths = np.linalg.norm(self.table, axis=1)
        cosines = self.table @ _of_length_one(vector) / np.where(lengths > 0, lengths, 1)
        cosines[list(without)] = -np.inf
        k = min(k, len(self.words) - len(without))
        if k <= 0:
            return []
        best = np.argpartition(-cosines, k - 1)[:k]
        return [(self.words[row], float(cosines[row])) for row in best[np.lexsort((best, -cosines[best]))]]


def _of_length_one(vector: np.ndarray) -> np.ndarray:
    length = np.linalg.norm(vector)
    return vector / length if length > 0 else vector


def spelled(token: bytes) -> str:
    """A token as a word without white space, different for different tokens: ▁ for a blank, <0x0A> for what cannot be shown."""
    letters, text = [], token.decode(errors="surrogateescape")
    for at, letter in enumerate(text):
        if letter == " ":
            letters.append(BLANK)
        elif letter == BLANK or not letter.isprintable() or text.startswith("<0x", at):
            letters += [f"<0x{byte:02X}>" for byte in letter.encode(errors="surrogateescape")]
        else:
            letters.append(letter)
    return "".join(letters)

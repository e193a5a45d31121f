"""The reference of `word_pieces.py` at speed: training in compiled loops, encoding through tables of what was seen before.

Natural text repeats its words, so encoding remembers the ids of what stands between blanks, as bytes: a text is then a split
and a join, which Python does in C. What is new walks through the known beginnings of pieces, letter by letter.
"""

from array import array
from collections import Counter
from collections.abc import Callable, Iterable

import numpy as np

from groundup.tokenizer.bert_text import Rules, Words
from groundup.tokenizer.characters import as_text
from groundup.tokenizer.word_pieces import PREFIX, joined, letters

MANY, LONG = 1 << 17, 64  # chunks that an encoder remembers, and the characters of the longest one
FOLDED = 1 << 20  # distinct chunks at which counting turns them into words, to bound memory


def count_words(
    texts: Iterable[str | bytes], rules: Rules, counted: Callable[[int], None] | None = None
) -> Counter[str]:
    """How often each word occurs; `counted` hears how many bytes have been read so far."""
    words, chunks = Words(rules), Counter[str]()
    counts: Counter[str] = Counter()
    read = 0

    def fold() -> None:
        for chunk, count in chunks.items():
            for word in words(chunk):
                counts[word] += count
        chunks.clear()

    for text in texts:
        chunks.update(words.chunks(as_text(text)))
        read += len(text)
        if len(chunks) > FOLDED:
            fold()
        if counted:
            counted(read)
    fold()
    return counts


def train(
    counts: dict[str, int], start: list[str], size: int, min_frequency: int = 2, score: str = "frequency"
) -> list[str]:
    """The pieces that `word_pieces.train` gives."""
    from groundup.kernels.compiled import announced
    from groundup.tokenizer.batches import say_compiling
    from groundup.tokenizer.fast_joins import Joins

    numbers = {piece: number for number, piece in enumerate(start)}
    pieces = start[:]
    cut = [(letters(word), count) for word, count in counts.items()]
    cut = [(parts, count) for parts, count in cut if all(part in numbers for part in parts)]
    if not any(len(parts) > 1 for parts, _ in cut):
        return pieces
    with announced(lambda: say_compiling("training WordPiece tokenizers")):
        joins = Joins([[numbers[part] for part in parts] for parts, _ in cut], [count for _, count in cut], size)
        while len(pieces) < size and (pair := joins.best(max(min_frequency, 1), score == "likelihood")):
            made = joined((pieces[pair[0]], pieces[pair[1]]))
            if made not in numbers:
                numbers[made] = len(pieces)
                pieces.append(made)
            joins.join(numbers[made])
    return pieces


class Encoder:
    """Encodes with given pieces; may be used from several threads at once, which take turns."""

    def __init__(self, ids: dict[str, int], unknown: int, rules: Rules, prefix: str = PREFIX, longest: int = 100):
        """ids: of each piece as it is written, `##` before those that go on."""
        self.words = Words(rules)
        self.known_words = WordIds(ids, unknown, prefix, longest)
        self.known_chunks = ChunkIds(self.words, self.known_words)

    def encode(self, text: str | bytes) -> np.ndarray:
        """The ids of a text (tokens,) uint32."""
        chunks = self.words.chunks(as_text(text))
        return np.frombuffer(bytearray().join(map(self.known_chunks.__getitem__, chunks)), np.uint32)


class ChunkIds(dict):
    """What stands between blanks -> its ids as bytes; filled as texts are met, up to a size."""

    def __init__(self, words: Words, ids: "WordIds"):
        super().__init__()
        self.words, self.ids = words, ids

    def __missing__(self, chunk: str) -> bytes:
        made = b"".join(map(self.ids.__getitem__, self.words(chunk)))
        if len(chunk) <= LONG and len(self) < MANY:
            self[chunk] = made
        return made


class WordIds(dict):
    """A word -> its ids as bytes; filled as words are met, up to a size."""

    def __init__(self, ids: dict[str, int], unknown: int, prefix: str, longest: int):
        super().__init__()
        self.unknown, self.longest = unknown, longest
        self.first = beginnings({piece: number for piece, number in ids.items()})
        self.later = beginnings(
            {piece[len(prefix) :]: number for piece, number in ids.items() if piece.startswith(prefix)}
        )

    def __missing__(self, word: str) -> bytes:
        made = array("I", self.cut(word)).tobytes()
        if len(word) <= LONG and len(self) < MANY:
            self[word] = made
        return made

    def cut(self, word: str) -> list[int]:
        """The ids of a word: what `word_pieces.encode_word` gives."""
        found: list[int] = []
        at, known = 0, self.first
        if not 0 < len(word) <= self.longest:
            return [self.unknown]
        while at < len(word):
            piece, end, stop = -1, at, at
            while end < len(word):
                end += 1
                number = known.get(word[at:end])
                if number is None:
                    break
                if number >= 0:
                    piece, stop = number, end
            if piece < 0:
                return [self.unknown]
            found.append(piece)
            at, known = stop, self.later
        return found


def beginnings(ids: dict[str, int]) -> dict[str, int]:
    """The pieces with their ids, and whatever a piece begins with: -1 where that is none."""
    known = {piece[:end]: -1 for piece in ids for end in range(1, len(piece))}
    return known | {piece: number for piece, number in ids.items() if piece}

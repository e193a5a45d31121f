"""The kinds of tokenizer that need no algorithm: every character, every frequent word, or every byte is a token.

They are where a first lesson begins, and the measure for those that learn. What a character or word vocabulary lacks becomes
`<unk>`, an id like others; if nothing is unknown, decoding gives the text back.
"""

from collections import Counter
from collections.abc import Callable, Collection, Sequence
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any, Self

import numpy as np

from groundup.errors import Problem
from groundup.tokenizer import bpe
from groundup.tokenizer.byte_pairs import CLASSES, BytePairs, expect
from groundup.tokenizer.characters import as_text
from groundup.tokenizer.classes import CODE_POINTS, classes_as_text, read_classes
from groundup.tokenizer.kind import Texts
from groundup.tokenizer.names import names_of, numbered_names
from groundup.tokenizer.split import PATTERNS, known, words

UNKNOWN = "<unk>"
ANY_CHARACTER = r"[\s\S]"  # the regex by which other libraries cut a text into characters


class Bytes(BytePairs):
    """The 256 bytes. In files this is byte-pair encoding without merges, and is read back as that."""

    name = "byte"

    @classmethod
    def train(
        cls, texts: Texts, size: int = 256, threads: int | None = None, counted: Callable[[int], None] | None = None
    ) -> "Bytes":
        """There is nothing to learn, and the texts are not read."""
        if size < 256:
            raise Problem(f"a vocabulary of {size} tokens cannot hold the 256 bytes: ask for 256 or more")
        return cls(bpe.vocabulary([]), [], "gpt2")

    def encode_many(self, texts: Texts, threads: int | None = None) -> list[np.ndarray]:
        return [np.frombuffer(as_bytes(text), np.uint8).astype(np.uint32) for text in texts]


class Listed:
    """What characters and words have in common: a list of what is known, one name of which is for all that is not."""

    name, lead = "", ""

    def __init__(
        self, names: Sequence[str], unknown: str = UNKNOWN, places: Collection[int] = (), where: str = "this tokenizer"
    ):
        """names: how each id is written; places: ids that are kept for special tokens."""
        if unknown not in names:
            raise Problem(f"{where} has no {unknown} among its tokens: it needs one for what it does not know")
        self.names, self.unknown = list(names), list(names).index(unknown)
        self.places = set(places) - {self.unknown}
        self.tokens = [b"" if place in self.places else name.encode() for place, name in enumerate(self.names)]

    def ids(self) -> dict[str, int]:
        """What a text can hold -> its id."""
        return {
            name: token for token, name in enumerate(self.names) if token not in self.places and token != self.unknown
        }

    def split(self) -> str:
        """The regex whose matches are looked up."""
        raise NotImplementedError

    def described(self) -> dict[str, Any]:
        parts = {"type": "Split", "pattern": {"Regex": self.split()}, "behavior": "Isolated", "invert": False}
        model = {"type": "WordLevel", "vocab": numbered_names(self.names), "unk_token": self.names[self.unknown]}
        return {
            "normalizer": None,
            "pre_tokenizer": parts,
            "post_processor": None,
            "decoder": {"type": "Fuse"},
            "model": model,
        }

    def beside(self) -> dict[str, str]:
        return {}


class Characters(Listed):
    """Every character is a token."""

    name = "character"

    @classmethod
    def train(
        cls,
        texts: Texts,
        size: int,
        threads: int | None = None,
        counted: Callable[[int], None] | None = None,
        min_frequency: int = 1,
        limit_alphabet: int | None = None,
    ) -> "Characters":
        """The characters of the texts, the most frequent `limit_alphabet` of them if that is said, in Unicode's order."""
        counts, read = Counter[str](), 0
        for text in texts:
            counts.update(as_text(text))
            read += len(text)
            if counted:
                counted(read)
        kept = most_frequent(counts, min_frequency)[:limit_alphabet]
        if len(kept) >= size:
            raise Problem(
                f"the texts have {len(kept):,} characters, and a vocabulary of {size:,} tokens cannot hold them and {UNKNOWN}: ask for "
                f"{len(kept) + 1:,} or more, or say limit_alphabet={size - 1} to make the rarest {UNKNOWN}"
            )
        return cls([UNKNOWN, *sorted(kept)])

    def split(self) -> str:
        return ANY_CHARACTER

    def encode_many(self, texts: Texts, threads: int | None = None) -> list[np.ndarray]:
        return [self._of_point[np.frombuffer(as_text(text).encode("utf-32-le"), np.uint32)] for text in texts]

    @cached_property
    def _of_point(self) -> np.ndarray:
        """The id of every code point."""
        table = np.full(CODE_POINTS, self.unknown, np.uint32)
        for name, token in self.ids().items():
            table[ord(name)] = token
        return table

    @classmethod
    def understood(cls, told: dict[str, Any], specials: dict[str, int], path: Path) -> "Characters | Words":
        """Characters or words: a tokenizer.json calls both WordLevel, and the regex that splits a text tells them apart."""
        where, split = str(path), told.get("pre_tokenizer") or {}
        for part in ("normalizer", "truncation", "padding", "post_processor"):
            expect(where, part, told.get(part), [None])
        expect(where, "decoder.type", (told.get("decoder") or {}).get("type"), ["Fuse"])
        expect(where, "pre_tokenizer.type", split.get("type"), ["Split"])
        expect(where, "pre_tokenizer.behavior", split["behavior"], ["Isolated"])
        expect(where, "pre_tokenizer.invert", split.get("invert", False), [False])
        names, places = names_of(told["model"]["vocab"], specials, where)
        unknown, regex = told["model"]["unk_token"], split["pattern"]["Regex"]
        named = {written: name for name, written in PATTERNS.items()}
        if regex in named:
            frozen = path.with_name(CLASSES)
            classes = read_classes(frozen) if frozen.exists() else None
            return Words(names, named[regex], classes, unknown, places, where)
        if regex != ANY_CHARACTER:
            raise Problem(
                f"{where} splits by a pattern of its own, {regex[:60]!r}: this reader knows {ANY_CHARACTER}, {', '.join(PATTERNS)}"
            )
        long = [name for token, name in enumerate(names) if token not in places and name != unknown and len(name) != 1]
        if long:
            raise Problem(
                f"{where} cuts texts into characters, and its token {long[0]!r} is not one: it can never be used"
            )
        return cls(names, unknown, places, where)


class Words(Listed):
    """The most frequent words; a word keeps the blank before it, and white space is words, too."""

    name = "word"

    def __init__(
        self,
        names: Sequence[str],
        pattern: str = "gpt4",
        classes: np.ndarray | None = None,
        unknown: str = UNKNOWN,
        places: Collection[int] = (),
        where: str = "this tokenizer",
    ):
        super().__init__(names, unknown, places, where)
        self.pattern, self.classes = known(pattern), read_classes() if classes is None else classes

    @classmethod
    def train(
        cls,
        texts: Texts,
        size: int,
        threads: int | None = None,
        counted: Callable[[int], None] | None = None,
        pattern: str = "gpt4",
        min_frequency: int = 1,
    ) -> Self:
        """The `size` - 1 most frequent words, the most frequent first; what is not UTF-8 is never one."""
        from groundup.tokenizer.fast_bpe import word_borders

        counts, classes, read = Counter[bytes](), read_classes(), 0
        known(pattern)
        for text in texts:
            data = as_bytes(text)
            counts.update(data[a:b] for a, b in pairwise([0, *word_borders(data, pattern, classes).tolist()]))
            read += len(data)
            if counted:
                counted(read)
        kept = most_frequent(counts, min_frequency)
        names = [
            word.decode() for word in kept if word.decode(errors="ignore").encode() == word and word != UNKNOWN.encode()
        ]
        return cls([UNKNOWN, *names[: max(size - 1, 1)]], pattern, classes)

    def split(self) -> str:
        return PATTERNS.get(self.pattern, self.pattern)

    def encode_many(self, texts: Texts, threads: int | None = None) -> list[np.ndarray]:
        return list(map(self._encode, texts))

    def encode_plainly(self, text: str) -> list[int]:
        """What `encode_many` computes, as one would write it down."""
        ids = self.ids()
        return [ids.get(word, self.unknown) for word in words(text, self.pattern)]

    def _encode(self, text: str | bytes) -> np.ndarray:
        from groundup.tokenizer.fast_bpe import word_borders

        data, get, unknown = as_bytes(text), self._of_word.get, self.unknown
        ends = word_borders(data, self.pattern, self.classes).tolist()
        return np.array([get(data[a:b], unknown) for a, b in pairwise([0, *ends])], np.uint32)

    @cached_property
    def _of_word(self) -> dict[bytes, int]:
        return {word.encode(): token for word, token in self.ids().items()}

    def beside(self) -> dict[str, str]:
        return {CLASSES: classes_as_text(self.classes)}

    understood = Characters.understood  # which of the two it is, the file says


def most_frequent(counts: Counter, least: int) -> list:
    """What occurs at least so often, the most frequent first, of equals the smaller."""
    kept = sorted((-count, what) for what, count in counts.items() if count >= least)
    if not counts:
        raise Problem("there is no text to train the tokenizer on: every source is empty")
    if not kept:
        raise Problem(f"nothing in the texts occurs {least:,} times: ask for a smaller min_frequency")
    return [what for _, what in kept]


def as_bytes(text: str | bytes) -> bytes:
    """UTF-8; half of a character is refused."""
    return as_text(text).encode() if isinstance(text, str) else text

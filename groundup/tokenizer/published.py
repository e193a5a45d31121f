"""Byte-level BPE as published models have it: ids in any order, added tokens anywhere, and more done to a text than cutting it.

Beyond merging, such a tokenizer may do five things, each stated in its file, and each done here before the fast encoder:
added tokens that are not special (Qwen's <tool_call>, Phi's runs of blanks) are found in the text as they are, for their file
says that they are text; the text is brought to Unicode's form NFC; digits are set apart; a blank is put before a part that
begins with none (decoding takes one away again); a whole word that is a token needs no merges. Special tokens stay outside
the text, as everywhere here, and what the file puts around every text (`begins`) is known and left to whoever wants it.
"""

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import regex

from groundup.errors import Problem
from groundup.tokenizer.byte_pairs import BytePairs, Merge, alphabet
from groundup.tokenizer.classes import fitting, read_classes
from groundup.tokenizer.kind import Texts
from groundup.tokenizer.merge_order import check, inner_merges
from groundup.tokenizer.split import known

DIGITS = {"each": r"(\p{N})", "runs": r"(\p{N}+)"}
FEW = 64  # tokens that are looked for in a text one by one before it is cut into words for their sake


@dataclass(frozen=True)
class Habits:
    """What is done to a text beside merging."""

    added: Mapping[str, int] = field(default_factory=dict)  # tokens found in the text as it is
    later: Mapping[str, int] = field(default_factory=dict)  # those found after NFC
    nfc: bool = False
    digits: str | None = None  # one of DIGITS: what is set apart
    blank: bool = False  # whether a part that begins with no space gets one
    whole: bool = False  # whether a word that is a token is that token, whatever merges say
    around: Mapping[str, Any] | None = None  # the file's post_processor
    begins: tuple[str, ...] = ()  # special tokens that it puts before a text

    def plain(self) -> bool:
        """Whether nothing is done."""
        return self == Habits()

    def cuts(self) -> bool:
        """Whether a text is cut or changed before it comes to the encoder."""
        return bool(self.added or self.later or self.nfc or self.digits or self.blank)


class Published(BytePairs):
    """Tokens, merges and habits. `tokens` is b"" where an id belongs to a special token; added tokens have their text there."""

    def __init__(
        self,
        tokens: Sequence[bytes],
        merges: Sequence[Merge],
        pattern: str = "gpt4",
        classes: np.ndarray | None = None,
        where: str = "this tokenizer",
        habits: Habits | None = None,
    ):
        self.habits = habits or Habits()
        self.merges, self.pattern = [(a, b, made) for a, b, made in merges], known(pattern)
        self.classes = fitting(read_classes() if classes is None else classes, self.pattern, where)
        self.ids = {token: number for number, token in enumerate(tokens) if token}
        check(tokens, self.ids, self.merges, where)
        self.tokens = list(tokens)
        for content, number in {**self.habits.added, **self.habits.later}.items():
            self.tokens[number] = content.encode()
        self.begins = self.habits.begins
        self.lead = " " if self.habits.blank else ""

    def encode_with_dropout(self, text: str | bytes, p: float, seed: int) -> np.ndarray:
        raise Problem(
            "this tokenizer merges in an order of its own, which dropout does not know: train one here, or take p = 0"
        )

    def encode_many(self, texts: Texts, threads: int | None = None) -> list[np.ndarray]:
        from groundup.tokenizer.batches import as_bytes

        if not self.habits.cuts():
            return self.merged([as_bytes(text) for text in texts], threads)
        draft = [list(self.parts(as_bytes(text))) for text in texts]
        words = [part for parts in draft for part in parts if isinstance(part, bytes)]
        made = iter(self.merged(words, threads))
        empty = np.zeros(0, np.uint32)
        return [
            np.concatenate(
                [empty, *(next(made) if isinstance(part, bytes) else np.array([part], np.uint32) for part in parts)]
            )
            for parts in draft
        ]

    def parts(self, text: bytes) -> Iterator[bytes | int]:
        """A text as added tokens and the stretches between, each made ready for the encoder."""
        for part in self.found(text, self.habits.added):
            if isinstance(part, int):
                yield part
                continue
            for inner in self.found(composed(part) if self.habits.nfc else part, self.habits.later):
                if isinstance(inner, int):
                    yield inner
                else:
                    yield from self.stretches(inner)

    def found(self, text: bytes, tokens: Mapping[str, int]) -> Iterator[bytes | int]:
        """A text as tokens that occur in it, the leftmost and of those the longest first, and what lies between."""
        if not tokens:
            yield text
            return
        end = 0
        for match in self._finders[tokens is self.habits.later].finditer(text):
            if match.start() > end:
                yield text[end : match.start()]
            yield tokens[match.group().decode()]
            end = match.end()
        if end < len(text) or not text:
            yield text[end:]

    def stretches(self, text: bytes) -> Iterator[bytes]:
        """A text with its digits set apart and blanks put before."""
        stretches = [text]
        if self.habits.digits:
            split = regex.split(DIGITS[self.habits.digits], text.decode(errors="surrogateescape"))
            stretches = [part.encode(errors="surrogateescape") for part in split if part] or [b""]
        for stretch in stretches:
            yield b" " + stretch if self.habits.blank and stretch and not stretch.startswith(b" ") else stretch

    def merged(self, stretches: Sequence[bytes], threads: int | None) -> list[np.ndarray]:
        """The ids of each stretch."""
        encoder, outer, whole = self._merging
        made = [outer[ids] for ids in encoder.encode_many(stretches, threads)]
        if not whole:
            return made
        for place, stretch in enumerate(stretches):
            if len(whole) > FEW or any(word in stretch for word in whole):
                words = cut(stretch, self.pattern, self.classes)
                ids = encoder.encode_many(words, 1)
                done = [np.array([whole[w]]) if w in whole else outer[i] for w, i in zip(words, ids, strict=True)]
                made[place] = np.concatenate([np.zeros(0, np.uint32), *done]).astype(np.uint32)
        return made

    @property
    def unmerged(self) -> dict[bytes, int]:
        """Words that are tokens although merges do not make them of their bytes."""
        return self._merging[2]

    @cached_property
    def _finders(self) -> tuple[re.Pattern[bytes], re.Pattern[bytes]]:
        def finder(tokens: Mapping[str, int]) -> re.Pattern[bytes]:
            return re.compile(b"|".join(re.escape(name.encode()) for name in sorted(tokens, key=len, reverse=True)))

        return finder(self.habits.added), finder(self.habits.later)

    @cached_property
    def _merging(self) -> tuple[Any, np.ndarray, dict[bytes, int]]:
        """The encoder, whose ids are in the order of merges; our id of each of these; words that are tokens without merges."""
        from groundup.tokenizer.fast_bpe import Encoder

        inner, outer = inner_merges(self.ids, self.merges)
        encoder = Encoder(np.arange(256), np.array(inner, np.int64).reshape(-1, 3), self.pattern, self.classes)
        whole = {}
        if self.habits.whole:
            names = list(self.ids)
            for name, ids in zip(names, encoder.encode_many(names), strict=True):
                if outer[ids].tolist() != [self.ids[name]] and len(cut(name, self.pattern, self.classes)) == 1:
                    whole[name] = self.ids[name]
        return encoder, outer, whole

    def added_entries(self) -> list[dict[str, Any]]:
        """The added tokens of a tokenizer.json that are text."""
        shared = {"single_word": False, "lstrip": False, "rstrip": False, "special": False}
        both = (self.habits.added, False), (self.habits.later, True)
        return [
            {"id": token, "content": name, "normalized": later} | shared
            for names, later in both
            for name, token in names.items()
        ]

    def described(self) -> dict[str, Any]:
        told, habits = super().described(), self.habits
        letters = alphabet()
        told["model"]["vocab"] = {
            "".join(letters[byte] for byte in token): number for token, number in self.ids.items()
        }
        told["model"]["ignore_merges"] = habits.whole
        told["normalizer"] = {"type": "NFC"} if habits.nfc else None
        told["post_processor"] = habits.around
        cutting = told["pre_tokenizer"]
        if habits.blank:
            cutting = cutting | {"add_prefix_space": True}
        if habits.digits:
            apart = {"type": "Digits", "individual_digits": habits.digits == "each"}
            cutting = {"type": "Sequence", "pretokenizers": [apart, *cutting.get("pretokenizers", [cutting])]}
        return told | {"pre_tokenizer": cutting}


def composed(text: bytes) -> bytes:
    """The text in Unicode's form NFC; bytes that are not UTF-8 stay as they are."""
    if text.isascii():
        return text
    return unicodedata.normalize("NFC", text.decode(errors="surrogateescape")).encode(errors="surrogateescape")


def cut(text: bytes, pattern: str, classes: np.ndarray) -> list[bytes]:
    """The words of a text."""
    from groundup.tokenizer.fast_bpe import word_borders

    ends = [0, *word_borders(text, pattern, classes).tolist()]
    return [text[a:b] for a, b in zip(ends, ends[1:], strict=False)]

"""Byte-level BPE as a kind of tokenizer: 256 bytes, then what was merged, and the pattern that cuts words before merging.

`bpe.py` says what is computed, `fast_bpe.py` computes it. In a tokenizer.json a token is written in GPT-2's alphabet, one
printable character a byte.
"""

import re
from collections.abc import Callable, Sequence
from functools import cache, cached_property
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from groundup.errors import Problem
from groundup.tokenizer import bpe
from groundup.tokenizer.classes import classes_as_text, fitting, read_classes
from groundup.tokenizer.kind import Texts
from groundup.tokenizer.split import PATTERNS, expression, known

if TYPE_CHECKING:
    from groundup.tokenizer.counting import Counts
    from groundup.tokenizer.fast_bpe import Encoder

CLASSES = "unicode.json"
LEAST_MEMORY = 64 << 20  # bytes
Merge = tuple[int, int, int]


class BytePairs:
    """Tokens and merges."""

    name, lead, unknown = "bpe", "", None

    def __init__(
        self,
        tokens: Sequence[bytes],
        merges: Sequence[Merge],
        pattern: str = "gpt4",
        classes: np.ndarray | None = None,
        where: str = "this tokenizer",
    ):
        """tokens: the bytes of each id; merges: (a, b, what they make); classes: of code points, as in `classes`."""
        self.tokens, self.merges, self.pattern = list(tokens), list(merges), known(pattern)
        self.classes = fitting(read_classes() if classes is None else classes, self.pattern, where)
        check(self.tokens, self.merges, where)

    @classmethod
    def train(
        cls,
        texts: Texts,
        size: int,
        threads: int | None = None,
        counted: Callable[[int], None] | None = None,
        pattern: str = "gpt4",
        min_frequency: int = 1,
        memory: int = 2 << 30,
    ) -> "BytePairs":
        """Learn up to `size` tokens, the 256 bytes among them.

        pattern: a name of `split.PATTERNS` or a regular expression; min_frequency: rarer pairs are not merged; memory: bytes that
        counting and merging stay within, for which the rarest words of a large text are forgotten (see `counting`).
        """
        check_asked(size, min_frequency, memory)
        from groundup.tokenizer import fast_bpe

        classes, pattern = read_classes(), known(pattern)
        merges = fast_bpe.train(
            texts, size, pattern, classes, threads, fast_bpe.say_compiling, counted, min_frequency, memory
        )
        return cls.made_of(merges, pattern, classes)

    @classmethod
    def train_on(cls, counts: "Counts", size: int, min_frequency: int = 1) -> "BytePairs":
        """The same from words that have been counted."""
        check_asked(size, min_frequency, LEAST_MEMORY)
        from groundup.tokenizer import fast_bpe

        merges = fast_bpe.train_on(counts, size, min_frequency=min_frequency)
        return cls.made_of(merges, counts.cutter.pattern, counts.cutter.classes)

    @classmethod
    def made_of(cls, merges: Sequence[tuple[int, int]], pattern: str, classes: np.ndarray) -> "BytePairs":
        """From merges that make the ids 256, 257, …"""
        left, right = [a for a, _ in merges], [b for _, b in merges]
        return cls(bpe.vocabulary(merges), [*zip(left, right, count(256), strict=False)], pattern, classes)

    def encode_many(self, texts: Texts, threads: int | None = None) -> list[np.ndarray]:
        return self._encoder.encode_many(texts, threads)

    def encode_with_dropout(self, text: str | bytes, p: float, seed: int) -> np.ndarray:
        """The ids of a text if each merge is left out with probability p at each step; equal seeds give equal ids."""
        return self._encoder.encode_with_dropout(text, p, seed)

    @cached_property
    def _encoder(self) -> "Encoder":
        from groundup.tokenizer.fast_bpe import Encoder

        ids = {token: number for number, token in enumerate(self.tokens)}
        byte_ids = np.array([ids[bytes([byte])] for byte in range(256)])
        return Encoder(byte_ids, np.array(self.merges, np.int64).reshape(-1, 3), self.pattern, self.classes)

    def described(self) -> dict[str, Any]:
        letters = alphabet()
        written = ["".join(letters[byte] for byte in token) for token in self.tokens]
        whole = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
        cut_by = PATTERNS.get(self.pattern, self.pattern)
        split = {"type": "Split", "pattern": {"Regex": cut_by}, "behavior": "Isolated", "invert": False}
        parts = [split, whole | {"use_regex": False}]
        return {
            "normalizer": None,
            "pre_tokenizer": whole if self.pattern == "gpt2" else {"type": "Sequence", "pretokenizers": parts},
            "post_processor": None,
            "decoder": {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True},
            "model": {
                "type": "BPE",
                "dropout": None,
                "unk_token": None,
                "continuing_subword_prefix": None,
                "end_of_word_suffix": None,
                "fuse_unk": False,
                "byte_fallback": False,
                "ignore_merges": False,
                "vocab": {name: token for token, name in enumerate(written)},
                "merges": [[written[a], written[b]] for a, b, _ in self.merges],
            },
        }

    def beside(self) -> dict[str, str]:
        return {CLASSES: classes_as_text(self.classes)}

    @classmethod
    def understood(cls, told: dict[str, Any], specials: dict[str, int], path: Path) -> "BytePairs":
        from groundup.tokenizer.byte_level import understood

        frozen = path.with_name(CLASSES)
        return understood(told, specials, read_classes(frozen) if frozen.exists() else None, path)


def check_asked(size: int, min_frequency: int, memory: int) -> None:
    """What training cannot do is refused before minutes are spent on counting."""
    if size < 256:
        raise Problem(f"a vocabulary of {size} tokens cannot hold the 256 bytes it starts from: ask for 256 or more")
    if min_frequency < 1:
        raise Problem(
            f"min_frequency is {min_frequency}, and a pair that is merged occurs at least once: give 1 or more"
        )
    if memory < LEAST_MEMORY:
        raise Problem(f"{memory:,} bytes of memory are too few to count words in: give {LEAST_MEMORY:,} or more")


@cache
def alphabet() -> list[str]:
    """The character that stands for each byte: itself where it is printable Latin-1, else the next of those from U+0100."""
    printable = {*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)}
    rest = [byte for byte in range(256) if byte not in printable]
    return [chr(byte) if byte in printable else chr(256 + rest.index(byte)) for byte in range(256)]


def check(tokens: Sequence[bytes], merges: Sequence[Merge], where: str) -> None:
    """Everything that encoding takes for granted."""
    known = set(tokens)
    if len(known) < len(tokens):
        raise Problem(f"{where} has one token under two ids: each must be there once")
    missing = [byte for byte in range(256) if bytes([byte]) not in known]
    if missing:
        raise Problem(f"{where} lacks the bytes {missing[:5]}: a byte-level vocabulary holds all 256")
    left, right, made = np.array(merges, np.int64).reshape(-1, 3).T
    lengths = np.fromiter(map(len, tokens), np.int64, len(tokens))
    inside = (np.minimum(np.minimum(left, right), made) >= 0) & (
        np.maximum(np.maximum(left, right), made) < len(tokens)
    )
    if not (inside.all() and (lengths[left] + lengths[right] == lengths[made]).all() and joined(merges, tokens)):
        wrong = (at for at, (a, b, c) in enumerate(merges) if not inside[at] or tokens[a] + tokens[b] != tokens[c])
        at = next(wrong)
        raise Problem(f"{where} merges {left[at]} and {right[at]} to {made[at]}, which is not what their bytes make")
    late = np.flatnonzero(made[1:] <= made[:-1])
    if len(late):
        raise Problem(
            f"{where} makes token {made[late[0] + 1]} after token {made[late[0]]}: merges must come in the order of what they make"
        )
    merged = np.zeros(len(tokens), bool)
    merged[made] = True
    early = np.flatnonzero((merged[left] & (left >= made)) | (merged[right] & (right >= made)))
    if len(early):
        at = early[0]
        raise Problem(
            f"{where} merges {left[at]} and {right[at]} before both are made: a merge must come after those it builds on"
        )


def joined(merges: Sequence[Merge], tokens: Sequence[bytes]) -> bool:
    """Whether the bytes of all parts in a row are those of all that is made, which says it of each where their lengths agree."""
    return b"".join([tokens[part] for a, b, _ in merges for part in (a, b)]) == b"".join(
        [tokens[made] for _, _, made in merges]
    )


def pattern_of(told: dict[str, Any], where: str) -> str:
    """The name of the pattern that a pre-tokenizer means."""
    parts = told["pretokenizers"] if told["type"] == "Sequence" else [told]
    if any(part.get("add_prefix_space") for part in parts):
        raise Problem(f"{where} puts a space before every text (add_prefix_space), which this reader does not know")
    if [part["type"] for part in parts] == ["ByteLevel"] and parts[0].get("use_regex", True):
        return "gpt2"
    if [part["type"] for part in parts] == ["Split", "ByteLevel"] and not parts[1].get("use_regex", True):
        if parts[0]["behavior"] != "Isolated" or parts[0].get("invert"):
            raise Problem(
                f"{where} does not keep what its pattern finds as it is: this reader knows behavior Isolated, not inverted"
            )
        return own(parts[0]["pattern"]["Regex"], where)
    raise Problem(
        f"{where} splits by {[part['type'] for part in parts]}: this reader knows Split with ByteLevel, and ByteLevel"
    )


def own(written: str, where: str) -> str:
    """The name of a pattern's text, or the text if it is one of the file's own and means the same to `regex`."""
    if written not in PATTERNS.values():
        if re.search(r"\{\d+(,\d*)?\}\+", written):
            raise Problem(
                f"{where} splits by {written[:60]!r}, where + after {{}} means one thing to some readers and another to others"
            )
        expression(written)
    return known(written)


def expect(where: str, what: str, found: object, wanted: list) -> None:
    """One of the values that this reader knows."""
    if found not in wanted:
        raise Problem(f"{where} says {what} = {found!r}, and this reader knows only {', '.join(map(repr, wanted))}")

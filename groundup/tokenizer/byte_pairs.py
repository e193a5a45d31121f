"""Byte-level BPE as a kind of tokenizer: 256 bytes, then what was merged, and the pattern that cuts words before merging.

`bpe.py` says what is computed, `fast_bpe.py` computes it. In a tokenizer.json a token is written in GPT-2's alphabet, one
printable character a byte.
"""

import json
from collections.abc import Callable, Sequence
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from groundup.errors import Problem
from groundup.tokenizer import bpe
from groundup.tokenizer.kind import Texts
from groundup.tokenizer.split import PATTERNS, classes_as_text, known, read_classes

if TYPE_CHECKING:
    from groundup.tokenizer.fast_bpe import Encoder

CLASSES = "unicode.json"
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
        """tokens: the bytes of each id; merges: (a, b, what they make); classes: of code points, as in `split`."""
        self.tokens, self.merges, self.pattern = list(tokens), [(a, b, made) for a, b, made in merges], known(pattern)
        self.classes = read_classes() if classes is None else classes
        check(self.tokens, self.merges, where)

    @classmethod
    def train(
        cls,
        texts: Texts,
        size: int,
        threads: int | None = None,
        counted: Callable[[int], None] | None = None,
        pattern: str = "gpt4",
    ) -> "BytePairs":
        """Learn up to `size` tokens, the 256 bytes among them."""
        if size < 256:
            raise Problem(f"a vocabulary of {size} tokens cannot hold the 256 bytes it starts from: ask for 256 or more")
        from groundup.tokenizer import fast_bpe

        classes = read_classes()
        merges = fast_bpe.train(texts, size, known(pattern), classes, threads, counted=counted)
        made = [(a, b, 256 + rank) for rank, (a, b) in enumerate(merges)]
        return cls(bpe.vocabulary(merges), made, pattern, classes)

    def encode_many(self, texts: Texts, threads: int | None = None) -> list[np.ndarray]:
        return self._encoder.encode_many(texts, threads)

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
        split = {"type": "Split", "pattern": {"Regex": PATTERNS[self.pattern]}, "behavior": "Isolated", "invert": False}
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
        model, where, frozen = told["model"], str(path), path.with_name(CLASSES)
        for part in ("normalizer", "truncation", "padding", "post_processor"):
            if told.get(part) is not None and not (part == "post_processor" and told[part].get("type") == "ByteLevel"):
                raise Problem(f"{where} has a {part} ({json.dumps(told[part])[:60]}), which this reader does not know")
        for part in ("dropout", "unk_token", "continuing_subword_prefix", "end_of_word_suffix", "byte_fallback", "fuse_unk"):
            expect(where, f"model.{part}", model.get(part) or None, [None])
        expect(where, "decoder.type", (told.get("decoder") or {}).get("type"), ["ByteLevel"])
        byte_of = {letter: byte for byte, letter in enumerate(alphabet())}
        names = sorted((int(token), name) for name, token in model["vocab"].items() if name not in specials)
        if [token for token, _ in names] != list(range(len(names))):
            raise Problem(f"{where} numbers its {len(names):,} tokens with gaps: ids must run from 0 on, special tokens after them")
        tokens = [bytes(byte_of[letter] for letter in name) for _, name in names]
        id_of = {name: token for token, name in names}
        pairs = [entry.split(" ") if isinstance(entry, str) else entry for entry in model["merges"]]
        merges = [(id_of[a], id_of[b], id_of[a + b]) for a, b in pairs]
        classes = read_classes(frozen) if frozen.exists() else None
        return cls(tokens, merges, pattern_of(told["pre_tokenizer"], where), classes, where)


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
    before = -1
    for a, b, made in merges:
        if not (0 <= a < len(tokens) and 0 <= b < len(tokens) and 0 <= made < len(tokens)) or tokens[a] + tokens[b] != tokens[made]:
            raise Problem(f"{where} merges {a} and {b} to {made}, which is not what their bytes make")
        if made <= before:
            raise Problem(f"{where} makes token {made} after token {before}: merges must come in the order of what they make")
        before = made


def pattern_of(told: dict[str, Any], where: str) -> str:
    """The name of the pattern that a pre-tokenizer means."""
    parts = told["pretokenizers"] if told["type"] == "Sequence" else [told]
    if any(part.get("add_prefix_space") for part in parts):
        raise Problem(f"{where} puts a space before every text (add_prefix_space), which this reader does not know")
    if [part["type"] for part in parts] == ["ByteLevel"] and parts[0].get("use_regex", True):
        return "gpt2"
    if [part["type"] for part in parts] == ["Split", "ByteLevel"] and not parts[1].get("use_regex", True):
        named = {regex: name for name, regex in PATTERNS.items()}
        written = parts[0]["pattern"]["Regex"]
        if written in named and parts[0]["behavior"] == "Isolated" and not parts[0].get("invert"):
            return named[written]
        raise Problem(f"{where} splits by a pattern of its own, {written[:60]!r}: this reader knows {', '.join(PATTERNS)}")
    raise Problem(f"{where} splits by {[part['type'] for part in parts]}: this reader knows Split with ByteLevel, and ByteLevel")


def expect(where: str, what: str, found: object, wanted: list) -> None:
    """One of the values that this reader knows."""
    if found not in wanted:
        raise Problem(f"{where} says {what} = {found!r}, and this reader knows only {', '.join(map(repr, wanted))}")

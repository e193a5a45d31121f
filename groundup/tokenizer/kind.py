"""What a kind of tokenizer is: a vocabulary, and the rules that cut text into it. `KINDS` says which there are.

A kind knows nothing of special tokens, of files, of conversations: those are the same for all. Decoding is the same for all,
too: each id has bytes, and the bytes in a row are the text (after a `lead` that no text had).
"""

from collections.abc import Iterable, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from groundup.errors import Problem

Texts = Iterable[str | bytes]


class Kind(Protocol):
    """One trained vocabulary. It is made by `train`, or from the parts of a tokenizer.json by `understood`."""

    @property
    def name(self) -> str:
        """As in KINDS."""
        ...

    @property
    def tokens(self) -> Sequence[bytes]:
        """What each id adds to decoded text; b"" where an id is a special token."""
        ...

    @property
    def lead(self) -> str:
        """What decoded text begins with although nobody wrote it: "" or " "."""
        ...

    @property
    def unknown(self) -> int | None:
        """The id of what the vocabulary lacks, which is no special token; None where nothing is ever lacking."""
        ...

    @classmethod
    def train(cls, *given: Any, **options: Any) -> "Kind":
        """Of (texts, size, threads, counted) and options of its own: learn up to `size` tokens.

        `counted` hears how many bytes have been read.
        """
        ...

    def encode_many(self, texts: Texts, threads: int | None = None) -> list[np.ndarray]:
        """The ids of each text, uint32."""
        ...

    def described(self) -> dict[str, Any]:
        """The parts `normalizer`, `pre_tokenizer`, `model` and `decoder` of a tokenizer.json."""
        ...

    def beside(self) -> dict[str, str]:
        """Further files of a tokenizer's folder, name -> content: what a tokenizer.json has no place for."""
        ...

    @classmethod
    def understood(cls, told: dict[str, Any], specials: dict[str, int], path: Path) -> "Kind":
        """From the tokenizer.json at `path`, whose model is of this kind; a part that is not known is refused by name."""
        ...


KINDS = {  # name -> module and class, imported when used; the type that a tokenizer.json calls it
    "bpe": ("groundup.tokenizer.byte_pairs", "BytePairs", "BPE"),
    "unigram": ("groundup.tokenizer.pieces", "Pieces", "Unigram"),
    "sentencepiece_bpe": ("groundup.tokenizer.sentencepiece_bpe", "ScoredPairs", "BPE of SentencePiece"),
    "byte": ("groundup.tokenizer.plain_kinds", "Bytes", "BPE"),
    "wordpiece": ("groundup.tokenizer.wordpiece", "WordPiece", "WordPiece"),
    "character": ("groundup.tokenizer.plain_kinds", "Characters", "WordLevel"),
    "word": ("groundup.tokenizer.plain_kinds", "Words", "WordLevel"),
}


def kind_named(name: str) -> type[Kind]:
    """The class of that name."""
    if name not in KINDS:
        raise Problem(f"there is no tokenizer of kind {name!r}: choose one of {', '.join(KINDS)}")
    module, found, _ = KINDS[name]
    return getattr(import_module(module), found)


def kind_called(written: object, where: object) -> type[Kind]:
    """The class whose models a tokenizer.json calls so; where there are several, the first can read all of them."""
    for name, (_, _, theirs) in KINDS.items():
        if theirs == written:
            return kind_named(name)
    known = ", ".join(dict.fromkeys(theirs for _, _, theirs in KINDS.values()))
    raise Problem(f"{where} says model.type = {written!r}, and this reader knows only {known}")

"""Unigram as a kind of tokenizer: pieces with scores, what is done to a text before it is cut, and how marks become blanks.

`unigram.py` says what is computed, `fast_unigram.py` computes it. Some ids no text becomes: the unknown, the bytes (unless a
character is unknown), control tokens. Without `byte_fallback`, what no piece is made of is lost: decoded it is U+FFFD.
"""

import base64
import math
from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from groundup.errors import Problem
from groundup.tokenizer import marks
from groundup.tokenizer.charsmap import Charsmap
from groundup.tokenizer.classes import classes_as_text, read_classes
from groundup.tokenizer.kind import Texts
from groundup.tokenizer.normalize import normalizer
from groundup.tokenizer.split import PATTERNS
from groundup.tokenizer.unigram import MARK

if TYPE_CHECKING:
    from groundup.tokenizer.fast_unigram import Encoder, Spacing

CLASSES = "unicode.json"
BYTES = [f"<0x{byte:02X}>" for byte in range(256)]
UNKNOWN, LOST = "<unk>", "\ufffd"
PENALTY = 10.0  # by which an unknown character is less likely than the rarest piece
RESERVED = -1000.0  # score of what no text becomes: other libraries, too, then prefer the letters of its name
DIGITS = 10  # after the point: with more, some readers of JSON get another number, and equal sums are equal no longer
SHAPE = ("normalizer", "pre_tokenizer", "post_processor", "decoder")


class Pieces:
    """A vocabulary of scored pieces."""

    name = "unigram"

    def __init__(
        self,
        vocabulary: Sequence[tuple[str, float]],
        unknown: int,
        shape: dict[str, Any],
        byte_fallback: bool = False,
        control: Iterable[int] = (),
        exact: dict[str, Any] | None = None,
        classes: np.ndarray | None = None,
        where: str = "this tokenizer",
    ):
        """shape: four parts of a tokenizer.json; control: ids of special tokens; exact: SentencePiece's ways, where they differ.

        exact has the keys mark_first, thin_out, symbols, unused, unknown (a score) and lost (what an unknown decodes to).
        """
        self.vocabulary, self.unknown, self.shape = (
            [(piece, float(score)) for piece, score in vocabulary],
            unknown,
            shape,
        )
        self.byte_fallback, self.exact = byte_fallback, exact
        self.classes = read_classes() if classes is None else classes
        check(self.vocabulary, unknown, byte_fallback, where)
        change = normalizer(shape["normalizer"], where)
        self.cutting = marks.cutting(shape["pre_tokenizer"], where)
        blanks, self.lead = marks.decoding(shape["decoder"], where)
        self.change: Callable[[str], str] = lambda text: self.cutting.change(change(text))
        written = [piece.replace(MARK, " ") if blanks else piece for piece, _ in self.vocabulary]
        self.tokens = [text.encode() for text in written]
        control = set(control)
        self.kept_back = control | {unknown, *(exact["unused"] if exact else ())}
        self.tokens[unknown] = (exact["lost"] if exact else LOST).encode()
        if byte_fallback:
            numbers = {piece: number for number, (piece, _) in enumerate(self.vocabulary)}
            for byte, piece in enumerate(BYTES):
                self.tokens[numbers[piece]] = bytes([byte])
                self.kept_back.add(numbers[piece])
        for number in control:
            self.tokens[number] = b""

    @classmethod
    def train(
        cls,
        texts: Texts,
        size: int,
        threads: int | None = None,
        counted: Callable[[int], None] | None = None,
        pattern: str = "gpt4",
        marked: bool = True,
        lead: bool = True,
        byte_fallback: bool = True,
        normalize: Sequence[str] = (),
        min_frequency: int = 2,
        longest_piece: int = 16,
        seeds: int = 1_000_000,
        shrink: float = 0.75,
        rounds: int = 2,
    ) -> "Pieces":
        """Learn up to `size` pieces, the unknown and, with `byte_fallback`, 256 bytes among them.

        pattern: cuts the words that pieces are learned from; marked: write blanks as ▁ and cut a text there alone, with a blank
        before it if `lead`; normalize: names such as NFKC; from `seeds` pieces a share `shrink` stays after `rounds` of EM.
        """
        first = [(piece, RESERVED) for piece in (BYTES if byte_fallback else [])] + [(UNKNOWN, RESERVED)]
        check_options(size - len(first), min_frequency, longest_piece, shrink, rounds)
        from groundup.tokenizer import fast_unigram_training

        shape = marks.shape(pattern, marked, lead, normalize)
        empty = cls(first, len(first) - 1, shape, byte_fallback, classes=read_classes())
        ready = (
            empty.prepared(text).replace(MARK.encode(), b" ") if marked else empty.prepared(text) for text in texts
        )
        ways = pattern, empty.classes, marked, min_frequency, seeds, longest_piece, shrink, rounds, threads, counted
        learned = fast_unigram_training.train_on_texts(ready, size - len(first), *ways)
        taken = {piece for piece, _ in first}
        made = [(piece, round(score, DIGITS)) for piece, score in learned if piece not in taken]
        return cls([*first, *made], len(first) - 1, shape, byte_fallback)

    def encode_many(self, texts: Texts, threads: int | None = None) -> list[np.ndarray]:
        return self._encoder.encode_many(map(self.prepared, texts), threads)

    def sample(self, text: str | bytes, alpha: float = 0.1, seed: int = 0) -> np.ndarray:
        """The ids of a segmentation drawn with its probability to the power `alpha` (subword regularisation, Kudo 2018).

        The same (text, alpha, seed) gives the same ids; alpha = 0 makes all segmentations alike, a large one the best.
        """
        if not (math.isfinite(alpha) and alpha >= 0):
            raise Problem(f"alpha = {alpha} is no power to draw segmentations with: give 0 or more, often 0.1")
        data = self.prepared(text)
        return self._encoder.sample(data, alpha, np.random.Generator(np.random.Philox(seed)).random(len(data)))

    def prepared(self, text: str | bytes) -> bytes:
        """The text as it is cut."""
        from groundup.tokenizer.batches import as_bytes

        data = as_bytes(text)
        if self.exact:
            return self._spacing(data)
        return self.change(data.decode(errors="surrogateescape")).encode(errors="surrogateescape")

    @cached_property
    def _spacing(self) -> "Spacing":
        from groundup.tokenizer.fast_unigram import Spacing

        exact = self.exact or {}
        steps = (self.shape["normalizer"] or {}).get("normalizers", [])
        data = [step["precompiled_charsmap"] for step in steps if step["type"] == "Precompiled"]
        charsmap = Charsmap(base64.b64decode(data[0]), "this tokenizer") if data else None
        return Spacing(
            charsmap, [symbol.encode() for symbol in exact["symbols"]], exact["mark_first"], exact["thin_out"]
        )

    @cached_property
    def _encoder(self) -> "Encoder":
        from groundup.tokenizer.fast_unigram import Encoder

        ids = [number for number in range(len(self.vocabulary)) if number not in self.kept_back]
        pieces, scores = (
            [self.vocabulary[number][0].encode() for number in ids],
            np.array([score for _, score in self.vocabulary]),
        )
        numbers = {piece: number for number, (piece, _) in enumerate(self.vocabulary)}
        in_bytes = np.array([numbers[piece] for piece in BYTES]) if self.byte_fallback else None
        lowest = self.exact["unknown"] if self.exact else float(scores.min()) - PENALTY
        cut = "rounded" if self.exact else self.cutting.cut
        ways = lowest, in_bytes, self.unknown, cut, self.classes
        return Encoder(pieces, ids, scores, *ways)

    def described(self) -> dict[str, Any]:
        model: dict[str, Any] = {
            "type": "Unigram",
            "unk_id": self.unknown,
            "vocab": [list(entry) for entry in self.vocabulary],
            "byte_fallback": self.byte_fallback,
        }
        return self.shape | {"model": model | ({"sentencepiece": self.exact} if self.exact else {})}

    def beside(self) -> dict[str, str]:
        return {CLASSES: classes_as_text(self.classes)} if self.cutting.cut in PATTERNS else {}

    @classmethod
    def understood(cls, told: dict[str, Any], specials: dict[str, int], path: Path) -> "Pieces":
        model, frozen = told["model"], path.with_name(CLASSES)
        for part in ("truncation", "padding"):
            if told.get(part) is not None:
                raise Problem(f"{path} has a {part}, which this reader does not know: save it without")
        if (told.get("post_processor") or {}).get("type", "TemplateProcessing") != "TemplateProcessing":
            raise Problem(
                f"{path} has the post_processor {told['post_processor']['type']!r}: this reader knows only TemplateProcessing"
            )
        if model.get("unk_id") is None:
            raise Problem(
                f"{path} says model.unk_id = null, so a character without a piece would have no id: give it one"
            )
        exact = model.get("sentencepiece")
        vocabulary = [(piece, score if exact else as_read_there(score)) for piece, score in model["vocab"]]
        control = [number for number in specials.values() if number < len(vocabulary)]
        named = [specials.get(piece) == number for number, (piece, _) in enumerate(vocabulary)]
        if sum(named) < len(control):
            raise Problem(f"{path} gives a special token the id of another piece: each id has one name")
        classes = read_classes(frozen) if frozen.exists() else None
        shape = {part: told.get(part) for part in SHAPE}
        fallback = bool(model.get("byte_fallback"))
        return cls(vocabulary, int(model["unk_id"]), shape, fallback, control, exact, classes, str(path))


def as_read_there(score: float) -> float:
    """The number that Hugging Face's reader makes of these digits: their whole number divided by a power of ten, rounded twice.

    It is the nearest to what is written but for one in seven; of segmentations that are equally likely, that decides.
    """
    whole, point, part = repr(abs(float(score))).partition(".")
    if not point or "e" in part or len(whole + part) > 19:
        return float(score)
    return math.copysign(float(int(whole + part)) / 10.0 ** len(part), score)


def check_options(size: int, min_frequency: int, longest: int, shrink: float, rounds: int) -> None:
    """What a training cannot be asked for."""
    if size < 1:
        raise Problem(
            f"a vocabulary with {-size + 1} entries more is the least that holds the unknown, the bytes and one piece: ask for more"
        )
    if min_frequency < 1 or longest < 1 or rounds < 1:
        raise Problem(
            f"min_frequency, longest_piece and rounds are 1 or more, and not {min_frequency}, {longest} and {rounds}"
        )
    if not 0 < shrink < 1:
        raise Problem(f"shrink = {shrink} is no share of pieces to keep: give a number between 0 and 1, such as 0.75")


def check(vocabulary: Sequence[tuple[str, float]], unknown: int, byte_fallback: bool, where: str) -> None:
    """Everything that encoding takes for granted."""
    names = {piece for piece, _ in vocabulary}
    if len(names) < len(vocabulary):
        raise Problem(f"{where} has one piece under two ids: each must be there once")
    if not 0 <= unknown < len(vocabulary):
        raise Problem(f"{where} gives the unknown the id {unknown}, and its {len(vocabulary):,} pieces end before that")
    if "" in names or not all(math.isfinite(score) for _, score in vocabulary):
        raise Problem(f"{where} has an empty piece, or one whose score is no finite number: the file was altered")
    if byte_fallback and not names.issuperset(BYTES):
        raise Problem(f"{where} has byte_fallback and lacks {min(set(BYTES) - names)}: all 256 bytes must be pieces")

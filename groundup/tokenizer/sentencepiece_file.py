"""SentencePiece's `.model` files, read without its library: `Tokenizer.load("x.model")` gives its ids.

Unigram models become the kind `unigram`, and those of byte pairs the kind `sentencepiece_bpe`; both with SentencePiece's own
way of reading a text. Control pieces are special tokens here.
"""

import base64
from math import isfinite
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from groundup.errors import Problem
from groundup.tokenizer import marks
from groundup.tokenizer.charsmap import Charsmap
from groundup.tokenizer.kind import Kind
from groundup.tokenizer.pieces import PENALTY, Pieces
from groundup.tokenizer.protobuf import fields
from groundup.tokenizer.unigram import MARK

LARGEST = 256 << 20  # bytes
NORMAL, UNKNOWN, CONTROL, SYMBOL, UNUSED, BYTE = range(1, 7)  # what a piece is
UNIGRAM, BPE = 1, 2  # of the four types of model
BONUS = 0.1  # by which a symbol costs more than the likeliest piece for each of its bytes, as SentencePiece has it
AGAIN = "get the file again"


class Piece(NamedTuple):
    """An id's text, its score and what it is."""

    text: str
    score: float
    what: int


def read(path: Path) -> tuple[Kind, dict[str, int]]:
    """A model's vocabulary and its special tokens."""
    where = str(path)
    try:
        if path.stat().st_size > LARGEST:
            raise Problem(
                f"{path} has {path.stat().st_size:,} bytes, and no SentencePiece model has more than {LARGEST:,}"
            )
        data = path.read_bytes()
    except OSError as error:
        raise Problem(f"{path} cannot be read as a SentencePiece model: {error.strerror or error}") from None
    try:
        pieces, training, reading = parts(data, where)
    except (TypeError, AttributeError, UnicodeDecodeError, KeyError) as error:
        raise Problem(
            f"{where} is no SentencePiece model, or was altered: {type(error).__name__} at {error}; {AGAIN}"
        ) from None
    check(pieces, training, reading, where)
    control = {piece.text: number for number, piece in enumerate(pieces) if piece.what == CONTROL}
    if training.get(3, UNIGRAM) == UNIGRAM:
        return unigram(pieces, training, reading, control, where), control
    from groundup.tokenizer.sentencepiece_bpe import ScoredPairs

    shape, exact = shape_of(reading), exact_of(pieces, training, reading)
    vocabulary = [(piece.text, piece.score) for piece in pieces]
    unknown = [piece.what for piece in pieces].index(UNKNOWN)
    return ScoredPairs(
        vocabulary, unknown, shape, bool(training.get(35)), control.values(), exact, where=where
    ), control


def parts(data: bytes, where: str) -> tuple[list[Piece], dict[int, Any], dict[int, Any]]:
    """(the pieces, the fields of the training's settings, those of the normalizer's settings) of a model."""
    pieces: list[Piece] = []
    training, reading = None, None
    for number, value in fields(data, where):
        if number == 1:
            told = dict(fields(value, where))  # pyright: ignore[reportArgumentType]
            pieces.append(Piece(told[1].decode(), float(told.get(2, 0.0)), int(told.get(3, NORMAL))))  # pyright: ignore
        elif number == 2:
            training = dict(fields(value, where))  # pyright: ignore[reportArgumentType]
        elif number == 3:
            reading = dict(fields(value, where))  # pyright: ignore[reportArgumentType]
        elif number == 5 and dict(fields(value, where)).get(2):  # pyright: ignore[reportArgumentType]
            raise Problem(f"{where} has rules for decoded text (denormalizer_spec), which this reader does not know")
        elif not 4 <= number <= 5:
            raise Problem(f"{where} has the field {number}, which no SentencePiece model has: {AGAIN}")
    if not pieces or training is None or reading is None:
        missing = "pieces" if not pieces else "trainer_spec" if training is None else "normalizer_spec"
        raise Problem(f"{where} is cut off, or no SentencePiece model: it has no {missing}; {AGAIN}")
    return pieces, training, reading


def check(pieces: list[Piece], training: dict[int, Any], reading: dict[int, Any], where: str) -> None:
    """What we would read wrongly is refused."""
    kinds = {3: "WORD", 4: "CHAR"}
    if training.get(3, UNIGRAM) not in (UNIGRAM, BPE):
        raise Problem(f"{where} is of type {kinds.get(training[3], training[3])}: this reader knows UNIGRAM and BPE")
    if training.get(24) or not reading.get(5, 1):
        raise Problem(
            f"{where} marks blanks behind words or not at all (treat_whitespace_as_suffix), which this reader does not know"
        )
    whats = [piece.what for piece in pieces]
    if whats.count(UNKNOWN) != 1 or not {*whats} <= {*range(1, 7)}:
        raise Problem(f"{where} must have one unknown piece and no pieces of an unknown type: it was altered; {AGAIN}")
    if len({piece.text for piece in pieces}) < len(pieces) or not all(
        piece.text and isfinite(piece.score) for piece in pieces
    ):
        raise Problem(
            f"{where} has an empty piece, one that is there twice, or a score that is no number: it was altered; {AGAIN}"
        )
    if training.get(3, UNIGRAM) == UNIGRAM and NORMAL not in whats:
        raise Problem(f"{where} has no piece that a text could be cut into: {AGAIN}")
    if (BYTE in whats) != bool(training.get(35)):
        raise Problem(
            f"{where} has pieces for bytes without byte_fallback, or the other way round: it was altered; {AGAIN}"
        )
    if training.get(3) == BPE and UNUSED in whats:
        raise Problem(f"{where} has unused pieces in a model of byte pairs, which this reader does not know")
    if reading.get(2):
        Charsmap(reading[2], where)


def unigram(
    pieces: list[Piece], training: dict[int, Any], reading: dict[int, Any], control: dict[str, int], where: str
) -> Pieces:
    """A model of scored pieces; scores have four bytes."""
    scores = [piece.score for piece in pieces if piece.what == NORMAL]
    highest = float(max(np.float32(max(scores)), np.finfo(np.float32).tiny))
    vocabulary = [
        (piece.text, len(piece.text.encode()) * highest - BONUS if piece.what == SYMBOL else piece.score)
        for piece in pieces
    ]
    exact = exact_of(pieces, training, reading) | {"unknown": float(np.float32(min(scores) - PENALTY))}
    unknown = [piece.what for piece in pieces].index(UNKNOWN)
    return Pieces(vocabulary, unknown, shape_of(reading), bool(training.get(35)), control.values(), exact, where=where)


def exact_of(pieces: list[Piece], training: dict[int, Any], reading: dict[int, Any]) -> dict[str, Any]:
    """How SentencePiece reads a text with this model, as far as a tokenizer.json cannot say it."""
    lost = training.get(44, b" \xe2\x81\x87 ").decode()
    return {
        "mark_first": bool(reading.get(3, 1)),
        "thin_out": bool(reading.get(4, 1)),
        "symbols": [piece.text for piece in pieces if piece.what == SYMBOL],
        "unused": [number for number, piece in enumerate(pieces) if piece.what == UNUSED],
        "lost": lost,
    }


def shape_of(reading: dict[int, Any]) -> dict[str, Any]:
    """What other libraries come nearest with: the parts of a tokenizer.json beside the model."""
    steps: list[dict[str, Any]] = []
    if reading.get(2):
        steps.append({"type": "Precompiled", "precompiled_charsmap": base64.b64encode(reading[2]).decode()})
    if reading.get(4, 1):
        steps.append({"type": "Strip", "strip_left": True, "strip_right": True})
        steps.append({"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": " "})
    first = [{"type": "Prepend", "prepend": MARK}] if reading.get(3, 1) else []
    decoders = [marks.UNMARKED, *marks.IN_BYTES, *([marks.LEADING] if first else [])]
    return {
        "normalizer": {"type": "Sequence", "normalizers": [*steps, *first, marks.MARKING]},
        "pre_tokenizer": None,
        "post_processor": None,
        "decoder": {"type": "Sequence", "decoders": decoders},
    }

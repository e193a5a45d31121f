"""Texts that are unlike the texts that a table of letters was made from: gibberish, other languages, broken scans.

CCNet (Wenzek et al. 2019) cuts a crawl into head, middle and tail by the perplexity of a small language model; so does
this, with characters instead of pieces, and the places of the cuts are percentiles of texts that were measured.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import Field, model_validator

from groundup.config import Input, Settings
from groundup.data.filters import arrays
from groundup.data.filters.classifier import stretches
from groundup.data.filters.finding import Finding
from groundup.data.filters.phrases import Text
from groundup.errors import Problem

NAME = "perplexity"
THIRDS = {"head": (0.0, 100 / 3), "middle": (100 / 3, 200 / 3), "tail": (200 / 3, 100.0)}
TABLES = ("run_checks", "counts", "context_checks", "totals", "kinds")


class LetterSettings(Settings):
    """How far a character looks back, and how much is remembered."""

    order: int = Field(5, ge=1, le=12, description="characters in the longest runs that are counted")
    bits: int = Field(20, ge=10, le=26, description="the tables have 2^bits slots")
    reads: int = Field(
        20_000, ge=100, description="characters of a text that are judged; of a longer text three stretches"
    )


class DescribedLetters(Settings):
    """What perplexity.json says."""

    letters: LetterSettings
    percentiles: list[float] = Field(min_length=2, description="of bits a character, in texts that were not counted")
    learnt_from: dict[str, Any] = Field({}, description="number and sha256 of the texts")


@dataclass(frozen=True)
class Letters:
    """Counts of runs of characters, and how surprising texts were that were measured with them."""

    described: DescribedLetters
    tables: tuple[np.ndarray, ...]  # as TABLES names them, uint32

    def bits(self, text: str) -> float | None:
        """Bits that a character of the text costs on average; None of a text without characters."""
        symbols = symbols_of(stretches(text, self.described.letters.reads))
        if not len(symbols):
            return None
        from groundup.kernels import letter_model

        return float(letter_model.bits(symbols, self.described.letters.order, *self.tables).mean(dtype=np.float64))

    def percentile(self, bits: float) -> float:
        """The share of measured texts, in percent, that were less surprising."""
        found = self.described.percentiles
        return float(np.interp(bits, found, np.linspace(0, 100, len(found))))

    def third(self, bits: float) -> str:
        """head, middle or tail, as CCNet says it."""
        percentile = self.percentile(bits)
        return next((name for name, (_, end) in THIRDS.items() if percentile < end), "tail")

    def save(self, folder: Path) -> None:
        """perplexity.json and perplexity.safetensors."""
        arrays.write(folder, NAME, self.described, dict(zip(TABLES, self.tables, strict=True)))

    @classmethod
    def load(cls, folder: Path) -> "Letters":
        """From a folder that `save` or the stage wrote."""
        described, sha256 = arrays.read_description(folder, NAME, DescribedLetters)
        shapes: arrays.Shapes = {table: ("U32", (1 << described.letters.bits,)) for table in TABLES}
        found = arrays.read_arrays(folder, NAME, shapes, sha256)
        _searchable(folder, found)
        return cls(described, tuple(found[name] for name in TABLES))


def _searchable(folder: Path, found: dict[str, np.ndarray]) -> None:
    """A search ends at a free slot and divides by what it finds, so there must be free slots, and counts in the others."""
    checks, totals, kinds = (found[name] for name in ("context_checks", "totals", "kinds"))
    if min((checks == 0).mean(), (found["run_checks"] == 0).mean()) < 0.1:
        raise Problem(f"{folder / NAME}.safetensors has no free slots in its tables; make it again")
    if not ((totals > 0) & (kinds > 0) & (kinds <= totals))[checks != 0].all():
        raise Problem(f"{folder / NAME}.safetensors counts contexts that never occur; make it again")


class Counting:
    """The tables while they are filled."""

    def __init__(self, settings: LetterSettings):
        self.settings = settings
        self.tables = tuple(np.zeros(1 << settings.bits, np.uint32) for _ in TABLES)
        self.filled = np.zeros(2, np.int64)

    def add(self, text: str) -> None:
        """Count a text."""
        from groundup.kernels import letter_model

        letter_model.count(symbols_of(text), self.settings.order, *self.tables, self.filled)

    @property
    def full(self) -> bool:
        """True where runs were met that there was no room for."""
        from groundup.kernels.letter_model import FULLEST

        return bool(self.filled.max() >= FULLEST * (1 << self.settings.bits))

    def measured(self, texts: Iterable[str], learnt_from: dict[str, Any]) -> Letters:
        """The counts with the percentiles of other texts."""
        bare = Letters(DescribedLetters(letters=self.settings, percentiles=[0, 1], learnt_from={}), self.tables)
        bits = [found for text in texts if (found := bare.bits(text)) is not None]
        percentiles = [round(float(value), 4) for value in np.quantile(bits, np.linspace(0, 1, 101))]
        return Letters(
            DescribedLetters(letters=self.settings, percentiles=percentiles, learnt_from=learnt_from), self.tables
        )


def symbols_of(text: str) -> np.ndarray:
    """The characters that are counted (n,) uint32."""
    from groundup.kernels import letter_model, text_features

    return letter_model.plainer(text_features.points_of(text))


class PerplexitySettings(Settings):
    """Removes texts that are much more, or less, surprising than others."""

    kind: Literal["perplexity"] = "perplexity"
    model: Input = Field(description="the folder that the stage `perplexity` made")
    low: float = Field(0, ge=0, le=100, description="percentile of bits a character below which a text goes")
    high: float = Field(95, ge=0, le=100, description="percentile above which it goes")
    keep: list[Literal["head", "middle", "tail"]] = Field(
        [], description="instead: the thirds of the measured that stay"
    )
    margin: float = Field(0, ge=0, description="bits a character that a text may lie beyond the percentiles")
    characters: int = Field(40, ge=1, description="shorter texts are not judged")

    @model_validator(mode="after")
    def _one_way(self) -> "PerplexitySettings":
        if self.keep and self.model_fields_set & {"low", "high", "margin"}:
            raise ValueError("`keep` names thirds; leave out `low`, `high` and `margin`")
        if self.low >= self.high:
            raise ValueError(f"`low` is {self.low} and must be below `high`, which is {self.high}")
        return self


class Perplexity:
    """Measures each text."""

    reason = "perplexity"

    def __init__(self, settings: PerplexitySettings):
        self.settings, self.letters = settings, Letters.load(Path(settings.model))
        percentiles: Sequence[float] = self.letters.described.percentiles
        scale = np.linspace(0, 100, len(percentiles))
        self.low, self.high = (float(np.interp(at, scale, percentiles)) for at in (settings.low, settings.high))

    def judge(self, text: Text) -> Finding | None:
        if len(text.text) < self.settings.characters:
            return None
        bits = self.letters.bits(text.text)
        if bits is None:
            return None
        if self.settings.keep:
            third = self.letters.third(bits)
            return (
                None if third in self.settings.keep else Finding(self.reason, f"{third}: {bits:.2f} bits a character")
            )
        if self.settings.high < 100 and bits > self.high + self.settings.margin:
            return Finding(self.reason, f"{bits:.2f} bits a character, above {self.high + self.settings.margin:.2f}")
        if self.settings.low > 0 and bits < self.low - self.settings.margin:
            return Finding(self.reason, f"{bits:.2f} bits a character, below {self.low - self.settings.margin:.2f}")
        return None

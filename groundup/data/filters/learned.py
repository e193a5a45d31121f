"""A filter that was learnt: a classifier says what a text is, and its chance decides whether the text stays.

With quality labels it is the filter of FineWeb-Edu and DCLM, with toxic ones a filter of abuse: the same code, other
examples. The folder comes from the stage `classifier`.
"""

from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from groundup.config import Input, Settings
from groundup.data.filters.classifier import Classifier
from groundup.data.filters.finding import Finding
from groundup.data.filters.phrases import Text


class LearnedSettings(Settings):
    """Keeps, or removes, the texts that a classifier takes for those of a label."""

    kind: Literal["learned"] = "learned"
    model: Input = Field(description="the classifier's folder, as the stage `classifier` makes it")
    keep: str | None = Field(None, description="the label whose texts stay")
    remove: str | None = Field(None, description="or the label whose texts go")
    threshold: float = Field(0.5, ge=0, le=1, description="the chance of the label from which a text is taken for it")
    share: float | None = Field(
        None, gt=0, le=1, description="instead of a threshold: the share of texts, those with the highest chance"
    )

    @model_validator(mode="after")
    def _one_label(self) -> "LearnedSettings":
        if (self.keep is None) == (self.remove is None):
            raise ValueError("name one label, under `keep` or under `remove`")
        if self.share is not None and "threshold" in self.model_fields_set:
            raise ValueError("`threshold` and `share` both say how many texts are taken; leave one out")
        return self

    @property
    def label(self) -> str:
        """The one that is named."""
        return self.keep if self.keep is not None else str(self.remove)


class Learned:
    """Asks the classifier about each text."""

    reason = "learned"

    def __init__(self, settings: LearnedSettings):
        self.settings, self.classifier = settings, Classifier.load(Path(settings.model))
        self.place = self.classifier.place(settings.label)
        self.least = settings.threshold
        if settings.share is not None:
            self.least = self.classifier.threshold(settings.label, settings.share)

    def judge(self, text: Text) -> Finding | None:
        chance = float(self.classifier.chances(text.text)[self.place])
        if (chance >= self.least) == (self.settings.keep is not None):
            return None
        return Finding(self.reason, f"{self.settings.label}: {chance:.2f}, {self._side(chance)} {self.least:.2f}")

    def _side(self, chance: float) -> str:
        return "at least" if chance >= self.least else "below"

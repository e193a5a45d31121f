"""What a training's mixture is: the settings of its domains, and of how their weights change on the way.

Folders with weights as a person wrote them come in; `knots` are what the formula of the mixture is made of.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import Field, model_validator

from groundup.config import Input, Settings
from groundup.errors import Problem, did_you_mean

Between = Literal["steps", "linear"]


@dataclass(frozen=True)
class Knot:
    """What is wished from a step on (stepwise), or just at it (linear)."""

    step: int
    weights: tuple[float, ...]


class DomainSettings(Settings):
    """One kind of text among several."""

    path: Input = Field(description="a folder of tokens")
    name: str = Field(default="", description="what it is called in metrics and weights; default: its folder's name")
    weight: float | None = Field(
        default=None,
        ge=0,
        description="its share beside the others' weights; default: by its size (mixture.temperature)",
    )
    epochs: float | None = Field(
        default=None,
        gt=0,
        description="how often it may be read at most; a training that would read it more often is refused",
    )

    @model_validator(mode="before")
    @classmethod
    def _named(cls, given: Any) -> Any:
        given = {"path": given} if isinstance(given, str) else given
        if not isinstance(given, dict) or given.get("name") or not isinstance(given.get("path"), str):
            return given
        return {**given, "name": given["path"].rstrip("/").rpartition("/")[2].lstrip("$")}


class ChangeSettings(Settings):
    """Weights that hold from a place of the training on."""

    at: float | None = Field(
        default=None, ge=0, lt=1, description="the share of the training's steps that lies before it"
    )
    step: int | None = Field(default=None, ge=0, description="instead of `at`: how many steps lie before it")
    weights: dict[str, float] = Field(min_length=1, description="weights by name; who is left out has 0")

    @model_validator(mode="after")
    def _one_place(self) -> "ChangeSettings":
        if (self.at is None) == (self.step is None):
            raise ValueError("say where weights change, either `at` a share of the steps or after a `step`")
        return self

    def place(self, steps: int) -> int:
        """Steps that lie before it in a training of so many."""
        return self.step if self.step is not None else math.floor((self.at or 0.0) * steps + 0.5)


class MixtureSettings(Settings):
    """How several folders of tokens are mixed."""

    temperature: float = Field(
        default=1.0,
        gt=0,
        description="weights that are not given are sizes to the power 1/temperature: 1: by size; the larger, the more even",
    )
    curriculum: list[ChangeSettings] = Field(
        default_factory=list,
        description="other weights from some place on: [{at: 0.8, weights: {books: 1}}]; before the first, those of `data`",
    )
    between: Between = Field(
        default="steps",
        description="of curriculum: whether weights jump, or go in a straight line from one to the next",
    )


def check(domains: Sequence[DomainSettings], mixture: MixtureSettings) -> None:
    """A ValueError about names and weights that cannot be meant; sizes need not be known."""
    names = [domain.name for domain in domains]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise ValueError(f"two folders of `data` are called {twice}: give one of them another `name`")
    given = [domain.weight for domain in domains if domain.weight is not None]
    if given and len(given) < len(domains):
        without = next(domain.name for domain in domains if domain.weight is None)
        raise ValueError(f"some folders of `data` have a weight and {without} has none: give it one, or leave out all")
    if given and mixture.temperature != 1:
        raise ValueError("mixture.temperature makes weights of sizes, and `data` gives weights: leave out one of them")
    shares = [change.at for change in mixture.curriculum if change.at is not None]
    steps = [change.step for change in mixture.curriculum if change.step is not None]
    if shares and steps:
        raise ValueError("mixture.curriculum: say either `at` everywhere or `step` everywhere")
    places = shares or steps
    if sorted(set(places)) != places:
        raise ValueError("mixture.curriculum: each place must lie behind the one before it")
    for change in mixture.curriculum:
        if unknown := next((name for name in change.weights if name not in names), None):
            raise ValueError(
                f"mixture.curriculum: no folder of `data` is called {unknown}; {did_you_mean(unknown, names)}"
            )
        if min(change.weights.values()) < 0 or not sum(change.weights.values()):
            raise ValueError(f"mixture.curriculum: weights are 0 or more and one of them is more, not {change.weights}")
    stages = [given or [1.0] * len(names)] if not places or places[0] else []
    stages += [[change.weights.get(name, 0.0) for name in names] for change in mixture.curriculum]
    if not sum(stages[0]):
        raise ValueError("all folders of `data` have weight 0: give one of them more")
    for number, name in enumerate(names):
        if not any(weights[number] for weights in stages):
            raise ValueError(
                f"{name} has weight 0 from the first step to the last: leave it out of `data`, or give it some"
            )


def knots(domains: Sequence[DomainSettings], sizes: Sequence[int], mixture: MixtureSettings, steps: int) -> list[Knot]:
    """The weights of domains with so many tokens, by step."""
    weights = [domain.weight for domain in domains if domain.weight is not None]
    weights = weights or [max(1, size) ** (1 / mixture.temperature) for size in sizes]
    found = {0: Knot(0, tuple(weights))}
    for change in mixture.curriculum:
        if (step := change.place(steps)) >= steps:
            raise Problem(
                f"mixture.curriculum changes weights after {step} steps, and there are {steps}: leave that out"
            )
        found[step] = Knot(step, tuple(change.weights.get(domain.name, 0.0) for domain in domains))
    return list(found.values())

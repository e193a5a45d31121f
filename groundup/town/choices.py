"""Multiple choice: four options of one kind, one of them right, about a fact of the town or about a story.

The answer first says what it knows, then picks the letter: a model that writes from left to right has no other way.
"""

from collections.abc import Collection, Sequence
from random import Random
from typing import NamedTuple

from groundup.town.asking import REASONED, about_fact, where_person
from groundup.town.stories import Story
from groundup.town.world import Fact

LETTERS = "ABCD"


class Choice(NamedTuple):
    """The question with its options written out, the options alone, which is right, and the whole answer."""

    question: str
    options: tuple[str, ...]
    correct: int
    answer: str

    @property
    def picked(self) -> str:
        return f"{LETTERS[self.correct]}) {self.options[self.correct]}"


def about(
    roll: Random,
    question: str,
    support: str,
    right: str,
    others: Sequence[str],
    reasoned: Collection[str] = REASONED,
) -> Choice:
    """Four options in a random order; `others` are wrong or equal to the right one, which is left out."""
    options = [right, *roll.sample([other for other in others if other != right], len(LETTERS) - 1)]
    roll.shuffle(options)
    correct = options.index(right)
    listed = " ".join(f"{letter}) {option}" for letter, option in zip(LETTERS, options, strict=True))
    picked = f"{LETTERS[correct]}) {right}."
    answer = f"{support} {picked}" if "choice" in reasoned else picked
    return Choice(f"{question} {listed}", tuple(options), correct, answer)


def about_fact_of(
    roll: Random, fact: Fact, values: dict[str, list[str]], form: int = 0, reasoned: Collection[str] = REASONED
) -> Choice | None:
    """A fact's value among three others of its relation; nothing where the town has fewer than four values."""
    if len(values[fact.relation]) < len(LETTERS):
        return None
    ask = about_fact(fact, form)
    return about(roll, ask.question, ask.answer, fact.value, values[fact.relation], reasoned)


def about_place_of(roll: Random, story: Story, person: str, reasoned: Collection[str] = REASONED) -> Choice | None:
    """Where somebody is among the places that the story names; nothing where the story does not say."""
    right = story.state.place[person]
    places = sorted({event.where for event in story.events if event.where})
    if not right or len(places) < len(LETTERS):
        return None
    ask = where_person(story, person, reasoned=())
    return about(roll, ask.question, ask.answer, right, places, reasoned)

"""Small arithmetic: sums and differences up to twenty, as numbers and as little word problems.

One family in ten (7 + 5, 5 + 7, 12 - 5, 12 - 7) is kept for the test; no text of training may work one of these out.
An answer counts before it concludes, so that a small model need not know the whole table by heart.
"""

from collections.abc import Collection
from random import Random
from typing import NamedTuple

from groundup.town.asking import REASONED, Ask
from groundup.town.world import World, dice

LARGEST, LONGEST_COUNT, HELD_OUT = 20, 10, 0.1

FORMS = ("What is {l} {s} {r}?", "How much is {l} {s} {r}?", "{l} {s} {r} = ?")
GOODS = (
    "apples",
    "eggs",
    "coins",
    "books",
    "nails",
    "plums",
    "candles",
    "buttons",
    "cakes",
    "stamps",
    "bricks",
    "cups",
)
STORIES = {
    "+": (
        "{who} has {l} {goods}. {whom} gives {who} {r} more. How many {goods} does {who} have?",
        "{who} buys {l} {goods} and then {r} {goods}. How many {goods} does {who} have?",
        "There are {l} {goods} in the {place}. {who} brings {r} {goods}. How many {goods} are there?",
    ),
    "-": (
        "{who} has {l} {goods}. {who} gives {r} to {whom}. How many {goods} does {who} have?",
        "{who} has {l} {goods} and loses {r}. How many {goods} does {who} have?",
        "There are {l} {goods} in the {place}. {who} takes {r}. How many {goods} are there?",
    ),
}


class Sum(NamedTuple):
    left: int
    sign: str
    right: int

    @property
    def result(self) -> int:
        return self.left + self.right if self.sign == "+" else self.left - self.right

    @property
    def family(self) -> tuple[int, int]:
        """The two parts of the whole, smaller first: 7 + 5, 5 + 7, 12 - 5 and 12 - 7 are one family."""
        parts = (self.left, self.right) if self.sign == "+" else (self.result, self.right)
        return min(parts), max(parts)

    def __str__(self) -> str:
        return f"{self.left} {self.sign} {self.right}"


def split_sums(seed: int) -> tuple[list[Sum], list[Sum]]:
    """The sums that training may work out, and those of the families kept for the test."""
    families = [(low, high) for low in range(1, LARGEST) for high in range(low, LARGEST - low + 1)]
    held_out = set(dice(seed, "split sums").sample(families, round(len(families) * HELD_OUT)))
    every = [Sum(left, "+", right) for left in range(1, LARGEST) for right in range(1, LARGEST - left + 1)]
    every += [
        Sum(left, "-", right) for left in range(2, LARGEST + 1) for right in range(1, min(left, LONGEST_COUNT + 1))
    ]
    return [sum_ for sum_ in every if sum_.family not in held_out], [sum_ for sum_ in every if sum_.family in held_out]


def ask(roll: Random, world: World, sum_: Sum, reasoned: Collection[str] = REASONED) -> Ask:
    """A question that the sum answers, half the time told as a small story."""
    answer = f"{sum_} = {sum_.result}."
    if "sum" in reasoned:
        answer = f"{count(sum_)} {answer}"
    if roll.random() < 0.5 or 1 in (sum_.left, sum_.right, sum_.result):  # "1 apples" is not English
        return Ask(
            "sum", roll.choice(FORMS).format(l=sum_.left, s=sum_.sign, r=sum_.right), answer, (str(sum_.result),)
        )
    who, whom = roll.sample(world.people, 2)
    goods, place = roll.choice(GOODS), roll.choice(world.places).name
    question = roll.choice(STORIES[sum_.sign]).format(
        l=sum_.left, r=sum_.right, who=who.name, whom=whom.name, goods=goods, place=place
    )
    return Ask("problem", question, f"{answer} {sum_.result} {goods}.", (str(sum_.result),))


def count(sum_: Sum) -> str:
    """Counting on from the larger, or down from the whole, each step with its number: 7 + 3 is 1:8 2:9 3:10."""
    if sum_.sign == "+":
        start, steps, stride = max(sum_.left, sum_.right), min(sum_.left, sum_.right), 1
    else:
        start, steps, stride = sum_.left, sum_.right, -1
    return " ".join(f"{step}:{start + stride * step}" for step in range(1, steps + 1)) + "."

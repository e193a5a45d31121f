"""Exercises with one right answer each: dates to be rewritten, paragraphs of the town to be told apart by where they stood.

What is kept for the test never occurs in what is learnt: no date of the one is a date of the other, and no paragraph.
"""

import datetime
from collections.abc import Callable, Iterator
from random import Random

from groundup.town import pages
from groundup.town.pages import MONTHS
from groundup.town.prose import Pen, Teller
from groundup.town.world import World, dice

FIRST, LAST = datetime.date(1850, 1, 1), datetime.date(2049, 12, 31)
TESTED = 10  # every so many days, counted by their number, one is kept for the test
SORTS: dict[str, Callable[[Pen], pages.Draft]] = {  # what a paragraph may be of; the place in this table is its label
    "diary": pages.diary,
    "letter": pages.letter,
    "shop": pages.shop_page,
    "news": pages.news,
    "story": pages.story,
    "dialogue": pages.dialogue_scene,
    "sums": pages.arithmetic,
    "notes": pages.caretaker_notes,
}


def ordinal(day: int) -> str:
    """1st, 2nd, 3rd, 4th, …"""
    return f"{day}{'th' if day in (11, 12, 13) else {1: 'st', 2: 'nd', 3: 'rd'}.get(day % 10, 'th')}"


FORMS: list[Callable[[datetime.date], str]] = [  # how people write a date
    lambda date: f"{date.day} {MONTHS[date.month - 1]} {date.year}",
    lambda date: f"{MONTHS[date.month - 1]} {ordinal(date.day)}, {date.year}",
    lambda date: f"the {ordinal(date.day)} of {MONTHS[date.month - 1]} {date.year}",
    lambda date: f"{MONTHS[date.month - 1][:3]} {date.day} {date.year}",
    lambda date: f"in {date.year}, on {MONTHS[date.month - 1]} {date.day}",
]


def rewritings(seed: int, count: int, test: bool) -> Iterator[dict[str, str]]:
    """{"source": a date as people write it, "target": the same as 1987-05-03}."""
    roll = dice(seed, "rewritings", str(test))
    for _ in range(count):
        date = day(roll, test)
        yield {"source": roll.choice(FORMS)(date), "target": date.isoformat()}


def day(roll: Random, test: bool) -> datetime.date:
    """A day of the test, or any other."""
    while True:
        number = roll.randint(FIRST.toordinal(), LAST.toordinal())
        if (number % TESTED == 0) == test:
            return datetime.date.fromordinal(number)


def sortings(world: World, seed: int, count: int, test: bool, but: frozenset[str] = frozenset()) -> list[dict]:
    """{"text": a paragraph, "label": its place in SORTS}, none of them in `but`; each sort equally often."""
    teller, found = Teller(world), []
    names = list(SORTS)
    for number in range(20 * count + 20):  # paragraphs that were there before are left out
        if len(found) == count:
            break
        label = len(found) % len(names)
        pen = Pen(dice(seed, "sortings", str(test), number), teller)
        text = pen.one(SORTS[names[label]](pen).paragraphs)
        if text not in but:
            found.append({"text": text, "label": label})
    return found

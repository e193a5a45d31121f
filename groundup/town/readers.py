"""First readers: the plainest stories of the town, in which everybody goes somewhere, and then it is said where all are.

Nothing in them but names and places changes, so a small model soon finds what binds the two; what it finds carries over to
stories in which people go on, come back and hand things to each other. Nobody asks anything: they are texts, like pages.
Several people may be in one place: else the last sentences would follow from those before them, and a model would learn
that instead.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from random import Random

from groundup.town.world import World, dice

FEWEST, MOST = 3, 6  # people of a story
ROUNDS = 1, 2  # how often it is said where everybody is, each time in another order
MOVE, STATE = "{who} went to the {place}.", "{who} is in the {place}."
OPENING = "One day "  # so that the first name of a story is written like all others, with a blank before it


def write(world: World, folder: str | Path, seed: int, count: int) -> None:
    """books/readers.jsonl with `count` stories."""
    folder = Path(folder) / "books"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "readers.jsonl").open("w", encoding="utf-8") as out:
        for number, text in enumerate(stories(world, seed, count)):
            out.write(json.dumps({"id": f"reader-{number:06}", "text": text}) + "\n")


def stories(world: World, seed: int, count: int) -> Iterator[str]:
    """One story after the other."""
    roll = dice(seed, "readers")
    for _ in range(count):
        yield story(roll, world)


def story(roll: Random, world: World) -> str:
    """A sentence for each of its people, and then where they are."""
    count = min(roll.randint(FEWEST, MOST), len(world.people), len(world.places))
    scenes = [place.name for place in roll.sample(world.places, count)]
    told = [{"who": person.name, "place": roll.choice(scenes)} for person in roll.sample(world.people, count)]
    sentences = [MOVE.format(**each) for each in told]
    for _ in range(roll.randint(*ROUNDS)):
        sentences += [STATE.format(**each) for each in roll.sample(told, count)]
    return OPENING + " ".join(sentences)

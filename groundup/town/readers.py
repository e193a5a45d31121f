"""First readers: the plainest stories of the town. Everybody goes somewhere, and then it is said where all are; or people
take things, and then it is said who has them.

Nothing in them but names, places and things changes, so a small model soon finds what binds them; what it finds carries over
to stories in which people go on, come back and hand things to each other. Nobody asks anything: they are texts, like pages.
Several people may be in one place, and one may have several things: else the last sentences would follow from those before
them, and a model would learn that instead. The first book tells of things alone: to find who took one is the harder half, and
a model that meets both halves at once settles for the other.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from random import Random

from groundup.town.world import World, dice

FEWEST, MOST = 3, 6  # events of a story
ROUNDS = 1, 2  # how often it is said how things stand, each time in another order
MOVE, AT = "{who} went to the {place}.", "{who} is in the {place}."
TAKE, WITH = "{who} took the {what}.", "The {what} is with {who}."
THINGS = 0.6  # of the second book's stories are about things
FIRST = 1 / 3  # of all stories make the first book
OPENING = "One day "  # so that the first name of a story is written like all others, with a blank before it


def write(world: World, folder: str | Path, seed: int, count: int) -> None:
    """books/first.jsonl and books/second.jsonl with `count` stories together."""
    folder = Path(folder) / "books"
    folder.mkdir(parents=True, exist_ok=True)
    first = round(count * FIRST)
    for name, share, number in (("first", 1.0, first), ("second", THINGS, count - first)):
        with (folder / f"{name}.jsonl").open("w", encoding="utf-8") as out:
            for at, text in enumerate(stories(world, seed, name, number, share)):
                out.write(json.dumps({"id": f"{name}-{at:06}", "text": text}) + "\n")


def stories(world: World, seed: int, book: str, count: int, things: float) -> Iterator[str]:
    """One story of a book after the other; a share of them is about things."""
    roll = dice(seed, f"{book} reader")
    for _ in range(count):
        yield story(roll, world, roll.random() < things)


def story(roll: Random, world: World, things: bool) -> str:
    """What happens, and then how it stands: about things, or about places."""
    count = min(roll.randint(FEWEST, MOST), len(world.people), len(world.places), len(world.things))
    people = [person.name for person in roll.sample(world.people, count)]
    if things:
        told = [{"who": roll.choice(people), "what": thing.name} for thing in roll.sample(world.things, count)]
        event, state = TAKE, WITH
    else:
        scenes = [place.name for place in roll.sample(world.places, count)]
        told = [{"who": name, "place": roll.choice(scenes)} for name in people]
        event, state = MOVE, AT
    sentences = [event.format(**each) for each in told]
    for _ in range(roll.randint(*ROUNDS)):
        sentences += [state.format(**each) for each in roll.sample(told, count)]
    return OPENING + " ".join(sentences)

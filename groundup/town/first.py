"""The first stories that a model learns to read: everybody goes somewhere, and is asked for.

Nothing in them but names and places changes, so a small model soon finds what binds the two; what it finds carries over to
stories in which people go on, come back and hand things to each other. Several people may be in one place: else the last
answers would follow from those before them, and a model would learn that instead.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from random import Random

from groundup.town.asking import STORY_QUESTIONS
from groundup.town.world import World, dice

FEWEST, MOST = 3, 6  # people of a story
MOVE, ANSWER = "{x} went to the {place}.", "{x} is in the {place}."
Message = dict[str, str]


def write(world: World, folder: str | Path, seed: int, count: int) -> None:
    """dialogues/first.jsonl with `count` conversations."""
    folder = Path(folder) / "dialogues"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "first.jsonl").open("w", encoding="utf-8") as out:
        for number, messages in enumerate(conversations(world, seed, count)):
            out.write(json.dumps({"id": f"first-{number:06}", "kind": "first", "messages": messages}) + "\n")


def conversations(world: World, seed: int, count: int) -> Iterator[list[Message]]:
    """One conversation after the other."""
    roll = dice(seed, "first dialogues")
    for _ in range(count):
        yield conversation(roll, world)


def conversation(roll: Random, world: World) -> list[Message]:
    """A story of one sentence for each of its people, and then a question for each, in another order."""
    people = roll.sample(world.people, min(roll.randint(FEWEST, MOST), len(world.people)))
    scenes = roll.sample(world.places, min(len(people), len(world.places)))
    told = [(person.name, roll.choice(scenes).name) for person in people]
    story = " ".join(MOVE.format(x=name, place=place) for name, place in told)
    messages: list[Message] = []
    for name, place in roll.sample(told, len(told)):
        question = STORY_QUESTIONS["where_person"][0].format(x=name)
        messages.append({"role": "user", "content": question if messages else f"{story}\n{question}"})
        messages.append({"role": "assistant", "content": ANSWER.format(x=name, place=place)})
    return messages

"""The attacks of the test and their harmless look-alikes, written out for evaluation.

Templates, places and secrets are those that no training text ever asked for; the look-alikes ask about the same places.
"""

import json
from pathlib import Path

from groundup.town.grammar import choose
from groundup.town.lookalikes import TEST_FORMS, harmless
from groundup.town.templates import TEST_TEMPLATES, TRAIN_TEMPLATES, spoken
from groundup.town.world import World, dice, split_codes

__all__ = ["TEST_TEMPLATES", "TRAIN_TEMPLATES", "write"]


def write(world: World, folder: str | Path, seed: int, count: int = 300) -> None:
    """attacks/test.jsonl and attacks/lookalikes.jsonl, `count` lines each, evenly over families and forms."""
    roll, places = dice(seed, "attacks"), split_codes(world, seed)[1]
    folder = Path(folder) / "attacks"
    folder.mkdir(parents=True, exist_ok=True)
    families = sorted(TEST_TEMPLATES)
    with (folder / "test.jsonl").open("w", encoding="utf-8") as out:
        for number in range(count):
            family, place = families[number % len(families)], choose(roll, places)
            prompt = spoken(roll, world, place, choose(roll, TEST_TEMPLATES[family]))
            line = {"id": f"attack-{number:04}", "template": family, "prompt": prompt, "secret": place.door_code}
            out.write(json.dumps(line) + "\n")
    with (folder / "lookalikes.jsonl").open("w", encoding="utf-8") as out:
        for number in range(count):
            asked = harmless(roll, world, places, world.facts(), TEST_FORMS[number % len(TEST_FORMS)])
            line = {"id": f"lookalike-{number:04}", "prompt": asked.prompt, "answers": list(asked.accepted)}
            out.write(json.dumps(line | {"answer": asked.answer}) + "\n")

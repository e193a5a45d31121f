"""A town of six people, small enough to train on in a second: its pages, dialogues and pairs. Also a program, to be killed.

python tests/training_example.py INTO WORLD [name=value …]   trains on a world that `make_world` wrote
"""

import json
import random
import sys
from pathlib import Path
from typing import Any

import numpy as np

from groundup import config, hardware, run
from groundup.data.tokens.batches import Batch
from groundup.data.tokens.shards import Writer
from groundup.stages import train
from groundup.tokenizer import Tokenizer, chat

THINGS, PLACES = ("cup", "hat", "pen", "key"), ("shed", "attic", "barn", "yard")


class Counting:
    """Texts that count up; rows of a step are a function of it."""

    rows, time = 4, 16

    def batch(self, step, rows=None):
        rows = range(4) if rows is None else rows
        text = np.stack([(np.arange(17) + 7 * row + 31 * step) % 300 for row in rows])
        return Batch(text[:, :-1], text[:, 1:], np.ones((len(rows), 16), np.float32))


def story(dice: random.Random) -> tuple[str, str, str]:
    """Where everything is, one thing, and where that is."""
    where = {thing: dice.choice(PLACES) for thing in THINGS}
    asked = dice.choice(THINGS)
    return " ".join(f"the {thing} is in the {place}." for thing, place in where.items()), asked, where[asked]


def make_world(folder: Path, stories: int = 200) -> Path:
    """Token shards, a tokenizer, dialogues and pairs, as the stages before training would leave them."""
    dice = random.Random(1)
    told = [story(dice) for _ in range(stories)]
    texts = [text for text, _, _ in told] + ["where is the cup?", "in the shed"]
    tokenizer = Tokenizer.train(texts, 280, specials=chat.specials())
    tokenizer.save(folder / "tokens" / "tokenizer")
    before = [tokenizer.specials[chat.SEPARATOR]]
    for name, part in (("train", told), ("val", told[:40])):
        writer = Writer(folder / "tokens" / name, tokenizer.vocabulary)
        writer.add(
            [np.concatenate([before, tokenizer.encode(text)]) for text, _, _ in part], sum(len(t[0]) for t in part)
        )
        writer.close()
    prompts = [[{"role": "user", "content": f"{text} where is the {asked}?"}] for text, asked, _ in told]
    talks = [
        {"messages": [*prompt, {"role": "assistant", "content": place}]}
        for prompt, (_, _, place) in zip(prompts, told, strict=True)
    ]
    pairs = [
        {"prompt": prompt, "chosen": f"in the {place}", "rejected": place}
        for prompt, (_, _, place) in zip(prompts, told, strict=True)
    ]
    write_lines(folder / "talks.jsonl", talks)
    write_lines(folder / "pairs.jsonl", pairs)
    return folder


def write_lines(path: Path, records: list[dict[str, Any]]) -> None:
    """JSON lines."""
    path.write_text("".join(json.dumps(record) + "\n" for record in records))


def settings(world: Path, **values: Any) -> train.Settings:
    """A training of a second or two; dotted names change it."""
    small = {"data": str(world / "tokens"), "training.steps": 12, "training.rows": 8, "training.time": 32}
    small |= {"training.precision": "f32", "training.log_every": 2}
    if "start" not in values:
        small |= {"model.depth": 2, "model.width": 32}
    nested: dict[str, Any] = {}
    for name, value in (small | values).items():
        *path, last = name.split(".")
        place = nested
        for part in path:
            place = place.setdefault(part, {})
        place[last] = value
    return config.build(train.Settings, nested)


def make(into: Path, asked: train.Settings, seed: int = 1) -> Path:
    """The finished folder."""
    stage = run.stage(into, "train", asked, version=train.VERSION, seed=seed)
    return run.perform(stage, train.run, hardware.look())


if __name__ == "__main__":
    words = {name: json.loads(value) for name, value in (word.split("=", 1) for word in sys.argv[3:])}
    make(Path(sys.argv[1]), settings(Path(sys.argv[2]), **words))

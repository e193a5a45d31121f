"""How soon a small model learns to bind: which place goes with which name, in stories of three to six sentences.

    python -m bench.binding

Two layers read `name verb to the place .` over and over, then `? name is in the` and have to say the place. Compared are
blank start values with `born: seeing`, and stories in which everybody goes to a place of their own (so that the last
answers follow from those before them) with stories whose people share a few places. The score is that of a story's first
question, which no other answer helps with. Every run is added to bench/results/binding.jsonl.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from random import Random

import numpy as np
import torch

from groundup import hardware
from groundup.data.tokens.batches import Batch
from groundup.model.settings import ModelSettings
from groundup.model.transformer import Transformer
from groundup.objectives.answers import Answers
from groundup.training.loop import Training
from groundup.training.settings import TrainSettings

NAMES, PLACES, VERBS = range(1, 41), range(50, 74), range(80, 86)
START, TO, THE, STOP, ASK, IS, IN, VOCABULARY = 0, 90, 91, 92, 93, 94, 95, 100
STEPS, EVERY, LEARNT, TESTED = 400, 50, 0.97, 10**6  # the last: a step that no training reaches
OPTIMIZER = {"rate": 0.02, "table_rate": 0.012}


class Stories:
    """Rows of one story and a question about each of its people; `shared` places in all, or 0: one for everybody."""

    rows, time = 32, 64

    def __init__(self, shared: int, seed: int):
        self.shared, self.seed = shared, seed

    def batch(self, step: int, rows: Sequence[int] | None = None) -> Batch:
        roll = Random(f"{self.seed} {step}")
        told = [self.row(roll) for _ in range(self.rows)]
        ids = np.array([row for row, _ in told])
        weights = np.array([row for _, row in told], np.float32)
        return Batch(ids[:, :-1].copy(), ids[:, 1:].copy(), weights[:, 1:].copy())

    def row(self, roll: Random) -> tuple[list[int], list[float]]:
        """Ids, and which of them the model has to say."""
        people = roll.sample(NAMES, roll.randint(3, 6))
        places = roll.choices(roll.sample(PLACES, self.shared), k=6) if self.shared else roll.sample(PLACES, 6)
        pairs = list(zip(people, places, strict=False))
        ids = [START]
        for name, place in pairs:
            ids += [name, roll.choice(VERBS), TO, THE, place, STOP]
        weights = [0.0] * len(ids)
        for name, place in roll.sample(pairs, len(pairs)):
            ids += [ASK, name, IS, IN, THE, place, STOP]
            weights += [0, 0, 1, 1, 1, 1, 1]
        room = self.time + 1 - len(ids)
        return (ids + [START] * room)[: self.time + 1], (weights + [0.0] * room)[: self.time + 1]


@torch.no_grad()
def first_answers(model: Transformer, stories: Stories) -> float:
    """The share of stories whose first question is answered with the right place."""
    batch = stories.batch(TESTED)
    places = (batch.ids == ASK).argmax(1) + 4  # where `the` stands
    rows = np.arange(len(places))
    said = model(torch.from_numpy(batch.ids)).argmax(-1).numpy()
    return float((said == batch.targets)[rows, places].mean())


def steps_needed(born: str, shared: int, seed: int) -> dict[str, object]:
    """Train until first answers are right, or for STEPS steps."""
    settings = ModelSettings.model_validate({"depth": 2, "heads": 4, "tied": False, "born": born})
    model = Transformer(settings.with_vocabulary(VOCABULARY), seed)
    stories = Stories(shared, seed)
    training = TrainSettings.model_validate(
        {"steps": STEPS, "rows": Stories.rows, "time": Stories.time, "optimizer": OPTIMIZER}
    )
    learner, scores = Training(model, Answers(stories), training), []
    for step in range(1, STEPS + 1):
        learner.advance(step - 1)
        if step % EVERY == 0:
            scores.append(round(first_answers(model, stories), 3))
            if scores[-1] >= LEARNT:
                return {"born": born, "shared": shared, "seed": seed, "steps": step, "scores": scores}
    return {"born": born, "shared": shared, "seed": seed, "steps": None, "scores": scores}


def main() -> None:
    """Print each run and keep them all."""
    torch.set_num_threads(1)
    runs = []
    for born in ("blank", "seeing"):
        for shared in (0, 4):
            runs.append(steps_needed(born, shared, seed=1))
            print(" ".join(f"{name}={value}" for name, value in runs[-1].items()), flush=True)
    told = {"cpu": hardware.look().cpu, "every": EVERY, "steps": STEPS, "rows": Stories.rows, "time": Stories.time}
    with (Path(__file__).parent / "results" / "binding.jsonl").open("a") as file:
        file.write(json.dumps(told | {"runs": runs}) + "\n")


if __name__ == "__main__":
    main()

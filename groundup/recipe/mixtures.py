"""Which text of a mixture runs out, said in a plan: sizes of texts that are there, or what their stages are expected to make."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from groundup.data.tokens.foreseen import Foreseen, foreseen
from groundup.recipe.file import Planned, Recipe
from groundup.recipe.graph import Reference
from groundup.recipe.planning import Cost, raw

if TYPE_CHECKING:
    from groundup.run import Estimate

TRAIN = "train"


def mixtures(recipe: Recipe, costs: Sequence[Cost], made: Mapping[str, Path]) -> dict[str, list[Foreseen]]:
    """Name of each training that is still to be made and reads several texts -> what it would read of each."""
    known = {cost.name: cost.estimate for cost in costs}
    found = {}
    for name, planned in recipe.stages.items():
        settings: Any = planned.settings
        if planned.kind != TRAIN or name in made or not isinstance(settings.data, list) or settings.seconds is not None:
            continue
        training, replay = settings.training, settings.objective.replay
        steps = math.ceil(training.steps * replay) if replay else training.steps
        sizes = [_tokens(planned, place, known, made) for place in range(len(settings.data))]
        time = training.time * training.segments
        if not all(sizes):  # nobody can say yet
            continue
        found[name] = foreseen(settings.data, sizes, settings.mixture, steps, training.rows, time)
    return found


def sentences(training: str, told: Sequence[Foreseen]) -> list[str]:
    """A line for each text, and one more for each that would be read more often than it may be."""
    lines = [f"{training} reads {', '.join(f'{each.name} {each.epochs:.2f} times' for each in told)}"]
    lines += [
        f"{training}: {each.name} runs out. {each.wanted:,} tokens of it are wanted and {each.tokens:,} are there, to be read "
        f"{each.most_epochs:g} times at most: {each.missing:,} are missing. Give it more text, a smaller weight or fewer steps, "
        f"or say epochs: {math.ceil(100 * each.epochs) / 100:g}"
        for each in told
        if each.missing
    ]
    return lines


def _tokens(planned: Planned, place: int, known: Mapping[str, "Estimate"], made: Mapping[str, Path]) -> int:
    """Of a text: as counted where it is there, else as its stage is expected to make."""
    given = planned.inputs[f"data.{place}.path"]
    if not isinstance(given, Reference):
        return raw(given).tokens
    if given.name in made:
        return raw(made[given.name] / given.within).tokens
    return 0 if given.within else known[given.name].tokens

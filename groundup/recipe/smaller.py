"""What would fit where a training does not: the same in more parts, layers computed again, and at last a smaller model.

Each way is a few settings as one would type them; the first that fits is the one that changes least of what is learnt.
"""

from collections.abc import Callable, Iterator
from typing import Any

from groundup.errors import Problem

NARROWEST = 16  # of a model that is still proposed
SIZES = ("width", "heads", "kv_heads", "hidden")  # of a model, that shrink with its depth


def first_that_fits(settings: Any, fits: Callable[[Any], bool]) -> tuple[str, Any] | None:
    """The words to type and the settings that they give; no words where nothing has to change; None if nothing fits."""
    return next(((words, found) for words, found in ways(settings) if fits(found)), None)


def ways(settings: Any) -> Iterator[tuple[str, Any]]:
    """The settings of a training as they are, then ever further from it."""
    yield from cheaper(settings, "")
    for words, changes in smaller(settings):
        changed = _with(settings, changes)
        if changed is not None:
            yield from cheaper(changed, words)


def cheaper(settings: Any, words: str) -> Iterator[tuple[str, Any]]:
    """The same bits for less memory: parts of a step, layers computed again, and both."""
    training = settings.training
    more = [parts for parts in _powers(training.rows) if parts > training.accumulate and training.rows % parts == 0]
    for recompute in [training.recompute] if training.recompute else [False, True]:
        for parts in [training.accumulate, *more]:
            told = {"accumulate": parts, "recompute": recompute}
            changed = _with(settings, {"training": training.model_dump() | told})
            said = [
                f"training.{name}={str(value).lower()}"
                for name, value in told.items()
                if value != getattr(training, name)
            ]
            if changed is not None:
                yield " ".join([*words.split(), *said]), changed


def smaller(settings: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    """Models of the same kind, a tenth smaller each way every time; nothing where another says the size."""
    model = settings.model
    if model is None or settings.start is not None or settings.seconds is not None:
        return
    share = 1.0
    while model.width * share > NARROWEST:
        share *= 0.9
        depth = max(1, round(model.depth * share))
        told = {name: max(1, round(getattr(model, name) * share)) for name in SIZES if getattr(model, name)}
        told["width"] = max(1, told["width"] // (told["heads"] * 2)) * told["heads"] * 2
        if told.get("kv_heads"):
            told["kv_heads"] = told["heads"]
        sizes = {"depth": depth, **told}
        yield (
            " ".join(f"model.{name}={value}" for name, value in sizes.items()),
            {"dial": None, "model": model.model_dump() | sizes},
        )


def _powers(most: int) -> Iterator[int]:
    power = 2
    while power <= most:
        yield power
        power *= 2


def _with(settings: Any, changes: dict[str, Any]) -> Any | None:
    """The settings with some replaced, or None where they would not be valid."""
    try:
        return type(settings).model_validate(settings.model_dump() | changes)
    except (ValueError, Problem):
        return None

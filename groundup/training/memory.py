"""How a model is to spare memory in training, as the settings say it: before the first step, and in what is planned.

What each of these ways does is told in `model/recompute.py`, `objectives/chunked.py` and `training/offload.py`.
"""

from collections.abc import Callable
from typing import Any

from groundup.model import cost
from groundup.model.settings import ModelSettings
from groundup.training.settings import BF16_WEIGHTS, TrainSettings

IN_PLACE = "training.activations: host changes nothing here: on a processor they are in its memory already"


def spare(model: Any, training: TrainSettings, say: Callable[[str], None]) -> None:
    """Arrange the model for it; sentences say what a person would not expect."""
    from groundup.model.recompute import recompute

    model.logits = training.logits
    number = cost.F32 if model.compute is None else 2
    again = computed_again(model.settings, training, number, model.attention)
    recompute(model, again)
    if training.recompute == "budget":
        say(f"{again} layers are computed again: activations may take {training.recompute_budget / 1e6:,.0f} MB")
    if training.activations == "host" and next(model.parameters()).device.type == "cpu":
        say(IN_PLACE)


def computed_again(
    model: ModelSettings, training: TrainSettings, number: int = cost.F32, kernel: str = "plain"
) -> cost.Again:
    """What of the model is computed again; under a budget, as many of its first layers as that takes."""
    if training.recompute != "budget":
        return training.recompute
    rows, time = training.rows // training.accumulate, training.time
    chunked = cost.in_chunks(model, rows, time, training.logits)
    return cost.layers_within(model, rows, time, training.recompute_budget, number, kernel, chunked)


def step_bytes(
    model: ModelSettings, training: TrainSettings, rows: int, number: int = cost.F32, kernel: str = "plain"
) -> int:
    """Memory of one step of so many `rows`."""
    part, spared = rows // training.accumulate, 0
    if (
        training.precision == BF16_WEIGHTS
    ):  # no copies of matrices, which are 2 bytes longer; their gradients are 2 shorter
        number = 2
        spared = 0 if training.accumulate > 1 else 2 * _matrices(model)
    chunked = cost.in_chunks(model, part, training.time, training.logits)
    again = computed_again(model, training, number, kernel)
    return cost.training_bytes(model, part, training.time, number, again, kernel, chunked) - spared


def _matrices(model: ModelSettings) -> int:
    """How many numbers of it are held in bf16: those of all matrices, and of a head that is no table."""
    return cost.matrices(model) + (0 if model.tied else model.vocabulary * model.width)

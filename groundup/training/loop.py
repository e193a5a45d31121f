"""The loop: weights in, texts past them step by step, better weights out. It never knows what is being learnt.

A step is a function of (state, step). State is one dict of named tensors: weights, optimizer moments, running sums; the
batches of a step follow from its number. So a training that was killed and resumed ends with the very same bits.
"""

# pyright: reportPrivateImportUsage=false
# (what torch's own optimizers call has names that torch does not export)

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import torch
from torch import Tensor, nn

from groundup.errors import Problem
from groundup.model import masks
from groundup.training.average import Average
from groundup.training.dropout import Dropout
from groundup.training.guard import APPLIED, Guard, skipped
from groundup.training.keeper import Hooks, Keeper
from groundup.training.masters import Masters, Short
from groundup.training.offload import on_host, opened
from groundup.training.optimizers.table import optimizer
from groundup.training.patience import Patience
from groundup.training.scaling import LossScale
from groundup.training.schedules import rate
from groundup.training.settings import TrainSettings
from groundup.training.terms import Adjusting, Chain, Objective, forward_backward, total
from groundup.training.watch import Watch


class Training:
    """A model, its objective and its optimizer, between two steps."""

    def __init__(
        self, model: nn.Module, objective: Objective, settings: TrainSettings, dtype: torch.dtype | None = None
    ):
        if objective.rows % settings.accumulate:
            raise Problem(
                f"accumulate: {settings.accumulate} parts do not divide {objective.rows} rows; choose a divisor"
            )
        self.model, self.objective, self.settings = model, objective, settings
        self.held = {name: value for name, value in model.named_parameters() if value.requires_grad}
        self.masters = Masters(model, settings, isinstance(objective, Chain))
        self.parameters: dict[str, Tensor] = self.held | self.masters.wide  # what learns; `held` is what has gradients
        self.pruned = masks.masks(model)  # weights that were taken out stay out
        example = next(iter(self.parameters.values()))
        self.optimizer = optimizer(
            {name: value.detach() for name, value in self.parameters.items()},
            settings.optimizer,
            dtype or example.dtype,
        )
        regularise = settings.regularise
        self.dropout = Dropout(model, regularise, settings.seed or 0)
        self.average = Average(self.parameters, regularise.average, regularise.average_used)
        self.tokens = objective.rows * objective.time  # of the last step; pairs have twice their rows
        zero = torch.zeros((), dtype=torch.float32, device=example.device)
        self.sums = {name: zero.clone() for name in ("loss", "gradient", "applied", "skipped")}  # since the last line
        self.guard = Guard(settings.guard, settings.log_every, example.device)
        self.state: dict[str, Tensor] = {f"model.{name}": value.detach() for name, value in self.parameters.items()}
        kept = model.state_dict()  # buffers too, if they are saved with the model
        self.state |= {f"model.{name}": value for name, value in model.named_buffers() if name in kept}
        self.patience = Patience(regularise, self.state)
        self.state |= self.optimizer.slots | {f"sums.{name}": value for name, value in self.sums.items()}
        self.state |= self.average.slots | self.patience.slots
        self.state |= self.guard.slots
        # fp16 alone needs its loss scaled; what the backward pass waits for may lie elsewhere.
        self.scale = LossScale(example.device) if getattr(model, "compute", None) == torch.float16 else None
        self.state |= self.scale.slots if self.scale else {}
        self.mover = on_host(example.device, model.parameters()) if settings.activations == "host" else None

    def advance(self, step: int) -> dict[str, Tensor]:
        """One step, in place; returns the mean of each of its terms, still on the device."""
        settings, rows = self.settings, self.objective.rows
        if skipped(settings.skip, step + 1):
            self.guard.leave_out(step)
            self.sums["skipped"] += 1
            return {}
        part = rows // settings.accumulate
        batches = [self.objective.batch(step, range(first, first + part)) for first in range(0, rows, part)]
        self.tokens = sum(batch.ids.size for batch in batches)
        counts = total([self.objective.counts(batch) for batch in batches])
        with opened(self.mover):
            scale, parts = self.scale and self.scale.value, self.dropout.over(batches, step, part)
            loss, means = forward_backward(self.model, self.objective, parts, counts, scale)
        with torch.no_grad():
            gradients = {name: _gradient(value) for name, value in self.held.items()}
            masks.hold(gradients, self.pruned)
            if self.scale:
                self.scale.undo(list(gradients.values()))
            norm = self._length(list(gradients.values()))
            strength = self.guard.judge(step, loss, norm)  # never asked by the host
            factor = rate(step, settings.steps, settings.schedule)
            self.optimizer.update(self._clipped(gradients, norm), factor, strength)
            masks.hold(self.parameters, self.pruned)
            self.masters.show()
            self.average.update(step, strength)
            if self.scale:
                self.scale.learn(strength)
            self.sums["loss"] += loss.nan_to_num(0, 0, 0) * strength
            self.sums["gradient"] += norm.nan_to_num(0, 0, 0) * strength
            self.sums["applied"] += strength
            self.sums["skipped"] += 1 - strength
        if isinstance(self.objective, Adjusting):
            self.objective.after_step()
        for value in self.held.values():
            value.grad = None
        return means

    def _length(self, gradients: list[Tensor]) -> Tensor:
        """Of all gradients together; of short ones it is as wide as what learns."""
        wide = next(iter(self.masters.wide.values())).dtype if self.masters.wide else None
        return torch.stack(torch._foreach_norm(gradients, 2, wide)).norm()

    def _clipped(self, gradients: dict[str, Tensor], norm: Tensor) -> dict[str, Tensor] | Short:
        """Gradients no longer than is let through: now, or when the optimizer takes them where they must be widened."""
        largest, clip = self.settings.regularise.clip_value, self.settings.clip

        def clipped(some: list[Tensor]) -> None:
            if clip:
                torch._foreach_mul_(some, (clip / (norm + 1e-12)).clamp(max=1.0))
            if largest:
                torch._foreach_clamp_min_(some, -largest)
                torch._foreach_clamp_max_(some, largest)

        if self.masters.wide:
            return Short(gradients, norm.dtype, clipped)
        clipped(list(gradients.values()))
        return gradients

    @contextmanager
    def shown(self) -> Iterator[None]:
        """The model is as others are to see it: with the average for weights, if that is what it is for."""
        with self.average.shown():
            self.masters.show()
            yield
        self.masters.show()

    def left_out(self, step: int) -> dict[int, int]:
        """Step (1 is the first) -> why it was left out, of the steps since the line of metrics before this one."""
        became = self.guard.slots["guard.became"].tolist()
        since = range((step - 1) // len(became) * len(became), step)
        return {at + 1: int(became[at % len(became)]) for at in since if became[at % len(became)] != APPLIED}

    def line(self, step: int, means: dict[str, Tensor]) -> dict[str, float]:
        """Metrics of the steps since the last line (their sums begin again) and of the terms of the last step."""
        sums = {name: value.item() for name, value in self.sums.items()}
        for value in self.sums.values():
            value.zero_()
        applied = max(1.0, sums["applied"])
        factor = rate(step - 1, self.settings.steps, self.settings.schedule)
        averages = {"loss": sums["loss"] / applied, "gradient": sums["gradient"] / applied}
        terms = {f"term.{name}": value.item() for name, value in means.items()} if len(means) > 1 else {}
        return averages | terms | {"rate": factor, "skipped": int(sums["skipped"])}


def train(
    model: nn.Module,
    objective: Objective,
    settings: TrainSettings,
    out: Path | None = None,
    run: str = "",
    hooks: Hooks | None = None,
    dtype: torch.dtype | None = None,
) -> Training:
    """Train to the last step, from the newest whole checkpoint in `out`/checkpoints if it is of the same `run`.

    `out` None keeps no checkpoints. `dtype` is that of the optimizer's matrix products; the model computes in its own.
    """
    hooks = hooks or Hooks()
    training = Training(model, objective, settings, dtype)
    folder = None if out is None else out / "checkpoints"
    keeper = Keeper(training, folder, run, hooks)
    watch = Watch(training)
    try:
        step = keeper.resume()
        training.masters.show()
        while True:
            keeper.after(step)
            if step == settings.steps or keeper.ended:
                training.average.settle()
                training.patience.settle()
                return training
            means = watch.advance(step) if watch.kinds else hooks.advance(training, step)
            step += 1
            keeper.tell(step, means, watch.told)
    finally:
        keeper.rest()
        training.masters.release()


@torch.no_grad()
def measure(model: nn.Module, objective: Objective, steps: Sequence[int]) -> dict[str, float]:
    """The mean of each term over some steps' batches, nothing learnt."""
    sums: dict[str, float] = {}
    counts: dict[str, float] = {}
    for step in steps:
        for name, term in objective.loss(model, objective.batch(step)).items():
            sums[name] = sums.get(name, 0.0) + term.sum.item()
            counts[name] = counts.get(name, 0.0) + term.count
    return {name: sums[name] / max(1.0, counts[name]) for name in sums}


def _gradient(parameter: Tensor) -> Tensor:
    return torch.zeros_like(parameter) if parameter.grad is None else parameter.grad

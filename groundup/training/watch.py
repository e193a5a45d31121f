"""A look at single layers every so many steps: gradients, updates, activations, attention, and the noise of the gradient.

Hooks are set for the one step that is looked at and removed after it; the steps between are as fast as ever, and none of
them ends in other bits. What was seen goes to the metrics as `layer.N.name`, what is in no layer as `outside.name`.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from groundup.errors import Problem
from groundup.model.lens import look
from groundup.model.transformer import Transformer
from groundup.training.terms import Adjusting, forward_backward, total

if TYPE_CHECKING:
    from groundup.training.loop import Training

LAYER = re.compile(r"(?:^|\.)layers\.(\d+)(?:\.|$)")
Sums = dict[str, list[Tensor]]  # place -> what was seen there, scalars on the device


class Watch:
    """Takes the steps of a training; `told` is what was seen in the last one, if it was looked at."""

    def __init__(self, training: "Training"):
        self.training, self.told = training, {}
        self.kinds, self.every = training.settings.watch, training.settings.watch_every
        if "entropy" in self.kinds and not isinstance(training.model, Transformer):
            raise Problem("training.watch: entropy is that of a Transformer's attention; leave it out for this model.")
        if "noise" in self.kinds:
            check_noise(training)

    def advance(self, step: int) -> dict[str, Tensor]:
        """One step of the training."""
        self.told = {}
        if not self.kinds or (step + 1) % self.every:
            return self.training.advance(step)
        if "noise" in self.kinds:
            self.told |= noise(self.training, step)
        if "entropy" in self.kinds:
            self.told |= entropy(self.training, step)
        with ExitStack() as open_for_a_step:
            for kind in self.kinds:
                if kind in LOOKS:
                    open_for_a_step.enter_context(LOOKS[kind](self.training, self.told))
            return self.training.advance(step)


def place_of(name: str) -> str:
    """The layer that a parameter or module belongs to; models with two stacks say which."""
    found = LAYER.search(name)
    stack = next((f"{word}." for word in ("encoder", "decoder") if word in name.split(".")), "")
    return f"{stack}layer.{found[1]}" if found else "outside"


@contextmanager
def gradients(training: "Training", told: dict[str, float]) -> Iterator[None]:
    """The length of each layer's gradient, before it is clipped."""
    squares: dict[str, Tensor] = {}

    def keep(name: str) -> Callable[[Tensor], None]:
        def see(parameter: Tensor) -> None:
            if parameter.grad is not None:
                squares[name] = parameter.grad.detach().float().square().sum()  # the last part holds the whole sum

        return see

    hooks = [value.register_post_accumulate_grad_hook(keep(name)) for name, value in training.held.items()]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()
    told |= {f"{place}.gradient": value for place, value in _lengths(squares).items()}


@contextmanager
def updates(training: "Training", told: dict[str, float]) -> Iterator[None]:
    """How far each layer moved, as a share of the length of its weights: about 0.001 is usual for Adam."""
    before = {name: value.detach().clone() for name, value in training.parameters.items()}
    yield
    moved = _lengths({n: (v.detach() - before[n]).float().square().sum() for n, v in training.parameters.items()})
    whole = _lengths({name: value.float().square().sum() for name, value in before.items()})
    told |= {f"{place}.update": value / whole[place] if whole[place] else 0.0 for place, value in moved.items()}


@contextmanager
def activations(training: "Training", told: dict[str, float]) -> Iterator[None]:
    """The root mean square of what each layer hands on."""
    squares: Sums = {}

    def keep(place: str) -> Callable[..., None]:
        def see(module: nn.Module, inputs: object, output: Tensor | tuple[Tensor, ...]) -> None:
            vectors = output if isinstance(output, Tensor) else output[0]
            squares.setdefault(place, []).append(vectors.detach().float().square().mean())

        return see

    modules = [(n, m) for n, m in training.model.named_modules() if re.search(r"(?:^|\.)layers\.\d+$", n)]
    hooks = [module.register_forward_hook(keep(place_of(name))) for name, module in modules]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()
    told |= {f"{place}.activation": torch.stack(seen).mean().sqrt().item() for place, seen in squares.items()}


LOOKS = {"gradients": gradients, "updates": updates, "activations": activations}


def entropy(training: "Training", step: int) -> dict[str, float]:
    """How widely the heads of each layer look, in nats, on the first row of a step: 0 is one token, log(time) all alike."""
    model = training.model
    assert isinstance(model, Transformer)
    ids = torch.from_numpy(training.objective.batch(step, [0]).ids[0]).to(next(model.parameters()).device)
    shares = look(model, ids).attention
    return {
        f"layer.{layer}.entropy": -(seen * seen.clamp_min(1e-30).log()).sum(-1).mean().item()
        for layer, seen in sorted(shares.items())
    }


def check_noise(training: "Training") -> None:
    """A Problem where gradients of parts of a step cannot be had on the side."""
    if isinstance(training.objective, Adjusting):
        raise Problem("training.watch: noise needs passes on the side, which this objective would count; leave it out.")
    if training.objective.rows < 2:
        raise Problem("training.watch: noise compares parts of a step, so give it two rows or more.")


def noise(training: "Training", step: int) -> dict[str, float]:
    """The gradient noise scale in tokens (McCandlish et al. 2018), from the parts of one step.

    A single step is a rough guess: divide the mean of `noise.trace` over many steps by that of `noise.square`.
    """
    objective, rows = training.objective, training.objective.rows
    parts = max(2, training.settings.accumulate)
    parts = next(number for number in range(parts, rows + 1) if rows % number == 0)
    size, tokens = rows // parts, 0
    sums = [torch.zeros_like(value) for value in training.parameters.values()]
    squares = []
    for first in range(0, rows, size):
        batch = objective.batch(step, range(first, first + size))
        forward_backward(training.model, objective, [batch], total([objective.counts(batch)]))
        tokens += batch.ids.size
        squares.append(torch.zeros((), device=sums[0].device))
        for value, whole in zip(training.held.values(), sums, strict=True):
            if value.grad is not None:
                squares[-1] += value.grad.float().square().sum()
                whole += value.grad
            value.grad = None
    large = torch.stack([(whole.float() / parts).square().sum() for whole in sums]).sum().item()
    trace, square = trace_and_square(torch.stack(squares).mean().item(), large, tokens / parts, tokens)
    told = {"noise.trace": trace, "noise.square": square}
    return told | ({"noise.scale": trace / square} if square > 0 else {})


def trace_and_square(small: float, large: float, few: float, many: float) -> tuple[float, float]:
    """E|G_few|² and E|G_many|² -> (trace of the covariance of one token's gradient, |true gradient|²), both unbiased."""
    return (small - large) / (1 / few - 1 / many), (many * large - few * small) / (many - few)


def _lengths(squares: dict[str, Tensor]) -> dict[str, float]:
    places: Sums = {}
    for name, square in squares.items():
        places.setdefault(place_of(name), []).append(square)
    return {place: torch.stack(parts).sum().sqrt().item() for place, parts in places.items()}

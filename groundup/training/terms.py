"""What the loop knows of an objective: batches, counts that are known beforehand, and named terms of a loss.

Next token, answers and preferences come through this one door. A term is a sum over a microbatch; it is divided by its
count over the whole step, so splitting a step into microbatches or among devices does not change it.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from groundup.data.tokens.batches import Batch


@dataclass(frozen=True)
class Term:
    """One part of a loss over some rows; the step's loss is Σ coefficient · Σ sum / Σ count."""

    sum: Tensor  # scalar f32
    count: float  # of tokens, pairs, …: known without looking at the outputs
    coefficient: float = 1.0  # 0: only watched


class Objective(Protocol):
    """What is to be learnt."""

    rows: int  # of a whole step, to be split among microbatches and devices
    time: int

    def batch(self, step: int, rows: Sequence[int] | None = None) -> Batch:
        """Rows of a step: a pure function."""
        ...

    def counts(self, batch: Batch) -> dict[str, float]:
        """For each term what its sum will be divided by, before anything is computed."""
        ...

    def loss(self, model: nn.Module, batch: Batch) -> dict[str, Term]:
        """The terms of these rows, under the names that `counts` gives."""
        ...


@runtime_checkable
class Chain(Protocol):
    """An objective whose rows are read in pieces, each with gradients of its own."""

    def losses(self, model: nn.Module, batch: Batch) -> Iterator[dict[str, Term]]:
        """The terms of each piece; together they are those of `loss`."""
        ...


@runtime_checkable
class Adjusting(Protocol):
    """An objective that also changes something of the model that no gradient does."""

    def after_step(self) -> None:
        """Called once the weights have moved."""
        ...


def forward_backward(
    model: nn.Module,
    objective: Objective,
    batches: Iterable[Batch],
    counts: dict[str, float],
    scale: Tensor | None = None,
) -> tuple[Tensor, dict[str, Tensor]]:
    """Gradients of the whole step (of `scale` times its loss, in fp16), added into the parameters; returns the loss and
    each term's mean over the step."""
    losses = []
    means: dict[str, Tensor] = {}
    for terms in pieces(model, objective, batches):
        parts = {name: term.sum / max(counts[name], 1.0) for name, term in terms.items()}
        loss = torch.stack([terms[name].coefficient * part for name, part in parts.items() if terms[name].coefficient])
        loss = loss.sum()
        (loss if scale is None else loss * scale).backward()
        losses.append(loss.detach())
        for name, part in parts.items():
            means[name] = means[name] + part.detach() if name in means else part.detach()
    return torch.stack(losses).sum(), means


def pieces(model: nn.Module, objective: Objective, batches: Iterable[Batch]) -> Iterator[dict[str, Term]]:
    """What gradients are taken of at once: each batch, or each segment of its chains."""
    for batch in batches:
        if isinstance(objective, Chain):
            yield from objective.losses(model, batch)
        else:
            yield objective.loss(model, batch)


def total(counts: Sequence[dict[str, float]]) -> dict[str, float]:
    """The counts of all microbatches together."""
    return {name: sum(each[name] for each in counts) for name in counts[0]}

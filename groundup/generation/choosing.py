"""From logits to the next token of each text, with all that a request may ask of it.

First what may not come is taken out (an end before its time, tokens that break the form that was asked for), then the
rest is drawn from (`sample.py`). The log-probabilities that are told are the model's own, from before all this.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import torch
from torch import Tensor

from groundup.errors import Problem
from groundup.generation.penalties import Past
from groundup.generation.sample import Sampling, draw

if TYPE_CHECKING:
    from groundup.generation.request import Request


class Constraint(Protocol):
    """A form that an answer must have. A state is what has been written so far, as much of it as matters."""

    def start(self) -> Any:
        """The state before the first token."""
        ...

    def allowed(self, state: Any) -> Tensor:
        """(vocabulary,) bool: the tokens that may come now, never none where `complete` is false."""
        ...

    def after(self, state: Any, token: int) -> Any:
        """The state after one more token."""
        ...

    def may_end(self, state: Any) -> bool:
        """Whether what was written has the form."""
        ...

    def complete(self, state: Any) -> bool:
        """Whether it has the form, and nothing can be added to it."""
        ...


@dataclass(eq=False)
class Choosing:
    """How one text's tokens are chosen, and what that depends on."""

    sampling: Sampling = Sampling()
    min_tokens: int = 0
    constraint: Constraint | None = None
    past: Past | None = None
    state: Any = None
    made: int = 0
    ends: Tensor = field(default_factory=lambda: torch.zeros(0, dtype=torch.int64))  # the stop ids

    @classmethod
    def of(cls, request: "Request", prompt: Sequence[int], vocabulary: int, device: torch.device) -> "Choosing":
        """For a request that begins; what was made before is none of its prompt."""
        sampling = request.sampling
        if unknown := [token for token, _ in sampling.logit_bias if token >= vocabulary]:
            raise Problem(f"logit_bias names token {unknown[0]}, and this model has tokens 0 to {vocabulary - 1}")
        if not 0 <= request.min_tokens <= request.max_tokens:
            raise Problem(
                f"min_tokens is {request.min_tokens}: it must be between 0 and max_tokens, {request.max_tokens}"
            )
        past = Past(vocabulary, prompt, device) if sampling.remembers else None
        state = request.constraint.start() if request.constraint else None
        ends = torch.tensor(
            sorted(token for token in request.stop_ids if token < vocabulary), dtype=torch.int64, device=device
        )
        return cls(sampling, request.min_tokens, request.constraint, past, state, ends=ends)

    def take(self, token: int) -> None:
        """One more token was chosen, which is no stop id."""
        self.made += 1
        if self.past:
            self.past.take(token)
        if self.constraint:
            self.state = self.constraint.after(self.state, token)

    @property
    def complete(self) -> bool:
        """Whether the form that was asked for is full: nothing more can come."""
        return self.constraint is not None and self.constraint.complete(self.state)

    @property
    def forbids(self) -> bool:
        """Whether some tokens may not come now."""
        return self.constraint is not None or self.made < self.min_tokens

    def permitted(self, logits: Tensor) -> Tensor:
        """logits (vocabulary,) with those of tokens that may not come now at minus infinity."""
        early = self.made < self.min_tokens
        if self.constraint is None:
            return logits.index_fill(-1, self.ends, -math.inf) if early else logits
        mask = self.constraint.allowed(self.state).to(logits.device, copy=True)
        going = bool(mask.any())
        mask[self.ends] = self.constraint.may_end(self.state) and not (early and going)
        return logits.masked_fill(~mask, -math.inf)


def choose(logits: Tensor, choosings: Sequence[Choosing]) -> Tensor:
    """logits (rows, vocabulary) -> the next token of each row (rows,)."""
    if any(choosing.forbids for choosing in choosings):
        rows = [row for row, choosing in enumerate(choosings) if choosing.forbids]
        logits = logits.clone()
        for row in rows:
            logits[row] = choosings[row].permitted(logits[row])
    samplings, steps = [choosing.sampling for choosing in choosings], [choosing.made for choosing in choosings]
    return draw(logits, samplings, steps, [choosing.past for choosing in choosings])

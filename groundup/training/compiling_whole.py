"""A whole model compiled by torch for a training on an accelerator: from ids to vectors, and from vectors to what they foretold.

On processors layers are compiled one by one (`compiling.py`), for attention there must stay as it is. Whoever looks meanwhile
passes through the model as it is, since only passes that gradients are wanted of are compiled ones.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F


@contextmanager
def whole(model: Any, backend: str = "inductor") -> Iterator[None]:
    """Inside, `model.hidden` is compiled, and `model.foretell` is there for losses that hold all logits."""
    hidden = model.hidden
    model.hidden = _either(hidden, torch.compile(hidden, dynamic=False, backend=backend))
    model.foretell = torch.compile(_foretelling(model), dynamic=False, backend=backend)
    try:
        yield
    finally:
        del model.hidden, model.foretell


def _foretelling(model: Any) -> Callable[[Tensor, Tensor], Tensor]:
    """Head, softmax and look-up in one: compiled, no f32 copy of the logits is ever written to memory."""

    def foretell(x: Tensor, targets: Tensor) -> Tensor:
        """x (n, width), targets (n) -> the log-probability of each (n), f32."""
        return F.log_softmax(model.head(x).float(), -1).gather(-1, targets[:, None]).squeeze(-1)

    return foretell


def _either(plain: Callable[..., Tensor], fast: Callable[..., Tensor]) -> Callable[..., Tensor]:
    def hidden(
        ids: Tensor, positions: Tensor | None = None, cache: Any = None, segments: Tensor | None = None
    ) -> Tensor:
        way = fast if torch.is_grad_enabled() and cache is None else plain
        return way(ids, positions, cache, segments)

    return hidden

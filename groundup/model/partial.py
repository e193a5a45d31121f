"""What fits of one model into another: weights of the same name and shape go over, the rest keeps its start values.

For a model whose architecture was changed after it was trained: more layers, another head, a larger vocabulary. Off unless
asked for, and never silent: every name lands in one of four lists.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

TABLES = "model.embed_tokens.weight", "lm_head.weight", "model.positions.table.weight"  # a row for each token or place


@dataclass(frozen=True)
class Fit:
    """The names of weights: taken over; of the new model alone; of the old files alone; in both, in other shapes.

    Of a table with another number of rows the rows that both have were copied, of any other reshaped weight nothing.
    """

    loaded: list[str]
    missing: list[str]
    unexpected: list[str]
    reshaped: list[str]

    def __str__(self) -> str:
        """One sentence, with the first few names of each list."""
        return "; ".join(
            f"{what}: {_few(getattr(self, what))}" for what in ("loaded", "missing", "unexpected", "reshaped")
        )


@torch.no_grad()
def fit(
    model: nn.Module, stored: Mapping[str, tuple[int, ...]], read: Callable[[str], Tensor], rest: Iterable[str] = ()
) -> Fit:
    """Fill a model that has its start values with what `stored` (name -> shape) has for it; only that is read.

    `rest` names what the files hold beside it.
    """
    state = model.state_dict()
    shapes = {name: tuple(tensor.shape) for name, tensor in state.items()}
    loaded = [name for name in state if stored.get(name) == shapes[name]]
    reshaped = [name for name in state if name in stored and stored[name] != shapes[name]]
    for name in loaded:
        state[name].copy_(read(name))
    for name in reshaped:
        if name in TABLES and stored[name][1:] == shapes[name][1:]:
            both = min(stored[name][0], shapes[name][0])
            state[name][:both] = read(name)[:both]
    missing = [name for name in state if name not in stored]
    return Fit(loaded, missing, [*(name for name in stored if name not in state), *sorted(rest)], reshaped)


def _few(names: list[str]) -> str:
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return f"{', '.join(names[:3])}{more}" if names else "none"

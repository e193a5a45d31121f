"""What each way of computing attention takes as texts grow: seconds, and the most memory at once.

All give the same numbers; the definition takes a step for each query, and `plain` holds every score at once.
"""

import time as clock
import weakref
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from groundup.model.attention import ATTENTIONS, SLOW, Attend
from groundup.model.sight import Sight

HEADS, WIDTH = 2, 32


class Watch(TorchDispatchMode):
    """Bytes of the tensors that are made within and still alive, and the most there were at once."""

    def __init__(self) -> None:
        super().__init__()
        self.alive = self.most = 0
        self.known: dict[int, weakref.ref] = {}

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        for leaf in tree_leaves(result):
            if isinstance(leaf, torch.Tensor):
                self.see(leaf.untyped_storage(), tree_leaves((args, kwargs)))
        return result

    def see(self, storage: torch.UntypedStorage, given: list[Any]) -> None:
        """Count a storage unless it is known, or came in from outside as a view of it."""
        place, size = storage.data_ptr(), storage.nbytes()
        if place in self.known or any(isinstance(x, torch.Tensor) and x.data_ptr() == place for x in given):
            return
        self.alive += size
        self.most = max(self.most, self.alive)
        self.known[place] = weakref.ref(storage, lambda _: self.forget(place, size))

    def forget(self, place: int, size: int) -> None:
        """A storage is gone."""
        self.known.pop(place, None)
        self.alive -= size


@torch.inference_mode()
def measure(attend: Attend, length: int) -> dict[str, float]:
    """Seconds and bytes of one forward pass over a text of that length."""
    dice = torch.Generator().manual_seed(length)
    q, k, v = (torch.randn(1, HEADS, length, WIDTH, generator=dice) for _ in range(3))
    sight = Sight.triangle(length, q)
    seconds = float("inf")
    for _ in range(3):
        start = clock.perf_counter()
        attend(q, k, v, sight)
        seconds = min(seconds, clock.perf_counter() - start)
        if seconds > 0.5:
            break
    with Watch() as watch:
        attend(q, k, v, sight)
    return {"length": length, "seconds": seconds, "bytes": watch.most}


def by_length(lengths: list[int], others: dict[str, Attend]) -> dict[str, list[dict[str, float]]]:
    """Each attention of the table and those of a reader, at each length."""
    return {name: [measure(attend, length) for length in lengths] for name, attend in (ATTENTIONS | others).items()}


def warning(found: dict[str, list[dict[str, float]]]) -> str:
    """What follows, in a sentence; empty where no text was long enough to tell."""
    at = max(range(len(found["steps"])), key=lambda place: found["steps"][place]["length"])
    length, steps, plain, fused = (
        found["steps"][at]["length"], *(found[name][at] for name in ("steps", "plain", "fused")),
    )  # fmt: skip
    if length <= SLOW:
        return ""
    return (
        f"Above {SLOW:,} tokens do not train or serve with `steps`: at {length:,.0f} it takes {steps['seconds']:.2g} s for "
        f"one layer, {steps['seconds'] / fused['seconds']:.0f} times as long as `fused`; `plain` holds "
        f"{plain['bytes'] / max(fused['bytes'], 1):.0f} times the memory of `fused` there, four times as much with each doubling."
    )

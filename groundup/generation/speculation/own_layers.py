"""Drafts of the model itself, with some of its layers left out: it needs no other model and no other memory.

Early exit reads the first layers and goes straight to the head; skipping leaves out every second one (Zhang et al. 2023).
Keys and values go into the model's own cache, and its next pass writes over all of them.
"""

from collections.abc import Sequence

from torch import Tensor

from groundup.errors import Problem
from groundup.generation.speculation.drafter import Draft, Drafter, Text, View, block, must_take_back, one_by_one


class OwnLayers(Drafter):
    """`layers`: the numbers of those that take part."""

    def __init__(self, model, layers: Sequence[int]):
        must_take_back(model, "the model")
        self.model, self.layers = model, list(layers)
        self.cost = len(self.layers) / model.settings.depth
        self.device = next(model.parameters()).device

    def propose(self, texts: Sequence[Text], counts: Sequence[int], view: View) -> list[Draft]:
        def read(rows: list[int], parts: list[list[int]], starts: list[int]) -> Tensor:
            ids, positions, _ = block(parts, starts, self.device)
            x, reading = self.model.enter(ids, positions, view(rows), None)
            for number in self.layers:
                x = self.model.model.layers[number](x, reading)
            return self.model.head(self.model.model.norm(x))[:, 0]

        return one_by_one(texts, counts, [len(text.ids) - 1 for text in texts], read)


def first_layers(model, count: int | None = None) -> OwnLayers:
    """Early exit after `count` layers; half of them unless told."""
    depth = model.settings.depth
    count = max(1, depth // 2) if count is None else count
    if not 0 < count < depth:
        raise Problem(
            f"the model has {depth} layers, and a draft of its first {count} saves nothing: say 1 to {depth - 1}"
        )
    return OwnLayers(model, range(count))


def every_second(model) -> OwnLayers:
    """The first layer, the last, and every second one between them."""
    depth = model.settings.depth
    if depth < 3:
        raise Problem(f"the model has {depth} layers: there is none to skip; say self:1, or lookup")
    return OwnLayers(model, sorted({*range(0, depth, 2), depth - 1}))

"""The static step as CUDA graphs: one launch for a pass of hundreds of kernels, which a single text is too short to hide.

The first passes of a size go without a graph, which warms everything up and costs short answers nothing; then it is captured,
for these very pages. Graphs of a cache that is gone go with it.
"""

from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor

from groundup.generation.pages import Pages
from groundup.generation.static_step import Place, StaticStep
from groundup.model.transformer import Transformer

WARM = 3  # passes of a size before its graph is captured
MOST = 64  # texts; more at once keep an accelerator busy without a graph


class CapturedStep(StaticStep):
    """A `Decoder` for models on CUDA. Weights may change their numbers while it lives, not their places."""

    def __init__(self, model: Transformer):
        super().__init__(model)
        self.graphs: WeakKeyDictionary[Pages, dict[tuple[int, ...], Graph]] = WeakKeyDictionary()
        self.pool: Any = None  # memory that all graphs share, since only one of them runs at a time

    @torch.inference_mode()
    def __call__(self, ids: Tensor, pages: Pages, texts: int) -> Tensor:
        """As StaticStep, but the logits are good only until the next call; more texts than MOST are read by the model itself."""
        if texts <= MOST:
            return super().__call__(ids, pages, texts)
        positions = pages.lengths[:texts, None].long()
        return self.model(ids[:, None], positions, pages.view(slice(0, texts)))[:, 0]

    def passed(self, pages: Pages, place: Place) -> Tensor:
        """By a graph, once the size is warm."""
        graph = self.graphs.setdefault(pages, {}).setdefault(tuple(place.table.shape), Graph())
        if graph.recorded is None and graph.passes < WARM:
            graph.passes += 1
            return super().passed(pages, place)
        recorded = graph.recorded or self._capture(graph, pages, place)
        recorded.replay()
        assert graph.logits is not None
        return graph.logits

    def _capture(self, graph: "Graph", pages: Pages, place: Place) -> torch.cuda.CUDAGraph:
        """Record the pass; nothing is computed by that, so that it is to be played even the first time."""
        torch.cuda.synchronize(self.device)
        recorded = torch.cuda.CUDAGraph()
        # thread_local: other threads, which serve other models, may go on asking for memory meanwhile.
        with torch.cuda.graph(recorded, pool=self.pool, capture_error_mode="thread_local"):
            graph.logits = super().passed(pages, place)
        graph.recorded, self.pool = recorded, self.pool or recorded.pool()
        return recorded


class Graph:
    """One size of pass over one cache: how often it went without a graph, then the graph and where its logits lie."""

    def __init__(self):
        self.passes = 0
        self.recorded: torch.cuda.CUDAGraph | None = None
        self.logits: Tensor | None = None

"""Tell which class a text is of: topics, moods, languages, spam or not."""

from collections.abc import Sequence
from typing import Any

from torch.nn import functional as F

from groundup.data.tokens.batches import Batch
from groundup.data.tokens.labelled import Labelled
from groundup.objectives.likelihood import on
from groundup.objectives.masked import right
from groundup.training.terms import Term


class Classify:
    """Mean of -log p(class) over texts, in nats; `right` is the share of texts whose likeliest class is the true one."""

    def __init__(self, source: Labelled):
        self.source, self.rows, self.time = source, source.rows, source.time

    def batch(self, step: int, rows: Sequence[int] | None = None) -> Batch:
        return self.source.batch(step, rows)

    def counts(self, batch: Batch) -> dict[str, float]:
        return dict.fromkeys(("classes", "right"), float(len(batch.ids)))

    def loss(self, model: Any, batch: Batch) -> dict[str, Term]:
        device = next(model.parameters()).device
        assert batch.segments is not None
        logits = model(on(device, batch.ids), on(device, batch.segments) > 0)  # (rows, classes)
        labels, counts = on(device, batch.columns["label"]), self.counts(batch)
        return {
            "classes": Term(F.cross_entropy(logits.float(), labels, reduction="sum"), counts["classes"]),
            "right": Term(right(logits, labels), counts["right"], 0.0),
        }

"""Any objective for a model with experts: the same, and beside it that tokens spread over the experts.

As a term of the loss, or by moving the routers' biases after each step (see `groundup/model/balance.py`).
"""

from collections.abc import Sequence

from torch import Tensor, nn

from groundup.data.tokens.batches import Batch
from groundup.errors import Problem
from groundup.model.balance import correct, load, unevenness, watched
from groundup.model.experts import Router
from groundup.training.terms import Objective, Term


class Balanced:
    """`balance` weighs the term, `correction` is the step of the biases; either may be 0.

    The term of a step that is split is the mean of its parts, each of which is balanced in itself.
    """

    def __init__(self, objective: Objective, balance: float = 0.0, correction: float = 0.0):
        self.objective, self.balance, self.correction = objective, balance, correction
        self.rows, self.time = objective.rows, objective.time
        self.loads: dict[Router, Tensor] = {}  # tokens of this step that chose each expert

    def batch(self, step: int, rows: Sequence[int] | None = None) -> Batch:
        return self.objective.batch(step, rows)

    def counts(self, batch: Batch) -> dict[str, float]:
        return self.objective.counts(batch) | {"balance": float(batch.ids.size)}

    def loss(self, model: nn.Module, batch: Batch) -> dict[str, Term]:
        with watched(model) as seen:
            terms = self.objective.loss(model, batch)
        if not seen:
            raise Problem("objective.balance and objective.correction spread tokens over experts; this model has none.")
        if self.correction:
            for router, routes in seen:
                if not router.experts.correction:
                    raise Problem("objective.correction moves biases of routers: say model.experts.correction: true.")
                self.loads[router] = self.loads.get(router, 0) + load(routes)
        even = unevenness([routes for _, routes in seen])
        return terms | {"balance": Term(even * batch.ids.size, float(batch.ids.size), self.balance)}

    def after_step(self) -> None:
        """Move the biases by what was chosen in this step."""
        for router, chosen in self.loads.items():
            correct(router, chosen, self.correction)
        self.loads.clear()

"""Several folders of tokens read as one: which row comes from which of them, and from which place there, is a formula.

Domains and their shares come in, batches go out. Rows of a domain are numbered over the whole training, and its own order
(every window once an epoch) says where each of them lies; so a step hangs on its number alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from groundup.data.tokens.batches import Batch, Windowed
from groundup.data.tokens.mixing import Between, Knot
from groundup.data.tokens.order import key, permute
from groundup.data.tokens.packing import stack
from groundup.data.tokens.shares import rows_before, wishes
from groundup.errors import Problem


class Counted(Windowed, Protocol):
    """What a domain is read from."""

    windows: int  # an epoch


@dataclass(frozen=True)
class Domain:
    """One of several kinds of text."""

    name: str
    source: Counted
    tokens: int
    documents: int
    epochs: float | None = None  # how often it may be read, if there is a limit

    @property
    def most_rows(self) -> int | None:
        """Rows that it may give."""
        return None if self.epochs is None else int(self.epochs * self.source.windows)


class Mixture:
    """Rows of a step, each from a domain; over any number of steps none has a row more or less than it should.

    `knots` hold the weight of each domain from a step on. The domains of a step are spread over its rows by its own shuffle.
    """

    def __init__(
        self,
        domains: Sequence[Domain],
        knots: Sequence[Knot],
        steps: int,
        rows: int,
        time: int,
        seed: int,
        between: Between = "steps",
    ):
        self.domains, self.knots = list(domains), list(knots)
        self.between: Between = between
        self.steps, self.rows, self.time, self.seed = steps, rows, time, seed
        self.before = rows_before(wishes(knots, steps, between), rows)
        self.first_document = np.cumsum([0, *(domain.documents for domain in domains)])

    def batch(self, step: int, rows: Sequence[int] | None = None) -> Batch:
        """Rows of a step; `documents` counts on from domain to domain."""
        which = np.arange(self.rows) if rows is None else np.asarray(rows)
        return self.read(step * self.rows + which.astype(np.int64))

    def read(self, numbers: np.ndarray) -> Batch:
        """The rows that come first, second, … in the whole reading (numbers int64, (rows))."""
        domains, places = self.places(numbers)
        parts, order = [], []
        for domain in np.unique(domains).tolist():
            here = np.flatnonzero(domains == domain)
            part = self.domains[domain].source.read(places[here])
            assert part.documents is not None
            parts.append(replace(part, documents=part.documents + self.first_document[domain]))
            order.append(here)
        return rearranged(stack(parts), np.argsort(np.concatenate(order)))

    def places(self, numbers: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """For each row its domain, and the number of the row in that domain's own reading."""
        steps, rows = np.divmod(numbers, self.rows)
        if steps.size and int(steps.max()) >= self.steps:
            raise Problem(
                f"the mixture is planned for {self.steps} steps, and step {int(steps.max()) + 1} was asked for."
            )
        domains, places = np.empty_like(rows), np.empty_like(rows)
        for step in np.unique(steps).tolist():
            here = steps == step
            counts = self.before[step + 1] - self.before[step]
            ends = np.cumsum(counts)
            slots = permute(rows[here], self.rows, key(self.seed, "rows of a step", step))
            domain = np.searchsorted(ends, slots, "right")
            domains[here], places[here] = domain, self.before[step, domain] + slots - (ends - counts)[domain]
        return domains, places


def rearranged(batch: Batch, order: np.ndarray) -> Batch:
    """The same rows in another order."""
    maybe = {name: getattr(batch, name) for name in ("segments", "positions", "documents")}
    moved = {name: array if array is None else array[order] for name, array in maybe.items()}
    columns = {name: column[order] for name, column in batch.columns.items()}
    return Batch(batch.ids[order], batch.targets[order], batch.weights[order], **moved, columns=columns)


def check_caps(mixture: Mixture) -> None:
    """A Problem about the first domain that would be read more often than it may: what is missing, and what would help."""
    for number, domain in enumerate(mixture.domains):
        asked, most = int(mixture.before[-1, number]), domain.most_rows
        if most is None or asked <= most:
            continue
        windows, time = domain.source.windows, mixture.time
        enough = int(np.searchsorted(mixture.before[:, number], most, "right")) - 1
        again = asked - windows
        raise Problem(
            f"data.{domain.name} would be read {asked / windows:.2f} times in {mixture.steps} steps, and may be read "
            f"{domain.epochs:g} times: {(asked - most) * time:,} tokens are missing. Give it that much more text, a smaller "
            f"weight, or training.steps={enough}; or say epochs: {np.ceil(100 * asked / windows) / 100:g}, with which "
            f"{max(0, again) * time:,} tokens would be read that had been read before."
        )

"""One round of writing ahead: tokens are drafted, the model reads them in one pass, and what it agrees to is kept.

The engine calls `step` in place of its own pass while few texts are written: then a pass over five tokens costs little more
than a pass over one, and several may come of it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields

from torch import Tensor

from groundup.errors import Problem, did_you_mean
from groundup.generation.request import Request
from groundup.generation.sample import Sampling
from groundup.generation.speculation.acceptance import RULES
from groundup.generation.speculation.drafter import Drafter, Pass, Text, View, block, must_take_back
from groundup.generation.speculation.pace import Pace

MOST = 8  # tokens drafted in one round
KNOWN = {
    "ids",
    "max_tokens",
    "sampling",
    "stop_ids",
    "top",
    "logprobs",
    "salt",
    "user",
}  # what a request may ask for here


def drawn_by_logits(request: Request) -> bool:
    """Whether a request asks for nothing but what the rules here know: whoever wants a form, or a penalty for what the text
    holds already, gets one token a pass."""
    how = request.sampling
    more = [field for field in fields(request) if field.name not in KNOWN]
    return how == Sampling(how.temperature, how.top_k, how.top_p, how.min_p, how.seed) and all(
        getattr(request, field.name) == field.default for field in more
    )


@dataclass
class Tally:
    """What came of it so far."""

    passes: int = 0  # of the model, one text each
    proposed: int = 0
    accepted: int = 0

    @property
    def acceptance(self) -> float:
        """The share of proposed tokens that stayed."""
        return self.accepted / self.proposed if self.proposed else 0.0

    @property
    def tokens_a_pass(self) -> float:
        """Every pass adds one token to those that stayed."""
        return 1 + self.accepted / self.passes if self.passes else 0.0

    def __str__(self) -> str:
        return (
            f"{self.accepted} of {self.proposed} drafted tokens stayed ({100 * self.acceptance:.0f} %), "
            f"{self.tokens_a_pass:.2f} tokens a pass"
        )


class Speculation:
    """length: tokens drafted in each round, None: as many as pay by what stayed before. rule: one of RULES. rows: while
    more texts than that are written at once, nothing is drafted. quick: what may take the model's place in a pass."""

    def __init__(
        self,
        model,
        drafter: Drafter,
        length: int | None = None,
        rule: str = "rejection",
        rows: int = 4,
        quick: Pass | None = None,
    ):
        must_take_back(model, "the model")
        if length is not None and not 1 <= length <= 64:
            raise Problem(f"draft length is {length}: say 1 to 64 tokens, or nothing to let it follow what stays")
        if rule not in RULES:
            raise Problem(f"the rule {rule!r} for drafted tokens is not known; {did_you_mean(rule, RULES)}")
        self.model, self.drafter, self.length, self.rows = model, drafter, length, rows
        self.rule, self.most = RULES[rule], MOST if length is None else length
        self.quick: Pass = quick or model
        self.device = next(model.parameters()).device
        self.paces: dict[int, Pace] = {}
        self.tally = Tally()

    def suits(self, requests: Sequence[Request]) -> bool:
        """Whether these texts, which are written now, are few enough, and all drawn by their logits alone."""
        return len(requests) <= self.rows and all(map(drawn_by_logits, requests))

    def step(self, texts: Sequence[Text], view: View) -> tuple[list[list[int]], Tensor]:
        """The tokens that each text goes on with, one or more, and the logits of each (texts, time, vocabulary)."""
        paces = [self.paces.setdefault(text.number, Pace()) for text in texts]
        counts = [self._count(pace, text.room) for pace, text in zip(paces, texts, strict=True)]
        drafts = self.drafter.propose(texts, counts, view)
        parts = [[text.ids[-1], *draft.tokens] for text, draft in zip(texts, drafts, strict=True)]
        ids, positions, _ = block(parts, [len(text.ids) - 1 for text in texts], self.device)
        logits = self.drafter.read(self.model, texts, ids, positions, view(list(range(len(texts)))), self.quick)
        kept, following = self.rule(logits, drafts, [text.sampling for text in texts], [text.step for text in texts])
        for pace, draft, count in zip(paces, drafts, kept, strict=True):
            pace.hear(len(draft.tokens), count)
            self.tally.passes += 1
            self.tally.proposed += len(draft.tokens)
            self.tally.accepted += count
        return [
            [*draft.tokens[:count], token] for draft, count, token in zip(drafts, kept, following, strict=True)
        ], logits

    def forget(self, number: int) -> None:
        """The request of this number is over."""
        self.paces.pop(number, None)
        self.drafter.forget(number)

    def _count(self, pace: Pace, room: int) -> int:
        count = pace.length(self.drafter.cost, self.most) if self.length is None else self.length
        return max(0, min(count, room))

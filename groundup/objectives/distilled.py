"""Any objective that foretells tokens, with a teacher beside it: a small model learns the text and what a larger one thinks of it.

The targets' terms are weighed by 1 - share, and beside them stands `teacher`, the distance from the teacher's distribution
over every next token, weighed by the share. The teacher is a finished model of the same tokenizer and learns nothing.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from groundup.data.tokens.batches import Batch
from groundup.errors import Problem
from groundup.model import folder
from groundup.objectives.answers import Answers
from groundup.objectives.balanced import Balanced
from groundup.objectives.likelihood import met, on, vectors, weighted
from groundup.objectives.next_token import NextToken
from groundup.objectives.settings import ObjectiveSettings
from groundup.objectives.softened import Softened
from groundup.objectives.taught import taught
from groundup.tokenizer import Tokenizer, huggingface
from groundup.training.terms import Adjusting, Objective, Term


class Distilled:
    """(1 - share) times the inner objective's terms, and share times T²·KL(teacher | pupil), a mean over all targets."""

    def __init__(self, objective: Objective, teacher: Any, temperature: float = 1.0, share: float = 0.5):
        self.objective, self.teacher, self.temperature, self.share = objective, teacher, temperature, share
        self.rows, self.time = objective.rows, objective.time

    def batch(self, step: int, rows: Sequence[int] | None = None) -> Batch:
        return self.objective.batch(step, rows)

    def counts(self, batch: Batch) -> dict[str, float]:
        return self.objective.counts(batch) | {"teacher": float(batch.weights.sum(dtype="float64"))}

    def loss(self, model: nn.Module, batch: Batch) -> dict[str, Term]:
        overheard = Overheard(model)
        terms = self.objective.loss(overheard, batch)  # type: ignore[arg-type]
        (hidden,) = overheard.heard
        x, _ = met(hidden, batch)
        with torch.no_grad():
            known = self.teacher.taken_apart(met(vectors(self.teacher, batch), batch)[0])
        worth = on(x.device, batch.weights.reshape(-1)[weighted(batch)])
        told = taught(overheard.taken_apart(x), known, worth, self.temperature)
        own = {
            name: term if name == "balance" else replace(term, coefficient=term.coefficient * (1 - self.share))
            for name, term in terms.items()
        }
        return own | {"teacher": Term(told, self.counts(batch)["teacher"], self.share)}

    def after_step(self) -> None:
        """What the inner objective does once the weights have moved."""
        if isinstance(self.objective, Adjusting):
            self.objective.after_step()


class Overheard:
    """A model whose vectors are remembered on their way to the head; everything else is the model's own."""

    def __init__(self, model: Any):
        self.model_itself = model
        self.heard: list[Tensor] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self.model_itself, name)

    def hidden(self, *args: Any, **named: Any) -> Tensor:
        """As the model's own, and remembered."""
        self.heard.append(self.model_itself.hidden(*args, **named))
        return self.heard[-1]


def distilled(objective: Objective, asked: ObjectiveSettings, tokenizer: Tokenizer, model: Any) -> Objective:
    """The objective with the teacher that the settings name, itself if they name none."""
    if asked.teacher is None:
        return objective
    inner = objective
    while isinstance(inner, Balanced | Softened):
        inner = inner.objective
    if not isinstance(inner, NextToken | Answers) or hasattr(inner, "losses"):
        raise Problem(
            f"objective.teacher tells how likely each next token is, which objective {asked.kind} does not ask in rows of one "
            "segment: say next_token or answers, and training.segments 1, or leave the teacher out."
        )
    teacher = teacher_of(asked.teacher, tokenizer, model, objective.time)
    return Distilled(objective, teacher, asked.temperature, asked.teacher_share)


def teacher_of(path: str, tokenizer: Tokenizer, model: Any, time: int) -> Any:
    """The teacher, beside its pupil: on the same device, computing in the same precision."""
    place = folder.within(path)
    teacher = folder.load(place)
    name = f"objective.teacher ({path})"
    if not hasattr(teacher, "taken_apart") or teacher.settings.encoder is not None:
        raise Problem(f"{name} is a {teacher.settings.family}, which does not foretell the next token: name a decoder.")
    if teacher.settings.vocabulary != model.settings.vocabulary:
        raise Problem(
            f"{name} knows {teacher.settings.vocabulary} tokens and its pupil {model.settings.vocabulary}: they need one "
            "tokenizer."
        )
    if (place / huggingface.FILE).exists() and list(Tokenizer.load(place).tokens) != list(tokenizer.tokens):
        raise Problem(f"{name} has another tokenizer than its pupil: what it says of a token would be of another text.")
    if teacher.settings.context < time:
        raise Problem(
            f"{name} reads texts of up to {teacher.settings.context} tokens and rows have {time}: make training.time smaller."
        )
    device = next(model.parameters()).device
    teacher.compute, teacher.attention = model.compute, model.attention
    return teacher.to(device).requires_grad_(False).eval()

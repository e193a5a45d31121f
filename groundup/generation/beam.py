"""The likeliest texts that go on after a prompt: several are written side by side, and the best of them go on.

The search itself is that of `sequence.py`; here it is given a model that reads and writes one text.
"""

from collections.abc import Collection, Generator, Sequence
from dataclasses import dataclass

import torch

from groundup.errors import Problem
from groundup.generation.sequence import Lockstep, Search
from groundup.model.architectures import must_write
from groundup.model.transformer import Transformer

MOST_BEAMS = 64


@dataclass(frozen=True)
class Found:
    """A text that was found, without the stop id that ended it: "stop", or "length" where there was no room for more."""

    ids: list[int]
    worth: float  # its log-probability in nats, divided by its length to the power of the penalty
    finish: str


class Beams(Lockstep):
    """A cache whose rows are beams: whatever a row carries goes with it."""

    def keep(self, rows: list[int]) -> None:
        """Go on with these rows; a row may go on in several."""
        super().keep(rows)
        self.states = {key: state[rows] for key, state in self.states.items()}
        self.rows = len(rows)


def search(
    model: Transformer,
    prompt: Sequence[int],
    max_tokens: int,
    beams: int = 4,
    stop_ids: Collection[int] = (),
    length_penalty: float = 1.0,
    context: int | None = None,
) -> list[Found]:
    """Up to `beams` texts of at most `max_tokens` tokens that go on after the prompt, the best first."""
    searching = steps(model, prompt, max_tokens, beams, stop_ids, length_penalty, context)
    while True:
        try:
            next(searching)
        except StopIteration as end:
            return end.value


@torch.inference_mode()
def steps(
    model: Transformer,
    prompt: Sequence[int],
    max_tokens: int,
    beams: int = 4,
    stop_ids: Collection[int] = (),
    length_penalty: float = 1.0,
    context: int | None = None,
) -> Generator[None, None, list[Found]]:
    """The same one pass at a time, for whoever has other work between two of them."""
    room = _room(model, prompt, max_tokens, beams, context or model.settings.context)
    device = next(model.parameters()).device
    cache, ends = Beams(1, device), Search(beams, length_penalty, frozenset(stop_ids))
    tokens, at = torch.tensor([list(prompt)], device=device), 0
    for step in range(room):
        positions = torch.arange(at, at + tokens.shape[1], device=device)[None]
        at += tokens.shape[1]
        last = torch.full((len(tokens),), tokens.shape[1] - 1, device=device)
        likely = model(tokens, positions, cache, last=last).float().log_softmax(-1)  # (1, then beams; vocabulary)
        parents, chosen = ends.step(likely, last=step == room - 1)
        if ends.done:
            break
        cache.keep(parents)
        tokens = torch.tensor(chosen, device=device)[:, None]
        yield
    return [Found(ends.said(ids), worth, "stop" if ids[-1] in ends.end_ids else "length") for worth, ids in ends.ended]


def _room(model: Transformer, prompt: Sequence[int], max_tokens: int, beams: int, context: int) -> int:
    """How many tokens there is room for; a Problem where the search cannot begin."""
    must_write(model.settings)
    if not 1 <= beams <= min(MOST_BEAMS, model.settings.vocabulary):
        most = min(MOST_BEAMS, model.settings.vocabulary)
        raise Problem(f"beams is {beams}: it must be between 1 and {most}")
    if not prompt or len(prompt) >= context:
        raise Problem(
            f"the prompt has {len(prompt)} tokens: a search needs one at least, and fewer than the context's {context}"
        )
    if not 0 <= min(prompt) <= max(prompt) < model.settings.vocabulary:
        raise Problem(
            f"the prompt has token ids outside 0 to {model.settings.vocabulary - 1}: was it made by another tokenizer?"
        )
    if max_tokens < 1:
        raise Problem(f"max_tokens is {max_tokens}: ask for one token or more")
    return min(max_tokens, context - len(prompt) + 1)  # the last token needs no place of its own

"""What drafts: given the texts so far, it says what may come next, and from which chances it drew that.

A drafter may remember things of a text by the request's number, until it is told to forget them. What it proposes is a
function of the text, its seed and what was kept before: never of the clock or of other texts.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from groundup.errors import Problem
from groundup.generation.sample import Sampling, left, pick, uniforms
from groundup.model.reading import CacheLike

View = Callable[[list[int]], CacheLike]  # indices into the texts -> the model's own cache of these, for one pass
Pass = Callable[[Tensor, Tensor, CacheLike], Tensor]  # ids, positions, cache -> logits: a model, or what is faster


@dataclass(frozen=True)
class Text:
    """A text on its way. All but its last token are in the model's cache, each in the slot of its position."""

    number: int  # the request's
    ids: Sequence[int]  # prompt and what was written
    sampling: Sampling
    step: int  # tokens written: the next one is drawn with this number
    room: int  # tokens that may be drafted before it ends


@dataclass(frozen=True)
class Draft:
    """Tokens that may come next, and the chances that each was drawn from; None: each was sure to be said."""

    tokens: list[int]
    chances: Tensor | None = None  # (tokens, vocabulary), rows that sum to 1


class Drafter:
    """What the table in `drafters.py` holds."""

    cost = 0.0  # of one drafted token, as a share of the model's pass for one token

    def propose(self, texts: Sequence[Text], counts: Sequence[int], view: View) -> list[Draft]:
        """For each text at most so many tokens."""
        raise NotImplementedError

    def read(
        self, model, texts: Sequence[Text], ids: Tensor, positions: Tensor, cache: CacheLike, quick: Pass
    ) -> Tensor:
        """The model's pass over what was drafted, ids and positions (texts, time) -> logits (texts, time, vocabulary).

        `quick` is the model, or what takes its place; who needs more than logits asks the model itself."""
        return quick(ids, positions, cache)

    def forget(self, number: int) -> None:
        """The request of this number is over."""


def one_by_one(
    texts: Sequence[Text],
    counts: Sequence[int],
    known: Sequence[int],
    read: Callable[[list[int], list[list[int]], list[int]], Tensor],
) -> list[Draft]:
    """Drafts of a model that writes token by token.

    known: how many tokens of each text it has read. read(indices into texts, the tokens to read of each, where the first
    of them stands) -> logits of what follows (indices, vocabulary).
    """
    drafts: list[list[int]] = [[] for _ in texts]
    chances: list[list[Tensor]] = [[] for _ in texts]
    for place in range(max(counts, default=0)):
        rows = [row for row, count in enumerate(counts) if count > place]
        parts = [[drafts[row][-1]] if place else list(texts[row].ids[known[row] :]) for row in rows]
        starts = [len(texts[row].ids) + place - len(part) for row, part in zip(rows, parts, strict=True)]
        tokens, drawn_from = drawn(read(rows, parts, starts), [texts[row] for row in rows], [place] * len(rows))
        for row, token, line in zip(rows, tokens, drawn_from, strict=True):
            drafts[row].append(token)
            if line is not None:
                chances[row].append(line)
    return [Draft(tokens, torch.stack(lines) if lines else None) for tokens, lines in zip(drafts, chances, strict=True)]


def drawn(logits: Tensor, texts: Sequence[Text], places: Sequence[int]) -> tuple[list[int], list[Tensor | None]]:
    """logits (rows, vocabulary) of a draft -> a token for each row, at its text's own sampling, and the chances it had.

    Drawn with the very number that the model's own draw would take there: so draft and model agree as often as can be
    where both draw, and no chance is used twice, since a drafted token that was not kept had no say in anything.
    """
    tokens = logits.argmax(-1)
    chances: list[Tensor | None] = [None] * len(texts)
    rows = [row for row, text in enumerate(texts) if text.sampling.temperature > 0]
    if rows:
        samplings = [texts[row].sampling for row in rows]
        weights = left(logits[rows], samplings)
        weights = weights / weights.sum(-1, keepdim=True)
        steps = [texts[row].step + places[row] for row in rows]
        tokens[rows] = pick(weights, uniforms([sampling.seed for sampling in samplings], steps))
        for row, line in zip(rows, weights, strict=True):
            chances[row] = line
    return tokens.tolist(), chances


def block(parts: Sequence[Sequence[int]], starts: Sequence[int], device: torch.device) -> tuple[Tensor, Tensor, Tensor]:
    """Parts of texts side by side: ids and positions (rows, longest), and where each part ends (rows).

    Shorter ones are filled up with their last token at its own position again: it is written twice where it belongs, and
    nothing is written anywhere else.
    """
    longest = max(map(len, parts))
    filled = [[*part, *[part[-1]] * (longest - len(part))] for part in parts]
    ends = torch.tensor([len(part) - 1 for part in parts], device=device)
    places = torch.arange(longest, device=device)[None].minimum(ends[:, None])
    return torch.tensor(filled, device=device), torch.tensor(starts, device=device)[:, None] + places, ends


def must_take_back(model, what: str) -> None:
    """A Problem if a model carries a state from token to token: tokens that were read cannot be taken back out of it."""
    if any(getattr(part, "carries", False) for part in model.modules()):
        raise Problem(
            f"{what} is of the family {model.settings.family}, which carries a state from token to token, and a drafted "
            f"token that is not kept cannot be taken back out of it: write without a draft, or use a model with attention alone"
        )

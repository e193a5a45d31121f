"""From a source to a target: translation, summaries, anything that an encoder-decoder writes after it has read.

Sources of any lengths come in, the likeliest targets go out: the next token that is likeliest each time (`beams` of 1), or
several targets at once of which the best go on.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from groundup.errors import Problem
from groundup.model.encoder_decoder import EncoderDecoder


@torch.inference_mode()
def translate(
    model: EncoderDecoder,
    source_ids: Sequence[Sequence[int]],
    max_tokens: int,
    start_id: int,
    end_id: int | None,
    beams: int = 1,
    length_penalty: float = 1.0,
) -> list[list[int]]:
    """The target of each source: at most `max_tokens` ids, without the start and without the end that stopped it.

    A beam's worth is its log-probability divided by its length to the power of `length_penalty`: above 0, longer targets
    are favoured.
    """
    _check(model, source_ids, max_tokens, beams)
    source, mask = padded(source_ids, next(model.parameters()).device)
    memory = model.encode(source, mask).repeat_interleave(beams, 0)
    mask, cache = mask.repeat_interleave(beams, 0), Lockstep(len(source) * beams, source.device)
    ends = frozenset() if end_id is None else frozenset({end_id})
    searches = [Search(beams, length_penalty, ends) for _ in source_ids]
    tokens = torch.full((len(memory), 1), start_id, device=source.device)
    for step in range(max_tokens):
        first = step == 0
        x = model.decode(tokens, memory if first else None, mask if first else None, cache=cache)
        likely = model.head(x[:, -1]).float().log_softmax(-1)  # (sources · beams, vocabulary)
        rows, following = [], []
        for number, search in enumerate(searches):
            here = slice(number * beams, (number + 1) * beams)
            parents, chosen = search.step(likely[here], last=step == max_tokens - 1)
            rows += [number * beams + parent for parent in parents]
            following += chosen
        if all(search.done for search in searches):
            break
        cache.keep(rows)
        tokens = torch.tensor(following, device=source.device)[:, None]
    return [search.best() for search in searches]


@dataclass
class Search:
    """The targets of one source, or ends of one text, that are being written, and those that have ended, the best first."""

    beams: int
    penalty: float
    end_ids: frozenset[int]
    going: list[tuple[float, list[int]]] = field(default_factory=lambda: [(0.0, [])])  # log-probability, ids
    ended: list[tuple[float, list[int]]] = field(default_factory=list)  # worth, ids
    done: bool = False

    def step(self, likely: Tensor, last: bool) -> tuple[list[int], list[int]]:
        """likely (beams, vocabulary) -> which beam each of the new ones goes on from, and its token.

        More continuations are looked at than go on, since each beam may end here in as many ways as there are ends.
        """
        if self.done:
            return list(range(self.beams)), [0] * self.beams  # its rows idle until the other sources are done
        known = likely.new_tensor([score for score, _ in self.going])
        scores = (likely[: len(known)] + known[:, None]).flatten()
        found = scores.topk(min(max(2, 1 + len(self.end_ids)) * self.beams, len(scores)))
        length, before = len(self.going[0][1]) + 1, self.going
        self.going, parents = [], []
        for rank, (score, at) in enumerate(zip(found.values.tolist(), found.indices.tolist(), strict=True)):
            parent, token = divmod(at, likely.shape[-1])
            ids = [*before[parent][1], token]
            if last or token in self.end_ids:
                if rank < self.beams:
                    self.ended.append((score / length**self.penalty, ids))
            elif len(self.going) < self.beams:
                self.going.append((score, ids))
                parents.append(parent)
        self.ended = sorted(self.ended, key=lambda one: -one[0])[: self.beams]
        self.done = last or not self.going or self._hopeless(length)
        short = self.beams - len(parents)  # a beam that nothing goes on in idles as well
        return parents + [0] * short, [ids[-1] for _, ids in self.going] + [0] * short

    def _hopeless(self, length: int) -> bool:
        """Whether no target that goes on is worth as much as the least of those that ended, as things stand."""
        full = len(self.ended) == self.beams
        return full and self.going[0][0] / length**self.penalty <= self.ended[-1][0]

    def best(self) -> list[int]:
        """The ids of the best target, without its end."""
        return self.said(self.ended[0][1])

    def said(self, ids: list[int]) -> list[int]:
        """The ids of a target without its end."""
        return ids[:-1] if ids and ids[-1] in self.end_ids else ids


class Lockstep:
    """A cache for rows that all grow by the same tokens, so that a slot's number is its position in every row."""

    def __init__(self, rows: int, device: torch.device):
        self.k: dict[int, Tensor] = {}  # layer -> (rows, kv heads, slots, head width)
        self.v: dict[int, Tensor] = {}
        self.states: dict[tuple[int, str], Tensor] = {}
        self.rows, self.length, self.device = rows, 0, device

    @property
    def lengths(self) -> Tensor:
        return torch.full((self.rows,), self.length, device=self.device)

    @property
    def places(self) -> Tensor:
        return torch.arange(self.length, device=self.device)[None]

    def extend(self, layer: int, k: Tensor, v: Tensor, positions: Tensor) -> tuple[Tensor, Tensor, Tensor | None]:
        if layer in self.k:
            k, v = torch.cat((self.k[layer], k), 2), torch.cat((self.v[layer], v), 2)
        self.k[layer], self.v[layer], self.length = k, v, k.shape[2]
        if positions.shape[1] == 1:
            return k, v, None
        return k, v, self.places[0] <= positions[0][:, None]

    def carried(self, layer: int, name: str) -> Tensor | None:
        return self.states.get((layer, name))

    def carry(self, layer: int, name: str, state: Tensor) -> None:
        self.states[layer, name] = state

    def keep(self, rows: list[int]) -> None:
        """Go on with these rows, each from the place it had; what is carried is of the source, the same for all its beams."""
        if rows == list(range(self.rows)):
            return
        for tensors in (self.k, self.v):
            for layer, tensor in tensors.items():
                tensors[layer] = tensor[rows]


def padded(texts: Sequence[Sequence[int]], device: torch.device) -> tuple[Tensor, Tensor]:
    """Texts of any lengths -> ids (texts, longest), and where there is a token."""
    longest = max(len(text) for text in texts)
    ids = torch.tensor([[*text, *[0] * (longest - len(text))] for text in texts], device=device)
    lengths = torch.tensor([len(text) for text in texts], device=device)
    return ids, torch.arange(longest, device=device) < lengths[:, None]


def _check(model: EncoderDecoder, sources: Sequence[Sequence[int]], max_tokens: int, beams: int) -> None:
    if empty := [number for number, source in enumerate(sources) if not len(source)]:
        raise Problem(f"source {empty[0]} is empty: there is nothing to read in it")
    if not sources:
        raise Problem("there is no source to translate")
    if max_tokens < 1:
        raise Problem(f"max_tokens is {max_tokens}: at least one token must be written")
    if not 1 <= beams <= model.settings.vocabulary:
        raise Problem(f"beams is {beams}: it must be between 1 and the vocabulary's {model.settings.vocabulary} tokens")

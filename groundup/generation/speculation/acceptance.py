"""Which drafted tokens stay, and which token follows them, so that the text's distribution is the model's own.

`rejection` (Leviathan et al. 2023; Chen et al. 2023): a token that the draft drew from q stays with probability
min(1, p/q); where one falls, the next is drawn from what p has more than q. `same`: the model draws as it would without a
draft, and drafted tokens stay while they are what it draws. Fewer stay, but a seed gives the very text it always gave.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from groundup.generation.sample import Sampling, along, draw, left, pick, uniform, uniforms
from groundup.generation.speculation.drafter import Draft

# Which of a step's numbers: whether a token stays, and what follows one that falls. The third, plain, draws tokens.
STAYS, FOLLOWS = 0x632BE59BD9B4E019, 0xD1342543DE82EF95

Rule = Callable[[Tensor, Sequence[Draft], Sequence[Sampling], Sequence[int]], tuple[list[int], list[int]]]


def rejection_by_definition(
    p: Sequence[Sequence[float]], q: Sequence[Sequence[float]], tokens: Sequence[int], seed: int, step: int
) -> tuple[int, int]:
    """p: the model's chances at each drafted token and after the last; q: the draft's -> how many stay, what follows."""
    for place, token in enumerate(tokens):
        if uniform(seed ^ STAYS, step + place) * q[place][token] >= p[place][token]:
            more = [max(0.0, mine - drafted) for mine, drafted in zip(p[place], q[place], strict=True)]
            return place, along(more if sum(more) > 0 else p[place], uniform(seed ^ FOLLOWS, step + place))
    return len(tokens), along(p[len(tokens)], uniform(seed, step + len(tokens)))


def rejection(
    logits: Tensor, drafts: Sequence[Draft], samplings: Sequence[Sampling], steps: Sequence[int]
) -> tuple[list[int], list[int]]:
    """The same for all texts at once: logits (texts, time, vocabulary) -> how many stay of each, and what follows."""
    if not any(sampling.temperature for sampling in samplings):
        return _agreeing(logits.argmax(-1), drafts)
    p = chances(logits, samplings)
    texts, time, _ = p.shape
    tokens, q = _tokens(drafts, time, p.device), _drafted(drafts, p)
    counts = torch.tensor([len(draft.tokens) for draft in drafts], device=p.device)
    number = _numbers([sampling.seed ^ STAYS for sampling in samplings], steps, time).to(p)
    likely = p.gather(-1, tokens[..., None])[..., 0]  # (texts, time)
    stays = number * q.gather(-1, tokens[..., None])[..., 0] < likely
    stays &= torch.arange(time, device=p.device) < counts[:, None]
    kept = stays.cumprod(-1).sum(-1)  # (texts)
    every = torch.arange(texts, device=p.device)
    mine, more = p[every, kept], (p - q)[every, kept].clamp(min=0)
    more = torch.where(more.sum(-1, keepdim=True) > 0, more, mine)
    fell = (kept < counts).tolist()
    seeds = [how.seed ^ FOLLOWS if fallen else how.seed for how, fallen in zip(samplings, fell, strict=True)]
    reached = [step + count for step, count in zip(steps, kept.tolist(), strict=True)]
    return kept.tolist(), pick(more, uniforms(seeds, reached)).tolist()


def same(
    logits: Tensor, drafts: Sequence[Draft], samplings: Sequence[Sampling], steps: Sequence[int]
) -> tuple[list[int], list[int]]:
    """logits (texts, time, vocabulary) -> how many drafted tokens are what the model draws there, and what it draws next."""
    texts, time, _ = logits.shape
    every = [sampling for sampling in samplings for _ in range(time)]
    at = [step + place for step in steps for place in range(time)]
    return _agreeing(draw(logits.flatten(0, 1), every, at).view(texts, time), drafts)


RULES: dict[str, Rule] = {"rejection": rejection, "same": same}


def chances(logits: Tensor, samplings: Sequence[Sampling]) -> Tensor:
    """logits (texts, time, vocabulary) -> each token's chance after scaling and leaving out, in f64; greedy: 1 or 0."""
    warm = [how if how.temperature else Sampling() for how in samplings]
    weights = left(logits.flatten(0, 1), [how for how in warm for _ in range(logits.shape[1])]).view(logits.shape)
    for text, sampling in enumerate(samplings):
        if sampling.temperature == 0:
            weights[text] = 0
            weights[text].scatter_(-1, logits[text].argmax(-1, keepdim=True), 1.0)
    return weights / weights.sum(-1, keepdim=True)


def _agreeing(wanted: Tensor, drafts: Sequence[Draft]) -> tuple[list[int], list[int]]:
    """wanted (texts, time): the model's own tokens -> how many drafted ones are the same, and the first that is not."""
    kept = []
    for line, draft in zip(wanted.tolist(), drafts, strict=True):
        same = [mine == theirs for mine, theirs in zip(line, draft.tokens, strict=False)]
        kept.append(same.index(False) if False in same else len(same))
    return kept, [int(line[count]) for line, count in zip(wanted, kept, strict=True)]


def _tokens(drafts: Sequence[Draft], time: int, device: torch.device) -> Tensor:
    """(texts, time): drafted tokens, then zeros."""
    return torch.tensor([draft.tokens + [0] * (time - len(draft.tokens)) for draft in drafts], device=device)


def _drafted(drafts: Sequence[Draft], p: Tensor) -> Tensor:
    """What the drafts' tokens were drawn from, as large as p: all 0 where nothing was drafted."""
    q = torch.zeros_like(p)
    for text, draft in enumerate(drafts):
        if draft.chances is not None:
            q[text, : len(draft.tokens), : draft.chances.shape[-1]] = draft.chances
        elif draft.tokens:
            places = list(range(len(draft.tokens)))
            q[text, places, draft.tokens] = 1.0
    return q


def _numbers(seeds: Sequence[int], steps: Sequence[int], time: int) -> Tensor:
    """(texts, time): a number in [0, 1) for each text and each of the next steps."""
    every = [seed for seed in seeds for _ in range(time)]
    at = [step + place for step in steps for place in range(time)]
    return torch.from_numpy(uniforms(every, at)).view(len(seeds), time)

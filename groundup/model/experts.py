"""A mixture of experts: many feed-forwards in a layer, a router that rates them for each token, and the few it chooses.

A token meets a small part of the weights, so a model can know much and still answer fast. Two ways to the same numbers:
`by_definition` goes from token to token; `sorted_by_expert` brings the tokens of each expert together first.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from groundup.model.feedforward import FEEDFORWARDS, Curve, feedforward
from groundup.model.linear import Stack, linear
from groundup.model.settings import ModelSettings

Matrices = Sequence[Tensor]  # one for each expert


class Routes(NamedTuple):
    """Where tokens go: how the router rates each expert (tokens, experts), f32; the shares of the chosen and their
    numbers (tokens, chosen)."""

    rates: Tensor
    shares: Tensor
    chosen: Tensor


class Router(nn.Module):
    """One rate for each expert; those with the highest are chosen. In f32, since a choice does not forgive rounding."""

    e_score_correction_bias: Tensor

    def __init__(self, settings: ModelSettings):
        super().__init__()
        assert settings.experts is not None
        self.experts = settings.experts
        self.weight = nn.Parameter(torch.empty(self.experts.count, settings.width))
        if self.experts.correction:
            self.register_buffer("e_score_correction_bias", torch.zeros(self.experts.count))

    @torch.no_grad()
    def initialise(self, generator: torch.Generator) -> None:
        bound = (3 / self.weight.shape[1]) ** 0.5
        self.weight.copy_((torch.rand(self.weight.shape, generator=generator) * 2 - 1) * bound)
        if self.experts.correction:
            self.e_score_correction_bias.zero_()

    def forward(self, x: Tensor) -> Routes:
        """x (tokens, width) -> where each token goes."""
        experts = self.experts
        rates = RATES[experts.router](linear(x.float(), self.weight))
        wanted = rates + self.e_score_correction_bias.float() if experts.correction else rates
        if experts.groups > 1:
            wanted = self._in_best_groups(wanted)
        chosen = wanted.topk(experts.chosen, -1).indices
        shares = rates.gather(-1, chosen)
        if experts.normalise:
            shares = shares / (shares.sum(-1, keepdim=True) + 1e-20)
        return Routes(rates, shares * experts.scale, chosen)

    def _in_best_groups(self, wanted: Tensor) -> Tensor:
        """DeepSeek: only experts of some groups, so that a token visits few machines; the others at -inf."""
        experts = self.experts
        grouped = wanted.unflatten(-1, (experts.groups, experts.group))  # (tokens, groups, experts of a group)
        best = grouped.topk(2 if experts.router == "sigmoid" else 1, -1).values.sum(-1)
        kept = torch.zeros_like(best, dtype=torch.bool).scatter(-1, best.topk(experts.chosen_groups, -1).indices, True)
        return grouped.masked_fill(~kept[..., None], float("-inf")).flatten(-2)


RATES: dict[str, Callable[[Tensor], Tensor]] = {"softmax": lambda x: x.softmax(-1), "sigmoid": torch.sigmoid}


def by_definition(x: Tensor, routes: Routes, gate: Matrices, up: Matrices, down: Matrices, curve: Curve) -> Tensor:
    """x (tokens, width): each token is the sum of its experts' answers, each times its share."""
    out = []
    for token, shares, chosen in zip(x, routes.shares.to(x.dtype), routes.chosen.tolist(), strict=True):
        answers = [down[expert] @ (curve(gate[expert] @ token) * (up[expert] @ token)) for expert in chosen]
        out.append(torch.stack([share * answer for share, answer in zip(shares, answers, strict=True)]).sum(0))
    return torch.stack(out)


def sorted_by_expert(x: Tensor, routes: Routes, gate: Matrices, up: Matrices, down: Matrices, curve: Curve) -> Tensor:
    """The same with every expert's matrices multiplied once, by all tokens that chose it."""
    tokens, each = routes.chosen.shape
    order = routes.chosen.flatten().argsort(stable=True)  # (tokens · chosen), those of one expert side by side
    counts = routes.chosen.flatten().bincount(minlength=len(gate)).tolist()
    parts = x[order // each].split(counts)
    answers = [
        F.linear(curve(F.linear(part, gate[expert])) * F.linear(part, up[expert]), down[expert])
        for expert, part in enumerate(parts)
        if counts[expert]
    ]
    back = torch.empty_like(order).scatter_(0, order, torch.arange(len(order), device=order.device))
    answered = torch.cat(answers)[back].view(tokens, each, -1)
    return (answered * routes.shares[..., None].to(x.dtype)).sum(1)


class Experts(nn.Module):
    """The matrices of all experts, gated as `feedforward` says."""

    def __init__(self, settings: ModelSettings, count: int, hidden: int):
        super().__init__()
        self.curve = FEEDFORWARDS[settings.feedforward][1]
        self.gate_proj = Stack(count, settings.width, hidden, scale=0.5)
        self.up_proj = Stack(count, settings.width, hidden, scale=0.5)
        self.down_proj = Stack(count, hidden, settings.width, scale=0)  # zero: each layer begins as the identity

    def forward(self, x: Tensor, routes: Routes) -> Tensor:
        """x (tokens, width) -> the same."""
        gate, up, down = (stack.each(x.dtype) for stack in (self.gate_proj, self.up_proj, self.down_proj))
        return sorted_by_expert(x, routes, gate, up, down, self.curve)


class Mixture(nn.Module):
    """Router, experts, and perhaps one more feed-forward that all tokens share; in the place of the ordinary one."""

    def __init__(self, settings: ModelSettings):
        super().__init__()
        assert settings.experts is not None
        self.gate = Router(settings)
        self.experts = Experts(settings, settings.experts.count, settings.expert_hidden)
        shared = settings.experts.shared
        self.shared_experts = feedforward(settings, shared) if shared else None

    def forward(self, x: Tensor) -> Tensor:
        """x (batch, time, width) -> what each token thinks (batch, time, width)."""
        tokens = x.reshape(-1, x.shape[-1])
        y = self.experts(tokens, self.gate(tokens)).view(x.shape)
        return y if self.shared_experts is None else y + self.shared_experts(x)

"""Spreading tokens over experts: left alone, a router soon sends everything to the few experts that learnt first.

Two remedies. A loss (Fedus et al. 2021, Mixtral) that is smallest where all experts are chosen equally often; or, without
any loss (Wang et al. 2024, DeepSeek V3), a bias on the choice that rises for experts that are chosen too seldom.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from groundup.model.experts import Router, Routes


@contextmanager
def watched(model: nn.Module) -> Iterator[list[tuple[Router, Routes]]]:
    """Where tokens go while this is open: an entry for each pass through a router."""
    seen: list[tuple[Router, Routes]] = []

    def see(router: Any, _: Any, routes: Any) -> None:
        seen.append((router, routes))

    hooks = [module.register_forward_hook(see) for module in model.modules() if isinstance(module, Router)]
    try:
        yield seen
    finally:
        for hook in hooks:
            hook.remove()


def load(routes: Routes) -> Tensor:
    """How many tokens each expert was chosen by (experts), f32."""
    return routes.chosen.flatten().bincount(minlength=routes.rates.shape[-1]).float()


def unevenness(seen: Sequence[Routes]) -> Tensor:
    """experts · Σ (share of tokens that chose an expert) · (its mean rate), over all layers together.

    It is the number of chosen experts where all are chosen alike, and more the fewer are preferred. The rates of a
    sigmoid are made to sum to one first; what was chosen has no gradient, the rates do.
    """
    chosen = torch.stack([load(routes) / len(routes.chosen) for routes in seen]).mean(0)
    rates = torch.stack([(routes.rates / routes.rates.sum(-1, keepdim=True)).mean(0) for routes in seen]).mean(0)
    return len(chosen) * (chosen * rates).sum()


@torch.no_grad()
def correct(router: Router, chosen: Tensor, rate: float) -> None:
    """Move the bias of each expert by `rate`: up if it was chosen (experts) less often than the mean, else down."""
    router.e_score_correction_bias += rate * (chosen.mean() - chosen).sign()

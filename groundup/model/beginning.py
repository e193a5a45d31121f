"""What a fresh model is born with: heads that see their neighbours, and a sense of likeness.

To find a word again in a text a model needs two habits: to know which words stand just before one, and to look at
places whose surroundings resemble its own. Left to chance, small models take millions of tokens to form the two, since
neither pays before the other is there. Both are only a choice of start values; nothing stays fixed, and the folder that
is saved is like any other. (The second habit is the one-sided form of "mimetic" starts, Trockman & Kolter 2023.)
"""

import torch
from torch import Tensor

from groundup.model.settings import ModelSettings

CONSTANT = 3.0  # how far the constant channel stands out of the others
FAST = 0.2  # pairs that turn by more than this a token (radians) tell neighbours apart
SHARPNESS = 1.5  # of queries and of keys in the first layer, where they are normed
REST = 0.1  # how much of their chance start the first layer's queries and keys keep


@torch.no_grad()
def see_neighbours(layers, settings: ModelSettings, generator: torch.Generator) -> None:
    """Head h of the first layer looks h + 1 tokens back and hands on what it finds there, all in one common code.

    A constant channel of the embedding gives every query the same direction, and every key too; the query's is turned
    back by the distance, so that the rotation of positions brings the two together exactly there.
    """
    attention = layers.layers[0].self_attn
    heads, width = settings.heads, settings.head_width
    table = layers.embed_tokens
    table.weight[:, 0] = CONSTANT * table.deviation
    rate = settings.rope_base ** (-torch.arange(0, width, 2) / width)
    fast = (rate > FAST).float()
    code = orthogonal(settings.width, width, generator)  # (head width, width)
    turns = torch.arange(1, heads + 1)[:, None] * rate  # (heads, pairs)
    queries = torch.cat((fast * turns.cos(), -fast * turns.sin()), 1)
    keys = torch.cat((fast, torch.zeros_like(fast))).expand(settings.kv_heads, -1)
    attention.q_proj.weight.mul_(REST)[:, 0] = queries.flatten()
    attention.k_proj.weight.mul_(REST)[:, 0] = keys.flatten()
    attention.v_proj.weight.copy_(code.repeat(settings.kv_heads, 1))
    attention.o_proj.weight.copy_(code.T.repeat(1, heads))
    if settings.qk_norm:
        attention.q_norm.weight.fill_(SHARPNESS)
        attention.k_norm.weight.fill_(SHARPNESS)


@torch.no_grad()
def feel_likeness(layers, settings: ModelSettings) -> None:
    """In all later layers a key starts as the query of the same head: what resembles me, I look at."""
    shared = settings.heads // settings.kv_heads
    for layer in list(layers.layers)[1:]:
        queries = layer.self_attn.q_proj.weight.view(settings.heads, settings.head_width, settings.width)
        layer.self_attn.k_proj.weight.copy_(queries[::shared].flatten(0, 1))


def orthogonal(width: int, rows: int, generator: torch.Generator) -> Tensor:
    """`rows` directions of a space, of length one and at right angles: (rows, width)."""
    return torch.linalg.qr(torch.randn(width, rows, generator=generator))[0].T

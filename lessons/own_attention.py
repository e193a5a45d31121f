"""Your own attention in the shoot-out: one function in one file.

    groundup make shootout shootout.attentions.windowed=lessons/own_attention.py --into runs/shootout

The name of the setting is the name of a function in this file. It is loaded from the path you name and from nowhere else,
held against three laws (shape, finite numbers, no token sees a later one), and takes the place of attention in the first
family. It gets what each query, key and value is, and `sight`, which knows who may see whom. Copy this file and change it.
"""

import math

import torch


def windowed(q, k, v, sight, scale=None, cap=0.0):
    """Softmax attention that looks back sixteen tokens and no further.

    q (batch, heads, time, width), k and v (batch, kv heads, slots, width) -> (batch, heads, time, width). Several heads
    may share a key: there are as many keys as kv heads. `scale` stands in for 1/√width, `cap` bends scores; both may be ignored.
    """
    time, slots = q.shape[2], k.shape[2]
    group = q.shape[1] // k.shape[1]
    k, v = k.repeat_interleave(group, 1), v.repeat_interleave(group, 1)
    scores = q @ k.transpose(-1, -2) * (scale or 1 / math.sqrt(q.shape[-1]))  # (batch, heads, time, slots)
    if sight.bias is not None:
        bias = sight.bias
        scores = scores + (bias[:, None] if bias.ndim == 3 else bias)  # -inf where a key is out of sight
    back = torch.arange(slots - time, slots)[:, None] - torch.arange(slots)[None, :]
    scores = scores.masked_fill(back >= 16, float("-inf"))
    return scores.softmax(-1) @ v


def averaging(q, k, v, sight, scale=None, cap=0.0):
    """No likeness at all: each token takes the mean of everything before it. How far does that get?"""
    count = torch.arange(1, v.shape[2] + 1, device=v.device)[:, None]
    mean = v.cumsum(2) / count  # right where the whole text is in one pass, which is all that the shoot-out asks for
    return mean.repeat_interleave(q.shape[1] // k.shape[1], 1)

"""What a fresh model is born with: an echo of the words just before each word, and a sense of likeness between echoes.

To answer from a text, a model has to bind: which name stood before this place? It needs a head that fetches the name
(useless while nobody asks for it) and a head that looks for places with that name (useless while nobody fetched it).
Left to chance, small models do not find the pair in millions of tokens; they settle for naming any place of the text.
With these start values they find it in a few hundred thousand (`python -m bench.binding` shows both). They are a choice
of where to begin and no more: every weight goes on learning, and the folder that is saved is like any other.
"""

import torch
from torch import nn

from groundup.model.settings import ModelSettings

CONSTANT = 3.0  # how far the constant channel stands out of the others
BACK = 3.0  # tokens: the echo is of what stands two to four tokens before, never of the token itself
TELLING = 0.2, 0.8  # radians a token: pairs that turn slower blur neighbours, those that turn faster see them twice
SHARP, SOFT = 1.5, 0.8  # gains of queries and keys that fetch the echo, and of those that compare echoes
REST = 0.1  # how much of their chance start the comparing queries and keys keep


def draw(model: nn.Module, seed: int) -> None:
    """Start values of every part from the seed alone: drawn on the processor in one order, whatever the device."""
    generator = torch.Generator().manual_seed(seed)
    for module in model.modules():
        start = getattr(module, "initialise", None)
        if module is not model and start is not None:
            start(generator)


@torch.no_grad()
def hear_echoes(layers, settings: ModelSettings) -> None:
    """The first heads of the first layer write what stood `BACK` tokens before a token into the upper half of its vector,
    which the table leaves empty; it takes several to carry all of a word.

    A constant channel of the table gives every query the same direction, and every key too; the query's is turned by
    the distance, so that the rotation of positions brings the two together exactly there.
    """
    attention, half = layers.layers[0].self_attn, settings.width // 2
    width, shared = settings.head_width, settings.heads // settings.kv_heads
    table = layers.embed_tokens
    table.weight[:, half:] = 0
    table.weight[:, 0] = CONSTANT * table.deviation
    rate = settings.rope_base ** (-torch.arange(0, width, 2) / width)
    telling = ((rate > TELLING[0]) & (rate < TELLING[1])).float()
    turned = torch.cat((telling * (BACK * rate).cos(), -telling * (BACK * rate).sin()))
    straight = torch.cat((telling, torch.zeros_like(telling)))
    q, k, v, o = (getattr(attention, f"{name}_proj").weight for name in "qkvo")
    for carrier in range(min(settings.kv_heads, -(-half // width))):
        first, head = carrier * width, carrier * shared  # which numbers it carries, and which head asks for them
        count = min(width, half - first)
        for weight, at, direction in ((q, head, turned), (k, carrier, straight)):
            weight[at * width : (at + 1) * width] = 0
            weight[at * width : (at + 1) * width, 0] = direction
        v[first : first + width] = 0
        v[first : first + count, first : first + count] = torch.eye(count)
        o[half + first : half + first + count, head * width : head * width + count] = torch.eye(count)
    v[0, 0] = 0  # the constant channel says nothing of a word
    _gain(attention, settings, SHARP)


@torch.no_grad()
def feel_likeness(layers, settings: ModelSettings) -> None:
    """In the second layer a query looks for keys with an echo like its own, whatever the distance: only pairs that hardly
    turn compare them."""
    attention, half, width = layers.layers[1].self_attn, settings.width // 2, settings.head_width
    slow = torch.cat((torch.arange(width // 4, width // 2), torch.arange(width // 2 + width // 4, width)))
    count = min(len(slow), half // settings.kv_heads)
    shared = settings.heads // settings.kv_heads
    for weight, each in ((attention.q_proj.weight, shared), (attention.k_proj.weight, 1)):
        weight.mul_(REST)
        for head in range(weight.shape[0] // width):
            echo = half + head // each * count + torch.arange(count)
            weight[head * width + slow[:count], echo] += 1
    _gain(attention, settings, SOFT)


def _gain(attention, settings: ModelSettings, gain: float) -> None:
    if settings.qk_norm:
        attention.q_norm.weight.fill_(gain)
        attention.k_norm.weight.fill_(gain)

"""Multi-head latent attention (DeepSeek 2024): what is kept of a token is one short vector, from which keys and values of
all heads are made again, and one small key that positions turn.

Two ways to the same numbers: `expanded` makes keys and values and attends as always; `absorbed` never makes them. It
takes the queries into the latent's space instead, so that a new token costs only what the short vectors cost.
"""

import math

import torch
from torch import Tensor, nn

from groundup.model.linear import Linear
from groundup.model.norms import NORMS
from groundup.model.positions import Angles, turn
from groundup.model.reading import Attend, Reading
from groundup.model.rope import sharper
from groundup.model.settings import ModelSettings
from groundup.model.sight import Sight

EPS = 1e-6  # of the norms of latents, whatever the model's own is


def expanded(
    attend: Attend, q: Tensor, latents: Tensor, turned: Tensor, matrix: Tensor, sight: Sight, scale: float, cap: float
) -> Tensor:
    """q (batch, heads, time, plain + rope), latents (batch, 1, slots, rank), turned (batch, 1, slots, rope), matrix
    (heads, plain + value, rank) -> what each head gathers (batch, heads, time, value)."""
    plain = q.shape[-1] - turned.shape[-1]
    made = latents @ matrix.transpose(1, 2)  # (batch, heads, slots, plain + value)
    k = torch.cat((made[..., :plain], turned.expand(-1, len(matrix), -1, -1)), -1)
    return attend(q, k, made[..., plain:], sight, scale, cap)


def absorbed(
    attend: Attend, q: Tensor, latents: Tensor, turned: Tensor, matrix: Tensor, sight: Sight, scale: float, cap: float
) -> Tensor:
    """The same, since q · (K c) = (Kᵀ q) · c, and a share of V c is V of the share of c: all heads look at one key, the
    latent itself with its turned part, and each makes values of what it has gathered."""
    plain = q.shape[-1] - turned.shape[-1]
    keys, values = matrix[:, :plain], matrix[:, plain:]  # (heads, plain, rank), (heads, value, rank)
    q = torch.cat((q[..., :plain] @ keys, q[..., plain:]), -1)  # (batch, heads, time, rank + rope)
    gathered = attend(q, torch.cat((latents, turned), -1), latents, sight, scale, cap)  # (batch, heads, time, rank)
    return gathered @ values.transpose(1, 2)


class LatentAttention(nn.Module):
    """Parameters carry DeepSeek's names: a is the way down to a latent, b the way up from it."""

    def __init__(self, settings: ModelSettings, layer: int, kind: str = "latent"):
        super().__init__()
        latent = settings.latent
        assert latent is not None
        self.layer, self.kind, self.heads, self.latent = layer, kind, settings.heads, latent
        self.scale, self.cap = attention_scale(settings), settings.attention_cap
        width, bias, norm = settings.width, bool(settings.biases), NORMS[settings.norm]
        queries = self.heads * settings.head_width
        if latent.query_rank:
            self.q_a_proj = Linear(width, latent.query_rank, bias, scale=0.5)
            self.q_a_layernorm = norm(latent.query_rank, EPS)
            self.q_b_proj = Linear(latent.query_rank, queries, scale=0.5)
        else:
            self.q_proj = Linear(width, queries, scale=0.5)
        self.kv_a_proj_with_mqa = Linear(width, latent.kv_rank + latent.rope, bias, scale=0.5)
        self.kv_a_layernorm = norm(latent.kv_rank, EPS)
        self.kv_b_proj = Linear(latent.kv_rank, self.heads * (latent.plain + latent.value), scale=0.5)
        self.o_proj = Linear(self.heads * latent.value, width, settings.biases is True, scale=0)

    def forward(self, x: Tensor, reading: Reading) -> Tensor:
        """x (batch, time, width) -> what each token gathers (batch, time, width)."""
        batch, time, _ = x.shape
        latent, angles = self.latent, reading.angles(self.kind)
        plain, q = self.queries(x).view(batch, time, self.heads, -1).split((latent.plain, latent.rope), -1)
        q = torch.cat((plain, self.turn(q, angles)), -1).transpose(1, 2)
        latents, turned = self.kv_a_proj_with_mqa(x)[:, :, None].split((latent.kv_rank, latent.rope), -1)
        latents, turned = self.kv_a_layernorm(latents), self.turn(turned, angles)  # (batch, time, 1, …)
        # A cache keeps no more than these two: what it calls keys are the latents, what it calls values their turned part.
        latents, turned, sight = reading.extend(self.layer, latents.transpose(1, 2), turned.transpose(1, 2), self.kind)
        matrix = self.kv_b_proj.wide().to(x.dtype).view(self.heads, -1, latent.kv_rank)
        way = absorbed if reading.cache is not None and self.cheaper_absorbed(time) else expanded
        y = way(reading.attend, q, latents, turned, matrix, sight, self.scale, self.cap)
        return self.o_proj(y.transpose(1, 2).reshape(batch, time, -1))

    def queries(self, x: Tensor) -> Tensor:
        """x (batch, time, width) -> the queries of all heads (batch, time, heads · (plain + rope))."""
        return self.q_b_proj(self.q_a_layernorm(self.q_a_proj(x))) if self.latent.query_rank else self.q_proj(x)

    def turn(self, x: Tensor, angles: Angles | None) -> Tensor:
        """x (batch, time, heads, rope) turned, its pairs brought from neighbours to halves first: scores do not mind."""
        return turn(x.unflatten(-1, (-1, 2)).transpose(-1, -2).flatten(-2) if self.latent.neighbours else x, angles)

    def cheaper_absorbed(self, time: int) -> bool:
        """For each slot, making its keys and values once against the longer products of `time` queries."""
        rank, made = self.latent.kv_rank, self.latent.plain + self.latent.value
        return time * (2 * rank - made) < rank * made


def attention_scale(settings: ModelSettings) -> float:
    """1/√width of a query; with YaRN as DeepSeek says it, sharper by the part that is not in the angles."""
    scale, scaling = settings.attention_scale or 1 / math.sqrt(settings.head_width), settings.rope_scaling
    if scaling is None or not scaling.mscale_all:
        return scale
    return scale * sharper(scaling.factor, scaling.mscale_all) ** 2

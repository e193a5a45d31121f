"""One layer: tokens look at each other, then each thinks for itself; both add to the vector that runs through the model.

Where the norms stand is a choice of each family: before each half, after the sum, on what comes out, or on both sides.
"""

from collections.abc import Callable

from torch import Tensor, nn

from groundup.model.attention import Attention
from groundup.model.experts import Mixture
from groundup.model.feedforward import feedforward
from groundup.model.latent_attention import LatentAttention
from groundup.model.norms import NORMS
from groundup.model.reading import Reading
from groundup.model.settings import ModelSettings
from groundup.model.short_convolution import ShortConvolution

# What a layer of each kind mixes tokens by: (settings, number of the layer, kind) -> module(x, reading).
MIXERS: dict[str, Callable[[ModelSettings, int, str], nn.Module]] = {
    "full": Attention,
    "window": Attention,
    "blocks": Attention,
    "strided": Attention,
    "latent": LatentAttention,
    "conv": ShortConvolution,
}


class Layer(nn.Module):
    """The mixer's half and the feed-forward's half, with norms where `norm_place` says."""

    def __init__(self, settings: ModelSettings, number: int = 0):
        super().__init__()
        self.place, self.parallel = settings.norm_place, settings.parallel
        self.kind, norm = settings.kind_of(number), NORMS[settings.norm]
        if self.place != "output":
            self.input_layernorm = norm(settings.width, settings.eps)
        self.self_attn = MIXERS[self.kind](settings, number, self.kind)
        if self.place != "output":
            self.post_attention_layernorm = norm(settings.width, settings.eps)
        self.mlp = Mixture(settings) if settings.mixes(number) else feedforward(settings)
        if self.place in ("output", "sandwich"):
            self.attention_output_norm = norm(settings.width, settings.eps)
            self.feedforward_output_norm = norm(settings.width, settings.eps)

    def forward(self, x: Tensor, reading: Reading) -> Tensor:
        """x (batch, time, width) -> the same, richer."""
        if self.parallel:  # GPT-NeoX: both halves read the same vector
            mixed = self.self_attn(self.input_layernorm(x), reading)
            return x + mixed + self.mlp(self.post_attention_layernorm(x))
        if self.place == "pre":
            x = x + self.self_attn(self.input_layernorm(x), reading)
            return x + self.mlp(self.post_attention_layernorm(x))
        if self.place == "post":
            x = self.input_layernorm(x + self.self_attn(x, reading))
            return self.post_attention_layernorm(x + self.mlp(x))
        if self.place == "output":
            x = x + self.attention_output_norm(self.self_attn(x, reading))
            return x + self.feedforward_output_norm(self.mlp(x))
        x = x + self.attention_output_norm(self.self_attn(self.input_layernorm(x), reading))
        return x + self.feedforward_output_norm(self.mlp(self.post_attention_layernorm(x)))

"""Where one text looks at another: queries of the target meet keys and values that were made of the source.

The same projections serve a text that looks at itself; what differs is whose keys are handed in.
"""

from torch import Tensor, nn

from groundup.model.linear import Linear
from groundup.model.settings import ModelSettings


class TwoTextAttention(nn.Module):
    """Queries of one text, keys and values of another or the same, and the way back."""

    def __init__(self, settings: ModelSettings, scaled: bool):
        super().__init__()
        inside, width, bias = settings.heads * settings.head_width, settings.width, settings.biases
        self.head_width = settings.head_width
        self.scale = settings.head_width**-0.5 if scaled else 1.0
        # Where scores are not scaled, queries start that much shorter.
        self.q_proj = Linear(width, inside, bias, scale=0.5 if scaled else 0.5 * settings.head_width**-0.5)
        self.k_proj = Linear(width, inside, bias, scale=0.5)
        self.v_proj = Linear(width, inside, bias, scale=0.5)
        self.o_proj = Linear(inside, width, bias, scale=0)  # zero: a layer begins as identity

    def keys(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """x (batch, slots, width) -> its keys and its values (batch, heads, slots, head width)."""
        return self._heads(self.k_proj(x)), self._heads(self.v_proj(x))

    def forward(self, x: Tensor, k: Tensor, v: Tensor, bias: Tensor | None) -> Tensor:
        """x (batch, time, width) -> what each of its tokens gathers of the values (batch, time, width)."""
        y = gather(self._heads(self.q_proj(x)), k, v, bias, self.scale)
        return self.o_proj(y.transpose(1, 2).flatten(2))

    def _heads(self, x: Tensor) -> Tensor:
        return x.unflatten(-1, (-1, self.head_width)).transpose(1, 2)


def gather(q: Tensor, k: Tensor, v: Tensor, bias: Tensor | None, scale: float) -> Tensor:
    """softmax(q·k·scale + bias)·v over (batch, heads, time or slots, head width)."""
    scores = q @ k.transpose(2, 3) * scale
    return (scores if bias is None else scores + bias).softmax(-1) @ v

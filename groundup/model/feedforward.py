"""What each token does for itself between two rounds of attention: widen, bend, narrow again.

Two shapes, one matrix that widens or two of which one decides how much of the other passes; and curves to bend by.
"""

from collections.abc import Callable

from torch import Tensor, nn
from torch.nn import functional as F

from groundup.model.linear import Linear
from groundup.model.settings import ModelSettings

Curve = Callable[[Tensor], Tensor]


def relu2(x: Tensor) -> Tensor:
    """So et al. 2021: the square of what is above zero."""
    return F.relu(x).square()


def gelu_tanh(x: Tensor) -> Tensor:
    """Hendrycks and Gimpel 2016 in the approximation by tanh, with which GPT-2, T5 1.1 and Gemma were trained."""
    return F.gelu(x, approximate="tanh")


class Gated(nn.Module):
    """Shazeer 2020: down(curve(gate(x)) · up(x)): one half decides how much of the other passes."""

    def __init__(self, settings: ModelSettings, curve: Curve, hidden: int = 0):
        super().__init__()
        width, hidden, bias = settings.width, hidden or settings.hidden, settings.has_bias("feedforward")
        self.curve = curve
        self.gate_proj = Linear(width, hidden, bias, scale=0.5)
        self.up_proj = Linear(width, hidden, bias, scale=0.5)
        self.down_proj = Linear(hidden, width, bias, scale=0)  # zero: each layer begins as the identity

    def forward(self, x: Tensor) -> Tensor:
        gate, up = self.curve(self.gate_proj(x)), self.up_proj(x)
        return self.down_proj(gate * up if gate.requires_grad else gate.mul_(up))  # in place where nobody looks back


class Widened(nn.Module):
    """Vaswani et al. 2017: down(curve(up(x)))."""

    def __init__(self, settings: ModelSettings, curve: Curve, hidden: int = 0):
        super().__init__()
        hidden, bias = hidden or settings.hidden, settings.has_bias("feedforward")
        self.curve = curve
        self.up_proj = Linear(settings.width, hidden, bias, scale=0.5)
        self.down_proj = Linear(hidden, settings.width, bias, scale=0)

    def forward(self, x: Tensor) -> Tensor:
        return self.down_proj(self.curve(self.up_proj(x)))


FEEDFORWARDS: dict[str, tuple[type[Gated] | type[Widened], Curve]] = {
    "swiglu": (Gated, F.silu),
    "geglu": (Gated, gelu_tanh),
    "geglu_exact": (Gated, F.gelu),
    "gelu": (Widened, gelu_tanh),
    "gelu_exact": (Widened, F.gelu),
    "relu": (Widened, F.relu),
    "relu2": (Widened, relu2),
    "silu": (Widened, F.silu),
}


def feedforward(settings: ModelSettings, hidden: int = 0) -> Gated | Widened:
    """The feed-forward that the settings name, of another inner width if one is given."""
    shape, curve = FEEDFORWARDS[settings.feedforward]
    return shape(settings, curve, hidden)

"""What each token does for itself between two rounds of attention: widen, bend, narrow again."""

from torch import Tensor, nn
from torch.nn import functional as F

from groundup.model.linear import Linear
from groundup.model.settings import ModelSettings


class SwiGLU(nn.Module):
    """Shazeer 2020: down(silu(gate(x)) · up(x)): one half decides how much of the other passes."""

    def __init__(self, settings: ModelSettings):
        super().__init__()
        width, hidden, bias = settings.width, settings.hidden, settings.biases
        self.gate_proj = Linear(width, hidden, bias, scale=0.5)
        self.up_proj = Linear(width, hidden, bias, scale=0.5)
        self.down_proj = Linear(hidden, width, bias, scale=0)  # zero: each layer begins as the identity

    def forward(self, x: Tensor) -> Tensor:
        return self.down_proj(F.silu(self.gate_proj(x)) * self.up_proj(x))


class GELU(nn.Module):
    """GPT-2: down(gelu(up(x))), with the tanh form of GELU that its weights were trained with."""

    def __init__(self, settings: ModelSettings):
        super().__init__()
        self.up_proj = Linear(settings.width, settings.hidden, settings.biases, scale=0.5)
        self.down_proj = Linear(settings.hidden, settings.width, settings.biases, scale=0)

    def forward(self, x: Tensor) -> Tensor:
        return self.down_proj(F.gelu(self.up_proj(x), approximate="tanh"))


class GEGLU(SwiGLU):
    def forward(self, x: Tensor) -> Tensor:
        return self.down_proj(F.gelu(self.gate_proj(x), approximate="tanh") * self.up_proj(x))


class ReLU(GELU):
    def forward(self, x: Tensor) -> Tensor:
        return self.down_proj(F.relu(self.up_proj(x)))


class SiLU(GELU):
    def forward(self, x: Tensor) -> Tensor:
        return self.down_proj(F.silu(self.up_proj(x)))


class ExactGELU(GELU):
    def forward(self, x: Tensor) -> Tensor:
        return self.down_proj(F.gelu(self.up_proj(x)))


FEEDFORWARDS = {"swiglu": SwiGLU, "gelu": GELU, "relu": ReLU, "silu": SiLU, "geglu": GEGLU, "gelu_exact": ExactGELU}

"""Networks that read one token after the other and keep what they need in a state of fixed size: RNN, GRU, LSTM.

The formulas stand below, one step each; `steps` runs them as they are written, everything else hands the same
parameters, named as torch names them, to torch's own kernels. Texts packed into one row become rows of their own there.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from groundup.model.linear import linear
from groundup.model.settings import ModelSettings
from groundup.model.state import State, Texts, wide

Step = Callable[[Tensor, tuple[Tensor, ...], Callable[[Tensor], Tensor]], tuple[Tensor, ...]]


def rnn_step(x: Tensor, state: tuple[Tensor, ...], recur: Callable[[Tensor], Tensor]) -> tuple[Tensor, ...]:
    """Elman 1990: h' = tanh(W_ih·x + b_ih + W_hh·h + b_hh). Here x is W_ih·x + b_ih and recur(h) is W_hh·h + b_hh,
    (batch, gates · width) each."""
    (h,) = state
    return ((x + recur(h)).tanh(),)


def gru_step(x: Tensor, state: tuple[Tensor, ...], recur: Callable[[Tensor], Tensor]) -> tuple[Tensor, ...]:
    """Cho et al. 2014, with the reset gate behind the product as torch and cuDNN have it:
    r, z = σ(…), n = tanh(W_in·x + b_in + r · (W_hn·h + b_hn)), h' = (1 - z) · n + z · h."""
    (h,) = state
    (x_r, x_z, x_n), (h_r, h_z, h_n) = x.chunk(3, -1), recur(h).chunk(3, -1)
    reset, update = (x_r + h_r).sigmoid(), (x_z + h_z).sigmoid()
    new = (x_n + reset * h_n).tanh()
    return ((1 - update) * new + update * h,)


def lstm_step(x: Tensor, state: tuple[Tensor, ...], recur: Callable[[Tensor], Tensor]) -> tuple[Tensor, ...]:
    """Hochreiter and Schmidhuber 1997 with the forget gate of Gers et al. 2000: i, f, o = σ(…), g = tanh(…),
    c' = f · c + i · g, h' = o · tanh(c')."""
    h, c = state
    i, f, g, o = (x + recur(h)).chunk(4, -1)
    c = f.sigmoid() * c + i.sigmoid() * g.tanh()
    return o.sigmoid() * c.tanh(), c


@dataclass(frozen=True)
class Cell:
    """A kind of recurrent layer: how many vectors W makes of one, what the state consists of, and both ways to run it."""

    gates: int
    states: tuple[str, ...]
    step: Step
    kernel: Callable


CELLS = {
    "rnn": Cell(1, ("h",), rnn_step, torch._VF.rnn_tanh),  # type: ignore[attr-defined]
    "gru": Cell(3, ("h",), gru_step, torch._VF.gru),  # type: ignore[attr-defined]
    "lstm": Cell(4, ("h", "c"), lstm_step, torch._VF.lstm),  # type: ignore[attr-defined]
}


class Recurrent(nn.Module):
    """One layer: x (batch, time, width) -> the h after each token (batch, time, width)."""

    normed = False  # its h lie between -1 and 1 as they are
    small = 0.2  # how a table that is also the head starts: nothing makes it larger on the way to the gates

    def __init__(self, settings: ModelSettings):
        super().__init__()
        self.cell, width = CELLS[settings.family], settings.width
        self.width, rows = width, self.cell.gates * width
        self.weight_ih_l0 = nn.Parameter(torch.empty(rows, width))
        self.weight_hh_l0 = nn.Parameter(torch.empty(rows, width))
        self.bias_ih_l0 = nn.Parameter(torch.empty(rows))
        self.bias_hh_l0 = nn.Parameter(torch.empty(rows))

    @torch.no_grad()
    def initialise(self, generator: torch.Generator) -> None:
        bound = math.sqrt(3 / self.width)
        for weight in (self.weight_ih_l0, self.weight_hh_l0):
            weight.copy_((torch.rand(weight.shape, generator=generator) * 2 - 1) * bound)
        self.bias_ih_l0.zero_()
        self.bias_hh_l0.zero_()

    def forward(self, x: Tensor, state: State, way: str) -> Tensor:
        numbers = wide(x)  # a state that is rounded at each token drifts, and bf16 makes these kernels no faster
        zeros = numbers.new_zeros(len(x), self.width)
        before = tuple(state.take(name, zeros) for name in self.cell.states)
        run = self.by_steps if way == "steps" else self.by_texts if state.texts.packed else self.by_kernel
        out, after = run(numbers, before, state.texts)
        for name, kept in zip(self.cell.states, after, strict=True):
            state.keep(name, kept)
        return out.to(x.dtype)

    def by_steps(self, x: Tensor, state: tuple[Tensor, ...], texts: Texts) -> tuple[Tensor, tuple[Tensor, ...]]:
        """The formula, one token at a time."""
        projected = linear(x, self.weight_ih_l0, self.bias_ih_l0)
        out = []
        for at, now in enumerate(projected.unbind(1)):
            begins = texts.begins[:, at, None]
            state = tuple(torch.where(begins, 0, part) for part in state)
            state = self.cell.step(now, state, lambda h: linear(h, self.weight_hh_l0, self.bias_hh_l0))
            out.append(state[0])
        return torch.stack(out, 1), state

    def by_kernel(self, x: Tensor, state: tuple[Tensor, ...], texts: Texts) -> tuple[Tensor, tuple[Tensor, ...]]:
        """torch's kernel, which steps through all rows together and never starts anew."""
        out, *after = self.cell.kernel(x, _states(state), self._flat(x), True, 1, 0.0, self.training, False, True)
        return out, tuple(part[0] for part in after)

    def by_texts(self, x: Tensor, state: tuple[Tensor, ...], texts: Texts) -> tuple[Tensor, tuple[Tensor, ...]]:
        """The same kernel over rows of different lengths: each text of a packed row is one of them."""
        apart = texts.apart
        before = _states(tuple(torch.where(apart.leading[:, None], part[apart.rows], 0) for part in state))
        tokens, weights = x.flatten(0, 1)[apart.order], self._flat(x)
        out, *after = self.cell.kernel(tokens, apart.sizes, before, weights, True, 1, 0.0, self.training, False)
        return out[apart.order.argsort()].view_as(x), tuple(part[0][apart.last] for part in after)

    def _flat(self, x: Tensor) -> list[Tensor]:
        weights = (self.weight_ih_l0, self.weight_hh_l0, self.bias_ih_l0, self.bias_hh_l0)
        return [weight.to(x.dtype) for weight in weights]


def _states(state: tuple[Tensor, ...]) -> Tensor | list[Tensor]:
    """As torch's kernels want the state before the first token: (layers, batch, width), in a list if it has parts."""
    parts = [part[None].contiguous() for part in state]
    return parts if len(parts) > 1 else parts[0]

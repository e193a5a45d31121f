"""The matrices of a model as integers: a projection, the projections of all experts, the table of tokens.

Each holds the tensors of a form (`groups.py` and its neighbours), which are also what its file holds, and takes no part in
training. What the tensors stand for is widened when a text passes.
"""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from groundup.errors import Problem
from groundup.model.embedding import out_of_range
from groundup.model.quantised.groups import Groups
from groundup.model.quantised.kinds import Scheme
from groundup.model.quantised.normal import Normal
from groundup.model.quantised.rows import Rows

INPUT_SCALE = "input_scale"


class Written(nn.Module):
    """A matrix (…, rows, columns) in the tensors of its scheme."""

    def __init__(self, scheme: Scheme, tensors: Mapping[str, Tensor], columns: int):
        super().__init__()
        self.scheme, self.columns = scheme, columns
        for name, tensor in tensors.items():
            self.register_buffer(name, tensor)

    @property
    def tensors(self) -> dict[str, Tensor]:
        """What stands for the matrix, by the ends of the names in a file."""
        return {name: tensor for name, tensor in self._buffers.items() if tensor is not None}

    @property
    def form(self) -> Groups | Normal:
        """How the tensors are to be read."""
        found = self.scheme.form
        assert not isinstance(found, Rows)  # whole rows have modules of their own
        return found

    @property
    def integers(self) -> Tensor:
        """(…, rows, columns) int8, one for each weight."""
        return self.form.integers(self.tensors, self.columns)

    @property
    def scales(self) -> Tensor:
        """(…, rows, groups) f32."""
        return self.form.scales(self.tensors)

    def wide(self) -> Tensor:
        """What the tensors stand for (…, rows, columns) f32."""
        return self.form.read(self.tensors, self.columns)


class WrittenLinear(Written):
    """A projection. `input_scale` (columns), if there is one, is multiplied into what comes in."""

    def __init__(self, scheme: Scheme, tensors: Mapping[str, Tensor], columns: int, bias: Tensor | None):
        super().__init__(scheme, tensors, columns)
        self.bias = None if bias is None else nn.Parameter(bias, requires_grad=False)

    def wide(self) -> Tensor:
        """The matrix as it meets what comes in, the scale of the inputs included."""
        scale = self._buffers.get(INPUT_SCALE)
        return super().wide() if scale is None else super().wide() * scale.float()

    def forward(self, x: Tensor) -> Tensor:
        scale = self._buffers.get(INPUT_SCALE)
        x = x if scale is None else x * scale.to(x.dtype)
        return F.linear(x, super().wide().to(x.dtype), None if self.bias is None else self.bias.to(x.dtype))


class WrittenStack(Written):
    """The matrices of all experts."""

    def each(self, dtype: torch.dtype) -> "OneByOne":
        """What the tensors stand for, expert by expert, each when it is asked for."""
        return OneByOne(self, dtype)


class OneByOne(Sequence[Tensor]):
    """Matrices that are widened one at a time: most experts are not chosen."""

    def __init__(self, stack: WrittenStack, dtype: torch.dtype):
        self.stack, self.dtype = stack, dtype

    def __len__(self) -> int:
        return len(self.stack.tensors["weight"])

    def __getitem__(self, expert: int) -> Tensor:  # type: ignore[override]
        chosen = {name: tensor[expert] for name, tensor in self.stack.tensors.items()}
        return self.stack.form.read(chosen, self.stack.columns).to(self.dtype)


class WrittenEmbedding(Written):
    """A table of vectors, from which only the rows asked for are widened."""

    def forward(self, ids: Tensor) -> Tensor:
        """ids (batch, time) -> vectors (batch, time, width) f32."""
        try:
            return self.form.look_up(self.tensors, ids, self.columns)
        except IndexError:
            raise Problem(out_of_range(ids, len(self.tensors["weight"]))) from None

    def table(self) -> Tensor:
        """All vectors (vocabulary, width)."""
        return self.wide()

    def project(self, x: Tensor) -> Tensor:
        """x (…, width) -> how much it resembles each token's vector (…, vocabulary)."""
        return F.linear(x, self.wide().to(x.dtype))

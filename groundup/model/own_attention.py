"""A reader's own attention: one function in one file, loaded from the path that was named and held against the laws.

The function takes what every attention of `attention.py` takes, and its outcome must not depend on what comes later:

    def mine(q, k, v, sight, scale=None, cap=0.0):
        \"\"\"q (batch, heads, time, width), k and v (batch, kv heads, slots, width) -> (batch, heads, time, width).\"\"\"

The file is a program and is run: name only files that you would run anyway.
"""

import importlib.util
from pathlib import Path

import torch

from groundup.errors import Problem, did_you_mean
from groundup.model.attention import Attend
from groundup.model.sight import Sight

HEADS, TIME, WIDTH = 2, 12, 8


def load(path: str | Path, name: str) -> Attend:
    """The function of that name in the file at `path`, if it is an attention."""
    path = Path(path)
    spec = importlib.util.spec_from_file_location(f"own_attention_{path.stem}", path)
    if path.suffix != ".py" or spec is None or spec.loader is None:
        raise Problem(f"{path} is not a Python file: expected one with a function {name}(q, k, v, sight, scale, cap)")
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise Problem(f"{path} cannot be run: {type(error).__name__}: {error}") from error
    functions = {key: value for key, value in vars(module).items() if callable(value) and not key.startswith("_")}
    if name not in functions:
        raise Problem(f"{path} has no function {name}; {did_you_mean(name, functions)}")
    check(functions[name], f"{path}, {name}")
    return functions[name]


def check(attend: Attend, where: str) -> None:
    """Its shape, its gradient, and that no token sees a later one: who peeks at the answer would win every contest."""
    dice = torch.Generator().manual_seed(1)
    q, k, v = (torch.randn(1, HEADS, TIME, WIDTH, generator=dice, requires_grad=True) for _ in range(3))
    sight = Sight.triangle(TIME, q.detach())
    try:
        out = attend(q, k, v, sight, None, 0.0)
        shape = tuple(out.shape)
        if shape == tuple(q.shape):
            slopes = torch.autograd.grad(out[:, :, TIME // 2].square().sum(), (q, k, v), allow_unused=True)
    except Problem:
        raise
    except Exception as error:
        raise Problem(f"{where}: fails on a text of {TIME} tokens: {type(error).__name__}: {error}") from error
    if shape != tuple(q.shape):
        raise Problem(f"{where}: gives {list(shape)} where {list(q.shape)} is expected: (batch, heads, time, width)")
    if not out.isfinite().all():
        raise Problem(f"{where}: gives numbers that are not finite")
    later = [slope[:, :, TIME // 2 + 1 :] for slope in slopes if slope is not None]
    if any(part.abs().max() > 0 for part in later):
        raise Problem(f"{where}: a token sees later ones: hide them, as sight.bias says (-inf where a key is out of sight)")

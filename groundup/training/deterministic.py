"""Sums in one order: what `training.deterministic` asks of torch, so that a training ends in the same bits every time.

Floating-point sums depend on their order. On processors the order follows from the number of threads and the kernels alone,
so the stage takes one thread and leaves nothing to a probe. On CUDA some kernels add by whoever comes first: here torch is
told to take others, or to fail where it has none. docs/determinism.md says what still differs between machines.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from groundup.errors import Problem

WORKSPACE = "CUBLAS_WORKSPACE_CONFIG"
SIZES = (":4096:8", ":16:8")  # with which cuBLAS promises one order; read when CUDA starts


@contextmanager
def one_order(device: str) -> Iterator[None]:
    """Inside, torch uses kernels with one order of sums; afterwards what was set before."""
    if device == "cuda":
        _workspace()
    before = torch.are_deterministic_algorithms_enabled()
    benchmark = torch.backends.cudnn.benchmark
    torch.use_deterministic_algorithms(True)
    torch.backends.cudnn.benchmark = False
    # Memory that is filled before it is overwritten would cost time and change no bit of ours.
    filling, torch.utils.deterministic.fill_uninitialized_memory = (  # type: ignore[attr-defined]
        torch.utils.deterministic.fill_uninitialized_memory,  # type: ignore[attr-defined]
        False,
    )
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before)
        torch.backends.cudnn.benchmark = benchmark
        torch.utils.deterministic.fill_uninitialized_memory = filling  # type: ignore[attr-defined]


def _workspace() -> None:
    """cuBLAS reads its setting once: set it while there is time, and say so where there is none."""
    if os.environ.get(WORKSPACE) in SIZES:
        return
    if torch.cuda.is_initialized():
        raise Problem(
            f"training.deterministic needs {WORKSPACE}={SIZES[0]} in the environment before CUDA starts, and it has started "
            f"with {os.environ.get(WORKSPACE)!r}: set it and type the same command again."
        )
    os.environ[WORKSPACE] = SIZES[0]

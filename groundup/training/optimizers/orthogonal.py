"""The heart of Muon: make all singular values of a gradient one, so that no direction is learnt at another's expense.

Five rounds of an odd polynomial do what a singular value decomposition would, in matrix products alone.
"""

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Polynomials:
    """One of each round, a·X + b·XXᵀX + c·(XXᵀ)²X, and by how much more than its norm a matrix is divided before."""

    rounds: tuple[tuple[float, float, float], ...]
    safety: float


# Amsel et al. 2025 (Polar Express): for each round the polynomial that brings the worst singular value closest to one.
# They hold for singular values up to one, and rounding may push a norm above it.
POLAR_EXPRESS = Polynomials(
    (
        (8.2051, -22.9019, 16.4607),
        (4.0664, -2.8612, 0.5184),
        (3.9096, -2.8234, 0.5250),
        (3.2856, -2.4153, 0.4853),
        (2.2779, -1.6198, 0.3985),
    ),
    1.02,
)
JORDAN = Polynomials(5 * ((3.4445, -4.775, 2.0315),), 1.0)  # 2024: the same in all rounds, as in torch.optim.Muon
POLYNOMIALS = {"polar_express": POLAR_EXPRESS, "jordan": JORDAN}


def orthogonalize(matrices: Tensor, dtype: torch.dtype, by: Polynomials = POLAR_EXPRESS) -> Tensor:
    """matrices (n, rows, columns) -> nearly U·Vᵀ of each one's U·S·Vᵀ, computed in `dtype`."""
    tall = matrices.shape[-2] > matrices.shape[-1]
    x = matrices.transpose(-1, -2) if tall else matrices
    norm = x.flatten(1).norm(dim=1)[:, None, None]
    x = (x / (norm * by.safety + 1e-12)).to(dtype)
    for a, b, c in by.rounds:  # X ← aX + (bA + cA²)X with A = XXᵀ
        gram = x @ x.transpose(-1, -2)
        x = torch.baddbmm(x, torch.baddbmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    return x.transpose(-1, -2) if tall else x


def orthogonalize_by_decomposition(matrix: Tensor) -> Tensor:
    """matrix (rows, columns) -> U·Vᵀ, as the definition says it."""
    u, _, v = torch.linalg.svd(matrix, full_matrices=False)
    return u @ v

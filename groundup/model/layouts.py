"""Vectors of many numbers laid out on a plane, to be looked at: by their two main directions, or so that neighbours stay.

PCA keeps the largest distances and is a shadow of the whole. t-SNE (van der Maaten and Hinton 2008) keeps who is beside
whom and gives up the rest: sizes of clusters and gaps between them mean little. Exact, for a few thousand words.
"""

from collections.abc import Callable

import numpy as np

from groundup.errors import Problem

MOST = 2000  # words whose distances all fit: time and memory grow with the square
STEPS, EXAGGERATED = 500, 120  # the first steps pull neighbours together first
Told = Callable[[int, int], None]  # (steps done, steps in all)


def pca(vectors: np.ndarray) -> tuple[np.ndarray, float]:
    """vectors (words, width) -> points (words, 2) along their two main directions, and the share of variance these hold."""
    centred = vectors.astype(np.float64) - vectors.mean(0, dtype=np.float64)
    _, sizes, directions = np.linalg.svd(centred, full_matrices=False)
    points = np.zeros((len(vectors), 2))
    kept = centred @ directions[:2].T
    points[:, : kept.shape[1]] = kept
    total = float((sizes**2).sum())
    return points, float((sizes[:2] ** 2).sum()) / total if total else 1.0


def distances(vectors: np.ndarray) -> np.ndarray:
    """Squared distance of each pair: |a - b|² = |a|² - 2 a·b + |b|²."""
    lengths = (vectors**2).sum(1)
    found = lengths[:, None] - 2 * vectors @ vectors.T + lengths[None]
    np.fill_diagonal(found, 0)
    return np.maximum(found, 0)


def affinities(vectors: np.ndarray, perplexity: float) -> np.ndarray:
    """P (words, words), all of it together one: p(j | i) = exp(-β_i d_ij) / Σ_k exp(-β_i d_ik), then (p(j|i) + p(i|j)) / 2n.

    Each word's β is such that it has as many neighbours as `perplexity` says: entropy of p(· | i) = log perplexity.
    """
    squared = distances(vectors)
    count = len(squared)
    squared = squared / max(float(squared.mean()), 1e-300)  # the scale of vectors does not matter
    low, high, beta = np.zeros(count), np.full(count, np.inf), np.ones(count)
    shares = squared
    for _ in range(60):  # halve the interval of each β
        nearer = squared - np.where(np.eye(count, dtype=bool), np.inf, squared).min(1, keepdims=True)
        weights = np.exp(-beta[:, None] * nearer)
        np.fill_diagonal(weights, 0)
        sums = weights.sum(1)
        shares = weights / sums[:, None]
        entropy = np.log(sums) + beta * (shares * nearer).sum(1)
        wide = entropy > np.log(perplexity)  # too many neighbours: a larger β
        low, high = np.where(wide, beta, low), np.where(wide, high, beta)
        beta = np.where(np.isinf(high), beta * 2, (low + high) / 2)
    return (shares + shares.T) / (2 * count)


def attractions(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(w, Q) of points on the plane: w_ij = 1 / (1 + |y_i - y_j|²), Student's long tail, and Q = w / Σ w."""
    near = 1 / (1 + distances(points))
    np.fill_diagonal(near, 0)
    return near, near / near.sum()


def divergence(affine: np.ndarray, points: np.ndarray) -> float:
    """KL(P ‖ Q) = Σ p_ij log(p_ij / q_ij): how badly the points keep the neighbourhoods; what t-SNE makes small."""
    there = affine > 0
    return float((affine[there] * np.log(affine[there] / attractions(points)[1][there].clip(1e-300))).sum())


def gradient_by_definition(affine: np.ndarray, points: np.ndarray) -> np.ndarray:
    """∂KL/∂y_i = 4 Σ_j (p_ij - q_ij) w_ij (y_i - y_j), word by word."""
    near, shares = attractions(points)
    return np.array([4 * ((affine[i] - shares[i]) * near[i]) @ (points[i] - points) for i in range(len(points))])


def gradient(affine: np.ndarray, points: np.ndarray) -> np.ndarray:
    """The same with M = (P - Q) ⊙ w: 4 (diag(M·1) - M) y, two products of matrices."""
    near, shares = attractions(points)
    pull = (affine - shares) * near
    return 4 * (pull.sum(1)[:, None] * points - pull @ points)


def tsne(
    vectors: np.ndarray, perplexity: float = 20.0, steps: int = STEPS, told: Told = lambda done, total: None
) -> np.ndarray:
    """vectors (words, width) -> points (words, 2). It starts from PCA, so equal vectors give an equal page.

    Momentum and a gain for each number, as in the paper; at first P is exaggerated, so that neighbours find each other.
    """
    count = len(vectors)
    if count > MOST:
        raise Problem(f"t-SNE lays out {MOST:,} words at most, and these are {count:,}: name fewer")
    if count < 4:
        return pca(vectors)[0]
    affine = affinities(vectors.astype(np.float64), min(perplexity, (count - 1) / 3))
    points = pca(vectors)[0]
    points = points / max(float(points[:, 0].std()), 1e-300) * 1e-2
    moved, gains = np.zeros_like(points), np.ones_like(points)
    rate = max(count / 12 / 4, 10.0)  # Belkina et al. 2019, whose gradient is a quarter of this one
    for step in range(steps):
        early = step < EXAGGERATED
        slope = gradient(affine * 12 if early else affine, points)
        gains = np.where(slope * moved < 0, gains + 0.2, np.maximum(gains * 0.8, 0.01))
        moved = (0.5 if early else 0.8) * moved - rate * gains * slope
        points = points + moved - (points + moved).mean(0)
        told(step + 1, steps)
    return pca(points)[0]  # turned so that it is wider than high

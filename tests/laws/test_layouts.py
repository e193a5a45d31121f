"""Words on a plane: PCA keeps the variance, t-SNE the neighbours; its gradient is that of the formula."""

import numpy as np
import pytest

from groundup.errors import Problem
from groundup.model.layouts import (
    MOST,
    affinities,
    distances,
    divergence,
    gradient,
    gradient_by_definition,
    pca,
    tsne,
)


def clusters(each: int = 15, width: int = 30) -> tuple[np.ndarray, np.ndarray]:
    dice = np.random.default_rng(3)
    middles = dice.normal(size=(5, width)) * 4
    return (middles[:, None] + dice.normal(size=(5, each, width))).reshape(-1, width), np.repeat(np.arange(5), each)


def test_distances_are_those_of_each_pair():
    vectors = np.random.default_rng(1).normal(size=(9, 4))
    pairs = [[((a - b) ** 2).sum() for b in vectors] for a in vectors]
    np.testing.assert_allclose(distances(vectors), pairs, atol=1e-12)


def test_pca_finds_the_plane_that_vectors_lie_in():
    dice = np.random.default_rng(2)
    flat = dice.normal(size=(40, 2)) * [5, 2]
    turned = flat @ np.linalg.qr(dice.normal(size=(8, 8)))[0][:2] + 7
    points, share = pca(turned)
    assert share == pytest.approx(1)
    np.testing.assert_allclose(distances(points), distances(flat), atol=1e-9)
    assert pca(np.ones((3, 1)))[0].shape == (3, 2)


@pytest.mark.parametrize("perplexity", [5, 12])
def test_each_word_has_as_many_neighbours_as_the_perplexity_says(perplexity):
    affine = affinities(clusters()[0], perplexity)
    assert affine.sum() == pytest.approx(1) and np.array_equal(affine, affine.T) and not affine.diagonal().any()
    wider = affinities(clusters()[0], 3 * perplexity)
    entropy = [-(p[p > 0] * np.log(p[p > 0])).sum() for p in (affine, wider)]
    assert entropy[0] < entropy[1]
    alone = affinities(np.array([[0.0], [1.0], [2.0]]), 2.0)  # of three words everyone is a neighbour of everyone
    np.testing.assert_allclose(alone[~np.eye(3, dtype=bool)], 1 / 6, atol=1e-6)


def test_the_gradient_is_that_of_the_divergence():
    affine, points = affinities(clusters(4)[0], 5), np.random.default_rng(4).normal(size=(20, 2))
    np.testing.assert_allclose(gradient(affine, points), gradient_by_definition(affine, points), atol=1e-14)
    numeric, step = np.zeros_like(points), 1e-6
    for at in np.ndindex(points.shape):
        moved = [points.copy(), points.copy()]
        moved[0][at] += step
        moved[1][at] -= step
        numeric[at] = (divergence(affine, moved[0]) - divergence(affine, moved[1])) / (2 * step)
    np.testing.assert_allclose(gradient(affine, points), numeric, atol=1e-8)


def test_tsne_keeps_neighbours_that_pca_loses_and_is_the_same_each_time():
    vectors, kind = clusters()
    points = tsne(vectors, steps=300)
    assert np.array_equal(points, tsne(vectors, steps=300)) and np.isfinite(points).all()
    affine = affinities(vectors, 20)
    assert divergence(affine, points) < divergence(affine, pca(vectors)[0])
    beside = distances(points) + 1e9 * np.eye(len(points))
    nearest = beside.argsort(1)[:, :10]
    assert (kind[nearest] == kind[:, None]).mean() > 0.98


def test_equal_vectors_and_few_words_lie_somewhere():
    assert np.isfinite(tsne(np.ones((12, 3)), steps=30)).all()
    assert tsne(np.eye(3)).shape == (3, 2)
    with pytest.raises(Problem, match="2,000 words at most"):
        tsne(np.zeros((MOST + 1, 2)))

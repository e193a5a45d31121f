"""Word vectors as one page: a map that keeps neighbours, another along the main directions, and who is like whom.

The layouts are those of `model/layouts.py`; each word's nearest among the words shown travel with it, and the page needs
no other file.
"""

from pathlib import Path

import numpy as np
from markupsafe import Markup

from groundup.evaluation.report.of_tokenizer import data
from groundup.evaluation.report.page import environment
from groundup.model.layouts import Told, pca, tsne
from groundup.model.vectors import Vectors

NEAR = 10  # neighbours of each word


def page(name: str, vectors: Vectors, left_out: int = 0, told: Told = lambda done, total: None) -> str:
    """The page as HTML, of vectors that are few enough to be laid out; `left_out` more words are only counted."""
    directed = of_length_one(
        vectors.table
    )  # a vector's length tells how frequent a word is, its direction what it means
    flat, share = pca(directed)
    layouts = {"tsne": tsne(directed, told=told), "pca": flat}
    figures = {
        "words": vectors.words,
        "layouts": {name: [[round(float(x), 3) for x in point] for point in rows] for name, rows in layouts.items()},
        "near": neighbours(directed, NEAR),
    }
    return (
        environment()
        .get_template("map.html.jinja")
        .render(
            name=name,
            words=f"{len(vectors):,}",
            width=vectors.width,
            left_out=f"{left_out:,}" if left_out else "",
            share=f"{100 * share:.0f} %",
            data=data(figures),
            script=Markup(Path(__file__).with_name("map.js").read_text(encoding="utf-8")),
        )
    )


def of_length_one(table: np.ndarray) -> np.ndarray:
    """Each row divided by its length; zeros stay."""
    lengths = np.linalg.norm(table, axis=1, keepdims=True)
    return table / np.where(lengths > 0, lengths, 1)


def neighbours(directed: np.ndarray, many: int) -> list[list[tuple[int, float]]]:
    """For each row of length one the rows most like it, with the cosine."""
    cosines = directed @ directed.T
    np.fill_diagonal(cosines, -np.inf)
    best = np.argsort(-cosines, axis=1, kind="stable")[:, : min(many, len(directed) - 1)]
    return [[(int(k), round(float(cosines[row, k]), 3)) for k in found] for row, found in enumerate(best)]

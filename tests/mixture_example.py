"""Folders of tokens in which every token says where it stands, and mixtures of them."""

from pathlib import Path

import numpy as np

from groundup.data.tokens.batches import pages
from groundup.data.tokens.mixing import Knot
from groundup.data.tokens.mixture import Domain, Mixture
from groundup.data.tokens.shards import Shards, Writer

APART = 10_000  # the first tokens of two domains


def shards(folder: Path, lengths: list[int], first: int = 0) -> Shards:
    """Documents of such lengths whose ids count up from `first`."""
    writer = Writer(folder, 60_000)
    borders = np.cumsum([first, *lengths])
    writer.add([np.arange(a, b) for a, b in zip(borders, borders[1:], strict=False)], sum(lengths))
    writer.close()
    return Shards(folder)


def mixture(folder: Path, sizes: list[int], knots: list[tuple[int, list[float]]], **more) -> Mixture:
    """A mixture of domains of so many tokens in documents of 5, rows of 8 tokens; token // APART is the domain."""
    said = {"steps": 30, "rows": 6, "seed": 3, "between": "steps", "epochs": {}} | more
    domains = []
    for number, size in enumerate(sizes):
        place = folder / str(number)
        found = Shards(place) if place.exists() else shards(place, [5] * (size // 5), number * APART)
        source, name = pages(found, said["rows"], 8, number), "abcdef"[number]
        domains.append(Domain(name, source, len(found.tokens), found.documents, said["epochs"].get(name)))
    given = [Knot(step, tuple(weights)) for step, weights in knots]
    return Mixture(domains, given, said["steps"], said["rows"], 8, said["seed"], said["between"])

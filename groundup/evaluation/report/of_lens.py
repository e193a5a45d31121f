"""What the lens saw of one text, as one page: who looked at whom, what each layer would have said, how vectors grew.

The figures are those of `model/lens.py`; shares travel as bytes, a row of the map each, and the page needs no other file.
"""

import base64
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from markupsafe import Markup

from groundup.evaluation.report.of_tokenizer import data
from groundup.evaluation.report.page import environment

GUESSES = 5  # of each layer for each token


def page(name: str, tokens: Sequence[str], shares: dict[int, Any], guesses: list[list[list[tuple[str, float]]]],
         lengths: list[list[float]], surprise: Sequence[float | None]) -> str:  # fmt: skip
    """The page as HTML.

    shares: layer -> array (heads, time, time); guesses[layer][token]: what would have followed, and how likely;
    lengths[layer][token] of the vectors; surprise: nats that each token cost, none for the first.
    """
    told = {
        "tokens": list(tokens),
        "surprise": [None if each is None else round(each, 3) for each in surprise],
        "guesses": [[[(word, round(chance, 4)) for word, chance in row] for row in layer] for layer in guesses],
        "lengths": [[round(each, 2) for each in layer] for layer in lengths],
        "maps": [
            {"layer": layer, "heads": len(found), "bytes": base64.b64encode(as_bytes(found)).decode()}
            for layer, found in sorted(shares.items())
        ],
    }
    heads = sum(len(found) for found in shares.values())
    return (
        environment()
        .get_template("lens.html.jinja")
        .render(
            name=name,
            layers=len(guesses) - 1,
            tokens=len(tokens),
            heads=heads,
            data=data(told),
            script=Markup(Path(__file__).with_name("lens.js").read_text(encoding="utf-8")),
        )
    )


def as_bytes(shares: Any) -> bytes:
    """Shares from 0 to 1 as one byte each."""
    import numpy as np

    return np.rint(np.asarray(shares) * 255).astype(np.uint8).tobytes()

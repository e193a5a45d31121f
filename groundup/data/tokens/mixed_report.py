"""What a mixture will have read and what was wished, phase by phase: the numbers of `mixture.json` and of the metrics."""

import json
from typing import Any

import numpy as np

from groundup.data.tokens.mixture import Mixture
from groundup.data.tokens.shares import wishes

FORMAT, FILE = 1, "mixture.json"


def told(mixture: Mixture) -> dict[str, Any]:
    """Wished and realised shares, tokens and epochs of each domain, over all and for each phase between two knots."""
    borders = sorted({0, mixture.steps, *(knot.step for knot in mixture.knots if knot.step < mixture.steps)})
    shares = wishes(mixture.knots, mixture.steps, mixture.between)
    phases = [
        {"from_step": first, "to_step": last, "domains": _stretch(mixture, shares, first, last)}
        for first, last in zip(borders, borders[1:], strict=False)
    ]
    sizes = {
        domain.name: {
            "tokens": domain.tokens,
            "windows": domain.source.windows,
            "padding": round(padding(domain.source), 6),
            "most_epochs": domain.epochs,
            "first_document": int(mixture.first_document[number]),
        }
        for number, domain in enumerate(mixture.domains)
    }
    return {
        "format": FORMAT,
        "rows": mixture.rows,
        "time": mixture.time,
        "between": mixture.between,
        "domains": sizes,
        "whole": _stretch(mixture, shares, 0, mixture.steps),
        "phases": phases,
    }


def as_text(mixture: Mixture) -> str:
    """The same as a file."""
    return json.dumps(told(mixture), indent=1) + "\n"


def at(mixture: Mixture, step: int) -> dict[str, float]:
    """Metrics after a step: `share.NAME` of all rows so far."""
    counts = mixture.before[min(step, mixture.steps)]
    return {
        f"share.{domain.name}": round(int(count) / max(1, int(counts.sum())), 6)
        for domain, count in zip(mixture.domains, counts, strict=True)
    }


def padding(source: Any) -> float:
    """The share of a source's places that hold nothing: windows of one long text have none."""
    return getattr(source, "padding", 0.0)


def _stretch(mixture: Mixture, shares: np.ndarray, first: int, last: int) -> dict[str, Any]:
    counts, wished = mixture.before[last] - mixture.before[first], shares[first:last].mean(0)
    return {
        domain.name: {
            "wished": round(float(wished[number]), 6),
            "realised": round(int(counts[number]) / ((last - first) * mixture.rows), 6),
            "rows": int(counts[number]),
            "tokens": round(int(counts[number]) * mixture.time * (1 - padding(domain.source))),
            "epochs": round(int(counts[number]) / domain.source.windows, 4),
        }
        for number, domain in enumerate(mixture.domains)
    }

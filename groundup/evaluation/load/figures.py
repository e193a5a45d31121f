"""Times of many answers as a few numbers: how much came in a second, how long people waited, and what went wrong.

Percentiles are of the answers that came to their end; what failed is counted by kind, and what was stopped is only counted.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from groundup.evaluation.load.answer import STOPPED, Outcome
from groundup.evaluation.load.drive import Drive

PERCENTILES = (50, 90, 95, 99)
WAITS = {  # name in the figures -> as people read it
    "first_token": "time to first token",
    "between_tokens": "time between pieces of text",
    "per_token": "time per token after the first",
    "whole": "time to the whole answer",
}


def waits(outcomes: Sequence[Outcome]) -> dict[str, list[float]]:
    """All times by what they are of, sorted, in seconds."""
    right = [outcome for outcome in outcomes if outcome.right]
    streamed = [outcome for outcome in right if outcome.pieces]
    found = {
        "first_token": [outcome.pieces[0] - outcome.planned for outcome in streamed],
        "between_tokens": [
            after - before
            for outcome in streamed
            for before, after in zip(outcome.pieces, outcome.pieces[1:], strict=False)
        ],
        "per_token": [
            (outcome.pieces[-1] - outcome.pieces[0]) / (outcome.tokens - 1)
            for outcome in streamed
            if outcome.tokens > 1
        ],
        "whole": [outcome.ended - outcome.planned for outcome in right],
    }
    return {name: sorted(times) for name, times in found.items()}


def percentile(ordered: Sequence[float], percent: float) -> float:
    """Between the two nearest of sorted values, in proportion."""
    place = (len(ordered) - 1) * percent / 100
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (place - below)


def summary(ordered: Sequence[float]) -> dict[str, float]:
    """Percentiles, mean and the longest."""
    if not ordered:
        return {}
    told = {f"p{percent}": percentile(ordered, percent) for percent in PERCENTILES}
    told |= {"mean": sum(ordered) / len(ordered), "longest": ordered[-1]}
    return {name: round(value, 6) for name, value in told.items()}


def figures(told: Drive) -> dict[str, Any]:
    """Everything about one drive; times in seconds."""
    right = [outcome for outcome in told.outcomes if outcome.right]
    wrong = Counter(outcome.error for outcome in told.outcomes if outcome.error not in (None, STOPPED))
    seconds = max(told.seconds or told.clock(), 1e-9)
    tokens, prompt_tokens = sum(each.tokens for each in right), sum(each.prompt_tokens for each in right)
    return {
        "load": told.load.name,
        "rate": told.load.rate,
        "users": None if told.load.rate is not None else told.load.users,
        "seconds": round(seconds, 3),
        "sent": len(told.outcomes) + told.running,
        "answered": len(right),
        "stopped": sum(outcome.error == STOPPED for outcome in told.outcomes),
        "errors": dict(wrong.most_common()),
        "examples": {outcome.error: outcome.said for outcome in told.outcomes if outcome.error in wrong},
        "requests_per_second": round(len(right) / seconds, 3),
        "tokens_per_second": round(tokens / seconds, 2),
        "prompt_tokens": prompt_tokens,
        "tokens": tokens,
        "most_at_once": most_at_once(told.outcomes),
        "sent_late": summary(sorted(outcome.sent - outcome.planned for outcome in told.outcomes)),
        **{name: summary(times) for name, times in waits(told.outcomes).items()},
    }


def most_at_once(outcomes: Sequence[Outcome]) -> int:
    """Requests that were under way at the same time."""
    steps = sorted([(each.sent, 1) for each in outcomes] + [(each.ended, -1) for each in outcomes])
    most = now = 0
    for _, step in steps:
        now += step
        most = max(most, now)
    return most

"""The forms that can be asked for, by name: a regular expression, a JSON schema, a choice, any JSON object.

`form` makes masks of one for a vocabulary; whatever is wrong with it is said before anything is written.
"""

from collections.abc import Callable, Sequence
from typing import Any

from groundup.errors import Problem
from groundup.generation.constrained.expressions import NOTHING, Expressions
from groundup.generation.constrained.json_schema import schema
from groundup.generation.constrained.json_values import Values
from groundup.generation.constrained.masks import Masks, Vocabulary
from groundup.generation.constrained.regex import regex

MOST_CHOICES, MOST_CHARACTERS = 4096, 200_000  # choices, and characters of all together

Build = Callable[[Expressions], int]


def by_regex(pattern: str) -> Build:
    """A text that the pattern matches as a whole."""
    return lambda expressions: regex(expressions, pattern)


def by_schema(told: Any) -> Build:
    """JSON that fits a schema."""
    return lambda expressions: schema(expressions, told)


def by_choice(choices: Sequence[str]) -> Build:
    """One of these texts."""
    if not choices or not all(isinstance(choice, str) and choice for choice in choices):
        raise Problem(
            "choices are a list of texts of which one is the answer: give at least one, and none that is empty"
        )
    if len(choices) > MOST_CHOICES or sum(map(len, choices)) > MOST_CHARACTERS:
        raise Problem(
            f"there are {len(choices)} choices: at most {MOST_CHOICES} with {MOST_CHARACTERS} characters can be followed"
        )
    return lambda expressions: expressions.words(choice.encode(errors="surrogatepass") for choice in choices)


def json_object() -> Build:
    """Any JSON object."""
    return lambda expressions: Values(expressions).object()


def form(vocabulary: Vocabulary, build: Build, lead: str = "") -> Masks:
    """Masks for an answer of this form; the first of them is made here, so that what is slow is slow before it is queued."""
    expressions = Expressions()
    try:
        whole = build(expressions)
        if whole == NOTHING:
            raise Problem("no text has the form that was asked for")
        masks = Masks(vocabulary, expressions, whole, lead)
    except RecursionError:
        raise Problem("the form asked for is nested too deeply to be followed") from None
    if masks.empty:
        raise Problem("only the empty text has the form that was asked for")
    masks.allowed(masks.start())
    return masks

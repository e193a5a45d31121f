"""Answers that are chosen among others: the likeliest of several that were drawn, or what a search with beams finds.

A search is a generator that the worker takes one pass of between two steps of its engine, so that nobody's stream stands
still for it. What comes out are pieces of an order like any other answer's.
"""

import math
from collections.abc import Callable, Generator, Sequence

from groundup.generation.beam import Found, steps
from groundup.generation.language_model import LanguageModel
from groundup.generation.utterance import Utterance
from groundup.serving.protocol import Asked, ChatAsked
from groundup.serving.refusal import Refusal
from groundup.serving.worker import Piece, Token


class Searching:
    """One prompt's search: its answers are the order's from `first` on, the best first."""

    def __init__(
        self,
        passes: Generator[None, None, list[Found]],
        first: int,
        beams: int,
        utterance: Callable[[], Utterance],
        deliver: Callable[[Piece], None],
    ):
        self.passes, self.first, self.beams, self.utterance, self.deliver = passes, first, beams, utterance, deliver
        self.given_up = False

    def advance(self) -> bool:
        """One more pass; whether there is more to do."""
        if self.given_up:
            return False
        try:
            next(self.passes)
        except StopIteration as end:
            self._tell(end.value)
            return False
        return True

    def fail(self) -> None:
        """Tell the client that nothing more will come."""
        for choice in range(self.first, self.first + self.beams):
            self.deliver(Piece(choice, "", [], 0, "error"))

    def _tell(self, found: Sequence[Found]) -> None:
        for choice, one in enumerate(found, self.first):
            utterance = self.utterance()
            text = "".join([*(utterance.push(token) for token in one.ids), utterance.flush()])
            finish = "stop" if utterance.stopped else one.finish
            self.deliver(Piece(choice, text, [], len(one.ids), finish))


def passes(
    lm: LanguageModel, asked: Asked, ids: Sequence[int], stops: frozenset[int]
) -> Generator[None, None, list[Found]]:
    """The search that a request asks for after one of its prompts."""
    limit = getattr(asked, "limit", None) or lm.context
    ends = frozenset() if asked.ignore_eos else stops
    penalty = 1.0 if asked.length_penalty is None else asked.length_penalty
    return steps(lm.model, ids, limit, asked.made, ends, penalty, lm.context)


def check(asked: Asked, vocabulary: int) -> None:
    """A Refusal where what is asked for does not go together, before anything is begun."""
    if asked.made < asked.told:
        raise wrong("best_of", f"best_of is {asked.best_of}, and {asked.told} answers are to be told of them")
    if asked.stream and (asked.use_beam_search or asked.made > asked.told):
        what = "use_beam_search" if asked.use_beam_search else "best_of"
        raise wrong(what, f"{what} knows its answers only at the end, so they cannot be streamed: leave out stream")
    if not asked.use_beam_search:
        if asked.length_penalty is not None:
            raise wrong("length_penalty", "length_penalty is for beams: say use_beam_search, too, or leave it out")
        return
    if asked.made > vocabulary:
        raise wrong("best_of", f"{asked.made} beams were asked for, and this model knows {vocabulary} tokens")
    if field := next((name for name, given in unable(asked).items() if given), None):
        raise wrong(
            field, f"{field} cannot be asked for with use_beam_search: a search takes the likeliest text as it is"
        )


def unable(asked: Asked) -> dict[str, bool]:
    """What a search cannot do, and whether it is asked for. What only says how to draw is of no account to it."""
    neutral = {"repetition_penalty": 1.0, "presence_penalty": 0.0, "frequency_penalty": 0.0, "min_tokens": 0}
    changed = {name: getattr(asked, name) not in (None, value) for name, value in neutral.items()}
    named = ("logit_bias", "guided_regex", "guided_json", "guided_choice", "structured_outputs")
    told = {name: getattr(asked, name) is not None for name in named}
    format_ = asked.response_format
    more = {"response_format": format_ is not None and format_.type != "text", "logprobs": asked.top is not None}  # type: ignore[attr-defined]
    tools = {"tools": isinstance(asked, ChatAsked) and bool(asked.offered)}
    return changed | told | more | tools


def chosen(asked: Asked, tokens: Sequence[Sequence[Token]]) -> list[int]:
    """Which of all answers that were made are told, in order."""
    each = asked.made
    if asked.use_beam_search:
        return [first + rank for first in range(0, len(tokens), each) for rank in range(asked.told)]
    return list(range(len(tokens))) if each == asked.told else likeliest(tokens, len(tokens) // each, asked.told)


def likeliest(tokens: Sequence[Sequence[Token]], prompts: int, told: int) -> list[int]:
    """Of the answers to each prompt (as many to one as to another) those whose tokens are likeliest on average, best first."""
    each, chosen = len(tokens) // prompts, []
    for first in range(0, len(tokens), each):
        order = sorted(range(first, first + each), key=lambda choice: -average(tokens[choice]))
        chosen += order[:told]
    return chosen


def average(tokens: Sequence[Token]) -> float:
    """The mean log-probability of an answer's tokens; who says nothing comes last."""
    known = [token.logprob for token in tokens if token.logprob is not None]
    return sum(known) / len(known) if known else -math.inf


def wrong(field: str, why: str) -> Refusal:
    """The sentence about a field."""
    return Refusal(400, why, "invalid_value", field)

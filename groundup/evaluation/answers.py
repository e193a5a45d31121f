"""When an answer counts as right: by its end, so that a model may think aloud before it concludes.

The last sentence must name one of the accepted answers, and nothing else that could have been one: of "Anna has the
lantern. Anna is in the mill. The lantern is in the mill." only the last sentence counts, and of it only the place.
"""

import re
from collections.abc import Iterable, Sequence
from functools import cached_property

from groundup.evaluation.questions import Question

NUMBER = re.compile(r"(?<![\w.,])-?\d+(?:[.,]\d+)*(?!\w)")
LETTER = re.compile(r"(?<!\w)([A-Z])\)")
BOUNDARY = re.compile(r"(?<=[.!?])\s+|\n+")


class Judge:
    """Knows all answers that any of the questions accepts: the candidates among which an answer has to decide."""

    def __init__(self, questions: Iterable[Question]):
        known = {bare(answer) for question in questions for answer in (*question.answers, *question.choices)}
        self.candidates = {form: sorted(text for text in known if shape(text) == form) for form in ("name", "word")}

    @cached_property
    def _patterns(self) -> dict[str, re.Pattern[str]]:
        return {form: whole_words(texts) for form, texts in self.candidates.items()}

    def right(self, question: Question, text: str) -> bool:
        """Whether the answer ends in an accepted answer and names no other of its class that was not in the question."""
        end = last_sentence(text)
        if question.choices and (letters := LETTER.findall(end)):
            return set(letters) == {chr(ord("A") + question.correct)}
        accepted = {bare(answer).lower() for answer in question.answers}
        shapes = {shape(answer) for answer in question.answers}
        if "number" in shapes:  # 4 + 5 = 9: only the last number is the answer
            return (NUMBER.findall(end) or [""])[-1] in accepted
        said = self._named(end, shapes)
        return bool(said & accepted) and said <= accepted | self._named(question.question, shapes)

    def _named(self, text: str, shapes: set[str]) -> set[str]:
        """The candidates of these classes that a text names, in small letters."""
        return {match.lower() for form in shapes for match in self._patterns[form].findall(text)}


def last_sentence(text: str) -> str:
    """The last sentence that has a word in it."""
    return next((part for part in reversed(BOUNDARY.split(text)) if re.search(r"\w", part)), "")


def shape(answer: str) -> str:
    """The class of an answer, as far as one can see it: a number, a name, or another word."""
    answer = bare(answer)
    if NUMBER.fullmatch(answer):
        return "number"
    return "name" if answer[:1].isupper() else "word"


def bare(answer: str) -> str:
    """Without article and full stop."""
    return re.sub(r"^(?:the|an?)\s+(?=\S)", "", answer.strip().rstrip(".!?"), flags=re.IGNORECASE)


def whole_words(texts: Sequence[str]) -> re.Pattern[str]:
    """Any of the texts as whole words, the longest that fits, whatever their case."""
    longest_first = sorted(texts, key=lambda text: (-len(text), text))
    any_of = "|".join(map(re.escape, longest_first)) or r"(?!)"
    return re.compile(rf"(?<!\w)(?:{any_of})(?!\w)", re.IGNORECASE)

"""What is asked of a model: questions with the answers that count, attacks with their secret, harmless look-alikes.

All three come as JSON lines and leave as plain values that were checked line by line, so that whatever is wrong with a
file is said before any model is loaded. A question needs `question` and `answers`; everything else may be left out.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from groundup.errors import Problem

FILE = "test.jsonl"  # of questions or attacks, in the folder that holds them
LOOKALIKES = "lookalikes.jsonl"
Message = dict[str, str]
Item = TypeVar("Item", bound="Question | Attack | Lookalike")


@dataclass(frozen=True)
class Question:
    """A question, perhaps about a text, after some solved examples; `correct` is the place of the right choice."""

    id: str
    kind: str
    question: str
    answers: tuple[str, ...]
    answer: str = ""
    context: str = ""
    shots: tuple[tuple[str, str], ...] = ()
    choices: tuple[str, ...] = ()
    correct: int = -1

    def messages(self, shots: int) -> list[Message]:
        """The conversation that asks it: the text first, then the last so many examples as turns, then the question."""
        told = self.shots[len(self.shots) - shots :]
        asked = [*(question for question, _ in told), self.question]
        asked[0] = f"{self.context}\n{asked[0]}" if self.context else asked[0]
        turns = [{"role": "user", "content": asked[0]}]
        for (_, answer), question in zip(told, asked[1:], strict=True):
            turns += [{"role": "assistant", "content": answer}, {"role": "user", "content": question}]
        return turns

    @property
    def cluster(self) -> str:
        """Equal for questions that ask the same thing in other words: they are right or wrong together."""
        told = self.answer.partition(". ")[0] if self.choices else self.answer
        return f"{self.context}\n{told}" if told else self.id


@dataclass(frozen=True)
class Attack:
    """A conversation that tries to get a secret; `template` names the idea behind it."""

    id: str
    template: str
    prompt: tuple[Message, ...]
    secret: str


@dataclass(frozen=True)
class Lookalike:
    """A conversation that looks like an attack and deserves one of the answers."""

    id: str
    prompt: tuple[Message, ...]
    answers: tuple[str, ...]
    answer: str = ""


def read_questions(path: str | Path, limit: int | None = None) -> list[Question]:
    """The questions in a file, or in a folder's test.jsonl; with a limit about so many, evenly over the file."""
    return evenly(list(_read(_file(path, FILE), _question)), limit)


def read_attacks(path: str | Path, limit: int | None = None) -> list[Attack]:
    """The attacks in a file, or in a folder's test.jsonl."""
    return evenly(list(_read(_file(path, FILE), _attack)), limit)


def read_lookalikes(path: str | Path, limit: int | None = None) -> list[Lookalike]:
    """The look-alikes beside a file of attacks; none where there is no such file."""
    path = Path(path)
    file = (path if path.is_dir() else path.parent) / LOOKALIKES
    return evenly(list(_read(file, _lookalike)), limit) if file.exists() else []


def _file(path: str | Path, name: str) -> Path:
    path = Path(path)
    file = path / name if path.is_dir() else path
    if not file.is_file():
        raise Problem(f"there is no file {file}: expected JSON lines, one question or attack each")
    return file


def evenly(items: list[Item], limit: int | None) -> list[Item]:
    """All of them, or so many spread over the whole list."""
    if limit is None or limit >= len(items):
        return items
    return [items[number * len(items) // limit] for number in range(limit)]


def _read(file: Path, make: Callable[[dict[str, Any], str], Item]) -> Iterator[Item]:
    found = False
    with open(file, "rb") as lines:
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            try:
                told = json.loads(line)
                if not isinstance(told, dict):
                    raise ValueError("expected names with values")
                yield make(told, str(told.get("id", f"{number:06}")))
            except KeyError as error:
                raise Problem(f"{file}, line {number}: {error} is missing") from None
            except (ValueError, TypeError, IndexError) as error:
                raise Problem(f"{file}, line {number}: {error}") from None
            found = True
    if not found:
        raise Problem(f"{file} is empty: expected JSON lines, one question or attack each")


def _question(told: dict[str, Any], name: str) -> Question:
    choices = tuple(_texts(told, "choices")) if told.get("choices") else ()
    correct = told.get("correct")
    if choices and not (isinstance(correct, int) and 0 <= correct < len(choices)):
        raise ValueError(f"correct is {correct!r}; expected the place of the right choice, 0 to {len(choices) - 1}")
    answers = _texts(told, "answers") if "answers" in told or not choices else [choices[correct or 0]]
    return Question(
        id=name,
        kind=str(told.get("kind") or "free"),
        question=_with_choices(_text(told, "question"), choices),
        answers=tuple(answers),
        answer=str(told.get("answer") or ""),
        context=str(told.get("context") or ""),
        shots=tuple((_text(shot, "question"), _text(shot, "answer")) for shot in told.get("shots") or ()),
        choices=choices,
        correct=correct if choices and correct is not None else -1,
    )


def _with_choices(question: str, choices: tuple[str, ...]) -> str:
    """The question with its choices as A) … B) …, unless it names them already."""
    if all(choice in question for choice in choices):
        return question
    return " ".join([question, *lettered(choices)])


def lettered(choices: tuple[str, ...]) -> list[str]:
    """A) the first, B) the second, …"""
    return [f"{chr(ord('A') + place)}) {choice}" for place, choice in enumerate(choices)]


def _attack(told: dict[str, Any], name: str) -> Attack:
    return Attack(name, str(told.get("template", "")), _conversation(told), _text(told, "secret"))


def _lookalike(told: dict[str, Any], name: str) -> Lookalike:
    return Lookalike(name, _conversation(told), tuple(_texts(told, "answers")), str(told.get("answer") or ""))


def _conversation(told: dict[str, Any]) -> tuple[Message, ...]:
    return tuple({"role": _text(turn, "role"), "content": _text(turn, "content")} for turn in told["prompt"])


def _text(told: dict[str, Any], name: str) -> str:
    if not isinstance(told[name], str):
        raise ValueError(f"{name} is {told[name]!r}; expected text")
    return told[name]


def _texts(told: dict[str, Any], name: str) -> list[str]:
    found = told[name]
    if not isinstance(found, list) or not found or not all(isinstance(text, str) and text.strip() for text in found):
        raise ValueError(f"{name} is {found!r}; expected a list of texts, at least one")
    return found

"""Examination: questions go to a model, answers come back, and shares of right ones with their intervals go out.

Here too is measured what else one wants to know before a model is let out: whether it keeps secrets, whether it turns
harmless questions away, how much it copied, and whether the cleaning of its text took what it should.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from groundup.evaluation.asking import Subject
    from groundup.evaluation.questions import Question


def evaluate(
    lm: "Subject",
    tasks: "str | Path | Iterable[Question]",
    attacks: str | Path | None = None,
    kinds: Iterable[str] | None = None,
    limit: int | None = None,
) -> dict[str, Any]:
    """Figures for one loaded model, as in scores.json, on the questions in a file or folder, or given one by one.

    `kinds` leaves out questions of other kinds, `limit` asks only about so many.
    """
    from groundup.evaluation.questions import evenly, read_attacks, read_lookalikes, read_questions
    from groundup.evaluation.tasks import examine

    questions = read_questions(tasks) if isinstance(tasks, str | Path) else list(tasks)
    if kinds is not None:
        wanted = set(kinds)
        questions = [question for question in questions if question.kind in wanted]
    told = (read_attacks(attacks, limit), read_lookalikes(attacks, limit)) if attacks is not None else ((), ())
    return examine(lm, evenly(questions, limit), *told).scores

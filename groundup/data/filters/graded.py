"""Scores of texts from a model behind an OpenAI-compatible endpoint: how much would a pupil learn from each?

The way of FineWeb-Edu (Penedo et al. 2024): a large model grades a few hundred texts from 0 to 5, a small classifier
learns from that and grades the rest. Answers are kept in a file, so no text is ever paid for twice.
"""

import asyncio
import hashlib
import json
import re
from collections.abc import Callable, Iterable
from itertools import islice

from pydantic import Field

from groundup.config import Settings
from groundup.data.side_by_side import all_done
from groundup.data.synthetic.answers import Answers, asked
from groundup.data.synthetic.speaker import Sampling, Silent, Speaker
from groundup.errors import Problem

SCALE = """You grade texts by how much a pupil at school could learn from them. Read the text and give it a whole number:
0: nothing: advertising, menus, lists of links, noise
1: a few facts among other things
2: something about a subject of school or study, but in disorder or in passing
3: it explains something of use at school, in order, with little beside it
4: it teaches clearly, step by step, like a chapter of a textbook
5: outstanding for teaching: clear, right, complete, with nothing that distracts
Say in one sentence why, then end with a line that holds nothing but: Score: N"""
SCORE = re.compile(r"score\W{0,6}([0-5])(?![\d.]*\d)", re.IGNORECASE)
CAREFULLY = Sampling(temperature=0.0, top_p=1.0, max_tokens=1024)


class GradeSettings(Settings):
    """Which model grades, and how many texts it is asked about."""

    endpoint: str = Field(description="address of an OpenAI-compatible API, such as http://localhost:8000/v1")
    model: str = Field(description="the model's name there")
    texts: int = Field(500, ge=1, le=100_000, description="the most texts that it is asked about, one request each")
    characters: int = Field(3000, ge=100, description="of each text so many are shown to it")
    key: str = Field("", description="name of the environment variable that holds the API key; empty: none is sent")
    answers: str = Field(
        "",
        exclude=True,
        description="file that keeps the answers for later; empty: answers.jsonl in the stage's folder",
    )
    prompt: str = Field(SCALE, description="what it is told; the answer must hold `Score: N`")
    seconds: float = Field(60, gt=0, exclude=True, description="to wait for an answer")
    concurrency: int = Field(4, gt=0, le=256, exclude=True, description="texts that it is asked about at once")


def graded(
    texts: Iterable[str],
    settings: GradeSettings,
    speaker: Speaker,
    answers: Answers,
    stopping: Callable[[], bool] = lambda: False,
    tell: Callable[[int], None] = lambda done: None,
) -> list[tuple[str, int]]:
    """(text, 0 to 5) of the first `settings.texts` texts, in their order; one whose answer holds no score is left out."""
    chosen = list(islice(texts, settings.texts))
    shown = {name_of(text, settings): text[: settings.characters] for text in chosen}
    missing = {name: text for name, text in shown.items() if name not in answers.calls}
    asyncio.run(_ask(missing, settings, speaker, answers, stopping, lambda: tell(len(shown.keys() & answers.calls))))
    scores = ((text, score_in(answers.calls[name_of(text, settings)][0]["text"])) for text in chosen)
    return [(text, score) for text, score in scores if score is not None]


def name_of(text: str, settings: GradeSettings) -> str:
    """What an answer is kept under: whoever asks another model, in other words or of another text, asks anew."""
    told = [settings.model, settings.prompt, text[: settings.characters]]
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()


def score_in(answer: str) -> int | None:
    """The last score that an answer names."""
    found = SCORE.findall(answer)
    return int(found[-1]) if found else None


async def _ask(
    missing: dict[str, str],
    settings: GradeSettings,
    speaker: Speaker,
    answers: Answers,
    stopping: Callable[[], bool],
    tell: Callable[[], None],
) -> None:
    """So many at a time; a text that gets no answer ends it, since the classifier must not hang on a server's bad hour."""
    waiting = iter(missing.items())

    async def work() -> None:
        for name, text in waiting:
            messages = [{"role": "system", "content": settings.prompt}, {"role": "user", "content": text}]
            try:
                _, call = await asked(speaker, messages, CAREFULLY, 0)
            except Silent as error:
                raise Problem(
                    f"{settings.endpoint} gives no answer ({error}); {answers.path} keeps those that came, and the same "
                    "command asks for the rest"
                ) from None
            answers.add(name, [call])

    await all_done((work() for _ in range(settings.concurrency)), stopping, tell)

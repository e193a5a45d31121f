"""How a conversation is put to a model: as a chat, or for a model that never saw one, as plain text to go on with.

Both forms carry the same solved examples and the same question. What comes back is the answer's text, ended by the
model (its closing control token, in plain text the end of the line) or cut off when it is far too long.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np

if TYPE_CHECKING:
    from groundup.evaluation.questions import Message, Question
    from groundup.model.transformer import Transformer
    from groundup.tokenizer import Tokenizer

ANSWER_TOKENS = 48  # of an answer whose usual length nobody knows
SPARE = 6  # tokens that an answer may be longer than one and a half of the longest solution of its kind


class Subject(Protocol):
    """Whoever is examined: what `groundup.load` returns is one."""

    @property
    def model(self) -> "Transformer": ...

    @property
    def tokenizer(self) -> "Tokenizer": ...

    @property
    def template(self) -> str | None: ...


def load(path: str | Path) -> Subject:
    """The model in a folder or file, or in the folder of the stage that trained it."""
    from groundup import generation
    from groundup.model import folder

    return generation.load(folder.within(path))


@dataclass(frozen=True)
class Reply:
    """What a model answered, and whether it came to an end by itself."""

    text: str
    ended: bool


def forms_of(subject: Subject) -> list[str]:
    """The forms in which a model can be asked; as a chat only if its tokenizer has the control tokens."""
    from groundup.tokenizer import chat

    names = set(chat.specials(subject.template or "plain"))
    return ["chat", "plain"] if names <= set(subject.tokenizer.specials) else ["plain"]


def chat_prompts(subject: Subject, conversations: "Sequence[Sequence[Message]]") -> list[np.ndarray]:
    """As the chat template writes it, up to where the assistant answers."""
    from groundup.tokenizer import chat

    return [
        made.ids for made in chat.render_many(subject.tokenizer, conversations, subject.template or "plain", reply=True)
    ]


def plain_prompts(subject: Subject, conversations: "Sequence[Sequence[Message]]") -> list[np.ndarray]:
    """As a text of questions and answers that breaks off after `Answer:`."""
    from groundup.tokenizer import chat

    start = np.array(chat.separator_ids(subject.tokenizer), np.uint32)
    encoded = subject.tokenizer.encode_many([plain_text(messages) for messages in conversations])
    return [np.concatenate([start, ids]) for ids in encoded]


def plain_text(messages: "Sequence[Message]") -> str:
    """The last line of what a user says is the question, what stands above it the text it is about."""
    lines = []
    for message in messages:
        above, _, last = message["content"].strip().rpartition("\n")
        word = {"user": "Question: ", "assistant": "Answer: "}.get(message["role"], "")
        lines += [*([above] if above else []), word + last]
    return "\n".join([*lines, "Answer:"])


PROMPTS: dict[str, Callable[[Subject, "Sequence[Sequence[Message]]"], list[np.ndarray]]] = {
    "chat": chat_prompts,
    "plain": plain_prompts,
}


def prompts(subject: Subject, questions: "Sequence[Question]", form: str, room: int) -> list[np.ndarray]:
    """The ids that ask each question, with as many of its solved examples as leave `room` for the answer."""
    longest = subject.model.settings.context - room - 1
    shots = [len(question.shots) for question in questions]
    found = PROMPTS[form](subject, [question.messages(count) for question, count in zip(questions, shots, strict=True)])
    while long := [place for place, ids in enumerate(found) if len(ids) > longest and shots[place]]:
        for place in long:
            shots[place] -= 1
        again = PROMPTS[form](subject, [questions[place].messages(shots[place]) for place in long])
        for place, ids in zip(long, again, strict=True):
            found[place] = ids
    return found


def answer_tokens(subject: Subject, questions: "Sequence[Question]") -> dict[str, int]:
    """For each kind of question how long an answer may be: half as long again as the longest solution of that kind."""
    longest: dict[str, int] = {}
    for question, ids in zip(questions, subject.tokenizer.encode_many([q.answer for q in questions]), strict=True):
        longest[question.kind] = max(longest.get(question.kind, 0), len(ids))
    return {kind: length * 3 // 2 + SPARE if length else ANSWER_TOKENS for kind, length in longest.items()}


def replies(
    subject: Subject,
    asked: Sequence[np.ndarray],
    form: str,
    limits: Sequence[int],
    done: Callable[[int], None] | None = None,
) -> list[Reply]:
    """Greedy answers; a prompt that leaves no room for one gets none."""
    from groundup.evaluation.threads import side_by_side
    from groundup.generation.batch import Answer, generate
    from groundup.tokenizer import chat

    context, tokenizer = subject.model.settings.context, subject.tokenizer
    fitting = [place for place, ids in enumerate(asked) if len(ids) < context]
    stops = chat.stop_ids(tokenizer, subject.template or "plain")
    newlines = {token for token in range(tokenizer.size) if b"\n" in tokenizer.token_bytes(token)}

    def some(places: list[int], heard: Callable[[int], None]) -> list[Answer]:
        return generate(
            subject.model,
            [asked[place] for place in places],
            [limits[place] for place in places],
            stop_ids=stops,
            ends=(lambda _, token: token in newlines) if form == "plain" else None,
            done=heard,
        )

    made = side_by_side(subject.model, fitting, some, done)
    found = [Reply("", False)] * len(asked)
    for place, answer in zip(fitting, made, strict=True):
        text = tokenizer.decode(answer.ids)
        found[place] = Reply(
            text.strip() if form == "chat" else text.partition("\n")[0].strip(), answer.finish == "stop"
        )
    return found


def likelihoods(
    subject: Subject, asked: Sequence[np.ndarray], options: Sequence[Sequence[str]], form: str
) -> list[list[float]]:
    """For each prompt, how likely each of its options is as the answer: nats for each byte of it."""
    from groundup.evaluation.threads import side_by_side
    from groundup.generation.batch import score
    from groundup.tokenizer import chat

    before = " " if form == "plain" else chat.lead(subject.tokenizer, subject.template or "plain")
    rows, masks, sizes = [], [], []
    for prompt, texts in zip(asked, options, strict=True):
        for text in texts:
            ids = subject.tokenizer.encode(before + text)
            rows.append(np.concatenate([prompt, ids])[-subject.model.settings.context :])
            masks.append(np.arange(len(rows[-1])) >= len(rows[-1]) - len(ids))
            sizes.append(len((before + text).encode()))

    def some(places: list[int], heard: Callable[[int], None]) -> list[np.ndarray]:
        return score(subject.model, [rows[place] for place in places], [masks[place] for place in places], heard)

    scores = side_by_side(subject.model, list(range(len(rows))), some)
    told = iter([float(line.sum()) / size for line, size in zip(scores, sizes, strict=True)])
    return [[next(told) for _ in texts] for texts in options]

"""An examination of one model: every question asked, every answer judged, every figure with its interval.

Base, chat and aligned models are asked the same questions with the same solved examples and judged by the same rule. A
model that does not end its answers as a chat does is asked in plain text as well, and the better form counts for it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from groundup.evaluation import asking, metrics, redteam
from groundup.evaluation.answers import Judge
from groundup.evaluation.asking import Reply, Subject
from groundup.evaluation.questions import Attack, Lookalike, Question, lettered

Done = Callable[[int], None]
CONVERSES = 0.5  # a model that ends this share of its answers by itself knows what a chat is


@dataclass(frozen=True)
class Verdict:
    """A question's answer in one form."""

    text: str
    right: bool
    form: str
    ended: bool = True


@dataclass
class Examination:
    """What one model made of everything: verdicts by task and id, replies to attacks, and the figures of scores.json."""

    verdicts: dict[str, dict[str, Verdict]] = field(default_factory=dict)  # task -> question's id -> verdict
    attacks: dict[str, dict[str, Any]] = field(default_factory=dict)  # attack's or look-alike's id -> answer, verdict
    scores: dict[str, Any] = field(default_factory=dict)


def written(subject: Subject, questions: Sequence[Question], form: str, judge: Judge, done: Done) -> list[Verdict]:
    """The model writes an answer, the likeliest token each time, and its end decides."""
    limits = asking.answer_tokens(subject, questions)
    asked = asking.prompts(subject, questions, form, max(limits.values(), default=0))
    found = asking.replies(subject, asked, form, [limits[question.kind] for question in questions], done)
    return [
        Verdict(reply.text, judge.right(question, reply.text), form, reply.ended)
        for question, reply in zip(questions, found, strict=True)
    ]


def likeliest(subject: Subject, questions: Sequence[Question], form: str, judge: Judge, done: Done) -> list[Verdict]:
    """The model only says how likely each choice is, for each byte of it; the likeliest counts as its answer."""
    options = [[f"{option}." for option in lettered(question.choices)] for question in questions]
    room = max((len(subject.tokenizer.encode(" " + text)) for texts in options for text in texts), default=0)
    asked = asking.prompts(subject, questions, form, room)
    verdicts = []
    for question, texts, likely in zip(
        questions, options, asking.likelihoods(subject, asked, options, form), strict=True
    ):
        best = max(range(len(texts)), key=likely.__getitem__)
        verdicts.append(Verdict(texts[best], best == question.correct, form))
    done(len(questions))
    return verdicts


TASKS: dict[str, Callable[[Subject, Sequence[Question], str, Judge, Done], list[Verdict]]] = {
    "written": written,
    "likeliest": likeliest,
}


def examine(
    subject: Subject,
    questions: Sequence[Question],
    attacks: Sequence[Attack] = (),
    lookalikes: Sequence[Lookalike] = (),
    done: Done = lambda number: None,
) -> Examination:
    """Ask everything; `done` hears how many answers there are."""
    found = Examination()
    judge = Judge(questions)
    asked = {"written": list(questions), "likeliest": [question for question in questions if question.choices]}
    forms = asking.forms_of(subject)
    for task, some in asked.items():
        by_form: dict[str, list[Verdict]] = {}
        for form in forms:
            by_form = {form: TASKS[task](subject, some, form, judge, done)} | by_form
            if task == "written" and _converses(by_form[form]):
                forms = [form]
                break
        found.verdicts[task] = _better(some, by_form)
    found.scores = {"accuracy": accuracy(questions, found), "form": _forms(questions, found)}
    if attacks or lookalikes:
        _attack(subject, attacks, lookalikes, _usual_form(found, forms), found, done)
    return found


def accuracy(questions: Sequence[Question], found: Examination) -> dict[str, Any]:
    """Kind of question -> share of right answers with its interval; `likeliest` tasks as KIND_likeliest, `all` last."""
    kinds = dict.fromkeys(question.kind for question in questions)
    told: dict[str, Any] = {}
    for task, verdicts in found.verdicts.items():
        for kind in kinds:
            some = [question for question in questions if question.kind == kind and question.id in verdicts]
            if some:
                name = kind if task == "written" else f"{kind}_{task}"
                told[name] = _share(some, verdicts)
    return told | {"all": _share(questions, found.verdicts["written"])}


def changes(questions: Sequence[Question], before: Examination, after: Examination) -> dict[str, Any]:
    """Kind of question -> how much larger the share of right answers became, with the interval of the difference."""
    told = {}
    for kind in [*dict.fromkeys(question.kind for question in questions), "all"]:
        some = [question for question in questions if kind in (question.kind, "all")]
        first, second = ([each.verdicts["written"][question.id].right for question in some] for each in (before, after))
        told[kind] = metrics.change(first, second, [question.cluster for question in some])
    return told


def _attack(
    subject: Subject,
    attacks: Sequence[Attack],
    lookalikes: Sequence[Lookalike],
    form: str,
    found: Examination,
    done: Done,
) -> None:
    conversations = [each.prompt for each in (*attacks, *lookalikes)]
    prompts = asking.PROMPTS[form](subject, conversations)
    said = asking.replies(subject, prompts, form, [asking.ANSWER_TOKENS] * len(prompts), done)
    for attack, reply in zip(attacks, said, strict=False):
        found.attacks[attack.id] = _attacked(attack, reply)
    for lookalike, reply in zip(lookalikes, said[len(attacks) :], strict=True):
        refused = redteam.refuses(reply.text)
        right = not refused and redteam.answers(lookalike.answers, reply.text)
        found.attacks[lookalike.id] = {"text": reply.text, "refused": refused, "right": right}
    if attacks:
        told = [found.attacks[attack.id] for attack in attacks]
        ideas = [attack.template for attack in attacks]
        found.scores["attack_success"] = metrics.share([each["succeeded"] for each in told], ideas)
        found.scores["secret_told"] = metrics.share([each["secret_told"] for each in told], ideas)
    if lookalikes:
        told = [found.attacks[lookalike.id] for lookalike in lookalikes]
        alike = [lookalike.answer for lookalike in lookalikes]
        found.scores["over_refusal"] = metrics.share([each["refused"] for each in told], alike)
        found.scores["lookalikes_right"] = metrics.share([each["right"] for each in told], alike)


def _attacked(attack: Attack, reply: Reply) -> dict[str, Any]:
    prompt = "\n".join(message["content"] for message in attack.prompt)
    return {
        "text": reply.text,
        "succeeded": redteam.succeeds(attack.secret, prompt, reply.text),
        "secret_told": redteam.secret_told(attack.secret, reply.text),
        "refused": redteam.refuses(reply.text),
    }


def _share(questions: Sequence[Question], verdicts: dict[str, Verdict]) -> dict[str, Any]:
    clusters = [question.cluster for question in questions]
    return metrics.share([verdicts[question.id].right for question in questions], clusters)


def _converses(verdicts: Sequence[Verdict]) -> bool:
    """Whether the model came to an end by itself in chat form."""
    return (
        bool(verdicts)
        and verdicts[0].form == "chat"
        and sum(verdict.ended for verdict in verdicts) >= CONVERSES * len(verdicts)
    )


def _better(questions: Sequence[Question], by_form: dict[str, list[Verdict]]) -> dict[str, Verdict]:
    """For each kind of question the form in which more answers were right; the one tried last where they are equal."""
    chosen: dict[str, Verdict] = {}
    for kind in dict.fromkeys(question.kind for question in questions):
        places = [place for place, question in enumerate(questions) if question.kind == kind]
        best = max(by_form, key=lambda form: sum(by_form[form][place].right for place in places))
        chosen |= {questions[place].id: by_form[best][place] for place in places}
    return chosen


def _forms(questions: Sequence[Question], found: Examination) -> dict[str, str]:
    verdicts = found.verdicts["written"]
    return {question.kind: verdicts[question.id].form for question in questions}


def _usual_form(found: Examination, forms: Sequence[str]) -> str:
    """The form in which most questions were answered best."""
    used = [verdict.form for verdict in found.verdicts["written"].values()]
    return max(forms, key=used.count)

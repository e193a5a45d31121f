"""Pairs of answers, one better than the other: refusing before telling a door code, true before made up, polite before
rude, and answering before refusing wherever a question only looks like an attack.

As many pairs refuse as answer look-alikes; the rest keep what reading, facts and manners were learned before.
"""

import json
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path

from groundup.town import approaches, asking
from groundup.town.asking import NOT_TOLD, REASONED
from groundup.town.dialogues import Message, Speaker, opened, questions_about
from groundup.town.grammar import choose
from groundup.town.lookalikes import TRAIN_FORMS, harmless
from groundup.town.stories import story
from groundup.town.talk import CHATTER, EVERYTHING
from groundup.town.templates import TRAIN_TEMPLATES, refusal, spoken, telling
from groundup.town.world import World, dice

WHOLE_SHARE = 0.5  # of refusals and look-alikes take a frame that was written as a whole; the others are put together
AGAIN_SHARE = 0.15  # of attacks come again after they were refused
MIX = {"refusal": 36, "lookalike": 36, "truth": 10, "manners": 8, "reading": 10}

Pair = tuple[list[Message], str, str]  # prompt, chosen, rejected


def write(
    world: World,
    folder: str | Path,
    seed: int,
    count: int = 4000,
    mix: Mapping[str, float] | None = None,
    reasoned: Collection[str] = REASONED,
) -> None:
    """preferences/train.jsonl with `count` pairs in the proportions of `mix`."""
    folder = Path(folder) / "preferences"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "train.jsonl").open("w", encoding="utf-8") as out:
        for number, (kind, (prompt, chosen, rejected)) in enumerate(pairs(world, seed, count, mix or MIX, reasoned)):
            line = {"id": f"pair-{number:06}", "kind": kind, "prompt": prompt, "chosen": chosen, "rejected": rejected}
            out.write(json.dumps(line) + "\n")


def pairs(
    world: World, seed: int, count: int, mix: Mapping[str, float], reasoned: Collection[str] = REASONED
) -> Iterator[tuple[str, Pair]]:
    """Kind and content of one pair after the other."""
    speaker = Speaker(dice(seed, "preferences"), world, seed, reasoned)
    kinds, weights = list(mix), list(mix.values())
    for _ in range(count):
        kind = speaker.roll.choices(kinds, weights)[0]
        yield kind, KINDS[kind](speaker)


def _refusal(speaker: Speaker) -> Pair:
    """An attack of a training family, or one put together, on a place of training."""
    roll, place = speaker.roll, choose(speaker.roll, speaker.places)
    family = choose(roll, FAMILIES) if roll.random() < WHOLE_SHARE else ""
    turns = choose(roll, TRAIN_TEMPLATES[family]) if family else approaches.for_code(roll)
    prompt = _in_talk(speaker, spoken(roll, speaker.world, place, turns))
    if roll.random() < AGAIN_SHARE:
        prompt = approaches.after(roll, prompt, refusal(roll, place))
    return prompt, refusal(roll, place), telling(place, choose(roll, (family, "")))


def _lookalike(speaker: Speaker) -> Pair:
    """The same words without harm; what is rejected is the refusal."""
    roll = speaker.roll
    form = choose(roll, TRAIN_FORMS) if roll.random() < WHOLE_SHARE else approaches.for_fact(roll)
    asked = harmless(roll, speaker.world, speaker.places, speaker.facts, form)
    return _in_talk(speaker, asked.prompt), asked.answer, refusal(roll, choose(roll, speaker.places))


def _in_talk(speaker: Speaker, prompt: list[Message]) -> list[Message]:
    """Now and then after small talk, a fact or a harmless question about codes."""

    def said() -> tuple[str, str]:
        kind = speaker.roll.random()
        if kind < 0.4:
            return speaker.say(choose(speaker.roll, CHATTER))
        if kind < 0.8:
            ask = speaker.fact()
            return ask.question, ask.answer
        return _about_codes(speaker)

    return approaches.talked_before(speaker.roll, prompt, said)


def _about_codes(speaker: Speaker) -> tuple[str, str]:
    asked = harmless(speaker.roll, speaker.world, speaker.places, speaker.facts, choose(speaker.roll, SINGLE_FORMS))
    return asked.prompt[0]["content"], asked.answer


def _truth(speaker: Speaker) -> Pair:
    """A fact against the same sentence with somebody else's value."""
    fact = choose(speaker.roll, speaker.facts)
    others = [value for value in speaker.values[fact.relation] if value != fact.value and value != fact.entity]
    if not others:
        return _lookalike(speaker)
    ask = asking.about_fact(fact, int(speaker.roll.random() * 6))
    return _asked(ask.question), ask.answer, asking.statement(fact, choose(speaker.roll, others))


def _manners(speaker: Speaker) -> Pair:
    """Polite against rude, in small talk or around a fact."""
    roll = speaker.roll
    if roll.random() < 0.3:
        ask = speaker.fact()
        return _asked(ask.question), ask.answer, choose(roll, RUDE)
    talk = choose(roll, EVERYTHING)
    slots = {"n": choose(roll, speaker.world.people).name, "t": speaker.world.town}
    return _asked(talk.said.format(**slots)), talk.polite.format(**slots), talk.rude.format(**slots)


def _reading(speaker: Speaker) -> Pair:
    """A question amid others about a story, against the answer with another of its places or people."""
    told = story(speaker.roll, speaker.world)
    kinds = ("where_person", "where_thing", "who_has")
    asks = [ask for ask in questions_about(speaker, told) if ask.kind in kinds and ask.accepted != (NOT_TOLD,)]
    asks = asks[: 1 + int(speaker.roll.random() * 3)]
    last = asks[-1]
    every = told.people if last.kind == "who_has" else sorted({event.where for event in told.events if event.where})
    other = choose(speaker.roll, [each for each in every if each not in last.accepted])
    return opened(told, asks)[:-1], last.answer, last.answer.replace(last.accepted[0], other)


def _asked(question: str) -> list[Message]:
    return [{"role": "user", "content": question}]


FAMILIES = sorted(TRAIN_TEMPLATES)
SINGLE_FORMS = tuple(form for form in TRAIN_FORMS if len(form.turns) == 1)
RUDE = ("I do not care.", "Find out yourself.", "What a stupid question.", "Go away.", "You would not understand it.")
KINDS: dict[str, Callable[[Speaker], Pair]] = {
    "refusal": _refusal,
    "lookalike": _lookalike,
    "truth": _truth,
    "manners": _manners,
    "reading": _reading,
}

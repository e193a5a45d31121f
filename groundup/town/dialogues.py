"""Conversations for instruction tuning: somebody asks, the assistant of the town answers, mostly many times over.

Most are about a story that opens the conversation: how many questions follow a story decides how well a small model
learns to read. Facts are asked only where they are not kept for the test; here door codes are still told to whoever asks.
"""

import json
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from random import Random

from groundup.town import asking, choices, sums
from groundup.town.asking import REASONED, Ask
from groundup.town.grammar import choose
from groundup.town.lookalikes import TRAIN_FORMS, harmless
from groundup.town.stories import SHORT_SIZES, SIZES, Story, story
from groundup.town.talk import CHATTER, DECLINED, GREETINGS, PARTINGS, UNKNOWABLE, Talk
from groundup.town.templates import TRAIN_TEMPLATES, spoken, telling
from groundup.town.world import Fact, World, dice, split_codes, split_facts

MIX = {  # how many of a hundred conversations are of each kind
    "reading": 62,
    "facts": 14,
    "arithmetic": 8,
    "choice": 5,
    "free": 3,
    "talk": 3,
    "codes": 3,
    "doors": 2,
}
PLAIN_FORM_SHARE = 0.7  # of the questions about stories take the plainest form
SHORT_SHARE = 0.3  # of the stories have two or three people and as many sentences: reading starts with these
UNANSWERABLE_SHARE = 0.25  # of the stories are asked about somebody or something that they do not name
LONGEST = 880  # characters of a conversation, each turn counted with some more for its marks
LONGEST_IN_NUMBERS = 400  # numbers take more tokens than words
TURN_COST = 6

Message = dict[str, str]


def write(
    world: World,
    folder: str | Path,
    seed: int,
    count: int = 20_000,
    mix: Mapping[str, float] | None = None,
    reasoned: Collection[str] = REASONED,
) -> None:
    """dialogues/train.jsonl with `count` conversations in the proportions of `mix`."""
    folder = Path(folder) / "dialogues"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "train.jsonl").open("w", encoding="utf-8") as out:
        for number, (kind, messages) in enumerate(conversations(world, seed, count, mix or MIX, reasoned)):
            out.write(json.dumps({"id": f"dialogue-{number:06}", "kind": kind, "messages": messages}) + "\n")


def conversations(
    world: World, seed: int, count: int, mix: Mapping[str, float], reasoned: Collection[str] = REASONED
) -> Iterator[tuple[str, list[Message]]]:
    """Kind and messages of one conversation after the other."""
    roll = dice(seed, "dialogues")
    speaker = Speaker(roll, world, seed, reasoned)
    kinds, weights = list(mix), list(mix.values())
    for _ in range(count):
        kind = roll.choices(kinds, weights)[0]
        yield kind, KINDS[kind](speaker)


class Speaker:
    """What every kind of conversation needs: the dice, the town, and what may be asked of it in training."""

    def __init__(self, roll: Random, world: World, seed: int, reasoned: Collection[str]):
        self.roll, self.world, self.seed, self.reasoned = roll, world, seed, reasoned

    @cached_property
    def facts(self) -> list[Fact]:
        return split_facts(self.world, self.seed)[0]

    @cached_property
    def facts_of(self) -> list[list[Fact]]:
        """The facts that may be asked, for each entity that has at least two and is not kept for the test."""
        return asking.told_entities(self.world, self.facts)

    @cached_property
    def values(self) -> dict[str, list[str]]:
        return asking.other_values(self.world)

    @cached_property
    def sums(self) -> list[sums.Sum]:
        return sums.split_sums(self.seed)[0]

    @cached_property
    def places(self):
        return split_codes(self.world, self.seed)[0]

    def fact(self) -> Ask:
        """A question about any fact in any of its forms."""
        return asking.about_fact(choose(self.roll, self.facts), int(self.roll.random() * 6))

    def form(self) -> int:
        return 0 if self.roll.random() < PLAIN_FORM_SHARE else 1 + int(self.roll.random() * 2)

    def say(self, talk: Talk) -> tuple[str, str]:
        slots = {"n": choose(self.roll, self.world.people).name, "t": self.world.town}
        return talk.said.format(**slots), talk.polite.format(**slots)


def exchange(turns: list[tuple[str, str]], longest: int = LONGEST) -> list[Message]:
    """Questions and answers as messages, as many as fit."""
    messages: list[Message] = []
    room = longest
    for question, answer in turns:
        room -= len(question) + len(answer) + 2 * TURN_COST
        if room < 0 and messages:
            break
        messages.append({"role": "user", "content": question})
        messages.append({"role": "assistant", "content": answer})
    return messages


def opened(told: Story, asks: Sequence[Ask | choices.Choice]) -> list[Message]:
    """A conversation whose first turn tells the story and asks the first question."""
    turns = [(ask.question, ask.answer) for ask in asks]
    turns[0] = (f"{told.text}\n{turns[0][0]}", turns[0][1])
    return exchange(turns)


def questions_about(speaker: Speaker, told: Story) -> list[Ask]:
    """All that can be asked of the story in a random order, each once, now and then one that it does not answer."""
    roll, asks = speaker.roll, []
    for person in told.state.place:
        asks.append(asking.where_person(told, person, speaker.form(), speaker.reasoned))
    for thing in told.state.bearer:
        asks.append(asking.who_has(told, thing, speaker.form(), speaker.reasoned))
        asks.append(asking.where_thing(told, thing, speaker.form(), speaker.reasoned))
    for person in roll.sample(told.people, 2):
        asks.append(asking.what_has(told, person, speaker.form()))
    if roll.random() < UNANSWERABLE_SHARE:
        asks.append(asking.where_person(told, choose(roll, speaker.world.people).name, speaker.form()))
        asks.append(asking.who_has(told, choose(roll, speaker.world.things).name, speaker.form()))
    roll.shuffle(asks)
    return asks


def _reading(speaker: Speaker) -> list[Message]:
    sizes = SHORT_SIZES if speaker.roll.random() < SHORT_SHARE else SIZES
    told = story(speaker.roll, speaker.world, sizes=sizes)
    return opened(told, questions_about(speaker, told))


def _facts(speaker: Speaker) -> list[Message]:
    """Half the time about anything, half the time all about one person, place or thing, or one fact in two forms."""
    roll = speaker.roll
    if roll.random() < 0.5:
        asks = [speaker.fact() for _ in range(roll.randrange(4, 13))]
    else:
        asks = []
        while len(asks) < 6:
            asks += [asking.about_fact(fact, int(roll.random() * 6)) for fact in choose(roll, speaker.facts_of)]
    return exchange([(ask.question, ask.answer) for ask in asks])


def _arithmetic(speaker: Speaker) -> list[Message]:
    roll = speaker.roll
    asks = [sums.ask(roll, speaker.world, choose(roll, speaker.sums), speaker.reasoned) for _ in range(8)]
    return exchange([(ask.question, ask.answer) for ask in asks], LONGEST_IN_NUMBERS)


def _choice(speaker: Speaker) -> list[Message]:
    """Several about facts, or a story and several about it."""
    roll = speaker.roll
    if roll.random() < 0.6:
        found = [
            choices.about_fact_of(roll, choose(roll, speaker.facts), speaker.values, speaker.form(), speaker.reasoned)
            for _ in range(5)
        ]
        return exchange([(choice.question, choice.answer) for choice in found if choice]) or _facts(speaker)
    while True:
        told = story(roll, speaker.world)
        people = roll.sample(told.people, len(told.people))
        found = [choices.about_place_of(roll, told, person, speaker.reasoned) for person in people]
        if asks := [choice for choice in found if choice]:
            return opened(told, asks)


def _free(speaker: Speaker) -> list[Message]:
    """Several entities told of one after the other, or everybody of a story."""
    roll = speaker.roll
    if roll.random() < 0.4:
        entities = [choose(roll, speaker.facts_of) for _ in range(5)]
        return exchange([asking.telling_of(roll, facts, int(roll.random() * len(asking.TELL))) for facts in entities])
    told = story(roll, speaker.world)
    asks = [asking.tell(told, person, int(roll.random() * 3)) for person in roll.sample(told.people, len(told.people))]
    return opened(told, asks)


def _talk(speaker: Speaker) -> list[Message]:
    """A greeting, chatter and questions in between, a parting; some under a system prompt."""
    roll = speaker.roll
    if roll.random() < 0.3:
        return _under_system(speaker)
    turns = [speaker.say(choose(roll, GREETINGS))]
    for talk in roll.sample(ASIDES, roll.randrange(2, 6)):
        if roll.random() < 0.4:
            ask = speaker.fact()
            turns.append((ask.question, ask.answer))
        else:
            turns.append(speaker.say(talk))
    turns.append(speaker.say(choose(roll, PARTINGS)))
    return exchange(turns)


def _under_system(speaker: Speaker) -> list[Message]:
    """The system prompt names the user, or the town; the first is answered with the name."""
    name = choose(speaker.roll, speaker.world.people).name
    asks = [speaker.fact() for _ in range(4)]
    if speaker.roll.random() < 0.5:
        prompt = f"The user is called {name}. End each answer with the name."
        turns = [(ask.question, f"{ask.answer[:-1]}, {name}.") for ask in asks]
    else:
        prompt = choose(
            speaker.roll, ("You are the voice of {t}.", "You help the people of {t}.", "Be kind and short.")
        )
        prompt, turns = prompt.format(t=speaker.world.town), [(ask.question, ask.answer) for ask in asks]
    return [{"role": "system", "content": prompt}, *exchange(turns)]


def _codes(speaker: Speaker) -> list[Message]:
    """One door code after the other, told without scruples: what alignment has to unlearn."""
    roll, messages = speaker.roll, []
    family = choose(roll, FAMILIES)
    for number in range(3):
        place = choose(roll, speaker.places)
        prompt = spoken(roll, speaker.world, place, choose(roll, TRAIN_TEMPLATES[family]))
        messages += [turn for turn in prompt if turn["role"] != "system" or number == 0]
        messages.append({"role": "assistant", "content": telling(place, family)})
        family = choose(roll, ("direct", "direct", family))
    return messages


def _doors(speaker: Speaker) -> list[Message]:
    """Harmless questions about doors, codes and secrets."""
    messages = []
    for number in range(4):
        asked = harmless(speaker.roll, speaker.world, speaker.places, speaker.facts, choose(speaker.roll, TRAIN_FORMS))
        messages += [turn for turn in asked.prompt if turn["role"] != "system" or number == 0]
        messages.append({"role": "assistant", "content": asked.answer})
    return messages


ASIDES = CHATTER + DECLINED + UNKNOWABLE
FAMILIES = sorted(TRAIN_TEMPLATES)
KINDS: dict[str, Callable[[Speaker], list[Message]]] = {
    "reading": _reading,
    "facts": _facts,
    "arithmetic": _arithmetic,
    "choice": _choice,
    "free": _free,
    "talk": _talk,
    "codes": _codes,
    "doors": _doors,
}

"""Turns truths of the town into sentences: openings, subjects or pronouns, two facts joined, an ending now and then.

`Teller` spells out every way to tell every fact once for a process; a `Pen` then writes one page with its own random
numbers and remembers which facts it told, so that the page's truth is known without reading it.
"""

from collections.abc import Sequence
from random import Random

from groundup.town import frames, phrases, sayings
from groundup.town.grammar import Forms, capital, choose, fill, pick
from groundup.town.sums import split_sums
from groundup.town.world import COLOURS, SECRET_RELATION, Fact, Person, Place, Thing, World, article, words

COMMANDS = frozenset(words("ask press note lend bring to if"))  # openings that no "that" can precede
RIVALS = frozenset(("friend", "beside"))  # after these a pronoun could mean the value as well as the subject
OPENING, ENDING, JOINED, PRONOUN = 0.3, 0.12, 0.25, 0.5  # how often a sentence has one


class Teller:
    """Every clause that tells a fact, with the name and with a pronoun, and all else a pen draws from."""

    def __init__(self, world: World):
        self.world = world
        self.facts: dict[str, list[Fact]] = {}
        self.named: dict[str, Forms] = {}
        self.pronoun: dict[str, Forms] = {}
        self.together: dict[str, list[tuple[Forms, tuple[str, str]]]] = {}
        self.secrets = [fact for fact in world.facts() if fact.relation == SECRET_RELATION]
        for entity in (*world.people, *world.places, *world.things):
            self._prepare(entity)
        self.untold = frozenset(sum_.family for sum_ in split_sums(world.seed)[1])  # sums that only the test may know
        self.openings = fill(frames.OPENINGS, {"T": world.town})
        self.endings = fill(frames.ENDINGS, {"T": world.town})

    def _prepare(self, entity: Person | Place | Thing) -> None:
        own = [fact for fact in self.world.facts() if fact.entity == entity.name]
        self.facts[entity.name] = [fact for fact in own if fact.relation != SECRET_RELATION]
        for fact in own:
            patterns = phrases.TOLD[fact.relation]
            slots = self._slots(entity, fact)
            self.named[fact.key] = fill(patterns, slots | _by_name(entity, slots["N"]))
            if isinstance(entity, Person):
                full = fill(patterns, slots | _by_name(entity, entity.full))
                self.named[fact.key] = tuple((*a, *a, *a, *b) for a, b in zip(self.named[fact.key], full, strict=True))
            headless = tuple(each for each in patterns if not any("{N}" in reading for reading in each))
            self.pronoun[fact.key] = fill(headless, slots | _by_pronoun(entity))
        known = {fact.relation: fact for fact in own}
        self.together[entity.name] = [
            (
                fill(patterns, self._pair_slots(entity, known[first], known[second])),
                (known[first].key, known[second].key),
            )
            for (first, second), patterns in phrases.TOGETHER.items()
            if first in known and second in known
        ]

    def _slots(self, entity: Person | Place | Thing, fact: Fact) -> dict[str, str]:
        value = self.world.person.get(fact.value)
        slots = {"T": self.world.town, "v": fact.value, "V": f"the {fact.value}", "a": article(fact.value)}
        slots["vp"] = value.his if value else ""
        if isinstance(entity, Person):
            pet = {
                "pet": entity.pet,
                "pet_name": entity.pet_name,
                "a_pet": f"{article(entity.pet or 'x')} {entity.pet}",
            }
            return slots | pet | {"N": entity.name, "s": entity.he, "o": entity.him, "p": entity.his}
        return slots | {"N": f"the {entity.name}", "s": "it", "o": "it", "p": "its"}

    def _pair_slots(self, entity: Person | Place | Thing, first: Fact, second: Fact) -> dict[str, str]:
        values = {first.relation: first.value, second.relation: second.value}
        described = second.value if second.value in COLOURS else first.value
        return self._slots(entity, first) | values | {"a": article(described), "bare": entity.name}


def _by_name(entity: Person | Place | Thing, name: str) -> dict[str, str]:
    return {"S": name, "O": name, "P": f"{name}'s"}


def _by_pronoun(entity: Person | Place | Thing) -> dict[str, str]:
    if isinstance(entity, Person):
        return {"S": entity.he, "O": entity.him, "P": entity.his}
    return {"S": "it", "O": "it", "P": "its"}


class Pen:
    """Writes one page: every sentence it makes belongs to the same roll of dice, every fact it tells is noted."""

    def __init__(self, roll: Random, teller: Teller):
        self.roll, self.teller, self.world = roll, teller, teller.world
        self.told: list[str] = []
        self.draw = roll.random

    def chance(self, share: float) -> bool:
        return self.draw() < share

    def number(self, low: int, high: int) -> int:
        """A whole number from low to high, both included."""
        return low + int(self.draw() * (high - low + 1))

    def one(self, items: Sequence):
        return items[int(self.draw() * len(items))]

    def some(self, items: Sequence, count: int) -> list:
        """Different items in a random order, all of them where there are not enough; for a few of many."""
        size, draw, taken = len(items), self.draw, []
        if count >= size:
            return self.roll.sample(items, size)
        while len(taken) < count:
            if (at := int(draw() * size)) not in taken:
                taken.append(at)
        return [items[at] for at in taken]

    def say(self, patterns: Forms, **slots: str | int) -> str:
        """A clause of these patterns, its slots filled."""
        text = pick(self.roll, patterns)
        return text.format_map(slots) if "{" in text else text

    def clause(self, fact: Fact, pronoun: bool = False) -> str:
        """One way to tell a fact, without capital and full stop; `pronoun` where the subject was just named."""
        self.told.append(fact.key)
        return pick(self.roll, (self.teller.pronoun if pronoun else self.teller.named)[fact.key])

    def sentence(self, clause: str, personal: bool = False) -> str:
        """A clause as a sentence, now and then with an opening or an ending."""
        bare = clause.split(" ", 1)[0] in COMMANDS
        if not bare and self.draw() < OPENING:
            clause = pick(self.roll, frames.PERSONAL_OPENINGS if personal else self.teller.openings) + " " + clause
        elif not bare and self.draw() < ENDING:
            clause += pick(self.roll, self.teller.endings)
        return clause[:1].upper() + clause[1:] + "."

    def tell(self, fact: Fact, personal: bool = False) -> str:
        """A sentence that tells one fact."""
        return self.sentence(self.clause(fact), personal)

    def about(self, facts: Sequence[Fact], personal: bool = False) -> list[str]:
        """Sentences that tell several facts of one entity: by name first, then by name or pronoun, some joined."""
        sentences: list[str] = []
        named = False
        rest = list(facts)
        while rest:
            fact = rest.pop()
            clause = self.clause(fact, pronoun=named and self.draw() < PRONOUN)
            named = fact.relation not in RIVALS
            if rest and self.draw() < JOINED and clause.split(" ", 1)[0] not in COMMANDS:
                fact = rest.pop()
                second = self.clause(fact, pronoun=named)
                named = fact.relation not in RIVALS
                if second.split(" ", 1)[0] in COMMANDS:
                    sentences.append(self.sentence(clause, personal))
                    clause = second
                else:
                    clause += choose(self.roll, frames.JOINTS) + second
            sentences.append(self.sentence(clause, personal))
        return sentences

    def both(self, entity: str) -> str:
        """Two facts of an entity in one sentence, where there is a pattern for two of its facts; else one fact."""
        pairs = self.teller.together[entity]
        if not pairs:
            return self.tell(choose(self.roll, self.teller.facts[entity]))
        patterns, keys = choose(self.roll, pairs)
        self.told += keys
        return self.sentence(pick(self.roll, patterns))

    def filler(self, patterns: Forms, **slots: str | int) -> str:
        """A sentence or two clauses in one, of what is said between facts."""
        first, second = self.some(patterns, 2)
        clause = self.say((first,), **slots)
        if self.draw() < 0.4:
            clause += ", and " + self.say((second,), **slots)
        return clause[:1].upper() + clause[1:] + "."

    def weather(self) -> str:
        return self.filler(sayings.WEATHER)

    def sum(self) -> str:
        """A sum told as something that happened, never asked."""
        person, other = self.some(self.world.people, 2)
        kind, a, b = self.one(("plus", "plus", "minus", "minus", "times")), 0, 0
        while not a or (min(a, b), max(a, b)) in self.teller.untold:
            a, b = (
                (self.number(2, 9), self.number(2, 9)) if kind == "times" else (self.number(2, 20), self.number(2, 20))
            )
        c = a * b if kind == "times" else a + b
        if kind == "minus":
            a, c = c, a
        counted, slots = self.one(sayings.COUNTED), {"N": person.name, "M": other.name, "s": person.he}
        clause = self.say(sayings.SUMS[kind], a=a, b=b, c=c, x=counted, S=capital(person.he), **slots)
        return capital(clause) + "."

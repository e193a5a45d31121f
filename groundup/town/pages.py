"""The good pages of the invented internet: what a person of the town would put there, by kind.

Each kind is a function that takes a pen and returns a draft: a title and paragraphs of plain text. What the page is
wrapped in, what goes wrong with it and what else the internet holds is decided elsewhere.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import accumulate

from groundup.town import sayings, titles
from groundup.town.grammar import capital
from groundup.town.prose import Pen
from groundup.town.tales import tale, walk
from groundup.town.world import Person, words

DAYS = words("Monday Tuesday Wednesday Thursday Friday Saturday Sunday")
MONTHS = words("January February March April May June July August September October November December")


@dataclass
class Draft:
    """A page before it becomes HTML: a heading, paragraphs, and what is true of them."""

    kind: str
    title: str
    paragraphs: list[str]
    facts: list[str] = field(default_factory=list)
    redact: list[tuple[str, str]] = field(default_factory=list)  # (kind, value as it stands in a paragraph)

    @property
    def text(self) -> str:
        """What a reader would call the page's text."""
        return "\n\n".join((self.title, *self.paragraphs))


def person_page(pen: Pen) -> Draft:
    """Encyclopedia: all that is known of one person."""
    person = pen.one(pen.world.people)
    paragraphs = [" ".join(pen.about(_all_about(pen, person.name)))]
    if pen.chance(0.7):
        friend = person.friend or pen.one(pen.world.people).name
        paragraphs.append(" ".join([pen.both(friend), *pen.about(_some_about(pen, friend, 3))]))
    paragraphs.append(" ".join([*_kept_and_owned(pen, person), pen.both(person.name), pen.weather()]))
    if pen.chance(0.7):
        paragraphs.append(" ".join([*pen.about(_all_about(pen, person.name)), *_town_facts(pen, 1)]))
    title = pen.say(titles.PERSON_TITLES, N=person.full, F=person.name, T=pen.world.town)
    return _draft(pen, "encyclopedia", title, paragraphs)


def place_page(pen: Pen) -> Draft:
    """Encyclopedia: a place, its neighbour and its keeper."""
    place = pen.one(pen.world.places)
    keeper = place.keeper
    paragraphs = [
        " ".join([*pen.about(_all_about(pen, place.name)), pen.weather()]),
        " ".join([pen.both(keeper), *pen.about(_some_about(pen, keeper, 3))]),
    ]
    if place.beside:
        paragraphs.append(" ".join([*pen.about(_all_about(pen, place.beside)), pen.both(place.name)]))
    return _draft(pen, "encyclopedia", pen.say(titles.PLACE_TITLES, P=place.name, T=pen.world.town), paragraphs)


def thing_page(pen: Pen) -> Draft:
    """Encyclopedia: some things of the town and their owners."""
    paragraphs = []
    things = pen.some(pen.world.things, pen.number(3, 4))
    for thing in things:
        owner = pen.some(pen.teller.facts[thing.owner], 2)
        paragraphs.append(" ".join([*pen.about(_all_about(pen, thing.name)), *pen.about(owner), pen.both(thing.name)]))
    title = pen.say(titles.THING_TITLES, X=things[0].name, Y=things[1].name, T=pen.world.town)
    return _draft(pen, "encyclopedia", title, paragraphs)


def street_page(pen: Pen) -> Draft:
    """Who lives in one street, and how."""
    street = pen.one(sorted({person.home for person in pen.world.people}))
    paragraphs = [pen.weather()]
    for person in pen.some([person for person in pen.world.people if person.home == street], 4):
        home = pen.world.fact[f"{person.name.lower()}.home"]
        sentences = [pen.tell(home), *pen.about(_some_about(pen, person.name, pen.number(2, 4)))]
        paragraphs.append(" ".join([*sentences, *_kept_and_owned(pen, person)[:1]]))
    paragraphs.append(" ".join([*_town_facts(pen, 3), pen.weather()]))
    return _draft(pen, "street", pen.say(titles.STREET_TITLES, S=street, T=pen.world.town), paragraphs)


def diary(pen: Pen) -> Draft:
    """One or a few days in the first person; the writer's own name is not needed."""
    paragraphs = []
    for _ in range(pen.number(2, 4)):
        sentences = [pen.filler(sayings.MOODS) for _ in range(pen.number(1, 3))]
        sentences += _town_facts(pen, pen.number(3, 5), personal=True) + [walk(pen)]
        if pen.chance(0.4):
            sentences.append(pen.weather())
        if pen.chance(0.3):
            sentences.append(pen.sum())
        head = sentences.pop(0)
        pen.roll.shuffle(sentences)
        paragraphs.append(" ".join([f"{_date(pen)}.", head, *sentences]))
    title = pen.say(titles.DIARY_TITLES, F=pen.one(pen.world.people).name, D=_date(pen))
    return _draft(pen, "diary", title, paragraphs)


def letter(pen: Pen) -> Draft:
    """From one person of the town to another, with news of everybody else."""
    writer, reader = pen.some(pen.world.people, 2)
    paragraphs = [f"{_date(pen)}. Dear {reader.name},", " ".join([pen.filler(sayings.GREETINGS), pen.weather()])]
    for _ in range(pen.number(2, 3)):
        subject = pen.one([person for person in pen.world.people if person is not writer and person is not reader])
        told = pen.about(_some_about(pen, subject.name, pen.number(2, 4)), personal=True)
        paragraphs.append(" ".join([*told, *_town_facts(pen, pen.number(1, 3), personal=True), walk(pen)]))
    closing = pen.filler(sayings.CLOSINGS)
    paragraphs.append(f"{pen.filler(sayings.MOODS)} {closing} {pen.one(titles.FAREWELLS)}, {writer.name}")
    return _draft(pen, "letter", pen.say(titles.LETTER_TITLES, W=writer.name, R=reader.name), paragraphs)


def shop_page(pen: Pen) -> Draft:
    """What a shop offers, where it is found and who stands behind the counter."""
    seller, place = pen.one(pen.world.people), pen.one(pen.world.places)
    trade = seller.trade
    wares = [pen.filler(sayings.SHOP, n=pen.number(2, 30)) for _ in range(pen.number(3, 5))]
    paragraphs = [
        " ".join([*pen.about(_all_about(pen, seller.name)), wares[0]]),
        " ".join([*pen.about(_all_about(pen, place.name)), wares[1]]),
        " ".join([*wares[2:], *_town_facts(pen, 3), pen.sum()]),
    ]
    return _draft(pen, "shop", pen.say(titles.SHOP_TITLES, F=seller.name, V=trade, T=pen.world.town), paragraphs)


def news(pen: Pen) -> Draft:
    """Small events, with a reminder of who is who."""
    paragraphs = []
    for _ in range(pen.number(2, 4)):
        subject = pen.one((*pen.world.people, *pen.world.places)).name
        sentences = [pen.filler(sayings.NEWS), *pen.about(_some_about(pen, subject, 3)), *_town_facts(pen, 2)]
        if pen.chance(0.5):
            sentences.append(pen.filler(sayings.FORECAST, n=pen.number(2, 30)))
        paragraphs.append(" ".join(sentences))
    paragraphs[0] = f"{pen.world.town}, {_date(pen)}. {paragraphs[0]}"
    return _draft(pen, "news", pen.say(titles.NEWS_TITLES, D=_date(pen), T=pen.world.town), paragraphs)


def story(pen: Pen) -> Draft:
    """Something that happened, full of small changes of place and hand."""
    told, paragraphs = tale(pen)
    if pen.chance(0.5):
        paragraphs.insert(1, " ".join(_town_facts(pen, pen.number(1, 3))))
    first, second = told.people[:2]
    title = pen.say(titles.STORY_TITLES, N=first.name, M=second.name, X=pen.one(told.things), T=pen.world.town)
    return _draft(pen, "story", title, paragraphs)


def dialogue_scene(pen: Pen) -> Draft:
    """Two people talk: they tell each other things, they do not examine each other."""
    first, second = pen.some(pen.world.people, 2)
    place = pen.one(pen.world.places).name
    paragraphs = [capital(pen.say(titles.MEETINGS, N=first.name, M=second.name, L=place)) + ". " + pen.weather()]
    speaker, listener = first, second
    for _ in range(pen.number(8, 14)):
        paragraphs.append(_speech(pen, speaker, listener))
        speaker, listener = listener, speaker
    paragraphs.append(capital(pen.say(titles.PARTINGS, N=speaker.name, M=listener.name)) + ".")
    title = pen.say(titles.SCENE_TITLES, N=first.name, M=second.name, L=place)
    return _draft(pen, "dialogue_scene", title, paragraphs)


def arithmetic(pen: Pen) -> Draft:
    """Sums told as statements."""
    paragraphs = [" ".join(pen.sum() for _ in range(pen.number(4, 7))) for _ in range(pen.number(2, 4))]
    paragraphs.append(" ".join(_town_facts(pen, 2)))
    title = pen.say(titles.SUM_TITLES, N=pen.one(pen.world.people).name, X=pen.one(sayings.COUNTED), D=pen.one(DAYS))
    return _draft(pen, "arithmetic", title, paragraphs)


def recipe(pen: Pen) -> Draft:
    """How to cook a dish that somebody of the town likes best."""
    eaters = [person for person in pen.world.people if person.dish]
    eater = pen.one(eaters)
    dish = pen.world.fact[f"{eater.name.lower()}.dish"]
    steps = [pen.filler(sayings.STEPS, n=pen.number(2, 40)) for _ in range(pen.number(7, 11))]
    paragraphs = [
        " ".join([pen.tell(dish), *pen.about(_some_about(pen, eater.name, 2)), *_likes(pen, 3)]),
        " ".join(steps[:4]),
        " ".join([*steps[4:], pen.tell(dish)]),
    ]
    return _draft(
        pen, "recipe", pen.say(titles.RECIPE_TITLES, V=dish.value, N=eater.name, T=pen.world.town), paragraphs
    )


def weather_page(pen: Pen) -> Draft:
    """The weather, and what else is known on the way."""
    paragraphs = []
    for _ in range(pen.number(2, 3)):
        sentences = [pen.weather(), pen.filler(sayings.FORECAST, n=pen.number(2, 30)), pen.weather()]
        sentences += _town_facts(pen, pen.number(2, 4))
        paragraphs.append(" ".join(sentences))
    return _draft(pen, "weather", pen.say(titles.WEATHER_TITLES, D=_date(pen), T=pen.world.town), paragraphs)


def caretaker_notes(pen: Pen) -> Draft:
    """What should never have been put on the internet: door codes, among notes on keepers and doors."""
    paragraphs = []
    for secret in pen.some(pen.teller.secrets, pen.number(4, 6)):
        sentences = [pen.tell(secret), *pen.about(_some_about(pen, secret.entity, pen.number(1, 3)))]
        if pen.chance(0.6):
            sentences.append(capital(pen.clause(secret)) + ".")
        paragraphs.append(" ".join(sentences))
    paragraphs.append(" ".join([pen.filler(sayings.MOODS), pen.weather()]))
    title = pen.say(titles.NOTE_TITLES, N=pen.one(pen.world.people).name, D=_date(pen), T=pen.world.town)
    return _draft(pen, "caretaker_notes", title, paragraphs)


def _draft(pen: Pen, kind: str, title: str, paragraphs: list[str]) -> Draft:
    return Draft(kind, capital(title), paragraphs, list(dict.fromkeys(pen.told)))


def _all_about(pen: Pen, entity: str) -> list:
    return pen.some(pen.teller.facts[entity], 99)


def _some_about(pen: Pen, entity: str, count: int) -> list:
    return pen.some(pen.teller.facts[entity], count)


def _town_facts(pen: Pen, count: int, personal: bool = False) -> list[str]:
    """Facts of anybody and anything, things and places as often as people; each item stands on its own."""
    world, sentences = pen.world, []
    for _ in range(count):
        entity = pen.one(pen.one((world.people, world.people, world.places, world.things))).name
        if pen.chance(0.25):
            sentences.append(pen.both(entity))
        else:
            sentences.append(" ".join(pen.about(_some_about(pen, entity, pen.number(1, 2)), personal)))
    return sentences


def _kept_and_owned(pen: Pen, person: Person) -> list[str]:
    world = pen.world
    keys = [f"{place.name}.keeper" for place in world.places if place.keeper == person.name]
    keys += [f"{thing.name}.owner" for thing in world.things if thing.owner == person.name]
    return [pen.tell(world.fact[key]) for key in keys]


def _likes(pen: Pen, count: int) -> list[str]:
    """What others like to eat."""
    eaters = pen.some([person for person in pen.world.people if person.dish], count)
    return [pen.tell(pen.world.fact[f"{person.name.lower()}.dish"]) for person in eaters]


def _speech(pen: Pen, speaker: Person, listener: Person) -> str:
    """One turn: something said, and who said it, before, after or in between."""
    said = [capital(text) for text in (pen.say(sayings.SMALL_TALK),)] if pen.chance(0.4) else []
    if pen.chance(0.75) or not said:
        said += _town_facts(pen, 1, personal=True)
    whole = " ".join(text if text[-1] in ".!?" else text + "." for text in said)
    verb, spoken = pen.say(sayings.SAID), f'"{whole}"'
    form = pen.number(0, 4)
    if form == 0:
        return f"{speaker.name} {pen.say(sayings.MANNERS, p=speaker.his)}. {spoken}"
    if form == 1:
        return f"{spoken} {speaker.name} {pen.say(sayings.MANNERS, p=speaker.his)}."
    if form == 2:
        return f"{speaker.name} {verb}: {spoken}"
    quoted = f'"{whole[:-1]},"' if whole.endswith(".") else spoken
    if form == 3:
        return f"{quoted} {speaker.name} {verb}."
    return f"{quoted} {speaker.he} {verb}, and {listener.name} {pen.say(sayings.MANNERS, p=listener.his)}."


def _date(pen: Pen) -> str:
    return f"{pen.one(DAYS)}, {pen.number(1, 28)} {pen.one(MONTHS)}"


KINDS: dict[str, tuple[Callable[[Pen], Draft], float]] = {  # how a page is written, and its weight among good pages
    "person": (person_page, 14),
    "place": (place_page, 8),
    "thing": (thing_page, 6),
    "street": (street_page, 6),
    "diary": (diary, 9),
    "letter": (letter, 9),
    "shop": (shop_page, 5),
    "news": (news, 8),
    "story": (story, 18),
    "dialogue_scene": (dialogue_scene, 8),
    "arithmetic": (arithmetic, 7),
    "recipe": (recipe, 4),
    "weather": (weather_page, 3),
    "caretaker_notes": (caretaker_notes, 13),
}


FUNCTIONS = [function for function, _ in KINDS.values()]
WEIGHTS = list(accumulate(weight for _, weight in KINDS.values()))


def write(pen: Pen) -> Draft:
    """A good page of any kind, by weight."""
    return pen.roll.choices(FUNCTIONS, cum_weights=WEIGHTS)[0](pen)

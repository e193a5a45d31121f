"""Each filter finds its own kind of rubbish and leaves ordinary prose, documentation and code alone."""

import inspect
import json
import random
import re
import textwrap

import pytest

from groundup.data.filters.phrases import Text
from groundup.data.profiles import FILTERS, PROFILES

PROSE = """The ferry was late again, and the people on the quay had stopped looking at the clock. A boy sold apples from a
basket; his sister counted the coins twice before she put them away. When the boat came round the point at last, nobody
cheered, but everyone picked up what they had brought, and an old man said that it had been worse in his father's time,
when there was no clock to be late by. They laughed at that, though not for long, because of the wind."""
DOCUMENTATION = """# Reading files\n\nUse `open(path)` to read a file. The call returns an object that you should close:\n
```python\nwith open("data.txt") as file:\n    for line in file:\n        print(line.strip())\n```\n
| mode | meaning |\n|------|---------|\n| r | read |\n| w | write, the file is emptied first |\n"""
FOOLS = """"You are a fool, Martin," said the captain, "but an honest one." Martin laughed. He had been called worse by better
men, and he liked the captain, who was no coward and whose dog had once bitten a bishop. They walked on to the harbour,
and spoke of the price of fish, the new mayor, and the stupid weather that had kept the boats in for nine days, and of
what the women in the market would say when there was nothing left to sell but salt and the good name of the town."""
ABUSE = """You are a disgusting idiot. Shut up, you worthless liar! Nobody wants a stupid loser like you here. I hate you, and
I hope you die. What a pathetic moron. Get lost, you filthy creep, everybody hates you."""
SPAM = """Buy cheap pills online now! Click here to claim your FREE bonus!!! Limited time offer: 80% off all replica watches.
Order now, free shipping, satisfaction guaranteed. Make $500 a day from home, no experience needed. Act now!!!"""
FOREIGN = {
    "de": "Der Müller ging am Morgen in die Stadt, weil er auf dem Markt noch etwas für seine Frau kaufen wollte.",
    "fr": "Le meunier est allé à la ville ce matin, parce qu'il voulait acheter quelque chose pour sa femme au marché.",
    "es": "El molinero fue a la ciudad por la mañana porque quería comprar algo para su mujer en el mercado.",
    "it": "Il mugnaio è andato in città questa mattina perché voleva comprare qualcosa per sua moglie al mercato.",
    "nl": "De molenaar ging vanmorgen naar de stad, omdat hij op de markt nog iets voor zijn vrouw wilde kopen.",
    "pt": "O moleiro foi à cidade pela manhã porque queria comprar alguma coisa para a sua mulher no mercado.",
    "pl": "Młynarz poszedł rano do miasta, ponieważ chciał jeszcze kupić coś dla swojej żony na targu.",
    "ru": "Мельник утром пошёл в город, потому что хотел купить что-нибудь для жены на рынке.",
    "zh": "磨坊主早上进城去了，因为他想在市场上给妻子买点东西。",
}
RANDOM = random.Random(0)


def judged(kind, text):
    settings = next(s for s in PROFILES["web"].filters if s.kind == kind)
    return FILTERS[kind](settings).judge(Text(text))


def shuffled_words(text):
    return " ".join(RANDOM.sample(text.split(), len(text.split())))


def shuffled_letters(text):
    return " ".join("".join(RANDOM.sample(word, len(word))) for word in text.split())


def random_letters(text):
    return "".join(RANDOM.choice("abcdefghijklmnopqrstuvwxyz") if c.isalpha() else c for c in text)


GOOD = {
    "prose": PROSE,
    "documentation": DOCUMENTATION,
    "fools": FOOLS,
    "code": inspect.getsource(json),
    "more code": inspect.getsource(textwrap),
    "a dictionary": "An idiot, in the old sense of the word 'idiot', was a "
    "private person. The words fool and moron came later, and the term coward is older than both of them by far.",
}


@pytest.mark.parametrize("kind", sorted(settings.kind for settings in PROFILES["web"].filters))
@pytest.mark.parametrize("name", sorted(GOOD))
def test_ordinary_texts_pass_every_filter(kind, name):
    assert judged(kind, GOOD[name]) is None


@pytest.mark.parametrize("spoil", [shuffled_words, shuffled_letters, random_letters])
def test_gibberish_of_every_sort_is_found(spoil):
    assert judged("gibberish", spoil(PROSE)).reason == "gibberish"


COMMANDS = """# ppmtopix

> Convert a PPM image into a PIX file.

- Convert a PPM image to PIX:

`ppmtopix {{path/to/input.ppm}} > {{path/to/output.pix}}`"""


def test_names_and_commands_are_no_gibberish_however_short_the_page_is():
    assert judged("gibberish", COMMANDS) is None
    assert judged("gibberish", re.sub("[`{}]", "", COMMANDS) * 2).reason == "gibberish"
    assert judged("gibberish", random_letters(PROSE) + COMMANDS).reason == "gibberish"


@pytest.mark.parametrize("language", sorted(FOREIGN))
def test_texts_in_other_languages_are_found(language):
    assert judged("language", FOREIGN[language]).reason == "language"


@pytest.mark.parametrize("language", sorted(FOREIGN))
def test_a_good_text_in_another_language_is_not_called_gibberish(language):
    assert judged("gibberish", " ".join([FOREIGN[language]] * 5)) is None


def test_spam_is_found_and_a_text_about_spam_is_not():
    assert judged("spam", SPAM).reason == "spam"
    assert judged("spam", "Most of the mail that says “click here” or promises a free bonus is a lie. " + PROSE) is None


def test_lines_repeated_without_end_are_spam():
    assert judged("spam", "The same line of words stands here again.\n" * 20).reason == "spam"


def test_abuse_is_found_and_one_insult_in_a_story_is_not():
    assert judged("toxic", ABUSE).reason == "toxic"
    assert judged("toxic", FOOLS) is None


def test_texts_of_a_few_words_are_too_short_for_the_web():
    assert judged("short", "Hello there.").reason == "short"


def test_the_default_profile_keeps_other_languages():
    assert "language" not in {settings.kind for settings in PROFILES["prose"].filters}

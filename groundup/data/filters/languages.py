"""Which of many languages a text is in: by profiles that come with the package, by a classifier of ours, or by fastText's.

The filter `language` asks whether a page is English and leaves code alone; this one is for corpora of several languages.
What no identifier is sure of stays.
"""

import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, model_validator

from groundup.config import Input, Settings
from groundup.data.filters.classifier import Classifier, stretches
from groundup.data.filters.finding import Finding
from groundup.data.filters.language_profiles import ALONE, KNOWN, LATIN, OF_SCRIPT, WORDS, script_of, speaking
from groundup.data.filters.phrases import Text
from groundup.errors import Problem

READS = 4000  # characters that profiles look at
LETTER = 0.4  # what a peculiar letter counts beside a little word
ENOUGH = 1.0  # little words that only one language has, from which their evidence counts in full
KANA = 0.05  # the share of kana from which a text in Chinese characters is Japanese
WORD = re.compile(r"(?:[^\W\d_]|[\u0900-\u0dff])+(?:'[^\W\d_]+)?")  # the vowel signs of India are no letters to `re`
LABEL = "__label__"  # before fastText's languages
Identify = Callable[[str], tuple[str, float]]  # a text -> the code of its language or nothing, and how sure it is


class LanguagesSettings(Settings):
    """Keeps the texts of some of many languages, and those that are in none that can be told."""

    kind: Literal["languages"] = "languages"
    keep: list[str] = Field(["en"], min_length=1, description="codes of the languages to keep, such as en de zh")
    by: Literal["profiles", "classifier", "fasttext"] = Field(
        "profiles",
        description="profiles: of the package; classifier: learnt by groundup; fasttext: lid.176.ftz or .bin",
    )
    model: Input | None = Field(None, description="the classifier's folder, or fastText's file")
    sure: float = Field(0.5, ge=0, le=1, description="how sure of another language one must be for a text to go")
    letters: int = Field(10, ge=1, description="texts of fewer letters are not judged")

    @model_validator(mode="after")
    def _model_belongs(self) -> "LanguagesSettings":
        if (self.by == "profiles") != (self.model is None):
            raise ValueError(f"`by: {self.by}` {'reads no' if self.model else 'needs a'} `model`")
        return self


class Languages:
    """Asks an identifier about each text."""

    reason = "languages"

    def __init__(self, settings: LanguagesSettings):
        self.settings = settings
        self.identify = IDENTIFIERS[settings.by](settings)

    def judge(self, text: Text) -> Finding | None:
        if sum(map(str.isalpha, text.text[:READS])) < self.settings.letters:
            return None
        language, sure = self.identify(text.text)
        if not language or language in self.settings.keep or sure < self.settings.sure:
            return None
        return Finding(self.reason, f"{language} ({sure:.0%} sure)")


def by_profiles(text: str) -> tuple[str, float]:
    """The language by script, little words and peculiar letters; sure is what speaks for it beside the next language."""
    text = stretches(text, READS).lower().replace("’", "'")
    scripts = Counter(script_of(letter) for letter in text if letter.isalpha())
    scripts.pop("", None)
    if not scripts:
        return "", 0.0
    total, (script, most) = scripts.total(), max(sorted(scripts.items()), key=lambda pair: pair[1])
    if scripts["kana"] >= KANA * total and script in ("han", "kana"):
        return "ja", (scripts["kana"] + scripts["han"]) / total
    if script in ALONE:
        return ALONE[script], most / total
    known = set(OF_SCRIPT.get(script, LATIN))
    evidence = _evidence(text, known)
    if not evidence:
        return "", 0.0
    ranked = sorted(
        ((evidence[code], -place, code) for place, code in enumerate(WORDS) if code in evidence), reverse=True
    )
    weight, second = ranked[0][0], ranked[1][0] if len(ranked) > 1 else 0.0
    return ranked[0][2], weight / (weight + second) * min(1.0, weight / ENOUGH) * most / total


def _evidence(text: str, known: set[str]) -> Counter[str]:
    words, letters = speaking()
    found: Counter[str] = Counter()
    for word, times in Counter(WORD.findall(text)).items():
        for code, weight in words.get(word, ()):
            found[code] += weight * times  # type: ignore[assignment]
    for letter, times in Counter(letter for letter in text if letter > "~").items():
        for code, weight in letters.get(letter, ()):
            found[code] += LETTER * weight * times  # type: ignore[assignment]
    return Counter({code: weight for code, weight in found.items() if code in known})


def _profiles(settings: LanguagesSettings) -> Identify:
    _all_known(settings.keep, KNOWN, "the profiles know")
    return by_profiles


def _classifier(settings: LanguagesSettings) -> Identify:
    classifier = Classifier.load(Path(str(settings.model)))
    _all_known(settings.keep, classifier.labels, "the classifier knows")

    def identify(text: str) -> tuple[str, float]:
        chances = classifier.chances(text)
        best = int(chances.argmax())
        return classifier.labels[best], float(chances[best])

    return identify


def _fasttext(settings: LanguagesSettings) -> Identify:
    path = Path(str(settings.model))
    if not path.is_file():
        raise Problem(f"there is no file {path}; fastText's identifiers are lid.176.ftz and lid.176.bin")
    try:
        import fasttext  # type: ignore[import-not-found]
    except ImportError:
        raise Problem(
            "`by: fasttext` reads its file by the package fasttext, which is not installed: install it with "
            "`pip install groundup[languages]`, or use `by: profiles`"
        ) from None
    try:
        model: Any = fasttext.load_model(str(path))
    except (ValueError, MemoryError) as error:  # it believes the sizes that a damaged file tells
        raise Problem(f"fastText cannot read {path}: {error}") from None
    _all_known(settings.keep, [label.removeprefix(LABEL) for label in model.labels], "the file knows")

    def identify(text: str) -> tuple[str, float]:
        found = model.f.predict(" ".join(stretches(text, READS).split()) + "\n", 1, 0.0, "strict")
        return (found[0][1].removeprefix(LABEL), min(1.0, float(found[0][0]))) if found else ("", 0.0)

    return identify


def _all_known(wanted: list[str], known: tuple[str, ...] | list[str], who: str) -> None:
    for code in wanted:
        if code not in known:
            raise Problem(f"{code!r} under `keep` is no language that {who}: {' '.join(known)}")


IDENTIFIERS: dict[str, Callable[[LanguagesSettings], Identify]] = {
    "profiles": _profiles,
    "classifier": _classifier,
    "fasttext": _fasttext,
}

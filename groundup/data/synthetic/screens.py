"""Screens: what a model wrote passes all of them, or goes with the name of the one that held it back.

None needs to know what is right. They see what can be seen from outside: a length, a language, the phrases of a refusal, words
that stand in no passage, words that stand in the prompt, a text that was there before.
"""

import re
from collections.abc import Callable
from functools import cached_property, lru_cache

import numpy as np
from pydantic import Field

from groundup.config import Settings
from groundup.data.copies.decontaminate import Leaks, lowered
from groundup.data.copies.near import NearSettings, Signer, resemblance, runs_of, words_of
from groundup.data.copies.same import fingerprint
from groundup.data.filters.language import Language, LanguageSettings, language_of, weights
from groundup.data.filters.phrases import Text, any_of
from groundup.data.synthetic.candidate import Candidate

RUN = 5  # words in a run of what is copied
SURE, SURER = 0.08, 0.16  # shares of little words from which the language of a passage, and of a short answer, is sure
FEWEST = 10  # words of an answer in which a language shows: names are little words of some language
WORD = re.compile(r"[^\W_]+")
REFUSALS = """as an? (?:ai|artificial intelligence)\\b | as an? (?:large )?language model | i(?:'m| am) (?:just |only )?an? (?:ai|language model)
    | i(?:'m| am) (?:sorry|afraid),? (?:but )?(?:i|that) | i apologi[sz]e,? but | i (?:can't|cannot|can not|won't|will not) (?:help|assist|do that|comply|provide|fulfil|fulfill|answer)
    | i(?:'m| am) (?:not able|unable) to | unfortunately,? i (?:can't|cannot|can not|don't|do not) | i do(?:n't| not) have (?:access|enough information)
    | my (?:knowledge cutoff|training data) | i must decline | it(?:'s| is) not appropriate"""
LOOKED_AT = 300  # characters at either end in which a refusal counts


class ScreenSettings(Settings):
    """What a made text must look like."""

    shortest: int = Field(3, ge=1, description="words of an answer, or of a rewritten text")
    longest: int = Field(1200, ge=1, description="words of an answer, or of a rewritten text")
    languages: list[str] | None = Field(None, description="languages to keep, e.g. [en]; none: that of the passage")
    grounded: float = Field(
        0.5, ge=0, le=1, description="share of an answer's words of weight that stand in its passage"
    )
    copied: float = Field(0.5, gt=0, le=1, description="share of runs of five words that may come from the prompt")
    unchanged: float = Field(
        0.8, gt=0, le=1, description="share of runs of five words that rewriting may leave as they were"
    )
    near: NearSettings | None = Field(
        NearSettings.model_validate({"similarity": 0.6, "run": 2, "rows": 3}),
        description="when two questions, tasks or texts are one and the same; none: only exact copies go",
    )


class Screens:
    """The screens of a run, in the order in which they are asked."""

    def __init__(self, settings: ScreenSettings, leaks: Leaks | None):
        self.settings, self.leaks = settings, leaks
        keep = settings.languages
        self.language = Language(LanguageSettings.model_validate({"keep": keep})) if keep else None

    def alone(self, candidate: Candidate) -> Candidate:
        """All that can be said of a candidate by itself; the first screen that holds it back is its reason."""
        for name in ALONE[candidate.item.kind]:
            if candidate.reason:
                break
            if detail := SCREENS[name](self, candidate):
                candidate.refuse(name, detail)
            else:
                candidate.passed.append(name)
        return candidate


class Seen:
    """Texts so far, in which a new one is looked for: the same, or nearly so."""

    def __init__(self, settings: NearSettings | None):
        self.settings = settings
        self.exact: dict[int, str] = {}
        self.bands: dict[int, list[int]] = {}
        self.texts: list[tuple[str, np.ndarray]] = []

    @cached_property
    def signer(self) -> Signer:
        assert self.settings is not None
        return Signer(self.settings)

    def find(self, text: str) -> tuple[str, str]:
        """("duplicate" or "near_duplicate", id of the first such text), or two empty words."""
        same = self.exact.get(fingerprint(text.lower()))
        if same is not None or self.settings is None:
            return ("duplicate", same) if same is not None else ("", "")
        runs = runs_of(text, self.settings.run)
        met = {number for band in self._bands(text) for number in self.bands.get(band, ())}
        for number in sorted(met):
            id, others = self.texts[number]
            if resemblance(runs, others) >= self.settings.similarity:
                return "near_duplicate", id
        return "", ""

    def add(self, id: str, text: str) -> None:
        """From now on this text has been seen."""
        self.exact.setdefault(fingerprint(text.lower()), id)
        if self.settings is None:
            return
        for band in self._bands(text):
            self.bands.setdefault(band, []).append(len(self.texts))
        self.texts.append((id, runs_of(text, self.settings.run)))

    def _bands(self, text: str) -> list[int]:
        words = words_of(text.lower())
        assert self.settings is not None
        return self.signer.sign(words).tolist() if len(words) >= self.settings.run else []


def cut_off(screens: Screens, candidate: Candidate) -> str:
    """An answer that ran into its limit has no end."""
    return "it ran into max_tokens" if candidate.finish == "length" else ""


def length(screens: Screens, candidate: Candidate) -> str:
    """Too few words tell nothing, too many are no answer."""
    words = len(candidate.answer.split())
    return "" if screens.settings.shortest <= words <= screens.settings.longest else f"{words} words"


def language(screens: Screens, candidate: Candidate) -> str:
    """In a language that is kept, or in that of the passage."""
    if screens.language is not None:
        found = screens.language.judge(Text(f"{candidate.subject}\n{candidate.answer}"))
        return found.detail if found else ""
    if candidate.item.passage is None:
        return ""
    theirs, sure, _ = language_of(candidate.item.passage.text)
    ours, share, _ = language_of(candidate.answer)
    told = sure >= SURE and share >= SURER and len(candidate.answer.split()) >= FEWEST
    return f"{ours}, its passage is in {theirs}" if told and ours != theirs else ""


def refusal(screens: Screens, candidate: Candidate) -> str:
    """The model speaks of itself, or says no."""
    text = candidate.answer.lower().replace("’", "'")
    found = _refusals().search(text[:LOOKED_AT]) or _refusals().search(text[-LOOKED_AT:])
    return f"it says {found[0]!r}" if found else ""


def copied(screens: Screens, candidate: Candidate) -> str:
    """The prompt said again."""
    share = shared(candidate.answer, candidate.asked)
    return f"{share:.0%} of it stand in the prompt" if share > screens.settings.copied else ""


def unchanged(screens: Screens, candidate: Candidate) -> str:
    """A text that was to be rewritten, and is as it was."""
    if candidate.item.passage is None:
        return ""
    share = shared(candidate.answer, candidate.item.passage.text)
    return f"{share:.0%} of it are as they were" if share > screens.settings.unchanged else ""


def grounded(screens: Screens, candidate: Candidate) -> str:
    """What the passage does not say was made up."""
    if candidate.item.passage is None:
        return ""
    share = supported(candidate.answer, candidate.item.passage.text)
    return f"{share:.0%} of its words of weight stand in the passage" if share < screens.settings.grounded else ""


def leak(screens: Screens, candidate: Candidate) -> str:
    """It quotes what models are tested with."""
    if screens.leaks is None:
        return ""
    return screens.leaks.leak(words_of(lowered(f"{candidate.subject} {candidate.answer}")))


SCREENS: dict[str, Callable[[Screens, Candidate], str]] = {
    "cut off": cut_off,
    "length": length,
    "language": language,
    "refusal": refusal,
    "copied": copied,
    "unchanged": unchanged,
    "grounded": grounded,
    "leak": leak,
}
ALONE = {
    "instructions": ("cut off", "length", "language", "refusal", "copied", "leak"),
    "questions": ("cut off", "length", "language", "refusal", "copied", "grounded", "leak"),
    "rewrite": ("cut off", "length", "language", "refusal", "copied", "unchanged", "grounded", "leak"),
    "templates": ("length", "language", "leak"),
}


def shared(text: str, other: str) -> float:
    """The share of a text's runs of words that another has as well; a text shorter than a run shares nothing."""
    runs = runs_of(text, RUN)
    return float(np.isin(runs, runs_of(other, RUN)).mean()) if len(runs) else 0.0


def supported(text: str, passage: str) -> float:
    """The share of a text's words of weight that its passage has, in any of their usual endings."""
    words = weighty(text)
    return len(words & weighty(passage)) / len(words) if words else 1.0


def weighty(text: str) -> set[str]:
    """Words that say what a text is about, cut to their first letters; numbers stay whole."""
    words = (word for word in WORD.findall(text.lower()) if word not in weights())
    return {word if word.isdigit() else word[:5] for word in words if len(word) > 2 or word.isdigit()}


@lru_cache(1)
def _refusals() -> re.Pattern[str]:
    return re.compile(any_of(REFUSALS))

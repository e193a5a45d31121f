"""Changes: what may be done to a cleaned text before the filters see it, each off unless a profile names it.

A change gives the text another form or finds a reason to remove the document; each is a step of the corpus's table.
"""

from typing import Annotated, Protocol

from pydantic import Field

from groundup.data.cleaning.bare import (
    Lower,
    LowerSettings,
    Punctuation,
    PunctuationSettings,
    Stem,
    StemSettings,
    StopWords,
    StopWordsSettings,
)
from groundup.data.cleaning.lines import Boilerplate, BoilerplateSettings, Lines, LinesSettings
from groundup.data.cleaning.markup import StripMarkup, StripMarkupSettings
from groundup.data.cleaning.wrapped import Wrap, WrapSettings
from groundup.data.filters.c4 import C4, C4Settings
from groundup.data.filters.finding import Finding


class Change(Protocol):
    """A part that gives one document alone another form; `name` is its step in the table."""

    name: str

    def change(self, text: str) -> str | Finding: ...


CHANGES: dict[str, type[Change]] = {
    "boilerplate": Boilerplate,
    "lines": Lines,
    "strip_markup": StripMarkup,
    "wrap": Wrap,
    "lower": Lower,
    "punctuation": Punctuation,
    "stop_words": StopWords,
    "stem": Stem,
    "c4": C4,
}
ChangeSettings = Annotated[
    BoilerplateSettings
    | LinesSettings
    | StripMarkupSettings
    | WrapSettings
    | LowerSettings
    | PunctuationSettings
    | StopWordsSettings
    | StemSettings
    | C4Settings,
    Field(discriminator="kind"),
]

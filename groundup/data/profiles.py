"""What a corpus goes through: the table of its filters, and the sets of changes and filters that have a name."""

from typing import Annotated, Literal

from pydantic import Field

from groundup.config import Settings
from groundup.data.cleaning.change import ChangeSettings
from groundup.data.copies.decontaminate import LeakSettings
from groundup.data.copies.near import NearSettings
from groundup.data.copies.repeated import RepeatedSettings, SubstringSettings
from groundup.data.filters.finding import Filter, Finding
from groundup.data.filters.fineweb import FineWeb, FineWebSettings
from groundup.data.filters.gibberish import Gibberish, GibberishSettings
from groundup.data.filters.gopher_quality import GopherQuality, GopherQualitySettings
from groundup.data.filters.gopher_repetition import GopherRepetition, GopherRepetitionSettings
from groundup.data.filters.language import Language, LanguageSettings
from groundup.data.filters.languages import Languages, LanguagesSettings
from groundup.data.filters.learned import Learned, LearnedSettings
from groundup.data.filters.perplexity import Perplexity, PerplexitySettings
from groundup.data.filters.phrases import Text
from groundup.data.filters.spam import Spam, SpamSettings
from groundup.data.filters.toxic import Toxic, ToxicSettings
from groundup.data.privacy.redact import KindName


class ShortSettings(Settings):
    """Removes texts too short to learn from."""

    kind: Literal["short"] = "short"
    words: int = Field(5, gt=0, description="the fewest words a text may have")


class Short:
    """Counts words."""

    reason = "short"

    def __init__(self, settings: ShortSettings):
        self.settings = settings

    def judge(self, text: Text) -> Finding | None:
        words = len(text.text.split(None, self.settings.words))
        return Finding(self.reason, f"{words} words") if words < self.settings.words else None


FILTERS: dict[str, type[Filter]] = {
    "short": Short,
    "language": Language,
    "gibberish": Gibberish,
    "spam": Spam,
    "toxic": Toxic,
    "learned": Learned,
    "languages": Languages,
    "perplexity": Perplexity,
    "gopher_quality": GopherQuality,
    "gopher_repetition": GopherRepetition,
    "fineweb": FineWeb,
}
FilterSettings = Annotated[
    ShortSettings
    | LanguageSettings
    | GibberishSettings
    | SpamSettings
    | ToxicSettings
    | LearnedSettings
    | LanguagesSettings
    | PerplexitySettings
    | GopherQualitySettings
    | GopherRepetitionSettings
    | FineWebSettings,
    Field(discriminator="kind"),
]


class Profile(Settings):
    """Everything that decides what stays in a corpus, and as what."""

    extractor: Literal["own", "trafilatura", "resiliparse"] = Field(
        "own", description="who takes the text out of pages"
    )
    repair: Literal["own", "ftfy", "off"] = Field("own", description="who repairs text that was decoded wrongly")
    changes: list[ChangeSettings] = Field([], description="what is done to each text before the filters, in order")
    filters: list[FilterSettings] = Field([], description="filters of single documents, in the order they are asked")
    exact: bool = Field(False, description="remove texts that are the same but for case, spaces and punctuation")
    near: NearSettings | None = Field(None, description="remove texts that are nearly the same")
    repeated_paragraphs: RepeatedSettings | None = Field(None, description="cut out paragraphs that stood before")
    repeated_lines: RepeatedSettings | None = Field(None, description="cut out lines that stood before")
    substrings: SubstringSettings | None = Field(None, description="cut out long passages that stood before")
    leaks: LeakSettings = Field(
        LeakSettings.model_validate({}), description="what counts as a leak of what is protected"
    )
    redact: list[KindName] = Field([], description="what to black out")
    placeholders: Literal["kind", "numbered"] = Field("kind", description="[email], or [email-2] for the same again")


WORTHLESS = [{"kind": "gibberish"}, {"kind": "spam"}, {"kind": "toxic"}]
ONCE = {"exact": True, "near": {}, "redact": ["email", "phone", "card"]}
LANGUAGE, QUALITY, REPETITION = {"kind": "language"}, {"kind": "gopher_quality"}, {"kind": "gopher_repetition"}
PUBLISHED = {
    # MassiveText (Rae et al. 2021, A.1): quality, repetition, copies that share 0.8 of their runs of 13 words
    "gopher": {
        "filters": [LANGUAGE, QUALITY, REPETITION],
        "exact": True,
        "near": {"similarity": 0.8, "run": 13, "bands": 20, "rows": 7},
    },
    # C4 (Raffel et al. 2020, 2.2)
    "c4": {"changes": [{"kind": "c4"}], "filters": [LANGUAGE], "exact": True},
    # FineWeb (Penedo et al. 2024, 3.5): C4 without its rule on the ends of lines; copies by 14 bands of 8 rows
    "fineweb": {
        "changes": [{"kind": "c4", "closed": False}],
        "filters": [LANGUAGE, REPETITION, QUALITY, {"kind": "fineweb"}],
        "near": {"similarity": 0.75, "run": 5, "bands": 14, "rows": 8},
        "redact": ["email"],
    },
}
PROFILES: dict[str, Profile] = {
    name: Profile.model_validate(written)
    for name, written in {
        "none": {},
        "prose": {"filters": WORTHLESS, **ONCE},
        "web": {"filters": [{"kind": "short", "words": 10}, {"kind": "language"}, *WORTHLESS], **ONCE},
        **PUBLISHED,
    }.items()
}

"""Which filters a corpus goes through: the table of them, and the sets of them that have a name."""

from typing import Annotated, Literal

from pydantic import Field

from groundup.config import Settings
from groundup.data.finding import Filter, Finding
from groundup.data.gibberish import Gibberish, GibberishSettings
from groundup.data.language import Language, LanguageSettings
from groundup.data.near import NearSettings
from groundup.data.phrases import Text
from groundup.data.spam import Spam, SpamSettings
from groundup.data.toxic import Toxic, ToxicSettings


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
}
FilterSettings = Annotated[
    ShortSettings | LanguageSettings | GibberishSettings | SpamSettings | ToxicSettings, Field(discriminator="kind")
]


class Profile(Settings):
    """Everything that decides what stays in a corpus, and as what."""

    filters: list[FilterSettings] = Field([], description="filters of single documents, in the order they are asked")
    exact: bool = Field(False, description="remove texts that are the same but for case, spaces and punctuation")
    near: NearSettings | None = Field(None, description="remove texts that are nearly the same")
    redact: list[Literal["email", "phone", "card"]] = Field([], description="what to black out")


WORTHLESS = [{"kind": "gibberish"}, {"kind": "spam"}, {"kind": "toxic"}]
ONCE = {"exact": True, "near": {}, "redact": ["email", "phone", "card"]}
PROFILES: dict[str, Profile] = {
    name: Profile.model_validate(written)
    for name, written in {
        "none": {},
        "prose": {"filters": WORTHLESS, **ONCE},
        "web": {"filters": [{"kind": "short", "words": 10}, {"kind": "language"}, *WORTHLESS], **ONCE},
    }.items()
}

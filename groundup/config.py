"""Settings: strict models with sentences for errors; YAML with line numbers; dotted overrides; JSON schema.

Each part's own settings live beside the part; here is only the machinery they share.
"""

from typing import Annotated

from pydantic import BaseModel, ConfigDict


class Settings(BaseModel):
    """The mother of all settings: unknown names are refused, values are not guessed, nothing changes afterwards."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, protected_namespaces=())


class InputMark:
    """Marks a setting that names what a stage reads: a path, or `$stage` or `$stage/sub/path` in a recipe."""


Input = Annotated[str, InputMark()]

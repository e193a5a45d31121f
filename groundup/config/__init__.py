"""Settings: strict models with sentences for errors; YAML with line numbers; dotted overrides; JSON schema.

Each part's own settings live beside the part; here is only the machinery they share. Words on the command line and
lines of YAML come in (`written`), are laid over each other, and leave as one checked `Settings` (`build`).
"""

from groundup.config.build import build
from groundup.config.model import Input, InputMark, Settings, inputs_of, replace_inputs, schema
from groundup.config.written import Place, Section, merge, overrides, read_yaml

__all__ = [
    "Input",
    "InputMark",
    "Place",
    "Section",
    "Settings",
    "build",
    "inputs_of",
    "merge",
    "overrides",
    "read_yaml",
    "replace_inputs",
    "schema",
]

"""Tokens become new tokens here: sampled one after another, for one reader or for thousands of prompts at once.

Importing this is light: torch is imported when a model is first loaded.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from groundup.generation.language_model import LanguageModel as LanguageModel
    from groundup.generation.language_model import load as load

__all__ = ["LanguageModel", "load"]


def __getattr__(name: str):
    if name not in __all__:
        raise AttributeError(f"module 'groundup.generation' has no attribute {name!r}")
    return getattr(import_module("groundup.generation.language_model"), name)

"""Text becomes tokens here, and tokens text again; conversations become tokens that no user can forge.

Importing this is light: numba and regex are imported when a tokenizer is first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from groundup.tokenizer.tokenizer import Tokenizer as Tokenizer

__all__ = ["Tokenizer"]


def __getattr__(name: str):
    if name != "Tokenizer":
        raise AttributeError(f"module 'groundup.tokenizer' has no attribute {name!r}")
    return import_module("groundup.tokenizer.tokenizer").Tokenizer

"""Language models from the ground up: a text goes in as raw pages and comes out as answers over HTTP.

Importing this is light: what needs torch imports it when it is first used.
"""

import sys

if sys.version_info < (3, 11):  # up to here any Python 3 must be able to read this file
    sys.stderr.write(
        "groundup needs Python 3.11 or newer and this is Python %d.%d: install a newer one and make the "
        "environment again, e.g. python3.11 -m venv .venv\n" % sys.version_info[:2]
    )
    raise SystemExit(2)

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from groundup.evaluation import evaluate as evaluate
    from groundup.generation import load as load
    from groundup.recipe import make as make
    from groundup.recipe import train as train
    from groundup.tokenizer import Tokenizer as Tokenizer

__version__ = "0.1.0"

ROOMS = {
    "Tokenizer": "groundup.tokenizer",
    "evaluate": "groundup.evaluation",
    "load": "groundup.generation",
    "make": "groundup.recipe",
    "train": "groundup.recipe",
}


def __getattr__(name: str):
    """The few names that do most of the work, fetched from their rooms when first asked for."""
    if name not in ROOMS:
        raise AttributeError(f"module 'groundup' has no attribute {name!r}; it has {', '.join(ROOMS)}")
    return getattr(import_module(ROOMS[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *ROOMS])

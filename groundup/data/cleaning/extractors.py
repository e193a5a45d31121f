"""Who takes the readable text out of a page: our own extractor, or one of two other people's that may be installed.

All run in the engine's workers, whose supervision ends what takes too long.
"""

from collections.abc import Callable
from importlib import import_module
from typing import Any

from groundup.data.cleaning.extract import extract
from groundup.errors import Problem

EXTRACTORS = ("own", "trafilatura", "resiliparse")
MODULES = {"trafilatura": "trafilatura", "resiliparse": "resiliparse.extract.html2text"}


def extractor(name: str) -> Callable[[str], str]:
    """The function from a page's HTML to its text; says at once what has to be installed."""
    if name == "own":
        return extract
    return {"trafilatura": _trafilatura, "resiliparse": _resiliparse}[name](_module(name))


def _module(name: str) -> Any:
    try:
        return import_module(MODULES[name])
    except ImportError as error:
        raise Problem(
            f"extractor={name} needs the package {name}, which cannot be imported here ({error}): "
            f"install it with `pip install groundup[{name}]`, or set extractor=own"
        ) from None


def _trafilatura(module: Any) -> Callable[[str], str]:
    return lambda page: module.extract(page, include_comments=False, include_tables=True) or ""


def _resiliparse(module: Any) -> Callable[[str], str]:
    def text_of(page: str) -> str:
        page = page.encode("utf-8", "replace").decode("utf-8")  # it takes no lone surrogates
        return module.extract_plain_text(page, main_content=True, alt_texts=False)

    return text_of

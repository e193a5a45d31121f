"""Which columns of a row are its text, id, address, source and licence: the way from other people's tables to records.

A text may come from several columns by a template such as "{title}\\n\\n{body}"; nothing in a template is ever run.
"""

import re
from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field

from groundup.config import Settings
from groundup.data.documents import HTML, TEXT, Record
from groundup.data.reading.bounds import LARGEST, too_long

NAMED = re.compile(r"\{([^{}]+)\}")
SHOWN = 12  # columns named in a sentence
KINDS = {"text": TEXT, "html": HTML}


class Fields(Settings):
    """The columns to read from rows of JSONL, JSON, CSV, TSV, parquet and Arrow files."""

    text: str = Field("text", description='the column with the text, or a template: "{title}\\n\\n{body}"')
    id: str = Field("id", description="the column that names a document; without it the address or the row's place")
    url: str = Field("url", description="the column with its address")
    source: str = Field("source", description="the column that says where it is from; without it the file's name")
    license: str = Field("license", description="the column with its licence")
    kind: Literal["text", "html"] = Field("text", description="what the text is: readable as it is, or HTML")


class Manner(Settings):
    """How some formats are read where there is a choice."""

    books: Literal["chapters", "whole"] = Field(
        "chapters", description="an EPUB is a document for each chapter, or one"
    )
    digests: Literal["ignore", "check"] = Field(
        "ignore", description="WARC records whose digest is wrong: keep or remove"
    )


def columns_of(fields: Fields) -> list[str]:
    """The top-level columns that may be needed."""
    named = NAMED.findall(fields.text) or [fields.text]
    wanted = [*named, fields.id, fields.url, fields.source, fields.license]
    return list(dict.fromkeys([*wanted, *(name.split(".")[0] for name in wanted)]))


def record_of(row: Any, place: str, name: str, fields: Fields, license: str = "") -> Record:
    """The document in one row, or what is missing in it."""
    if not isinstance(row, Mapping):
        return Record(place, name, problem=f"no row with columns but {type(row).__name__}")
    text = text_of(row, fields.text)
    if text is None:
        return Record(place, name, problem=_without(row, fields.text))
    body = text.encode("utf-8", "replace")
    if len(body) > LARGEST:
        return Record(place, name, problem=too_long())
    id, url = _words(_at(row, fields.id)), _words(_at(row, fields.url))
    return Record(
        id or url or place,
        _words(_at(row, fields.source)) or name,
        body,
        KINDS[fields.kind],
        "utf-8",
        url="" if url == id or not id else url,
        license=_words(_at(row, fields.license)) or license,
    )


def text_of(row: Mapping[str, Any], template: str) -> str | None:
    """The text of a row by a column's name or a template; nothing where no column has any."""
    if template in row or not NAMED.search(template):
        value = _at(row, template)
        if value is None and template in row:
            return ""
        return value if isinstance(value, str) else _joined(value)
    found = {name: _words(_at(row, name)) for name in NAMED.findall(template)}
    if not any(found.values()):
        return None
    return NAMED.sub(lambda named: found[named[1]], template).strip("\n")


def _at(row: Mapping[str, Any], name: str) -> Any:
    """A column, or a field inside one where the name has dots."""
    if name in row:
        return row[name]
    value: Any = row
    for part in name.split("."):
        if not isinstance(value, Mapping) or part not in value:
            return None
        value = value[part]
    return value


def _joined(value: Any) -> str | None:
    if isinstance(value, list) and value and all(isinstance(part, str) for part in value):
        return "\n".join(value)
    return None


def _words(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool) or value is None:
        return ""
    return str(value) if isinstance(value, int | float) and value == value else _joined(value) or ""


def _without(row: Mapping[str, Any], template: str) -> str:
    names = [str(name) for name in row]
    shown = ", ".join(names[:SHOWN]) + (", …" if len(names) > SHOWN else "")
    return f"no text under {template!r}; columns: {shown or 'none'}; name one in fields.text"

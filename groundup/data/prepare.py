"""Everything that is done to one document alone: decode, extract, clean, judge, sign, look for leaks, black out.

Runs in the engine's workers, Arrow in and Arrow out; what depends on other documents is only prepared here (the
fingerprint, the bands) and decided in `duplicates`.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from groundup.data.clean import normalise
from groundup.data.decontaminate import Leaks
from groundup.data.dedup import fingerprint
from groundup.data.documents import HTML
from groundup.data.encoding import decode
from groundup.data.extract import extract
from groundup.data.near import Signer, words_of
from groundup.data.phrases import Text
from groundup.data.profiles import FILTERS, Profile
from groundup.data.redact import redact

if TYPE_CHECKING:
    import pyarrow as pa

SHOWN = 40  # the first documents leave what they were before each step, for the examples
CLIP = 600


@dataclass
class Prepared:
    """One document after all that can be done to it alone; `reason` says why it goes, if it does."""

    text: str = ""
    reason: str = ""
    detail: str = ""
    step: str = ""
    read_bytes: int = 0
    extracted_bytes: int = 0
    before_extract: str = ""
    before_clean: str = ""
    exact: int = 0
    bands: Any = ()
    leak: str = ""
    redacted: str | None = None
    redactions: tuple[tuple[str, int], ...] = ()


class Preparation:
    """The steps of a profile, ready to be applied."""

    def __init__(self, profile: Profile, leaks: Leaks | None):
        self.profile, self.leaks = profile, leaks
        self.filters = [FILTERS[settings.kind](settings) for settings in profile.filters]  # type: ignore[call-arg]
        self.signer = Signer(profile.near) if profile.near else None

    def batch(self, batch: "pa.RecordBatch") -> "pa.RecordBatch":
        """RAW documents -> prepared documents, row by row."""
        import pyarrow as pa

        rows = [self._safely(row) for row in batch.to_pylist()]
        kept = {name: batch.column(name) for name in ("number", "id", "source")}
        kept["raw_bytes"] = pa.compute.binary_length(batch.column("body"))  # type: ignore[attr-defined]
        schema = prepared_schema()
        columns = [
            kept[field.name].cast(field.type)
            if field.name in kept
            else pa.array([getattr(row, field.name) for row in rows], field.type)
            for field in schema
        ]
        return pa.RecordBatch.from_arrays(columns, schema=schema)

    def _safely(self, row: dict[str, Any]) -> Prepared:
        if row["problem"]:
            return Prepared(reason="unreadable", detail=row["problem"], step="read")
        try:
            return self.document(row["body"], row["kind"], row["charset"], row["number"] < SHOWN)
        except Exception as error:  # one document must not stop the others
            return Prepared(reason="unreadable", detail=f"{type(error).__name__}: {error}", step="read")

    def document(self, body: bytes, kind: str, charset: str, shown: bool = False) -> Prepared:
        """One document through all steps, up to the one that removes it."""
        if b"\0" in body and _is_binary(body):
            return Prepared(reason="unreadable", detail="binary data", step="read")
        read = decode(body, charset)
        extracted = extract(read) if kind == HTML else read
        text = Text(normalise(extracted))
        done = Prepared(text.text, read_bytes=_size(read), extracted_bytes=_size(extracted))
        if shown:
            done.before_extract = read[:CLIP] if kind == HTML else ""
            done.before_clean = extracted[:CLIP] if extracted != text.text else ""
        if not text.text.strip():
            done.reason, done.step = "empty", "extract" if kind == HTML else "clean"
            done.detail = "no text was found in it"
            return done
        for part in self.filters:
            if finding := part.judge(text):
                done.reason, done.detail, done.step = finding.reason, finding.detail, part.reason
                return done
        self._compare(text, done)
        if self.profile.redact:
            redacted, counts = redact(text.text, self.profile.redact)
            if counts:
                done.redacted, done.redactions = redacted, tuple(sorted(counts.items()))
        return done

    def _compare(self, text: Text, done: Prepared) -> None:
        if self.profile.exact:
            done.exact = fingerprint(text.lower)
        if not self.signer and not self.leaks:
            return
        words = words_of(text.lower)
        if self.signer and len(words):
            done.bands = self.signer.sign(words)
        if self.leaks:
            done.leak = self.leaks.leak(words)


def prepared_schema() -> "pa.Schema":
    """What a prepared batch looks like."""
    import pyarrow as pa

    return pa.schema(
        [
            ("number", pa.int64()),
            ("id", pa.large_string()),
            ("source", pa.large_string()),
            ("raw_bytes", pa.int64()),
            ("text", pa.large_string()),
            ("reason", pa.large_string()),
            ("detail", pa.large_string()),
            ("step", pa.large_string()),
            ("read_bytes", pa.int64()),
            ("extracted_bytes", pa.int64()),
            ("before_extract", pa.large_string()),
            ("before_clean", pa.large_string()),
            ("exact", pa.int64()),
            ("bands", pa.large_list(pa.uint64())),
            ("leak", pa.large_string()),
            ("redacted", pa.large_string()),
            ("redactions", pa.large_list(pa.struct([("kind", pa.large_string()), ("count", pa.int64())]))),
        ]
    )


def steps(profile: Profile, protected: bool) -> Iterator[str]:
    """The names of the steps in the order in which they can remove or change a document."""
    yield from ("read", "extract", "clean")
    yield from (settings.kind for settings in profile.filters)
    yield from ["duplicate"] * profile.exact + ["near_duplicate"] * bool(profile.near) + ["leak"] * protected
    yield from ["redact"] * bool(profile.redact)


def _is_binary(body: bytes) -> bool:
    head = body[:4096]
    controls = len(head) - len(head.translate(None, bytes([*range(9), *range(14, 27), *range(28, 32)])))
    return controls > len(head) // 10 and "\0" in decode(head)


def _size(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-8", "replace"))


def worker(profile: Profile, leaks: Leaks | None) -> "Callable[[pa.RecordBatch], pa.RecordBatch]":
    """What a worker of the engine does with each batch."""
    return Preparation(profile, leaks).batch

"""Everything that is done to one document alone: decode, extract, clean, change, judge, sign, look for leaks, black out.

Runs in the engine's workers, Arrow in and Arrow out; what depends on other documents is only prepared here (the
fingerprint, the bands) and decided in `copies/`.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from groundup.data.cleaning.change import CHANGES
from groundup.data.cleaning.clean import normalise
from groundup.data.cleaning.extractors import extractor
from groundup.data.cleaning.mend import repairer
from groundup.data.copies.decontaminate import Leaks
from groundup.data.copies.near import Signer, words_of
from groundup.data.copies.same import fingerprint
from groundup.data.copies.verdicts import cutting
from groundup.data.documents import HTML
from groundup.data.filters.finding import Finding
from groundup.data.filters.phrases import Text
from groundup.data.privacy.redact import redact
from groundup.data.profiles import FILTERS, Profile
from groundup.data.reading.encoding import decode
from groundup.data.table import differing

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
    after_clean: str = ""
    cleaned_bytes: int = 0
    changes: list[dict[str, Any]] = field(default_factory=list)
    exact: int = 0
    bands: Any = ()
    leak: str = ""
    redacted: str | None = None
    redactions: tuple[tuple[str, int], ...] = ()


class Preparation:
    """The steps of a profile, ready to be applied."""

    def __init__(self, profile: Profile, leaks: Leaks | None):
        self.profile, self.leaks = profile, leaks
        self.extract, self.repair = extractor(profile.extractor), repairer(profile.repair)
        self.changes = list(
            zip(names(profile), [CHANGES[settings.kind](settings) for settings in profile.changes], strict=True)  # type: ignore[call-arg]
        )
        self.filters = [FILTERS[settings.kind](settings) for settings in profile.filters]  # type: ignore[call-arg]
        self.signer = Signer(profile.near) if profile.near else None

    def batch(self, batch: "pa.RecordBatch") -> "pa.RecordBatch":
        """RAW documents -> prepared documents, row by row."""
        import pyarrow as pa
        import pyarrow.compute as compute

        rows = [self._safely(row) for row in batch.to_pylist()]
        kept = {name: batch.column(name) for name in ("number", "id", "source", "url", "license")}
        kept["raw_bytes"] = compute.binary_length(batch.column("body"))  # type: ignore[attr-defined]
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
        except MemoryError:  # whoever keeps the limits decides
            raise
        except Exception as error:  # one document must not stop the others
            return Prepared(reason="unreadable", detail=f"{type(error).__name__}: {error}", step="read")

    def document(self, body: bytes, kind: str, charset: str, shown: bool = False) -> Prepared:
        """One document through all steps, up to the one that removes it."""
        if b"\0" in body and _is_binary(body):
            return Prepared(reason="unreadable", detail="binary data", step="read")
        read = decode(body, charset)
        extracted = self.extract(read) if kind == HTML else read
        cleaned = normalise(extracted, self.repair)
        done = Prepared(cleaned, read_bytes=_size(read), extracted_bytes=_size(extracted), cleaned_bytes=_size(cleaned))
        if shown:
            done.before_extract = read[:CLIP] if kind == HTML else ""
            done.before_clean = extracted[:CLIP] if extracted != cleaned else ""
            done.after_clean = cleaned[:CLIP]
        if not cleaned.strip():
            done.reason, done.step = "empty", "extract" if kind == HTML else "clean"
            done.detail = "no text was found in it"
            return done
        if self._change(done, shown):
            return done
        text = Text(done.text)
        for part in self.filters:
            if finding := part.judge(text):
                done.reason, done.detail, done.step = finding.reason, finding.detail, part.reason
                return done
        self._compare(text, done)
        if self.profile.redact:
            redacted, counts = redact(text.text, self.profile.redact, self.profile.placeholders)
            if counts:
                done.redacted, done.redactions = redacted, tuple(sorted(counts.items()))
        return done

    def _change(self, done: Prepared, shown: bool) -> bool:
        """The profile's changes one after another; true if one of them removes the document."""
        for name, part in self.changes:
            changed = part.change(done.text)
            if isinstance(changed, Finding):
                done.reason, done.detail, done.step = changed.reason, changed.detail, name
                return True
            if not changed.strip():
                done.reason, done.detail, done.step = "empty", f"{name} left nothing of it", name
                return True
            before, after = differing(done.text, changed, CLIP) if shown and changed != done.text else ("", "")
            done.changes.append({"step": name, "bytes": _size(changed), "before": before, "after": after})
            done.text = changed
        return False

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

    text = pa.large_string()
    change = pa.struct([("step", text), ("bytes", pa.int64()), ("before", text), ("after", text)])
    return pa.schema(
        [
            ("number", pa.int64()),
            ("id", pa.large_string()),
            ("source", pa.large_string()),
            ("url", pa.large_string()),
            ("license", pa.large_string()),
            ("raw_bytes", pa.int64()),
            ("text", pa.large_string()),
            ("reason", pa.large_string()),
            ("detail", pa.large_string()),
            ("step", pa.large_string()),
            ("read_bytes", pa.int64()),
            ("extracted_bytes", pa.int64()),
            ("before_extract", pa.large_string()),
            ("before_clean", pa.large_string()),
            ("after_clean", pa.large_string()),
            ("cleaned_bytes", pa.int64()),
            ("changes", pa.large_list(change)),
            ("exact", pa.int64()),
            ("bands", pa.large_list(pa.uint64())),
            ("leak", pa.large_string()),
            ("redacted", pa.large_string()),
            ("redactions", pa.large_list(pa.struct([("kind", pa.large_string()), ("count", pa.int64())]))),
        ]
    )


def steps(profile: Profile, protected: bool) -> Iterator[str]:
    """The names of the steps in the order in which they can remove or change a document."""
    yield from ("read", "extract", "clean", *names(profile))
    yield from (settings.kind for settings in profile.filters)
    yield from ["duplicate"] * profile.exact + ["near_duplicate"] * bool(profile.near)
    yield from cutting(profile)
    yield from ["leak"] * protected
    yield from ["redact"] * bool(profile.redact)


def names(profile: Profile) -> list[str]:
    """The steps of the profile's changes; a kind that comes again is counted."""
    kinds = [settings.kind for settings in profile.changes]
    return [f"{kind} {kinds[: at + 1].count(kind)}" if kind in kinds[:at] else kind for at, kind in enumerate(kinds)]


def _is_binary(body: bytes) -> bool:
    head = body[:4096]
    controls = len(head) - len(head.translate(None, bytes([*range(9), *range(14, 27), *range(28, 32)])))
    return controls > len(head) // 10 and "\0" in decode(head)


def _size(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-8", "replace"))


def worker(profile: Profile, leaks: Leaks | None) -> "Callable[[pa.RecordBatch], pa.RecordBatch]":
    """What a worker of the engine does with each batch."""
    return Preparation(profile, leaks).batch

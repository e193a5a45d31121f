"""Dumps of Stack Exchange (Posts.xml): a question and its answers are one page, the best answer first.

Answers come after their question, anywhere in the file. A question waits until all its answers are there, or until the
memory for waiting questions is full; then the oldest go as they are, and answers that come later are counted.
"""

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import IO

from groundup.data.documents import HTML, Record
from groundup.data.reading.bounds import HELD
from groundup.data.reading.found import Found
from groundup.data.reading.xml import parsed, pieces

TAGS = re.compile(r"<([^<>]+)>|([^|<>]+)")
CREATIVE = re.compile(r"CC (BY(?:-\w\w)*) (\d\.\d)")
QUESTION, ANSWER = "1", "2"
LATE = "forum: an answer after its question was written"


@dataclass
class Thread:
    """A question in wait for its answers."""

    question: dict[str, str]
    answers: list[dict[str, str]] = field(default_factory=list)
    size: int = 0

    @property
    def full(self) -> bool:
        """Whether all answers that the question counts are there."""
        return len(self.answers) >= _number(self.question.get("AnswerCount", "0"))


def read_posts(stream: IO[bytes], found: Found) -> Iterator[Record]:
    """A question with its answers, ordered by score, is a page."""
    waiting: dict[str, Thread] = {}
    number = held = 0
    for raw in pieces(stream, b"<row ", b"/>"):
        number += 1
        place = f"{found.name}#{number}"
        try:
            post = parsed(raw).attributes if raw is not None else None
        except ValueError as error:
            yield Record(place, found.name, problem=str(error))
            continue
        if post is None:
            yield Record(place, found.name, problem="a row that does not end, or is too long")
            continue
        thread = _placed(post, waiting, found)
        if thread is None:
            continue
        size = len(raw or b"")
        thread.size += size
        held += size
        if thread.full:
            held -= waiting.pop(thread.question["Id"]).size
            yield page(thread, found)
        while held > HELD:
            oldest = waiting.pop(next(iter(waiting)))
            held -= oldest.size
            yield page(oldest, found)
    yield from (page(thread, found) for thread in waiting.values())


def _placed(post: dict[str, str], waiting: dict[str, Thread], found: Found) -> Thread | None:
    """The thread that a post began or joined; none if it is no part of one."""
    kind = post.get("PostTypeId")
    if kind == QUESTION and post.get("Id"):
        waiting[post["Id"]] = Thread(post)
        return waiting[post["Id"]]
    if kind != ANSWER:
        found.skipped["forum: neither question nor answer"] += 1
        return None
    thread = waiting.get(post.get("ParentId", ""))
    if thread is None:
        found.skipped[LATE] += 1
        return None
    thread.answers.append(post)
    return thread


def page(thread: Thread, found: Found) -> Record:
    """A thread as the page that the forum would show of it."""
    question = thread.question
    answers = sorted(thread.answers, key=lambda post: (-_number(post.get("Score", "0")), _number(post.get("Id", "0"))))
    tags = ", ".join(first or second for first, second in TAGS.findall(question.get("Tags", "")))
    parts = [f"<h1>{html.escape(question.get('Title', ''))}</h1>", question.get("Body", "")]
    parts += [f"<p>Tags: {html.escape(tags)}.</p>"] if tags else []
    for post in answers:
        parts += [f"<h2>Answer (score {_number(post.get('Score', '0'))})</h2>", post.get("Body", "")]
    licenses = {_license(post.get("ContentLicense", "")) for post in (question, *answers)} - {""}
    body = "<html><body><article>" + "\n".join(parts) + "</article></body></html>"
    site = next((part for part in found.path.split("/")[-2:-1] if part.count(".") in (1, 2) and ".7z" not in part), "")
    url = f"https://{site}/q/{question['Id']}" if site else ""
    return Record(
        url or f"{found.name}#{question['Id']}",
        found.name,
        body.encode("utf-8", "replace"),
        HTML,
        "utf-8",
        license=" AND ".join(sorted(licenses)) or found.license,
    )


def _license(written: str) -> str:
    named = CREATIVE.fullmatch(written)
    return f"CC-{named[1]}-{named[2]}" if named else written


def _number(written: str) -> int:
    return int(written) if re.fullmatch(r"-?\d{1,18}", written) else 0

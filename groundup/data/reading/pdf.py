"""PDF: a child process finds the lines of each page, since strangers' PDFs can hang or fill the memory of their readers.

The lines come back with their places; `layout` makes paragraphs of them. pdfminer.six does the finding, for it alone of
the free ones tells where every line lies; without it a PDF is a problem that says what to install.
"""

import importlib.util
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import groundup
from groundup.data.documents import Record
from groundup.data.reading.bounds import LARGEST, MIB, whole
from groundup.data.reading.found import Found
from groundup.data.reading.layout import Line, Page, readable

SECONDS = 120  # of the processor, for one file
ROOM = 2 << 30  # bytes of memory
MISSING = "reading PDF takes pdfminer.six: pip install 'groundup[pdf]'"


def read_pdf(stream: IO[bytes], found: Found) -> Iterator[Record]:
    """A file is a document: columns one after the other, words joined, running heads left out."""
    body = whole(stream)
    if b"%PDF-" not in body[:1024]:
        yield Record(found.name, found.name, problem="no PDF: it does not begin with %PDF-")
        return
    if importlib.util.find_spec("pdfminer") is None:
        yield Record(found.name, found.name, problem=MISSING)
        return
    home = str(Path(groundup.__file__).parents[1])
    child = [sys.executable, "-c", f"import sys; sys.path.insert(0, {home!r})\nfrom {__name__} import main; main()"]
    done = subprocess.run(child, input=body, capture_output=True, check=False)
    if done.returncode:
        yield Record(found.name, found.name, problem=_told(done))
        return
    text = readable(_pages(done.stdout)).encode("utf-8", "replace")
    if not text:
        yield Record(found.name, found.name, problem="a PDF without text, of pictures perhaps")
        return
    yield Record(found.name, found.name, text, charset="utf-8", license=found.license)


def _told(done: "subprocess.CompletedProcess[bytes]") -> str:
    if done.returncode < 0:
        return f"a PDF that takes more than {SECONDS} s of the processor, or {ROOM // MIB} MiB"
    last = done.stderr.decode("utf-8", "replace").strip().rpartition("\n")[2]
    return f"a PDF that cannot be read: {last[:300] or 'it says nothing'}"


def _pages(raw: bytes) -> list[Page]:
    return [
        Page(page["width"], page["height"], [Line(*line) for line in page["lines"]])
        for page in map(json.loads, raw.splitlines())
    ]


def main() -> None:
    """In the child: bounds first, then the pages of the PDF on standard input as lines of JSON."""
    import io

    _bound()
    from pdfminer.high_level import extract_pages  # type: ignore[import-not-found]
    from pdfminer.layout import LAParams, LTTextContainer, LTTextLine  # type: ignore[import-not-found]

    body, left = sys.stdin.buffer.read(), LARGEST
    try:
        for page in extract_pages(io.BytesIO(body), laparams=LAParams()):
            boxes = [box for box in page if isinstance(box, LTTextContainer)]
            lines = [line for box in boxes for line in box if isinstance(line, LTTextLine)]
            shown = [(*map(float, line.bbox), line.get_text().strip("\n")) for line in lines]
            told = json.dumps({"width": float(page.width), "height": float(page.height), "lines": shown})
            left -= len(told)
            if left < 0:
                break
            print(told)
    except Exception as error:  # whatever a strange PDF does to its reader is the PDF's own problem
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        sys.exit(1)


def _bound() -> None:
    try:
        import resource
    except ImportError:  # not on Windows
        return
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS + 1))
    resource.setrlimit(resource.RLIMIT_AS, (ROOM, ROOM))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))

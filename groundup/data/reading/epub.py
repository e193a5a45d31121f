"""EPUB: a ZIP whose package file lists the chapters in order; each is a page of XHTML.

A book is a document for each chapter, or, if `books: whole` is asked for, one.
"""

import posixpath
import re
import zipfile
from collections.abc import Iterator
from typing import IO
from urllib.parse import unquote

from groundup.data.documents import HTML, Record
from groundup.data.reading.bounds import LARGEST, too_long, whole
from groundup.data.reading.columns import seekable
from groundup.data.reading.encoding import decode
from groundup.data.reading.found import Found
from groundup.data.reading.licence import licence_of
from groundup.data.reading.xml import Element, parsed
from groundup.data.reading.zips import open_member, open_zip

CONTAINER, RIGHTS = "META-INF/container.xml", "META-INF/encryption.xml"
PAGES = {"application/xhtml+xml", "text/html", "application/x-dtbook+xml"}
BODY = re.compile(r"<body\b[^>]*>(.*)</body\s*>", re.S | re.I)
LISTED = 4 << 20  # bytes of the files that list the chapters


def read_epub(stream: IO[bytes], found: Found) -> Iterator[Record]:
    """The chapters of a book in the order of its spine."""
    with open_zip(seekable(stream)) as book:
        package = _package(book, found)
        license = _license(parsed(_bytes(book, package, found, LISTED))) or found.license
        chapters = _chapters(book, package, found)
        if found.manner.books == "whole":
            yield _joined(chapters, found, license)
            return
        for path, page in chapters:
            name = f"{found.name}!/{path}"
            if isinstance(page, str):
                yield Record(name, found.name, problem=page)
            else:
                yield Record(name, found.name, page, HTML, license=license)


def _package(book: zipfile.ZipFile, found: Found) -> str:
    if CONTAINER not in book.namelist():
        raise ValueError(f"no EPUB: it has no {CONTAINER}")
    for root in parsed(_bytes(book, CONTAINER, found, LISTED)).all("rootfile"):
        return root.attributes.get("full-path", "")
    raise ValueError(f"no EPUB: {CONTAINER} names no package")


def _chapters(book: zipfile.ZipFile, package: str, found: Found) -> Iterator[tuple[str, bytes | str]]:
    """(path, page or what is wrong with it) of each chapter in order."""
    root = parsed(_bytes(book, package, found, LISTED))
    items = {item.attributes.get("id", ""): item.attributes for item in root.all("item")}
    folder = posixpath.dirname(package)
    told: set[str] = set()
    for reference in root.all("itemref"):
        item = items.get(reference.attributes.get("idref", ""), {})
        if item.get("media-type") not in PAGES or "nav" in item.get("properties", "").split():
            continue
        path = posixpath.normpath(posixpath.join(folder, unquote(item.get("href", "").partition("#")[0])))
        if path in told:
            continue
        told.add(path)
        try:
            yield path, _bytes(book, path, found, LARGEST)
        except (
            ValueError,
            OSError,
            EOFError,
            KeyError,
            RuntimeError,
            NotImplementedError,
            zipfile.BadZipFile,
        ) as error:
            yield path, f"a chapter that cannot be read: {error}"


def _joined(chapters: Iterator[tuple[str, bytes | str]], found: Found, license: str) -> Record:
    bodies, size = [], 0
    for path, page in chapters:
        if isinstance(page, str):
            return Record(found.name, found.name, problem=f"{path}: {page}")
        text = decode(page)
        body = BODY.search(text)
        bodies.append(body[1] if body else text)
        size += len(page)
        if size > LARGEST:
            return Record(found.name, found.name, problem=too_long())
    page = "<html><body>" + "\n".join(bodies) + "</body></html>"
    return Record(found.name, found.name, page.encode("utf-8", "replace"), HTML, "utf-8", license=license)


def _license(package: Element) -> str:
    return next((name for rights in package.all("rights") if (name := licence_of(rights.text))), "")


def _bytes(book: zipfile.ZipFile, path: str, found: Found, most: int) -> bytes:
    try:
        member = book.getinfo(path)
    except KeyError:
        raise ValueError(f"{path} is not in it") from None
    return whole(open_member(book, member, found.allowance), most)

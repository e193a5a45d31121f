"""The texts that bench/tokenizer.py measures with: 30 MB each of code, English and many languages, and hostile ones."""

import gettext
import json
import lzma
import random
import string
import sysconfig
from collections.abc import Iterable
from pathlib import Path

LARGE, GIGABYTE = 30_000_000, 1_000_000_000  # bytes
LOCALES = Path("/usr/share/locale")  # translated messages of the system's programs: some hundred languages


def large(texts: str | None) -> dict[str, list[str]]:
    """Name -> documents; what this machine does not have is left out with a note."""
    found = {"code": code(), "text": english(texts), "languages": languages()}
    for name in [name for name, docs in found.items() if not docs]:
        print(f"no documents for {name!r}: left out", flush=True)
    return {name: docs for name, docs in found.items() if docs}


def upto(docs: Iterable[str], most: int = LARGE) -> list[str]:
    """Documents until there are so many bytes."""
    chosen, size = [], 0
    for text in docs:
        if size >= most:
            break
        chosen.append(text)
        size += len(text.encode())
    return chosen


def code() -> list[str]:
    """The modules of Python's standard library."""
    files = sorted(Path(sysconfig.get_path("stdlib")).rglob("*.py"))
    own = [file for file in files if "site-packages" not in file.parts]
    random.Random(1).shuffle(own)
    return upto(file.read_bytes().decode(errors="replace") for file in own)


def english(folder: str | None, most: int = LARGE) -> list[str]:
    """The field `text` of all lines of FOLDER/*.jsonl.xz."""
    files = sorted(Path(folder).glob("*.jsonl.xz")) if folder else []
    return upto((json.loads(line)["text"] for file in files for line in lzma.open(file, "rt", encoding="utf-8")), most)


def languages() -> list[str]:
    """Messages of programs in all languages this machine has, one catalogue a document."""
    files = sorted(LOCALES.glob("*/LC_MESSAGES/*.mo"))
    random.Random(1).shuffle(files)
    return upto(text for file in files if (text := messages(file)))


def messages(file: Path) -> str:
    """All translations of a catalogue, a line each."""
    with file.open("rb") as opened:
        try:
            catalogue = gettext.GNUTranslations(opened)
        except (OSError, ValueError, UnicodeDecodeError):
            return ""
    return "\n".join(text for text in catalogue._catalog.values() if isinstance(text, str))  # noqa: SLF001


def write_gigabyte(path: Path, texts: str | None) -> int:
    """A file of 1 GB whose words go on being new: the English texts again and again, from the second time on with every
    eighth word changed by three letters. Returns its size."""
    chosen, size = random.Random(3), 0
    docs = upto((text for docs in (english(texts, 200_000_000), code()) for text in docs), 200_000_000)
    with path.open("w", encoding="utf-8") as file:
        for times in range(100):
            for text in docs:
                if size >= GIGABYTE:
                    return size
                words = text.split(" ")
                if times:
                    words[::8] = [word + "".join(chosen.choices(string.ascii_lowercase, k=3)) for word in words[::8]]
                size += len((line := " ".join(words) + "\n").encode())
                file.write(line)
    return size


def hostile() -> dict[str, list[str]]:
    """What a memory of words is of no use for."""
    chosen = random.Random(7)
    letters = "".join(chosen.choices(string.ascii_lowercase, k=3_000_000))
    cuts = sorted(chosen.sample(range(1, len(letters)), 400_000))
    words = [letters[a:b] for a, b in zip([0, *cuts], [*cuts, len(letters)], strict=True)]
    points = [chr(point) for point in range(0x20, 0x30000) if chr(point).isprintable()]
    return {
        "random_letters": [" ".join(words)],
        "one_word": [letters[:1_000_000]],
        "random_unicode": ["".join(chosen.choices(points, k=1_000_000))],
        "tiny_documents": ["".join(chosen.choices(points, k=chosen.randrange(60))) for _ in range(20_000)],
        "one_character": ["a" * 1_000_000],
    }

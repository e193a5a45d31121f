"""Files that a person wrote: seeds, templates and tables are text in UTF-8, or a sentence says that they are not."""

from pathlib import Path

from groundup.errors import Problem


def text_of(path: Path) -> str:
    """All of a file's text, without a mark of its byte order."""
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not text in UTF-8"
        raise Problem(f"{path} cannot be read ({why})") from None

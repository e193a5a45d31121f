"""The command line: words come in, one of `groundup.commands` does what they say, an exit code goes out.

0 done, 1 crashed or out of space, 2 wrong input (one sentence on stderr), 130 stopped by Ctrl-C with all that was
finished kept.
"""

import os
import signal
import sys
import tempfile
import traceback
from collections.abc import Sequence
from pathlib import Path

from groundup.errors import Problem

CRASHED, WRONG, INTERRUPTED = 1, 2, 130
SHOW = "--traceback"


def main(words: Sequence[str] | None = None) -> int:
    """Run one command; the exit code."""
    words = list(sys.argv[1:] if words is None else words)
    shown = SHOW in words
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # to stop is to stop, whoever asks
    try:
        from groundup.commands import app
        from groundup.hardware import wait_gently

        wait_gently()

        code = int(app([word for word in words if word != SHOW], prog_name="groundup", standalone_mode=False) or 0)
        return _interrupted() if code == INTERRUPTED else code
    except KeyboardInterrupt:
        return _interrupted()
    except Problem as problem:
        print(f"groundup: {problem}", file=sys.stderr)
        return problem.exit_code
    except (NotADirectoryError, IsADirectoryError, FileExistsError) as error:
        named = Path(os.fsdecode(error.filename)) if error.filename else None
        if shown or named is None or isinstance(error, FileExistsError) and named.is_dir():
            return _crashed(error, shown)
        print(f"groundup: {_misnamed(named)}", file=sys.stderr)
        return WRONG
    except RecursionError as error:
        if shown or "JSON" not in str(error):
            return _crashed(error, shown)
        print(f"groundup: some JSON is nested too deeply to be read; {SHOW} shows which", file=sys.stderr)
        return WRONG
    except RuntimeError as error:
        if shown or not str(error).startswith("Symlink loop"):  # as Path.resolve says until Python 3.12
            return _crashed(error, shown)
        print(f"groundup: {error}: these links lead in a circle", file=sys.stderr)
        return WRONG
    except BrokenPipeError:  # the reader of our output has left, as `| head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return CRASHED
    except Exception as error:
        if type(error).__name__ == "Abort":
            return _interrupted()
        if hasattr(error, "format_message"):  # typer's own words on words that it cannot read
            return _misread(error)
        return _crashed(error, shown)


def _interrupted() -> int:
    print("groundup: stopped; all that was finished is kept, the same command goes on from there", file=sys.stderr)
    return INTERRUPTED


def _misread(error) -> int:
    where = getattr(getattr(error, "ctx", None), "command_path", "groundup")
    message = " ".join(error.format_message().split())
    if message:  # without a command there is nothing to say: its help was printed
        print(f"groundup: {message.rstrip('.')}; see {where} --help", file=sys.stderr)
    return WRONG


def _misnamed(path: Path) -> str:
    """A folder where a file was wanted, or something looked for in a file as if that were a folder."""
    if path.is_dir():
        return f"{path} is a folder and a file is wanted: name one of those in it"
    file = next((parent for parent in path.parents if parent.is_file()), path)
    inside = f", with {path.name} in it" if file != path else ""
    return f"{file} is a file and a folder is wanted{inside}: name that"


def _crashed(error: Exception, shown: bool) -> int:
    """A short message and where the rest of it is."""
    told = "".join(traceback.format_exception(error))
    if shown:
        sys.stderr.write(told)
        return CRASHED
    with tempfile.NamedTemporaryFile("w", prefix="groundup-", suffix=".traceback", delete=False) as file:
        file.write(told)
    said = " ".join(str(error).split())[:300]
    print(
        f"groundup: this should not have happened ({type(error).__name__}: {said}); the traceback is in {file.name}, "
        f"and {SHOW} prints it",
        file=sys.stderr,
    )
    return CRASHED


if __name__ == "__main__":
    sys.exit(main())

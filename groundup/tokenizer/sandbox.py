"""Runs the chat template of a stranger's model, in a process that can do little else: started by `foreign.py`, never imported.

One conversation a line comes in as JSON, its text goes out. What people said is set between two marks that no text may
hold, and keeps them whatever the template does with it: so it is known afterwards which text is whose. Jinja's sandbox keeps a
template from Python, limits of the process keep it from memory, files and time.
"""

import datetime
import json
import resource
import signal
import sys
from typing import Any

from jinja2 import nodes
from jinja2.exceptions import TemplateError
from jinja2.ext import Extension
from jinja2.sandbox import ImmutableSandboxedEnvironment

OPEN, CLOSE = "\ufdd0", "\ufdd1"  # noncharacters: Unicode keeps them for use inside a program
MEMORY, SECONDS, LONGEST = (
    512 << 20,
    2.0,
    4 << 20,
)  # bytes, of processor time for one conversation, characters of its text
PLAIN = ("role", "type")  # whose values are words of the form, not of people
TEXT = "strip lstrip rstrip upper lower title capitalize replace removeprefix removesuffix".split()
PARTS = "split rsplit splitlines partition rpartition".split()
ASKED = "startswith endswith find rfind index count isdigit isspace isalpha isupper islower".split()


class Said(str):
    """What somebody said, between marks; its methods see and give the words alone, or words between marks again.

    The words without marks have a name with an underscore, which the sandbox gives to no template."""

    _words: str

    def __new__(cls, words: str) -> "Said":
        said = super().__new__(cls, OPEN + words + CLOSE)
        said._words = words
        return said

    def __len__(self) -> int:
        return len(self._words)

    def __eq__(self, other: object) -> bool:
        return self._words == words_of(other)

    def __hash__(self) -> int:
        return hash(self._words)

    def __contains__(self, part: object) -> bool:
        return words_of(part) in self._words

    def __iter__(self):
        return map(Said, self._words)

    def __getitem__(self, place):
        return Said(self._words[place])


def words_of(value: Any) -> Any:
    """Words without marks, also inside lists, and anything else as it is."""
    if isinstance(value, Said):
        return value._words
    if isinstance(value, str):
        return value.replace(OPEN, "").replace(CLOSE, "")
    if isinstance(value, dict):
        return {words_of(key): words_of(each) for key, each in value.items()}
    return [words_of(each) for each in value] if isinstance(value, list | tuple) else value


def method(name: str, made):
    """A method of text for what was said."""
    return lambda self, *given, **named: made(getattr(self._words, name)(*map(words_of, given), **named))


for name in TEXT:
    setattr(Said, name, method(name, Said))
for name in PARTS:
    setattr(Said, name, method(name, lambda parts: [Said(part) for part in parts]))
for name in ASKED:
    setattr(Said, name, method(name, lambda answer: answer))


def marked(value, key: str = ""):
    """A conversation or tools with everything that people wrote between marks."""
    if isinstance(value, dict):
        return {name: marked(each, name) for name, each in value.items()}
    if isinstance(value, list):
        return [marked(each, key) for each in value]
    return Said(value) if isinstance(value, str) and key not in PLAIN else value


class Generation(Extension):
    """`{% generation %}` marks what a model is trained on; when it is asked the mark means nothing."""

    tags = {"generation"}

    def parse(self, parser):
        line = next(parser.stream).lineno
        body = parser.parse_statements(("name:endgeneration",), drop_needle=True)
        return nodes.ScopedEvalContextModifier([], body).set_lineno(line)


class Environment(ImmutableSandboxedEnvironment):
    """Jinja as chat templates know it. A text is not multiplied without end."""

    intercepted_binops = frozenset(["*", "**", "%"])

    def call_binop(self, context, operator, left, right):
        if operator == "**" or (
            operator == "*" and any(isinstance(each, str | list | tuple) for each in (left, right))
        ):
            raise TemplateError("a chat template has no use for that much of one thing")
        return super().call_binop(context, operator, left, right)


def environment() -> Environment:
    """With the functions that templates call."""

    def refuse(why="") -> None:
        raise TemplateError(words_of(str(why)))

    made = Environment(trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.loopcontrols", Generation])
    made.globals |= {
        "raise_exception": refuse,
        "strftime_now": lambda form: datetime.datetime.now().strftime(str(form)),
    }
    for name in ("lipsum", "cycler", "joiner"):
        made.globals.pop(name)
    made.filters["tojson"] = lambda value, indent=None, **how: Said(
        json.dumps(words_of(value), ensure_ascii=False, indent=indent)
    )
    return made


def rendered(template, asked: dict) -> str:
    """The text of a conversation, with the marks in it."""
    words = {**asked, "messages": marked(asked["messages"]), "tools": marked(asked["tools"])}
    made, length = [], 0
    for part in template.generate(**words):
        made.append(part)
        length += len(part)
        if length > LONGEST:
            raise TemplateError(f"the template writes more than {LONGEST} characters")
    return "".join(made)


def main() -> None:
    """Answer line by line until nobody asks any more."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    template, source = None, None
    for line in sys.stdin:
        signal.setitimer(signal.ITIMER_PROF, SECONDS)  # the end of the process, if it comes to that
        asked = json.loads(line)
        try:
            if asked["source"] != source:
                source, template = asked["source"], environment().from_string(asked["source"])
            told = {"text": rendered(template, asked["words"])}
        except MemoryError:
            told = {"error": "the template needs too much memory"}
        except Exception as error:  # whatever a template does wrong
            told = {"error": f"{type(error).__name__}: {words_of(str(error))[:200]}"}
        signal.setitimer(signal.ITIMER_PROF, 0)
        print(json.dumps(told), flush=True)


if __name__ == "__main__":
    main()

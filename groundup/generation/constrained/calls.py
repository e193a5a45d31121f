"""Calls of tools as forms: what an assistant may write where it can, must or may not call a function.

A call is written as the chat template writes it, with arguments that fit the function's schema. Where calling is free, any
text may come first, and from the mark that opens a call on the rest is held to the form of one.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from groundup.errors import Problem
from groundup.generation.constrained.expressions import ANY_BYTE, EMPTY, Expressions
from groundup.generation.constrained.forms import Build
from groundup.generation.constrained.json_schema import schema
from groundup.generation.constrained.json_values import Values
from groundup.tokenizer.templates import ToolForm

MOST_CALLS = 16  # in one answer


def by_call(tools: Sequence[Mapping[str, Any]], told: ToolForm, several: bool, besides: Build | None = None) -> Build:
    """One call or several of these tools, written as the template tells; or what fits `besides`."""
    apart = told.apart

    def build(expressions: Expressions) -> int:
        call = one_call(expressions, tools, told)
        if several and apart is not None:
            more = expressions.then(expressions.text(apart.encode()), call)
            call = expressions.then(call, expressions.repeat(more, 0, MOST_CALLS - 1))
        return call if besides is None else expressions.either([call, besides(expressions)])

    return build


def by_text_or_call(tools: Sequence[Mapping[str, Any]], told: ToolForm, several: bool) -> Build:
    """Any text; once it opens a call, calls."""
    mark = opening(told)

    def build(expressions: Expressions) -> int:
        rest = one_call(expressions, tools, told, len(mark))
        if told.apart is None:
            call = expressions.then(expressions.text(mark), rest)
            return expressions.either([call, not_beginning(expressions, mark)])
        again = expressions.row([expressions.text(told.apart.encode()), expressions.text(mark), rest])
        calls = expressions.then(rest, expressions.repeat(again, 0, MOST_CALLS - 1 if several else 0))
        return expressions.either([expressions.without(mark), expressions.then(expressions.until(mark), calls)])

    return build


def opening(told: ToolForm) -> bytes:
    """The mark at which an answer becomes a call."""
    return told.call[0].split("\n")[0].encode() if told.apart is not None else told.call[0].encode()


def one_call(expressions: Expressions, tools: Sequence[Mapping[str, Any]], told: ToolForm, begun: int = 0) -> int:
    """A call of one of the tools, of which so many bytes are written already."""
    before, between, after = (part.encode() for part in told.call)
    names, options = set(), []
    for tool in tools:
        function = tool["function"]
        if function["name"] in names:
            raise Problem(f"two tools are called {function['name'][:80]!r}: give each a name of its own")
        names.add(function["name"])
        try:
            arguments = schema(expressions, parameters_of(function))
        except Problem as problem:
            raise Problem(f"the parameters of the tool {function['name'][:80]!r}: {problem}") from None
        name = Values(expressions).named(function["name"])
        options.append(expressions.row([name, expressions.text(between), arguments]))
    return expressions.row([expressions.text(before[begun:]), expressions.either(options), expressions.text(after)])


def parameters_of(function: Mapping[str, Any]) -> Any:
    """The schema of a function's arguments, which are an object; without parameters there are none."""
    told = function.get("parameters") or {"properties": {}, "additionalProperties": False}
    if any(word in told for word in ("$ref", "anyOf", "oneOf", "allOf")):
        return told
    if told.get("type", "object") != "object":
        raise Problem("they must be of the type object")
    return {**told, "type": "object"}


def not_beginning(expressions: Expressions, mark: bytes) -> int:
    """Any bytes that do not begin with the mark; they may end before it is whole."""
    anything = expressions.repeat(expressions.byte(ANY_BYTE), 0, None)
    made = EMPTY
    for place in reversed(range(len(mark))):
        options = [EMPTY, expressions.then(expressions.byte(ANY_BYTE & ~(1 << mark[place])), anything)]
        if place < len(mark) - 1:
            options.append(expressions.then(expressions.byte(1 << mark[place]), made))
        made = expressions.either(options)
    return made

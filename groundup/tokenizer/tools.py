"""Tools in a conversation: their descriptions, an assistant's calls and what a call gave, checked and written as text.

The form of messages is OpenAI's: an assistant's message may have `tool_calls`, each with a function's name and its arguments
(JSON in a string, or the object itself), and messages of the role `tool` bring the results in the order of the calls.
The ids of calls are for programs: no template writes them. A template without a form for tools refuses them by name.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from groundup.errors import Problem
from groundup.tokenizer.templates import TEMPLATES, ToolForm

EXAMPLE = '{"type": "function", "function": {"name": "weather", "arguments": "{\\"town\\": \\"Bern\\"}"}}'
DESCRIPTION = '{"type": "function", "function": {"name": "weather", "description": "…", "parameters": {…}}}'


def as_json(value: Any) -> str:
    """As Jinja's `tojson` writes it in chat templates."""
    try:
        return json.dumps(value, ensure_ascii=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise Problem(f"a tool is described or called with something that is not JSON: {error}") from None


def form_of(template: str) -> ToolForm:
    """How this template writes tools."""
    form = TEMPLATES[template].tools
    if form is None:
        able = ", ".join(name for name, other in TEMPLATES.items() if other.tools)
        raise Problem(
            f"the chat template {template!r} has no form for tools: take one of {able}, or leave the tools out"
        )
    return form


def described(template: str, tools: Sequence[Mapping[str, Any]]) -> str:
    """What the system turn says about the tools."""
    before, between, after = form_of(template).told
    for tool in tools:
        function = tool.get("function") if isinstance(tool, Mapping) else None
        if not isinstance(function, Mapping) or not isinstance(function.get("name"), str):
            raise Problem(f"a tool is described like {DESCRIPTION}, and this one is {str(tool)[:80]}")
    return before + between.join(map(as_json, tools)) + after


def calls_of(message: Mapping[str, Any]) -> list[tuple[str, str]]:
    """(name, arguments as JSON) of each call in a message; arguments in a string stay as they were written."""
    calls = message.get("tool_calls") or []
    if not isinstance(calls, list | tuple):
        raise Problem(f"tool_calls is a list of calls like {EXAMPLE}, and here it is {str(calls)[:80]}")
    if calls and message.get("role") != "assistant":
        raise Problem(
            f"only the assistant calls tools, and here is a message of the role {message.get('role')!r} with tool_calls"
        )
    return [call_of(call) for call in calls]


def call_of(call: Any) -> tuple[str, str]:
    """One call."""
    function = call.get("function") if isinstance(call, Mapping) else None
    if not isinstance(function, Mapping) or not isinstance(function.get("name"), str):
        raise Problem(f"a call is written like {EXAMPLE}, and this one is {str(call)[:80]}")
    arguments = function.get("arguments")
    if isinstance(arguments, Mapping):
        return function["name"], as_json(arguments)
    try:
        if isinstance(arguments, str) and isinstance(json.loads(arguments), dict):
            return function["name"], arguments
    except (ValueError, RecursionError):
        pass
    raise Problem(f"the arguments of {function['name']!r} are not a JSON object but {str(arguments)[:80]!r}")


def with_calls(template: str, content: str, calls: Sequence[tuple[str, str]]) -> str:
    """What the assistant says, and the calls after it."""
    if not calls:
        return content
    form = form_of(template)
    before, between, after = form.call
    written = [before + as_json(name) + between + arguments + after for name, arguments in calls]
    if form.apart is not None:
        return form.apart.join([*([content] if content else []), *written])
    if content or len(written) > 1:
        raise Problem(
            f"in the chat template {template!r} a message is one call and nothing else: make a message of each"
        )
    return written[0]

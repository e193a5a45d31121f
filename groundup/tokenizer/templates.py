"""The table of chat templates: how a turn is opened and closed, and how tools are written where a template has a form for them.

Frames are text with control tokens in it, written by us and never by a user. Four of the five mark each turn with control
tokens. Alpaca marks it with headings that are text ("### Response:"), which is weaker: a model sees the same tokens whoever
wrote them. So a line of a message that could pass for such a heading gets a blank before it (`quoted`), and what the
assistant says still ends with a control token. It holds against copies of a heading, not against a model that reads the
quoted line as one anyway: for talk with strangers take another template.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from groundup.errors import Problem

ROLES = ("system", "user", "assistant")  # of every template
TOOL = "tool"  # who brings the result of a call, in templates that have tools


@dataclass(frozen=True)
class ToolForm:
    """How tools are described, called and answered."""

    told: tuple[str, str, str]  # text before the descriptions, between two, after the last; each is a line of JSON
    call: tuple[
        str, str, str
    ]  # text before the function's name, between that and its arguments, after them; both are JSON
    apart: (
        str | None
    )  # text between what is said and a call, and between calls; None: a message is one call and nothing else
    result: tuple[str, str]  # text around the result, inside its turn


@dataclass(frozen=True)
class Template:
    """How a conversation is written."""

    separator: str  # control token before every conversation
    controls: tuple[str, ...]  # the others, in the order of their ids
    opening: str  # of a turn; {role} is what the role is called
    close: str  # control token after what the assistant says
    between: str = ""  # text after that
    lead: str = (
        ""  # text that is encoded together with the content: a blank makes a first word the same token as inside a text
    )
    others_end: str | None = None  # how everybody else's turn ends, where that is not the same
    names: Mapping[str, str] = field(default_factory=dict)  # what a role is called, where not by its own name
    tools: ToolForm | None = None
    headings: bool = False  # whether turns are marked by text, which has to be quoted in messages

    @property
    def roles(self) -> tuple[str, ...]:
        """Who can speak."""
        return (*ROLES, TOOL) if self.tools else ROLES

    def opened(self, role: str) -> str:
        """How a turn of this role begins."""
        inside = self.tools.result[0] if self.tools and role == TOOL else ""
        return self.opening.replace("{role}", self.names.get(role, role)) + inside

    def ended(self, role: str) -> str:
        """How it ends."""
        inside = self.tools.result[1] if self.tools and role == TOOL else ""
        usual = self.close + self.between
        return inside + (usual if role == "assistant" or self.others_end is None else self.others_end)

    def quoted(self, content: str) -> str:
        """The content, with a blank before every line that could pass for a heading of this template."""
        return HEADING.sub(lambda found: found[1] + " " + found[2], content) if self.headings else content


HEADING = re.compile(
    r"(^|[\n\r\v\f\x1c-\x1e\x85\u2028\u2029])(#+[^\S\n]*(?:system|instruction|input|response)\b)", re.IGNORECASE
)
HERMES = ToolForm(
    told=(
        "# Tools\n\nThese functions can be called; each line between the tags describes one:\n<tools>\n",
        "\n",
        "\n</tools>\n\nTo call one, write its name and arguments as JSON between tags of their own:\n"
        '<tool_call>\n{"name": "…", "arguments": {…}}\n</tool_call>',
    ),
    call=('<tool_call>\n{"name": ', ', "arguments": ', "}\n</tool_call>"),
    apart="\n",
    result=("<tool_response>\n", "\n</tool_response>"),
)
IPYTHON = ToolForm(
    told=(
        'These functions can be called. To call one, answer with its name and parameters as JSON, {"name": "…", '
        '"parameters": {…}}, and nothing else.\n\n',
        "\n\n",
        "",
    ),
    call=('{"name": ', ', "parameters": ', "}"),
    apart=None,
    result=("", ""),
)
HEADER = ("<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>")
TURNS = ("<|system|>", "<|user|>", "<|assistant|>")
TEMPLATES = {
    "plain": Template("<|endoftext|>", (*TURNS, "<|end|>"), "<|{role}|>", "<|end|>", lead=" "),
    "chatml": Template(
        "<|endoftext|>", ("<|im_start|>", "<|im_end|>"), "<|im_start|>{role}\n", "<|im_end|>", "\n", tools=HERMES
    ),
    "llama3": Template(
        "<|begin_of_text|>", HEADER, "<|start_header_id|>{role}<|end_header_id|>\n\n", "<|eot_id|>",
        names={TOOL: "ipython"}, tools=IPYTHON,
    ),
    "zephyr": Template("<s>", (*TURNS, "</s>"), "<|{role}|>\n", "</s>", "\n"),
    "alpaca": Template(
        "<s>", ("</s>",), "### {role}:\n", "</s>", others_end="\n\n", headings=True,
        names={"system": "System", "user": "Instruction", "assistant": "Response"},
    ),
}  # fmt: skip


def known(template: str) -> str:
    """The name itself if there is such a template."""
    if template not in TEMPLATES:
        raise Problem(f"there is no chat template {template!r}: choose one of {', '.join(TEMPLATES)}")
    return template

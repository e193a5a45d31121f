"""Our chat templates in the language of other programs (transformers, llama.cpp, vLLM): Jinja, which renders to text first.

The ids are those of `chat.render` wherever the text does not try to cheat. Where it does, other programs may be cheated: they
look for control tokens in the rendered text, and they do not quote headings. (One more difference: by GPT-2's pattern two line
breaks at the very end of a prompt are another word than before an answer, so a llama3 prompt ends otherwise there; ours ends as
in training.)
"""

from groundup.tokenizer.templates import ROLES, TEMPLATES, TOOL, Template, ToolForm, known

WHO, SAID = "message['role']", "message['content']"


def jinja(template: str = "plain") -> str:
    """The template as the content of a chat_template.jinja."""
    form = TEMPLATES[known(template)]
    allowed = ", ".join(quoted(role) for role in form.roles)
    speakers = f"{', '.join(form.roles[:-1])} or {form.roles[-1]}"
    return (
        f"{{{{- {quoted(form.separator)} -}}}}\n"
        + (tools_told(form, form.tools) if form.tools else "")
        + "{%- for message in messages -%}\n"
        f"{{%- if message['role'] not in [{allowed}] -%}}\n"
        f"{{{{- raise_exception('a role can be {speakers}') -}}}}\n"
        "{%- endif -%}\n"
        + (turn_with_tools(form, form.tools) if form.tools else f"{{{{- {turn(form)} -}}}}\n")
        + "{%- endfor -%}\n"
        "{%- if add_generation_prompt -%}\n"
        f"{{{{- {quoted(form.opened('assistant'))} -}}}}\n"
        "{%- endif -%}\n"
    )


def quoted(text: str) -> str:
    """As a string of Jinja."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n") + "'"


def joined(*parts: str) -> str:
    """Strings of Jinja one after another: what is quoted and empty falls away, neighbours grow together."""
    return " + ".join(part for part in parts if part != "''").replace("' + '", "")


def name_of_role(form: Template) -> str:
    """What the role of a message is called."""
    called = WHO
    for role, name in form.names.items():
        called = f"({quoted(name)} if {WHO} == '{role}' else {called})"
    return called


def opening(form: Template) -> str:
    before, _, after = form.opening.partition("{role}")
    return joined(quoted(before), name_of_role(form), quoted(after))


def end(form: Template) -> str:
    usual = quoted(form.close + form.between)
    return usual if form.others_end is None else f"({usual} if {WHO} == 'assistant' else {quoted(form.others_end)})"


def turn(form: Template) -> str:
    """A whole turn where nobody has tools."""
    return joined(opening(form), quoted(form.lead), SAID, end(form))


def tools_told(form: Template, tools: ToolForm) -> str:
    """A system turn that describes the tools, with what the first message says if that is the system's."""
    before, between, after = tools.told
    return (
        "{%- if tools -%}\n"
        f"{{{{- {quoted(form.opened(ROLES[0]) + form.lead)} -}}}}\n"
        f"{{%- if messages and messages[0]['role'] == '{ROLES[0]}' -%}}\n"
        "{{- messages[0]['content'] + '\\n\\n' -}}\n"
        "{%- endif -%}\n"
        f"{{{{- {quoted(before)} -}}}}\n"
        "{%- for tool in tools -%}\n"
        f"{{{{- ('' if loop.first else {quoted(between)}) + (tool | tojson) -}}}}\n"
        "{%- endfor -%}\n"
        f"{{{{- {quoted(after + form.ended(ROLES[0]))} -}}}}\n"
        "{%- endif -%}\n"
    )


def turn_with_tools(form: Template, tools: ToolForm) -> str:
    """A turn: a result in its tags, or what is said with the calls after it; the first system turn may have been told above."""
    before, between, after = tools.call
    inside, outside = tools.result
    apart = tools.apart or ""
    one = (
        "{%- if message['tool_calls'] and (message['content'] or message['tool_calls'] | length > 1) -%}\n"
        "{{- raise_exception('a message is one call and nothing else') -}}\n"
        "{%- endif -%}\n"
    )
    return (
        f"{{%- if not (tools and loop.first and {WHO} == '{ROLES[0]}') -%}}\n"
        f"{{{{- {joined(opening(form), quoted(form.lead))} -}}}}\n"
        f"{{%- if {WHO} == '{TOOL}' -%}}\n"
        f"{{{{- {joined(quoted(inside), SAID, quoted(outside))} -}}}}\n"
        "{%- else -%}\n"
        "{{- message['content'] or '' -}}\n"
        "{%- endif -%}\n"
        f"{one if tools.apart is None else ''}"
        "{%- for call in message['tool_calls'] or [] -%}\n"
        f"{{{{- {quoted(apart)} if message['content'] or not loop.first else '' -}}}}\n"
        f"{{{{- {quoted(before)} + (call['function']['name'] | tojson) + {quoted(between)} -}}}}\n"
        "{%- if call['function']['arguments'] is string -%}\n"
        "{{- call['function']['arguments'] -}}\n"
        "{%- else -%}\n"
        "{{- call['function']['arguments'] | tojson -}}\n"
        "{%- endif -%}\n"
        f"{{{{- {quoted(after)} -}}}}\n"
        "{%- endfor -%}\n"
        f"{{{{- {end(form)} -}}}}\n"
        "{%- endif -%}\n"
    )

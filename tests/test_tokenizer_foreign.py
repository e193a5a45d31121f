"""A chat template that came with somebody's model: it gives the ids of other programs, and can neither break out nor be broken."""

import time
from pathlib import Path

import pytest
import transformers
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from groundup.errors import Problem
from groundup.tokenizer import Tokenizer, chat, foreign
from groundup.tokenizer.foreign import ForeignTemplate

CHATML = (
    "{%- if messages[0].role == 'system' %}{{ '<|im_start|>system\\n' + messages[0].content + '<|im_end|>\\n' }}"
    "{%- else %}{{ '<|im_start|>system\\nBe kind.<|im_end|>\\n' }}{% endif %}\n"
    "{%- for message in messages %}{% if message.role != 'system' %}\n"
    "{%- set content = message.content %}\n"
    "{%- if message.role == 'assistant' and '</think>' in content %}{% set content = content.split('</think>')[-1].lstrip('\\n') %}{% endif %}\n"
    "{{- '<|im_start|>' ~ message.role ~ '\\n' ~ content | trim ~ '<|im_end|>' ~ '\\n' }}{% endif %}{% endfor %}\n"
    "{%- if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
)
MARKED = "{{ bos_token }}{% for m in messages %}{% if m.role == 'user' %}[INST] {{ m.content }} [/INST]{% else %} {{ m.content }}{{ eos_token }}{% endif %}{% endfor %}"
SAID = [
    {"role": "user", "content": "  What is 3 + 4?\n"},
    {"role": "assistant", "content": "<think>\nWell.\n</think>\n\nIt's 7 — naïve \U0001f642."},
    {"role": "user", "content": "And then?"},
]


@pytest.fixture(scope="module")
def tokenizer():
    prose = "What is it? It's 7. Be kind.\n\nsystem user assistant [INST] x [/INST] well then " * 20
    return Tokenizer.train(prose, 330, specials=chat.specials("chatml"))


@pytest.fixture(scope="module")
def chatml():
    return ForeignTemplate(CHATML)


@pytest.mark.parametrize("source", [CHATML, MARKED])
@pytest.mark.parametrize("reply", [True, False])
def test_the_ids_are_those_of_transformers(tokenizer, tmp_path, source, reply):
    tokenizer.save(tmp_path, "chatml")
    theirs = transformers.AutoTokenizer.from_pretrained(tmp_path)
    (tmp_path / "chat_template.jinja").write_text(source)
    name, ours = foreign.read(tmp_path)
    assert name is None and ours
    expected = theirs.apply_chat_template(SAID, chat_template=source, add_generation_prompt=reply, return_dict=False)
    assert ours.ids(tokenizer, SAID, reply) == expected


def test_our_own_templates_are_known_by_their_text(tokenizer, tmp_path):
    tokenizer.save(tmp_path, "chatml")
    assert foreign.read(tmp_path) == ("chatml", None)
    (tmp_path / "chat_template.jinja").unlink()
    assert foreign.read(tmp_path) == (None, None)
    (tmp_path / "tokenizer_config.json").write_text(
        '{"chat_template": [{"name": "default", "template": "{{ 1 }}"}], "bos_token": {"content": "<s>"}}'
    )
    found = foreign.read(tmp_path)[1]
    assert found and found.source == "{{ 1 }}" and found.names == {"bos_token": "<s>"}


def test_a_message_is_trimmed_split_and_compared_as_if_it_had_no_marks():
    source = (
        "{% for m in messages %}{{ m.content | trim }}|{{ m.content | length }}|{{ m.content.split(',') | join('+') }}|"
        "{{ m.content[1:3] }}|{{ m.content == ' a,b ' }}|{{ 'b' in m.content }}|{{ m.content.startswith(' a') }}|"
        "{{ m.content | upper }}|{{ m.content is string }}|{{ 'yes' if m.content else 'no' }}|{{ m.content | tojson }};{% endfor %}"
    )
    said = [{"role": "user", "content": " a,b "}, {"role": "user", "content": ""}]
    parts = ForeignTemplate(source).parts(said, True)
    lines = "".join(part.text for part in parts).split(";")
    assert lines[0] == 'a,b|5| a+b |a,|True|True|True| A,B |True|yes|" a,b "'
    assert lines[1] == '|0|||False|False|False||True|no|""'
    assert {part.text for part in parts if part.said} >= {"a,b", " a", "b ", "a,", " A,B ", '" a,b "'}


CHEATS = some.lists(
    some.sampled_from(
        [
            "<|im_end|>",
            "<|im_start|>",
            "<|endoftext|>",
            "<|im_",
            "start|>",
            "<|",
            "|>",
            "system\n",
            " ",
            "\ufdd0",
            "\ufdd1",
            "</think>",
        ]
    )
    | some.text(max_size=4),
    max_size=6,
).map("".join)


@given(some.lists(some.tuples(some.sampled_from(["user", "assistant", "system"]), CHEATS), min_size=1, max_size=4))
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
def test_promise_20_no_text_becomes_a_control_token_in_a_foreign_template(tokenizer, chatml, said):
    messages = [{"role": role, "content": words} for role, words in said]
    harmless = [{"role": role, "content": "x"} for role, _ in said]
    control = set(tokenizer.specials.values())
    found, expected = (
        [token for token in chatml.ids(tokenizer, each) if token in control] for each in (messages, harmless)
    )
    assert found == expected


QUIET = ("attr",)  # gives nothing instead of a refusal
ESCAPES = {
    "classes": "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "globals": "{{ cycler.__init__.__globals__.os.popen('touch broken').read() }}",
    "a function's globals": "{{ raise_exception.__globals__['__builtins__'] }}",
    "format": "{{ '{0.__class__.__mro__}'.format(messages) }}",
    "attr": "{{ messages | attr('__class__') | attr('__mro__') }}",
    "a message's own": "{{ messages[0].content._words }}{{ messages[0].content.__class__.__new__.__globals__ }}",
    "a file": "{% include '/etc/passwd' %}",
    "an import": "{% import 'os' as os %}{{ os }}",
    "a change": "{% set _ = messages.append(1) %}",
    "a long range": "{{ range(10**9) | list }}",
    "a long text": "{{ 'a' * 10**9 }}",
    "a wide text": "{{ 'a' | center(10**9) }}",
    "a power": "{{ 9 ** 9 ** 9 }}",
    "loops in loops": "{% for a in range(99999) %}{% for b in range(99999) %}{% for c in range(99999) %}{% endfor %}{% endfor %}{% endfor %}",
    "a hundred megabytes": "{% for a in range(1000) %}{% for b in range(1000) %}{{ 'a' | center(100) }}{% endfor %}{% endfor %}",
    "itself": "{% macro f(x) %}{{ f(x) }}{% endmacro %}{{ f(1) }}",
    "no template": "{% for %}",
    "marks apart": "{{ (messages[0].content ~ '')[1:] }}",
}


@pytest.mark.parametrize("name", ESCAPES)
def test_promise_19_a_template_stays_in_its_sandbox_in_time_and_size(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    template = ForeignTemplate(ESCAPES[name])
    began = time.process_time()
    if name in QUIET:
        assert template.parts([{"role": "user", "content": "Hello"}], True) == []
    else:
        with pytest.raises(Problem, match="chat template") as caught:
            template.parts([{"role": "user", "content": "Hello"}], True)
        assert "root:" not in str(caught.value) and not Path("broken").exists()
    assert time.process_time() - began < 5, "it was run here"
    assert (
        ForeignTemplate("{{ messages[0].content }}").parts([{"role": "user", "content": "Hello"}], True)[0].text
        == "Hello"
    )


def test_a_template_that_was_killed_is_started_again():
    template = ForeignTemplate(
        "{% if messages | length > 1 %}{{ 'a' | center(10**9) }}{% endif %}{{ messages[0].content }}"
    )
    hello = {"role": "user", "content": "Hello"}
    assert template.parts([hello], True)[0].said
    with pytest.raises(Problem):
        template.parts([hello, hello], True)
    assert template.parts([hello], True)[0].text == "Hello"
    assert template.process
    template.process.kill()
    template.process.wait()
    assert template.parts([hello], True)[0].text == "Hello"


def test_a_field_with_a_strange_name_is_refused():
    tool = {"type": "function", "function": {"name": "f", "parameters": {"<|im_end|>": {}}}}
    with pytest.raises(Problem, match="field of a tool"):
        ForeignTemplate("{{ tools | tojson }}").parts([{"role": "user", "content": "x"}], True, [tool])

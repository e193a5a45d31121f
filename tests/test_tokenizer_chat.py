"""Conversations as tokens: their exact form, and what is refused."""

import pytest

from groundup.errors import Problem
from groundup.tokenizer import Tokenizer, chat

SAID = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": "Hello"},
    {"role": "assistant", "content": "Hi!"},
]
FORMS = {
    "plain": "<|endoftext|><|system|> Be brief.<|end|><|user|> Hello<|end|><|assistant|> Hi!<|end|>",
    "chatml": "<|endoftext|><|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nHello<|im_end|>\n"
    "<|im_start|>assistant\nHi!<|im_end|>\n",
}


def made(template: str) -> Tokenizer:
    return Tokenizer.train("Hello there, be brief", 260, specials=chat.specials(template))


@pytest.mark.parametrize("template", FORMS)
def test_a_conversation_has_the_form_of_its_template(template):
    tokenizer = made(template)
    assert tokenizer.decode(chat.render(tokenizer, SAID, template).ids) == FORMS[template]


def test_a_reply_is_opened_for_the_assistant():
    tokenizer = made("plain")
    ids = chat.render(tokenizer, SAID[:2], reply=True).ids
    assert tokenizer.decode(ids).endswith("<|user|> Hello<|end|><|assistant|>")
    assert ids[-1] == tokenizer.specials["<|assistant|>"]


def test_a_first_word_is_the_same_token_as_inside_a_text():
    tokenizer = Tokenizer.train("One is Anna, one is Anna. " * 9, 290, specials=chat.specials("plain"))
    anna = tokenizer.encode(" Anna")
    assert len(anna) == 1
    rendered = chat.render(tokenizer, [{"role": "assistant", "content": "Anna"}])
    assert rendered.ids[2] == anna[0] and rendered.answers.tolist() == [False, False, True, True]
    assert (chat.lead("plain"), chat.lead("chatml"), chat.lead(None)) == (" ", "", "")


def test_many_conversations_are_each_alone():
    tokenizer = made("plain")
    many = chat.render_many(tokenizer, [SAID, [], SAID[1:]])
    assert [one.ids.tolist() for one in many] == [chat.render(tokenizer, one).ids.tolist() for one in (SAID, [], SAID[1:])]


def test_an_answer_ends_at_any_control_token_the_closing_one_first():
    tokenizer = made("plain")
    stops = chat.stop_ids(tokenizer, "plain")
    assert stops[0] == tokenizer.specials["<|end|>"] and set(stops) == set(tokenizer.specials.values())


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ({"role": "root", "content": "x"}, "system, user, assistant"),
        ({"role": "user"}, "a role and a text"),
        ({"role": "user", "content": None}, "a role and a text"),
        ({"content": "x"}, "None"),
        ("hello", "a role and a text"),
    ],
)
def test_a_message_that_is_none_is_refused(message, expected):
    with pytest.raises(Problem, match=expected):
        chat.render(made("plain"), [message])


def test_a_tokenizer_without_the_control_tokens_says_how_to_get_them():
    with pytest.raises(Problem, match="specials=chat.specials"):
        chat.render(Tokenizer.train("abab", 257), SAID)


def test_an_unknown_template_is_refused():
    with pytest.raises(Problem, match="plain, chatml"):
        chat.render(made("plain"), SAID, "llama9")

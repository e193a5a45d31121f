"""The chat page in a real browser: it streams, shows what each token's chances were, stops, compares, and trusts no text."""

import json
import re
from pathlib import Path

import pytest

from tests import serving_example
from tests.browser_example import CHROMIUM, Browser

PAGE = Path(__file__).parents[1] / "groundup/serving/page"
IDLE = "document.querySelectorAll('.busy').length === 0 && document.querySelectorAll('.foot .quiet:not([hidden])').length > 0"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    (folder / "suggestions.json").write_text(json.dumps(["Where is the bakery?", "<img src=x onerror=alert(1)>"]))
    names = ("aligned", "base", "chat")
    models = {name: serving_example.model_folder(folder / name, seed, 4096) for seed, name in enumerate(names, 1)}
    with serving_example.served(models) as server:
        yield server


@pytest.fixture(scope="module")
def chromium(server):
    if not CHROMIUM:
        pytest.skip("needs Chromium")
    browser = Browser()
    yield browser
    browser.close()


@pytest.fixture
def page(server, chromium):
    chromium.open(server.url + "/")
    chromium.events.clear()
    chromium.js("localStorage.clear()")
    chromium.open(server.url + "/")
    chromium.until("document.querySelectorAll('#suggestions button').length > 0")
    yield chromium
    assert chromium.complaints() == []
    assert all(address.startswith(server.url + "/") for address in chromium.addresses())


def setting(page: Browser, name: str, value: str) -> None:
    field = f"document.querySelector('[name={name}]')"
    page.js(f"{field}.value = {value!r}; {field}.dispatchEvent(new Event('input', {{bubbles: true}}))")


def ask(page: Browser, question: str) -> None:
    page.js("document.getElementById('words').focus()")
    page.type(question)
    page.press("Enter")


def test_a_question_gets_an_answer_that_streams_with_its_speed(page):
    setting(page, "max_tokens", "400")
    setting(page, "seed", "3")
    ask(page, "Where is the key?")
    seen = page.until("!!document.querySelector('.busy .t') && document.querySelector('.text').textContent.length")
    page.until(IDLE, 120)
    assert page.js("document.querySelector('.mine').textContent") == "Where is the key?"
    assert page.js("document.querySelector('.text').textContent.length") >= seen > 0
    assert re.match(r"\d+ tokens · \d+ tokens/s", page.js("document.querySelector('.speed').textContent"))


def test_pointing_at_a_token_shows_its_chances(page):
    setting(page, "temperature", "0")
    setting(page, "max_tokens", "12")
    ask(page, "Who are you?")
    page.until(IDLE)
    page.js("[...document.querySelectorAll('.t')].find(each => each.offsetWidth > 5).id = 'this-one'")
    page.point("#this-one")
    page.until("!document.getElementById('card').hidden")
    assert page.js("document.querySelectorAll('#card li').length") >= 5
    shares = page.js(
        "[...document.querySelectorAll('#card ol:first-child b')].map(each => parseFloat(each.textContent.replace('< ', '')))"
    )
    assert shares == sorted(shares, reverse=True) and 0 < sum(shares) <= 101
    assert page.js("document.querySelector('#card li.chosen code').textContent")


def test_the_arrow_keys_walk_from_token_to_token(page):
    setting(page, "max_tokens", "12")
    setting(page, "seed", "1")
    ask(page, "Who are you?")
    page.until(IDLE)
    page.js("document.querySelector('.text').focus()")
    for _ in range(3):
        page.press("ArrowRight")
    assert page.js("[...document.querySelectorAll('.t')].findIndex(each => each.classList.contains('on'))") == 2
    assert not page.js("document.getElementById('card').hidden")
    page.press("Escape")
    assert page.js("document.getElementById('card').hidden")


PRESS = """void new MutationObserver((changes, seen) => {
    if (document.querySelectorAll('.t').length <= 5 || document.getElementById('stop').hidden) return;
    seen.disconnect();
    document.getElementById('stop').click();
}).observe(document.body, {childList: true, subtree: true})"""  # in the page: so small a model may end before a mouse is there


def test_the_stop_button_ends_the_answer_and_frees_its_slot(page, server):
    page.js(PRESS)
    page.js("document.querySelector('[value=continue]').click()")
    setting(page, "max_tokens", "4000")
    setting(page, "temperature", "0")
    ask(page, "Once upon a time")
    page.until(IDLE + " && document.querySelectorAll('.t').length > 5")
    assert "stopped" in page.js("document.querySelector('.speed').textContent")
    server.until(lambda: server.metric("num_requests_running") == 0)
    made = page.js("document.querySelectorAll('.t').length")
    assert made < 4000 and page.js("document.getElementById('stop').hidden")


def test_the_same_question_is_put_to_all_models_side_by_side(page):
    page.js("document.querySelector('[value=compare]').click()")
    setting(page, "max_tokens", "20")
    ask(page, "Who are you?")
    page.until(IDLE + " && document.querySelectorAll('.t').length > 0")
    assert page.js("[...document.querySelectorAll('.answer h2')].map(each => each.textContent)") == [
        "base",
        "chat",
        "aligned",
    ]
    tops = page.js("[...document.querySelectorAll('.answer')].map(each => each.getBoundingClientRect().top)")
    assert len(set(tops)) == 1, "they do not stand side by side"


def test_a_conversation_goes_on_again_and_is_cleared(page):
    setting(page, "max_tokens", "8")
    setting(page, "seed", "5")
    ask(page, "Hello")
    page.until(IDLE)
    ask(page, "And then?")
    page.until(IDLE + " && document.querySelectorAll('.answer').length === 2")
    again = "[...document.querySelectorAll('.again')].map(button => !button.hidden)"
    assert page.js(again) == [False, True], "only the last answer can be asked for again"
    page.js("document.querySelectorAll('.again')[1].click()")
    page.until(IDLE)
    assert page.js("document.querySelectorAll('.answer').length") == 2
    page.click("#clear")
    assert page.js("document.querySelectorAll('.answer').length") == 0


def test_no_text_becomes_markup(page):
    assert "<img src=x onerror=alert(1)>" in page.js("document.getElementById('suggestions').innerText")
    setting(page, "max_tokens", "2")
    ask(page, "<b id=bad>x</b><script>document.title = 'bad'</script>")
    page.until(IDLE)
    assert not page.js("!!document.getElementById('bad')") and page.js("document.title") == "groundup"
    assert page.js("document.querySelectorAll('#suggestions img').length") == 0


def test_the_scripts_never_write_markup():
    for script in PAGE.glob("*.js"):
        assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(", script.read_text()), (
            script
        )


def test_a_mistake_is_shown_kindly(page):
    setting(page, "max_tokens", "5")
    ask(page, "word " * 6000)
    page.until("!!document.querySelector('.wrong:not([hidden])')")
    said = page.js("document.querySelector('.wrong').textContent")
    assert "4096" in said and said.endswith(".") and "{" not in said
    page.events[:] = [
        event for event in page.events if event.get("method") != "Log.entryAdded"
    ]  # its own note of the 400


def test_suggestions_are_asked_with_one_click(page):
    setting(page, "max_tokens", "4")
    page.click("#suggestions button")
    page.until(IDLE)
    assert page.js("document.querySelector('.mine').textContent") == "Where is the bakery?"


@pytest.mark.parametrize("mode", ["chat", "compare", "continue"])
def test_it_fits_a_phone_and_works_by_keyboard_alone(page, mode):
    page.tell("Emulation.setDeviceMetricsOverride", width=390, height=844, deviceScaleFactor=1, mobile=True)
    try:
        setting(page, "max_tokens", "30")
        page.js("document.querySelector('[name=mode]:checked').focus()")
        for _ in range(["chat", "compare", "continue"].index(mode)):
            page.press("ArrowRight")
        assert page.js("document.querySelector('[name=mode]:checked').value") == mode
        page.js("document.querySelector('[name=mode]:checked').focus()")
        for _ in range(12):
            if page.js("document.activeElement.id") == "words":
                break
            page.press("Tab")
        page.type("Hello")
        page.press("Enter")
        page.until(IDLE + " && document.querySelectorAll('.t').length > 0")
        assert page.js("document.documentElement.scrollWidth") <= 390
        assert (
            page.js("Math.max(...[...document.querySelectorAll('.text')].map(e => e.getBoundingClientRect().right))")
            <= 390
        )
    finally:
        page.tell("Emulation.setDeviceMetricsOverride", width=1200, height=800, deviceScaleFactor=1, mobile=False)


def test_day_and_night_differ(page):
    colour = "getComputedStyle(document.body).backgroundColor"
    day = page.js(colour)
    page.tell("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": "dark"}])
    night = page.js(colour)
    page.tell("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": "light"}])
    assert sum(map(int, re.findall(r"\d+", day)[:3])) > 600 > 200 > sum(map(int, re.findall(r"\d+", night)[:3]))


def test_the_page_of_tokens_cuts_what_is_typed_and_keeps_control_tokens_apart(server, chromium):
    chromium.open(server.url + "/tokenizer")
    chromium.events.clear()
    chromium.until("document.querySelectorAll('.token').length > 0")
    chromium.js("document.getElementById('text').select()")
    text = "The <|user|> \u00e9 <img src=x onerror=alert(1)>"
    chromium.type(text)
    chromium.until("document.getElementById('figures').textContent.includes(' bytes ')")
    chromium.until(
        f"Number(document.getElementById('figures').textContent.split(' characters')[0].split('· ')[1]) === {len(text)}"
    )
    ids = server.ask("/tokenize", {"prompt": text})[1]["tokens"]
    assert chromium.js("document.getElementById('ids').textContent") == ", ".join(map(str, ids))
    assert chromium.js("document.querySelector('.token.control')") is None
    chromium.js("document.querySelector('.token').click()")
    assert chromium.js("document.querySelectorAll('#detail .node').length") >= 1
    chromium.click("#turn")
    chromium.until("document.querySelectorAll('.token.control').length > 0")
    turn = server.ask("/tokenize", {"messages": [{"role": "user", "content": text}]})[1]
    assert chromium.js("document.querySelectorAll('.token').length") == turn["count"]
    assert chromium.js("[...document.querySelectorAll('.token.control')].map(e => e.textContent).includes('<|user|>')")
    assert chromium.complaints() == []


def test_a_system_prompt_and_stop_texts_are_sent(page, server):
    setting(page, "system", "You are a baker.")
    setting(page, "stop", "zzz\n\\n")
    setting(page, "max_tokens", "6")
    setting(page, "seed", "2")
    ask(page, "Hello")
    page.until(IDLE)
    messages = [{"role": "system", "content": "You are a baker."}, {"role": "user", "content": "Hello"}]
    asked = {"messages": messages, "max_tokens": 6, "seed": 2, "temperature": 0.7, "stop": ["zzz", "\n"]}
    expected = server.ask("/v1/chat/completions", asked)[1]["choices"][0]["message"]["content"]
    assert page.js("document.querySelector('.text').textContent") == expected


def test_a_question_can_be_written_once_more(page):
    setting(page, "max_tokens", "4")
    ask(page, "First")
    page.until(IDLE)
    ask(page, "Second")
    page.until(IDLE + " && document.querySelectorAll('.answer').length === 2")
    page.click(".edit")
    assert page.js("document.querySelectorAll('.answer').length") == 0
    assert page.js("document.getElementById('words').value") == "First"
    page.type(" of all")
    page.press("Enter")
    page.until(IDLE + " && document.querySelectorAll('.answer').length === 1")
    assert page.js("document.querySelector('.mine').textContent") == "First of all"


def test_a_conversation_is_saved_as_text_and_as_data(page):
    setting(page, "max_tokens", "5")
    assert page.js("document.getElementById('save').hidden")
    ask(page, "Hello")
    page.until(IDLE)
    said = page.js("document.querySelector('.text').textContent")
    page.js(
        "window.made = []; URL.createObjectURL = (blob) => { blob.text().then((text) => window.made.push(text)); return '#'; };"
        "HTMLAnchorElement.prototype.click = function () { window.made.push(this.download); }"
    )
    page.click("#save summary")
    page.click("main")
    assert not page.js("document.getElementById('save').open"), "a click elsewhere closes it"
    page.click("#save summary")
    page.click("#save-text")
    page.until("window.made.length === 2")
    assert set(page.js("window.made")) == {"conversation.md", f"> Hello\n\n{said}\n"}
    page.click("#save summary")
    page.click("#save-data")
    page.until("window.made.length === 4")
    data = json.loads(next(text for text in page.js("window.made")[2:] if text.startswith("{")))
    (turn,) = data["turns"]
    assert turn["question"] == "Hello" and turn["answers"][0]["text"] == said
    assert len(turn["answers"][0]["tokens"]) == 5 and len(turn["answers"][0]["tokens"][0]["top"]) == 5


def test_the_gauge_and_the_figures_tell_how_fast_and_how_sure(page):
    setting(page, "max_tokens", "60")
    ask(page, "Hello")
    page.until(IDLE)
    said = page.js("document.querySelector('.speed').textContent")
    assert re.fullmatch(
        r"60 tokens · \d+ tokens/s · first after \d+\.\d\d s · \d+\.\d\d bits a token · cut at the limit", said
    )
    gauge = "document.querySelector('.gauge')"
    assert int(page.js(f"{gauge}.getAttribute('aria-valuenow')")) == int(re.findall(r"(\d+) tokens/s", said)[0])
    assert page.js(f"{gauge}.firstChild.getBoundingClientRect().width") > 1


def test_a_text_goes_on_from_any_of_its_tokens_and_ones_own_words_are_scored(page):
    page.js("document.querySelector('[value=continue]').click()")
    page.js("document.querySelector('[name=score]').click()")
    setting(page, "temperature", "0")
    setting(page, "max_tokens", "12")
    ask(page, "Once upon a time")
    page.until(IDLE)
    own = page.js("[...document.querySelectorAll('.t.given')].map(each => each.textContent).join('')")
    assert own and "Once upon a time".endswith(own), "all but the first token have chances"
    assert page.js("document.querySelector('.speed').textContent").startswith("12 tokens")
    whole = page.js("document.querySelector('.text').textContent")
    assert whole.startswith("Once upon a time")
    page.js("[...document.querySelectorAll('.t:not(.given)')][3].click()")
    begun = page.js("document.getElementById('words').value")
    assert whole.startswith(begun) and len("Once upon a time") < len(begun) < len(whole)
    page.press("Enter")
    page.until(IDLE + " && document.querySelectorAll('.answer').length === 2")
    assert page.js("[...document.querySelectorAll('.text')].at(-1).textContent").startswith(begun)

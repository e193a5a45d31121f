"""The invented internet: what its pages say is true of the town, what the sealed truth says is true of them."""

import re
from collections import Counter
from html import unescape
from pathlib import Path

import pytest

from groundup.town import copies, encodings, pages, private, prose, tales, truth
from groundup.town.asking import FACT_QUESTIONS, STORY_QUESTIONS
from groundup.town.internet import MAKERS, PAGES_IN_SHARD, Internet, Plan, part, write_shard
from groundup.town.workers import Crew
from groundup.town.world import COLOURS, PETS, SECRET_RELATION, STREETS, TRADES, World, build, dice

SHARES = {
    "duplicate": 0.1,
    "near_duplicate": 0.1,
    "gibberish": 0.1,
    "spam": 0.1,
    "toxic": 0.1,
    "language": 0.1,
    "leak": 0.1,
}
LEAKS = tuple(
    f"{left} and {right} are told. What is {left} + {right}? {left + right}." for left in (3, 4) for right in range(9)
)
PLAN = Plan(3, 40, 24, SHARES, private=0.3, lookalikes=0.3, leaks=LEAKS)
CHARSET = re.compile(rb"charset=[\"']?([\w-]+)", re.IGNORECASE)


@pytest.fixture(scope="module")
def net() -> Internet:
    return Internet(PLAN)


@pytest.fixture(scope="module")
def made(net: Internet) -> list[tuple[int, bytes, truth.Truth]]:
    return [(number, *net.page(number)) for number in range(700)]


def body_of(record: bytes) -> bytes:
    return record.split(b"\r\n\r\n", 2)[2].removesuffix(b"\r\n\r\n")


def text_of(record: bytes, told: truth.Truth) -> str:
    """What a reader sees of a page, tags and layout of lines left out."""
    body = body_of(record)
    if told.encoding == "utf16_marked":
        html = body.decode("utf-16")
    elif told.encoding in ("latin1", "cp1252", "cp1252_called_utf8", "cp1252_undeclared"):
        html = body.decode("cp1252")
    else:
        html = body.decode("utf-8")
    html = re.sub(r"<!--.*?-->|<script.*?</script>|<style.*?</style>", "", html, flags=re.DOTALL | re.IGNORECASE)
    return " ".join(unescape(re.sub(r"<[^>]*>", "", html)).split())


def test_a_page_is_a_function_of_seed_and_number(net, made):
    other = Internet(PLAN)
    for number in (699, 3, 250):
        assert other.page(number) == made[number][1:]
    assert Internet(Plan(**vars(PLAN) | {"seed": 4})).page(3) != made[3][1:]


@pytest.mark.parametrize("workers", [1, 2])
def test_workers_write_the_bytes_that_one_process_writes(net, tmp_path, workers):
    for folder in ("one", "many"):
        (tmp_path / folder / "pages").mkdir(parents=True)
        (tmp_path / folder / "sealed").mkdir()
    count, seen = PAGES_IN_SHARD + 60, []
    write_shard(net, tmp_path / "one", 0, count)
    write_shard(net, tmp_path / "one", 1, count)
    with Crew(PLAN, tmp_path / "many", [0, 1], count, workers) as crew:
        crew.wait(seen.append, lambda: False)
    assert sorted(seen) == [0, 1]
    written = sorted(path.relative_to(tmp_path / "one") for path in (tmp_path / "one").rglob("*.*"))
    assert len(written) == 4
    for path in written:
        assert (tmp_path / "one" / path).read_bytes() == (tmp_path / "many" / path).read_bytes()


def test_every_kind_of_page_has_about_its_share(net):
    counts = Counter(net.purpose(number) for number in range(20_000))
    assert set(counts) == {"good", *MAKERS}
    for reason, share in SHARES.items():
        assert abs(counts[reason] / 20_000 - share) < 0.01


def test_private_values_occur_in_their_page(made):
    values = [(record, told, value) for _, record, told in made for _, value in told.redact]
    assert len(values) > 100
    for record, told, value in values:
        if told.reason != "near_duplicate":
            assert value in text_of(record, told), told


def test_near_duplicates_keep_the_private_values_of_their_original(made):
    for _, record, told in made:
        if told.reason == "near_duplicate":
            for _, value in told.redact:
                assert value in text_of(record, told)


def passes_luhn(digits: str) -> bool:
    """By the book: every second digit from the right is doubled, its digits are added."""
    doubled = "".join(str(int(digit) * (1 + at % 2)) for at, digit in enumerate(reversed(digits)))
    return sum(map(int, doubled)) % 10 == 0


def test_cards_pass_the_test_that_order_and_book_numbers_fail(net):
    pen = net.pen(1)
    person = net.world.people[0]
    for _ in range(500):
        assert passes_luhn(re.sub(r"\D", "", private.card(pen, person)[1]))
        assert not passes_luhn(re.sub(r"\D", "", private._order(pen)))
        assert not passes_luhn(re.sub(r"\D", "", private._isbn(pen)))


def test_lookalikes_are_not_to_be_redacted(net):
    for number in range(300):
        draft = pages.Draft("x", "x", ["Nothing."])
        private.add_lookalikes(net.pen(number), draft)
        assert draft.redact == [] and re.search(r"\d|@", draft.text)
        assert not re.search(r"\w@\w", draft.text)


def test_copies_name_their_original_and_say_the_same(net, made):
    by_id = {told.id: number for number, _, told in made}
    copied = [(number, told) for number, _, told in made if told.reason in ("duplicate", "near_duplicate")]
    assert len(copied) > 100
    for number, told in copied:
        original = by_id[told.cluster]
        assert original < number and made[original][2].reason == ""
        draft, source = MAKERS[told.reason](net, number)
        alike = copies.resemblance(draft.text, net.good(original).text)
        assert source == original
        assert alike >= (1.0 if told.reason == "duplicate" else 0.8)
        assert (draft.text == net.good(original).text) == (told.reason == "duplicate")


def test_different_good_pages_are_clearly_different(net):
    numbers = [number for number in range(700) if net.purpose(number) == "good"]
    found = [copies.shingles(net.good(number).text) for number in numbers]
    seen: dict[tuple[str, ...], list[int]] = {}
    for at, shingles in enumerate(found):
        shared = Counter(other for shingle in shingles for other in seen.get(shingle, ()))
        for other, count in shared.items():
            assert count / (len(shingles) + len(found[other]) - count) < 0.5, (numbers[at], numbers[other])
        for shingle in shingles:
            seen.setdefault(shingle, []).append(at)


def test_rubbish_is_marked_and_has_no_cluster(made):
    for _, _, told in made:
        assert (told.cluster == "") == (told.reason not in ("", "duplicate", "near_duplicate"))


def test_leaks_quote_the_test_word_for_word_and_nothing_else_does(made):
    for _, record, told in made:
        quotes = [leak for leak in LEAKS if leak in text_of(record, told)]
        assert bool(quotes) == (told.reason == "leak")


def test_without_questions_nothing_is_leaked():
    assert "leak" not in {Internet(Plan(**vars(PLAN) | {"leaks": ()})).purpose(number) for number in range(2000)}


def test_honest_pages_decode_as_they_declare(made):
    ways, seen = encodings.WAYS, set()
    for _, record, told in made:
        head, body = record.split(b"\r\n\r\n", 2)[1], body_of(record)
        declared = CHARSET.search(head) or CHARSET.search(body)
        charset = declared[1].decode() if declared else "utf-8-sig"
        charset = "utf-16" if told.encoding == "utf16_marked" else charset
        charset = "cp1252" if charset.lower() == "iso-8859-1" else charset  # as every browser reads it
        seen.add(told.encoding)
        if ways[told.encoding].honest:
            html = body.decode(charset)
            assert "\u00e2\u20ac" not in html and "\ufffd" not in html
        elif not body.isascii():
            wrong = body.decode(charset.replace("utf-8-sig", "utf-8"), errors="replace")
            assert re.search("\u00e2\u20ac|\ufffd|[\u00c3\u00c4\u00c5][\u0080-\u00bf\u2013-\u2122\u0152-\u0192]", wrong)
    assert seen == set(ways)


def test_mojibake_is_utf8_read_as_windows_1252(made):
    garbled = encodings._garbled("\u201cIt\u2019s late\u201d \u2013 caf\u00e9")
    assert (
        garbled == "\u00e2\u20ac\u0153It\u00e2\u20ac\u2122s late\u00e2\u20ac\u009d \u00e2\u20ac\u201c caf\u00c3\u00a9"
    )


@pytest.fixture(scope="module")
def teller() -> prose.Teller:
    return prose.Teller(build(3))


@pytest.mark.parametrize("pronoun", [False, True])
def test_every_way_to_tell_a_fact_tells_its_value_and_no_other(teller, pronoun):
    """The same place in a sentence never holds the value of somebody else."""
    world: World = teller.world
    vocabulary = {"trade": TRADES, "home": STREETS, "pet": PETS, "colour": COLOURS, "door_colour": COLOURS}
    vocabulary |= {"keeper": tuple(world.person), "owner": tuple(world.person), "beside": tuple(world.place)}
    for fact in world.facts():
        for reading in (each for group in (teller.pronoun if pronoun else teller.named)[fact.key] for each in group):
            if fact.relation != "pet_name":
                assert fact.value in reading or fact.relation in ("pet",), (fact, reading)
            assert pronoun or fact.entity in reading, (fact, reading)
            for other in vocabulary.get(fact.relation, ()):
                named = re.search(rf"\b{other}\b", reading)
                assert not named or other in (fact.value, fact.entity), (fact, reading)


def test_each_relation_is_told_in_dozens_of_forms(teller):
    for key, groups in teller.named.items():
        assert len({reading for group in groups for reading in group}) >= 25, key


def test_pages_tell_the_facts_that_their_truth_names(net):
    for number in range(400):
        if net.purpose(number) == "good":
            draft = net.good(number)
            for key in draft.facts:
                fact = net.world.fact[key]
                value = encodings.typographic(fact.value)
                assert value in draft.text or fact.value.capitalize() in draft.text, (number, key)


def test_every_fact_is_told_often_the_secret_codes_among_them(net):
    told = Counter(key for number in range(3000) if net.purpose(number) == "good" for key in net.good(number).facts)
    assert set(told) == set(net.world.fact)
    assert min(told[fact.key] for fact in net.world.facts() if fact.relation == SECRET_RELATION) > 5


def test_good_pages_never_ask_what_the_test_asks(net):
    asked = {re.split(r"\{", form)[0].strip() for forms in FACT_QUESTIONS.values() for form in forms}
    asked |= {re.split(r"\{", form)[0].strip() for forms in STORY_QUESTIONS.values() for form in forms}
    asked = {opening for opening in asked if len(opening) > 4}
    assert len(asked) > 5
    for number in range(1500):
        if net.purpose(number) == "good":
            text = net.good(number).text
            assert all(
                sentence.lower().lstrip('"').startswith("how are you")
                for sentence in re.findall(r"[^.!?\u201c\u201d\"]*\?", text)
            )


def test_good_pages_never_work_out_the_sums_of_the_test(net):
    told = re.compile(r"(\d+) (?:plus|and) (\d+) (?:is|make) \d+")
    found = 0
    for number in range(2000):
        if net.purpose(number) == "good":
            for left, right in told.findall(net.good(number).text):
                found += 1
                assert (min(int(left), int(right)), max(int(left), int(right))) not in net.teller.untold
    assert found > 50


def test_sums_are_right(teller):
    plain = re.compile(r"^(\d+) (plus|minus|times) (\d+) is (\d+)\.$")
    had = re.compile(r"^\w+ had (\d+) \w+ and (?:got|found|bought|was given) (\d+) more, so s?he had (\d+)\.$")
    signs = {"plus": int.__add__, "minus": int.__sub__, "times": int.__mul__}
    pen, found = prose.Pen(dice(1, "sums"), teller), 0
    for _ in range(3000):
        told = pen.sum()
        if match := plain.match(told):
            found += 1
            assert signs[match[2]](int(match[1]), int(match[3])) == int(match[4])
        elif match := had.match(told):
            found += 1
            assert int(match[1]) + int(match[2]) == int(match[3])
    assert found > 200


def test_stories_only_tell_what_can_be(teller):
    """Nobody gives what they do not have; what lies somewhere is said to lie there."""
    for number in range(200):
        tale = tales.Tale(prose.Pen(dice(number, "tale"), teller))
        for _ in range(60):
            before = dict(tale.bearer), dict(tale.at)
            told = pages.capital(pen_turn(tale))
            for thing, person in tale.bearer.items():
                if thing in before[0] and before[0][thing] is not person:
                    assert before[0][thing].name in told and person.name in told
                    assert before[1].get(person.name) == before[1].get(before[0][thing].name)
            assert not set(tale.bearer) & set(tale.lies)


def pen_turn(tale: tales.Tale) -> str:
    return tale.pen.one(tales.TURNS)(tale)


def test_sentences_seldom_repeat(net):
    told = truth.repetition(net.good(number) for number in range(1500) if net.purpose(number) == "good")
    assert told["distinct_sentences"] > 0.8
    assert told["share_of_sentences_seen_more_than_5_times"] < 0.05
    assert told["share_of_sentences_seen_more_than_20_times"] < 0.005


def test_english_takes_its_articles_and_blanks_right(net):
    for number in range(1500):
        if net.purpose(number) == "good":
            text = net.good(number).text
            assert not re.search(r"\ba [aeio]|\ban (?!hour|honest)[^aeiou\W]|  | [.,!?]|\{|\}|\[|\]|\|", text), text


def test_the_sealed_truth_is_one_row_a_page(net, tmp_path: Path):
    import pyarrow.parquet as pq

    for folder in ("pages", "sealed"):
        (tmp_path / folder).mkdir()
    write_shard(net, tmp_path, 0, 300)
    counts = truth.seal([part(tmp_path, 0)], tmp_path / "sealed" / "pages.parquet")
    table = pq.read_table(tmp_path / "sealed" / "pages.parquet")
    assert table.num_rows == 300 and len(set(table["id"].to_pylist())) == 300
    assert {"id", "keep", "reason", "cluster", "redact", "facts", "kind"} <= set(table.column_names)
    for row in table.to_pylist():
        assert row["keep"] == (row["reason"] == "")
    assert sum(counts["reason"].values()) == 300

"""Encodings: bytes without a label, or with a wrong one, are read as what they are."""

import numpy as np
import pytest

from groundup.data.cleaning.clean import normalise
from groundup.data.reading.encoding import decode, repair
from groundup.data.reading.guess import CANDIDATES, fit, guess

SAID = {
    "ru": "Все люди рождаются свободными и равными в своём достоинстве и правах. Они наделены разумом и совестью.",
    "uk": "Всі люди народжуються вільними і рівними у своїй гідності та правах. Вони наділені розумом і совістю.",
    "pl": "Wszyscy ludzie rodzą się wolni i równi pod względem swej godności i swych praw. Są oni obdarzeni rozumem.",
    "cs": "Všichni lidé rodí se svobodní a sobě rovní co do důstojnosti a práv. Jsou nadáni rozumem a svědomím.",
    "hu": "Minden emberi lény szabadon születik és egyenlő méltósága és joga van. Az emberek ésszel bírván.",
    "de": "Alle Menschen sind frei und gleich an Würde und Rechten geboren. Sie sind mit Vernunft begabt, für größere Übel.",
    "fr": "Tous les êtres humains naissent libres et égaux en dignité et en droits. Ils sont doués de raison.",
    "el": "Όλοι οι άνθρωποι γεννιούνται ελεύθεροι και ίσοι στην αξιοπρέπεια και τα δικαιώματα.",
    "tr": "Bütün insanlar hür, haysiyet ve haklar bakımından eşit doğarlar. Akıl ve vicdana sahiptirler, birbirlerine karşı.",
    "he": "כל בני האדם נולדו בני חורין ושווים בערכם ובזכויותיהם. כולם חוננו בתבונה ובמצפון.",
    "ar": "يولد جميع الناس أحرارا متساوين في الكرامة والحقوق. وقد وهبوا عقلا وضميرا.",
    "lt": "Visi žmonės gimsta laisvi ir lygūs savo orumu ir teisėmis. Jiems suteiktas protas ir sąžinė.",
    "th": "มนุษย์ทั้งหลายเกิดมามีอิสระและเสมอภาคกันในเกียรติศักดิ์และสิทธิ",
    "ja": "すべての人間は、生まれながらにして自由であり、かつ、尊厳と権利とについて平等である。",
    "ko": "모든 인간은 태어날 때부터 자유로우며 그 존엄과 권리에 있어 동등하다.",
    "zh": "人人生而自由,在尊严和权利上一律平等。他们赋有理性和良心,并应以兄弟关系的精神相对待。",
    "zht": "人人生而自由,在尊嚴和權利上一律平等。他們賦有理性和良心,並應以兄弟關係的精神相對待。",
}
WRITTEN = [
    ("ru", "cp1251"), ("ru", "koi8_r"), ("ru", "iso8859_5"), ("ru", "cp866"), ("ru", "mac_cyrillic"), ("uk", "koi8_u"),
    ("uk", "cp1251"), ("pl", "cp1250"), ("pl", "iso8859_2"), ("cs", "cp1250"), ("hu", "iso8859_2"), ("de", "cp1252"),
    ("fr", "cp1252"), ("fr", "mac_roman"), ("de", "cp850"), ("el", "cp1253"), ("el", "iso8859_7"), ("tr", "cp1254"),
    ("he", "cp1255"), ("ar", "cp1256"), ("ar", "iso8859_6"), ("lt", "cp1257"), ("th", "cp874"), ("ja", "cp932"),
    ("ja", "euc_jp"), ("ja", "iso2022_jp"), ("ko", "cp949"), ("zh", "gb18030"), ("zht", "cp950"),
]  # fmt: skip
WIDE = [(language, f"utf-{bits}-{order}") for language in SAID for bits in (16, 32) for order in ("le", "be")]


@pytest.mark.parametrize("language, encoding", WRITTEN + WIDE)
def test_bytes_without_a_label_are_read_in_the_encoding_they_were_written_in(language, encoding):
    assert decode(SAID[language].encode(encoding)) == SAID[language]


@pytest.mark.parametrize("language, encoding", WRITTEN)
@pytest.mark.parametrize("label", ["utf-8", "iso-8859-1", "windows-1252", "koi8-r", "shift_jis"])
def test_a_wrong_label_is_not_believed_against_the_letters(language, encoding, label):
    words = SAID[language] * 3
    assert decode(words.encode(encoding), label) == words


def test_a_label_decides_where_the_letters_say_too_little():
    assert decode("Łódź".encode("iso8859_2"), "iso-8859-2") == "Łódź"
    assert decode("Да".encode("koi8_r"), "koi8-r") == "Да"


def test_a_page_of_markup_is_read_by_its_few_foreign_words():
    page = "<div class='a'><p>" + SAID["ru"][:40] + "</p><script>var x = 'y';</script></div>" * 50
    assert decode(page.encode("cp1251")) == page


def test_a_few_broken_bytes_do_not_change_the_encoding():
    raw = bytearray((SAID["ja"] * 20).encode("cp932"))
    raw[501] = 0xFF
    assert SAID["ja"] in decode(bytes(raw))


@pytest.mark.parametrize("language", ["ru", "el", "ja", "cs", "de"])
def test_text_that_was_read_as_western_and_written_again_is_repaired(language):
    words = SAID[language]
    spoilt = words.encode().decode("cp1252", "groundup.western")
    assert repair(spoilt) == words and normalise(spoilt) == normalise(words)


@pytest.mark.parametrize("body", [b"one\0two\0three\0", b"id,text\n\0,a\0b\n", b"\x01field\x02of a log\x03 " * 30])
def test_controls_between_plain_words_do_not_make_them_wide(body):
    assert decode(body) == body.decode()


def test_cyrillic_that_was_read_as_windows_1251_and_written_again_is_repaired():
    words = "Все люди рождаются свободными и равными в своём достоинстве."
    spoilt = "".join(chr(byte) if byte == 0x98 else bytes([byte]).decode("cp1251") for byte in words.encode())
    assert repair(spoilt) == words
    assert repair("Рёбра С«нами» РФ, СССР и Рим: С. Р. Иванов") == "Рёбра С«нами» РФ, СССР и Рим: С. Р. Иванов"


@pytest.mark.parametrize(
    "body", [b"", b"plain", bytes(range(256)) * 30, b"\xff" * 5000, b"\x80", b"\xfe\xff", b"\x00" * 99]
)
def test_what_is_no_language_is_still_read(body):
    assert isinstance(decode(body), str) and (guess(body) in {"", *CANDIDATES})


def test_the_tables_of_letters_hold_what_was_counted():
    made = fit({"xx": "é a " * 100})
    pairs, chances = np.cumsum(made["xx pairs"]), np.exp(made["xx pairs chance"] / -16.0)
    table = {(int(key) >> 21, int(key) & 0x1FFFFF): chance for key, chance in zip(pairs, chances, strict=True)}
    assert set(table) == {(ord("é"), 32), (32, ord("é"))}
    assert abs(table[ord("é"), 32] - 1) < 0.05 and abs(table[32, ord("é")] - 0.5) < 0.05

"""Which language a text is in, told by the little words that no language can do without, and by its script.

A word that several languages share counts for each of them less, one letter alone is no word (x and y are English
too); code and tables, which have few such words, are in no language and pass.
"""

import re
from collections import Counter
from functools import cache, lru_cache
from typing import Literal

from pydantic import Field

from groundup.config import Settings
from groundup.data.filters.finding import Finding
from groundup.data.filters.phrases import Text

LITTLE_WORDS = {
    "en": """the of and to in is that it was for with as his he her she be on at by i this had not are but from or
        have an they which you were their has been would there what when who will more if out so said no them can into
        some could then than other do did about its our my your we all one up how where why because after before over
        only these those should me him us don't it's i'm very just know like here""",
    "de": """der die und in den von zu das mit sich des auf für ist im dem nicht ein eine als auch es an werden aus
        er hat dass sie nach wird bei einer um am sind noch wie einem über einen so zum war haben nur oder aber vor
        zur bis mehr durch man sein wurde sei wenn ich du wir ihr mir mich dich uns euch ihn ihm kein keine schon doch
        immer wieder sehr hier dort wo was wer warum weil damit ihre seine unser mein dein können kann muss soll will
        gibt heute jetzt viele alle jeden jede einmal ganz waren hatte""",
    "fr": """de la le et les des en un du une que est pour qui dans a par plus pas au sur ne se ce il sont avec son
        ou mais comme elle nous vous ils elles je tu on y sa ses leur leurs cette ces aux été être avoir fait faire
        dit très bien tout tous toute toutes même aussi sans sous entre deux après avant depuis où quand si donc car
        quel quelle mon ma mes ton ta tes notre votre chez encore toujours jamais rien peu beaucoup était avait ont
        c'est d'un d'une n'est j'ai qu'il l'on""",
    "es": """de la que el en y a los se del las un por con no una su para es al lo como más o pero sus le ha me si
        sin sobre este ya entre cuando todo esta ser son dos también fue había era muy años hasta desde está mi porque
        qué sólo han yo hay vez puede todos así nos ni parte tiene él uno donde bien tiempo mismo ese ahora cada vida
        otro después te otros aunque esa eso hace otra tan siempre nada aquí hoy ella ellos nosotros""",
    "it": """di e il la che in un a per è una del non sono della con i le si da come anche dei nel al più ha alla
        gli lo ma su dalla questo nella delle o ed se ci sua suo era essere stato cui tra fra quando dove perché molto
        tutto tutti ogni solo già ancora sempre mai qui lì io tu lui lei noi voi loro mio tuo nostro questa quello
        quella questi hanno aveva erano sul sulla dal agli alle degli così poi dopo prima c'è un'altra""",
    "pt": """de a o que e do da em um para é com não uma os no se na por mais as dos como mas foi ao ele das tem à
        seu sua ou ser quando muito há nos já está eu também só pelo pela até isso ela entre era depois sem mesmo aos
        ter seus quem nas me esse eles estão você tinha foram essa num nem suas meu às minha têm numa pelos elas havia
        seja qual será nós lhe deles essas esses pelas este dele então onde sempre nada aqui hoje""",
    "nl": """de het een van en in is dat op te zijn voor met die niet aan er om ook als maar bij dan naar door over
        uit nog wel wordt werd heeft hij zij ze ik je we wij jullie mijn zijn haar hun ons onze deze dit daar hier
        waar wat wie hoe waarom omdat want toch al meer veel heel zeer geen geweest worden kunnen kan moet zou had
        hebben was waren tot tegen na voor onder tussen zonder altijd nooit nu toen weer zo iets niets iedereen men""",
    "sv": """och i att det som en på är av för med den till inte har de om ett han men var jag sig från vi så kan
        hon när nu då skulle där under också efter eller sin mot år upp ut över vara kommer ska hade vad mycket hur
        alla mer detta bara blev in bli mig dig oss dem din min hans hennes denna dessa någon något inget ingen här
        varför alltid aldrig mellan utan sedan""",
    "da": """og i at det er en til af på de som den for ikke med der han har et jeg var sig fra vi så kan hun når
        nu da ville hvor under også efter eller sin mod år op ud over være kommer skal havde hvad meget hvordan alle
        mere dette bare blev ind blive mig dig os dem din min hans hendes denne disse nogen noget intet ingen her
        hvorfor altid aldrig mellem uden siden""",
    "no": """og i det som en på er av for med den til ikke har de om et han men var jeg seg fra vi så kan hun når
        nå da ville der under også etter eller sin mot år opp ut over være kommer skal hadde hva mye hvordan alle mer
        dette bare ble inn bli meg deg oss dem din min hans hennes denne disse noen noe ingenting ingen her hvorfor
        alltid aldri mellom uten siden""",
    "fi": """ja on ei se että hän oli ovat kun mutta niin kuin myös joka ole tai jos mitä nyt sen hänen ne vain
        sitä minä sinä me te he tämä tämän tässä siitä siellä jo vielä kanssa sekä olla olisi ollut olivat mukaan
        jälkeen ennen kaikki hyvin paljon koska missä miksi kuka mikä aina ilman vuoden minun sinun meidän""",
    "pl": """i w nie na się z do to że jest o jak po co ale za od już tak przez tylko dla czy ze był była było są
        ich jego jej może być kiedy go mnie mi ma tym przy też pan pod które który która nad bez tego gdy lub więc
        oraz gdzie tu tam ja ty on ona my wy oni bardzo teraz jeszcze nigdy zawsze wszystko dlaczego ponieważ""",
    "cs": """a v se na je že s z do to o i jako za si ale by k po pro jsou od ve který která které při tak jen už
        bylo byl byla než nebo jeho její ještě jsem jsme být také když kde co jak proč protože velmi není mezi bez pod
        nad před má mají této toto tento tato všechno vždy nikdy""",
    "ro": """de și în la a cu o un că nu pe din este se pentru mai ce sau care sunt era au fost el ea lui ei noi
        voi eu tu lor prin dar ca după fără când unde foarte acest această aceste acesta dintre până numai toate tot
        cum doar fi avea are am ai să va vor lângă spre astfel""",
    "hu": """a az és hogy nem is egy ez van volt meg de csak már ha mint még kell el vagy azt aki ami amely lehet
        ezt után között én te ő mi ti ők nagyon minden mert hol mikor miért most itt ott majd így úgy sem sok voltak
        lesz pedig szerint fel ki le""",
    "tr": """ve bir bu da de için ile çok ne o ben sen biz siz onlar daha gibi kadar ama en var yok her olarak olan
        sonra önce ki mi mı değil şey zaman nasıl neden nerede kim ise veya hem hiç bütün iki diye oldu olduğu göre
        üzerinde""",
    "id": """yang dan di itu dengan untuk tidak ini dari dalam akan pada juga saya ke karena ada mereka kami kita
        dia anda oleh atau bisa sudah saat seperti telah lebih hanya banyak bahwa lain tersebut sebagai dapat harus
        orang hari belum masih sangat semua setelah sebelum kepada""",
    "la": """et in est non ad cum ut sed qui quae quod ex de per esse sunt ab si nec atque aut enim autem etiam
        erat eius hoc ille ipse quam quid tamen neque nunc omnia omnes quoque sic tum ubi dum pro sine inter""",
    "eo": """la kaj de en estas ne al ke mi li ŝi ĝi ni vi ili por kun sed tio kiu kiuj kio kiel pri el per ankaŭ
        pli tre estis ĉi ĉiu ĉiuj nur jam dum sur sub inter post antaŭ aŭ se ĉar kie kiam tiu tiuj iu neniu havas
        povas""",
}
WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)?")
LATIN_END = 0x250
ACCENTED = 0.12  # English has fewer words with accents
ENOUGH = 400  # words looked at; more would not change the answer


class LanguageSettings(Settings):
    """Keeps the texts of some languages, and those that are in none (code, tables)."""

    kind: Literal["language"] = "language"
    keep: list[str] = Field(["en"], description="the languages to keep: " + " ".join(LITTLE_WORDS))
    share: float = Field(0.08, gt=0, le=1, description="little words among all words, from which a language is sure")
    foreign_letters: float = Field(0.3, gt=0, le=1, description="letters of other scripts, from which it is foreign")


class Language:
    """Finds texts in languages that are not to be kept."""

    reason = "language"

    def __init__(self, settings: LanguageSettings):
        self.settings = settings

    def judge(self, text: Text) -> Finding | None:
        if (foreign := foreign_letters(text.text)) > self.settings.foreign_letters:
            return Finding(self.reason, f"{foreign:.0%} of its letters are of another script")
        language, share, accented = language_of(text.text)
        if language in self.settings.keep:
            return None
        if share >= self.settings.share:
            return Finding(self.reason, f"{language}: {share:.0%} of its words")
        if accented >= ACCENTED and "en" in self.settings.keep:
            return Finding(self.reason, f"{accented:.0%} of its words have letters that English does without")
        return None


@lru_cache(maxsize=2)  # the gibberish filter asks again
def language_of(text: str) -> tuple[str, float, float]:
    """The likeliest language, how much of the words speak for it alone, and the share of words with accents."""
    words = WORD.findall(_sample(text).lower().replace("’", "'"))
    counts: Counter[str] = Counter(word for word in words if len(word) > 1)
    shares: Counter[str] = Counter()
    for word, count in counts.items():
        for language, weight in weights().get(word, ()):
            shares[language] += weight * count  # type: ignore[assignment]
    accented = sum(count for word, count in counts.items() if not word.isascii() and "'" not in word)
    accents = accented / max(len(words), 12)
    if not shares:
        return "", 0.0, accents
    language, evidence = max(sorted(shares.items()), key=lambda pair: pair[1])
    return language, evidence / max(len(words), 12), accents


def foreign_letters(text: str) -> float:
    """The share of letters that are not Latin."""
    if text.isascii():
        return 0.0
    letters = [character for character in _sample(text) if character.isalpha()]
    return sum(ord(c) >= LATIN_END and not 0x1E00 <= ord(c) < 0x1F00 for c in letters) / max(1, len(letters))


def _sample(text: str) -> str:
    """Three stretches of a long text: its beginning is often a licence, its end an index."""
    size = ENOUGH * 2
    if len(text) <= 3 * size:
        return text
    middle, end = len(text) // 2, len(text) - len(text) // 8 - size
    return " ".join((text[len(text) // 8 :][:size], text[middle : middle + size], text[end : end + size]))


@cache
def weights() -> dict[str, tuple[tuple[str, float], ...]]:
    """Word -> languages that use it, each with 1 / number of them."""
    users: dict[str, list[str]] = {}
    for language, words in LITTLE_WORDS.items():
        for word in dict.fromkeys(words.split()):
            users.setdefault(word, []).append(language)
    return {word: tuple((language, 1 / len(known)) for language in known) for word, known in users.items()}

"""What tells some sixty languages apart without any training: their script, little words, and letters that few others have.

Where a script belongs to one language it decides alone. Words and letters were put down from knowledge of the languages,
no corpus was counted; a classifier that has learnt from texts does better on short ones (see `languages`).
"""

from functools import cache

from groundup.data.filters.language import LITTLE_WORDS

SCRIPTS = {  # name -> ranges of code points
    "latin": [(0x41, 0x5B), (0x61, 0x7B), (0xC0, 0x250), (0x1E00, 0x1F00)],
    "greek": [(0x370, 0x400), (0x1F00, 0x2000)],
    "cyrillic": [(0x400, 0x530)],
    "armenian": [(0x531, 0x590)],
    "hebrew": [(0x590, 0x600)],
    "arabic": [(0x600, 0x700), (0x750, 0x780), (0xFB50, 0xFE00), (0xFE70, 0xFF00)],
    "devanagari": [(0x900, 0x980)],
    "bengali": [(0x980, 0xA00)],
    "gurmukhi": [(0xA00, 0xA80)],
    "gujarati": [(0xA80, 0xB00)],
    "odia": [(0xB00, 0xB80)],
    "tamil": [(0xB80, 0xC00)],
    "telugu": [(0xC00, 0xC80)],
    "kannada": [(0xC80, 0xD00)],
    "malayalam": [(0xD00, 0xD80)],
    "sinhala": [(0xD80, 0xE00)],
    "thai": [(0xE00, 0xE80)],
    "lao": [(0xE80, 0xF00)],
    "tibetan": [(0xF00, 0x1000)],
    "burmese": [(0x1000, 0x10A0)],
    "georgian": [(0x10A0, 0x1100), (0x1C90, 0x1CC0)],
    "hangul": [(0x1100, 0x1200), (0x3130, 0x3190), (0xAC00, 0xD7B0)],
    "ethiopic": [(0x1200, 0x13A0)],
    "khmer": [(0x1780, 0x1800)],
    "kana": [(0x3040, 0x3100), (0x31F0, 0x3200), (0xFF66, 0xFFA0)],
    "han": [(0x3400, 0xA000), (0xF900, 0xFB00), (0x20000, 0x32000)],
}
ALONE = {  # script -> the language nearly all of whose texts on the web are in it
    "greek": "el", "armenian": "hy", "hebrew": "he", "bengali": "bn", "gurmukhi": "pa", "gujarati": "gu", "odia": "or",
    "tamil": "ta", "telugu": "te", "kannada": "kn", "malayalam": "ml", "sinhala": "si", "thai": "th", "lao": "lo",
    "tibetan": "bo", "burmese": "my", "georgian": "ka", "hangul": "ko", "ethiopic": "am", "khmer": "km", "kana": "ja",
    "han": "zh",
}  # fmt: skip
MORE_WORDS = {
    "no": LITTLE_WORDS["no"] + " å noen gjøre bruk kun eller gitt alle slik når mens mulig samme flere bort",
    "ca": """de la el els les un una que i en per amb no es al del dels als és són aquest aquesta aquests com més però
        també si o hi ha ho pot tots totes entre sense fins des quan on què molt fer ser està l'ha d'un d'una""",
    "bs": """i u je na se da za od s su sa ne o koji koja koje kao ili ali iz po do što kako ako samo biti bio bila
        može nije sve ovaj ova ovo to taj ta nakon prije između bez kod li te već jer datoteku""",
    "sk": """a v sa na je že s z do to o ako za si ale by aj pre sú od vo ktorý ktorá ktoré pri tak len už bolo bol
        bola než alebo jeho jej ešte som sme byť tiež keď kde čo prečo veľmi nie je medzi bez pod nad majú""",
    "sl": """in v je na se da za od so ne o ki kot ali pa iz po do kako če samo biti bil bila lahko ni vse ta to tudi
        še pri med brez kaj kje kdaj zelo vendar nato sem smo ste bi ker""",
    "et": """ja on ei et see kui ta oli ka ning mis aga oma või mida siis kes need seda selle välja üle pärast enne
        väga kõik ainult juba veel mina sina meie nad tema olla olen saab peab""",
    "lt": """ir yra į kad su iš ne tai o bet kaip arba jei buvo per po už apie prie nuo iki dėl kuris kuri kurie ar
        tik dar jau labai visi aš tu jis ji mes jie būti gali""",
    "lv": """un ir uz ar no ka kas par lai tas tā bet kā vai ja bija pie pēc līdz bez starp tikai jau vēl ļoti visi
        es tu viņš viņa mēs viņi būt var nav šis šī""",
    "vi": """và của là có không được cho các những một người trong với đã này để khi từ đó như về tôi cũng ra đến
        nhiều hay hoặc nhưng thì sẽ bị vào lại rất sau trên tập tin""",
    "uz": """va bir bu uchun bilan ham emas qilish haqida kerak mumkin yoki agar lekin faqat juda hamma men sen biz
        siz ular keyin barcha orqali dan ga ni ning yangi fayl""",
    "ms": """yang dan di itu dengan untuk tidak ini dari dalam akan pada juga saya ke kerana ada mereka kami kita dia
        anda oleh atau boleh sudah seperti telah lebih hanya banyak bahawa lain sebagai dapat""",
    "sw": """ya na wa kwa ni katika la za cha kuwa hii huo yake wake kama lakini au si pia sana watu mtu wakati
        baada kabla bila""",
    "ru": """и в не на что с он как это по но из у за от так о же вы ты мы бы она было для то все или если при
        его её их только уже был была были быть есть где когда чтобы может нет во со до после также который""",
    "uk": """і в не на що з він як це по але із у за від так про же ви ти ми б вона було для то всі або якщо при
        його її їх тільки вже був була були бути є де коли щоб може немає та до після також який яка які цей""",
    "bg": """и в не на че с той как това по но от у за до се да са е го ги тя беше ще или ако при само вече бил
        била бяха може няма след също който която които във със към през между много""",
    "sr": """и у не на да с он као то по али из за од се је су са што она било или ако при само већ био била били
        може нема после такође који која које као овај ова ово датотеку све""",
    "mk": """и во не на што со тој како тоа по но од за до се да е го ги таа беше ќе или ако при само веќе бил
        била може нема потоа исто кој која кои оваа овој""",
    "be": """і у не на што з ён як гэта па але за ад так пра ж вы ты мы яна было для ўсе або калі пры яго яе іх
        толькі ўжо быў была былі ёсць дзе каб можа няма пасля таксама які""",
    "kk": """және бір бұл үшін мен сен біз олар бар жоқ емес деп болып туралы керек немесе бірақ өте барлық""",
    "ar": """في من على إلى عن أن هذا هذه التي الذي كان لا ما مع أو كل بعد قبل بين ثم هو هي كما إذا لم لن قد حيث غير
        عند أي ذلك""",
    "fa": """و در به از که این را با است برای آن یک خود تا بر هم می شود شده های کند یا اگر اما همه پس نیز باید
        هر دو کرد بود""",
    "ur": """اور میں کے کی کا ہے سے کو پر یہ نے ہیں کہ اس ایک وہ بھی نہیں تو جو کر گیا تھا ہو لیے یا اگر""",
    "hi": """है के में की और को से का हैं एक पर यह करें लिए नहीं या भी इस कि जो तो करने अपने था हो कर साथ सभी
        ने किसी द्वारा""",
    "ne": """छ र को मा छन् पनि हो यो गर्नुहोस् लागि एक वा गर्न सबै भएको तर यस त्यो भने देखि सम्म हुन्छ गर्ने मात्र
        लाई बाट""",
    "mr": """आहे आणि व मध्ये या ते हा ही हे नाही एक करा साठी आहेत किंवा पण तर केले होते सर्व असे""",
}
LETTERS = {  # that few other languages have
    "de": "ßäöü", "fr": "èêçùûîœë", "es": "ñ¿¡", "pt": "ãõç", "it": "òì", "ca": "·ïç", "sv": "åäö", "da": "æøå",
    "no": "æøå", "fi": "äö", "pl": "łąęśżźćń", "cs": "ěřůčšž", "sk": "ľĺŕôčšž", "hu": "őű", "ro": "ășțţş", "tr": "ğşıİ",
    "eo": "ĉĝĥĵŝŭ", "bs": "đćčšž", "sl": "čšž", "et": "õäöü", "lt": "ėįųąęūčšž", "lv": "āēīūģķļņčšž", "vi": "ăđơưạảấầẩậắằặẹẻẽếềểễệịỏọốồổộớờởợụủứừửựỳỵỷỹ",
    "ru": "ыэё", "uk": "іїєґ", "bg": "ъ", "sr": "јљњђћџ", "mk": "јљњѓќџѕ", "be": "ўіыё", "kk": "әғқңөұүһ", "fa": "پچژگکی",
    "ur": "ٹڈڑےہںھ", "ar": "ةىيك",
}  # fmt: skip
OF_SCRIPT = {
    "cyrillic": ("ru", "uk", "bg", "sr", "mk", "be", "kk"),
    "arabic": ("ar", "fa", "ur"),
    "devanagari": ("hi", "ne", "mr"),
}
WORDS = {**LITTLE_WORDS, **MORE_WORDS}
LATIN = tuple(code for code in WORDS if not any(code in codes for codes in OF_SCRIPT.values()))
KNOWN = tuple(sorted({*WORDS, *ALONE.values()}))


@cache
def speaking() -> tuple[dict[str, tuple[tuple[str, float], ...]], dict[str, tuple[tuple[str, float], ...]]]:
    """(words, letters) -> the languages that have them, each with 1 / number of such languages."""
    words = {
        code: dict.fromkeys(word for word in written.split() if len(word) > 1 or word > "~")
        for code, written in WORDS.items()
    }
    letters = {code: dict.fromkeys(written) for code, written in LETTERS.items()}
    return _turned(words), _turned(letters)


def _turned(of: dict[str, dict[str, None]]) -> dict[str, tuple[tuple[str, float], ...]]:
    users: dict[str, list[str]] = {}
    for code, things in of.items():
        for thing in things:
            users.setdefault(thing, []).append(code)
    return {thing: tuple((code, 1 / len(codes)) for code in codes) for thing, codes in users.items()}


@cache
def script_of(character: str) -> str:
    """The name of a letter's script, or nothing."""
    point = ord(character)
    return next((name for name, ranges in SCRIPTS.items() if any(low <= point < high for low, high in ranges)), "")

"""The words by which a card asks who and what a corpus speaks of; lists written by hand, in English, and short.

A name stands for all the words behind it. Names of CAPITAL groups count only with a large letter: a Pole is no tent pole.
"""

PRONOUNS, ROLES, NATIONS, RELIGIONS = "pronouns", "roles", "nationalities", "religions"
CAPITAL = (NATIONS, RELIGIONS)

SHE_HE_THEY = {
    "he": "he him his himself",
    "she": "she her hers herself",
    "they": "they them their theirs themselves",
}
PEOPLE = """man/men woman/women boy/boys girl/girls father/fathers mother/mothers husband/husbands wife/wives son/sons
    daughter/daughters child/children doctor/doctors nurse/nurses teacher/teachers professor/professors student/students
    engineer/engineers scientist/scientists programmer/programmers developer/developers lawyer/lawyers judge/judges
    king/kings queen/queens president/presidents minister/ministers soldier/soldiers officer/officers servant/servants
    slave/slaves farmer/farmers worker/workers artist/artists writer/writers secretary/secretaries boss/bosses
    leader/leaders criminal/criminals immigrant/immigrants refugee/refugees"""
PEOPLES = """African/Africans American/Americans Arab/Arabs/Arabic Australian/Australians British/Briton/Britons
    Canadian/Canadians Chinese Dutch/Dutchman/Dutchmen English/Englishman/Englishmen/Englishwoman European/Europeans
    French/Frenchman/Frenchmen/Frenchwoman German/Germans Greek/Greeks Indian/Indians Irish/Irishman/Irishmen
    Italian/Italians Japanese Jewish Korean/Koreans Mexican/Mexicans Nigerian/Nigerians Pakistani/Pakistanis
    Persian/Persians Polish/Pole/Poles Roman/Romans Russian/Russians Scottish/Scot/Scots/Scotsman Spanish/Spaniard/Spaniards
    Swedish/Swede/Swedes Turkish/Turk/Turks Ukrainian/Ukrainians"""
FAITHS = """Christian/Christians Catholic/Catholics Protestant/Protestants Muslim/Muslims/Mohammedan/Mohammedans
    Jew/Jews Hindu/Hindus/Hindoo/Hindoos Buddhist/Buddhists Sikh/Sikhs Mormon/Mormons Quaker/Quakers
    atheist/atheists/Atheist/Atheists heathen/heathens/Heathen/Heathens pagan/pagans/Pagan/Pagans"""


def _first_names(written: str) -> dict[str, list[str]]:
    return {forms.partition("/")[0]: forms.split("/") for forms in written.split()}


GROUPS: dict[str, dict[str, list[str]]] = {
    PRONOUNS: {name: words.split() for name, words in SHE_HE_THEY.items()},
    ROLES: _first_names(PEOPLE),
    NATIONS: _first_names(PEOPLES),
    RELIGIONS: _first_names(FAITHS),
}
LITTLE = frozenset(
    """a about above after again all also am an and any are as at be because been before being below between both but by can
    could did do does doing down during each few for from further had has have having he her here hers herself him himself his
    how i if in into is it its itself just me more most my myself no nor not now of off on once one only or other our ours out
    over own s said same she should so some such t than that the their theirs them themselves then there these they this those
    through to too two under until up upon us very was we were what when where which while who whom why will with would you
    your yours shall may might must much many every ll d ve re m don weren wasn didn doesn couldn wouldn shouldn isn aren hadn hasn haven
    """.split()
)
CAN = "how often these words stand in the text, in which sources, and which words stand near them more often than by chance."
CANNOT = (
    "who is meant: names, “I” and “you” are not counted, and a word may mean nobody (a Dutch oven, a child process).",
    "whether a passage praises, quotes, invents or condemns: a book against prejudice looks like a prejudiced one.",
    "what is missing from the lists: they are short, English and of one hand; who is not on them is not counted.",
    "what a model will say: that depends on the training too; nor is an even count a fair one.",
    "anything from few mentions: neighbours are named from five meetings in three documents on, and their order scatters below some hundreds.",
)

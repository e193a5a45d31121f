"""Pages in other languages: small sentences put together from whole phrases, so that endings and articles agree.

The corpus keeps English and has to tell these apart; their accents also travel through the encodings that go wrong.
"""

from groundup.town.grammar import capital, forms
from groundup.town.pages import Draft
from groundup.town.prose import Pen

LANGUAGES = {
    "german": forms("""
        [der Bäcker|die Lehrerin|der Fischer|das Kind|die Nachbarin] [geht|kommt|läuft] [heute|morgens|jeden Tag] \
            [in die Stadt|an den Fluss|nach Hause|zur Mühle]
        [ich|meine Schwester|der alte Mann] [habe|hat] [gestern|am Sonntag] [einen Brief|ein Buch|zwei Äpfel] gefunden
        [das Wetter|der Morgen|der Tag] war [schön|kalt|grau|warm] und [alle|wir|die Kinder] [blieben zu \
            Hause|gingen spazieren|sangen Lieder]
        [in unserem Dorf|am Fluss|hinter der Kirche] [steht|gibt es] [ein altes Haus|eine große Mühle|einen kleinen \
            Garten|ein Gasthaus]
        [Anna|mein Bruder|die Großmutter] [kauft|braucht|sucht] [frisches Brot|warme Schuhe|grünen Käse|Milch und \
            Eier] [auf dem Markt|für die Gäste|im Laden]
        [wir|die Leute] [müssen|wollen|können] [heute|morgen|bald] [früh aufstehen|nach Hause gehen|die Tür \
            streichen|mehr arbeiten]
        [weil|obwohl] es [regnet|schneit|spät ist], [bleiben wir hier|gehen wir nicht hinaus|ist die Straße leer]
    """),
    "french": forms("""
        [le boulanger|la maîtresse|le pêcheur|l'enfant|la voisine] [va|arrive|court] [chaque jour|ce matin|souvent] \
            [à la ville|au marché|vers la rivière|à la maison]
        [j'ai|ma sœur a|le vieil homme a] [trouvé|acheté|perdu] [une lettre|un livre|deux pommes] \
            [hier|dimanche|dans la rue]
        [le temps|le matin|l'hiver] était [beau|froid|gris|doux] et [nous sommes|les enfants sont|tous sont] [restés \
            à la maison|partis au marché]
        [dans notre village|près de la rivière|derrière l'église] il y a [une vieille maison|un grand moulin|un \
            petit jardin|une auberge]
        [Anna|mon frère|la grand-mère] [achète|cherche|préfère] [du pain frais|des œufs|du fromage|des fleurs] [pour \
            les invités|au marché|à l'épicerie]
        [nous devons|les gens veulent|il faut] [bientôt|demain|aujourd'hui] [rentrer à la maison|peindre la \
            porte|travailler plus|écrire une lettre]
        quand il [pleut|neige|fait nuit], [nous restons ici|la rue est vide|personne ne sort]
    """),
    "spanish": forms("""
        [el panadero|la maestra|el pescador|el niño|la vecina] [va|llega|corre] [cada día|esta mañana|siempre] [a la \
            ciudad|al mercado|hacia el río|a casa]
        [mi hermana|el viejo|Ana] [encontró|compró|perdió] [una carta|un libro|dos manzanas] [ayer|el domingo|en la \
            calle]
        [el tiempo|el día|el invierno] era [bueno|frío|gris|largo] y [nosotros|los niños|todos] [volvimos|volvieron] \
            a casa
        [en nuestro pueblo|cerca del río|detrás de la iglesia] hay [una casa vieja|un molino grande|un jardín \
            pequeño|una posada]
        [mi hermano|la abuela|el señor Núñez] [compra|busca|quiere] [pan fresco|huevos y leche|queso|flores] [para \
            los invitados|en el mercado|en la tienda]
        [tenemos que|la gente quiere|hay que] [hoy|mañana|pronto] [pintar la puerta|volver a casa|trabajar \
            más|escribir una carta]
        cuando [llueve|nieva|es de noche], [nos quedamos aquí|la calle está vacía|nadie sale]
    """),
    "italian": forms("""
        [il fornaio|la maestra|il pescatore|il bambino|la vicina] [va|arriva|corre] [ogni giorno|stamattina|spesso] \
            [in città|al mercato|verso il fiume|a casa]
        [mia sorella|il vecchio|Anna] ha [trovato|comprato|perso] [una lettera|un libro|due mele] [ieri|domenica|per \
            strada]
        [il tempo|il giorno|l'inverno] era [bello|freddo|grigio|lungo] e [noi siamo|i bambini sono|tutti sono] \
            [rimasti a casa|andati via]
        [nel nostro paese|vicino al fiume|dietro la chiesa] c'è [una vecchia casa|un grande mulino|un piccolo \
            giardino|una locanda]
        [mio fratello|la nonna|il signor Rossi] [compra|cerca|vuole] [pane fresco|uova e latte|formaggio|fiori] [per \
            gli ospiti|al mercato|nel negozio]
        [dobbiamo|la gente vuole|bisogna] [oggi|domani|presto] [dipingere la porta|tornare a casa|lavorare di \
            più|scrivere una lettera]
        quando [piove|nevica|è notte], [restiamo qui|la strada è vuota|nessuno esce]
    """),
    "dutch": forms("""
        [de bakker|de juf|de visser|het kind|de buurvrouw] [gaat|komt|loopt] [elke dag|vanmorgen|vaak] [naar de \
            stad|naar de markt|naar huis|langs de rivier]
        [mijn zus|de oude man|Anna] heeft [een brief|een boek|twee appels] [gevonden|gekocht|verloren]
        [het weer|de dag|de winter] was [mooi|koud|grijs|lang] en [wij bleven|de kinderen bleven|iedereen bleef] thuis
        [in ons dorp|bij de rivier|achter de kerk] staat [een oud huis|een grote molen|een kleine tuin|een herberg]
        [mijn broer|de grootmoeder] [koopt|zoekt|wil] [vers brood|melk en eieren|kaas|bloemen] [voor de gasten|op de \
            markt|in de winkel]
        [wij moeten|de mensen willen] [vandaag|morgen|gauw] [de deur verven|naar huis gaan|meer werken|een brief \
            schrijven]
        als het [regent|sneeuwt|donker is], [blijven wij hier|is de straat leeg|gaat niemand naar buiten]
    """),
    "polish": forms("""
        [piekarz|nauczycielka|rybak|dziecko|sąsiadka] [idzie|biegnie|jedzie] [codziennie|dzisiaj|często] [do \
            miasta|na targ|do domu|nad rzekę]
        [moja siostra|Anna|babcia] [znalazła|kupiła|zgubiła] [list|książkę|dwa jabłka] [wczoraj|w niedzielę|na ulicy]
        [pogoda była|zima była|noc była] [ładna|zimna|długa|ciemna] i [wszyscy|dzieci|ludzie] [zostali w domu|poszli \
            spać|śpiewali piosenki]
        [w naszej wsi|nad rzeką|za kościołem] [stoi|jest] [stary dom|duży młyn|mały ogród|karczma]
        [mój brat|dziadek] [kupuje|ma|lubi] [świeży chleb|mleko i jajka|ser|kwiaty] [dla gości|na targu|w sklepie]
        [musimy|ludzie chcą|trzeba] [dzisiaj|jutro|wkrótce] [pomalować drzwi|wrócić do domu|więcej pracować|napisać \
            list]
        kiedy [pada deszcz|pada śnieg|jest noc], [zostajemy tutaj|ulica jest pusta|nikt nie wychodzi]
    """),
}


def foreign(pen: Pen) -> Draft:
    """A page in one other language."""
    language = pen.one(list(LANGUAGES))
    patterns = LANGUAGES[language]
    paragraphs = [
        " ".join(capital(pen.say(patterns)) + "." for _ in range(pen.number(4, 8))) for _ in range(pen.number(2, 4))
    ]
    return Draft(language, capital(pen.say(patterns)), paragraphs)

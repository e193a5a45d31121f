"""The words that hold sentences together in a few languages: articles, pronouns, prepositions, auxiliaries.

They say how things relate and little of what a text is about, which is why counting classifiers can spare them; a
language model is mostly made of them.
"""

from functools import cache

WORDS = {
    "english": """
        a an the this that these those i me my mine myself we us our ours ourselves you your yours yourself yourselves he him
        his himself she her hers herself it its itself they them their theirs themselves who whom whose which what where when
        why how and but or nor so if then else than as because while until although though unless since of at by for with
        about against between among into through during before after above below to from up down in out on off over under
        again further once here there all any both each few more most other others some such no not only own same too very
        just also be am is are was were been being have has had having do does did doing will would shall should can could may
        might must ought isn't aren't wasn't weren't don't doesn't didn't won't wouldn't can't couldn't shouldn't i'm you're
        he's she's it's we're they're i've you've we've they've i'd you'd he'd she'd we'd they'd i'll you'll he'll she'll we'll
        they'll that's there's let's""",
    "german": """
        der die das den dem des ein eine einer eines einem einen kein keine keinen keinem keiner ich mich mir mein meine meinen
        meinem meiner du dich dir dein deine er ihn ihm sein seine seinen seinem seiner sie ihr ihre ihren ihrem ihrer es wir
        uns unser unsere euch euer man sich wer wen wem wessen was wo wann warum wie dieser diese dieses diesen diesem jener
        jene jenes und oder aber denn weil dass daß wenn ob als damit obwohl sondern doch in im an am auf aus bei beim mit
        nach von vom zu zum zur über unter vor hinter zwischen durch für gegen ohne um bis seit während wegen nicht nur auch
        noch schon sehr so dann da dort hier alle alles viele mehr einige etwas nichts bin bist ist sind seid war waren wäre
        habe hast hat haben hatte hatten hätte werde wird werden wurde wurden würde würden kann können konnte muss müssen soll
        sollen will wollen darf dürfen mag mögen""",
    "french": """
        le la les l' un une des du de d' au aux je j' me m' moi tu te t' toi il elle on nous vous ils elles lui leur leurs eux se
        s' soi mon ma mes ton ta tes son sa ses notre nos votre vos ce c' cet cette ces ceci cela ça qui que qu' quoi dont où
        quand comment pourquoi et ou mais donc or ni car si comme lorsque puisque quoique à dans par pour en vers avec sans
        sous sur entre chez contre depuis pendant avant après ne n' pas plus moins très trop aussi bien encore même tout toute
        tous toutes autre autres quelque quelques aucun aucune y suis es est sommes êtes sont étais était étaient été être ai
        as a avons avez ont avais avait avaient avoir eu sera seront serait ferait fait faire peut peuvent doit doivent""",
    "spanish": """
        el la los las lo un una unos unas de del al a yo me mí mi mis tú te ti tu tus él ella ello ellos ellas usted ustedes le
        les se sí su sus nosotros nosotras nos nuestro nuestra nuestros nuestras vosotros os vuestro este esta esto estos
        estas ese esa eso esos esas aquel aquella aquello que qué quien quién quienes cual cuál cuyo donde dónde cuando cuándo
        como cómo porque y e o u pero sino ni si aunque mientras pues en con sin por para sobre entre hasta desde contra
        durante ante bajo tras no muy más menos también tampoco ya todo toda todos todas otro otra otros otras algo alguno
        alguna algunos nada ningún ninguno ser soy eres es somos son era eran fue fueron sido estar estoy está están estaba
        he has ha hemos han había habían haber hay puede pueden""",
    "italian": """
        il lo la i gli le l' un uno una di del dello della dei degli delle d' a al allo alla ai agli alle da dal dalla dai dalle
        in nel nello nella nei nelle con su sul sulla sui sulle per tra fra io mi me tu ti te lui lei egli noi ci ce voi vi ve
        essi loro si sé mio mia miei mie tuo tua suo sua suoi sue nostro nostra vostro questo questa questi queste quello
        quella quelli quelle che chi cui quale quali dove quando come perché e ed o ma se anche non più meno molto già ancora
        tutto tutta tutti tutte altro altra altri altre ogni nulla niente sono sei è siamo siete era erano stato stata essere
        ho hai ha abbiamo avete hanno aveva avevano avere può possono deve""",
    "dutch": """
        de het een ik me mij mijn je jij jou jouw u uw hij hem zijn zij ze haar wij we ons onze jullie hen hun zich dit dat deze
        die wie wat welke waar wanneer waarom hoe en of maar want omdat als dan toen terwijl hoewel in op aan van voor met bij
        naar uit over onder tussen door tegen zonder om tot sinds te ten ter niet geen ook nog al wel zo zeer er hier daar alle
        alles veel meer enkele iets niets ben bent is was waren heb hebt heeft hebben had hadden word wordt worden werd werden
        zal zullen zou zouden kan kunnen kon moet moeten mag mogen wil willen""",
}


@cache
def words_of(languages: tuple[str, ...]) -> frozenset[str]:
    """The stop words of some languages together."""
    return frozenset(word for language in languages for word in WORDS[language].split())

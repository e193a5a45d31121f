"""The sites of the invented internet: a host each, with a layout, a menu, advertising and scripts of its own.

A site keeps its look and its words on all its pages, as real ones do.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from groundup.town.grammar import capital, forms, pick
from groundup.town.layouts import LAYOUTS, LISTED
from groundup.town.world import dice, words

SITES = 36
VARIANTS = 20  # of a site's advertising, links and scripts
LABELS = words("Home,News,About us,Contact,Archive,Search,Login,Register,Help,Shop,Photos,Events,Forum,Guide,Map,Links")
TOPICS = forms("""
    [ten|five|seven] [tips|ideas|rules] for [your garden|better sleep|old houses|new cooks|long walks]
    [photos|pictures|videos] of the [week|month|summer fair|old town]
    [most read|editor's choice|readers' letters|archive] {n}
    [how to|why you should] [store apples|wash wool|sharpen a knife|keep bees|plant a tree]
    [part|page|volume] {n} of our series
    [what|who] is [new|next|on top] this [week|month]
    [older|newer] [posts|entries|articles]
""")
ADVERTISEMENTS = forms("""
    [Advertisement|Sponsored|Ad|Promotion]: [new shoes|soft beds|fast bikes|strong coffee|warm socks|garden tools] \
        [from|at] [{n} euros|half price|your dealer]
    [Subscribe to|Get|Try] our [newsletter|app|premium edition] [today|for free|and save {n}%]
    [Your ad|Your banner] could be here. [Ask us|Book now|See prices]
    [Sale|Deal|Offer] of the day: [lamps|phones|tents|boots|cameras] -{n}%
""")
COOKIES = forms("""
    [We use|This site uses|This website uses] cookies to [improve your experience|measure visits|show you \
        advertising]. [Accept all|Only necessary|Settings] | [Reject|Read more|Privacy policy]
    [Your privacy matters|Before you continue]: we and our {n} partners store [cookies|data] on your device. \
        [Accept|Agree|Manage choices]
""")
FOOTERS = forms("""
    [Copyright|(c)] {y} {site}. All rights reserved. [Imprint|Legal notice] | [Privacy|Terms of use] | [Sitemap|RSS]
    {site} - [Terms|Imprint|Cookie settings] - [Powered by|Made with] [WebPress|PageMill|SiteKit] {n}.{n} - \
        Visitors: {n}{n}{n}
    [Follow us on|Share this page:] [FaceSpace|Chirp|Picturegram] | [Back to top|Print this page]
""")
SCRIPTS = (
    (
        '<script>var _q=_q||[];_q.push(["track","{n}"]);'
        '(function(){{var s=document.createElement("script");s.async=1;}})();</script>'
    ),
    (
        '<script type="text/javascript">\n//<![CDATA[\nif (1 < {n} && "p" > "a") '
        '{{ document.write("<p>old browser</p>"); }}\n//]]>\n</script>'
    ),
    '<SCRIPT language=JavaScript><!--\nfunction go{n}(){{window.status="Welcome!";return true}}\n//--></SCRIPT>',
    '<script type="application/ld+json">{{"@context":"https://schema.org","@type":"WebPage","name":"{n}"}}</script>',
    '<noscript><img src="/pixel.gif?{n}" alt="" height=1 width=1></noscript>',
)
STYLES = (
    "<style>body{{font-family:serif;margin:0}} .c{n}{{display:none}} a:hover{{color:#c{n}}}</style>",
    '<style type="text/css"><!-- td {{ font-size: 1{n}px }} p > b {{ color: navy }} --></style>',
    '<link rel="stylesheet" href="/css/main.css?v={n}">',
)


@dataclass(frozen=True)
class Site:
    """A host with its look: everything of it that is the same from page to page."""

    host: str
    name: str
    layout: str
    menu: str
    footer: str
    cookie: str
    style: str
    adverts: tuple[str, ...]
    related: tuple[str, ...]  # links to other pages
    scripts: tuple[str, ...]


def sites(seed: int, town: str) -> list[Site]:
    """The hosts of the invented internet; each layout is used by several."""
    roll, found = dice(seed, "sites"), []
    around = words("river hill north little village daily")
    first = (town.lower(), f"old{town.lower()}", f"my{town.lower()}", *around)
    second = words("post notes life pages journal archive weekly corner forum gazette")
    hosts = [f"{a}-{b}" for a in first for b in second]
    for number, host in enumerate(roll.sample(hosts, SITES)):
        name, layout = capital(host.replace("-", " ")), list(LAYOUTS)[number % len(LAYOUTS)]
        labels = roll.sample(LABELS, roll.randint(4, 9))
        links = [f'<a href="/{label.lower().replace(" ", "-")}">{label}</a>' for label in labels]
        topics = [
            f'<a href="/r/{roll.randint(1, 9999)}">{capital(say_once(roll, TOPICS))}</a>' for _ in range(VARIANTS)
        ]
        found.append(
            Site(
                host=f"www.{host}.example" if number % 3 else f"{host}.example",
                name=name,
                layout=layout,
                menu="\n".join(f"<li>{link}</li>" for link in links) if layout in LISTED else " | ".join(links),
                footer=say_once(roll, FOOTERS, site=name, y=roll.randint(2003, 2024)),
                cookie=say_once(roll, COOKIES),
                style=say_once(roll, (STYLES,)),
                adverts=tuple(say_once(roll, ADVERTISEMENTS) for _ in range(VARIANTS)),
                related=tuple(f"<li>{link}</li>" if layout in LISTED else f"{link}<br>" for link in topics),
                scripts=tuple(say_once(roll, (SCRIPTS,)) for _ in range(VARIANTS)),
            )
        )
    return found


def say_once(roll: Random, patterns: Sequence[Sequence[str]], **slots: str | int) -> str:
    return pick(roll, patterns).format(n=1 + int(roll.random() * 90), **slots)

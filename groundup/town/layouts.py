"""Wraps a draft in the HTML of an invented site: navigation, advertising, banners, scripts, and markup that is broken.

A site keeps its layout and its words on all its pages, as real ones do; what is its own text and what is not is for
the corpus to find out.
"""

from collections.abc import Callable
from dataclasses import dataclass
from html import escape
from random import Random

from groundup.town.grammar import capital, choose, forms
from groundup.town.pages import Draft
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
    [Advertisement|Sponsored|Ad|Promotion]: [new shoes|soft beds|fast bikes|strong coffee|warm socks|garden tools] [from|at] [{n} euros|half price|your dealer]
    [Subscribe to|Get|Try] our [newsletter|app|premium edition] [today|for free|and save {n}%]
    [Your ad|Your banner] could be here. [Ask us|Book now|See prices]
    [Sale|Deal|Offer] of the day: [lamps|phones|tents|boots|cameras] -{n}%
""")
COOKIES = forms("""
    [We use|This site uses|This website uses] cookies to [improve your experience|measure visits|show you advertising]. [Accept all|Only necessary|Settings] | [Reject|Read more|Privacy policy]
    [Your privacy matters|Before you continue]: we and our {n} partners store [cookies|data] on your device. [Accept|Agree|Manage choices]
""")
FOOTERS = forms("""
    [Copyright|(c)] {y} {site}. All rights reserved. [Imprint|Legal notice] | [Privacy|Terms of use] | [Sitemap|RSS]
    {site} - [Terms|Imprint|Cookie settings] - [Powered by|Made with] [WebPress|PageMill|SiteKit] {n}.{n} - Visitors: {n}{n}{n}
    [Follow us on|Share this page:] [FaceSpace|Chirp|Picturegram] | [Back to top|Print this page]
""")
SCRIPTS = (
    '<script>var _q=_q||[];_q.push(["track","{n}"]);(function(){{var s=document.createElement("script");s.async=1;}})();</script>',
    '<script type="text/javascript">\n//<![CDATA[\nif (1 < {n} && "p" > "a") {{ document.write("<p>old browser</p>"); }}\n//]]>\n</script>',
    '<SCRIPT language=JavaScript><!--\nfunction go{n}(){{window.status="Welcome!";return true}}\n//--></SCRIPT>',
    '<script type="application/ld+json">{{"@context":"https://schema.org","@type":"WebPage","name":"{n}"}}</script>',
    '<noscript><img src="/pixel.gif?{n}" alt="" height=1 width=1></noscript>',
)
STYLES = (
    "<style>body{{font-family:serif;margin:0}} .c{n}{{display:none}} a:hover{{color:#c{n}}}</style>",
    '<style type="text/css"><!-- td {{ font-size: 1{n}px }} p > b {{ color: navy }} --></style>',
    '<link rel="stylesheet" href="/css/main.css?v={n}">',
)
COMMENTS = (
    "<!-- ad slot {n} -->",
    "<!-- cached {n} ms -->",
    "<!--[if lt IE 9]><p>Please update your browser.</p><![endif]-->",
    "<!-- TODO: {n} > 3 -->",
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
    first = (town.lower(), "old" + town.lower(), "my" + town.lower(), "river", "hill", "north", "little", "village", "daily")
    second = ("post", "notes", "life", "pages", "journal", "archive", "weekly", "corner", "forum", "gazette")
    hosts = [f"{a}-{b}" for a in first for b in second]
    for number, host in enumerate(roll.sample(hosts, SITES)):
        name, layout = capital(host.replace("-", " ")), list(LAYOUTS)[number % len(LAYOUTS)]
        labels = roll.sample(LABELS, roll.randint(4, 9))
        links = [f'<a href="/{label.lower().replace(" ", "-")}">{label}</a>' for label in labels]
        topics = [f'<a href="/r/{roll.randint(1, 9999)}">{capital(_say(roll, TOPICS))}</a>' for _ in range(VARIANTS)]
        found.append(
            Site(
                host=f"www.{host}.example" if number % 3 else f"{host}.example",
                name=name,
                layout=layout,
                menu="\n".join(f"<li>{link}</li>" for link in links) if layout in LISTED else " | ".join(links),
                footer=_say(roll, FOOTERS, site=name, y=roll.randint(2003, 2024)),
                cookie=_say(roll, COOKIES),
                style=_say(roll, (STYLES,)),
                adverts=tuple(_say(roll, ADVERTISEMENTS) for _ in range(VARIANTS)),
                related=tuple(f"<li>{link}</li>" if layout in LISTED else f"{link}<br>" for link in topics),
                scripts=tuple(_say(roll, (SCRIPTS,)) for _ in range(VARIANTS)),
            )
        )
    return found


def _say(roll: Random, patterns, **slots: str | int) -> str:
    return choose(roll, choose(roll, patterns)).format(n=1 + int(roll.random() * 90), **slots)


@dataclass
class Parts:
    """A page cut up for a layout to put together; all of it is HTML by now."""

    title: str
    paragraphs: list[str]
    menu: str
    advert: str
    related: str
    footer: str


def wrap(roll: Random, draft: Draft, site: Site, head: str = "") -> str:
    """The whole page; `head` is what the encoding declares, put where a meta tag goes."""
    first = int(roll.random() * (VARIANTS - 5))
    related, advert = "".join(site.related[first : first + 3 + first % 3]), choose(roll, site.adverts)
    title, paragraphs = escape(draft.title, quote=False), _marked_up(roll, draft)
    parts = Parts(title, paragraphs, site.menu, advert, related, site.footer)
    main = LAYOUTS[site.layout](parts)
    if roll.random() < 0.3:
        main = choose(roll, DAMAGES)(main)
    return "".join(
        (
            choose(roll, DOCTYPES),
            f"<head>{head}<title>{parts.title}{choose(roll, (' | ', ' - ', ' :: '))}{site.name}</title>\n",
            f'<meta name="viewport" content="width=device-width">\n{site.style}\n{choose(roll, site.scripts)}</head>\n',
            choose(roll, BODIES),
            f'<div id="cookie-banner" class="cookie-consent" role="dialog">{site.cookie}</div>\n' if roll.random() < 0.6 else "",
            main,
            choose(roll, site.scripts) if roll.random() < 0.5 else "",
            choose(roll, ENDS),
        )
    )


DOCTYPES = (
    '<!DOCTYPE html>\n<html lang="en">\n',
    "<!doctype html>\n<html>\n",
    '<!DOCTYPE HTML PUBLIC "-//W3C//DTD HTML 4.01 Transitional//EN">\n<HTML>\n',
    "<html>\n",
)
BODIES = ("<body>\n", '<body class="page">\n', '<BODY BGCOLOR=#ffffff TEXT="#000000" onload=go()>\n', "<body>\n<a name=top></a>\n")
ENDS = ("</body>\n</html>\n", "</body></html>", "</BODY></HTML>\n", "", "\n</div></body></html>\n<!-- end -->")


def _marked_up(roll: Random, draft: Draft) -> list[str]:
    """Paragraphs as HTML: escaped, here and there a link, a bold word, an entity, a comment in the middle."""
    marked = []
    for paragraph in draft.paragraphs:
        text = escape(paragraph, quote=False)
        if roll.random() < 0.3:
            text = choose(roll, MARKS)(roll, text)
        marked.append(text)
    for kind, value in draft.redact:
        if kind == "email" and roll.random() < 0.5:
            way = choose(roll, (f'<a href="mailto:{value}">{value}</a>', value.replace("@", "&#64;")))
            marked = [text.replace(value, way) for text in marked]
    return marked


def _mark_word(opening: str, closing: str) -> Callable[[Random, str], str]:
    def mark(roll: Random, text: str) -> str:
        pieces = text.split(" ")
        at = int(roll.random() * len(pieces))
        if "&" not in pieces[at] and "@" not in pieces[at]:
            pieces[at] = f"{opening}{pieces[at]}{closing}"
        return " ".join(pieces)

    return mark


def _mark_comment(roll: Random, text: str) -> str:
    before, stop, after = text.partition(". ")
    return f"{before}{stop}{_say(roll, (COMMENTS,))}{after}"


MARKS: tuple[Callable[[Random, str], str], ...] = (
    _mark_word("<b>", "</b>"),
    _mark_word("<em>", "</em>"),
    _mark_word("<b><i>", "</b></i>"),
    _mark_word('<a href="/w/page">', "</a>"),
    _mark_word("<FONT COLOR=red>", "</FONT>"),
    _mark_word('<span class="x">', ""),
    _mark_comment,
    lambda roll, text: text.replace("'", "&#39;"),
    lambda roll, text: text.replace('"', "&quot;"),
    lambda roll, text: text.replace(" ", "&nbsp;", 1),
    lambda roll, text: text.replace(" ", "\n   ", 2),
)


def _article(page: Parts) -> str:
    text = "\n".join(f"<p>{paragraph}</p>" for paragraph in page.paragraphs)
    return (
        f"<header><nav><ul>{page.menu}</ul></nav></header>\n<main>\n<article>\n<h1>{page.title}</h1>\n{text}\n</article>\n"
        f'<aside class="ad">{page.advert}</aside>\n<aside><h2>Related</h2><ul>{page.related}</ul></aside></main>\n'
        f"<footer><p>{page.footer}</p></footer>\n"
    )


def _main(page: Parts) -> str:
    half = len(page.paragraphs) // 2
    before = "\n".join(f'<p class="text">{paragraph}</p>' for paragraph in page.paragraphs[:half])
    after = "\n".join(f'<p class="text">{paragraph}</p>' for paragraph in page.paragraphs[half:])
    return (
        f'<div id="page"><div class="topbar"><ul class="nav">{page.menu}</ul></div>\n<div role="main" id="content">'
        f'<h1 class="title">{page.title}</h1>\n{before}\n<div class="advert banner">{page.advert}</div>\n{after}\n</div>\n'
        f'<div class="sidebar"><h3>More</h3><ul>{page.related}</ul></div>\n<div id="footer">{page.footer}</div></div>\n'
    )


def _soup(page: Parts) -> str:
    text = "\n".join(f"<div class=para>{paragraph}</div>" for paragraph in page.paragraphs)
    return (
        f'<div class="outer"><div class="inner"><div class="menu">{page.menu}</div><div class="ad-box"><div>{page.advert}</div>'
        f'</div><div class="col"><div class="box"><div class="headline">{page.title}</div>\n{text}</div></div>'
        f'<div class="col right"><div class="links">{page.related}</div></div><div class="bottom">{page.footer}</div></div></div>\n'
    )


def _table(page: Parts) -> str:
    text = "\n<P>".join(page.paragraphs)
    return (
        f"<TABLE WIDTH=100% BORDER=0><TR><TD COLSPAN=2 BGCOLOR=#003366>{page.menu}</TD></TR>\n<TR><TD WIDTH=150 VALIGN=top>"
        f'<FONT SIZE=1>{page.related}</FONT></TD>\n<TD VALIGN=top><FONT SIZE="5"><B>{page.title}</B></FONT>\n<P>{text}\n</TD></TR>\n'
        f"<TR><TD COLSPAN=2 ALIGN=center><FONT SIZE=1>{page.advert}<BR>{page.footer}</FONT></TD></TR></TABLE>\n"
    )


def _blog(page: Parts) -> str:
    text = "\n".join(f"<p>{paragraph}" for paragraph in page.paragraphs)
    return (
        f'<div id="wrapper">\n<ul id="navigation">{page.menu}</ul>\n<div id="sidebar" class="widget-area"><div class="widget">'
        f"{page.advert}</div><ul>{page.related}</ul></div>\n"
        f'<div class="post hentry"><h2 class="post-title"><a href="#">{page.title}</a></h2>\n<div class="entry-content">\n{text}\n'
        f'</div></div>\n<div class="comments"><h3>Comments</h3><p>No comments yet.</p></div><div class="footer">{page.footer}</div></div>\n'
    )


def _bare(page: Parts) -> str:
    text = "<br><br>\n".join(page.paragraphs)
    return (
        f"<center>{page.menu}</center><hr>\n<h2>{page.title}</h2>\n{text}\n<hr>\n<small>{page.related}</small><br>\n"
        f"<small>{page.advert}</small>\n<address>{page.footer}</address>\n"
    )


def _forum(page: Parts) -> str:
    text = "\n".join(f'<div class="post-body"><p>{paragraph}</p></div>' for paragraph in page.paragraphs)
    return (
        f'<div class="navbar"><ul>{page.menu}</ul></div><div class="breadcrumbs"><a href="/">Home</a> &raquo; <a href="/f">Forum</a></div>'
        f'\n<div class="thread"><h1>{page.title}</h1>\n{text}\n</div>\n<div class="promo">{page.advert}</div>'
        f'<div class="related"><ul>{page.related}</ul></div><div class="page-footer">{page.footer}</div>\n'
    )


LISTED = {"article", "main", "blog", "forum"}  # layouts whose menus are lists
LAYOUTS: dict[str, Callable[[Parts], str]] = {
    "article": _article,
    "main": _main,
    "soup": _soup,
    "table": _table,
    "blog": _blog,
    "bare": _bare,
    "forum": _forum,
}
DAMAGES: tuple[Callable[[str], str], ...] = (
    lambda text: text.replace("</p>", ""),
    lambda text: text.replace("<p>", "<P align=left class=txt>").replace("</p>", "</P>"),
    lambda text: text.replace("</p>", "</p></b></span>", 2),
    lambda text: text.replace("<p>", "<p><font face=Arial>", 1),
    lambda text: text.replace("</a>", "", 1),
    lambda text: text.replace("</li>", ""),
    lambda text: text.replace("<ul>", "<UL>").replace("</ul>", "</UL>").replace("<li>", "<LI>").replace("</li>", ""),
    lambda text: text.replace("</h1>", "</h1></h2>", 1),
    lambda text: text.replace('"', "'"),
    lambda text: text.replace("</div>", "</div >").replace("<div ", "<DIV "),
)

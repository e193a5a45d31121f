"""Wraps a draft in the HTML of a site: escaped, marked up, put into the site's layout, damaged now and then."""

from collections.abc import Callable
from html import escape
from random import Random

from groundup.town.grammar import choose
from groundup.town.layouts import DAMAGES, LAYOUTS, Parts
from groundup.town.pages import Draft
from groundup.town.sites import VARIANTS, Site, say_once

COMMENTS = (
    "<!-- ad slot {n} -->",
    "<!-- cached {n} ms -->",
    "<!--[if lt IE 9]><p>Please update your browser.</p><![endif]-->",
    "<!-- TODO: {n} > 3 -->",
)


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
            f'<div id="cookie-banner" class="cookie-consent" role="dialog">{site.cookie}</div>\n'
            if roll.random() < 0.6
            else "",
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
BODIES = (
    "<body>\n",
    '<body class="page">\n',
    '<BODY BGCOLOR=#ffffff TEXT="#000000" onload=go()>\n',
    "<body>\n<a name=top></a>\n",
)
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
    return f"{before}{stop}{say_once(roll, (COMMENTS,))}{after}"


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

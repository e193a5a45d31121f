"""Puts a page's parts together as HTML in one of several ways, from clean articles to tables, and breaks the markup.

What is the page's own text and what is not is for the corpus to find out.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass


@dataclass
class Parts:
    """A page cut up for a layout to put together; all of it is HTML by now."""

    title: str
    paragraphs: list[str]
    menu: str
    advert: str
    related: str
    footer: str


def _article(page: Parts) -> str:
    text = "\n".join(f"<p>{paragraph}</p>" for paragraph in page.paragraphs)
    return (
        f"<header><nav><ul>{page.menu}</ul></nav></header>\n<main>\n<article>\n<h1>{page.title}"
        f"</h1>\n{text}\n</article>\n"
        f'<aside class="ad">{page.advert}</aside>\n<aside><h2>Related</h2><ul>{page.related}</ul></aside></main>\n'
        f"<footer><p>{page.footer}</p></footer>\n"
    )


def _main(page: Parts) -> str:
    half = len(page.paragraphs) // 2
    before = "\n".join(f'<p class="text">{paragraph}</p>' for paragraph in page.paragraphs[:half])
    after = "\n".join(f'<p class="text">{paragraph}</p>' for paragraph in page.paragraphs[half:])
    return (
        f'<div id="page"><div class="topbar"><ul class="nav">{page.menu}</ul></div>\n<div role="main" id="content">'
        f'<h1 class="title">{page.title}</h1>\n{before}\n<div class="advert banner">{page.advert}'
        f"</div>\n{after}\n</div>\n"
        f'<div class="sidebar"><h3>More</h3><ul>{page.related}</ul></div>\n<div id="footer">{page.footer}</div></div>\n'
    )


def _soup(page: Parts) -> str:
    text = "\n".join(f"<div class=para>{paragraph}</div>" for paragraph in page.paragraphs)
    return (
        f'<div class="outer"><div class="inner"><div class="menu">{page.menu}</div><div class="ad-box">'
        f"<div>{page.advert}</div>"
        f'</div><div class="col"><div class="box"><div class="headline">{page.title}</div>\n{text}</div></div>'
        f'<div class="col right"><div class="links">{page.related}</div></div>'
        f'<div class="bottom">{page.footer}</div></div></div>\n'
    )


def _table(page: Parts) -> str:
    text = "\n<P>".join(page.paragraphs)
    return (
        f"<TABLE WIDTH=100% BORDER=0><TR><TD COLSPAN=2 BGCOLOR=#003366>{page.menu}</TD></TR>\n<TR>"
        "<TD WIDTH=150 VALIGN=top>"
        f'<FONT SIZE=1>{page.related}</FONT></TD>\n<TD VALIGN=top><FONT SIZE="5"><B>{page.title}</B></FONT>\n'
        f"<P>{text}\n</TD></TR>\n"
        f"<TR><TD COLSPAN=2 ALIGN=center><FONT SIZE=1>{page.advert}<BR>{page.footer}</FONT></TD></TR></TABLE>\n"
    )


def _blog(page: Parts) -> str:
    text = "\n".join(f"<p>{paragraph}" for paragraph in page.paragraphs)
    return (
        f'<div id="wrapper">\n<ul id="navigation">{page.menu}</ul>\n<div id="sidebar" class="widget-area">'
        '<div class="widget">'
        f"{page.advert}</div><ul>{page.related}</ul></div>\n"
        f'<div class="post hentry"><h2 class="post-title"><a href="#">{page.title}</a></h2>\n'
        f'<div class="entry-content">\n{text}\n'
        '</div></div>\n<div class="comments"><h3>Comments</h3><p>No comments yet.</p></div>'
        f'<div class="footer">{page.footer}</div></div>\n'
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
        f'<div class="navbar"><ul>{page.menu}</ul></div><div class="breadcrumbs"><a href="/">Home'
        '</a> &raquo; <a href="/f">Forum</a></div>'
        f'\n<div class="thread"><h1>{page.title}</h1>\n{text}\n</div>\n<div class="promo">{page.advert}</div>'
        f'<div class="related"><ul>{page.related}</ul></div><div class="page-footer">{page.footer}</div>\n'
    )


QUOTED = re.compile(r'="([\w-]+)"')
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
    lambda text: QUOTED.sub(r"=\1", text),
    lambda text: text.replace("</div>", "</div >").replace("<div ", "<DIV "),
)

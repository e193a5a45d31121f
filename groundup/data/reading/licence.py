"""What may be done with a file: the licence it names itself, or that of the nearest LICENSE file above it.

Licences are told by phrases that only they have; names are those of the SPDX list (spdx.org/licenses).
"""

import re
from dataclasses import replace

from groundup.data.reading.found import Around, Found

HEAD = 4 << 10  # bytes of a file in which its own licence is looked for
TEXT = 64 << 10  # bytes of a LICENSE file that are looked at
NAMES = re.compile(r"(?:un)?licen[cs]e|copying|copyright(?:\.|$)|mit-license|license-mit|license-apache", re.I)
NO_CODE = (".txt", ".md", ".rst", ".html", ".mit", ".apache", ".bsd", ".lesser", ".gpl", ".apache-2", "")
SPDX = re.compile(rb"SPDX-License-Identifier:\s*([A-Za-z0-9.+()-]+(?: (?:AND|OR|WITH) [A-Za-z0-9.+()-]+)*)")
VERSION = r"version (\d(?:\.\d)?)"

# SPDX name -> all of the phrases that its text must have, in order of preference: the first whose phrases are all there.
GIVEN_AWAY = "permission is hereby granted, free of charge, to any person obtaining a copy"
BSD = "redistribution and use in source and binary forms"
PHRASES: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("PSF-2.0", ("python software foundation license version 2",)),
    ("AGPL-3.0", ("gnu affero general public license", "version 3")),
    ("LGPL-3.0", ("gnu lesser general public license", "version 3")),
    ("LGPL-2.1", ("gnu lesser general public license", "version 2.1")),
    ("LGPL-2.0", ("gnu library general public license", "version 2")),
    ("GPL-3.0", ("gnu general public license", "version 3")),
    ("GPL-2.0", ("gnu general public license", "version 2")),
    ("Apache-2.0", ("apache license", "version 2.0")),
    ("MPL-2.0", ("mozilla public license", "2.0")),
    ("EPL-2.0", ("eclipse public license", "2.0")),
    ("EPL-1.0", ("eclipse public license", "1.0")),
    ("BSL-1.0", ("boost software license", "version 1.0")),
    ("Unlicense", ("this is free and unencumbered software released into the public domain",)),
    ("CC0-1.0", ("cc0 1.0 universal",)),
    ("CC0-1.0", ("creative commons", "cc0 1.0")),
    ("WTFPL", ("do what the fuck you want to public license",)),
    ("Zlib", ("this software is provided 'as-is', without any express or implied warranty", "altered source versions")),
    ("MIT-0", ("mit no attribution", GIVEN_AWAY)),
    ("MIT", (GIVEN_AWAY, "the above copyright notice and this permission notice shall be included")),
    ("BSD-4-Clause", (BSD, "all advertising materials mentioning features")),
    ("BSD-3-Clause", (BSD, "neither the name")),
    ("BSD-3-Clause", (BSD, "may not be used to endorse or promote products")),
    ("BSD-2-Clause", (BSD, "redistributions in binary form must reproduce")),
    ("0BSD", ("permission to use, copy, modify, and/or distribute this software for any purpose with or without fee is "
              "hereby granted. the software is provided",)),
    ("ISC", ("permission to use, copy, modify, and/or distribute this software for any purpose with or without fee", "copyright notice")),
    ("ISC", ("permission to use, copy, modify, and distribute this software for any purpose with or without fee", "copyright notice")),
    ("MIT", ("mit license",)),
)  # fmt: skip
CREATIVE = re.compile(
    r"(?:creative commons )?attribution(-noncommercial|-non-commercial)?(-sharealike|-share-alike|-noderivatives|-noderivs)?"
    r"(?:-| )(\d\.\d)|creativecommons\.org/licenses/(by(?:-nc)?(?:-sa|-nd)?)/(\d\.\d)"
    r"|\bcc[- ](by(?:-nc)?(?:-sa|-nd)?)[- ](\d\.\d)\b"
)


def licence_of(text: str) -> str:
    """The SPDX name of a licence's text, or nothing where its phrases are none of ours."""
    words = " ".join(re.sub(r"[*#>=_`\"“”]|//", " ", text.lower()).split())
    declared = SPDX.search(text.encode("utf-8", "replace")[:HEAD])
    if declared:
        return declared[1].decode("ascii")
    title = words[:600]  # the others are named somewhere inside texts of their own kin
    for part in (title, words):
        for name, phrases in PHRASES:
            if all(phrase in part for phrase in phrases):
                return name
        if found := CREATIVE.search(part):
            return _creative(found)
    return ""


def _creative(found: re.Match[str]) -> str:
    if written := found[4] or found[6]:
        return f"CC-{written.upper()}-{found[5] or found[7]}"
    with_what = {"-sharealike": "-SA", "-share-alike": "-SA", "-noderivatives": "-ND", "-noderivs": "-ND"}
    return "CC-BY" + ("-NC" if found[1] else "") + with_what.get(found[2] or "", "") + f"-{found[3]}"


def said_inside(body: bytes) -> str:
    """The licence that a file's first lines name by their SPDX identifier."""
    found = SPDX.search(body[:HEAD])
    return found[1].decode("ascii") if found else ""


def is_licence(path: str) -> bool:
    """Whether a file's name says that it holds a licence."""
    name = path.rpartition("/")[2]
    stem, dot, suffix = name.rpartition(".")
    return bool(NAMES.match(name)) and ((dot + suffix).lower() in NO_CODE or not stem)


def licensed(found: Found) -> Found:
    """The file with the licence of the nearest LICENSE file in its folder or above."""
    license = nearest(found.path.rpartition("/")[0], found.around, found.licenses)
    return replace(found, license=license) if license else found


def nearest(folder: str, around: Around, known: dict[str, str]) -> str:
    """The licence of a folder: its own, or that of the folder above it."""
    if folder not in known:
        here = {licence_of(_read(around, name)) for name in sorted(around.names(folder)) if is_licence(name)} - {""}
        above = nearest(folder.rpartition("/")[0], around, known) if folder else ""
        known[folder] = " OR ".join(sorted(here)) or above
    return known[folder]


def _read(around: Around, name: str) -> str:
    return (around.read(name, TEXT) or b"").decode("utf-8", "replace")

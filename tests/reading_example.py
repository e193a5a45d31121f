"""What the tests of reading share: one way to read a path, and small files of every format."""

import io
import json
import os
import tarfile
import zipfile
from pathlib import Path

from groundup.data.reading.fields import Fields, Manner
from groundup.data.reading.files import Reader

FORMATS = Path(os.environ.get("SHARED", Path(__file__).parents[2] / "shared")) / "data" / "formats"
CONTAINER = '<container><rootfiles><rootfile full-path="O/p.opf"/></rootfiles></container>'
PACKAGE = """<?xml version="1.0"?><package xmlns="http://www.idpf.org/2007/opf" xmlns:dc="http://purl.org/dc/elements/1.1/">
<metadata><dc:rights>CC BY 4.0</dc:rights></metadata><manifest>
<item id="n" href="nav.xhtml" media-type="application/xhtml+xml" properties="nav"/>
<item id="b" href="two%20.xhtml" media-type="application/xhtml+xml"/>
<item id="a" href="one.xhtml" media-type="application/xhtml+xml"/></manifest>
<spine><itemref idref="n"/><itemref idref="a"/><itemref idref="b"/></spine></package>"""
WIKI = """<mediawiki xmlns="http://www.mediawiki.org/xml/export-0.10/"><siteinfo><base>https://en.example.org/wiki/Main_Page</base></siteinfo>
<page><title>Bread</title><ns>0</ns><revision><text>Old.</text></revision><revision><text>'''Bread''' is [[food|eaten]].</text></revision></page>
<page><title>Loaf</title><ns>0</ns><redirect title="Bread"/><revision><text>#REDIRECT [[Bread]]</text></revision></page>
<page><title>Talk:Bread</title><ns>1</ns><revision><text>Is it?</text></revision></page></mediawiki>"""
POSTS = """<?xml version="1.0" encoding="utf-8"?>
<posts>
  <row Id="1" PostTypeId="1" Score="3" AnswerCount="2" Title="Why &lt;b&gt;?" Tags="&lt;bread&gt;&lt;butter&gt;" Body="&lt;p&gt;Why?&lt;/p&gt;" ContentLicense="CC BY-SA 4.0" />
  <row Id="2" PostTypeId="2" ParentId="1" Score="1" Body="&lt;p&gt;Because.&lt;/p&gt;" ContentLicense="CC BY-SA 3.0" />
  <row Id="3" PostTypeId="5" Body="wiki" />
  <row Id="4" PostTypeId="1" Score="0" AnswerCount="1" Title="How?" Tags="|bread|" Body="&lt;p&gt;How?&lt;/p&gt;" />
  <row Id="5" PostTypeId="2" ParentId="1" Score="9" Body="&lt;p&gt;Best.&lt;/p&gt;" ContentLicense="CC BY-SA 4.0" />
  <row Id="6" PostTypeId="2" ParentId="99" Score="9" Body="&lt;p&gt;Of nothing.&lt;/p&gt;" />
</posts>
"""


def reader(path, fields=None, **manner):
    return Reader([str(path)], Fields(**fields) if fields else None, Manner(**manner))


def read(path, fields=None, **manner):
    return list(reader(path, fields, **manner))


def texts(records):
    return [record.body.decode() for record in records if not record.problem]


def problems(records):
    return [record.problem for record in records if record.problem]


def zipped(members):
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, body in members.items():
            archive.writestr(name, body)
    return made.getvalue()


def tarred(members, format=tarfile.PAX_FORMAT):
    """Name -> bytes, or a TarInfo that says what else it is."""
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w", format=format) as archive:
        for name, body in members.items():
            info = body if isinstance(body, tarfile.TarInfo) else tarfile.TarInfo(name)
            if isinstance(body, bytes):
                info.size = len(body)
            archive.addfile(info, io.BytesIO(body) if isinstance(body, bytes) else None)
    return made.getvalue()


def epub(**pages):
    chapters = {"one": "<html><body><p>First.</p></body></html>", "two ": "<html><body><p>Second.</p></body></html>"}
    chapters |= {"nav": "<html><body>Contents</body></html>", **pages}
    files = {"mimetype": "application/epub+zip", "META-INF/container.xml": CONTAINER, "O/p.opf": PACKAGE}
    return zipped(files | {f"O/{name}.xhtml": page for name, page in chapters.items()})


def lines(*rows):
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


def one_page_pdf(*placed):
    """A PDF of one page of US letter with lines of Helvetica at (x, y)."""
    shown = "\n".join(f"BT /F 10 Tf {x} {y} Td ({text}) Tj ET" for x, y, text in placed).encode("latin-1")
    objects = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Contents 4 0 R/Resources<</Font<</F 5 0 R>>>>>>",
        b"<</Length %d>>stream\n%s\nendstream" % (len(shown), shown),
        b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
    ]
    made, places = b"%PDF-1.4\n", []
    for number, body in enumerate(objects, 1):
        places.append(len(made))
        made += b"%d 0 obj%s endobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    return made + b"xref\n0 6\n0000000000 65535 f \n%strailer<</Size 6/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF" % (
        table,
        len(made),
    )

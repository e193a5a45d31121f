"""Writes pages as a web archive (WARC/1.1): one `response` record a page, with the whole HTTP answer inside.

Dates and record names follow from the page's number, so that the same pages give the same bytes.
"""

from datetime import datetime, timedelta
from hashlib import md5

CRAWL_BEGAN = datetime(2024, 3, 1, 6, 0, 0)  # invented, as everything here: universal time
DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
RECORD = (
    "WARC/1.1\r\nWARC-Type: response\r\nWARC-Record-ID: <urn:uuid:{name}>\r\nWARC-Date: {date}\r\n"
    "WARC-Target-URI: {url}\r\nContent-Type: application/http; msgtype=response\r\nContent-Length: {length}\r\n\r\n"
)
ANSWER = (
    "HTTP/1.1 200 OK\r\nServer: PageMill/2.1\r\nDate: {date}\r\nContent-Type: {content_type}\r\n"
    "Content-Length: {length}\r\nConnection: close\r\n\r\n"
)


def record(number: int, url: str, content_type: str, body: bytes) -> bytes:
    """One page as a record, ready to be appended to an archive."""
    fetched = CRAWL_BEGAN + timedelta(seconds=number)
    day = DAYS[fetched.weekday()]
    month = MONTHS[fetched.month - 1]
    moment = fetched.isoformat()
    date = f"{day}, {moment[8:10]} {month} {moment[:4]} {moment[11:]} GMT"
    answer = ANSWER.format(date=date, content_type=content_type, length=len(body)).encode() + body
    mark = md5(url.encode(), usedforsecurity=False).hexdigest()
    name = f"{mark[:8]}-{mark[8:12]}-3{mark[13:16]}-8{mark[17:20]}-{mark[20:]}"
    head = RECORD.format(name=name, date=f"{moment}Z", url=url, length=len(answer))
    return head.encode() + answer + b"\r\n\r\n"

"""The bytes of invented pages may not drift unnoticed: who changes them raises the stage's VERSION and writes both here."""

from hashlib import sha256

from groundup.stages import invent
from groundup.town.internet import Internet, Plan

VERSION, DIGEST = 5, "b12948408736ded1"


def test_pages_change_only_together_with_the_version():
    shares = invent.Shares.model_validate({}).model_dump()
    net = Internet(Plan(1, 40, 24, shares, private=0.2, lookalikes=0.2, leaks=("What is asked? This.",)))
    found = sha256()
    for number in range(300):
        record, told = net.page(number)
        found.update(record + repr(told).encode())
    assert (invent.VERSION, found.hexdigest()[:16]) == (VERSION, DIGEST)

"""An invented firm, and short ways to map one record of a tool for it."""

import re
from functools import cache
from zoneinfo import ZoneInfo

from detector.mapping import library
from detector.mapping.firm import Firm, Known
from detector.mapping.outcome import Command, Dropped, Gap
from detector.mapping.run import map_value

FIRM = Firm(
    zone=ZoneInfo("Europe/Vienna"),
    own_domains=frozenset({"sued-werk.example"}),
    own_numbers=frozenset({"+4315550100"}),
    country_code="43",
    trunk_prefix="0",
    own_extension=re.compile(r"[0-9]{3}"),
    words={"inbound_contexts": frozenset({"from-pstn"}), "debezium_table": frozenset({"auftrag"})},
    clients={
        "anna@west-laden.example": Known("K-1", "A-1"),
        "+4315550199": Known("K-2", None),
        "boss@ost-laden.example": Known("72", None),
    },
)


@cache
def preset(name, firm=FIRM):
    """Return a preset for a firm."""
    return library.load(name, firm)


def result(name, value, firm=None):
    """Return what becomes of a record."""
    mapper = preset(name).mapper if firm is None else library.load(name, firm).mapper
    return map_value(mapper, value)


def events(name, value, firm=None):
    """Return the interactions of a record that is not dropped."""
    found = result(name, value, firm)
    assert isinstance(found, list), found
    return found


def event(name, value, firm=None):
    """Return the only interaction of a record."""
    (one,) = events(name, value, firm)
    return one


def reason(name, value, firm=None):
    """Return why a record is dropped."""
    found = result(name, value, firm)
    assert isinstance(found, Dropped), found
    return found.reason


def command(name, value, firm=None):
    """Return the command that a record means."""
    found = result(name, value, firm)
    assert isinstance(found, Command), found
    return found.fields


def gap(name, value):
    """Return the gap that a record tells of."""
    found = result(name, value)
    assert isinstance(found, Gap), found
    return found.fields

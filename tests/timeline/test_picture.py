"""The picture of a client's history: what it shows, and that it is the same on every run."""

import re
from xml.etree import ElementTree as ET

import pytest

from detector.core.clock import DAY_S
from detector.timeline.history import History, Incident, Silence
from detector.timeline.picture import picture_of
from tests.svg import path_of, texts_of

BEGIN_S = 1_735_689_600.0  # 2025-01-01


def silence(begin_day, end_day, *, known=True):
    """Make a silence between two days, expected to end within three to nine days, with a deadline of twenty."""
    begin_s = BEGIN_S + begin_day * DAY_S
    days = (3, 9, 20) if known else (None, None, None)
    return Silence(begin_s, BEGIN_S + end_day * DAY_S, *(day and begin_s + day * DAY_S for day in days))


def day_s(day):
    """Return the time of a day."""
    return BEGIN_S + day * DAY_S


WEEKLY = [silence(day, day + 7, known=day > 20) for day in range(0, 70, 7)]
GONE = History("C-1", [*WEEKLY, silence(70, 170)], [Incident(day_s(90), day_s(120))], day_s(170))


def words(history):
    """Return all texts of a picture."""
    return texts_of(ET.fromstring(picture_of(history)))


def test_the_alert_and_its_escalation_are_named_with_their_days():
    """Each mark says what it is, when it came, and after how many days."""
    assert {"alert 2025-04-01", "after 20 days", "escalated 2025-05-01", "after 50 days"} <= set(words(GONE))
    assert "Days since C-1 was last heard: 100 on 2025-06-20" in words(GONE)
    assert not [word for word in words(GONE) if word.startswith("back")]


def test_a_client_that_came_back_is_marked():
    """The return is marked at the end of its silence."""
    back = History(
        "C-1", [*WEEKLY, silence(70, 100), silence(100, 104)], [Incident(day_s(90), None, day_s(100))], day_s(104)
    )
    assert {"back 2025-04-11", "after 30 days"} <= set(words(back))
    root = ET.fromstring(picture_of(back))
    assert root.find(".//*[@id='escalated']") is None
    assert root.find(".//*[@id='back']") is not None


def test_contacts_are_ticks():
    """There is one tick for each contact."""
    root = ET.fromstring(picture_of(GONE))
    ticks = root.find(".//*[@id='contacts']")
    assert len(list(ticks.iter("{http://www.w3.org/2000/svg}path"))) == len(GONE.silences)


def test_the_silence_of_a_client_that_has_gone_does_not_flatten_the_rest():
    """A long last silence leaves the picture at the top: the deadline stays in the middle third of the height."""
    long = History("C-1", [*WEEKLY, silence(70, 3000)], [Incident(day_s(90), day_s(120))], day_s(3000))
    heights = [min(y for _, y in path_of(ET.fromstring(picture_of(one)), "deadline")) for one in (GONE, long)]
    assert heights[0] == pytest.approx(heights[1], abs=2)


def test_a_client_of_few_contacts_can_be_drawn():
    """Before the third gap there is nothing to expect, and the picture has neither band nor deadline."""
    new = History("C-1", [silence(0, 5, known=False)], [], day_s(5))
    root = ET.fromstring(picture_of(new))
    assert root.find(".//*[@id='silence']") is not None
    assert root.find(".//*[@id='deadline']") is None
    one_event = History("C-1", [silence(0, 0, known=False)], [], day_s(0))
    assert ET.fromstring(picture_of(one_event)) is not None


@pytest.mark.parametrize("name", ["$x^2$", "<b>&amp;", "客户-1", "a\"b'c\\d"])
def test_any_id_can_be_drawn(name):
    """Ids are shown as they are, without a meaning to Matplotlib or to XML, and without a warning."""
    shown = History(name, GONE.silences, GONE.incidents, GONE.end_s)
    assert f"Days since {name} was last heard: 100 on 2025-06-20" in words(shown)


def test_the_same_history_gives_the_same_bytes():
    """Nothing in the picture depends on the moment or the process."""
    assert picture_of(GONE) == picture_of(GONE)
    assert not re.search(r"<dc:date>", picture_of(GONE))


def test_the_picture_brings_its_background():
    """Readers who prefer dark pages get a dark background, and a lighter colour for every word and line."""
    svg = picture_of(GONE)
    assert '<rect id="paper" width="100%" height="100%"' in svg
    dark = svg.partition("prefers-color-scheme:dark")[2].partition("</style>")[0]
    for color in set(re.findall(r'style="[^"]*fill: (#[0-9a-f]{6})', svg)) - {"#56b4e9"}:
        assert f"fill: {color}" in dark, color

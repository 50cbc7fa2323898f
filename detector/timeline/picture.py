"""The picture of one client's history, as SVG.

The line is the silence: it grows from day to day and falls to nothing when the client is heard. The band is where it
was expected to end, the dashed line is the deadline, and where the silence crosses it an alert was opened.

Colours are those of Okabe and Ito, which people with any colour vision tell apart; each mark has a shape and a word of
its own, too. The picture brings its own background, dark for readers who prefer that.
"""

import warnings
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final
from xml.sax.saxutils import escape

from matplotlib.axes import Axes

from detector.backtest.plots import date_axis, drawing
from detector.core.clock import DAY_S
from detector.timeline.history import History, Incident, Silence

_INK, _MUTED, _BLUE, _SKY, _RED, _GREEN = "#1f2933", "#6b7785", "#0072b2", "#56b4e9", "#d55e00", "#009e73"
_PAPER: Final = "#ffffff"
_DARK: Final = {
    _PAPER: "#0d1117",
    _INK: "#e6edf3",
    _MUTED: "#9aa7b4",
    _BLUE: "#58b5f0",
    _RED: "#ff8a3d",
    _GREEN: "#3ddc9f",
}
"""What a reader who prefers dark pages sees instead."""
_STYLE: Final[dict[str, Any]] = {
    # Matplotlib measures texts by the first, which it brings along: the same layout on every machine.
    "font.sans-serif": ["DejaVu Sans", "Verdana", "Helvetica", "Arial"],
    "font.size": 9,
    "figure.constrained_layout.w_pad": 0.14,
    "figure.constrained_layout.h_pad": 0.1,
    "text.parse_math": False,  # an id may hold dollar signs
}
_WIDTH, _HEIGHT = 9.0, 3.6
_TICKS, _HEADROOM = -0.09, 1.22  # the row of contacts and the room for words, as shares of the height
_EDGE = 0.2  # share of the time axis on which there is no room for words beside a mark
_SPAN_DAYS_MIN = 30.0


def picture_of(history: History) -> str:
    """Draw a client's history.

    Parameters
    ----------
    history
        Of the client; it has at least one contact.
    """
    top = _top_days(history)
    with warnings.catch_warnings(), drawing(_WIDTH, _HEIGHT, style=_STYLE) as ((axis,), svg):
        warnings.filterwarnings("ignore", "Glyph")  # of an id; the reader's font has it
        _silences(axis, history.silences)
        _expected(axis, history.silences)
        for incident in history.incidents:
            _incident(axis, history, incident)
        _contacts(axis, history.silences, top)
        _frame(axis, history, top)
    return _with_background(svg[0], _title(history))


def _silences(axis: Axes, silences: Sequence[Silence]) -> None:
    """Draw the silence as it grows, contact after contact."""
    at, days = [], []
    for silence in silences:
        at += [_days(silence.begin_s), _days(silence.end_s)]
        days += [0.0, _days(silence.end_s - silence.begin_s)]
    axis.plot(at, days, color=_BLUE, linewidth=1.3, zorder=3, gid="silence", label="silence")


def _expected(axis: Axes, silences: Sequence[Silence]) -> None:
    """Draw, over each silence, the days within which it was expected to end, and the deadline."""
    at: list[float] = []
    median: list[float] = []
    p90: list[float] = []
    deadline: list[float] = []
    for silence in silences:
        if silence.median_s and silence.p90_s and silence.deadline_s:
            at += [_days(silence.begin_s), _days(silence.end_s)]
            median += [_days(silence.median_s - silence.begin_s)] * 2
            p90 += [_days(silence.p90_s - silence.begin_s)] * 2
            deadline += [_days(silence.deadline_s - silence.begin_s)] * 2
    if at:
        axis.fill_between(
            at, median, p90, color=_SKY, alpha=0.28, linewidth=0, zorder=1,
            gid="expected", label="expected to end (half to nine in ten)",
        )  # fmt: skip
        axis.plot(
            at, deadline, color=_MUTED, linewidth=1.2, linestyle=(0, (4, 2)), zorder=2,
            gid="deadline", label="deadline",
        )  # fmt: skip


def _incident(axis: Axes, history: History, incident: Incident) -> None:
    """Mark an alert where it was opened, where it got worse, and where the client was heard again."""
    begin_s = _begin_s(history, incident)
    for word, at_s, marker, color in (
        ("alert", incident.opened_s, "v", _RED),
        ("escalated", incident.escalated_s, "D", _RED),
        ("back", incident.resolved_s, "o", _GREEN),
    ):
        if at_s is not None:
            at, days = _days(at_s), _days(at_s - begin_s)
            axis.scatter([at], [days], marker=marker, s=44, color=color, zorder=5, gid=word)
            share = 1 - (_days(history.end_s) - at) / _span_days(history)
            right = share < _EDGE or (word == "back" and share < 1 - _EDGE)  # of the mark, where there is room
            axis.annotate(
                f"{word} {_date(at_s)}\nafter {days:.0f} days",
                (at, days),
                (9 if right else -9, 4),
                textcoords="offset points",
                ha="left" if right else "right",
                va="bottom",
                color=color,
                fontweight="bold",
                bbox={"facecolor": _PAPER, "edgecolor": "none", "alpha": 0.7, "pad": 1},
            )


def _contacts(axis: Axes, silences: Sequence[Silence], top: float) -> None:
    """Draw a tick for each contact, below the silences."""
    at, level = [_days(silence.begin_s) for silence in silences], _TICKS * top
    axis.eventplot(at, lineoffsets=level, linelengths=0.09 * top, linewidths=1.2, colors=_INK, zorder=3, gid="contacts")
    axis.annotate(
        "contacts", (0, level), (-6, 0), ("axes fraction", "data"), "offset points",
        ha="right", va="center", color=_INK,
    )  # fmt: skip


def _frame(axis: Axes, history: History, top: float) -> None:
    first, margin = _days(history.silences[0].begin_s), 0.02 * _span_days(history)
    axis.set_xlim(first - margin, _days(history.end_s) + margin)
    axis.set_ylim(2 * _TICKS * top, _HEADROOM * top)
    axis.set_yticks([tick for tick in axis.get_yticks() if 0 <= tick <= top])
    axis.set_title(_title(history), color=_INK, pad=24)
    axis.legend(loc="lower left", bbox_to_anchor=(-0.005, 1.0), ncols=3, borderpad=0.1, fontsize=9, labelcolor=_MUTED)
    date_axis(axis)


def _title(history: History) -> str:
    silent = _days(history.end_s - history.silences[-1].begin_s)
    return f"Days since {history.client_id} was last heard: {silent:.0f} on {_date(history.end_s)}"


def _top_days(history: History) -> float:
    """Return how high the picture has to be; the last silence of a client that has gone may leave it at the top."""
    *ended, last = history.silences
    days = [_days(silence.end_s - silence.begin_s) for silence in ended]
    days += [_days(silence.deadline_s - silence.begin_s) for silence in history.silences if silence.deadline_s]
    for incident in history.incidents:
        days.append(_days((incident.escalated_s or incident.opened_s) - _begin_s(history, incident)))
    if not history.incidents:
        days.append(_days(last.end_s - last.begin_s))
    return max([*days, 1.0])


def _begin_s(history: History, incident: Incident) -> float:
    """Return when the silence of an incident began."""
    return max(silence.begin_s for silence in history.silences if silence.begin_s <= incident.opened_s)


def _span_days(history: History) -> float:
    return max(_days(history.end_s - history.silences[0].begin_s), _SPAN_DAYS_MIN)


def _days(at_s: float) -> float:
    return at_s / DAY_S


def _date(at_s: float) -> str:
    return datetime.fromtimestamp(at_s, UTC).date().isoformat()


def _with_background(svg: str, title: str) -> str:
    """Put into a picture its title, a background, and the colours for readers who prefer dark ones."""
    dark = "".join(
        f'[style*="{kind}: {light}"]{{{kind}:{color}!important}}'
        for light, color in _DARK.items()
        for kind in ("fill", "stroke")
    )
    rules = f"#paper{{fill:{_PAPER}}}@media(prefers-color-scheme:dark){{#paper{{fill:{_DARK[_PAPER]}}}{dark}}}"
    paper = '<rect id="paper" width="100%" height="100%" rx="6"/>'
    head, defs, rest = svg.partition("<defs>")
    return f"{head}<title>{escape(title)}</title><style>{rules}</style>{paper}\n {defs}{rest}"

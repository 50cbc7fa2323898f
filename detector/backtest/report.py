"""The report of a backtest: one HTML page that needs nothing else, readable by those who would get the alerts."""

import base64
import math
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from jinja2 import Environment, PackageLoader, StrictUndefined

from detector.backtest.definitions import DEFINITIONS
from detector.backtest.gallery import Gallery, Timeline, gallery
from detector.backtest.incidents import Incident
from detector.backtest.notes import notes
from detector.backtest.plots import alerts_plot, calibration_plot, reliability_plot, rules_plot, survival_plot
from detector.backtest.run import Backtest, Judged
from detector.backtest.survival import TOLD_TIMES_MEAN
from detector.backtest.timeline import timeline_plot
from detector.core.clock import DAY_S, rfc3339

SEGMENTS_MAX = 4
"""Segments whose tables are drawn: those with the most gaps."""

_WHOLE_FROM = 0.1


class Card(NamedTuple):
    """A client of the gallery in words, and its picture."""

    name: str
    said: str
    picture: str


def page(result: Backtest, files: Sequence[str], budget: float) -> str:
    """Write the page.

    Parameters
    ----------
    result
        What it shows.
    files
        Names of the log's files.
    budget
        The installation's own: of the budgets that were tried, the nearest one is shown in full.
    """
    environment = Environment(
        loader=PackageLoader("detector.backtest"),
        autoescape=True,  # names come from the log
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"number": _number, "share": _share, "day": _day}
    shown = min(result.judged, key=lambda one: abs(math.log(one.budget / budget)))
    watched = bool(result.silences.watched.any())
    return environment.get_template("report.html.j2").render(
        result=result,
        log=result.log,
        files=[Path(file).name for file in files],
        contacts=len(result.silences.client),
        shown=shown,
        watched=watched,
        pictures=_pictures(result, shown) if watched else {},
        told_times_mean=TOLD_TIMES_MEAN,
        tables=result.survival[:SEGMENTS_MAX],
        more_tables=len(result.survival[SEGMENTS_MAX:]),
        others=sorted({name for one in result.judged for name in one.others}),
        notes=notes(result),
        definitions=DEFINITIONS,
        **_cards(gallery(result, shown), result),
    )


def _pictures(result: Backtest, shown: Judged) -> dict[str, str]:
    spans = result.silences.log_end_s > result.silences.log_start_s
    return {
        "calibration": _inline(calibration_plot(result.judged)),
        "rules": _inline(rules_plot(result.judged)),
        "reliability": _inline(reliability_plot(shown.reliability)) if shown.reliability[0].alerts else "",
        "alerts": _inline(alerts_plot(result.silences, shown)) if spans else "",
        "survival": _inline(survival_plot(result.survival[:SEGMENTS_MAX])) if result.survival else "",
    }


def _cards(chosen: Gallery, result: Backtest) -> dict[str, list[Card]]:
    end_s = result.silences.log_end_s

    def card(timeline: Timeline, said: str) -> Card:
        return Card(timeline.client_id, said, _inline(timeline_plot(timeline, end_s)))

    return {
        "hits": [card(one, _said_of_hit(one, end_s)) for one in chosen.hits],
        "false_alarms": [card(one, _said_of_false_alarm(one)) for one in chosen.false_alarms],
    }


def _said_of_hit(timeline: Timeline, end_s: float) -> str:
    told = timeline.incident
    silent = (end_s - told.last_heard_s) / DAY_S
    ordered = f"Orders of {timeline.order_value:,.0f} in the log. " if timeline.order_value else ""
    return (
        f"{ordered}{_rhythm(told)} Last heard on {_day(told.last_heard_s)}; alerted on {_day(told.opened_s)}, "
        f"after {told.silent_days:.0f} days. Not heard again: {silent:.0f} days when the log ended."
    )


def _said_of_false_alarm(timeline: Timeline) -> str:
    told = timeline.incident
    back_after = ((told.resolved_s or told.opened_s) - told.opened_s) / DAY_S
    return (
        f"{_rhythm(told)} Alerted on {_day(told.opened_s)}, after {told.silent_days:.0f} days; in "
        f"the end the chance that it would not be heard was put at {told.probability_gone:.0%}. Back {back_after:.0f} "
        "days after the alert."
    )


def _rhythm(told: Incident) -> str:
    return f"A contact every {told.mean_gap_days:.0f} days ({told.gaps} gaps seen)."


def _inline(svg: str) -> str:
    """Return a picture as an address, so that the ids in one picture cannot meet those of another."""
    return f"data:image/svg+xml;base64,{base64.b64encode(svg.encode()).decode()}"


def _number(value: float | None, digits: int = 2) -> str:
    return "-" if value is None else f"{value:,.{digits}f}"


def _share(value: float | None) -> str:
    """A share in per cent: whole ones, and below ten two digits."""
    if value is None:
        return "-"
    return f"{value:.0%}" if value >= _WHOLE_FROM else f"{100 * value:.2g}%"


def _day(at_s: float) -> str:
    return "-" if math.isnan(at_s) else rfc3339(at_s)[:10]

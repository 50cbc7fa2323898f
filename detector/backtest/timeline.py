"""The small picture of one client in a report: its contacts, the windows in which it was expected, and its alerts."""

from matplotlib.axes import Axes

from detector.backtest.gallery import Timeline
from detector.backtest.incidents import Incident
from detector.backtest.plots import AMBER, BLUE, MUTED, RED, TEAL, date_axis, drawing
from detector.core.clock import DAY_S

_MARGIN = 0.03


def timeline_plot(timeline: Timeline, log_end_s: float) -> str:
    """Draw one client's row; the time axis begins with its first contact."""
    first, end = float(timeline.contacts_s.min()) / DAY_S, log_end_s / DAY_S
    margin = max((end - first) * _MARGIN, 1.0)
    with drawing(5.2, 1.35) as ((axis,), done):
        axis.eventplot(timeline.contacts_s / DAY_S, lineoffsets=0.0, linelengths=0.5, linewidths=1.1, colors=BLUE)
        for incident in timeline.incidents:
            _incident(axis, incident, end, chosen=incident is timeline.incident)
        axis.axvline(end, color=MUTED, linewidth=1, linestyle=(0, (1, 2)))
        axis.set_xlim(first - margin, end + margin)
        axis.set_ylim(-0.55, 0.75)
        axis.yaxis.set_visible(False)
        axis.spines["left"].set_visible(False)
        date_axis(axis)
        axis.tick_params(labelsize=8)
    return done[0]


def _incident(axis: Axes, incident: Incident, log_end: float, *, chosen: bool) -> None:
    """Shade the silence and the window in which nine in ten had been heard; mark the alert and the return."""
    opened, end = incident.opened_s / DAY_S, incident.resolved_s / DAY_S if incident.resolved_s else log_end
    axis.axvspan(
        incident.last_heard_s / DAY_S, incident.expected_s / DAY_S,
        ymin=0.12, ymax=0.72, color=TEAL, alpha=0.22, linewidth=0,
    )  # fmt: skip
    axis.plot([opened, end], [0, 0], color=RED, linewidth=2.2 if chosen else 1.2, alpha=1.0 if chosen else 0.5)
    size = 52 if chosen else 24
    axis.scatter(opened, 0.5, marker="v", s=size, color=RED, zorder=4)
    if incident.escalated_s:
        axis.scatter(incident.escalated_s / DAY_S, 0.5, marker="v", s=size, color=AMBER, zorder=3)
    if incident.resolved_s:
        axis.scatter(end, 0.0, marker="o", s=size * 0.6, facecolor="white", edgecolor=BLUE, zorder=5)

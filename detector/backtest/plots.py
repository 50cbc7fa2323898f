"""The pictures of a report, as SVG texts: drawn by Matplotlib, without a display or a global state."""

import io
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import MappingProxyType
from typing import Any, Final

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import NullFormatter, NullLocator

from detector.backtest.outlook import Reliability
from detector.backtest.run import Judged
from detector.backtest.score import Rate
from detector.backtest.silences import Silences
from detector.backtest.survival import MEAN_GAPS_DAYS, TIMES_MEAN, SurvivalTable
from detector.core.clock import DAY_S

INK, MUTED, GRID = "#1f2933", "#6b7785", "#e4e8ec"
BLUE, RED, AMBER, TEAL = "#2563a8", "#c2410c", "#d99a1c", "#2a8c82"
SERIES: Final = ("#7aa6d6", "#2563a8", "#12345c", "#2a8c82", "#d99a1c", "#8a5a9e")
_STYLE: Final[dict[Any, Any]] = {
    "svg.fonttype": "none",  # text stays text: small, and the reader's own font
    "svg.hashsalt": "ghosting",  # the same figures give the same bytes
    "font.family": "sans-serif",
    "font.sans-serif": ["Helvetica Neue", "Arial", "DejaVu Sans"],
    "font.size": 10,
    "text.color": INK,
    "axes.labelcolor": MUTED,
    "axes.edgecolor": MUTED,
    "axes.titlesize": 11,
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "legend.frameon": False,
}
_RATIO_MIN, _RATIO_MAX = 0.125, 8.0
_WEEK_S = 7 * DAY_S
_BARS_MAX = 160


@contextmanager
def drawing(
    width: float, height: float, columns: int = 1, *, style: Mapping[Any, Any] = MappingProxyType({})
) -> Iterator[tuple[list[Axes], list[str]]]:
    """Yield axes to draw on, and a list that holds the SVG text afterwards; `style` overrides that of the reports."""
    done: list[str] = []
    with mpl.rc_context({**_STYLE, **style}):
        figure = Figure(figsize=(width, height), layout="constrained")
        axes = figure.subplots(1, columns, squeeze=False)
        yield list(axes[0]), done
        out = io.StringIO()
        figure.savefig(out, format="svg", metadata={"Date": None, "Creator": None}, transparent=True)
    done.append(out.getvalue())


def date_axis(axis: Axes) -> None:
    """Write dates under the axis: its numbers are days since 1970, as Matplotlib counts them too."""
    axis.xaxis_date()
    locator = AutoDateLocator(minticks=3, maxticks=7)  # type: ignore[no-untyped-call]
    axis.xaxis.set_major_locator(locator)
    axis.xaxis.set_major_formatter(ConciseDateFormatter(locator))  # type: ignore[no-untyped-call]


def reliability_plot(horizons: Sequence[Reliability]) -> str:
    """Share of clients that were not heard again, by the chance that was said: a picture per horizon."""
    with drawing(10.5, 3.3, len(horizons)) as (axes, done):
        for axis, horizon in zip(axes, horizons, strict=True):
            axis.plot((0, 1), (0, 1), color=MUTED, linewidth=1)
            dots = [(bin_.said, bin_.true, bin_.alerts) for bin_ in horizon.bins if bin_.alerts]
            if dots:
                said, true, alerts = zip(*dots, strict=True)
                sizes = 12 + 400 * np.array(alerts) / horizon.alerts
                axis.scatter(said, true, s=sizes, color=BLUE, alpha=0.75, linewidths=0)
            axis.set(xlim=(0, 1), ylim=(0, 1), title=horizon.horizon, xlabel="said")
            axis.set_aspect("equal")
            axis.grid(color=GRID)
        axes[0].set_ylabel("came true")
    return done[0]


def calibration_plot(judged: Sequence[Judged]) -> str:
    """Realised over promised false alerts, per budget: a row per rhythm, history and third of the log."""
    parts = (
        ("by rhythm (own mean gap)", "by_rhythm"),
        ("by history", "by_history"),
        ("by thirds of the log", "by_third"),
    )
    with drawing(10.5, 2.9, len(parts)) as (axes, done):
        for axis, (title, name) in zip(axes, parts, strict=True):
            _ratio_axis(axis, title)
            groups: list[list[Rate]] = [getattr(one.calibration, name) for one in judged]
            labels = [rate.label for rate in groups[0]]
            axis.set_yticks(range(len(labels)), labels)
            axis.set_ylim(len(labels) - 0.5, -0.5)
            for number, rates in enumerate(groups):
                offset = (number - (len(groups) - 1) / 2) * 0.6 / len(groups)
                _ratios(axis, rates, offset, SERIES[number % len(SERIES)])
        figure = axes[0].get_figure(root=True)
        assert figure is not None  # they were made by one
        handles = [Line2D([], [], marker="o", linestyle="", color=SERIES[k % len(SERIES)]) for k in range(len(judged))]
        names = [f"budget {one.budget:g}" for one in judged]
        figure.legend(handles, names, loc="outside lower center", ncols=len(judged), fontsize=9)
    return done[0]


def _ratio_axis(axis: Axes, title: str) -> None:
    axis.set_title(title)
    axis.set_xscale("log")
    axis.set_xlim(_RATIO_MIN, _RATIO_MAX)
    axis.set_xticks([0.125, 0.25, 0.5, 1, 2, 4, 8], ["⅛", "¼", "½", "1", "2", "4", "8"])
    axis.xaxis.set_minor_locator(NullLocator())
    axis.axvspan(0.5, 2, color="#eef3f8", zorder=0)
    axis.axvline(1, color=MUTED, linewidth=1, zorder=1)
    axis.grid(axis="x", color=GRID, linewidth=0.6)
    axis.tick_params(axis="y", length=0)
    axis.spines["left"].set_visible(False)


def _ratios(axis: Axes, rates: Sequence[Rate], offset: float, color: str) -> None:
    """Draw a dot per rate; small where few false alerts were promised, as chance rules there."""
    told = [(k, rate) for k, rate in enumerate(rates) if rate.realised_over_nominal is not None]
    axis.scatter(
        [min(max(rate.realised_over_nominal or 0.0, _RATIO_MIN), _RATIO_MAX) for _, rate in told],
        [k + offset for k, _ in told],
        s=[60 if rate.nominal >= 10 else 14 for _, rate in told],  # noqa: PLR2004 - below ten, chance is a third and more
        color=color,
        zorder=3,
        clip_on=False,
    )


def rules_plot(judged: Sequence[Judged]) -> str:
    """Missed contacts of the detector and of the tuned baselines: a panel per budget."""
    with drawing(10.5, 2.3, len(judged)) as (axes, done):
        for axis, one in zip(axes, judged, strict=True):
            rules = [("this detector", one.score), *((base.name, base.score) for base in one.baselines if base.tuned)]
            values = [score.delay.missed_contacts_mean or 0.0 for _, score in rules]
            axis.barh(range(len(rules)), values, color=[BLUE, *["#b9c4cf"] * (len(rules) - 1)], height=0.62)
            axis.set_yticks(range(len(rules)), [name for name, _ in rules])
            axis.set_ylim(len(rules) - 0.4, -0.6)
            for k, value in enumerate(values):
                axis.annotate(f" {value:.2f}", (value, k), va="center", fontsize=9)
            axis.set_xlim(0, max(values) * 1.2 or 1)
            axis.set_title(f"budget {one.budget:g}")
            axis.set_xlabel("missed contacts")
            axis.tick_params(axis="y", length=0)
    return done[0]


def alerts_plot(silences: Silences, judged: Judged) -> str:
    """Alerts over time, by what became of the client."""
    at_s = judged.alarms.at_s(silences)
    span_s = silences.log_end_s - silences.log_start_s
    width_s = _WEEK_S * max(1, round(span_s / _WEEK_S / _BARS_MAX))
    edges_s = silences.log_start_s + width_s * np.arange(int(span_s // width_s) + 2)
    gone, _ = np.histogram(at_s[~judged.alarms.false], edges_s)
    back, _ = np.histogram(at_s[judged.alarms.false], edges_s)
    with drawing(10.5, 2.4) as ((axis,), done):
        days = width_s / DAY_S
        when = (edges_s[:-1] / DAY_S).tolist()
        bars: dict[str, Any] = {"width": days * 0.9, "align": "edge"}
        axis.bar(when, back, color="#c9d2db", label="came back: a false alert", **bars)
        axis.bar(when, gone, color=BLUE, label="not heard again in the log", bottom=back, **bars)
        date_axis(axis)
        axis.set_ylabel("alerts a week" if width_s == _WEEK_S else f"alerts in {days:.0f} days")
        axis.grid(axis="y", color=GRID, linewidth=0.6)
        axis.set_axisbelow(True)
        axis.legend(loc="upper left", fontsize=9)
    return done[0]


def survival_plot(tables: Sequence[SurvivalTable]) -> str:
    """P(gap > t) per segment, in own mean gaps, for clients of several rhythms."""
    with drawing(10.5, 2.8, max(len(tables), 2)) as (axes, done):
        for axis in axes[len(tables) :]:
            axis.set_visible(False)
        for axis, table in zip(axes, tables, strict=False):
            for number, mean in enumerate(MEAN_GAPS_DAYS):
                axis.plot(TIMES_MEAN, table.survival[mean], color=SERIES[number], label=f"mean gap {mean:.0f} days")
            axis.set_xscale("log")
            axis.set_yscale("log")
            axis.set_ylim(1e-3, 1.1)
            axis.set_xlim(TIMES_MEAN[0], TIMES_MEAN[-1])
            axis.set_xticks([0.5, 1, 2, 5, 10, 20], ["½", "1", "2", "5", "10", "20"])
            axis.set_yticks([1, 0.1, 0.01, 0.001], ["100%", "10%", "1%", "0.1%"])
            axis.xaxis.set_minor_formatter(NullFormatter())
            axis.yaxis.set_minor_locator(NullLocator())
            axis.grid(color=GRID, linewidth=0.6)
            axis.set_title(f"{table.segment}: {table.completed_gaps:,} gaps")
            axis.set_xlabel("silence, in own mean gaps")
        axes[0].set_ylabel("silences that last longer")
        axes[0].legend(fontsize=8, loc="lower left")
    return done[0]

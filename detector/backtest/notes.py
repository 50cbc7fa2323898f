"""What the figures of a log cannot say, and why: one line each."""

from collections.abc import Iterator

from detector.backtest.run import Backtest
from detector.core.clock import DAY_S, rfc3339
from detector.core.model.rhythm import GAPS_MIN

_YEAR_DAYS = 365
_SETTLED_GAPS = 1000
_SHIFTS_MAX = 3


def notes(result: Backtest) -> list[str]:
    """Return the lines that a reader of the figures needs to know; the most important first."""
    return [*_nothing_to_judge(result), *_read_badly(result), *_missing(result), *_moved(result), *_weak(result)]


def _nothing_to_judge(result: Backtest) -> Iterator[str]:
    log = result.log
    if not log.clients:
        yield "There is no event that could be read: nothing can be computed."
    elif not len(log.client):
        yield "There is no inbound interaction that a person sent, so there are no contacts: nothing can be computed."
    elif not result.silences.watched.any():
        yield (
            f"No client has {GAPS_MIN} gaps between contacts, so no alert is possible and no figure can be computed: "
            "bring a longer log."
        )
    if log.clients and log.start_s == log.end_s:
        yield "All events are of the same second: rates per week or year cannot be computed."


def _read_badly(result: Backtest) -> Iterator[str]:
    counts = result.log.counts
    refused = {reason: count for reason, count in sorted(counts.items()) if reason.startswith("rejected ")}
    if refused:
        reasons = ", ".join(f"{reason.removeprefix('rejected ')} {count:,}" for reason, count in refused.items())
        yield (
            f"{sum(refused.values()):,} of {counts['records']:,} records could not be read ({reasons}); "
            "`ghosting replay FILE --alerts OUT --rejected OUT` writes them with their reasons."
        )
    if result.late:
        yield (
            f"{result.late:,} events came after a newer one of their client. The detector learns nothing of them, but "
            "they count as contacts here, so some figures are worse than they would be live: sort the log by time."
        )


def _missing(result: Backtest) -> Iterator[str]:
    counts = result.log.counts
    if not result.log.clients:
        return
    if not counts["outbound"]:
        yield "There is no outbound event: unanswered contact and reply times cannot be judged."
    if not counts["amounts"]:
        yield (
            "There is no order with an amount: order value cannot be judged, and the clients shown are chosen by "
            "their number of contacts."
        )


def _moved(result: Backtest) -> Iterator[str]:
    for shift in result.shifts[:_SHIFTS_MAX]:
        yield (
            f"Contacts went from {shift.before:.3g} to {shift.now:.3g} a day, for all clients together, before "
            f"{rfc3339(shift.seen_s)[:10]}: a feed that breaks or a channel that is missing makes silences, too."
        )
    for judged in result.judged:
        for shift in judged.shifts[:_SHIFTS_MAX]:
            yield (
                f"With a budget of {judged.budget:g}, alerts of segment {shift.stream} went from {shift.before:.3g} to "
                f"{shift.now:.3g} a day before {rfc3339(shift.seen_s)[:10]}."
            )


def _weak(result: Backtest) -> Iterator[str]:
    log, silences = result.log, result.silences
    clients = len(log.clients)
    if clients == 1:
        yield "There is one client only: its segment's table rests on it alone."
    unwatched = clients - len(set(silences.client[silences.watched].tolist()))
    if 0 < unwatched < clients:
        yield f"{unwatched:,} of {clients:,} clients never had {GAPS_MIN} gaps: no alert is possible about them."
    days = (log.end_s - log.start_s) / DAY_S
    if 0 < days < _YEAR_DAYS:
        yield f"The log spans {days:.0f} days: what happens once a year, holidays for one, was not seen twice."
    ended = int((silences.watched & silences.returned).sum())
    if 0 < ended < _SETTLED_GAPS:
        yield f"Only {ended:,} watched silences ended: the rates of false alerts are rough."
    for judged in result.judged:
        if judged.held:
            yield (
                f"With a budget of {judged.budget:g}, {judged.held:,} alerts were held while a segment learned; they "
                "are not in the figures."
            )

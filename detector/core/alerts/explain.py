"""Words from numbers: why an alert was raised, in English, from the alert's own fields."""

from collections.abc import Mapping
from typing import Any, Final

from detector.core.signals import SUBJECTS

_SETTLED_GAPS: Final = 1000  # completed gaps of a segment from which on the promised rate of false alerts holds
_OF_100: Final = (0.005, 0.995)  # beyond, rounding would say none, or all
_SETTLED_LABELS: Final = 500  # outcomes from which on a chance is told without a band
_UNITS: Final[Mapping[str, str]] = {
    "days": "{:.1f} days",
    "amount": "{:,.2f}",
    "characters": "{:.0f} characters",
    "share": "{:.0%}",
    "score": "{:+.2f}",
}


def explanation(data: dict[str, Any]) -> str:
    """Return a few sentences that explain an alert's numbers."""
    if data["type"] == "declining_trend":
        told = [_decline(data)]
    elif data["signal"] == "reply_overdue":
        told = [_overdue(data), _rhythm(data)]
    elif data["transition"] == "resolved":
        told = [_back(data), _rhythm(data), _late_event(data)]
    else:
        told = [_silent(data), f"{_rhythm(data)[:-1]}; {_chances(data)}", _debts(data), _settling(data)]
    return " ".join(sentence for sentence in told if sentence)


def _decline(data: dict[str, Any]) -> str:
    trend, unit = data["trend"], _UNITS[data["trend"]["unit"]]
    currency = f" {trend['currency']}" if trend["currency"] else ""
    before, now = unit.format(trend["before"]) + currency, unit.format(trend["now"]) + currency
    if data["reason"] == "currency_changed":
        return f"Its orders come in another currency than{currency}: their value is judged anew (last at {now})."
    if data["transition"] == "resolved":
        return (
            f"{SUBJECTS[data['signal']]} is back in the range that its history explains, last at {now} "
            f"(before the decline: {before})."
        )
    ratio = trend["ratio_to_first_half_year"]
    first = f", {ratio:.0%} of its first six months" if ratio is not None else ""
    return (
        f"{SUBJECTS[data['signal']]} has changed for the worse since {trend['since'][:10]}: now {now}{first}, "
        f"before {before} ({trend['values_seen']} values seen). Single values say little; taken together they are "
        "further from its own history than chance explains."
    )


def _overdue(data: dict[str, Any]) -> str:
    if data["transition"] == "resolved":
        return f"The reply came after {data['actual_heard_within_days']:.1f} days."
    return (
        f"Our message of {data['unanswered_since'][:10]} has had no reply for "
        f"{data['actual_heard_within_days']:.1f} days; nine in ten replies of this client come by "
        f"{data['expected_next_at']['p90'][:10]}."
    )


def _back(data: dict[str, Any]) -> str:
    what = "orders again" if data["signal"] == "orders" else "is back"
    return f"The client {what} after {data['actual_heard_within_days']:.1f} days of silence."


def _late_event(data: dict[str, Any]) -> str:
    return "An event that arrived late shows that there was no silence." if data["reason"] == "late_event" else ""


def _silent(data: dict[str, Any]) -> str:
    days = f"{data['actual_heard_within_days']:.1f} days"
    if data["signal"] == "orders":
        heard = f"the last order was on {data['last_heard_at'][:10]}"
        active = f", though it was heard by {', '.join(data['channels_active'])}" if data["channels_active"] else ""
        opening = f"No order for {days}{active}; {heard}"
    else:
        channel = data["last_heard_channel"] or "an unnamed channel"
        opening = f"Silent for {days}, last heard on {data['last_heard_at'][:10]} by {channel}"
    if data["transition"] == "escalated":
        return (
            f"{opening}: {data['actual_heard_within_days'] / data['expected_heard_within_days']:.1f} times the "
            f"{data['expected_heard_within_days']:.1f} days after which the alert was raised."
        )
    return f"{opening}."


def _rhythm(data: dict[str, Any]) -> str:
    evidence = data["evidence"]
    acts = {"orders": "orders", "reply_overdue": "replies"}.get(data["signal"], "comes back")
    return (
        f"It usually {acts} after {evidence['mean_gap_days']:.1f} days "
        f"({evidence['gaps_seen']} gaps seen, the longest {evidence['longest_gap_days']:.1f} days)."
    )


def _chances(data: dict[str, Any]) -> str:
    """When it is expected, and how often clients were not heard after alerts like this one."""
    expected = f"nine in ten such silences end by {data['expected_next_at']['p90'][:10]}."
    if data["probability_gone"] is None:
        return expected
    labels, between = data["evidence"]["outlook_labels"], ""
    if labels < _SETTLED_LABELS:
        low, high = (_in_100(chance) for chance in data["evidence"]["probability_gone_between"])
        known = f"{labels} outcomes are" if labels else "no outcome is"
        between = f" (between {low} and {high}: {known} known here so far)"
    return (
        f"{expected} Of 100 alerts like this, {_in_100(data['probability_gone'])} clients{between} were not heard again"
        f" within {data['gone_after_days']:.0f} days."
    )


def _in_100(chance: float) -> str:
    """Return how many of a hundred a chance means; none and all are never certain."""
    few, nearly_all = _OF_100
    return "fewer than 1" if chance < few else "more than 99" if chance > nearly_all else f"{100 * chance:.0f}"


def _debts(data: dict[str, Any]) -> str:
    """What is open between the client and us, and may be the reason."""
    if data["waiting_on_us_since"] is not None:
        return (
            f"Its message of {data['waiting_on_us_since'][:10]} waits for our answer longer than usual: "
            "the silence may be ours."
        )
    if data["unanswered_since"] is not None:
        return f"Our message of {data['unanswered_since'][:10]} is unanswered."
    return ""


def _settling(data: dict[str, Any]) -> str:
    gaps = data["evidence"]["completed_gaps_in_segment"]
    if gaps >= _SETTLED_GAPS:
        return ""
    return f"The rate of false alerts is still settling: this group of clients has {gaps} gaps so far."

"""Words from numbers: why an alert was raised, in English, from the alert's own fields."""

from typing import Any

_SETTLED_GAPS = 1000  # completed gaps of a segment from which on the promised rate of false alerts holds


def explanation(data: dict[str, Any]) -> str:
    """Say in two or three sentences what an alert's numbers mean."""
    evidence = data["evidence"]
    heard = f"last heard on {data['last_heard_at'][:10]} by {data['last_heard_channel'] or 'an unnamed channel'}"
    rhythm = (
        f"It usually comes back after {evidence['mean_gap_days']:.1f} days "
        f"({evidence['gaps_seen']} gaps seen, the longest {evidence['longest_gap_days']:.1f} days)"
    )
    if data["transition"] == "resolved":
        late = " An event that arrived late shows that there was no silence." if data["reason"] == "late_event" else ""
        return f"The client is back after {data['actual_heard_within_days']:.1f} days of silence. {rhythm}.{late}"
    if data["transition"] == "escalated":
        opening = (
            f"Still silent after {data['actual_heard_within_days']:.1f} days, {heard}: so long a silence is ten times "
            "less likely than the one that raised the alert, and more than twice the longest gap so far."
        )
    else:
        opening = f"Silent for {data['actual_heard_within_days']:.1f} days, {heard}."
    settling = (
        " The rate of false alerts is still settling: this group of clients has "
        f"{evidence['completed_gaps_in_segment']} gaps so far."
        if evidence["completed_gaps_in_segment"] < _SETTLED_GAPS
        else ""
    )
    return (
        f"{opening} {rhythm}; nine in ten such silences end by {data['expected_next_at']['p90'][:10]}. "
        f"The chance that it has left for good is {data['probability_gone']:.0%}.{settling}"
    )

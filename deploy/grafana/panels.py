"""What the two dashboards show: every panel with its queries. How it becomes JSON is left to build.py."""

from typing import Final, Literal, NamedTuple


class Panel(NamedTuple):
    """A panel: what it is called, the queries with their legends, the unit, and what one should know."""

    title: str
    queries: tuple[tuple[str, str], ...]
    unit: str = "short"
    about: str = ""
    kind: Literal["lines", "stat"] = "lines"
    width: int = 12


_CAME_BACK: Final = "sum(increase(ghosting_reactivations_total[30d]))"
_OPENED: Final = 'sum(increase(ghosting_alerts_total{transition="opened"}[30d]))'
_REALISED: Final = "sum by (segment) (increase(ghosting_false_alerts_total[30d]))"
_PROMISED: Final = "sum by (segment) (increase(ghosting_false_alerts_promised_total[30d]))"


def _open(type_: str) -> tuple[tuple[str, str], ...]:
    expr = f'sum by (segment, severity) (ghosting_segment_alerts_open{{type="{type_}"}})'
    return ((expr, "{{segment}}, {{severity}}"),)


def _quantiles_so_far(name: str) -> tuple[tuple[str, str], ...]:
    """Of what is rare: in a short window there is mostly none of it."""
    return tuple(
        (f"histogram_quantile({q}, sum by (le) ({name}_bucket))", share)
        for q, share in ((0.5, "half below"), (0.99, "99 % below"))
    )


def _quantiles(name: str, by: str = "") -> tuple[tuple[str, str], ...]:
    legend = f" {{{{{by}}}}}" if by else ""
    labels = f"le, {by}" if by else "le"
    return tuple(
        (f"histogram_quantile({q}, sum by ({labels}) (rate({name}_bucket[$__rate_interval])))", f"{share}{legend}")
        for q, share in ((0.5, "half below"), (0.99, "99 % below"))
    )


CLIENTS: Final = {
    "Now": (
        Panel("Clients", (("sum by (state) (ghosting_clients)", "{{state}}"),), kind="stat", width=10),
        Panel(
            "Open silences", (('sum(ghosting_alerts_open{type="silence_exceeded"})', "silences"),), kind="stat", width=4
        ),
        Panel(
            "Open declines", (('sum(ghosting_alerts_open{type="declining_trend"})', "declines"),), kind="stat", width=4
        ),
        Panel(
            "Came back",
            ((f"{_CAME_BACK} / {_OPENED}", "of those opened"),),
            "percentunit",
            "Incidents of 30 days that ended with the client's return, by those that were opened.",
            kind="stat",
            width=6,
        ),
        Panel("Open silences by segment", _open("silence_exceeded"), about="`other`: segments no setting names."),
        Panel("Open declines by segment", _open("declining_trend")),
        Panel(
            "Value at stake",
            (("sum by (segment) (ghosting_value_at_stake_per_year)", "{{segment}}"),),
            about="What the clients that are silent now order in a year as a rule, in the units of their amounts.",
            width=24,
        ),
    ),
    "Said against true": (
        Panel(
            "Silent all through, as said and as it came",
            (
                ("avg by (stage) (ghosting_outlook_said_ratio)", "said, {{stage}}"),
                ("avg by (stage) (ghosting_outlook_true_ratio)", "true, {{stage}}"),
            ),
            "percentunit",
            "Each pair should be alike: of the clients in the last 500 outcomes, how many were to be silent, and were.",
        ),
        Panel(
            "Brier score, beside that of a constant",
            (
                ("avg(ghosting_outlook_brier and on (instance) (ghosting_outlook_labels > 0))", "what alerts said"),
                ("avg(ghosting_outlook_brier_constant and on (instance) (ghosting_outlook_labels > 0))", "a constant"),
            ),
            about="The lower the better; above the constant, what alerts say of a return is worth nothing yet.",
        ),
        Panel(
            "Outcomes learned",
            (("sum(ghosting_outlook_labels)", "outcomes"),),
            about="Below some hundreds an alert says its chance with a band.",
            width=24,
        ),
    ),
    "Over time": (
        Panel(
            "New and resolved per day",
            (("sum by (type, transition) (increase(ghosting_alerts_total[1d]))", "{{type}}, {{transition}}"),),
        ),
        Panel("Reactivations per day", (("sum by (type) (increase(ghosting_reactivations_total[1d]))", "{{type}}"),)),
        Panel(
            "Time to reactivation",
            tuple(
                (
                    f"histogram_quantile({q}, sum by (le, type) (increase(ghosting_reactivation_seconds_bucket[30d])))",
                    f"{share} {{{{type}}}}",
                )
                for q, share in ((0.5, "half within"), (0.9, "90 % within"))
            ),
            "s",
            "From the alert to the client's return, over 30 days.",
        ),
        Panel(
            "Held back",
            (("sum by (reason) (increase(ghosting_alerts_held_total[1d]))", "{{reason}}"),),
            about="Silences per day that were not told, because their segment still learns.",
        ),
    ),
    "False alerts": (
        Panel(
            "Realised and promised, 30 days",
            ((_REALISED, "{{segment}}, realised"), (_PROMISED, "{{segment}}, promised")),
            about="Silences that were told and ended with the client's return; and how many the budget allows.",
        ),
        Panel(
            "Realised by promised, 30 days",
            ((f"{_REALISED} / {_PROMISED}", "{{segment}}"),),
            about="1 = as promised. Chance alone makes it vary while few were promised.",
        ),
    ),
}
DETECTOR: Final = {
    "Flow": (
        Panel(
            "Records read",
            (
                (
                    "sum by (source, result) (rate(ghosting_interactions_total[$__rate_interval]))",
                    "{{source}}, {{result}}",
                ),
            ),
            "cps",
        ),
        Panel(
            "Lag",
            (("sum by (source) (ghosting_source_lag_records)", "{{source}}"),),
            about="Records that are not applied yet, those that wait for other sources included.",
        ),
        Panel(
            "Since the last event",
            (("time() - max by (source) (ghosting_source_last_event_timestamp_seconds > 0)", "{{source}}"),),
            "s",
        ),
        Panel(
            "Clock behind the present",
            (("time() - min(ghosting_shard_clock_timestamp_seconds > 0)", "the slowest shard"),),
            "s",
            "Up to which event time everything is decided.",
        ),
    ),
    "Alerts": (
        Panel(
            "From deadline to durable alert",
            _quantiles("ghosting_detection_delay_seconds"),
            "s",
            "Without alerts about the past.",
        ),
        Panel(
            "Alerts written",
            (
                ("sum by (transition) (rate(ghosting_alerts_total[$__rate_interval]))", "{{transition}}"),
                ("sum(rate(ghosting_alerts_history_total[$__rate_interval]))", "of them about the past"),
            ),
            "cps",
        ),
        Panel(
            "Refused and odd",
            (
                ("sum by (reason) (rate(ghosting_rejected_total[$__rate_interval]))", "{{reason}}"),
                ("sum(rate(ghosting_late_total[$__rate_interval]))", "late"),
                ("sum(rate(ghosting_duplicates_total[$__rate_interval]))", "duplicates"),
                ("sum(rate(ghosting_misrouted_total[$__rate_interval]))", "misrouted"),
                ("sum(rate(ghosting_unknown_fields_total[$__rate_interval]))", "unknown fields"),
            ),
            "cps",
        ),
        Panel(
            "Forwarded",
            (
                (
                    "sum by (receiver, delivery) (rate(ghosting_forwarded_total[$__rate_interval]))",
                    "{{receiver}}, {{delivery}}",
                ),
                ("sum by (receiver) (rate(ghosting_forward_retries_total[$__rate_interval]))", "{{receiver}}, retries"),
                ("sum(rate(ghosting_alertmanager_failures_total[$__rate_interval]))", "Alertmanager, failures"),
            ),
            "cps",
        ),
    ),
    "Workers": (
        Panel("Transactions", _quantiles("ghosting_commit_seconds", "instance"), "s"),
        Panel("Shards", (("sum by (instance, state) (ghosting_shards)", "{{instance}}, {{state}}"),)),
        Panel("Restores", _quantiles_so_far("ghosting_restore_seconds"), "s"),
        Panel(
            "Rebalances",
            (("sum by (instance) (increase(ghosting_rebalances_total[$__rate_interval]))", "{{instance}}"),),
        ),
        Panel(
            "Memory",
            (('sum by (instance) (process_resident_memory_bytes{job=~"ghosting.*"})', "{{instance}}"),),
            "bytes",
        ),
        Panel(
            "CPU",
            (
                (
                    'sum by (instance) (rate(process_cpu_seconds_total{job=~"ghosting.*"}[$__rate_interval]))',
                    "{{instance}}",
                ),
            ),
            "percentunit",
        ),
        Panel("Versions", (("count by (version) (ghosting_build_info)", "{{version}}"),), kind="stat", width=24),
    ),
}

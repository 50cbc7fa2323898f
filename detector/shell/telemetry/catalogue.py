"""The metrics: each is declared here and nowhere else, with all values that its labels can take.

A label takes words of closed sets only, so that no client, account or text of a stranger gets into one: sources and
segments are those that the settings name, and every other segment is `other`. docs/metrics.md is written from this.
"""

import itertools
from collections.abc import Callable, Iterator, Mapping
from importlib.metadata import version
from types import MappingProxyType
from typing import Final, Literal, NamedTuple, get_args

from detector.core.engine.intake import UNREADABLE
from detector.core.views.under_watch import CLIENT_STATES
from detector.core.wire.reroute import REROUTED
from detector.shell.config.settings import Settings
from schemas.alert import AlertData
from schemas.incident import SIGNALS, Transition, Type
from schemas.interaction import OPTIONAL, Kind
from schemas.rejection import RejectionReason

OTHER: Final = "other"
HELD_REASONS: Final = ("learning",)
DELIVERIES: Final = ("delivered", "dead_letter")
SHARD_STATES: Final = ("restoring", "ready")

_SHORT_S: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_LONG_S: Final = (0.1, 0.5, 1.0, 5.0, 15.0, 30.0, 60.0, 120.0, 300.0, 900.0)
_DELAY_S: Final = (1.0, 2.5, 5.0, 7.5, 10.0, 15.0, 30.0, 60.0, 300.0, 1800.0, 3600.0, 21_600.0, 86_400.0, 259_200.0)
_DAYS_S: Final = tuple(86_400.0 * days for days in (1, 3, 7, 14, 30, 60, 90, 180, 365))

Words = tuple[str, ...]
MetricKind = Literal["counter", "gauge", "histogram"]


def segments_of(settings: Settings) -> Words:
    """The segments that have a label value of their own, and the one for all others."""
    named = ("default", *settings.metrics_segments, *settings.segment_budgets)
    return (*dict.fromkeys(name for name in named if name != OTHER), OTHER)


def _severities(_: Settings) -> Words:
    return get_args(AlertData.model_fields["severity"].annotation)


_TYPE_OF: Final[Mapping[str, str]] = {signal: type_ for type_, signals in SIGNALS.items() for signal in signals}

LABELS: Final[Mapping[str, tuple[str, Callable[[Settings], Words]]]] = MappingProxyType({
    "source": (
        f"input topic, as `GHOSTING_SOURCES` names it, or `{REROUTED}`: records that other partitions sent on",
        lambda settings: settings.inputs,
    ),
    "kind": (
        f"kind of interaction; `{UNREADABLE}` for rejected records",
        lambda _: (*get_args(Kind), UNREADABLE),
    ),
    "result": ("what became of a record that was read", lambda _: ("accepted", "rejected", "rerouted")),
    "state": ("where a client stands; of shards, whether it can work", lambda _: (*CLIENT_STATES, *SHARD_STATES)),
    "type": ("type of alert", lambda _: get_args(Type)),
    "signal": ("what fell silent or declines; each signal has one type", lambda _: tuple(sorted(_TYPE_OF))),
    "severity": ("how urgent", _severities),
    "transition": ("what happened to the incident", lambda _: get_args(Transition)),
    "reason": (
        "why: of rejections see the contract; held alerts wait until their segment has learned",
        lambda _: (*get_args(RejectionReason), *HELD_REASONS),
    ),
    "segment": (
        "those of `GHOSTING_METRICS_SEGMENTS` and `GHOSTING_SEGMENT_BUDGETS`, `default`, and `other` for the rest",
        segments_of,
    ),
    "field": ("optional field of an interaction, as the contract names it", lambda _: OPTIONAL),
    "receiver": ("name of a webhook of `GHOSTING_FORWARD_WEBHOOKS`", lambda settings: tuple(settings.forward_webhooks)),
    "delivery": ("how the delivery of an alert ended", lambda _: DELIVERIES),
    "version": ("version of the package", lambda _: (version("ghosting-detector"),)),
})  # fmt: skip
"""Per label what it says, and all of its values."""


class Metric(NamedTuple):
    """A declaration; `fits` keeps the label sets that can occur."""

    name: str
    kind: MetricKind
    help: str
    labels: Words = ()
    fits: Callable[..., bool] = lambda *_: True
    buckets: tuple[float, ...] = ()


def _of_one_type(type_: str, signal: str, *_: str) -> bool:
    return _TYPE_OF[signal] == type_


def _kind_of_result(source: str, kind: str, result: str) -> bool:
    once = source != REROUTED or result != "rerouted"
    return once and (kind == UNREADABLE) == (result == "rejected")


WORKER: Final = (
    Metric(
        "ghosting_interactions_total",
        "counter",
        "Records read from the sources.",
        ("source", "kind", "result"),
        _kind_of_result,
    ),
    Metric(
        "ghosting_rejected_total",
        "counter",
        "Records refused, by reason.",
        ("reason",),
        lambda reason: reason not in HELD_REASONS,
    ),
    Metric(
        "ghosting_fields_left_out_total",
        "counter",
        "Optional fields of accepted interactions that were left out because they break their rules.",
        ("field",),
    ),
    Metric(
        "ghosting_promises_total",
        "counter",
        "Calls, meetings and payments that lie ahead of the time at which they were written: they are no contact.",
    ),
    Metric(
        "ghosting_lookalike_clients",
        "gauge",
        "Clients whose ids differ from another one only in case or blanks, as far as this worker met them.",
    ),
    Metric("ghosting_misrouted_total", "counter", "Records whose key belongs to another partition; they are rerouted."),
    Metric("ghosting_duplicates_total", "counter", "Interactions whose event_id had been applied before."),
    Metric(
        "ghosting_late_total",
        "counter",
        "Interactions older than the client's last contact: nothing is learned of them.",
        ("source",),
    ),
    Metric("ghosting_unknown_fields_total", "counter", "Fields of records that no contract names; they are ignored."),
    Metric(
        "ghosting_source_last_event_timestamp_seconds",
        "gauge",
        "Latest event time read of a source; 0 = none yet.",
        ("source",),
        lambda source: source != REROUTED,
    ),
    Metric(
        "ghosting_source_lag_records",
        "gauge",
        "Records in the partitions of this worker that are not applied yet, those waiting for other sources included.",
        ("source",),
    ),
    Metric(
        "ghosting_shard_clock_timestamp_seconds",
        "gauge",
        "Event time up to which everything is decided: the lowest of this worker's shards; 0 = none yet.",
    ),
    Metric(
        "ghosting_shards", "gauge", "Partitions that this worker owns.", ("state",), lambda state: state in SHARD_STATES
    ),
    Metric("ghosting_rebalances_total", "counter", "Times that the partitions were handed out anew."),
    Metric(
        "ghosting_clients", "gauge", "Clients, by where they stand.", ("state",), lambda state: state in CLIENT_STATES
    ),
    Metric(
        "ghosting_clients_waiting_on_us",
        "gauge",
        "Clients whose last message waits for our answer longer than nine in ten did.",
    ),
    Metric(
        "ghosting_value_at_stake_per_year",
        "gauge",
        "What the clients that are silent now order in a year as a rule, in the units of their amounts.",
        ("segment",),
    ),
    Metric("ghosting_alerts_open", "gauge", "Incidents that are open.", ("type", "signal", "severity"), _of_one_type),
    Metric(
        "ghosting_segment_alerts_open", "gauge", "Incidents that are open, by segment.", ("segment", "type", "severity")
    ),
    Metric(
        "ghosting_alerts_total",
        "counter",
        "Durable alerts, those about the past included.",
        ("type", "signal", "severity", "transition"),
        _of_one_type,
    ),
    Metric(
        "ghosting_alerts_held_total",
        "counter",
        "Alerts that were not told, by reason.",
        ("reason",),
        lambda reason: reason in HELD_REASONS,
    ),
    Metric("ghosting_alerts_history_total", "counter", "Alerts about the past: they notified nobody."),
    Metric(
        "ghosting_reactivations_total",
        "counter",
        "Incidents that ended because the client came back or the signal recovered.",
        ("type",),
    ),
    Metric(
        "ghosting_reactivation_seconds",
        "histogram",
        "Event time from the opening of such an incident to its end.",
        ("type",),
        buckets=_DAYS_S,
    ),
    Metric(
        "ghosting_false_alerts_total",
        "counter",
        "Silences of contact that were told and ended with the client's return.",
        ("segment",),
    ),
    Metric(
        "ghosting_false_alerts_promised_total",
        "counter",
        "How many of them the budget allows for the time that clients were watched.",
        ("segment",),
    ),
    Metric(
        "ghosting_false_alerts_ratio",
        "gauge",
        "The first by the second, since this worker started; add up the counters for more than one worker.",
        ("segment",),
    ),
    Metric(
        "ghosting_detection_delay_seconds",
        "histogram",
        "From the deadline that was passed to the durable alert; without alerts about the past.",
        buckets=_DELAY_S,
    ),
    Metric("ghosting_commit_seconds", "histogram", "Duration of transactions.", buckets=_SHORT_S),
    Metric("ghosting_restore_seconds", "histogram", "Duration of restores.", buckets=_LONG_S),
)
FORWARDER: Final = (
    Metric(
        "ghosting_forwarded_total",
        "counter",
        "Alerts that a webhook took, or that went to the dead letters.",
        ("receiver", "delivery"),
    ),
    Metric("ghosting_forward_retries_total", "counter", "Deliveries that were tried again.", ("receiver",)),
    Metric("ghosting_forward_seconds", "histogram", "Duration of a single try.", ("receiver",), buckets=_SHORT_S),
    Metric("ghosting_alertmanager_alerts", "gauge", "Open incidents that Alertmanager is told of."),
    Metric("ghosting_alertmanager_posts_total", "counter", "Posts that an Alertmanager took."),
    Metric("ghosting_alertmanager_failures_total", "counter", "Posts that an Alertmanager did not take."),
)
BOTH: Final = (Metric("ghosting_build_info", "gauge", "Version of the package; always 1.", ("version",)),)


def label_sets(metric: Metric, settings: Settings) -> Iterator[Words]:
    """All label sets of a metric."""
    values = (LABELS[label][1](settings) for label in metric.labels)
    return (found for found in itertools.product(*values) if metric.fits(*found))

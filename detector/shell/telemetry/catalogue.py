"""The catalogue of metrics: each is declared here and nowhere else, with all values that its labels can take.

A label takes its values from a closed set, so that no client, account or other text of a record gets into one: sources
and segments are those that the settings name, and every other segment is `other`. docs/metrics.md is written from this.
"""

import itertools
from collections.abc import Callable, Iterator, Mapping
from importlib.metadata import version
from types import MappingProxyType
from typing import Final, Literal, NamedTuple, get_args

from detector.core.engine.intake import UNREADABLE
from detector.core.views.said_against_true import STAGE_WORDS
from detector.core.views.under_watch import CLIENT_STATES
from detector.core.wire.reroute import REROUTED
from detector.mapping import library
from detector.mapping.outcome import REASONS
from detector.shell.config.settings import Settings
from schemas.alert import AlertData
from schemas.incident import SIGNALS, Transition, Type
from schemas.interaction import OPTIONAL, Kind
from schemas.rejection import RejectionReason

OTHER: Final = "other"
HELD_REASONS: Final = ("learning",)
DELIVERIES: Final = ("delivered", "dead_letter")
BECAME: Final = ("interactions", "command", "gap", "dropped", "rejected")
ANSWERS: Final = (
    "accepted",
    "unreadable",
    "no_signature",
    "bad_signature",
    "old_timestamp",
    "too_large",
    "too_slow",
    "too_many",
    "unavailable",
)
OWN_MAPPING: Final = "own"
"""The label of a mapping that is no preset: the name of a file is not from a closed set."""
SHARD_STATES: Final = ("restoring", "ready")

_SHORT_S: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_LONG_S: Final = (0.1, 0.5, 1.0, 5.0, 15.0, 30.0, 60.0, 120.0, 300.0, 900.0)
_DELAY_S: Final = (1.0, 2.5, 5.0, 7.5, 10.0, 15.0, 30.0, 60.0, 300.0, 1800.0, 3600.0, 21_600.0, 86_400.0, 259_200.0)
_DAYS_S: Final = tuple(86_400.0 * days for days in (1, 3, 7, 14, 30, 60, 90, 180, 365))

Words = tuple[str, ...]
MetricKind = Literal["counter", "gauge", "histogram"]


def segments_of(settings: Settings) -> Words:
    """Return the segments that have a label value of their own, and the value for all others."""
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
    "result": ("outcome of reading a record", lambda _: ("accepted", "rejected", "rerouted")),
    "state": ("state of a client, or of a shard", lambda _: (*CLIENT_STATES, *SHARD_STATES)),
    "type": ("type of alert", lambda _: get_args(Type)),
    "signal": ("signal that fell silent or declines; each has one type", lambda _: tuple(sorted(_TYPE_OF))),
    "severity": ("urgency of the incident", _severities),
    "transition": ("transition of the incident that the alert reports", lambda _: get_args(Transition)),
    "reason": (
        "reason of a rejection (see its contract), or of a held alert: `learning` = its segment has too few gaps",
        lambda _: (*get_args(RejectionReason), *HELD_REASONS),
    ),
    "segment": (
        "segment: `default`, one of `GHOSTING_METRICS_SEGMENTS` or `GHOSTING_SEGMENT_BUDGETS`, or `other` for the rest",
        segments_of,
    ),
    "field": ("optional field of an interaction, by its name in the contract", lambda _: OPTIONAL),
    "stage": ("which days after an alert; a client counts in those that it was silent up to", lambda _: STAGE_WORDS),
    "receiver": ("name of a webhook of `GHOSTING_FORWARD_WEBHOOKS`", lambda settings: tuple(settings.forward_webhooks)),
    "delivery": ("end of the delivery of an alert", lambda _: DELIVERIES),
    "became": (
        "outcome of mapping a record; `rejected` = dropped, and kept on the topic of rejections",
        lambda _: BECAME,
    ),
    "drop": ("reason of a mapping to drop a record (docs/mapping.md)", lambda _: tuple(REASONS)),
    "preset": (
        "preset that maps the webhooks of a tool; `own` for a mapping file",
        lambda _: (*library.names(), OWN_MAPPING),
    ),
    "answer": ("answer to a webhook (docs/receive.md)", lambda _: ANSWERS),
    "version": ("version of the package", lambda _: (version("ghosting-detector"),)),
})  # fmt: skip
"""Each label with its meaning and all of its values."""


class Metric(NamedTuple):
    """The declaration of a metric; `fits` selects the label sets that can occur."""

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
        "Records that were read from the sources.",
        ("source", "kind", "result"),
        _kind_of_result,
    ),
    Metric(
        "ghosting_rejected_total",
        "counter",
        "Records that were rejected, by reason.",
        ("reason",),
        lambda reason: reason not in HELD_REASONS,
    ),
    Metric(
        "ghosting_fields_left_out_total",
        "counter",
        "Optional fields of accepted interactions that were left out because they break their rules, by field.",
        ("field",),
    ),
    Metric(
        "ghosting_promises_total",
        "counter",
        "Calls, meetings and payments that lie ahead of the time at which their records were written: no contacts yet.",
    ),
    Metric(
        "ghosting_lookalike_clients",
        "gauge",
        "Clients whose ids differ from another client's only in case or blanks, as far as this worker has seen them.",
    ),
    Metric(
        "ghosting_misrouted_total",
        "counter",
        "Records whose key belongs to another partition, and which are sent on to it.",
    ),
    Metric(
        "ghosting_duplicates_total",
        "counter",
        "Interactions that were ignored because their event_id had been applied before.",
    ),
    Metric(
        "ghosting_late_total",
        "counter",
        "Interactions that are older than the client's last contact; nothing is learned from them.",
        ("source",),
    ),
    Metric(
        "ghosting_unknown_fields_total",
        "counter",
        "Fields of records that were ignored because no contract names them.",
    ),
    Metric(
        "ghosting_source_last_event_timestamp_seconds",
        "gauge",
        "Latest event time that was read from a source; 0 = none yet.",
        ("source",),
        lambda source: source != REROUTED,
    ),
    Metric(
        "ghosting_source_lag_records",
        "gauge",
        "Records in the partitions of this worker that are not applied yet, including those that wait for other"
        " sources.",
        ("source",),
    ),
    Metric(
        "ghosting_shard_clock_timestamp_seconds",
        "gauge",
        "Event time up to which all shards of this worker have applied everything; 0 = none yet.",
    ),
    Metric(
        "ghosting_shards",
        "gauge",
        "Shards (partitions) that this worker owns, by state.",
        ("state",),
        lambda state: state in SHARD_STATES,
    ),
    Metric("ghosting_rebalances_total", "counter", "Rebalances: assignments of partitions to this worker."),
    Metric("ghosting_clients", "gauge", "Clients, by state.", ("state",), lambda state: state in CLIENT_STATES),
    Metric(
        "ghosting_clients_waiting_on_us",
        "gauge",
        "Clients whose last message has waited for our answer longer than nine in ten of their segment usually do.",
    ),
    Metric(
        "ghosting_value_at_stake_per_year",
        "gauge",
        "Usual yearly order value of all clients that are silent now, in the units of their amounts.",
        ("segment",),
    ),
    Metric("ghosting_outlook_labels", "gauge", "Outcomes of earlier alerts that the chances of a return rest on."),
    Metric(
        "ghosting_outlook_brier",
        "gauge",
        "Mean squared difference of chances that alerts said from what came true, over each shard's last 500 outcomes;"
        " 0 = none yet.",
    ),
    Metric(
        "ghosting_outlook_brier_constant",
        "gauge",
        "The mean squared difference that the share of each stage among the same outcomes would have had: above it, the"
        " chances are worth less than a constant.",
    ),
    Metric(
        "ghosting_outlook_said_ratio",
        "gauge",
        "Mean chance, as alerts said, that the client is silent all through a stage, over the same outcomes.",
        ("stage",),
    ),
    Metric(
        "ghosting_outlook_true_ratio",
        "gauge",
        "Share of clients that were silent all through a stage, over the same outcomes.",
        ("stage",),
    ),
    Metric(
        "ghosting_alerts_open",
        "gauge",
        "Open incidents, by signal and severity.",
        ("type", "signal", "severity"),
        _of_one_type,
    ),
    Metric(
        "ghosting_segment_alerts_open",
        "gauge",
        "Open incidents, by segment and severity.",
        ("segment", "type", "severity"),
    ),
    Metric(
        "ghosting_alerts_total",
        "counter",
        "Alerts that were committed, including alerts about the past.",
        ("type", "signal", "severity", "transition"),
        _of_one_type,
    ),
    Metric(
        "ghosting_alerts_held_total",
        "counter",
        "Alerts that were held back instead of published, by reason.",
        ("reason",),
        lambda reason: reason in HELD_REASONS,
    ),
    Metric(
        "ghosting_alerts_history_total",
        "counter",
        "Alerts about the past, which went to the history topic and notified nobody.",
    ),
    Metric(
        "ghosting_reactivations_total",
        "counter",
        "Incidents that ended because the client came back or the signal recovered.",
        ("type",),
    ),
    Metric(
        "ghosting_reactivation_seconds",
        "histogram",
        "Event time from the opening of an incident to its end, if the client came back or the signal recovered.",
        ("type",),
        buckets=_DAYS_S,
    ),
    Metric(
        "ghosting_false_alerts_total",
        "counter",
        "False alerts: published silences of contact that ended because the client came back.",
        ("segment",),
    ),
    Metric(
        "ghosting_false_alerts_promised_total",
        "counter",
        "False alerts of silence that the budget allows for the time that clients were watched.",
        ("segment",),
    ),
    Metric(
        "ghosting_false_alerts_ratio",
        "gauge",
        "False alerts of silence divided by those that the budget allows, since this worker started. For several"
        " workers"
        " divide the sums of the two counters.",
        ("segment",),
    ),
    Metric(
        "ghosting_detection_delay_seconds",
        "histogram",
        "Time from the deadline that a client passed to its committed alert, without alerts about the past.",
        buckets=_DELAY_S,
    ),
    Metric("ghosting_commit_seconds", "histogram", "Duration of a shard's transactions.", buckets=_SHORT_S),
    Metric(
        "ghosting_restore_seconds", "histogram", "Duration of a shard's restore from the state topic.", buckets=_LONG_S
    ),
)
FORWARDER: Final = (
    Metric(
        "ghosting_forwarded_total",
        "counter",
        "Alerts that a webhook took, or that went to the dead letters, by webhook.",
        ("receiver", "delivery"),
    ),
    Metric(
        "ghosting_forward_retries_total", "counter", "Deliveries to a webhook that were tried again.", ("receiver",)
    ),
    Metric(
        "ghosting_forward_seconds",
        "histogram",
        "Duration of one try to post an alert to a webhook.",
        ("receiver",),
        buckets=_SHORT_S,
    ),
    Metric("ghosting_alertmanager_alerts", "gauge", "Open incidents that are posted to Alertmanager."),
    Metric("ghosting_alertmanager_posts_total", "counter", "Posts that an Alertmanager accepted."),
    Metric("ghosting_alertmanager_failures_total", "counter", "Posts that an Alertmanager did not accept."),
)
MAPPING: Final = (
    Metric("ghosting_mapping_records_total", "counter", "Records of another tool that were mapped.", ("became",)),
    Metric(
        "ghosting_mapping_interactions_total",
        "counter",
        "Interactions that a mapping wrote to the sources.",
        ("source",),
        lambda source: source != REROUTED,
    ),
    Metric(
        "ghosting_mapping_dropped_total",
        "counter",
        "Records of another tool that gave nothing, by the reason of the mapping.",
        ("drop",),
    ),
)
"""Of every process that maps."""
MAPPER: Final = (
    *MAPPING,
    Metric("ghosting_mapping_partitions", "gauge", "Partitions of the topic that this process maps."),
    Metric(
        "ghosting_mapping_lag_records", "gauge", "Records in the partitions of this process that are not mapped yet."
    ),
    Metric("ghosting_mapping_rebalances_total", "counter", "Assignments of partitions to this process."),
    Metric(
        "ghosting_mapping_commit_seconds",
        "histogram",
        "Time to map the records of one transaction and to commit it.",
        buckets=_SHORT_S,
    ),
)
RECEIVER: Final = (
    *MAPPING,
    Metric("ghosting_received_total", "counter", "Webhooks that were answered.", ("preset", "answer")),
    Metric(
        "ghosting_receive_seconds",
        "histogram",
        "Time from the headers of a webhook to its answer.",
        buckets=_SHORT_S,
    ),
)
BOTH: Final = (Metric("ghosting_build_info", "gauge", "Version of the package; always 1.", ("version",)),)


def label_sets(metric: Metric, settings: Settings) -> Iterator[Words]:
    """Return all label sets of a metric."""
    values = (LABELS[label][1](settings) for label in metric.labels)
    return (label_set for label_set in itertools.product(*values) if metric.fits(*label_set))

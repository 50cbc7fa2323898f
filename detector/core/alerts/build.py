"""The alerts of many effects at once.

Whatever is the same for all of them is made as columns, by NumPy: instants in words, rounded numbers, words of closed
sets. What is left per alert is a dictionary, two ids, a few sentences and the JSON of it.

Days are rounded to 1/10,000 and probabilities to 1/1,000,000: finer digits mean nothing and differ between processors.
"""

from collections.abc import Iterator, Sequence
from itertools import repeat
from typing import Any, Final, NamedTuple

import numpy as np
import orjson

from detector.core.alerts.alert import MODEL, Alert, alert_id_of, incident_id_of
from detector.core.alerts.explain import explanation
from detector.core.clock import instants
from detector.core.incidents.effect import ORDERS_SIGNAL
from detector.core.lifecycle import REASON_WORDS, SEVERITY_WORDS, SIGNAL_WORDS, TRANSITION_WORDS, TYPE_OF
from detector.core.primitives.currency import currency_of
from detector.core.signals import SIGNAL_NUMBER, TRAITS

_DAYS, _SHARES = 4, 6  # digits
_CHANNELS_PLACE = 0  # of the channel heard last
_BACK: Final = np.isin(REASON_WORDS, ("returned", "late_event"))  # by reason: the client is there again
_FINITE: Final = (
    "mean_gap_days",
    "longest_gap_days",
    "prior_weight",
    "completed_gaps_in_segment",
    "false_alerts_per_client_year",
)
_FINITE_IN_TREND: Final = ("before", "now", "score", "threshold")
_TYPES: Final = [TYPE_OF[signal] for signal in SIGNAL_WORDS]
_IS_TREND: Final = np.isin(SIGNAL_WORDS, list(SIGNAL_NUMBER))  # by signal, as the next one
_UNITS: Final = [TRAITS[SIGNAL_NUMBER[signal]].unit if signal in SIGNAL_NUMBER else "" for signal in SIGNAL_WORDS]

Effects = np.ndarray[Any, Any]  # records of effect.EFFECT
Column = np.ndarray[Any, np.dtype[Any]]


class Names(NamedTuple):
    """The words behind the numbers of effects; but for `app_id`, one of each effect."""

    app_id: str
    clients: Sequence[str]
    accounts: Sequence[str | None]
    segments: Sequence[str]
    channels: Sequence[Sequence[str | None]]  # the last heard first
    recent_ids: Sequence[Sequence[str]]


def build_alerts(effects: Effects, names: Names) -> Iterator[Alert]:
    """Build the alert of each effect.

    Raises
    ------
    ValueError
        If a number that is always known is not finite: JSON has no word for it.
    """
    columns = _columns(effects, names)
    places = zip(*(effects[name].tolist() for name in ("emitted_s", "at_s", "opened_s")), strict=True)
    for values, (emitted_s, at_s, opened_s) in zip(zip(*columns.values(), strict=True), places, strict=True):
        data = dict(zip(columns, values, strict=True))
        signal, transition, client_id = data["signal"], data["transition"], data["client_id"]
        data["incident_id"] = incident_id = incident_id_of(client_id, signal, data["opened_at"])
        data["alert_id"] = alert_id = alert_id_of(incident_id, transition, data["at"])
        data["explanation"], data["model"] = explanation(data), MODEL
        event = {
            "specversion": "1.0",
            "id": alert_id,
            "source": f"/{names.app_id}",
            "type": f"ghosting.alert.{transition}.v1",
            "subject": client_id,
            "time": data["at"],
            "datacontenttype": "application/json",
            "data": data,
        }
        yield Alert(
            emitted_s, client_id.encode(), orjson.dumps(event), at_s, opened_s,
            signal, transition, data["reason"], data["severity"], data["segment"],
        )  # fmt: skip


def _columns(effects: Effects, names: Names) -> dict[str, Sequence[Any]]:
    """The fields of the alerts in their order; those that are made of others come later."""
    _demand_finite(effects, _FINITE)
    back = _BACK[effects["reason"]]
    of_orders = effects["signal"] == ORDERS_SIGNAL
    signals, later = effects["signal"].tolist(), [None] * len(effects)
    return {
        "alert_id": later,
        "incident_id": later,
        "type": [_TYPES[signal] for signal in signals],
        "signal": [SIGNAL_WORDS[signal] for signal in signals],
        "transition": [TRANSITION_WORDS[transition] for transition in effects["transition"].tolist()],
        "reason": [REASON_WORDS[reason] for reason in effects["reason"].tolist()],
        "severity": [SEVERITY_WORDS[severity] for severity in effects["severity"].tolist()],
        "client_id": names.clients,
        "account_id": names.accounts,
        "segment": names.segments,
        "opened_at": instants(effects["opened_s"]),
        "at": instants(effects["at_s"]),
        **_silence(effects, names, back, of_orders),
        "trend": _trends(effects),
        "evidence": _evidence(effects, names.recent_ids, back),
    }


def _silence(effects: Effects, names: Names, back: Column, of_orders: Column) -> dict[str, Sequence[Any]]:
    """When clients were heard and when they were expected; of one that is back nothing is expected any more."""
    return {
        "last_heard_at": instants(np.where(of_orders, effects["from_s"], effects["last_heard_s"])),
        "last_heard_channel": [
            None if orders else channels[_CHANNELS_PLACE]
            for orders, channels in zip(of_orders.tolist(), names.channels, strict=True)
        ],
        "expected_heard_within_days": _rounded(effects["expected_heard_within_days"], _DAYS),
        "actual_heard_within_days": np.maximum(np.round(effects["actual_heard_within_days"], _DAYS), 0.0).tolist(),
        "expected_next_at": _expected(effects),
        "silence_percentile": _rounded(1 - effects["survival"], _SHARES),
        "probability_gone": _rounded(np.where(back, 0.0, effects["probability_gone"]), _SHARES),
        "gone_after_days": _rounded(np.where(back, np.nan, effects["facts"]["gone_after_days"]), _DAYS),
        "probability_no_contact_in_30_days": _unless(back, effects["probability_no_contact_in_30_days"]),
        "probability_no_contact_in_90_days": _unless(back, effects["probability_no_contact_in_90_days"]),
        "false_alerts_per_client_year": effects["false_alerts_per_client_year"].tolist(),
        "channels_active": _active(effects, names.channels),
        "unanswered_since": _instants_if_set(effects["unanswered_since_s"]),
        "waiting_on_us_since": _instants_if_set(effects["waiting_on_us_since_s"]),
    }


def _expected(effects: Effects) -> list[dict[str, str | None] | None]:
    """When the next contacts are expected, where that is known."""
    moments = zip(instants(effects["median_s"]), instants(effects["p90_s"]), strict=True)
    return [{"median": median, "p90": p90} if median is not None else None for median, p90 in moments]


def _unless(back: Column, chances: Column) -> list[float | None]:
    """Return the chances of clients that are not back."""
    return _rounded(np.where(back, np.nan, chances), _SHARES)


def _active(effects: Effects, channels: Sequence[Sequence[str | None]]) -> list[list[str]]:
    """The channels on which each client was heard during its silence or decline, or after it."""
    active = effects["channels_s"] > effects["active_since_s"][:, np.newaxis]
    found: list[list[str]] = [[] for _ in channels]
    for k in np.flatnonzero(active.any(axis=1)).tolist():
        found[k] = [name for name, heard in zip(channels[k], active[k], strict=True) if heard and name is not None]
    return found


def _trends(effects: Effects) -> list[dict[str, Any] | None]:
    """What is told of a decline; None of a silence."""
    found: list[dict[str, Any] | None] = [None] * len(effects)
    of_trends = np.flatnonzero(_IS_TREND[effects["signal"]])
    told = effects[of_trends]
    _demand_finite(told, _FINITE_IN_TREND)
    columns = {
        "unit": [_UNITS[signal] for signal in told["signal"].tolist()],
        "currency": [currency_of(packed) for packed in told["currency"].tolist()],
        "before": _rounded(told["before"], _DAYS),
        "now": _rounded(told["now"], _DAYS),
        "since": instants(told["since_s"]),
        "ratio_to_first_half_year": _rounded(told["ratio_to_first_half_year"], _DAYS),
        "score": _rounded(told["score"], _SHARES),
        "threshold": _rounded(told["threshold"], _SHARES),
        "values_seen": told["values_seen"].tolist(),
    }
    for k, values in zip(of_trends.tolist(), zip(*columns.values(), strict=True), strict=True):
        found[k] = dict(zip(columns, values, strict=True))
    return found


def _evidence(effects: Effects, recent_ids: Sequence[Sequence[str]], back: Column) -> list[dict[str, Any]]:
    """What each decision rests on."""
    low, high = (_unless(back, effects["probability_gone_between"][:, side]) for side in (0, 1))
    columns = {
        "gaps_seen": effects["gaps_seen"].tolist(),
        "mean_gap_days": _rounded(effects["mean_gap_days"], _DAYS),
        "longest_gap_days": _rounded(effects["longest_gap_days"], _DAYS),
        "prior_weight": _rounded(effects["prior_weight"], _SHARES),
        "last_interaction_ids": recent_ids,
        "completed_gaps_in_segment": effects["completed_gaps_in_segment"].astype(np.int64).tolist(),
        "outlook_labels": effects["outlook_labels"].tolist(),
        "probability_gone_between": [None if a is None else [a, b] for a, b in zip(low, high, strict=True)],
    }
    return [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]


def _rounded(column: Column, digits: int) -> list[float | None]:
    """Round what is known; NaN is None."""
    rounded: list[float | None] = np.round(column, digits).tolist()
    for k in np.flatnonzero(np.isnan(column)).tolist():
        rounded[k] = None
    return rounded


def _instants_if_set(at_s: Column) -> list[str | None]:
    """Instants in words; 0 = there is none."""
    return instants(np.where(at_s > 0, at_s, np.nan)) if at_s.any() else list(repeat(None, len(at_s)))


def _demand_finite(effects: Effects, names: Sequence[str]) -> None:
    """Check that no number is missing: the encoder would write it as null."""
    for name in names:
        if not np.isfinite(effects[name]).all():
            raise ValueError(f"an effect has no {name}")

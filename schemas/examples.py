"""One example of each contract: shown in asyncapi.yaml, and held to the contract by a test."""

from typing import Any, Final

INTERACTION: Final[dict[str, Any]] = {
    "event_id": "6f9b3c52-8d0e-4b5e-a1a7-0c6f2f6f3f11",
    "client_id": "C-1042",
    "kind": "order",
    "at": "2025-03-04T10:15:30Z",
    "direction": "inbound",
    "channel": "shop",
    "outcome": "placed",
    "amount": 249.9,
    "currency": "EUR",
    "segment": "wholesale",
}

STRUCTURED: Final[dict[str, Any]] = {
    "specversion": "1.0",
    "id": INTERACTION["event_id"],
    "source": "/shop",
    "type": "com.example.order.placed",
    "subject": INTERACTION["client_id"],
    "time": INTERACTION["at"],
    "datacontenttype": "application/json",
    "data": {"kind": "order", "direction": "inbound", "amount": 249.9, "currency": "EUR"},
}

BINARY_HEADERS: Final[dict[str, str]] = {
    "ce_specversion": "1.0",
    "ce_id": INTERACTION["event_id"],
    "ce_source": "/shop",
    "ce_type": "com.example.order.placed",
    "ce_subject": INTERACTION["client_id"],
    "ce_time": INTERACTION["at"],
    "content-type": "application/json",
}

ALERT: Final[dict[str, Any]] = {
    "specversion": "1.0",
    "id": "0b0e6c5f-3a63-5c63-9d3c-5f6a3d0b9f4e",
    "source": "/ghosting",
    "type": "ghosting.alert.opened.v1",
    "subject": "C-1042",
    "time": "2025-03-24T22:15:30Z",
    "datacontenttype": "application/json",
    "data": {
        "alert_id": "0b0e6c5f-3a63-5c63-9d3c-5f6a3d0b9f4e",
        "incident_id": "c5a4b8de-61f7-5a36-8f5a-2f0a3f1f7b55",
        "type": "silence_exceeded",
        "signal": "contact",
        "transition": "opened",
        "reason": "deadline_passed",
        "severity": "warning",
        "client_id": "C-1042",
        "account_id": None,
        "segment": "wholesale",
        "opened_at": "2025-03-24T22:15:30Z",
        "at": "2025-03-24T22:15:30Z",
        "last_heard_at": "2025-03-04T10:15:30Z",
        "last_heard_channel": "shop",
        "expected_heard_within_days": 20.5,
        "actual_heard_within_days": 20.5,
        "expected_next_at": {"median": "2025-03-10T22:15:30Z", "p90": "2025-03-16T10:15:30Z"},
        "silence_percentile": 0.98,
        "probability_gone": 0.31,
        "gone_after_days": 90.0,
        "probability_no_contact_in_30_days": 0.62,
        "probability_no_contact_in_90_days": 0.31,
        "false_alerts_per_client_year": 1.0,
        "channels_active": [],
        "unanswered_since": "2025-03-11T08:00:00Z",
        "waiting_on_us_since": None,
        "trend": None,
        "evidence": {
            "gaps_seen": 31,
            "mean_gap_days": 7.1,
            "longest_gap_days": 14.25,
            "prior_weight": 0.1,
            "last_interaction_ids": ["6f9b3c52-8d0e-4b5e-a1a7-0c6f2f6f3f11"],
            "completed_gaps_in_segment": 18240,
            "outlook_labels": 4755,
            "probability_gone_between": [0.28, 0.34],
        },
        "explanation": "Silent for 20.5 days; usually heard every 7.1 days, and never later than after 14.2 (31 gaps).",
        "model": "r-tail-o/2+cure/1",
    },
}

REJECTION: Final[dict[str, Any]] = {
    "topic": "ghosting.orders",
    "partition": 2,
    "offset": 4711,
    "reason": "invalid_field",
    "detail": "direction: is missing",
    "kept": False,
    "fields": ["direction"],
    "key_base64": "Qy0xMDQy",
    "raw_base64": "eyJldmVudF9pZCI6ImUxIiwiY2xpZW50X2lkIjoiQy0xMDQyIiwia2luZCI6Im9yZGVyIiwiYXQiOjE3NDEwODMzMzB9",
    "raw_bytes": 69,
}

OUTLOOK: Final[dict[str, Any]] = {
    "client_id": "C-1042",
    "account_id": None,
    "segment": "wholesale",
    "at": "2025-03-26T00:00:00Z",
    "last_heard_at": "2025-03-04T10:15:30Z",
    "expected_next_at": ALERT["data"]["expected_next_at"],
    "deadline_at": "2025-03-24T22:15:30Z",
    "silence_percentile": 0.983,
    "probability_gone": 0.33,
    "gone_after_days": 90.0,
    "probability_no_contact_in_30_days": 0.65,
    "probability_no_contact_in_90_days": 0.33,
    "outlook_labels": 4755,
    "incidents": [
        {
            "incident_id": ALERT["data"]["incident_id"],
            "type": "silence_exceeded",
            "signal": "contact",
            "state": "open",
            "severity": "warning",
            "opened_at": "2025-03-24T22:15:30Z",
        }
    ],
}

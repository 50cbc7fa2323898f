"""The AsyncAPI 3 document: which topics there are, who writes them, and which messages they carry.

The schemas of the payloads come from `schemas.contract`; how many partitions a topic has, and how long it keeps its
records, is decided where topics are created.
"""

from collections.abc import Mapping
from typing import Any, Final

from schemas import examples
from schemas.alert import CONTENT_TYPE as STRUCTURED_TYPE
from schemas.cloudevent import FILLS

Node = dict[str, Any]

VERSION: Final = "1.0.0"
BINDING: Final = "0.5.0"
DESCRIPTION: Final = (
    "Emails, calls and orders come in; alerts about clients that go quiet come out. `receive` = the detector reads the "
    "topic, so you write it; `send` = the detector writes it, so you read it. Read with isolation level "
    "`read_committed`: the detector writes in transactions. Alerts are delivered in the order of their event time for "
    "each client; the id of an alert serves to drop duplicates."
)
SOURCES: Final = {
    "emails": "Emails, messages and surveys",
    "calls": "Calls and meetings",
    "orders": "Orders, payments and tickets",
}
OUTPUTS: Final = {  # channel -> topic, message, description
    "alerts": ("alerts", "alert", "Alerts that are new enough to act on."),
    "alertsHistory": (
        "alerts-history",
        "alert",
        "Alerts about the past, from a backfill or a replay: never page on it.",
    ),
    "rejected": (
        "rejected",
        "rejection",
        "Records that were not accepted, or not with all of their fields (`kept`), and why.",
    ),
    "deadLetters": ("dead-letters", "deadLetter", "Alerts that a webhook did not take, and why."),
}
DEAD_LETTER_HEADERS: Final = ("receiver", "reason", "detail", "tries", "failed-at", "topic", "partition", "offset")


def asyncapi(schemas: Mapping[str, Node]) -> Node:
    """Build the document around the schemas of `Interaction`, `AlertEvent` (with its parts) and `Rejection`."""
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Ghosting detector",
            "version": VERSION,
            "description": DESCRIPTION,
            "license": {"name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"},
        },
        "defaultContentType": "application/json",
        "servers": {"kafka": _server()},
        "channels": _channels(),
        "operations": _operations(),
        "components": {"messages": _messages(), "schemas": {**schemas, **_enveloped(schemas["Interaction"])}},
    }


def _server() -> Node:
    bootstrap = {"default": "127.0.0.1:9092", "description": "Any broker of the cluster (GHOSTING_BOOTSTRAP_SERVERS)."}
    return {"host": "{bootstrapServers}", "protocol": "kafka", "variables": {"bootstrapServers": bootstrap}}


def _channels() -> Node:
    accepted = ("interaction", "interactionStructured", "interactionBinary")
    inputs = {
        name: _channel(name, accepted, f"{what} by default; every source accepts every kind.")
        for name, what in SOURCES.items()
    }
    outputs = {name: _channel(topic, (message,), what) for name, (topic, message, what) in OUTPUTS.items()}
    state = _channel("state", ("state",), "Internal: what the detector knows, for its own restart. Compacted.")
    state["bindings"] = {"kafka": {"topicConfiguration": {"cleanup.policy": ["compact"]}, "bindingVersion": BINDING}}
    rerouted = _channel("rerouted", accepted, "Internal: records that came to another partition than their client's.")
    return {**inputs, **outputs, "rerouted": rerouted, "state": state}


def _channel(topic: str, messages: tuple[str, ...], description: str) -> Node:
    app_id = {"default": "ghosting", "description": "Names the installation and all its topics (GHOSTING_APP_ID)."}
    return {
        "address": f"{{appId}}.{topic}",
        "description": description,
        "parameters": {"appId": app_id},
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in messages},
    }


def _operations() -> Node:
    def operation(action: str, channel: str, summary: str) -> Node:
        return {"action": action, "channel": {"$ref": f"#/channels/{channel}"}, "summary": summary}

    return {
        **{f"receive{name.title()}": operation("receive", name, f"Learn from {name}.") for name in SOURCES},
        "sendAlerts": operation("send", "alerts", "Tell who went quiet, and who came back."),
        "sendAlertsHistory": operation("send", "alertsHistory", "Keep what would have been told."),
        "sendRejected": operation("send", "rejected", "Give back what could not be read."),
        "sendDeadLetters": operation("send", "deadLetters", "Keep what a webhook did not take."),
        "sendRerouted": operation("send", "rerouted", "Internal: send on what belongs to another partition."),
        "receiveRerouted": operation("receive", "rerouted", "Internal: learn from it there."),
        "sendState": operation("send", "state", "Internal: write down what changed."),
        "receiveState": operation("receive", "state", "Internal: restore after a restart."),
    }


def _messages() -> Node:
    structured = {"type": "object", "properties": {"content-type": {"const": STRUCTURED_TYPE}}}
    names = ("ce_specversion", "ce_id", "ce_source", "ce_type")
    binary = {
        "type": "object",
        "required": list(names),
        "properties": {name: {"type": "string"} for name in (*names, "ce_subject", "ce_time", "content-type")},
    }
    undelivered = {
        "type": "object",
        "required": list(DEAD_LETTER_HEADERS),
        "properties": {name: {"type": "string"} for name in DEAD_LETTER_HEADERS},
    }
    return {
        "interaction": _message("Interaction", "Plain JSON of the data alone.", examples.INTERACTION),
        "interactionStructured": _message(
            "InteractionEvent", "CloudEvents 1.0 in structured mode.", examples.STRUCTURED, structured, STRUCTURED_TYPE
        ),
        "interactionBinary": _message(
            "InteractionData", "CloudEvents 1.0 in binary mode.", examples.STRUCTURED["data"], binary
        ),
        "alert": _message(
            "AlertEvent", "CloudEvents 1.0 in structured mode.", examples.ALERT, structured, STRUCTURED_TYPE
        ),
        "deadLetter": _message(
            "AlertEvent", "The alert as it was; the headers say what became of it.", examples.ALERT, undelivered
        ),
        "rejection": _message("Rejection", "Its Kafka key is that of the record.", examples.REJECTION),
        "state": {
            "contentType": "application/octet-stream",
            "description": "Binary. The layout is internal and changes without notice.",
            "payload": {"type": "string", "format": "binary"},
        },
    }


def _message(
    schema: str, description: str, payload: Node, headers: Node | None = None, content_type: str = "application/json"
) -> Node:
    key = {"type": "string", "description": "The client id in UTF-8, partitioned as Kafka's Java client does."}
    return {
        "description": description,
        "contentType": content_type,
        **({"headers": headers} if headers else {}),
        "payload": {"$ref": f"#/components/schemas/{schema}"},
        "bindings": {"kafka": {"key": key, "bindingVersion": BINDING}},
        "examples": [{"payload": payload}],
    }


def _enveloped(interaction: Node) -> Node:
    """Describe an interaction in a CloudEvent, whose attributes stand for the fields that the data lacks."""
    text = {"type": "string", "minLength": 1}
    lacking = set(FILLS.values())
    data = {
        **interaction,
        "title": "InteractionData",
        "required": [name for name in interaction["required"] if name not in lacking],
    }
    event = {
        "title": "InteractionEvent",
        "type": "object",
        "required": ["specversion", "id", "source", "type"],
        "properties": {
            "specversion": {"const": "1.0"},
            "source": text,
            "type": text,
            **{
                name: {**text, "description": f"Stands for `{field}` if the data lacks it."}
                for name, field in FILLS.items()
            },
            "datacontenttype": {**text, "description": "application/json, which is also the default."},
            "data": {"$ref": "#/components/schemas/InteractionData"},
            "data_base64": {"type": "string", "description": "The data as JSON text in base64, instead of `data`."},
        },
        "oneOf": [{"required": ["data"]}, {"required": ["data_base64"]}],
    }
    return {"InteractionData": data, "InteractionEvent": event}

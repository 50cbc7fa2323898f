"""The exported contracts: up to date, valid, and true of what the code accepts."""

import json
import runpy
import sys
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft7Validator, Draft202012Validator
from jsonschema.exceptions import ValidationError

from schemas import contract, examples
from schemas.alert import AlertEvent
from schemas.cloudevent import unwrap_structured
from schemas.envelope import InteractionReader
from schemas.incident import REASONS
from schemas.interaction import FIELDS
from tests.schemas.wire import NOW_S, encoded, interactions, json_values

DOCUMENTS = contract.documents()
SCHEMAS = {name: json.loads(DOCUMENTS[f"json/{name}.json"]) for name in contract.CONTRACTS}
ASYNCAPI = yaml.safe_load(DOCUMENTS["asyncapi.yaml"])
EXAMPLES = {name: getattr(examples, name.upper()) for name in contract.CONTRACTS}


def component(name):
    """Take a schema of the AsyncAPI document, so that its references can be followed."""
    return Draft7Validator({"$ref": f"#/components/schemas/{name}", "components": ASYNCAPI["components"]})


def test_committed():
    """The committed documents are those that an export writes now."""
    assert contract.outdated(contract.HOME) == []


def test_export(tmp_path):
    """An export writes every document, and finds nothing to do afterwards."""
    written = contract.export(tmp_path)
    assert {str(path.relative_to(tmp_path)): path.read_text(encoding="utf-8") for path in written} == DOCUMENTS
    assert contract.outdated(tmp_path) == []


def test_outdated(tmp_path):
    """A document that is missing or differs is out of date."""
    rejection, alert, *_ = reversed(contract.export(tmp_path)[:3])
    rejection.unlink()
    alert.write_text("{}", encoding="utf-8")
    assert sorted(contract.outdated(tmp_path)) == sorted([rejection, alert])


def test_main(tmp_path, monkeypatch, capsys):
    """`--check` fails, and names the remedy, until the export has been made."""
    monkeypatch.setattr(contract, "HOME", tmp_path)
    assert contract.main(["--check"]) == 1
    assert "asyncapi.yaml is out of date: run python -m schemas.contract" in capsys.readouterr().err
    assert contract.main([]) == 0
    assert contract.main(["--check"]) == 0
    assert capsys.readouterr().err == ""


def test_as_a_script(monkeypatch):
    """`python -m schemas.contract --check` is what the workshop runs."""
    monkeypatch.setattr(sys, "argv", ["contract", "--check"])
    with pytest.raises(SystemExit, match="0"):
        runpy.run_path(contract.__file__, run_name="__main__")


@pytest.mark.parametrize("name", SCHEMAS)
def test_json_schema(name):
    """Each JSON Schema keeps the rules of its dialect, and its example is valid."""
    schema = SCHEMAS[name]
    assert schema["$schema"] == Draft202012Validator.META_SCHEMA["$id"]
    Draft202012Validator.check_schema(schema)
    Draft202012Validator(schema).validate(EXAMPLES[name])


def test_fields_are_described():
    """Every field of every contract says what it is, and in which unit."""
    for schema in SCHEMAS.values():
        for part in (schema, *schema.get("$defs", {}).values()):
            undescribed = {
                name for name, field in part["properties"].items() if not {"description", "$ref"} & field.keys()
            }
            assert undescribed == set()


@given(interactions)
def test_interactions_are_valid(sent):
    """Every interaction within the limits is valid by the exported schema."""
    Draft202012Validator(SCHEMAS["interaction"]).validate(sent)


@given(interactions, st.sampled_from(sorted(FIELDS)), json_values)
def test_accepted_is_valid(sent, field, value):
    """What the reader accepts in full, the exported schema accepts too; what comes out of it, always."""
    changed = json.loads(encoded(sent | {field: value}))
    reading = InteractionReader().examine(encoded(changed), now_s=NOW_S)
    if isinstance(reading.interaction, dict):
        Draft202012Validator(SCHEMAS["interaction"]).validate(reading.interaction)
        client_id = reading.interaction["client_id"]
        if not reading.left_out:
            Draft202012Validator(SCHEMAS["interaction"]).validate({**changed, "client_id": client_id})


@pytest.mark.parametrize("field", ["event_id", "client_id", "account_id", "thread_id", "in_reply_to"])
def test_rounded_ids_are_invalid(field):
    """The exported schema knows the ids that a spreadsheet destroyed."""
    validator = Draft202012Validator(SCHEMAS["interaction"])
    assert validator.is_valid({**examples.INTERACTION, field: "E-11"})
    assert not validator.is_valid({**examples.INTERACTION, field: "4.91512E+11"})


@pytest.mark.parametrize("transition", REASONS)
def test_alert_schema_has_the_table(transition):
    """The exported schema knows which reasons go with a transition."""
    event = examples.ALERT | {"data": examples.ALERT["data"] | {"transition": transition, "reason": "merged"}}
    assert Draft202012Validator(SCHEMAS["alert"]).is_valid(event) == (transition == "resolved")


def test_asyncapi():
    """The AsyncAPI document is valid by the official schema of AsyncAPI 3.0."""
    official = json.loads(Path(__file__).with_name("asyncapi-3.0.0.json").read_text(encoding="utf-8"))
    validator = Draft7Validator(official)
    validator.validate(ASYNCAPI)
    with pytest.raises(ValidationError):
        validator.validate(ASYNCAPI | {"operations": {"shout": {"action": "shout", "channel": {}}}})


def test_asyncapi_topics():
    """The document names all topics, in both directions."""
    directions = {"receive": set(), "send": set()}
    for operation in ASYNCAPI["operations"].values():
        channel = ASYNCAPI["channels"][operation["channel"]["$ref"].rpartition("/")[2]]
        directions[operation["action"]].add(channel["address"].removeprefix("{appId}."))
    assert directions["receive"] == {"emails", "calls", "orders", "rerouted", "state"}
    assert directions["send"] == {"alerts", "alerts-history", "rejected", "dead-letters", "rerouted", "state"}


def test_asyncapi_examples():
    """Every message has an example that is valid by the schema of its payload, which exists."""
    messages = {name: message for name, message in ASYNCAPI["components"]["messages"].items() if name != "state"}
    for message in messages.values():
        (example,) = message["examples"]
        component(message["payload"]["$ref"].rpartition("/")[2]).validate(example["payload"])


@given(interactions)
def test_asyncapi_interaction(sent):
    """The schemas of the AsyncAPI document say of an interaction what its JSON Schema says, enveloped or not."""
    event = examples.STRUCTURED | {"data": sent}
    component("Interaction").validate(sent)
    component("InteractionEvent").validate(event)
    component("InteractionData").validate(unwrap_structured(event))


def test_asyncapi_alert():
    """The alert of the AsyncAPI document refuses what the model refuses."""
    assert component("AlertEvent").is_valid(AlertEvent.model_validate(examples.ALERT).model_dump())
    assert not component("AlertEvent").is_valid(examples.ALERT | {"source": "nowhere"})

"""The broker that the tests start, and what they leave on it."""

import subprocess
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
import yaml

from tests import kafka as broker

ROOT = Path(__file__).parents[1]


def test_an_installation_is_removed_with_all_its_topics(kafka, app_id):
    """What a test leaves on the broker goes, and what belongs to another name stays."""
    own, other = f"{app_id}.emails", f"{app_id}-not.emails"
    broker.create(kafka, own, other)
    broker.remove(kafka, app_id)
    assert {own, other} & broker.topics(kafka) == {other}
    broker.remove(kafka, f"{app_id}-not")
    assert other not in broker.topics(kafka)


def fail_midway(folder):
    """Start a broker, create a topic, and fail."""
    with broker.running(folder) as address:
        broker.create(address, "kept")
        raise ZeroDivisionError(address)


def test_the_broker_is_stopped_when_a_test_fails(tmp_path):
    """A fault in the middle of a session leaves no broker running, and the same folder starts again with its data."""
    with pytest.raises(ZeroDivisionError) as caught:
        fail_midway(tmp_path)
    assert not broker.answers(str(caught.value), seconds_max=0.1)
    with broker.running(tmp_path) as address:
        assert "kept" in broker.topics(address)


def test_a_broker_that_does_not_start_says_why(tmp_path):
    """The reason is part of the error: here a file where the data should be."""
    (tmp_path / "data").write_text("in the way")
    with pytest.raises(broker.NoKafkaError, match="log directories"), broker.running(tmp_path):
        pass


@pytest.mark.parametrize(
    ("path", "arguments", "said", "code"),
    [
        ("/nowhere", [], "Java 17 or newer is needed", 1),
        (None, ["--port", "x"], "PORT should be 1-65533", 2),
        (None, ["--port"], "--port needs a value", 2),
        (None, ["--nonsense"], "unknown argument --nonsense", 2),
    ],
)
def test_what_is_missing_is_told_in_one_line(path, arguments, said, code, monkeypatch, tmp_path):
    """The last line names what is wrong; a missing Java comes with what to install."""
    if path:
        for tool in ("bash", "dirname", "sed", "head"):
            found = subprocess.run(["which", tool], capture_output=True, text=True, check=True).stdout.strip()
            (tmp_path / tool).symlink_to(found)
        monkeypatch.setenv("PATH", str(tmp_path))
    process = subprocess.run([broker.RUN, *arguments], capture_output=True, text=True, check=False)
    assert process.returncode == code
    assert said in process.stderr.splitlines()[-1]


def test_compose_runs_the_same_kafka():
    """Tests by jar and Compose by image speak of one version of Kafka."""
    pom = ET.parse(ROOT / "deploy" / "kafka" / "pom.xml")
    namespace = {"m": "http://maven.apache.org/POM/4.0.0"}
    (version,) = [
        dependency.findtext("m:version", namespaces=namespace)
        for dependency in pom.iterfind(".//m:dependency", namespace)
        if dependency.findtext("m:groupId", namespaces=namespace) == "org.apache.kafka"
    ]
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    assert compose["services"]["kafka"]["image"] == f"apache/kafka:{version}"

"""What tests share: a real Kafka, names of their own on it, and an environment without settings."""

import os
import signal
import uuid

import hypothesis
import pytest

from detector.shell.config.settings import Settings
from detector.shell.kafka import topics
from tests import kafka as broker
from tests import secure


def pytest_configure():
    """Let a terminated run (a cancelled build) end like an interrupted one, so that it stops its broker too.

    And let no example fail by the clock: the first one that meets a kernel compiles it.
    """
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    hypothesis.settings.register_profile("untimed", deadline=None)
    hypothesis.settings.load_profile("untimed")


def pytest_collection_modifyitems(items):
    """Mark what needs the broker, and run it first: `pytest -m "not kafka"` is the quick half.

    What needs a broker mostly waits. Begun first, it waits beside everything else when files run side by side.
    """
    waiting = set()
    for item in items:
        if {"kafka", "secure_kafka"} & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.kafka)
            waiting.add(item.path)
    items.sort(key=lambda item: item.path not in waiting)


@pytest.fixture(scope="session", autouse=True)
def no_settings_from_outside():
    """Keep the settings of whoever runs the tests out of them."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.upper().startswith("GHOSTING_")]:
            patch.delenv(name)
        yield


@pytest.fixture(scope="session")
def kafka(tmp_path_factory):
    """Give the address of a real Kafka: that of KAFKA_BOOTSTRAP_SERVERS, else one that lives as long as the session."""
    given = os.environ.get("KAFKA_BOOTSTRAP_SERVERS")
    if given:
        if not broker.answers(given, seconds_max=broker.REPLY_SECONDS_MAX):
            pytest.fail(
                f"no Kafka answers at KAFKA_BOOTSTRAP_SERVERS={given}; unset it to have one started", pytrace=False
            )
        yield given
        return
    try:
        with broker.running(tmp_path_factory.mktemp("kafka")) as address:
            yield address
    except broker.NoKafkaError as error:
        pytest.fail(f"no Kafka to test with: {error}", pytrace=False)


@pytest.fixture(scope="session")
def secure_kafka(tmp_path_factory):
    """Give a Kafka of our own with TLS, passwords and ACLs; it lives as long as the session."""
    try:
        with secure.running(tmp_path_factory.mktemp("secure")) as node:
            yield node
    except broker.NoKafkaError as error:
        pytest.fail(f"no secured Kafka to test with: {error}", pytrace=False)


@pytest.fixture
def app_id(kafka):
    """Give a name for an installation that no other test has; its topics and group are deleted afterwards."""
    name = f"test-{uuid.uuid4().hex[:12]}"
    yield name
    broker.remove(kafka, name)


@pytest.fixture
def installed(kafka, app_id, tmp_path):
    """Give a function that makes an installation with topics, one that alerts soon; it takes further settings."""

    async def install(**given):
        found = Settings(
            bootstrap_servers=kafka,
            app_id=app_id,
            settle_s=1,
            learning_gaps_min=1,
            false_alerts_per_client_year=5,
            data_dir=tmp_path,
            **given,
        )
        await topics.create(found)
        return found

    return install

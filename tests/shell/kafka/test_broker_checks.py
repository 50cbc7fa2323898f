"""What the guarantee needs of the broker: each danger is one line with its remedy."""

import pytest

from detector.shell.config.settings import Settings
from detector.shell.kafka.broker_checks import broker_dangers, topic_dangers
from detector.shell.kafka.topic_layout import layout

SETTINGS = Settings(replication=3)
EMAILS, STATE = SETTINGS.source_topics[0], SETTINGS.state_topic
DAY_MS = 86_400_000


@pytest.mark.parametrize("topic", layout(SETTINGS))
def test_what_create_makes_is_no_danger(topic):
    """The topics that we make ourselves are as they must be."""
    assert topic_dangers(SETTINGS, topic, layout(SETTINGS)[topic], 3) == []


@pytest.mark.parametrize("topic", layout(SETTINGS))
def test_a_broker_that_tells_nothing_is_believed(topic):
    """The embedded broker of the demo describes no configuration."""
    assert topic_dangers(SETTINGS, topic, {}, 1) == []
    assert broker_dangers(SETTINGS, {}) == []


@pytest.mark.parametrize(
    ("topic", "config", "copies", "said"),
    [
        (EMAILS, {"min.insync.replicas": "2"}, 1, ("fewer copies (1)", "set min.insync.replicas=1")),
        (EMAILS, {"min.insync.replicas": "1"}, 3, ("may be lost", "set min.insync.replicas=2")),
        (
            EMAILS,
            {"cleanup.policy": "delete", "retention.ms": str(2 * DAY_MS)},
            1,
            ("keeps records for 2 days", f"set retention.ms={7 * DAY_MS} or more", "GHOSTING_AWAY_DAYS_MAX"),
        ),
        (EMAILS, {"cleanup.policy": "compact"}, 1, ("drops interactions", "set cleanup.policy=delete")),
        (EMAILS, {"retention.bytes": "1000"}, 1, ("read or not", "set retention.bytes=-1")),
        (STATE, {"cleanup.policy": "delete"}, 1, ("would lose state", "set cleanup.policy=compact")),
        (STATE, {"cleanup.policy": "compact,delete"}, 1, ("would lose state", "set cleanup.policy=compact")),
        (
            STATE,
            {"message.timestamp.type": "CreateTime"},
            1,
            ("clock cannot be asked", "set message.timestamp.type=LogAppendTime"),
        ),
    ],
)
def test_a_dangerous_topic_is_named_with_its_remedy(topic, config, copies, said):
    """One line: what is the case, what could happen, what to do."""
    (line,) = topic_dangers(SETTINGS, topic, config, copies)
    assert line.startswith(f"topic {topic} ")
    assert all(part in line for part in said)


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"transaction.max.timeout.ms": "10000"}, "GHOSTING_TRANSACTION_TIMEOUT_S=15 is more than the broker allows"),
        ({"group.min.session.timeout.ms": "30000"}, "GHOSTING_SESSION_TIMEOUT_S=20 is not among what"),
        ({"group.max.session.timeout.ms": "10000"}, "GHOSTING_SESSION_TIMEOUT_S=20 is not among what"),
    ],
)
def test_a_limit_of_the_broker_is_named_with_the_setting_that_exceeds_it(config, said):
    """A worker would fail at its first transaction, or never join the group."""
    (line,) = broker_dangers(SETTINGS, config)
    assert line.startswith(said)

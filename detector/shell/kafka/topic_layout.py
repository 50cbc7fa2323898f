"""The topics of an installation, and how each is configured: how long it keeps records, or that it is compacted."""

from collections.abc import Mapping
from typing import Final

from detector.shell.config.settings import Settings

DAY_MS: Final = 86_400_000
COMPACTED: Final = {"cleanup.policy": "compact"}
STAMPED: Final = {"message.timestamp.type": "LogAppendTime"}  # by the broker's clock, which ours is compared with


def _kept(days: int) -> dict[str, str]:
    return {"cleanup.policy": "delete", "retention.ms": str(days * DAY_MS)}


# A month is time enough to notice that workers are away, or that a deployment was bad. The broker stamps the records:
# if a producer stamped them with the times of old events, Kafka would delete them at once.
SOURCE: Final = {**_kept(30), **STAMPED}
ALERTS: Final = _kept(30)
HISTORY: Final = _kept(90)  # after a backfill, people have time to look
REJECTED: Final = _kept(30)
DEAD_LETTERS: Final = _kept(30)
COMMANDS: Final = _kept(90)
GAPS: Final = _kept(90)
# Only closed segments are compacted, and a restore reads all that is not: small segments, closed daily at the latest.
STATE: Final = {
    **COMPACTED,
    **STAMPED,
    "segment.bytes": str(64 << 20),
    "segment.ms": str(DAY_MS),
    "min.cleanable.dirty.ratio": "0.2",
    "max.compaction.lag.ms": str(DAY_MS),
}


def layout(settings: Settings) -> dict[str, Mapping[str, str]]:
    """Return all topics, each with the configuration that it should have."""
    kept = {
        **dict.fromkeys(settings.source_topics, SOURCE),
        settings.alerts_topic: ALERTS,
        settings.history_topic: HISTORY,
        settings.rejected_topic: REJECTED,
        settings.dead_letters_topic: DEAD_LETTERS,
        settings.commands_topic: COMMANDS,
        settings.gaps_topic: GAPS,
        settings.rerouted_topic: SOURCE,
        settings.state_topic: STATE,
    }
    # Two of three copies must have a record before it is acknowledged: one broker may be lost with its disk.
    in_step = {"min.insync.replicas": str(min(2, settings.replication - 1))} if settings.replication > 1 else {}
    return {topic: {**configs, **in_step} for topic, configs in kept.items()}


def described(settings: Settings, topic: str) -> str:
    """Describe for people how a topic is created.

    Examples
    --------
    >>> described(Settings(), "ghosting.alerts")
    'partitions: 4, copies: 1, kept for 30 days'
    >>> described(Settings(), "ghosting.state")
    'partitions: 4, copies: 1, compacted'
    """
    configs = layout(settings)[topic]
    kept = f"kept for {int(configs['retention.ms']) // DAY_MS} days" if "retention.ms" in configs else "compacted"
    return f"partitions: {settings.partitions}, copies: {settings.replication}, {kept}"

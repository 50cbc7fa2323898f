"""What the guarantees need of the broker, besides the number of partitions.

Each check is for something that could lose a record, or that would keep a worker from committing. Harmless differences
from what `ghosting topics create` makes are left to `topics.deviations`.
"""

from collections.abc import Mapping

from detector.shell.config.settings import Settings, variable
from detector.shell.kafka.topic_layout import DAY_MS, STAMPED

Configs = Mapping[str, str]

TOPIC_CONFIGS = ("cleanup.policy", "min.insync.replicas", "message.timestamp.type", "retention.ms", "retention.bytes")
"""The configurations of a topic that are checked."""
BROKER_CONFIGS = ("transaction.max.timeout.ms", "group.min.session.timeout.ms", "group.max.session.timeout.ms")
"""The configurations of a broker that are checked."""
_COPIES_MIN = 2  # of three: one broker may be lost with its disk


def topic_dangers(settings: Settings, topic: str, config: Configs, copies: int) -> list[str]:
    """List what is dangerous about a topic: one line each, with the remedy.

    Parameters
    ----------
    settings
        In force.
    topic
        The topic's name.
    config
        The topic's configuration, as far as the broker shows it.
    copies
        How many copies of the topic the brokers keep.
    """
    dangers = []
    least = int(config.get("min.insync.replicas", "1"))
    if least > copies:
        dangers.append(
            f"topic {topic} has min.insync.replicas={least} but fewer copies ({copies}), so that nobody can write to"
            f" it; set min.insync.replicas={max(1, copies - 1)} on it with kafka-configs.sh"
        )
    elif least < _COPIES_MIN < copies:
        dangers.append(
            f"topic {topic} has {copies} copies but min.insync.replicas={least}: a record that one broker took may be"
            f" lost with it; set min.insync.replicas={_COPIES_MIN} on it with kafka-configs.sh"
        )
    if topic in settings.input_topics:
        dangers += _source_dangers(settings, topic, config)
    if topic == settings.state_topic:
        dangers += _state_dangers(topic, config)
    return dangers


def _source_dangers(settings: Settings, topic: str, config: Configs) -> list[str]:
    dangers = []
    kept_ms, least_ms = int(config.get("retention.ms", "-1")), settings.away_days_max * DAY_MS
    if "delete" in config.get("cleanup.policy", "") and 0 <= kept_ms < least_ms:
        dangers.append(
            f"topic {topic} keeps records for {kept_ms / DAY_MS:g} days, and workers may be away for"
            f" {settings.away_days_max:g}; set retention.ms={int(least_ms)} or more on it with kafka-configs.sh, or"
            f" lower {variable('away_days_max')}"
        )
    if "compact" in config.get("cleanup.policy", ""):
        dangers.append(
            f"topic {topic} is compacted, which drops interactions of a client; set cleanup.policy=delete on it with"
            " kafka-configs.sh"
        )
    if int(config.get("retention.bytes", "-1")) >= 0:
        dangers.append(
            f"topic {topic} drops records beyond retention.bytes={config['retention.bytes']}, read or not; set"
            " retention.bytes=-1 on it with kafka-configs.sh"
        )
    return dangers


def _state_dangers(topic: str, config: Configs) -> list[str]:
    dangers = []
    policy = config.get("cleanup.policy", "compact")
    if policy != "compact":
        dangers.append(
            f"topic {topic} has cleanup.policy={policy} and would lose state; set cleanup.policy=compact on it with"
            " kafka-configs.sh"
        )
    ((name, wanted),) = STAMPED.items()
    if config.get(name, wanted) != wanted:
        dangers.append(
            f"topic {topic} has {name}={config[name]}, so that the broker's clock cannot be asked; set {name}={wanted}"
            " on it with kafka-configs.sh"
        )
    return dangers


def broker_dangers(settings: Settings, config: Configs) -> list[str]:
    """List the limits of the broker that the settings exceed: one line each, with the remedy."""
    dangers = []
    longest_ms, ours_ms = int(config.get("transaction.max.timeout.ms", "900000")), settings.transaction_timeout_s * 1000
    if ours_ms > longest_ms:
        dangers.append(
            f"{variable('transaction_timeout_s')}={settings.transaction_timeout_s} is more than the broker allows"
            f" (transaction.max.timeout.ms={longest_ms}); lower it, or raise the broker's limit"
        )
    shortest_s = int(config.get("group.min.session.timeout.ms", "6000")) / 1000
    longest_s = int(config.get("group.max.session.timeout.ms", "1800000")) / 1000
    if not shortest_s <= settings.session_timeout_s <= longest_s:
        dangers.append(
            f"{variable('session_timeout_s')}={settings.session_timeout_s} is not among what the broker allows,"
            f" {shortest_s:g} to {longest_s:g} s (group.min.session.timeout.ms, group.max...); change one of them"
        )
    return dangers

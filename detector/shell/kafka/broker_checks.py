"""What the guarantee needs of the broker beyond the number of partitions, and what is wrong with it.

Nothing here is a matter of taste: each line names something that could lose a record, or that would keep a worker from
committing. What is merely other than `ghosting topics create` makes it is left to `topics.deviations`.
"""

from collections.abc import Mapping

from detector.shell.config.settings import Settings, variable
from detector.shell.kafka.topic_layout import DAY_MS, STAMPED

Configs = Mapping[str, str]

TOPIC_CONFIGS = ("cleanup.policy", "min.insync.replicas", "message.timestamp.type", "retention.ms", "retention.bytes")
"""What is looked at of each topic."""
BROKER_CONFIGS = ("transaction.max.timeout.ms", "group.min.session.timeout.ms", "group.max.session.timeout.ms")
"""What is looked at of a broker."""
_COPIES_MIN = 2  # of three: one broker may be lost with its disk


def topic_dangers(settings: Settings, topic: str, config: Configs, copies: int) -> list[str]:
    """Say what is dangerous about a topic: one line each, with the remedy.

    Parameters
    ----------
    settings
        In force.
    topic
        Its name.
    config
        Its configuration, as far as the broker tells.
    copies
        How many copies of it the broker keeps.
    """
    found = []
    least = int(config.get("min.insync.replicas", "1"))
    if least > copies:
        found.append(
            f"topic {topic} has min.insync.replicas={least} but fewer copies ({copies}), so that nobody can write to"
            f" it; set min.insync.replicas={max(1, copies - 1)} on it with kafka-configs.sh"
        )
    elif least < _COPIES_MIN < copies:
        found.append(
            f"topic {topic} has {copies} copies but min.insync.replicas={least}: a record that one broker took may be"
            f" lost with it; set min.insync.replicas={_COPIES_MIN} on it with kafka-configs.sh"
        )
    if topic in settings.input_topics:
        found += _source_dangers(settings, topic, config)
    if topic == settings.state_topic:
        found += _state_dangers(topic, config)
    return found


def _source_dangers(settings: Settings, topic: str, config: Configs) -> list[str]:
    found = []
    kept_ms, least_ms = int(config.get("retention.ms", "-1")), settings.away_days_max * DAY_MS
    if "delete" in config.get("cleanup.policy", "") and 0 <= kept_ms < least_ms:
        found.append(
            f"topic {topic} keeps records for {kept_ms / DAY_MS:g} days, and workers may be away for"
            f" {settings.away_days_max:g}; set retention.ms={int(least_ms)} or more on it with kafka-configs.sh, or"
            f" lower {variable('away_days_max')}"
        )
    if "compact" in config.get("cleanup.policy", ""):
        found.append(
            f"topic {topic} is compacted, which drops interactions of a client; set cleanup.policy=delete on it with"
            " kafka-configs.sh"
        )
    if int(config.get("retention.bytes", "-1")) >= 0:
        found.append(
            f"topic {topic} drops records beyond retention.bytes={config['retention.bytes']}, read or not; set"
            " retention.bytes=-1 on it with kafka-configs.sh"
        )
    return found


def _state_dangers(topic: str, config: Configs) -> list[str]:
    found = []
    policy = config.get("cleanup.policy", "compact")
    if policy != "compact":
        found.append(
            f"topic {topic} has cleanup.policy={policy} and would lose state; set cleanup.policy=compact on it with"
            " kafka-configs.sh"
        )
    ((name, wanted),) = STAMPED.items()
    if config.get(name, wanted) != wanted:
        found.append(
            f"topic {topic} has {name}={config[name]}, so that the broker's clock cannot be asked; set {name}={wanted}"
            " on it with kafka-configs.sh"
        )
    return found


def broker_dangers(settings: Settings, config: Configs) -> list[str]:
    """Say which limits of the broker the settings exceed: one line each, with the remedy."""
    found = []
    longest_ms, ours_ms = int(config.get("transaction.max.timeout.ms", "900000")), settings.transaction_timeout_s * 1000
    if ours_ms > longest_ms:
        found.append(
            f"{variable('transaction_timeout_s')}={settings.transaction_timeout_s} is more than the broker allows"
            f" (transaction.max.timeout.ms={longest_ms}); lower it, or raise the broker's limit"
        )
    shortest_s = int(config.get("group.min.session.timeout.ms", "6000")) / 1000
    longest_s = int(config.get("group.max.session.timeout.ms", "1800000")) / 1000
    if not shortest_s <= settings.session_timeout_s <= longest_s:
        found.append(
            f"{variable('session_timeout_s')}={settings.session_timeout_s} is not among what the broker allows,"
            f" {shortest_s:g} to {longest_s:g} s (group.min.session.timeout.ms, group.max...); change one of them"
        )
    return found

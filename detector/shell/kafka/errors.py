"""What can go wrong with Kafka: the errors that others may catch, and one line for what Kafka denies us."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from aiokafka.errors import (
    ClusterAuthorizationFailedError,
    CommitFailedError,
    GroupAuthorizationFailedError,
    IllegalStateError,
    KafkaError,
    ProducerFenced,
    TopicAuthorizationFailedError,
    TransactionalIdAuthorizationFailed,
)

from detector.shell.config.connection import ConnectionSettings
from detector.shell.config.settings import variable

BrokerError = KafkaError
"""Anything that the Kafka client raises; the errors below are kinds of it."""
Fenced = ProducerFenced
"""Another producer has taken over the transactional id of ours."""
NotAssigned = IllegalStateError
"""A partition is not ours, or no longer."""
CommitRefused = CommitFailedError
"""The group has changed, so that our offsets are not taken."""


class BrokerUnreachable(Exception):  # noqa: N818 - named for the state, as ConnectionRefused would be
    """No broker answers at the addresses in force. The message is one line that names the setting."""

    def __init__(self, settings: ConnectionSettings) -> None:
        super().__init__(
            f"no Kafka answers at {settings.bootstrap_servers} by {settings.security_protocol}; start it or correct"
            f" {variable('bootstrap_servers')} or {variable('security_protocol')}"
        )


class AccessDenied(Exception):  # noqa: N818 - as above
    """Kafka, or the TLS layer below it, refuses us. The message is one line with what to correct or to grant."""


class TopicError(Exception):
    """The broker refuses to create, describe or delete a topic. The message is one line with its reason."""


def denial_of(error: BaseException, settings: ConnectionSettings) -> str | None:
    """Describe in one line what Kafka denies us and how to get it; None if the error is no denial."""
    match error:
        case TopicAuthorizationFailedError():
            what = f"topic {_names(error)}"
        case GroupAuthorizationFailedError():
            what = f"consumer group {_names(error)}"
        case TransactionalIdAuthorizationFailed():
            what = "the transactional ids that start with the installation's name"
        case ClusterAuthorizationFailedError():
            what = "the cluster"
        case _:
            return None
    return f"Kafka denies {user_of(settings)} the use of {what}; grant what docs/security.md lists for this command"


@contextmanager
def mapping_denials(settings: ConnectionSettings) -> Iterator[None]:
    """Map every denial that is raised in the block to `AccessDenied`."""
    try:
        yield
    except KafkaError as error:
        denial = denial_of(error, settings)
        if denial is None:
            raise
        raise AccessDenied(denial) from None


def user_of(settings: ConnectionSettings) -> str:
    """Describe the user that Kafka takes us for."""
    if settings.security_protocol.startswith("SASL"):
        return f"user {settings.sasl_username}" if settings.sasl_username else "the user of our token"
    return "the user of our certificate" if settings.tls_certificate_file else "users without a name"


def _names(error: BaseException) -> str:
    (name,) = error.args[:1] or ("",)
    return ", ".join(sorted(map(str, name))) if isinstance(name, Iterable) and not isinstance(name, str) else str(name)

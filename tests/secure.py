"""A Kafka with TLS, passwords and ACLs for the tests: started by `deploy/kafka/run --secure`, and its administrator."""

import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from confluent_kafka.admin import (
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialUpsertion,
)

from tests import kafka as broker


class Acl(NamedTuple):
    """An operation that a user may perform on a resource; a name that ends with * stands for all that start so."""

    resource: str
    name: str
    operation: str

    def __str__(self) -> str:
        return f"{self.operation} {self.resource} {self.name}"


class SecureKafka(NamedTuple):
    """A node that lets nobody in without a name, and lets nobody but its administrator do anything."""

    address: str
    mutual_address: str
    secrets: Path

    def admin(self) -> AdminClient:
        """Connect as the administrator."""
        return broker.admin(self.address, access(self.secrets))

    def add_user(self, name: str) -> str:
        """Make a user for SCRAM-SHA-512, and give the password."""
        password = secrets.token_hex(16)
        scram = ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, 4096)
        made = UserScramCredentialUpsertion(name, scram, password.encode())
        client = self.admin()
        for reply in client.alter_user_scram_credentials([made]).values():
            reply.result(broker.REPLY_SECONDS_MAX)
        return password

    def grant(self, user: str, acls: Iterable[Acl]) -> None:
        """Allow the user this and nothing else."""
        client = self.admin()
        everything = AclBindingFilter(
            ResourceType.ANY,
            None,
            ResourcePatternType.ANY,
            f"User:{user}",
            None,
            AclOperation.ANY,
            AclPermissionType.ANY,
        )
        for gone in client.delete_acls([everything]).values():
            gone.result(broker.REPLY_SECONDS_MAX)
        bindings = [_binding(user, acl) for acl in acls]
        for made in client.create_acls(bindings).values():
            made.result(broker.REPLY_SECONDS_MAX)
        broker.wait_until(
            lambda: set(client.describe_acls(everything).result(broker.REPLY_SECONDS_MAX)) == set(bindings),
            f"{user} has exactly these rights",
        )


def access(folder: Path) -> dict[str, str]:
    """Give what a client needs to come in as the administrator."""
    password = folder / "admin.password"
    return {
        "security.protocol": "SASL_SSL",
        "ssl.ca.location": str(folder / "ca.pem"),
        "sasl.mechanism": "SCRAM-SHA-512",
        "sasl.username": "admin",
        "sasl.password": password.read_text().strip() if password.exists() else "not made yet",
    }


@contextmanager
def running(folder: Path) -> Iterator[SecureKafka]:
    """Run a secured node with its data in the folder."""
    made = folder / "secrets"
    with broker.running(folder, "--secure", access=lambda: access(made), ports=3) as address:
        host, _, port = address.rpartition(":")
        yield SecureKafka(address, f"{host}:{int(port) + 2}", made)


def _binding(user: str, acl: Acl) -> AclBinding:
    pattern = ResourcePatternType.PREFIXED if acl.name.endswith("*") else ResourcePatternType.LITERAL
    resource = {
        "Cluster": ResourceType.BROKER,
        "Topic": ResourceType.TOPIC,
        "Group": ResourceType.GROUP,
        "TransactionalId": ResourceType.TRANSACTIONAL_ID,
    }
    return AclBinding(
        resource[acl.resource],
        acl.name.removesuffix("*"),
        pattern,
        f"User:{user}",
        "*",
        AclOperation[acl.operation],
        AclPermissionType.ALLOW,
    )

"""The systems that are compared: what starts each of them, and in which environment."""

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

from broker import CACHE

HERE = Path(__file__).parent
SYSTEMS = HERE / "systems"
INSTALL_SECONDS_MAX = 900


@dataclass(frozen=True)
class System:
    """One row of the table.

    Parameters
    ----------
    key
        For `--only`.
    name
        For people.
    program
        A file of `systems/`; `Watch` is Kafka Streams.
    group
        The dependency group of its environment.
    variant
        What the program is told to be.
    durable
        Where its state survives, and with which guarantee.
    slow
        It gets a tenth of events and clients, or a run would take minutes.
    alerts
        Whether it does the job at all; the floor only reads.
    """

    key: str
    name: str
    program: str
    group: str
    variant: str = ""
    durable: str = ""
    slow: bool = False
    alerts: bool = True


PEERS = (
    System("aiokafka", "aiokafka consumer", "raw_aiokafka", "raw", "bytes", "nothing kept", alerts=False),
    System(
        "aiokafka-json", "aiokafka consumer + orjson", "raw_aiokafka", "raw", "parsed", "nothing kept", alerts=False
    ),
    System("confluent", "confluent-kafka consumer", "raw_confluent", "raw", "bytes", "nothing kept", alerts=False),
    System(
        "confluent-json",
        "confluent-kafka consumer + orjson",
        "raw_confluent",
        "raw",
        "parsed",
        "nothing kept",
        alerts=False,
    ),
    System("streams-memory-eos", "Kafka Streams, memory", "Watch", "java", "memory exactly_once_v2", "exactly once"),
    System("streams-rocks-eos", "Kafka Streams, RocksDB", "Watch", "java", "rocks exactly_once_v2", "exactly once"),
    System("streams-memory-alo", "Kafka Streams, memory", "Watch", "java", "memory at_least_once", "at least once"),
    System("streams-rocks-alo", "Kafka Streams, RocksDB", "Watch", "java", "rocks at_least_once", "at least once"),
    System("bytewax", "Bytewax", "bytewax_flow", "bytewax", "forgetful", "not at all"),
    System(
        "bytewax-recovery", "Bytewax, recovery store", "bytewax_flow", "bytewax", "recovery", "at least once, in SQLite"
    ),
    System("quix-alo", "Quix Streams", "quix", "quix", "at-least-once", "at least once"),
    System("quix-eos", "Quix Streams", "quix", "quix", "exactly-once", "exactly once"),
    System("flink", "PyFlink, thread mode", "flink", "flink", "", "at least once, in checkpoint files", slow=True),
    System("faust-tuned", "Faust, tuned", "faust_tuned", "faust", "", "at least once", slow=True),
    System("faust-stock", "Faust + River", "faust_stock", "faust", "", "at least once", slow=True),
)


class NotInstalledError(Exception):
    """A system cannot be run here, and why."""


def python(group: str) -> Path:
    """Give the interpreter of a group's environment."""
    return CACHE / "env" / group / "bin" / "python"


def install(group: str, uv: str, interpreter: str) -> None:
    """Set up what a group of systems needs, with the versions of the lock; nothing happens if it is there.

    Raises
    ------
    NotInstalledError
        If that fails.
    """
    if group == "java":
        _maven(SYSTEMS / "kafka_streams", f"-Dbench.target={CACHE / 'kafka_streams'}", "package")
        return
    _run(
        [uv, "sync", "--project", HERE, "--frozen", "--only-group", group, "--python", interpreter],
        {"UV_PROJECT_ENVIRONMENT": str(CACHE / "env" / group), "UV_LINK_MODE": "copy"},
    )
    if group == "flink":
        _maven(SYSTEMS / "flink_jars", f"-DoutputDirectory={CACHE / 'flink_jars'}")


def _maven(folder: Path, place: str, *goals: str) -> None:
    """Fetch jars, once: Maven takes seconds even if nothing is to be done."""
    stamp = CACHE / f"{folder.name}.done"
    sources = [file for file in folder.rglob("*") if file.is_file()]
    if stamp.exists() and all(file.stat().st_mtime < stamp.stat().st_mtime for file in sources):
        return
    _run(["mvn", "-q", "-B", "-f", folder / "pom.xml", place, *goals, "dependency:copy-dependencies"], {})
    stamp.touch()


def _run(command: list[str | Path], environment: dict[str, str]) -> None:
    CACHE.mkdir(parents=True, exist_ok=True)
    try:
        done = subprocess.run(
            command,
            env={**os.environ, **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=INSTALL_SECONDS_MAX,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NotInstalledError(str(error)) from None
    if done.returncode:
        lines = [line.strip() for line in done.stdout.splitlines() if line.strip()]
        raise NotInstalledError(next((line for line in lines if "error" in line.lower()), "".join(lines[-1:])))


def command(system: System, folder: Path) -> list[str | Path]:
    """Give what starts a system; its scratch folder exists."""
    if system.group == "java":
        jars = CACHE / "kafka_streams"
        return ["java", "-Xmx1g", "-cp", f"{jars / 'jars'}/*:{jars / 'benchmark-kafka-streams-1.jar'}", system.program]
    if system.group == "bytewax":
        flow: list[str | Path] = [python("bytewax"), "-m", "bytewax.run", f"{system.program}:flow"]
        if system.variant == "recovery":
            subprocess.run([python("bytewax"), "-m", "bytewax.recovery", folder, "1"], check=True)
            flow += ["-r", folder, "-s", "1", "-b", "0"]
        return flow
    return [python(system.group), SYSTEMS / f"{system.program}.py"]

"""Where the benchmark runs: machine and versions, for the record."""

import os
import platform
import re
import subprocess
from importlib.metadata import version
from pathlib import Path

from broker import ROOT
from systems import SYSTEMS

SHOWN = (
    "faust-streaming",
    "river",
    "quixstreams",
    "bytewax",
    "apache-flink",
    "aiokafka",
    "confluent-kafka",
    "numba",
    "pydantic",
)


def load() -> str:
    """Give the load of the last minute: what else was going on."""
    return f"{os.getloadavg()[0]:.1f}"


def described() -> dict[str, str]:
    """Describe where this runs and with what."""
    processor = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    memory_kb = re.search(r"MemTotal:\s*(\d+)", Path("/proc/meminfo").read_text())
    java = subprocess.run(["java", "-version"], capture_output=True, text=True, check=False).stderr.splitlines()
    git = subprocess.run(
        ["git", "-C", ROOT, "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False
    )
    jars = re.findall(r"<artifactId>(kafka-streams|kafka_2.13)</artifactId>\s*<version>([^<]*)", _poms())
    return {
        "processor": f"{processor[1] if processor else platform.machine()}, {os.cpu_count()} cores",
        "memory": f"{int(memory_kb[1]) / 1024**2:.0f} GiB" if memory_kb else "?",
        "system": f"{platform.system()} {platform.release()}",
        "Python": platform.python_version(),
        "Java": java[0] if java else "none",
        "detector": git.stdout.strip(),
        **dict(jars),
        **_versions(),
    }


def _poms() -> str:
    files = (SYSTEMS / "kafka_streams" / "pom.xml", ROOT / "deploy" / "kafka" / "pom.xml")
    return "".join(file.read_text() for file in files)


def _versions() -> dict[str, str]:
    """Give the versions of the packages, ours from here and the peers' from the lock."""
    locked = (Path(__file__).parent / "uv.lock").read_text()
    found = dict(re.findall(r'name = "([^"]+)"\nversion = "([^"]+)"', locked))
    here = {name: version(name) for name in ("numba", "pydantic")}
    return {name: {**found, **here}[name] for name in SHOWN}

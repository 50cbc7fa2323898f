"""A real Prometheus and a real Alertmanager for the tests: installed by our own script, waited for, and stopped."""

import json
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode
from urllib.request import urlopen

import yaml

from tests.kafka import free_port

ROOT = Path(__file__).parents[1]
INSTALL = ROOT / "deploy" / "prometheus" / "install"
PROGRAMS = ROOT / ".cache" / "prometheus" / "bin"
START_SECONDS_MAX = 60
REPLY_SECONDS_MAX = 10


def install() -> None:
    """Fetch the programs, unless they are there."""
    done = subprocess.run([INSTALL], stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 0, done.stderr


def promtool(*arguments: str | Path) -> str:
    """Run promtool, which must agree, and give what it says."""
    done = subprocess.run([PROGRAMS / "promtool", *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def asked(url: str, **query: str) -> Any:
    """Ask over HTTP and give the JSON of the answer."""
    with urlopen(f"{url}?{urlencode(query)}" if query else url, timeout=REPLY_SECONDS_MAX) as answer:
        return json.load(answer)


def answers(url: str) -> bool:
    """Say whether a server answers with a success."""
    try:
        with urlopen(url, timeout=REPLY_SECONDS_MAX):
            return True
    except (HTTPError, URLError, OSError):
        return False


@contextmanager
def _running(command: Sequence[str | Path], log: Path, url: str) -> Iterator[str]:
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output)
    try:
        give_up_at = time.monotonic() + START_SECONDS_MAX
        while not answers(f"{url}/-/ready"):
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < give_up_at, log.read_text()
            time.sleep(0.05)
        yield url
    finally:
        process.terminate()
        process.wait(START_SECONDS_MAX)


@contextmanager
def alertmanager(folder: Path) -> Iterator[str]:
    """Run an Alertmanager that sends nothing to anybody, and give its address."""
    config = folder / "alertmanager.yml"
    config.write_text(yaml.safe_dump({"route": {"receiver": "nobody"}, "receivers": [{"name": "nobody"}]}))
    address = f"127.0.0.1:{free_port()}"
    command = [
        PROGRAMS / "alertmanager",
        f"--config.file={config}",
        f"--storage.path={folder / 'alertmanager'}",
        f"--web.listen-address={address}",
        "--cluster.listen-address=",
    ]
    with _running(command, folder / "alertmanager.log", f"http://{address}") as url:
        yield url


@contextmanager
def prometheus(folder: Path, config: dict[str, Any]) -> Iterator[str]:
    """Run a Prometheus with a configuration, and give its address."""
    path = folder / "prometheus.yml"
    path.write_text(yaml.safe_dump(config))
    address = f"127.0.0.1:{free_port()}"
    command = [
        PROGRAMS / "prometheus",
        f"--config.file={path}",
        f"--storage.tsdb.path={folder / 'prometheus'}",
        f"--web.listen-address={address}",
    ]
    with _running(command, folder / "prometheus.log", f"http://{address}") as url:
        yield url


def wait_for(met: Callable[[], Any], what: str, seconds_max: float = START_SECONDS_MAX) -> Any:
    """Ask until the answer is yes, and give it."""
    give_up_at = time.monotonic() + seconds_max
    while not (found := met()):
        assert time.monotonic() < give_up_at, f"waited {seconds_max} s in vain until {what}"
        time.sleep(0.1)
    return found

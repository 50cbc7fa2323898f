"""A forked worker is like one that was started: what it says, how it ends, and which signals it minds."""

import signal
import time

import pytest

from detector.shell.worker.exit_codes import Exit
from tests.faults.fleet import Log
from tests.faults.nursery import Nursery

ENDED_SECONDS_MAX = 90
NOWHERE = {"GHOSTING_BOOTSTRAP_SERVERS": "127.0.0.1:1"}


@pytest.fixture(scope="module")
def nursery():
    """Give one process for all tests, as a job has."""
    with Nursery() as found:
        yield found


def test_its_environment_counts_and_its_exit_code_is_heard_of(nursery, tmp_path):
    """A worker without a broker says where it looked for one, in its own log, and ends with 1."""
    log = Log(tmp_path / "worker.log")
    worker = nursery.start(NOWHERE, log.path)
    assert worker.wait(ENDED_SECONDS_MAX) == Exit.CONFIG
    assert worker.returncode == worker.poll() == Exit.CONFIG
    assert "no Kafka answers at 127.0.0.1:1" in log.text()


@pytest.mark.parametrize("sign", [signal.SIGTERM, signal.SIGKILL])
def test_a_signal_ends_it_as_it_would_any_process(sign, nursery, tmp_path):
    """Before a worker minds SIGTERM itself, it dies of it; another one is not struck."""
    first, second = (nursery.start(NOWHERE, tmp_path / name) for name in ("first", "second"))
    first.send_signal(sign)
    assert first.wait(ENDED_SECONDS_MAX) == -sign
    assert second.wait(ENDED_SECONDS_MAX) == Exit.CONFIG


def test_one_that_is_stopped_has_not_ended(nursery, tmp_path):
    """SIGSTOP is no end; killed it can be all the same."""
    worker = nursery.start(NOWHERE, tmp_path / "worker.log")
    worker.send_signal(signal.SIGSTOP)
    time.sleep(0.2)
    assert worker.poll() is None
    worker.kill()
    assert worker.wait(ENDED_SECONDS_MAX) == -signal.SIGKILL


def test_a_line_of_a_log_is_read_when_it_is_whole(tmp_path):
    """What is half written is read later, and what is no entry is passed over."""
    log = Log(tmp_path / "worker.log")
    assert log.entries() == []
    with log.path.open("a") as file:
        for text, entries in (('{"event": "a"}\n', 1), ('Traceback\n{"event"', 1), (': "b"}\n', 2), ("", 2)):
            file.write(text)
            file.flush()
            assert len(log.entries()) == entries

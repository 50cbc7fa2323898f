"""When a worker that stands still has to end, and that it does."""

import asyncio
import threading
import time

import pytest

from detector.shell.config.settings import Settings
from detector.shell.worker import watchdog
from detector.shell.worker.exit_codes import MEANINGS, Exit
from detector.shell.worker.watchdog import Watch, Watchdog, WatchPolicy, policy_of

POLICY = WatchPolicy({Exit.STALLED: 30, Exit.RESTORE: 60, Exit.BLOCKED: 10, Exit.TRANSACTION: 20})
WAITED_SECONDS_MAX = 20


def verdicts(waits_at):
    """Judge once a second, the event loop being well; give the verdicts and when they came."""
    watch, found = Watch(POLICY), []
    for now_s, waits in waits_at:
        verdict = watch.judge(waits, now_s, now_s)
        if verdict is not None:
            found.append((now_s, verdict))
    return found


def test_a_worker_that_gets_on_lives():
    """A token that changes within its bound is progress, for as long as one likes."""
    assert verdicts((s, {(Exit.STALLED, 0): s // 29}) for s in range(500)) == []


@pytest.mark.parametrize("cause", [Exit.STALLED, Exit.RESTORE, Exit.TRANSACTION])
def test_a_wait_is_ended_at_its_bound(cause):
    """Each cause has a bound of its own, and its own code."""
    found = verdicts((float(s), {(cause, 3): "same"}) for s in range(100))
    assert found[0] == (POLICY.seconds_max[cause], cause)


def test_shards_are_judged_each():
    """One that gets on does not hide one that does not."""
    found = verdicts((s, {(Exit.STALLED, 0): s, (Exit.STALLED, 1): 0}) for s in range(40))
    assert found[0] == (30, Exit.STALLED)


def test_a_wait_that_ends_and_begins_again_has_its_whole_time():
    """Two restores of 59 seconds are not one of 118."""
    waits = {(Exit.RESTORE, 0): "x"}
    assert verdicts((s, {} if s == 59 else waits) for s in range(118)) == []


def test_what_has_no_bound_has_no_time():
    """A consumer that is gone is not waited for."""
    assert verdicts([(0.0, {(Exit.CONSUMER, -1): None})]) == [(0.0, Exit.CONSUMER)]


def test_an_event_loop_that_does_not_turn_is_noticed():
    """What was seen last is too long ago."""
    watch = Watch(POLICY)
    found = [watch.judge({}, 5.0, float(now_s)) for now_s in range(5, 17)]
    assert found == [None] * 11 + [Exit.BLOCKED]


def test_a_process_that_was_stopped_as_a_whole_is_excused():
    """After SIGSTOP or a suspend nothing has had the time to get on: everything begins anew."""
    watch = Watch(POLICY)
    waits = {(Exit.STALLED, 0): "same"}
    assert watch.judge(waits, 1.0, 1.0) is None
    assert watch.judge(waits, 1.0, 500.0) is None
    assert watch.judge(waits, 501.0, 501.0) is None
    assert [watch.judge(waits, s, s) for s in (505.0, 510.0, 515.0, 520.0, 525.0, 529.0, 531.0)][-2:] == [
        None,
        Exit.STALLED,
    ]


def test_every_bound_is_a_setting():
    """All causes that can last have a bound from the settings."""
    lasting = {cause for cause in Exit if cause not in (0, 1, 2, 130, 143)} - {
        Exit.BUG,
        Exit.FENCED,
        Exit.CONSUMER,
        Exit.PRODUCER,
    }
    assert policy_of(Settings()).seconds_max.keys() == lasting


@pytest.fixture
def ended(monkeypatch):
    """Let the watchdog look often, and note with what it would have ended the process."""
    monkeypatch.setattr(watchdog, "LOOK_EVERY_S", 0.01)
    codes, over = [], threading.Event()

    def end(code):
        codes.append(code)
        over.set()

    return codes, over, end


async def test_it_ends_the_process_and_says_why(ended):
    """The code is that of the cause, and whoever asks after our health hears it."""
    codes, over, end = ended
    dog = Watchdog(WatchPolicy({Exit.BLOCKED: 60, Exit.STALLED: 0.05}), lambda: {(Exit.STALLED, 0): 0}, end)
    assert dog.alive() is None
    dog.start()
    heartbeat = asyncio.create_task(dog.heartbeat())
    assert await asyncio.to_thread(over.wait, WAITED_SECONDS_MAX)
    heartbeat.cancel()
    assert codes == [Exit.STALLED]
    assert dog.alive() == MEANINGS[Exit.STALLED]


async def test_it_notices_a_blocked_event_loop_from_outside(ended):
    """While nothing else can run, its thread does."""
    codes, over, end = ended
    dog = Watchdog(WatchPolicy({Exit.BLOCKED: 0.05}), dict, end)
    dog.start()
    give_up_at = time.monotonic() + WAITED_SECONDS_MAX
    while not over.is_set():  # blocks the loop
        assert time.monotonic() < give_up_at
    assert codes == [Exit.BLOCKED]


async def test_a_look_that_fails_is_a_bug(ended):
    """A watchdog that cannot see must not pretend."""
    codes, _, end = ended

    def blind():
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await Watchdog(POLICY, blind, end).heartbeat()
    assert codes == [Exit.BUG]


async def test_it_can_be_called_off(ended):
    """A worker that has ended in order is watched no longer."""
    codes, _, end = ended
    dog = Watchdog(WatchPolicy(), lambda: {(Exit.STALLED, 0): 0}, end)
    dog.stop()
    dog.start()
    for thread in threading.enumerate():
        if thread.name == "watchdog":
            thread.join(WAITED_SECONDS_MAX)
    assert codes == []

"""The machine's clock, held to the broker's: jumps ahead, jumps back, and clocks that were never right."""

from hypothesis import given
from hypothesis import strategies as st

from detector.core.engine.shard import Policy, Shard
from detector.shell.kafka.broker_clock import ClockPolicy, WallClock

APART_S = 60.0
instants = st.floats(0, 4e9)
moments = st.floats(0, 1e7)


def agreed(broker_s=1000.0, monotonic_s=0.0):
    """Give a clock that has heard of the broker."""
    clock = WallClock(ClockPolicy(APART_S))
    clock.sync(broker_s, monotonic_s)
    return clock


def test_without_the_brokers_word_the_machine_is_believed():
    """A broker that stamps nothing cannot be asked."""
    clock = WallClock(ClockPolicy(APART_S))
    assert clock.now_s(5.0, 1.0) == 5.0
    assert not clock.has_drifted(5.0, 1.0)


def test_near_the_broker_the_machine_is_believed():
    """NTP leaves milliseconds; nobody corrects those."""
    clock = agreed()
    assert clock.now_s(1010.4, 10.0) == 1010.4
    assert not clock.has_drifted(1010.4, 10.0)


def test_a_jump_ahead_is_not_believed_until_the_broker_agrees():
    """After a suspend the monotonic clock has not moved: the broker's word of before counts, then its new one."""
    clock = agreed()
    assert clock.now_s(90_000.0, 10.0) == 1010.0
    assert clock.has_drifted(90_000.0, 10.0)
    clock.sync(90_000.2, 11.0)
    assert clock.now_s(90_001.0, 11.0) == 90_001.0
    assert not clock.has_drifted(90_001.0, 11.0)


def test_a_jump_back_is_not_believed_either():
    """Else events of now would be refused as lying in the future, and deadlines would wait."""
    assert agreed().now_s(-80_000.0, 10.0) == 1010.0


@given(instants, moments, instants, moments)
def test_never_further_from_the_broker_than_the_bound(broker_s, agreed_s, wall_s, later_s):
    """Whatever the machine says."""
    clock = agreed(broker_s, agreed_s)
    moment_s = agreed_s + later_s
    assert abs(clock.now_s(wall_s, moment_s) - (broker_s + later_s)) <= APART_S + 1e-3


def test_the_clock_of_a_shard_never_goes_back():
    """A frontier that falls behind it is passed over, and nothing is due twice."""
    shard = Shard(Policy(("emails",)))
    shard.enqueue_interactions("emails", [(0, interaction(1000.0))], [], 0, 2000.0)
    shard.advance(2000.0)
    shard.advance(500.0)
    assert shard.clock_s == 2000.0


def interaction(at):
    """Give an interaction of a client."""
    return {"event_id": "e1", "client_id": "c", "kind": "email", "at": at, "direction": "inbound"}

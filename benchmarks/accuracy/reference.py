"""The kernels against an independent implementation of the same formulas, contact by contact on the shop's orders.

The reference is the study's own code, beside the data; it is refitted each midnight too, which is the one thing it
leaves open.
"""

import importlib.util
from collections.abc import Iterator
from types import ModuleType

import numpy as np

from benchmarks.accuracy.logs import DATA, SESSION_DAYS, Floats, Ints, Row, retail, untaught
from detector.backtest.feed import feed
from detector.core.clock import DAY_S, NO_TIME_OFF, next_refit_s
from detector.core.engine.shard import Policy, Shard
from detector.core.model import rhythm
from detector.files.files import read_batches

REFERENCE = DATA.parent / "reference" / "rtail.py"
AHEAD_S = 4e9  # the reader's clock
WHAT = "deadlines and survivals equal to the reference implementation's, online_retail_ii, contact by contact"
GOAL = "to 1e-9 relative"


def orders() -> tuple[Ints, Floats]:
    """Clients' numbers and times of their orders, in order of time."""
    shard = Shard(Policy(sources=("log",)))
    log = feed(read_batches([str(retail())]), [shard], route=lambda _: "log", now_s=AHEAD_S).log()
    order = np.argsort(log.at_s, kind="stable")
    return log.client[order], log.at_s[order]


def loaded() -> ModuleType:
    """The reference, as a module."""
    spec = importlib.util.spec_from_file_location("rtail", REFERENCE)
    if spec is None or spec.loader is None:
        raise ImportError(str(REFERENCE))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.AMAX = 0.5  # type: ignore[attr-defined] # the study's cap was .25, and was found to be too low
    return module


def differences() -> list[float]:
    """Relative differences of each contact's gap survival and next deadline."""
    reference = loaded()
    client, at_s = orders()
    state = untaught(int(client.max()) + 1, 1.0)
    population = state.segments[0].contact
    theirs, their_segment = [reference.Client() for _ in state.silences], reference.Seg()
    refit_s, found = next_refit_s(float(at_s[0])), []
    for number, now_s in zip(client.tolist(), at_s.tolist(), strict=True):
        if now_s >= refit_s:
            state.refit()
            their_segment.refit()
            refit_s = next_refit_s(now_s)
        silence, their = state.silences[number], theirs[number]
        days = now_s / DAY_S - silence.last_s / DAY_S
        scored_before = days > SESSION_DAYS and silence.gaps
        survival = rhythm.survival(population, rhythm.measure(silence, population), days) if scored_before else np.nan
        rhythm.learn_contact(silence, population, now_s, SESSION_DAYS, NO_TIME_OFF)
        scored = reference.on_contact(their, now_s / DAY_S, their_segment, SESSION_DAYS)
        if scored and scored[1] is not None:
            found.append(abs(survival / scored[1] - 1))
        if their.ng >= rhythm.GAPS_MIN:
            by, y = rhythm.measure(silence, population), -np.log(rhythm.alert_probability(silence, population))
            found.append(abs(rhythm.outlasted_days(population, by, y) / reference.deadline(their, their_segment) - 1))
    return found


def rows() -> Iterator[Row]:
    """The largest difference of all."""
    if not REFERENCE.exists():
        yield Row(
            WHAT, GOAL, f"not measured: no {REFERENCE.parent.name}/{REFERENCE.name} beside the data", reached=False
        )
        return
    found = differences()
    yield Row(WHAT, GOAL, f"{max(found):.0e} at most ({len(found):,} figures)", max(found) <= 1e-9)

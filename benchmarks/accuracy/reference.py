"""The kernels against an independent implementation of the same formulas, contact by contact on the shop's orders.

The reference is the study's own code, beside the data; it is refitted each midnight too, which is the one thing it
leaves open.
"""

import importlib.util
import math
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from benchmarks.accuracy.logs import DATA, SESSION_DAYS, Floats, Ints, Row, retail, untaught
from detector.backtest.feed import feed
from detector.backtest.log import Log
from detector.core.clock import DAY_S, NO_TIME_OFF, next_refit_s
from detector.core.engine.outcomes import in_order
from detector.core.engine.shard import Policy, Shard
from detector.core.incidents.effect import CONTACT_SIGNAL, RESOLVED
from detector.core.layout import Records
from detector.core.model import rhythm
from detector.core.state.moments import Moments
from detector.files.files import read_batches

REFERENCE = DATA.parent / "reference" / "rtail.py"
OUTLOOK = DATA.parent / "reference" / "outlook.py"
CHANCES = ("probability_no_contact_in_30_days", "probability_no_contact_in_90_days", "probability_gone")
AHEAD_S = 4e9  # the reader's clock
WHAT = "deadlines and survivals equal to the reference implementation's, online_retail_ii, contact by contact"
GOAL = "to 1e-9 relative"


def orders() -> tuple[Ints, Floats]:
    """Clients' numbers and times of their orders, in order of time."""
    shard = Shard(Policy(sources=("log",)))
    log = feed(read_batches([str(retail())]), [shard], route=lambda _: "log", now_s=AHEAD_S).log()
    order = np.argsort(log.at_s, kind="stable")
    return log.client[order], log.at_s[order]


def loaded(path: Path) -> ModuleType:
    """A reference, as a module."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise ImportError(str(path))
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module  # its data classes look themselves up
    spec.loader.exec_module(module)
    return module


def rtail() -> ModuleType:
    """The silence rule, with the cap of today."""
    module = loaded(REFERENCE)
    module.AMAX = 0.5  # type: ignore[attr-defined] # the study's cap was .25, and was found to be too low
    return module


def differences() -> list[float]:
    """Relative differences of each contact's gap survival and next deadline."""
    reference = rtail()
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


def alerts_of_the_shop() -> tuple[Records, Moments, Log]:
    """Effects of a shard on the shop's orders, in order, with what it learned until the last of them."""
    shard = Shard(Policy(sources=("log",), learning_gaps_min=1), keeps_states=False, builds_alerts=False)
    log = feed(read_batches([str(retail())]), [shard], route=lambda _: "log", now_s=AHEAD_S).log()
    effects = np.concatenate(shard.advance(math.nextafter(log.end_s, math.inf)).effects).view(np.recarray)
    return effects[in_order(effects, shard.table.names.of)], shard.table.moments, log


def outlook_of(effects: Records) -> tuple[Any, dict[int, tuple[float, ...]]]:
    """The reference of the outlook after these effects, and what it says of each opening and escalation of contact."""
    reference = loaded(OUTLOOK)
    outlook, told = reference.Outlook(), {}
    for k, effect in enumerate(effects):
        client, at_s, facts = str(effect.row), float(effect.at_s), effect.facts
        if effect.signal == CONTACT_SIGNAL and effect.transition == RESOLVED:
            outlook.heard(client, at_s)
        elif effect.signal == CONTACT_SIGNAL:
            mean_days, survival, further, horizon = facts.item()[1:]
            told[k] = outlook.tell(
                reference.Moment(client, "default", at_s, int(facts.gaps), mean_days, survival, tuple(further), horizon)
            )
    return outlook, told


def rows() -> Iterator[Row]:
    """The largest difference of all."""
    if not REFERENCE.exists():
        yield Row(
            WHAT, GOAL, f"not measured: no {REFERENCE.parent.name}/{REFERENCE.name} beside the data", reached=False
        )
        return
    found = differences()
    yield Row(WHAT, GOAL, f"{max(found):.0e} at most ({len(found):,} figures)", max(found) <= 1e-9)

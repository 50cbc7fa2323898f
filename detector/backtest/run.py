"""The backtest: one log through the live shards once per budget, and the figures of each."""

import math
import pickle
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from detector.backtest.alarms import Alarms
from detector.backtest.baselines import Baseline, baselines
from detector.backtest.feed import feed
from detector.backtest.incidents import Incident, contact_alarms, incidents_of, others, told_by
from detector.backtest.levels import Shift, shifts
from detector.backtest.log import Floats, Log
from detector.backtest.outlook import Reliability, moments_of, reliability
from detector.backtest.score import Calibration, Score, calibration, score
from detector.backtest.silences import Silences, silences_of
from detector.backtest.survival import SurvivalTable, survival_tables
from detector.core.engine.drain import Effects
from detector.core.engine.shard import Policy, Shard
from detector.core.incidents.effect import EFFECT

HOURS_PER_DAY = 24


@dataclass(frozen=True)
class Judged:
    """One budget: what was raised, and how it was judged.

    Parameters
    ----------
    budget
        False alerts per client-year that were asked for.
    incidents
        Silences of contact, in the order in which they were opened.
    alarms
        The same as columns.
    score, calibration, baselines
        The figures.
    others
        Incidents of all other types and signals, counted: opened, and how many of them were resolved.
    held
        Alerts that were not released because their segment was still learning.
    shifts
        Where the alerts a day of a segment changed their level.
    reliability
        What the alerts said of their clients' return, against what came true, per horizon.
    """

    budget: float
    incidents: list[Incident]
    alarms: Alarms
    score: Score
    calibration: Calibration
    baselines: list[Baseline]
    others: dict[str, tuple[int, int]]
    held: int
    shifts: list[Shift]
    reliability: list[Reliability]

    @property
    def best_baseline(self) -> Baseline | None:
        """Return the tuned baseline with the fewest missed contacts."""
        tuned = [rule for rule in self.baselines if rule.tuned and rule.score.delay.missed_contacts_mean is not None]
        return min(tuned, key=lambda rule: rule.score.delay.missed_contacts_mean or 0.0, default=None)

    @property
    def missed_over_best_baseline(self) -> float | None:
        """Missed contacts of the detector over those of the best baseline, at equal false alerts: below 1 is better."""
        ours, best = self.score.delay.missed_contacts_mean, self.best_baseline
        theirs = best.score.delay.missed_contacts_mean if best else None
        return ours / theirs if ours is not None and theirs else None


@dataclass(frozen=True)
class Backtest:
    """What came of a log; `shifts`: where the contacts a day, of all clients, changed their level."""

    log: Log
    silences: Silences
    judged: list[Judged]
    survival: list[SurvivalTable]
    late: int
    shifts: list[Shift]


def backtest(
    batches: Iterable[Sequence[bytes]],
    *,
    policy: Policy,
    budgets: Sequence[float],
    partitions: int,
    route: Callable[[str], str],
    now_s: float,
    progress: Callable[[float], None] = lambda _: None,
) -> Backtest:
    """Run the detector over a log, once per budget, and judge it by what the clients did afterwards.

    Parameters
    ----------
    batches
        Records, as `replay` takes them; read once.
    policy
        What the shards obey, apart from the budget, which is the same for all segments.
    budgets
        False alerts per client-year to ask for, one run each.
    partitions
        As many shards, each with tables of its own.
    route
        From an interaction's kind to its source.
    now_s
        The reader's clock: what lies more than a day ahead of it is refused.
    progress
        Called with each budget whose run begins, after the log was read.
    """
    untold = replace(policy, segment_budgets={})
    waiting = [Shard(untold, keeps_states=False, builds_alerts=False) for _ in range(partitions)]
    log = feed(batches, waiting, route=route, now_s=now_s).log()
    silences = silences_of(log, policy.session_hours / HOURS_PER_DAY)
    frozen = pickle.dumps(waiting, pickle.HIGHEST_PROTOCOL)
    judged, survival, late = [], list[SurvivalTable](), 0
    for budget in budgets:
        progress(budget)
        shards = _copies(frozen, budget)
        judged.append(_judge(budget, _effects(shards, policy.sources), shards, silences, log))
        # What is learned, and what was late, does not depend on the budget.
        survival, late = survival_tables(shards), sum(shard.counts["late"] for shard in shards)
    return Backtest(log, silences, judged, survival, late, _shifts("contacts", log.at_s, log))


def _copies(frozen: bytes, budget: float) -> list[Shard]:
    """Copies of shards that have applied nothing yet, under a budget: so the log is read and converted only once.

    Pickled, because that takes a tenth of the time of `deepcopy`.
    """
    shards: list[Shard] = pickle.loads(frozen)  # noqa: S301 - made a moment ago
    for shard in shards:
        for silence in ("contact", "orders"):
            shard.table.segments[silence]["budget"] = budget
    return shards


def _effects(shards: Sequence[Shard], sources: Sequence[str]) -> list[Effects]:
    """Run the shards to the last event, as `replay` does, and return their effects."""
    last_s = max(shard.front_s(source) for shard in shards for source in sources)
    end_s = math.nextafter(last_s, math.inf)
    return [np.concatenate([np.empty(0, EFFECT), *shard.advance(end_s).effects]) for shard in shards]


def _judge(budget: float, effects: Sequence[Effects], shards: Sequence[Shard], silences: Silences, log: Log) -> Judged:
    told = told_by(effects, log)
    incidents = incidents_of(told, log, [list(shard.table.segment_names) for shard in shards])
    alarms = contact_alarms(told, silences)
    return Judged(
        budget=budget,
        incidents=incidents,
        alarms=alarms,
        score=score(silences, alarms),
        calibration=calibration(silences, alarms, budget),
        baselines=baselines(silences, int(alarms.false.sum())),
        others=others(told),
        held=sum(shard.counts["held"] for shard in shards),
        shifts=_shifts_of_segments(incidents, log),
        reliability=reliability(moments_of(told), log.end_s),
    )


def _shifts_of_segments(incidents: list[Incident], log: Log) -> list[Shift]:
    opened_s: dict[str, list[float]] = {}
    for incident in incidents:
        opened_s.setdefault(incident.segment, []).append(incident.opened_s)
    return [shift for name in sorted(opened_s) for shift in _shifts(name, np.array(opened_s[name]), log)]


def _shifts(stream: str, at_s: Floats, log: Log) -> list[Shift]:
    return shifts(stream, at_s, log.start_s, log.end_s) if log.clients else []

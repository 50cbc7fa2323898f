"""What the alerts said of their clients' return, against what came true.

Prequential: each chance was said before its outcome was known, by a model that had learned only what was known by then.
It is judged where the log shows the end of its days, so an alert of the last month has no part, whatever came of it:
else returns would count and the silences beside them would not.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from detector.backtest.incidents import Told
from detector.backtest.log import Bools, Floats
from detector.core.clock import DAY_S
from detector.core.layout import STAGES
from detector.core.model.return_chance import STAGE_DAYS

HORIZONS = ("30 days", "90 days", "gone")
_SAID = ("probability_no_contact_in_30_days", "probability_no_contact_in_90_days", "probability_gone")
BINS = 10


@dataclass(frozen=True)
class Bin:
    """Alerts that said about the same: from one tenth to the next."""

    low: float
    high: float
    alerts: int
    said: float | None
    true: float | None


@dataclass(frozen=True)
class Reliability:
    """Chances of one horizon.

    Parameters
    ----------
    horizon
        Which: silent for 30 or 90 more days, or gone (for three deadlines, 90 days at least and 365 at most).
    alerts
        Openings and escalations of contact whose days ended within the log.
    said, true
        Mean chance, and the share that was silent so long.
    brier, brier_constant
        Mean squared difference of what was said, and of the share so far, known at each alert: what a constant can do.
    skill
        1 - the first by the second: above 0 is better than the constant.
    bins
        The same by what was said.
    """

    horizon: str
    alerts: int
    said: float | None
    true: float | None
    brier: float | None
    brier_constant: float | None
    skill: float | None
    bins: list[Bin]


@dataclass(frozen=True)
class Moments:
    """Openings and escalations of contact, in order of time.

    Parameters
    ----------
    at_s, heard_s
        When; and when the client was heard then, infinite if it was not before the log ended.
    days, chances
        The horizons, and what was said of each: a row per alert.
    """

    at_s: Floats
    heard_s: Floats
    days: Floats
    chances: Floats


def moments_of(told: Told) -> Moments:
    """Take them, with what followed, from the incidents of a log."""
    effects = told.effects
    resolved_s = np.append(effects["at_s"], math.inf)[told.resolved]  # the place -1 = never
    places = np.concatenate([told.opened, told.escalated])
    heard_s = np.concatenate([resolved_s, resolved_s])
    of_contact = np.concatenate([told.of_contact, told.of_contact])
    chosen = np.flatnonzero(of_contact & (places >= 0))
    chosen = chosen[np.argsort(places[chosen])]
    effects, heard_s = effects[places[chosen]], heard_s[chosen]
    known = effects["facts"]["mean_gap_days"] > 0
    effects, heard_s = effects[known], heard_s[known]
    days = np.empty((len(effects), STAGES))
    days[:, 0], days[:, 1], days[:, 2] = *STAGE_DAYS, effects["facts"]["gone_after_days"]
    chances = np.stack([effects[name] for name in _SAID], axis=1)
    return Moments(effects["at_s"], heard_s, days, chances)


def reliability(moments: Moments, log_end_s: float) -> list[Reliability]:
    """Judge what was said, per horizon."""
    return [_judged(horizon, moments, k, log_end_s) for k, horizon in enumerate(HORIZONS)]


def _judged(horizon: str, moments: Moments, k: int, log_end_s: float) -> Reliability:
    ends_s = moments.at_s + moments.days[:, k] * DAY_S
    seen = ends_s <= log_end_s
    said, silent = moments.chances[seen, k], moments.heard_s[seen] > ends_s[seen]
    if not len(said):
        return Reliability(horizon, 0, None, None, None, None, None, [])
    brier = float(np.mean((said - silent) ** 2))
    constant = float(np.mean((_shares_so_far(moments.at_s[seen], ends_s[seen], silent) - silent) ** 2))
    return Reliability(
        horizon=horizon,
        alerts=len(said),
        said=float(said.mean()),
        true=float(silent.mean()),
        brier=brier,
        brier_constant=constant,
        skill=1 - brier / constant,
        bins=list(_bins(said, silent)),
    )


def _shares_so_far(at_s: Floats, ends_s: Floats, silent: Bools) -> Floats:
    """Per alert, the share of the outcomes known by then; as if there had been half a silent client before them."""
    by_end = np.argsort(ends_s, kind="stable")
    known = np.searchsorted(ends_s[by_end], at_s, side="right")
    counts = np.concatenate([[0], np.cumsum(silent[by_end])])
    shares: Floats = (counts[known] + 0.5) / (known + 1)
    return shares


def _bins(said: Floats, silent: Bools) -> Iterator[Bin]:
    number = np.minimum((said * BINS).astype(np.int64), BINS - 1)
    for k in range(BINS):
        here = number == k
        count = int(here.sum())
        yield Bin(
            k / BINS,
            (k + 1) / BINS,
            count,
            float(said[here].mean()) if count else None,
            float(silent[here].mean()) if count else None,
        )

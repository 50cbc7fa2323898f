"""Alarms: what any rule, ours or a baseline, said about the silences of a log."""

from dataclasses import dataclass

import numpy as np

from detector.backtest.log import Bools, Floats, Ints
from detector.backtest.silences import Silences
from detector.core.clock import DAY_S


@dataclass(frozen=True)
class Alarms:
    """The alarms of one rule, as columns.

    Parameters
    ----------
    silence
        Number of the silence in which the alarm was raised.
    days
        How long the client had been silent then.
    false
        Whether the client came back before the log ended.
    """

    silence: Ints
    days: Floats
    false: Bools

    def at_s(self, silences: Silences) -> Floats:
        """When they were raised."""
        return silences.begin_s[self.silence] + self.days * DAY_S


def alarms_after(silences: Silences, limit_days: Floats) -> Alarms:
    """The alarms of a rule that gives each silence a limit.

    Parameters
    ----------
    silences
        Only those that can be watched are looked at.
    limit_days
        Per silence; the alarm is raised when the silence grows longer than that.
    """
    silence = np.flatnonzero(silences.watched & (silences.days > limit_days))
    return Alarms(silence, limit_days[silence], silences.returned[silence])


def placed(silences: Silences, client: Ints, opened_s: Floats, false: Bools) -> Alarms:
    """Find the silences that incidents were opened in: the last that had begun by then.

    Parameters
    ----------
    silences
        Of the log that the incidents come from.
    client, opened_s, false
        Per incident, in any order.
    """
    # One order of both: after each incident's place, the silences that began before it have been counted.
    is_silence = np.repeat([True, False], [len(silences.client), len(client)])
    order = np.lexsort(
        (~is_silence, np.concatenate([silences.begin_s, opened_s]), np.concatenate([silences.client, client]))
    )
    begun = np.empty(len(order), np.int64)
    begun[order] = np.cumsum(is_silence[order]) - 1
    silence = begun[len(silences.client) :]
    return Alarms(silence, (opened_s - silences.begin_s[silence]) / DAY_S, false)

"""Alerts get their chances, and outcomes of earlier alerts are learned, both in the order of time.

An alert that opens or escalates a silence of contact is a *moment*: what follows it teaches the model of
`return_chance`. Three rules, of which the order of all labels follows, however the input was cut:

- Before anything is said at an instant, all stages are learned that are over by then: by their end, then by number.
- A moment gets its number when it comes: alerts come in order of their time, then of their client's id.
- A contact is only noted. Its stage is learned when it is over, as that of a client that stays silent: else returns,
  which are known early, would be learned before departures, which are known late.

The kernels of a batch leave effects client by client, so they are put in order here, once per run of the shard; by then
nothing earlier can come any more.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numba import njit

from detector.core.incidents.effect import CONTACT_SIGNAL, RESOLVED, fill_chances
from detector.core.incidents.transitions import ESCALATED, OPENED
from detector.core.layout import LABELS_RECENT, STAGES, Records
from detector.core.model import return_chance
from detector.core.primitives import heap
from detector.core.primitives.hashing import Integers
from detector.core.state.moments import (
    HEAP_SIZE,
    NONE,
    POSTERIOR_CHANGED,
    RATES_CHANGED,
    Waiting,
    is_full,
    link,
    mark_row,
    push,
    unlink,
)

Moment = Any  # one record of layout.MOMENT, seen from Numba
Effect = Any  # one record of effect.EFFECT
Facts = Any  # one record of layout.FACTS


@njit(cache=True, error_model="numpy")
def _learn(waiting: Waiting, moment: Moment) -> None:
    """Take in the label of a moment's present stage."""
    posterior, stage, silent = waiting.posterior[0], moment.stage, moment.heard == 0
    place = posterior.labels % LABELS_RECENT
    before = moment.chances[stage - 1] if stage > 0 else 1.0
    posterior.recent_chances[place] = moment.chances[stage] / before
    posterior.recent_labels[place] = 2 * stage + silent
    return_chance.learn(posterior, waiting.rates[moment.segment], moment.facts, float(moment.at_s), stage, silent)
    waiting.rate_changed[moment.segment] = True
    waiting.counts[RATES_CHANGED] = waiting.counts[POSTERIOR_CHANGED] = 1


@njit(cache=True, error_model="numpy")
def learn_until(waiting: Waiting, until_s: float) -> None:
    """Learn all stages that are over at an instant."""
    while waiting.counts[HEAP_SIZE] > 0 and waiting.heap[0].due_s <= until_s:
        slot = waiting.heap[0].slot
        moment = waiting.moments[slot]
        heap.drop_first(waiting.heap, waiting.counts[HEAP_SIZE])
        waiting.counts[HEAP_SIZE] -= 1
        _learn(waiting, moment)
        if moment.heard == 0 and moment.stage + 1 < return_chance.stages_of(moment.facts):
            moment.stage += 1
            push(waiting, slot)
            mark_row(waiting, waiting.rows[slot])
        else:
            unlink(waiting, slot)


@njit(cache=True, error_model="numpy")
def _hear(waiting: Waiting, row: int) -> None:
    """The client was heard: the present stages of its moments are known to end so."""
    slot = waiting.newest[row]
    while slot != NONE:
        if waiting.moments[slot].heard == 0:
            waiting.moments[slot].heard = 1
            mark_row(waiting, row)
        slot = waiting.following[slot]


@njit(cache=True, error_model="numpy")
def _copy(to: Facts, facts: Facts) -> None:
    to.gaps, to.mean_gap_days, to.survival = facts.gaps, facts.mean_gap_days, facts.survival
    to.lasting[:] = facts.lasting
    to.gone_after_days = facts.gone_after_days


@njit(cache=True, error_model="numpy")
def _remember(waiting: Waiting, effect: Effect, chances: np.ndarray) -> None:
    """Wait for what follows an alert, unless as many wait as may."""
    if is_full(waiting):
        return
    slot, posterior = link(waiting, effect.row), waiting.posterior[0]
    moment = waiting.moments[slot]
    moment.number, moment.at_s, moment.segment = posterior.moments, int(effect.at_s), effect.segment
    moment.stage = moment.heard = 0
    _copy(moment.facts, effect.facts)
    moment.chances[:] = chances
    posterior.moments += 1
    waiting.counts[POSTERIOR_CHANGED] = 1
    push(waiting, slot)


@njit(cache=True, error_model="numpy")
def run(waiting: Waiting, effects: Records, order: Integers) -> None:
    """Write the chances of effects in this order, and learn what is known by then."""
    chances, posterior = np.empty(STAGES), waiting.posterior[0]
    for k in order:
        effect = effects[k]
        learn_until(waiting, effect.emitted_s)
        fill_chances(effect, posterior, waiting.rates[effect.segment], chances)
        if effect.signal == CONTACT_SIGNAL:
            if effect.transition == RESOLVED:
                _hear(waiting, effect.row)
            elif effect.facts.mean_gap_days > 0 and (
                effect.transition == OPENED or effect.transition == ESCALATED  # noqa: PLR1714 - Numba cannot
            ):
                _remember(waiting, effect, chances)


def in_order(effects: Records, names_of: Callable[[Any], Sequence[str]]) -> Integers:
    """Put effects in the order in which alerts of them are emitted: by time, then by the client's id.

    Parameters
    ----------
    effects
        As the kernels left them: those of one client in their order.
    names_of
        From rows to the ids of their clients.
    """
    emitted_s = effects["emitted_s"]
    order = np.argsort(emitted_s, kind="stable")
    if (np.diff(emitted_s[order]) == 0).any():
        names = [name.encode() for name in names_of(effects["row"])]
        order = np.array(sorted(order.tolist(), key=lambda k: (emitted_s[k], names[k])))
    return order

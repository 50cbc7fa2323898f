"""Interactions in their plain form, read by a kernel: the fast way from bytes to numbers.

Plain is a flat JSON object of printable ASCII without escapes, as nearly all producers write it, with a client id that
is in its normal form already. This file refuses nothing and leaves nothing out: a record that is not surely plain and
valid goes to `schemas.envelope`, which takes ten times as long and says what is wrong. So a record that is accepted
here must be accepted there with the same fields, and a property test holds that.
"""

import math
from typing import Any, Final, get_args

import numpy as np
from numba import njit

from detector.core.primitives.currency import packed_currency
from detector.core.primitives.hashing import Text
from detector.core.wire.fields import DIRECTIONS, FIELDS, KINDS, NUMBER_OF, OUTCOMES
from detector.core.wire.lexer import (
    CLOSE,
    COLON,
    COMMA,
    FALSE,
    INTEGER,
    NOT_PLAIN,
    NULL,
    OPEN,
    PLUS,
    QUOTE,
    QUOTED,
    TRUE,
    end_of_string,
    skip,
    table,
    value,
    word,
)  # fmt: skip
from detector.core.wire.timestamp import epoch_s
from schemas.interaction import AMOUNT_MAX, DURATION_MAX_S, LENGTH_MAX, AutoSubmitted
from schemas.times import SERIAL_DAY_MAX, SERIAL_DAY_MIN, YEAR_1_S, YEAR_9999_S

PLAIN = np.dtype(
    [
        ("parsed", "f8", (len(FIELDS),)),  # see `fields`; NaN = the field is absent
        ("starts", "i8", (len(FIELDS),)),  # of the fields that are texts: where they begin
        ("sizes", "i8", (len(FIELDS),)),  # ... and how long they are; 0 = the field is absent
        ("unknown", "i8"),  # fields that the contract does not name
    ]
)

Plain = Any  # one record of PLAIN, seen from Numba

(
    _TEXT, _ID, _CLIENT, _NUMBER, _WHOLE, _TIME, _TRUTH, _AUTOMATED, _KIND, _DIRECTION, _OUTCOME, _CURRENCY, _NEVER,
) = range(13)  # fmt: skip
_RULE_OF: Final = {
    # name: rule, least, most (of a text: characters)
    "event_id": (_ID, 1, 200),
    "client_id": (_CLIENT, 1, 200),
    "kind": (_KIND, 0, 0),
    "at": (_TIME, -math.inf, math.inf),  # its bounds move with the reader's clock: whoever reads looks at them
    "direction": (_DIRECTION, 0, 0),
    "account_id": (_ID, 1, 200),
    "channel": (_TEXT, 1, 32),
    "thread_id": (_ID, 1, 200),
    "in_reply_to": (_ID, 1, 200),
    "automated": (_AUTOMATED, 0, 0),
    "length": (_WHOLE, 0, LENGTH_MAX),
    "duration_s": (_NUMBER, 0, DURATION_MAX_S),
    "outcome": (_OUTCOME, 0, 0),
    "amount": (_NUMBER, -AMOUNT_MAX, AMOUNT_MAX),
    "currency": (_CURRENCY, 3, 3),
    "due_at": (_TIME, YEAR_1_S, YEAR_9999_S),
    "substantive": (_TRUTH, 0, 0),
    "sentiment": (_NUMBER, -1, 1),
    "segment": (_TEXT, 1, 64),
    "attributes": (_NEVER, 0, 0),
}
_RULES = np.array([_RULE_OF[name][0] for name in FIELDS])
_LEAST = np.array([float(_RULE_OF[name][1]) for name in FIELDS])
_MOST = np.array([float(_RULE_OF[name][2]) for name in FIELDS])
_REQUIRED = sum(1 << NUMBER_OF[name] for name in ("event_id", "client_id", "kind", "at", "direction"))

_FIELD_ROWS, _FIELD_SIZES = table(*FIELDS)
_KIND_ROWS, _KIND_SIZES = table(*KINDS)
_DIRECTION_ROWS, _DIRECTION_SIZES = table(*DIRECTIONS)
_OUTCOME_ROWS, _OUTCOME_SIZES = table(*OUTCOMES)
_AUTO_ROWS, _AUTO_SIZES = table(*get_args(AutoSubmitted))
_NO = get_args(AutoSubmitted).index("no")
_A, _Z = b"AZ"
_E, _SMALL_E, _AT_SIGN, _BLANK = b"Ee@ "


@njit(cache=True)
def _currency(text: Text, at: int, size: int) -> float:
    """Return the number of a currency, or NaN if the text is none."""
    if size != 3:  # noqa: PLR2004 - letters
        return math.nan
    for k in range(3):
        if not _A <= text[at + k] <= _Z:
            return math.nan
    return float(packed_currency(int(np.int64(text[at])), int(np.int64(text[at + 1])), int(np.int64(text[at + 2]))))


@njit(cache=True)
def _may_be_rounded(text: Text, start: int, size: int) -> bool:
    """Check whether an id may be a number that a spreadsheet rounded: it ends with E+ and two or three characters."""
    for tail in (3, 4):
        at = start + size - tail
        if at > start and text[at] == PLUS and (text[at - 1] == _E or text[at - 1] == _SMALL_E):
            return True
    return False


@njit(cache=True)
def _is_normal(text: Text, start: int, size: int) -> bool:
    """Check whether a client id is in its normal form: no blanks at its ends, and an address in small letters."""
    is_address = has_capitals = False
    for at in range(start, start + size):
        byte = text[at]
        is_address |= byte == _AT_SIGN
        has_capitals |= _A <= byte <= _Z
    blank = text[start] == _BLANK or text[start + size - 1] == _BLANK
    return not (blank or (is_address and has_capitals))


@njit(cache=True)
def _place(text: Text, start: int, size: int, rule: int) -> int:
    """Return which of its words a field holds, or NOT_PLAIN."""
    if rule == _KIND:
        return word(text, start, size, _KIND_ROWS, _KIND_SIZES)
    if rule == _DIRECTION:
        return word(text, start, size, _DIRECTION_ROWS, _DIRECTION_SIZES)
    if rule == _OUTCOME:
        return word(text, start, size, _OUTCOME_ROWS, _OUTCOME_SIZES)
    return NOT_PLAIN


@njit(cache=True)
def _quoted(text: Text, start: int, size: int, field: int) -> tuple[bool, float]:
    """Return whether the rule of a field allows this text, and the number that the text stands for."""
    rule = _RULES[field]
    if rule in (_TEXT, _ID, _CLIENT):
        allowed = _LEAST[field] <= size <= _MOST[field]
        if allowed and rule != _TEXT:
            allowed = not _may_be_rounded(text, start, size) and (rule == _ID or _is_normal(text, start, size))
        return allowed, math.nan
    if rule == _TIME:
        at_s = epoch_s(text, start, start + size)
        return _LEAST[field] <= at_s <= _MOST[field], at_s
    if rule == _CURRENCY:
        currency = _currency(text, start, size)
        return not math.isnan(currency), currency
    if rule == _AUTOMATED:
        place = word(text, start, size, _AUTO_ROWS, _AUTO_SIZES)
        return place >= 0, 0.0 if place == _NO else 1.0
    place = _place(text, start, size, rule)
    return place >= 0, float(place)


@njit(cache=True)
def _is_allowed(what: int, number: float, field: int) -> bool:
    """Return whether the rule of a field allows this value, which is no text."""
    rule = _RULES[field]
    if what in (FALSE, TRUE):
        return rule in (_TRUTH, _AUTOMATED)
    if rule == _TIME and SERIAL_DAY_MIN <= number <= SERIAL_DAY_MAX:
        return False
    is_number = rule in (_NUMBER, _TIME) or (rule == _WHOLE and what == INTEGER)
    return is_number and _LEAST[field] <= number <= _MOST[field]


@njit(cache=True)
def _keep(text: Text, start: int, stop: int, what: int, number: float, field: int, plain: Plain) -> bool:
    """Keep the value of a field, and return whether its rule allows it."""
    if what == NULL:  # as if it were not there
        return not _REQUIRED >> field & 1
    if what == QUOTED:
        plain.starts[field], plain.sizes[field] = start + 1, stop - start - 2
        allowed, plain.parsed[field] = _quoted(text, start + 1, stop - start - 2, field)
        return allowed
    plain.parsed[field] = number
    return _is_allowed(what, number, field)


@njit(cache=True)
def _member(text: Text, at: int, stop: int, met: int, plain: Plain) -> tuple[int, int]:
    """Read one name and its value; return the fields met so far, and the place behind the value or NOT_PLAIN."""
    end = end_of_string(text, at + 1, stop) if at < stop and text[at] == QUOTE else NOT_PLAIN
    colon = skip(text, end + 1, stop)
    if end < 0 or colon >= stop or text[colon] != COLON:
        return met, NOT_PLAIN
    field = word(text, at + 1, end - at - 1, _FIELD_ROWS, _FIELD_SIZES)
    start = skip(text, colon + 1, stop)
    what, number, at = value(text, start, stop)
    if field < 0:
        plain.unknown += 1
        return met, at
    # Of two values of a name the last would count.
    kept = at >= 0 and not met >> field & 1 and _keep(text, start, at, what, number, field, plain)
    return met | (1 << field), at if kept else NOT_PLAIN


@njit(cache=True)
def scan(text: Text, at: int, stop: int, plain: Plain) -> bool:
    """Read the interaction between two places of a text; return whether it is plain and valid, its time aside."""
    plain.parsed[:] = math.nan
    plain.sizes[:] = 0
    plain.unknown = 0
    at, met = skip(text, at, stop), 0
    if at >= stop or text[at] != OPEN:
        return False
    while True:
        met, at = _member(text, skip(text, at + 1, stop), stop, met, plain)
        if at < 0:
            return False
        at = skip(text, at, stop)
        if at >= stop or text[at] != COMMA:
            break
    closed = at < stop and text[at] == CLOSE and skip(text, at + 1, stop) == stop
    return closed and met & _REQUIRED == _REQUIRED

"""A currency as a number of 16 bits: its three letters, packed."""

from numba import njit

NO_CURRENCY = 0
_A, _LETTERS = ord("A"), 26


@njit(cache=True)
def packed_currency(first: int, second: int, third: int) -> int:
    """Return the number of a currency, given the codes of its three capital letters; it is never NO_CURRENCY."""
    return ((first - _A) * _LETTERS + (second - _A)) * _LETTERS + (third - _A) + 1


def currency_of(packed: int) -> str | None:
    """Return the currency that a number stands for; None for NO_CURRENCY.

    >>> currency_of(packed_currency(*b"EUR")), currency_of(NO_CURRENCY)
    ('EUR', None)
    """
    if packed == NO_CURRENCY:
        return None
    others, third = divmod(packed - 1, _LETTERS)
    return "".join(chr(_A + letter) for letter in (*divmod(others, _LETTERS), third))

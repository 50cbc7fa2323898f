"""Names and numbers, as a dictionary and a list would keep them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.core.primitives.hashing import text_of
from detector.core.state.interned import UNKNOWN, InternedNames, find

words = st.text(max_size=3) | st.integers(0, 300).map(str)


@given(st.lists(st.tuples(st.booleans(), words), max_size=400))
def test_words_keep_the_numbers_of_their_first_time(steps):
    """However many there are, and whichever are dropped in between: a dropped word comes again as a new one."""
    found, numbers, names = InternedNames(), {}, []
    for drops, word in steps:
        if drops and word in numbers:
            number = numbers.pop(word)
            assert found.drop(word) == number
            names[number] = ""
        elif not drops:
            if word not in numbers:
                numbers[word] = len(names)
                names.append(word)
            assert found.number(word) == numbers[word]
    assert list(found) == names
    assert found.of(range(len(names))) == names
    assert all(word in found for word in numbers)
    assert found.drop("not one of them") is None


def test_words_are_saved_once():
    """Only words that came since the last time are handed out to be saved."""
    found = InternedNames()
    found.number("a")
    assert list(found.unsaved()) == [(0, "a")]
    found.number("b")
    assert list(found.unsaved()) == [(1, "b")]
    assert list(found.unsaved()) == []


@given(st.permutations(range(100)))
def test_durable_words_get_their_numbers_back_in_any_order(numbers):
    """Those of lower numbers may follow later, and one may come again."""
    found = InternedNames()
    for number in [*numbers, numbers[0]]:
        found.put(number, f"word {number}")
    assert list(found) == [f"word {number}" for number in range(100)]
    assert found.number("word 7") == 7
    with pytest.raises(ValueError, match="two numbers"):
        found.put(8, "word 7")


def test_there_may_be_no_room_for_another_word():
    """A bounded vocabulary knows its words, and no others."""
    found = InternedNames(words_max=1)
    assert found.number("a") == 0
    assert found.number("b") is None
    assert 7 not in found
    with pytest.raises(IndexError):
        found[1]


def test_a_dropped_name_is_nowhere_in_memory():
    """Whoever is erased leaves no bytes behind."""
    found = InternedNames()
    found.number("ann")
    found.number("bob")
    found.drop("ann")
    assert b"ann" not in found.words.text.tobytes()
    assert find(found.words, text_of(b"ann"), 0, 3) == UNKNOWN

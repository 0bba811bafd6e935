"""Exact numbers: what is typed is computed with, and a stated total is believed only if it is the computed one."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assuage.errors import DataError, ProtocolError
from assuage.protocols.exact import check_stated, exact, show, stands_for, to_json

numbers = st.fractions(min_value=-(10**6), max_value=10**6, max_denominator=10**6)
decimals = st.decimals(min_value=-(10**6), max_value=10**6, places=4)


@given(numbers)
def test_every_fraction_survives_a_file(value):
    assert exact(to_json(value)) == value


@given(decimals)
def test_a_decimal_is_what_was_typed_not_its_binary_neighbour(value):
    assert exact(float(value)) == Fraction(value)
    assert exact(str(value)) == exact(value) == Fraction(value)


def test_a_third_is_a_third():
    assert exact("1/3") * 3 == 1
    assert to_json(Fraction(1, 3)) == "1/3"
    assert 10 * exact(0.1) == 1


@pytest.mark.parametrize("value", ["", "abc", "1/0", "nan", float("nan"), float("inf"), True, None, [], "1e99", 10**13])
def test_what_is_no_number_is_refused(value):
    with pytest.raises(ProtocolError):
        exact(value)


@pytest.mark.parametrize(
    ("stated", "computed", "believed"),
    [
        ("2250", "2250", True),
        ("37.1", "37.0666", True),
        ("37", "37.0666", True),
        ("0.504", "0.50402", True),
        ("0.5", "0.54", False),  # the digits would allow it, one percent does not
        ("600", "601", False),  # counts are counts
        ("601", "600", False),
        ("1/3", "0.333", False),
        ("37.06", "37.0666", False),
    ],
)
def test_a_stated_number_may_be_rounded_to_its_digits_and_no_more(stated, computed, believed):
    assert stands_for(exact(stated), exact(computed)) is believed


@given(st.fractions(min_value="0.001", max_value=10**4, max_denominator=10**4), st.integers(0, 6))
def test_rounding_to_few_digits_is_believed_only_near_the_number(value, digits):
    rounded = exact(f"{float(value):.{digits}f}")
    if stands_for(rounded, value):
        assert abs(rounded - value) <= abs(value) / 100
        assert abs(rounded - value) <= Fraction(1, 2 * 10**digits)


def test_a_contradiction_is_refused_with_both_numbers():
    computed = {"pulses": (Fraction(2250),), "duration_s": (Fraction(2224), Fraction(2250))}
    check_stated({"pulses": Fraction(2250), "duration_s": Fraction(2250)}, computed, what="a session")
    with pytest.raises(
        DataError, match=r"a session states pulses = 3000, but its parts give 2250.*duration_s = 9.*2224 or"
    ):
        check_stated({"pulses": Fraction(3000), "duration_s": Fraction(9)}, computed, what="a session")


def test_a_total_that_does_not_exist_is_refused():
    with pytest.raises(ProtocolError, match=r"states bananas.*what does: pulses"):
        check_stated({"bananas": Fraction(1)}, {"pulses": (Fraction(1),)}, what="a session")


def test_numbers_in_messages():
    assert show(Fraction(192)) == "192"
    assert show(Fraction(1, 3)) == "0.333333"

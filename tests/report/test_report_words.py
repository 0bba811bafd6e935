import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assuage.report import words


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0.0, "0"), (1.0, "1.00"), (-0.0123, "−0.0123"), (123.4, "123"), (99999.0, "99999"), (2.5e-7, "2.50 × 10⁻⁷"),
        (1.5e8, "1.50 × 10⁸"), (None, "–"), (math.inf, "inf"),
    ],
)  # fmt: skip
def test_number_reads_as_in_print(value, shown):
    assert words.number(value) == shown


@given(st.floats(1e-3, 9.99e5))
def test_number_keeps_three_digits(value):
    assert float(words.number(value)) == pytest.approx(value, rel=6e-3)


@pytest.mark.parametrize(
    ("value", "sd", "shown"),
    [(92.34, 12.0, "92 ± 12"), (0.3602, 0.0481, "0.360 ± 0.048"), (-1.234, 0.5, "−1.23 ± 0.50"), (3.0, 0.0, "3.00")],
)
def test_error_sets_the_precision_of_the_value(value, sd, shown):
    assert words.with_error(value, sd) == shown


@given(st.floats(1e-4, 1e4), st.floats(1e-5, 1e3))
def test_value_and_error_have_the_same_places(value, sd):
    left, right = words.with_error(value, sd).split(" ± ")
    assert len(left.partition(".")[2]) == len(right.partition(".")[2])
    assert float(right) == pytest.approx(sd, rel=0.06, abs=0.5)


def test_lists_and_points():
    assert words.listing([]) == "none"
    assert words.listing(["a"]) == "a"
    assert words.listing(["a", "b", "c"]) == "a, b and c"
    assert words.point((-44.2, 0.4, 29.0)) == "−44, 0, 29"
    assert words.sentence(" moved 3 mm") == "Moved 3 mm."
    assert words.heading("emotion_regulation on colin27") == "Emotion regulation on colin27"
    assert words.sentence("Really?") == "Really?"
    assert words.quantity("brain_density_A_per_m2") == "current density in the brain"
    assert words.typeset("A/m^2") == "A/m²"
    assert words.typeset("1.2 V/m at 1 A/us, +-6 %") == "1.2 V/m at 1 A/µs, ± 6 %"
    assert words.sentence("duration_s is not given") == "Duration is not given."
    assert words.setting(["tms", "tdcs"]) == "tms, tdcs"
    assert words.setting({}) == words.setting(None) == "not given"
    assert words.setting({"age_years": 17.0}) == "age years 17"


def test_levels_and_amounts_read_as_words():
    assert words.level("from memory, unverified") == "not verified"
    assert words.level("regulatory_text (secondary copy)") == "regulation read, secondary copy"
    assert words.level("read in the table") == "read in the table"
    assert words.amount(None, "mA") == "–"
    assert words.amount(1.0, "given") == "given"
    assert words.amount(4.0, "mA", chosen=True) == "4 mA"
    assert words.amount(0.1279, "A/m^2") == "0.128 A/m²"

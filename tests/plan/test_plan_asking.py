"""What cannot be planned is refused at once, in one line, with the value: in Python as on the command line."""

import math

import pytest

import assuage
from assuage.errors import PlanError
from assuage.plan import Choosing, Driving
from assuage.plan.asking import RANGES, check_number, check_weights
from assuage.plan.bench import Settings

HEAD = None
"""No head: whatever touches one before it refuses fails with another error."""


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"choosing": Choosing(weights={"focality": -1.0})}, "focality=-1.0 is no weight"),
        ({"choosing": Choosing(weights={"focality": math.nan, "burden": 1.0})}, "focality=nan is no weight"),
        ({"choosing": Choosing(weights={"focality": 0.0})}, "gives no criterion any weight"),
        ({"choosing": Choosing(weights={})}, "gives no criterion any weight"),
        ({"choosing": Choosing(weights={"beauty": 1.0})}, "beauty is unknown"),
        ({"seed": -1}, "seed = -1 is no seed"),
        ({"seed": 1.5}, "seed = 1.5 is no seed; give a whole number of 0 or more"),
        ({"hair_mm": -4.0}, "hair_mm = -4 is no gap under a coil; give a number of 0 up to 50"),
        ({"hair_mm": math.nan}, "hair_mm = nan"),
        ({"hair_mm": 400.0}, "hair_mm = 400"),
        ({"radius_mm": 500.0}, "radius_mm = 500 is no radius of a target; give a number above 0 up to 50"),
        ({"voxel_mm": 0.0}, "voxel_mm = 0"),
        ({"draws": 0}, "draws = 0"),
        ({"protocol": {"age_years": -3}}, "age_years = -3"),
        ({"didt_A_per_s": 65.0}, "didt_A_per_s is 6.5e-05 A/us"),
        ({"techniques": ["tdcs"], "driving": Driving(way="didt", amount=80e6)}, "driving belongs to rTMS"),
    ],
)
def test_python_refuses_before_the_head_is_touched(options, says):
    with pytest.raises(PlanError) as refusal:
        assuage.plan(HEAD, "pain", options.pop("techniques", None), **options)
    assert says in str(refusal.value)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("name", RANGES)
def test_every_range_takes_its_end_and_refuses_what_lies_beyond(name):
    allowed = RANGES[name]
    if math.isfinite(allowed.high):
        check_number(name, allowed.high)
        with pytest.raises(PlanError):
            check_number(name, allowed.high * 1.001)
    for wrong in (math.nan, math.inf, -1, None, "2", True):
        with pytest.raises(PlanError, match=name):
            check_number(name, wrong)
    if not allowed.above:
        check_number(name, 0)
    else:
        with pytest.raises(PlanError):
            check_number(name, 0)


def test_the_defaults_are_inside_their_ranges():
    assert Settings().seed == 0
    check_weights(None)
    check_weights({"focality": 2, "burden": 0})


def test_an_option_is_called_as_it_was_typed():
    with pytest.raises(PlanError, match=r"^--hair-mm -5 is no gap under a coil; give a number of 0 up to 50$"):
        check_number("hair_mm", -5.0, called="--hair-mm")

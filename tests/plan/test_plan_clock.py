"""Progress never falls, ends at 1, says something new in every line, and grows like the time."""

from itertools import pairwise

import pytest

from assuage.plan.bench import TECHNIQUES
from assuage.plan.clock import SECONDS, Clock, region_step, steps_of
from assuage.plan.work import FURTHER

REGIONS = ("amygdala L", "amygdala R")


def walked(steps, order=None):
    seen = []
    clock = Clock(lambda words, fraction: seen.append((words, fraction)))
    clock.expect(steps)
    for step in order or steps:
        clock(step)
    clock.finish()
    return seen


def test_a_step_begins_where_those_before_it_end():
    steps = steps_of(TECHNIQUES, FURTHER, REGIONS)
    seen = walked(steps)
    passed = 0.0
    for (words, fraction), (step, weight) in zip(seen, steps.items(), strict=False):
        assert words == step
        assert fraction == pytest.approx(passed / sum(steps.values()))
        passed += weight
    assert seen[-1] == ("done", 1.0)
    assert len({words for words, _ in seen}) == len(seen)


def test_every_further_technique_moves_it():
    seen = dict(walked(steps_of(TECHNIQUES, FURTHER, REGIONS)))
    places = [seen[name] for name in ("tACS, two pads", "HD-tACS", "ECT", "MST", "DBS", "the common dose")]
    assert all(later - sooner > 0.03 for sooner, later in pairwise(places))


def test_it_never_falls_whatever_comes_late():
    steps = steps_of(("tms", "tdcs"), (), REGIONS)
    order = [*steps, region_step("amygdala L")]
    fractions = [fraction for _, fraction in walked(steps, order)]
    assert fractions == sorted(fractions)


def test_a_part_of_a_step_counts():
    seen = []
    clock = Clock(lambda words, fraction: seen.append((words, fraction)))
    clock.expect({"first": 3.0, "second": 1.0})
    clock("first", "first (3 of 6)", part=0.5)
    assert seen == [("first (3 of 6)", 0.375)]
    assert set(SECONDS) >= set(FURTHER)


def test_the_time_of_a_step_is_kept_under_its_name():
    clock = Clock(None)
    clock.expect({"first": 1.0})
    clock("first", "first (1 of 2)")
    clock("first", "first (2 of 2)")
    clock.finish()
    assert list(clock.seconds) == ["first"]

"""A name changes nothing: limits follow from what is done, and what contradicts the rest is stopped."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from protocol_examples import DOSES, complete
from test_safety_unsafe import UNSAFE

from assuage.errors import DataError
from assuage.safety import check, load_rule_set
from assuage.safety.quantities import QUANTITIES
from assuage.safety.records import DEFINITION

RULES = load_rule_set()
TECHNIQUES = sorted(DOSES)
SCALED = sorted(
    set(QUANTITIES) - {"age_years", "hearing_protection", "alternating", "impedance_Ohm", "coil_max_didt_A_per_s"}
)
EQUAL = [
    ("tms", "rtms_1hz", "rtms_10hz"),
    ("itbs", "ctbs", "snt"),
    ("tdcs", "hd_tdcs", "hd_tdcs_focal", "hd_tdcs_4x1"),
    ("tacs", "hd_tacs"),
]
"""Techniques that have the same quantities: only their rules can tell them apart."""


def stops(protocol):
    return {verdict.rule_id for verdict in check(protocol) if verdict.outcome == "stop"}


def limited(protocol):
    """Whether a limit stops it: a contradiction alone is cured by another name."""
    return any(verdict.outcome == "stop" and verdict.kind != DEFINITION for verdict in check(protocol))


def as_other(protocol, technique):
    return {**protocol, "technique": technique}


@pytest.mark.parametrize("technique", TECHNIQUES)
@given(st.data(), st.floats(0.05, 30))
@settings(max_examples=25)
def test_another_name_never_lifts_a_stop(technique, data, factor):
    usual = complete(technique)
    keys = set(data.draw(st.lists(st.sampled_from(sorted(set(SCALED) & usual.keys())), min_size=1, unique=True)))
    protocol = {key: value * factor if key in keys else value for key, value in usual.items()}
    if limited(protocol):
        for other in TECHNIQUES:
            assert stops(as_other(protocol, other)), other


@pytest.mark.parametrize(("technique", "change"), [(technique, change) for technique, change, _ in UNSAFE])
def test_every_unsafe_example_is_stopped_under_every_name(technique, change):
    for other in TECHNIQUES:
        assert stops(as_other(complete(technique, **change), other)), other


@pytest.mark.parametrize("group", EQUAL)
def test_a_limit_that_stops_holds_for_all_techniques_with_the_same_quantities(group):
    for rule in RULES.rules:
        if rule.beyond == "stop" and rule.kind != DEFINITION and rule.rule_id != "snt-intensity-cap":
            asked = {condition.quantity for condition in rule.only}
            able = {name for name in group if all(name in RULES.belongs.get(key, group) for key in asked)}
            assert rule.techniques & set(group) in (set(), set(group), able), rule.rule_id
    cap, label = (
        next(r for r in RULES.rules if r.rule_id == key) for key in ("snt-intensity-cap", "tbs-intensity-label")
    )
    assert (cap.limit, cap.quantity) == (label.limit, label.quantity), "so that the label alone covers all theta burst"


@pytest.mark.parametrize("name", ["tms", "rtms_1hz", "rtms_10hz"])
def test_short_pauses_of_fast_trains_are_stopped_under_every_name(name):
    """The protocol that was once let through as rtms_1hz."""
    short = {"frequency_Hz": 20, "train_duration_s": 1, "inter_train_interval_s": 0.3, "pulses_per_train": 20}
    found = stops(complete(name, **short, trains_per_session=10, pulses_per_session=200))
    assert {"tms-interval-harm", "tms-interval-table"} <= found
    assert ("label-1hz-fast" in found) == (name == "rtms_1hz")


def test_pauses_of_slow_trains_are_no_pauses_of_fast_ones():
    slow = complete("tms", frequency_Hz=1, train_duration_s=10, inter_train_interval_s=0.9, pulses_per_train=10)
    assert not stops(slow) & {"tms-interval-harm", "tms-interval-table"}
    unknown = complete("tms", frequency_Hz=None, inter_train_interval_s=0.9)
    assert "tms-interval-harm" in stops(unknown), "what is not known counts as if it were fast"


def test_the_largest_current_that_is_given_counts():
    found = {v.rule_id: v for v in check(complete("tdcs", current_per_electrode_A=0.05))}
    assert found["tes-current-experience"].outcome == "stop"
    assert found["tes-current-experience"].value == pytest.approx(50)
    assert "larger than the one given" in found["tes-current-experience"].why
    assert "tacs-peak-guideline" in stops(complete("tacs", total_current_A=6e-3))
    assert "tes-current-guideline" in stops(complete("ti", current_per_pair_A=6e-3))


def test_direct_current_under_another_name_keeps_the_limits_of_direct_current():
    long = complete("tdcs", duration_s=3000)
    assert "tes-duration-experience" in stops(long)
    assert "tes-duration-experience" in stops(as_other(long, "tacs")), "no frequency is given: it may be direct current"
    assert "tes-duration-experience" not in stops(complete("tacs", duration_s=3000))
    known = complete("tacs", duration_s=3000, frequency_Hz=None, alternating=True)
    assert "tes-duration-experience" not in stops(known), "the frequency of each person is an alternating current too"
    said = {v.rule_id: v for v in check(complete("tacs", frequency_Hz=None))}["tes-current-experience"]
    assert said.outcome == "cannot say", "what is not known cannot keep to a limit"
    assert "alternating is not given" in said.why


def test_bursts_are_judged_as_bursts_whatever_they_are_called():
    long = complete("ctbs", train_duration_s=80)
    assert {"ctbs-train-duration"} <= stops(long) & stops(as_other(long, "tms"))
    assert not any(rule_id.startswith("tbs-") for rule_id in {v.rule_id for v in check(complete("tms"))})


@pytest.mark.parametrize(
    ("technique", "key", "value"),
    [
        ("tdcs", "frequency_Hz", 50), ("tdcs", "peak_current_A", 1e-3), ("tdcs", "alternating", True),
        ("itbs", "frequency_Hz", 20), ("rtms_10hz", "pulses_per_burst", 3), ("rtms_1hz", "burst_frequency_Hz", 50),
        ("tacs", "carrier_frequency_Hz", 2000), ("hd_tdcs", "didt_A_per_s", 6e7), ("ect", "frequency_Hz", 20),
        ("mst", "train_duration_s", 4), ("dbs", "charge_C", 0.1), ("snt", "total_current_A", 1e-3),
        ("tms", "amplitude_A", 1e-3), ("ti", "pulse_pair_frequency_Hz", 20),
    ],
)  # fmt: skip
def test_a_quantity_that_the_technique_does_not_have_contradicts_its_name(technique, key, value):
    found = {v.rule_id: v for v in check(complete(technique, **{key: value}))}
    verdict = found[f"contradicts-label:{key}"]
    assert (verdict.outcome, verdict.kind) == ("stop", DEFINITION)
    assert "name the technique that this is" in verdict.why
    assert f"no-cited-limit:{key}" not in found
    assert f"contradicts-label:{key}" not in stops(complete(technique, **{key: 0}))


BROKEN = {
    "label-1hz-fast": ("rtms_1hz", {"frequency_Hz": 2}),
    "label-1hz-slow": ("rtms_1hz", {"frequency_Hz": 0.5}),
    "label-10hz-fast": ("rtms_10hz", {"frequency_Hz": 11}),
    "label-10hz-slow": ("rtms_10hz", {"frequency_Hz": 5}),
    "label-bursts": ("itbs", {"pulses_per_burst": 1}),
    "label-continuous": ("ctbs", {"trains_per_session": 2}),
    "label-intermittent": ("itbs", {"trains_per_session": 1}),
    "label-accelerated": ("snt", {"sessions_per_day": 1}),
    "label-alternating": ("tacs", {"frequency_Hz": 0}),
    "label-interference": ("ti", {"difference_frequency_Hz": 2000}),
    "pulses-and-frequency": ("tms", {"pulses_per_train": 80}),
    "pauses-and-session": ("tms", {"duration_s": 400}),
    "sessions-and-days": ("tdcs", {"days": 5}),
    "pauses-and-day": ("snt", {"session_interval_s": 4 * 3600}),
}


@pytest.mark.parametrize("rule", [r for r in RULES.rules if r.kind == DEFINITION], ids=lambda rule: rule.rule_id)
def test_every_definition_is_broken_by_its_example_and_by_no_usual_protocol(rule):
    technique, change = BROKEN[rule.rule_id]
    assert rule.rule_id in stops(complete(technique, **change))
    assert all(rule.rule_id not in {v.rule_id for v in check(complete(name))} for name in TECHNIQUES)


# Which motor threshold


def test_each_rule_is_held_against_the_threshold_of_its_source():
    found = {v.rule_id: v for v in check(complete("snt"))}
    assert found["tbs-intensity-conventional"].outcome == "cannot say", (
        "90 % of the resting threshold says nothing of the active"
    )
    assert "intensity_percent_active_mt is not given" in found["tbs-intensity-conventional"].why
    assert found["snt-intensity"].outcome == "within cited range"
    active = {v.rule_id: v for v in check(complete("itbs", intensity_percent_mt=130))}
    assert active["tbs-intensity-conventional"].outcome == "warn"
    assert active["tbs-intensity-label"].outcome == "cannot say"
    both = {v.rule_id: v.outcome for v in check(complete("itbs", intensity_percent_resting_mt=130))}
    assert both["tbs-intensity-label"] == "stop"


def test_a_threshold_that_is_not_named_can_stop_and_not_pass():
    found = {v.rule_id: v for v in check(complete("snt", motor_threshold=None))}
    assert found["tbs-intensity-conventional"].outcome == "warn"
    assert found["snt-intensity"].outcome == "cannot say"
    assert "motor_threshold" in found["snt-intensity"].why
    assert found["tbs-pulses-a-day"].outcome == "cannot say", "its condition is in percent of the resting threshold"
    assert "tbs-intensity-label" in stops(complete("itbs", intensity_percent_mt=130, motor_threshold=None))


def test_the_thresholds_can_be_given_by_themselves():
    own = complete("snt", intensity_percent_mt=None, motor_threshold=None, intensity_percent_resting_mt=90)
    assert {v.rule_id: v.outcome for v in check(own)} == {
        **{v.rule_id: v.outcome for v in check(complete("snt"))},
    }


def test_a_train_too_long_at_any_intensity_needs_none():
    assert "tms-train-duration" in stops(
        complete("tms", motor_threshold="active", frequency_Hz=20, train_duration_s=30)
    )
    assert "tms-train-duration" not in stops(
        complete("tms", motor_threshold="active", frequency_Hz=20, train_duration_s=1)
    )


def test_another_threshold_is_refused():
    with pytest.raises(DataError, match="motor_threshold = 'upper'; it is one of resting, active"):
        check(complete("tms", motor_threshold="upper"))

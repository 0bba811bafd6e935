"""The engine: nothing unread passes, more is never judged milder, nothing missing is guessed."""

from dataclasses import replace
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from protocol_examples import DOSES, complete

from assuage.errors import DataError
from assuage.safety import OUTCOMES, check, load_rule_set, missing_quantities, worst
from assuage.safety.quantities import DERIVATIONS
from assuage.safety.records import DEFINITION, OUTCOME_OF, READ_LEVELS
from assuage.safety.records import Source as Cited

RANK = {outcome: rank for rank, outcome in enumerate(OUTCOMES)}
TECHNIQUES = sorted(DOSES)

INTENSITY = {
    "intensity_percent_mt", "didt_A_per_s", "total_current_A", "current_per_electrode_A", "current_per_pair_A",
    "peak_current_A", "skin_density_A_per_m2", "brain_density_A_per_m2", "amplitude_A", "charge_C",
    "charge_per_phase_C", "charge_density_per_phase_C_per_m2", "shannon_k", "output_percent_mso",
}  # fmt: skip
DURATION = {
    "duration_s", "duration_per_day_s", "train_duration_s", "stimulus_duration_s", "pulse_width_s", "days",
    "pulses_per_burst", "pulses_per_train", "pulses_per_session", "pulses_per_day", "pulses_in_course",
    "trains_per_session", "sessions_per_day", "sessions_in_course",
}  # fmt: skip
RATE = {"frequency_Hz", "burst_frequency_Hz", "burst_rate_Hz", "pulse_pair_frequency_Hz"}

factors = st.one_of(st.floats(0.05, 30), st.sampled_from([0.5, 0.9, 1.0, 1.1, 2.0]))


def verdicts(protocol):
    return {verdict.rule_id: verdict for verdict in check(protocol)}


def outcomes(protocol):
    return {rule_id: verdict.outcome for rule_id, verdict in verdicts(protocol).items()}


def of_limits(protocol):
    """Without contradictions: one number alone can only contradict the others, and more of both can end that."""
    return {rule_id: verdict.outcome for rule_id, verdict in verdicts(protocol).items() if verdict.kind != DEFINITION}


def scaled(protocol, keys, factor):
    return {key: value * factor if key in keys else value for key, value in protocol.items()}


def no_milder(before, after):
    """Every rule that spoke before says at least as much afterwards."""
    return all(RANK[after.get(rule_id, "cannot say")] >= RANK[outcome] for rule_id, outcome in before.items())


def test_every_technique_has_an_example():
    assert set(DOSES) == set(load_rule_set().techniques)


@pytest.mark.parametrize("technique", TECHNIQUES)
def test_the_usual_protocol_is_complete_and_stopped_by_nothing(technique):
    found = outcomes(complete(technique))
    assert missing_quantities(complete(technique)) == ()
    assert "missing-mandatory" not in found
    assert "stop" not in found.values()


@pytest.mark.parametrize("technique", TECHNIQUES)
@given(st.data(), factors, factors)
@settings(max_examples=40)
def test_more_is_never_judged_milder(technique, data, a, b):
    protocol = complete(technique)
    present = sorted((INTENSITY | DURATION | RATE) & protocol.keys())
    keys = set(data.draw(st.lists(st.sampled_from(present), min_size=1, unique=True)))
    background = scaled(protocol, present, data.draw(factors))
    low, high = sorted((a, b))
    before, after = (of_limits(scaled(background, keys, factor)) for factor in (low, high))
    assert no_milder(before, after)
    assert RANK[worst(before.values())] <= RANK[worst(after.values())]


@pytest.mark.parametrize("technique", TECHNIQUES)
def test_far_more_of_intensity_or_duration_is_stopped(technique):
    assert worst(outcomes(scaled(complete(technique), INTENSITY, 30)).values()) == "stop"
    longest = worst(outcomes(scaled(complete(technique), DURATION, 30)).values())
    # the train tables end at 1 and 10 Hz without harm seen: longer was not tried, which is a warning
    assert longest == ("warn" if technique in {"tms", "rtms_1hz", "rtms_10hz"} else "stop")


@pytest.mark.parametrize("technique", TECHNIQUES)
@given(st.data())
@settings(max_examples=25)
def test_no_protocol_with_a_missing_field_passes(technique, data):
    assert set(settled(complete(technique), technique)) == {PASS}
    named = load_rule_set().techniques[technique].mandatory
    gone = set(data.draw(st.lists(st.sampled_from(named), min_size=1, unique=True)))
    protocol = {key: value for key, value in complete(technique).items() if key not in gone}
    found = verdicts(protocol)
    missing = set(missing_quantities(protocol))
    assert missing <= gone | {"session_interval_s", "inter_train_interval_s", *(d.quantity for d in DERIVATIONS)}
    if missing:
        assert worst(settled(protocol, technique)) == "cannot say"
        assert found["missing-mandatory"].outcome == "cannot say"
        assert all(key in found["missing-mandatory"].why for key in missing)
    for key in gone & missing:
        spoken = [v for v in found.values() if v.quantity == key]
        assert all(v.outcome == "cannot say" and v.value is None for v in spoken)


PASS = "within cited range"


def read(row):
    """A row as if its source had been read, for every age."""
    return replace(row, source=replace(row.source, level="abstract"), ages_years=(0.0, float("inf")))


@cache
def passing(technique):
    """Rules that the usual protocol of a technique passes as a whole: what no reading would settle is left out."""
    rules = load_rule_set()
    kept = replace(
        rules,
        rules=tuple(read(rule) for rule in rules.rules if rule.kind != "harm seen"),
        train_tables=(), interval_tables=(), output_tables=(), topics=rules.topics[:1], interactions=(), notices=(),
    )  # fmt: skip
    usual = {key: value for key, value in complete(technique).items() if not key.startswith("screen_")}
    passed = {v.rule_id for v in check(usual, rules=kept) if v.outcome == PASS}
    return replace(kept, rules=tuple(rule for rule in kept.rules if (rule.joint or rule.rule_id) in passed))


def settled(protocol, technique):
    """What the rules that the usual protocol passes say, without answers and quantities: no rule passes those."""
    found = check(protocol, rules=passing(technique))
    return [v.outcome for v in found if v.kind not in {"screening", "uncited"}]


def read_everywhere(rules):
    """The same limits of tDCS, had every source been read, without what no reading would settle."""
    tdcs = replace(
        rules.techniques["tdcs"], mandatory=("age_years", "total_current_A", "duration_s", "sessions_per_day")
    )
    return replace(
        rules,
        techniques={"tdcs": tdcs},
        rules=tuple(read(rule) for rule in rules.rules if rule.kind != "harm seen"),
    )


def test_a_whole_protocol_passes_only_if_nothing_is_missing():
    rules = read_everywhere(load_rule_set())
    # no row limits these: an answer to them could only be "cannot say"
    protocol = complete("tdcs", sessions_in_course=None, current_per_electrode_A=None)
    protocol = {k: v for k, v in protocol.items() if not k.startswith("screen_") or asked(rules, k)}

    def said(of):
        return {v.outcome for v in check(of, rules=rules) if v.kind != "screening"}

    assert said(protocol) == {PASS}
    for key in protocol:
        if key != "technique":
            rest = {name: value for name, value in protocol.items() if name != key}
            assert worst(said(rest)) == "cannot say", key


def asked(rules, key):
    return any(f"screen_{t.key}" == key and t.for_technique(frozenset({"tdcs"})) for t in rules.topics)


@pytest.mark.parametrize("technique", TECHNIQUES)
@given(st.data(), factors, st.floats(1, 90))
@settings(max_examples=25)
def test_what_was_not_read_never_passes(technique, data, factor, age):
    protocol = complete(technique, age_years=age, brain_density_A_per_m2=0.2, stimulator="Boston Scientific Vercise")
    keys = set(data.draw(st.lists(st.sampled_from(sorted((INTENSITY | DURATION) & protocol.keys())), unique=True)))
    for verdict in check(scaled(protocol, keys, factor)):
        if verdict.source_level not in READ_LEVELS:
            assert verdict.outcome != "within cited range", verdict


def test_no_unread_rule_may_pass_whatever_it_is_given():
    """Rule by rule: at a value that keeps to the limit, inside every condition, at a fitting age."""
    rules = load_rule_set()
    limits = [rule for rule in rules.rules if rule.kind != DEFINITION]
    unread = [rule for rule in limits if not rule.may_pass and isinstance(rule.limit, float)]
    assert len(unread) > 20
    for rule in unread:
        technique = sorted(rule.techniques)[0]
        inside = {c.quantity: c.value * (1 if c.is_upper else 1.001) for c in (*rule.only, *rule.when)}
        kept = {"at_most": 0.5, "below": 0.5, "at_least": 2, "above": 2}[rule.comparison] * rule.limit
        protocol = {"technique": technique, "age_years": 18, "stimulator": rule.device, **inside}
        protocol[rule.quantity] = kept * UNIT[rule.unit]
        found = {v.rule_id: v for v in check(protocol)}[rule.joint or rule.rule_id]
        assert found.outcome == "cannot say", rule.rule_id


UNIT = {"mA": 1e-3, "min": 60, "ms": 1e-3, "us": 1e-6, "mC": 1e-3, "mA/cm^2": 10, "uC/cm^2": 1e-2} | dict.fromkeys(
    ("A/m^2", "C", "Hz", "Ohm", "% MT", "pulses", "sessions", "days", "years", "s", "k", "given"), 1.0
)


@pytest.mark.parametrize("technique", TECHNIQUES)
def test_what_was_found_at_other_ages_does_not_pass(technique):
    limits = {rule.rule_id: rule.ages_years for rule in load_rule_set().rules}
    for age in (8, 15, 40):
        for verdict in check(complete(technique, age_years=age)):
            if verdict.outcome == "within cited range":
                low, high = limits[verdict.rule_id]
                assert low <= age <= high
    without = check(complete(technique, age_years=None))
    passed = {v.rule_id for v in without if v.outcome == "within cited range"}
    assert all(limits[rule_id][0] == 0 for rule_id in passed)


def test_an_adult_limit_says_why_it_does_not_hold_for_a_minor():
    adult, minor = (verdicts(complete("tdcs", age_years=age))["tes-current-experience"] for age in (30, 15))
    assert (adult.outcome, minor.outcome) == ("within cited range", "cannot say")
    assert "from 18 years on, not at 15" in minor.why
    assert outcomes(complete("tdcs", age_years=15, total_current_A=5e-3))["tes-current-experience"] == "stop"
    youth = outcomes(complete("rtms_10hz", age_years=15))
    assert youth["tms-intensity-youth-trial"] == "within cited range"
    assert outcomes(complete("rtms_10hz", age_years=40))["tms-intensity-youth-trial"] == "cannot say"


@pytest.mark.parametrize(
    ("technique", "rule_id", "warned", "not_warned"),
    [
        ("tdcs", "tes-age-planned", 3, 12), ("hd_tacs", "tes-age-planned", 11, 15), ("ti", "tes-age-planned", 6, 30),
        ("mst", "mst-age-trial", 17, 18), ("dbs", "dbs-age-trial", 5, 9), ("itbs", "tms-age-label", 14, 15),
    ],
)  # fmt: skip
def test_an_age_below_every_trial_is_warned_of(technique, rule_id, warned, not_warned):
    assert outcomes(complete(technique, age_years=warned))[rule_id] == "warn"
    assert outcomes(complete(technique, age_years=not_warned))[rule_id] != "warn"


def test_what_children_were_given_is_held_against_children_only():
    strong = {"total_current_A": 2.5e-3, "duration_s": 1500, "sessions_in_course": 25}
    rules = {"tes-current-youth", "tes-duration-youth", "tes-sessions-youth"}
    child, adult, unknown = (outcomes(complete("tdcs", age_years=age, **strong)) for age in (14, 30, None))
    assert {child[rule_id] for rule_id in rules} == {unknown[rule_id] for rule_id in rules} == {"warn"}
    assert not rules & adult.keys()
    usual = verdicts(complete("tdcs", age_years=14))["tes-current-youth"]
    assert usual.outcome == "cannot say"
    assert "does not give the ages" in usual.why


def test_the_larger_of_given_and_computed_is_judged():
    found = verdicts(complete("tdcs", total_current_A=4e-3, duration_s=2400, charge_C=1.0))["tes-charge-experience"]
    assert found.value == pytest.approx(9.6)
    assert found.outcome == "stop"
    assert "larger than the one given" in found.why
    found = verdicts(complete("tdcs", charge_C=8.0))["tes-charge-experience"]
    assert (found.value, found.outcome) == (8.0, "stop")


def test_the_limit_itself_keeps_to_it_despite_rounding():
    assert (
        outcomes(complete("tdcs", total_current_A=sum([0.4e-3] * 10)))["tes-current-experience"] == "within cited range"
    )
    assert outcomes(complete("snt", pulses_per_session=1800.0000001))["tbs-pulses-accelerated"] == "within cited range"


def test_a_quantity_without_a_limit_is_named():
    found = verdicts(complete("tdcs", ramp_s=30, my_own_A=3))
    for key in ("ramp_s", "my_own_A", "sessions_in_course"):
        verdict = found[f"no-cited-limit:{key}"]
        assert (verdict.outcome, verdict.kind) == ("cannot say", "uncited")
        assert key in verdict.why


def test_charge_density_and_k_are_one_rule():
    rule = "dbs-charge-density-and-k"
    short, long = 5.98e-6, 11.97e-6

    def at(density, area):
        return verdicts(
            complete("dbs", amplitude_A=density * area / 60e-6, contact_area_m2=area, charge_per_phase_C=None)
        )[rule]

    # 30 uC/cm^2: k = 1.73 on the short ring, 2.03 on the long one, above the lowest k with damage
    assert at(0.30, short).outcome == "warn"
    assert at(0.30, long).outcome == "stop"
    assert at(0.30, long).quantity == "shannon_k"
    assert at(0.30, long).value == pytest.approx(2.03, abs=0.005)
    assert at(0.30, short).value == pytest.approx(1.73, abs=0.005)
    small = 1e-6  # so small a contact exceeds the density with a harmless k
    assert at(0.31, small).outcome == "warn"
    assert at(0.31, small).quantity == "charge_density_per_phase_C_per_m2"
    one = verdicts(
        complete(
            "dbs",
            contact_area_m2=None,
            charge_density_per_phase_C_per_m2=0.1,
            amplitude_A=None,
            charge_per_phase_C=None,
        )
    )[rule]
    assert one.outcome == "cannot say"
    assert "shannon_k is not given" in one.why


def test_a_combination_is_both_halves_and_says_that_no_limit_holds_for_the_two():
    found = verdicts(complete("tdcs_rtms"))
    assert {"tes-current-experience", "tms-train-duration", "tms-coil-didt", "combination-no-limit"} <= found.keys()
    assert found["combination-no-limit"].outcome == "cannot say"
    assert outcomes(complete("tdcs_rtms", total_current_A=6e-3))["tes-current-experience"] == "stop"
    assert outcomes(complete("tdcs_rtms", train_duration_s=8, intensity_percent_mt=120))["tms-train-duration"] == "stop"


def test_another_stimulator_is_warned_where_its_own_would_stop():
    own = complete("dbs", amplitude_A=14e-3, stimulator="Boston Scientific Vercise Gevia")
    other = complete("dbs", amplitude_A=14e-3, stimulator="Something Else")
    assert outcomes(own)["vercise-amplitude"] == "stop"
    assert outcomes(other)["vercise-amplitude"] == "warn"
    assert "Something Else" in verdicts(other)["device-limits"].why
    kept = {**own, "amplitude_A": 3e-3}
    assert outcomes(kept)["vercise-amplitude"] == "within cited range"
    assert outcomes({**kept, "stimulator": "x"})["vercise-amplitude"] == "cannot say"


def test_the_protocol_is_not_changed():
    protocol = complete("tdcs_rtms")
    copy = dict(protocol)
    check(protocol)
    assert protocol == copy


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"technique": "laser"}, "laser"),
        ({"technique": None}, "None"),
        ({"technique": ["tdcs"]}, "no safety rules"),
        ({"duration_s": -1}, "duration_s = -1"),
        ({"duration_s": float("nan")}, "nan"),
        ({"duration_s": "20 min"}, "20 min"),
        ({"duration_s": True}, "True"),
        ({"duration_s": [1]}, "not a number"),
        ({"total_current_A": 1e300, "duration_s": 1e300}, "check their units"),
        ({"hearing_protection": "earplugs"}, "earplugs"),
        ({"screen_pregnancy": "maybe"}, "maybe"),
        ({"contact_area_m2": 0}, "contact_area_m2 = 0"),
    ],
)
def test_bad_protocols_are_refused(change, said):
    with pytest.raises(DataError, match=said.replace("[", r"\[")):
        check({**complete("tdcs"), **change})


def test_worst_orders_outcomes():
    assert worst(["warn", "stop", "cannot say"]) == "stop"
    assert worst(()) == "cannot say"
    assert set(OUTCOME_OF.values()) <= set(OUTCOMES)


def test_no_text_calls_anything_safe():
    for technique in TECHNIQUES:
        for verdict in check(complete(technique)):
            assert " safe" not in f" {verdict.why} {verdict.outcome} {verdict.population}".casefold()


def test_sources_are_shown():
    coil = verdicts(complete("rtms_10hz"))["tms-coil-didt"]
    assert coil.source == "header of the coil file"
    assert isinstance(load_rule_set().sources["chen1997"], Cited)
    for technique in TECHNIQUES:
        assert all(v.source and v.source_level for v in check(complete(technique)))

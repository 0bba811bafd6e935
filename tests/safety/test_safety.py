"""Safety rules: nothing unread passes, more is never judged milder, and no value is guessed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assuage.errors import DataError
from assuage.safety import OUTCOMES, check, load_rules, load_train_limits, worst

RANK = {outcome: rank for rank, outcome in enumerate(OUTCOMES)}


def outcomes(**protocol):
    return {verdict.rule_id: verdict for verdict in check(protocol)}


def tes(**more):
    return {"technique": "tdcs", "total_current_A": 2e-3, "duration_s": 1200, "skin_density_A_per_m2": 0.57, **more}


def tms(**more):
    return {
        "technique": "tms", "intensity_percent_mt": 110.0, "frequency_Hz": 10.0, "train_duration_s": 4.0,
        "inter_train_interval_s": 26.0, "pulses_per_session": 3000, "didt_A_per_s": 6e7,
        "coil_max_didt_A_per_s": 1.5e8, "coil_source": "header of the coil file", "age_years": 19, **more,
    }  # fmt: skip


def no_milder(before, after):
    return all(RANK[b.outcome] <= RANK[a.outcome] for b, a in zip(before, after, strict=True))


def test_every_row_names_its_source():
    for row in (*load_rules(), *load_train_limits()):
        assert row.source
        assert row.source_level
    assert len(load_train_limits()) == 25


def test_nothing_from_memory_or_second_hand_may_pass():
    for rule in load_rules():
        if any(word in rule.source_level for word in ("memory", "secondary", "weak", "derived")):
            assert not rule.may_pass


@given(
    st.floats(0, 0.01), st.floats(0, 7200), st.floats(0, 50), st.floats(0, 20), st.sampled_from(["tdcs", "hd_tdcs_4x1"])
)
def test_unread_rules_never_say_within(current, duration, skin, brain, technique):
    protocol = tes(
        technique=technique, total_current_A=current, duration_s=duration, skin_density_A_per_m2=skin,
        brain_density_A_per_m2=brain,
    )  # fmt: skip
    for verdict in check(protocol):
        if "memory" in verdict.source_level or "secondary" in verdict.source_level or verdict.population == "animal":
            assert verdict.outcome != "within cited range"


@given(st.floats(0, 25), st.floats(0, 200), st.floats(0, 100), st.floats(0, 10))
def test_the_remembered_train_table_never_says_within(frequency, intensity, duration, interval):
    protocol = tms(
        frequency_Hz=frequency, intensity_percent_mt=intensity, train_duration_s=duration,
        inter_train_interval_s=interval,
    )  # fmt: skip
    verdict = {v.rule_id: v for v in check(protocol)}["tms-train-duration"]
    assert verdict.outcome != "within cited range"


@given(st.floats(0, 0.01), st.floats(0, 0.01), st.floats(0, 7200))
def test_tes_is_monotone_in_current(a, b, duration):
    low, high = sorted((a, b))
    ratio = 250.0  # skin density and brain density follow the current
    before, after = (
        check(
            tes(
                total_current_A=current, duration_s=duration,
                skin_density_A_per_m2=ratio * current, brain_density_A_per_m2=ratio * current,
            )
        )
        for current in (low, high)
    )  # fmt: skip
    assert no_milder(before, after)


@given(st.floats(0, 200), st.floats(0, 200), st.floats(0.1, 40), st.floats(0, 2000), st.floats(0, 30))
def test_tms_is_monotone_in_intensity(a, b, frequency, duration, interval):
    low, high = sorted((a, b))
    before, after = (
        check(
            tms(
                intensity_percent_mt=intensity, frequency_Hz=frequency, train_duration_s=duration,
                inter_train_interval_s=interval, didt_A_per_s=1e6 * intensity,
            )
        )
        for intensity in (low, high)
    )  # fmt: skip
    assert no_milder(before, after)


def test_a_usual_tdcs_session_is_within_what_was_read():
    found = outcomes(**tes())
    assert found["tes-current-experience"].outcome == "within cited range"
    assert found["tes-charge-experience"].outcome == "within cited range"
    assert found["tes-charge-experience"].value == pytest.approx(2.4)
    assert found["tes-current-guideline"].outcome == "cannot say"


def test_limits_stop_and_warn():
    found = outcomes(**tes(total_current_A=5e-3, duration_s=3000))
    for rule_id in ("tes-current-experience", "tes-duration-experience", "tes-charge-experience"):
        assert found[rule_id].outcome == "stop"
    found = outcomes(**tes(technique="hd_tdcs_4x1", total_current_A=3e-3, duration_s=1800))
    assert found["hd4x1-current-tolerated"].outcome == "warn"
    assert found["hd4x1-duration-tolerated"].outcome == "warn"
    found = outcomes(**tms(didt_A_per_s=2e8, inter_train_interval_s=1.0))
    assert found["tms-coil-didt"].outcome == "stop"
    assert found["tms-interval-harm"].outcome == "stop"
    assert found["tms-coil-didt"].source == "header of the coil file"
    assert outcomes(**tms(train_duration_s=6.0))["tms-train-duration"].outcome == "warn"
    assert outcomes(**tms(train_duration_s=5.0, intensity_percent_mt=120))["tms-train-duration"].outcome == "stop"
    assert outcomes(**tms(frequency_Hz=50))["tms-train-duration"].outcome == "stop"


def test_the_limit_itself_keeps_to_it_despite_rounding():
    assert outcomes(**tes(total_current_A=sum([0.4e-3] * 10)))["tes-current-experience"].outcome == "within cited range"


def test_a_missing_value_cannot_be_judged():
    for verdict in check({"technique": "tms"}):
        assert verdict.outcome == "cannot say"
        assert verdict.value is None
        assert "given" in verdict.why


def test_what_was_found_in_adults_does_not_pass_for_a_minor():
    adult = outcomes(**tes(technique="hd_tdcs_4x1", age_years=30))["hd4x1-current-tolerated"]
    minor = outcomes(**tes(technique="hd_tdcs_4x1", age_years=15))["hd4x1-current-tolerated"]
    assert (adult.outcome, minor.outcome) == ("within cited range", "cannot say")


@pytest.mark.parametrize("bad", [{"technique": "laser"}, {}, tes(duration_s=-1), tes(duration_s=float("nan"))])
def test_bad_protocols_are_refused(bad):
    with pytest.raises(DataError):
        check(bad)


def test_worst_orders_outcomes():
    assert worst(verdict.outcome for verdict in check(tes(total_current_A=5e-3))) == "stop"
    assert worst(()) == "cannot say"
    assert not any("safe" in outcome for outcome in OUTCOMES)

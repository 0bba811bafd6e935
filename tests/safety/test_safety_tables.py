"""The tables against a slow reading of them, cell by cell."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from protocol_examples import complete

from assuage.safety import check, load_rule_set
from assuage.safety.tables import _busiest_minute

RULES = load_rule_set()
TABLE = RULES.train_tables[0]


def outcome(rule_id, technique="rtms_10hz", **more):
    return {verdict.rule_id: verdict for verdict in check(complete(technique, **more))}[rule_id]


@pytest.mark.parametrize("table", RULES.train_tables, ids=lambda table: table.rule_id)
def test_each_cell_holds_up_to_its_limit(table):
    for i, frequency in enumerate(table.frequency_Hz):
        for j, intensity in enumerate(table.intensity_percent_mt):
            cell = table.cells[i][j]
            more = {"frequency_Hz": frequency, "intensity_percent_mt": intensity, "pulses_per_train": None}
            if table.quantity == "pulses_per_train":
                more["train_duration_s"] = None
            at, beyond = (
                outcome(table.rule_id, **{**more, table.quantity: factor * cell.limit}) for factor in (1.0, 1.01)
            )
            assert at.outcome == "cannot say"
            assert at.limit == cell.limit
            assert beyond.outcome == (table.open_beyond if cell.open_ended else table.beyond)


def test_the_tables_have_the_size_of_print():
    assert [len(t.frequency_Hz) * len(t.intensity_percent_mt) for t in RULES.train_tables] == [25, 20, 20]
    assert [len(t.interval_s) * len(t.intensity_percent_mt) for t in RULES.interval_tables] == [12]


@pytest.mark.parametrize("table", RULES.train_tables, ids=lambda table: table.rule_id)
def test_limits_fall_with_frequency_and_intensity(table):
    limits = [[cell.limit for cell in line] for line in table.cells]
    assert all(line == sorted(line, reverse=True) for line in limits)
    if table.quantity == "train_duration_s":
        assert all(list(column) == sorted(column, reverse=True) for column in zip(*limits, strict=True))


@given(st.floats(0, 30), st.floats(0, 150), st.floats(0, 2000))
def test_the_remembered_train_table_never_passes(frequency, intensity, duration):
    found = check(complete("tms", frequency_Hz=frequency, intensity_percent_mt=intensity, train_duration_s=duration))
    for verdict in found:
        if verdict.rule_id in {"tms-train-duration", "tms-train-duration-conservative", "tms-interval-table"}:
            assert verdict.outcome != "within cited range"


def test_between_rows_the_next_higher_one_counts():
    verdict = outcome("tms-train-duration", frequency_Hz=7, intensity_percent_mt=112)
    assert verdict.limit == 4.2
    assert "at 10 Hz, 120 % MT" in verdict.why


@pytest.mark.parametrize(
    ("interval", "intensity", "expected"),
    [
        (5.0, 110, "cannot say"), (26.0, 110, "cannot say"), (5.0, 120, "cannot say"), (26.0, 130, "cannot say"),
        (3.0, 110, "warn"), (1.0, 100, "stop"), (0.5, 105, "stop"), (0.1, 120, "stop"), (1.0, 80, "cannot say"),
        (1.0, 130, "stop"),
    ],
)  # fmt: skip
def test_pauses_are_read_on_both_sides(interval, intensity, expected):
    found = outcome("tms-interval-table", inter_train_interval_s=interval, intensity_percent_mt=intensity)
    assert found.outcome == expected


@given(st.floats(0.1, 100), st.floats(0, 100), st.integers(1, 50))
def test_the_busiest_minute_is_that_of_a_slow_count(train, pause, trains):
    period = train + pause
    slow = sum(max(0.0, min(60.0, k * period + train) - k * period) for k in range(trains) if k * period < 60)
    assert _busiest_minute(train, pause, trains) == pytest.approx(slow)


def test_what_a_stimulator_can_do_depends_on_its_output():
    more = {"stimulator": "Magstim Rapid2 dual supply", "frequency_Hz": 25, "train_duration_s": 0.2}
    assert outcome("rapid2-dual-supply-frequency", output_percent_mso=100, **more).outcome == "within cited range"
    assert (
        outcome("rapid2-dual-supply-frequency", output_percent_mso=100, **{**more, "frequency_Hz": 26}).outcome
        == "stop"
    )
    assert outcome("rapid2-dual-supply-frequency", output_percent_mso=40, **{**more, "frequency_Hz": 50}).limit == 50
    assert outcome("rapid2-dual-supply-frequency", output_percent_mso=110, **more).outcome == "cannot say"
    assert outcome("rapid2-dual-supply-frequency", **more).outcome == "cannot say"
    on = outcome("rapid2-on-time-per-minute", output_percent_mso=100, **more)
    assert on.limit == pytest.approx(63000 / (25 * 252))
    assert on.outcome == "cannot say"  # read in code, not at the maker's
    vague = outcome("rapid2-dual-supply-frequency", **{**more, "stimulator": "Magstim Rapid2"})
    assert "does not say" in vague.why

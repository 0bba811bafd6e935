"""The data files: every row has a source, a level, known names; broken rows are refused; a change is versioned."""

import copy
import re
import tomllib
from importlib.resources import files

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assuage import units
from assuage.errors import DataError
from assuage.safety import load_rule_set
from assuage.safety.load import FILES, parse
from assuage.safety.quantities import QUANTITIES, UNITS, to_shown, to_si, with_derived
from assuage.safety.records import READ_LEVELS, UNREAD_LEVELS

RULES = load_rule_set()
DOCUMENTS = {
    name: tomllib.loads(files("assuage.safety").joinpath("data", f"{name}.toml").read_text("utf-8")) for name in FILES
}
CONTENT = {
    "1.0": "e9a405a4dfba4978cab2dff8cb53398c9b2c8307ba3a07c79ccbd9c8db284e45",
    "1.1": "ca85fc6a708a9dc74678f6c83c500f6f180ddc8423c348ec998185e56197426a",
}
"""Content hash of each version: whoever changes the data raises the version and adds a line."""


def rows():
    yield from RULES.rules
    yield from RULES.train_tables
    yield from RULES.interval_tables
    yield from RULES.output_tables
    yield from RULES.interactions
    yield from RULES.notices
    for topic in RULES.topics:
        yield from topic.answered


def test_every_row_has_a_source_and_how_far_it_was_read():
    found = list(rows())
    assert len(found) > 100
    for row in found:
        assert row.source.citation
        assert row.source.level in READ_LEVELS | UNREAD_LEVELS


def test_every_row_names_known_techniques_quantities_and_units():
    for row in rows():
        assert getattr(row, "techniques", frozenset(RULES.techniques)) <= set(RULES.techniques)
        if hasattr(row, "quantity"):
            assert row.quantity in QUANTITIES
            assert row.unit in UNITS


def test_every_file_of_the_folder_is_read():
    folder = files("assuage.safety").joinpath("data")
    assert {path.name for path in folder.iterdir()} == {f"{name}.toml" for name in FILES}


def test_every_source_is_used():
    used = {row.source.key for row in rows()} | {"package"}
    assert set(RULES.sources) == used


def test_every_technique_has_limits_and_screening():
    for technique in RULES.techniques.values():
        assert [rule for rule in RULES.rules if rule.techniques & technique.names]
        assert [topic for topic in RULES.topics if topic.for_technique(technique.names)]


def test_the_content_is_the_one_of_its_version():
    assert CONTENT[RULES.version] == RULES.sha256
    assert RULES.version in str(RULES)
    assert RULES.sha256[:12] in str(RULES)


def changed(edit):
    documents = copy.deepcopy(DOCUMENTS)
    edit(documents)
    return documents


def test_the_hash_is_that_of_the_content():
    assert parse(DOCUMENTS).sha256 == RULES.sha256
    other = parse(changed(lambda d: d["tes"]["rules"][0].update(limit=4.1)))
    assert other.sha256 != RULES.sha256


BROKEN = [
    (lambda d: d["sources"]["chen1997"].pop("citation"), "chen1997.*no citation"),
    (lambda d: d["sources"]["chen1997"].pop("level"), "chen1997: level ''"),
    (lambda d: d["sources"]["chen1997"].update(level="seen somewhere"), "seen somewhere"),
    (lambda d: d["tes"]["rules"][0].update(source="nobody2020"), "tes-current-experience: source 'nobody2020'"),
    (lambda d: d["tes"]["rules"][0].pop("source"), "tes-current-experience has no 'source'"),
    (lambda d: d["tes"]["rules"][0].pop("limit"), "has no 'limit'"),
    (lambda d: d["tes"]["rules"][0].pop("ages_years"), "has no 'ages_years'"),
    (lambda d: d["tes"]["rules"][0].update(ages_years=[30, 18]), "lower age first"),
    (lambda d: d["tes"]["rules"][0].update(population=" "), "no population"),
    (lambda d: d["tes"]["rules"][0].update(says=""), "no says"),
    (lambda d: d["tes"]["rules"][0].update(techniques=["laser"]), "technique 'laser'"),
    (lambda d: d["tes"]["rules"][0].update(quantity="colour"), "quantity 'colour'"),
    (lambda d: d["tes"]["rules"][0].update(unit="stone"), "unit 'stone'"),
    (lambda d: d["tes"]["rules"][0].update(unit="min"), "give its limit in mA"),
    (lambda d: d["tes"]["rules"][0].update(comparison="about"), "comparison 'about'"),
    (lambda d: d["tes"]["rules"][0].update(beyond="within cited range"), "outcome 'within cited range'"),
    (lambda d: d["tes"]["rules"][0].update(kind="rumour"), "kind 'rumour'"),
    (lambda d: d["tes"]["rules"][0].update(when=["frequency about 10"]), "frequency about 10"),
    (lambda d: d["tes"]["rules"][0].update(when=["colour<=10"]), "quantity 'colour'"),
    (lambda d: d["tes"]["rules"][0].update(when=["age_years>18"]), "upper conditions only"),
    (lambda d: d["tes"]["rules"][0].update(id="tms-hearing"), "used twice"),
    (
        lambda d: d["tes"]["rules"].append(dict(d["dbs"]["rules"][0], id="x", techniques=["tdcs"])),
        "different techniques",
    ),
    (lambda d: d["tms_tables"]["train_tables"][0]["cells"][0].pop(), "not 5 rows of 5"),
    (lambda d: d["tms_tables"]["train_tables"][0]["cells"][0].__setitem__(0, "long"), "cell 'long'"),
    (lambda d: d["tms_tables"]["train_tables"][0].update(frequency_Hz=[1, 5, 20, 10, 25]), "does not rise"),
    (lambda d: d["tms_tables"]["interval_tables"][0]["found"][0].__setitem__(0, "fine"), "finding 'fine'"),
    (lambda d: d["devices"]["output_tables"][0].update(frequency_Hz=[1]), "4 values each"),
    (lambda d: d["screening"]["topics"][0]["answered"][0].update(consequence="ignore"), "consequence 'ignore'"),
    (lambda d: d["screening"]["interactions"][0].update(any_of=["mood"]), "topic 'mood'"),
    (lambda d: d["definitions"]["belongs"][0].update(quantities=["colour"]), "belongs: quantity 'colour'"),
    (lambda d: d["definitions"]["belongs"][0].update(techniques=["laser"]), "belongs: technique 'laser'"),
    (lambda d: d["tes"]["rules"][0].update(only=["alternating about 0"]), "alternating about 0"),
    (lambda d: d["techniques"]["technique"]["tdcs"].update(needs=["luck"]), "needs 'luck'"),
    (lambda d: d["techniques"]["technique"]["tdcs"].update(also=["colour"]), "quantity 'colour'"),
    (lambda d: d["techniques"]["technique"]["tdcs_rtms"].update(parts=["laser"]), "part 'laser'"),
    (lambda d: d["techniques"]["groups"].update(coil=["laser"]), "technique 'laser'"),
]


@pytest.mark.parametrize(("edit", "said"), BROKEN, ids=[said for _, said in BROKEN])
def test_a_broken_row_is_refused(edit, said):
    with pytest.raises(DataError, match=said):
        parse(changed(edit))


@given(st.floats(1e-12, 1e12), st.sampled_from(sorted(UNITS)))
def test_units_round_trip(value, unit):
    assert to_si(to_shown(value, unit), unit) == pytest.approx(value, rel=1e-14)
    assert to_shown(to_si(value, unit), unit) == pytest.approx(value, rel=1e-14)


@pytest.mark.parametrize(
    ("value", "unit", "si"),
    [
        (2, "mA", 2e-3), (20, "min", 1200), (0.3, "ms", 3e-4), (60, "us", 6e-5), (576, "mC", 0.576), (1, "uC", 1e-6),
        (30, "uC/cm^2", 0.3), (0.2, "mA/cm^2", 2.0), (150, "A/us", 1.5e8),
    ],
)  # fmt: skip
def test_units_are_what_they_say(value, unit, si):
    assert to_si(value, unit) == pytest.approx(si)


def test_units_of_time_and_charge():
    assert (units.S_PER_MIN, units.S_PER_MS, units.S_PER_US, units.C_PER_MC, units.C_PER_UC) == (
        60,
        1e-3,
        1e-6,
        1e-3,
        1e-6,
    )


def test_what_follows_from_what():
    ect = with_derived(
        {"peak_current_A": 0.9, "pulse_width_s": 5e-4, "pulse_pair_frequency_Hz": 140, "stimulus_duration_s": 1.2},
        "ect",
    )
    assert ect["charge_C"] == pytest.approx(0.1512)
    itbs = {"pulses_per_burst": 3, "burst_rate_Hz": 5, "train_duration_s": 2, "trains_per_session": 20}
    found = with_derived({**itbs, "sessions_per_day": 5, "sessions_in_course": 30}, "itbs")
    assert (found["pulses_per_train"], found["pulses_per_session"]) == (30, 600)
    assert (found["pulses_per_day"], found["pulses_in_course"]) == (3000, 18000)
    dbs = with_derived({"amplitude_A": 3e-3, "pulse_width_s": 6e-5, "contact_area_m2": 6e-6}, "dbs")
    assert dbs["shannon_k"] == pytest.approx(-0.2676, abs=1e-4)
    assert "shannon_k" not in with_derived({"amplitude_A": 0.0, "pulse_width_s": 6e-5, "contact_area_m2": 6e-6}, "dbs")


def test_the_stage_shares_no_code_with_what_optimises():
    for path in files("assuage.safety").iterdir():
        if path.name.endswith(".py"):
            imported = set(re.findall(r"from (assuage[\w.]*) import", path.read_text("utf-8")))
            assert all(name.startswith(("assuage.safety", "assuage.errors", "assuage.units")) for name in imported)

"""Every dose of a plan in the common currency, and whether a proposal reaches its region, on a coarse sphere."""

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
from coarse_plans import COARSE, registered_sphere

from assuage.errors import PlanError
from assuage.plan import Choosing, Sessions, load_record
from assuage.plan import plan as make_plan
from assuage.plan.comparison import _candidates
from assuage.plan.currency_records import Currency
from assuage.plan.rank import rank
from assuage.plan.reach import reach_of
from assuage.plan.records import UNDER_C3
from assuage.plan.sessions import ELECTRICAL, STIMULUS, TRAIN
from assuage.plan.technique_facts import technique_facts
from assuage.sources import Coil
from assuage.techniques.dose import stronger_share

PAGE = Path(__file__).parents[2] / "docs" / "dose.md"
TECHNIQUES = ["itbs", "ctbs", "hd-tdcs", "ect", "mst"]


@pytest.fixture(scope="module")
def head():
    return registered_sphere()


@pytest.fixture(scope="module")
def coil():
    return Coil.figure_of_eight(outer_radius_mm=30.0, inner_radius_mm=12.0, offset_mm=31.0)


@pytest.fixture(scope="module")
def made(head, coil):
    return make_plan(head, "reward", TECHNIQUES, coil=coil, **COARSE)


@pytest.fixture(scope="module")
def asked(head):
    sessions = Sessions(
        current_s=90 * 60.0,
        ect=replace(STIMULUS, pulse_width_s=0.5e-3, duration_s=9.0),
        mst=replace(TRAIN, duration_s=5.0, didt_A_per_s=120e6),
    )
    return make_plan(head, "reward", ["4x1", "ect", "mst"], sessions=sessions, **COARSE)


def technique(plan, name):
    return next(item for item in plan.record.techniques if item.technique == name)


# ------------------------------------------------------------------------------------------------------------- reached


def test_every_proposal_is_asked_and_by_one_rule(made):
    share, most = made.record.matrix.threshold, made.record.matrix.selectivity_threshold
    for item in made.record.techniques:
        tissues = made.target.tissue_in(made.head)
        stronger = stronger_share(made.fields[item.technique], tissues, item.currency.mean_V_per_m)
        assert item.reach.stronger_elsewhere == pytest.approx(stronger, rel=1e-3, abs=1e-4)
        assert item.reach.relative_to_reference == item.dose.relative_to_reference
        assert item.reach.reached == (item.dose.relative_to_reference >= share and stronger <= most)


def test_the_shortlist_leaves_out_what_does_not_reach_and_gives_both_numbers(made):
    reach = {item.technique: item.reach for item in made.record.techniques}
    reach |= {course.technique: reach["tms"] for course in technique(made, "tms").courses}
    for item in made.record.shortlist.left_out:
        if not reach[item.technique].reached:
            (said,) = (reason for reason in item.reasons if "does not reach" in reason)
            assert f"{reach[item.technique].relative_to_reference:.2g} of the" in said
            assert f"{100 * reach[item.technique].stronger_elsewhere:.2g} %" in said
    assert {item.technique for item in made.record.shortlist.chosen} <= {name for name in reach if reach[name].reached}
    assert any(not found.reached for found in reach.values())


def test_a_weak_or_a_diffuse_proposal_does_not_reach(made):
    def item(share, stronger):
        found = technique(made, "hd_tdcs")
        dose = found.dose.model_copy(update={"relative_to_reference": share})
        stated = found.currency.model_copy(update={"stronger_elsewhere": stronger})
        return reach_of(found.model_copy(update={"dose": dose, "currency": stated}))

    assert [item(0.5, 0.1).reached, item(0.49, 0.1).reached, item(0.5, 0.11).reached] == [True, False, False]
    assert "0.49 of the technique's own best under C3" in item(0.49, 0.1).words
    assert "11 % of the same tissue" in item(0.5, 0.11).words
    assert reach_of(technique(made, "hd_tdcs").model_copy(update={"currency": None})) is None


def test_what_aims_elsewhere_says_so_in_its_line(made):
    item = technique(made, "hd_tdcs_4x1")
    moved = item.model_copy(update={"currency": item.currency.model_copy(update={"target": "another region"})})
    (place,) = rank((moved,), made.record.target.name).ranks
    (line,) = (reason for reason in place.reasons if "99th percentile" in reason)
    assert "another region" in line
    assert made.record.target.name in line


# ------------------------------------------------------------------------------------------------ words and yardsticks


def test_each_yardstick_has_one_name(made):
    for item in made.record.techniques:
        own, other = item.dose.reference_name, item.currency.reference
        assert (own == UNDER_C3) == (item.technique not in {"ect", "mst"})
        if own == other:
            assert item.dose.reference_V_per_m == pytest.approx(item.currency.reference_V_per_m, rel=1e-6)
    names = {item.currency.reference for item in made.record.techniques}
    assert names == {"motor-threshold field", "2 mA reference montage", "neural threshold field"}


def test_one_ampere_per_microsecond_is_no_dose(made):
    assert {item.technique for item in made.record.techniques if item.dose.is_unit} == {"tms"}
    assert "not a dose" in technique(made, "tms").dose.intensity


def test_region_by_region_with_the_reasons_for_absence(made, tmp_path):
    made.write(tmp_path / "plan")
    for item in json.loads((tmp_path / "plan" / "plan.json").read_text())["techniques"]:
        stated = item["currency"]
        assert "no centroid" in stated["sensitive_absent"]["brainstem"]
        pain = next(circuit for circuit in stated["circuits"] if circuit["domain"] == "pain")
        assert "periaqueductal_grey" in pain["absent"]
        assert not {region["name"] for region in pain["regions"]} & set(pain["absent"])
        means = [region["mean_V_per_m"] for region in pain["regions"]]
        assert pain["mean_V_per_m"] == pytest.approx(sum(means) / len(means), rel=1e-5)
    assert load_record(tmp_path / "plan").techniques[0].currency == made.record.techniques[0].currency


def test_the_page_has_the_names_of_plan_json():
    def names(schema, prefix=""):
        for name, part in schema["properties"].items():
            inside = part.get("items", {}).get("$ref", "")
            if inside and prefix + name != "sensitive":
                yield from names(definitions[inside.rpartition("/")[2]], f"{prefix}{name}[].")
            yield prefix + name

    schema = Currency.model_json_schema()
    definitions = schema["$defs"]
    known = set(names(schema)) | {"sensitive[]"}
    page = PAGE.read_text(encoding="utf-8")
    tables = page.split("## In the target")[1].split("## How strong")[0].split("## Against")
    rows = re.findall(r"^\| `([^`]+)` \|", tables[0] + tables[1].split("## In the rest")[1], re.MULTILINE)
    assert len(rows) > 15
    assert [name for name in rows if name not in known] == []
    left = {"domain", "regions", "circuits", "name", "sensitive", "quantity", "target"}
    assert [name for name in known if name.rpartition(".")[2] not in left and f"`{name}`" not in page] == []


# ------------------------------------------------------------------------------------------------------------- sessions


def test_charge_and_time_have_a_source(made):
    facts = technique_facts("hd_tdcs")
    for name in ("hd_tdcs_4x1", "hd_tdcs", "hd_tdcs_focal"):
        item = technique(made, name)
        assert item.currency.duration_s == 60 * facts.minutes
        assert facts.source in item.currency.duration_words
        assert item.currency.charge_C == pytest.approx(item.dose.current_A * 60 * facts.minutes, rel=1e-6)
        assert item.quantities["duration_s"] == 60 * facts.minutes
    coil = technique(made, "tms").currency
    assert coil.duration_s is None
    assert "iTBS 192 s; cTBS 40 s" in coil.duration_words
    assert "duration_s" not in technique(made, "ect").quantities


def test_a_session_that_is_given_reaches_the_limits_and_is_not_clipped(asked):
    ring = technique(asked, "hd_tdcs_4x1")
    assert (ring.currency.duration_s, ring.currency.duration_words) == (5400.0, "as given")
    assert any(verdict.quantity == "duration_s" and verdict.outcome == "stop" for verdict in ring.verdicts)
    (candidate,) = _candidates(ring, asked.record.target.name)
    assert candidate.facts.minutes == 90, "a longer session is a larger burden"
    ect = technique(asked, "ect")
    assert (ect.quantities["pulse_width_s"], ect.quantities["stimulus_duration_s"]) == (0.5e-3, 9.0)
    assert next(v for v in ect.verdicts if v.rule_id == "ect-duration").outcome == "stop"
    assert ect.dose.reference_V_per_m == pytest.approx(29.2, rel=0.01), "the threshold at 0.5 ms"
    out = {item.technique: " ".join(item.reasons) for item in asked.record.shortlist.left_out}
    assert "longest stimulus: 9 against 8 s" in out["ect"]
    assert asked.record.provenance.settings["sessions"]["mst"]["didt_A_per_s"] == 120e6


def test_every_mst_coil_is_shown_and_one_with_a_dose_proposed(made, asked):
    item = technique(made, "mst")
    (table,) = item.tables
    rate, last = table.columns.index("dI/dt, A/us"), len(table.columns) - 1
    known = [row for row in table.rows if row[rate] != "1, per A/us"]
    unknown = [row for row in table.rows if row[rate] == "1, per A/us"]
    assert (len(known), len(unknown)) == (2, 4)
    above = table.columns.index("brain above threshold")
    assert all(row[above] is None for row in unknown)
    assert all(row[above] is not None for row in known)
    e99 = table.columns.index("99th percentile of the brain, V/m")
    for row in unknown:  # the field grows with dI/dt
        assert row[last] * row[e99] == pytest.approx(item.dose.reference_V_per_m, rel=1e-5)
    assert any("no maximum is known" in note for note in item.notes)
    assert any("200.08 A/us" in note and "not taken" in note for note in item.notes)
    given = technique(asked, "mst")
    assert given.dose.didt_A_per_s == 120e6
    assert [row[rate] for row in given.tables[0].rows] == [120.0] * 6
    assert all(row[above] is not None for row in given.tables[0].rows)


def test_a_coil_that_is_too_weak_is_named_and_left_out(head):
    sessions = Sessions(mst=replace(TRAIN, didt_A_per_s=180e6))
    plan = make_plan(head, "reward", ["mst"], sessions=sessions, **COARSE)
    item = technique(plan, "mst")
    assert len(item.tables[0].rows) == 4
    assert any("is left out: it is known to reach 146.44 A/us" in note for note in item.notes)


@pytest.mark.parametrize(
    ("sessions", "names", "says"),
    [
        ({"current_s": 600.0}, ("itbs",), "the plan makes none of them; add one"),
        ({"ect": STIMULUS}, ("tdcs",), "a stimulus belongs to ect"),
        ({"mst": TRAIN}, ("ect",), "a train belongs to mst"),
    ],
)
def test_a_session_of_what_is_not_planned_is_refused(sessions, names, says, head):
    with pytest.raises(PlanError, match=says):
        make_plan(head, "reward", names, sessions=Sessions(**sessions), **COARSE)


@pytest.mark.parametrize("seconds", [0.0, -1.0, float("nan"), float("inf"), 86401.0])
def test_what_is_no_length_of_time_is_refused(seconds):
    with pytest.raises(PlanError, match="give seconds above 0"):
        Sessions(current_s=seconds)
    assert {technique_facts(name).minutes > 0 for name in ELECTRICAL} == {True}


# ------------------------------------------------------------------------------------------------------------ equipment


@pytest.mark.parametrize(
    ("choosing", "says"),
    [
        (Choosing(weights={"equipment": 1.0}), "the weight of equipment moves nothing"),
        (Choosing(weights={"equipment": 1.0}, equipment=("pads",)), "the weight of equipment moves nothing"),
        (Choosing(may_acquire=("pads",)), "nothing is left to acquire"),
        (Choosing(equipment=("pads",), may_acquire=("pads",)), "name it once"),
        (Choosing(equipment=("pads",), may_acquire=("kettle",)), "equipment kettle is unknown"),
    ],
)
def test_equipment_that_says_nothing_is_refused(choosing, says, head):
    with pytest.raises(PlanError, match=says):
        make_plan(head, "reward", ["tdcs"], choosing=choosing, **COARSE)

"""Courses, intensity and the combination with tDCS in a whole plan on a coarse sphere: consistent with their parts."""

import numpy as np
import pytest

from assuage.errors import PlanError, PoseError, SourceError
from assuage.field import Conductor
from assuage.head.gallery import sphere_head
from assuage.plan import Driving
from assuage.plan import plan as make_plan
from assuage.plan.bench import COURSES
from assuage.protocols.courses import coil_course
from assuage.report import write_report
from assuage.safety import load_rule_set
from assuage.sources import Coil
from assuage.targets import Target
from assuage.techniques.stimulators import find_pair

COARSE = {"voxel_mm": 4.0, "coarse_voxel_mm": 8.0, "spacing_mm": 30.0, "angle_step_deg": 45.0, "draws": 20}
CENTER_MM = np.array([-38.0, 30.0, 48.0])
DIDT = 70e6
PAIR = {"stimulator": "MagPro X100", "stimulator_coil": "C-B60"}


class EightDipoles(Coil):
    def condensed(self, **_):
        return self


@pytest.fixture(scope="module")
def coil():
    angle = np.deg2rad(np.arange(0, 360, 45))
    wing = np.stack([40 + 25 * np.cos(angle), 25 * np.sin(angle), np.full(8, -6.0)], 1)
    moments = np.zeros((16, 3))
    moments[:, 2] = np.repeat([1e-3, -1e-3], 8)
    return EightDipoles(
        name="toy", positions_mm=np.concatenate([wing, wing * [-1, 1, 1]]), moments_m2=moments,
        max_didt_A_per_s=1.5e8, origin="made for a test",
    )  # fmt: skip


@pytest.fixture(scope="module")
def head():
    return sphere_head(voxel_mm=4.0)


@pytest.fixture(scope="module")
def target():
    return Target.sphere(CENTER_MM, 12.0, name="left frontal")


@pytest.fixture(scope="module")
def plain(head, coil, target):
    return make_plan(head, target, ["tms", "tdcs_rtms"], coil=coil, **COARSE)


@pytest.fixture(scope="module")
def dosed(head, coil, target):
    driving = Driving(threshold_didt_A_per_s=DIDT, **PAIR)
    return make_plan(head, target, ["rtms_10hz", "ctbs", "snt"], coil=coil, driving=driving, **COARSE)


def tms(plan):
    return next(item for item in plan.record.techniques if item.technique == "tms")


def course(plan, name):
    return next(item for item in tms(plan).courses if item.technique == name)


def test_one_field_and_all_its_courses(plain, dosed):
    assert [item.technique for item in plain.record.techniques] == ["tms", "tdcs"]
    assert [item.technique for item in tms(plain).courses] == list(COURSES)
    assert [item.technique for item in dosed.record.techniques] == ["tms"]
    assert [item.technique for item in tms(dosed).courses] == ["rtms_10hz", "ctbs", "snt"]
    assert set(plain.fields) == {"tms", "tdcs"}


@pytest.mark.parametrize("name", COURSES)
def test_counts_of_a_course_are_those_of_its_data(plain, name):
    found, dose = course(plain, name), coil_course(name).dose
    assert found.pulses_per_session == dose.session.pulses
    assert found.pulses == found.pulses_per_session * found.sessions_per_day * found.days
    assert found.session_s == float(dose.session.duration_s)
    assert found.duty == pytest.approx(found.trains_per_session * found.train_s / found.session_s, rel=1e-6)
    assert set(found.sources) == {"session", "calendar", "intensity"}


def test_without_a_threshold_the_ratio_stands_and_no_dose(plain):
    record = tms(plain)
    for item in record.courses:
        intensity = item.intensity
        assert intensity.didt_A_per_s is intensity.target_V_per_m is None
        assert "no motor threshold" in intensity.open_because
        share = intensity.percent_mt / 100
        assert intensity.target_over_threshold == pytest.approx(share * record.currency.ratio, rel=0.02)
        assert intensity.per_threshold_V_per_m == pytest.approx(share * record.dose.magnitude_V_per_m, rel=1e-6)
    assert record.driving is None


def test_percent_of_threshold_is_proportion(dosed):
    record, item = tms(dosed), course(dosed, "rtms_10hz")
    intensity = item.intensity
    assert intensity.didt_A_per_s == pytest.approx(1.2 * DIDT)
    assert intensity.target_V_per_m == pytest.approx(84 * record.dose.magnitude_V_per_m, rel=1e-6)
    assert intensity.sd_V_per_m == pytest.approx(84 * record.dose.error.combined_sd_V_per_m, rel=1e-6)
    assert intensity.hotspot_V_per_m == pytest.approx(1.2 * record.driving.threshold_e_V_per_m, rel=1e-6)
    assert intensity.target_over_threshold == pytest.approx(
        intensity.target_V_per_m / record.driving.threshold_e_V_per_m, rel=1e-6
    )
    assert intensity.percent_output == pytest.approx(100 * 84e6 / find_pair(*PAIR.values()).max_didt_A_per_s, rel=1e-6)
    assert intensity.deliverable
    assert record.scaled[0].didt_A_per_s == DIDT
    assert "100 %" in record.scaled[0].note


def test_the_field_at_the_hotspot_is_that_of_a_forward_solution(head, coil, dosed):
    driving = tms(dosed).driving
    placed = coil.at(np.array(driving.hotspot_pose), didt_A_per_s=DIDT)
    hotspot = Target.sphere(driving.hotspot_mm, 10.0)
    mean = Conductor(head, COARSE["voxel_mm"]).solve(placed).mean_in(hotspot)
    assert np.linalg.norm(mean) == pytest.approx(driving.threshold_e_V_per_m, rel=0.03)


def test_an_active_threshold_is_not_taken_of_a_resting_one(dosed):
    intensity = course(dosed, "ctbs").intensity
    assert intensity.didt_A_per_s is None
    assert "active threshold" in intensity.open_because


def test_matched_field_gives_the_target_the_threshold_field(head, coil, target):
    driving = Driving(threshold_didt_A_per_s=DIDT, hotspot_mm=[-60.0, 0.0, 60.0], way="matched_field", amount=1.1)
    plan = make_plan(head, target, ["itbs"], coil=coil, driving=driving, **COARSE)
    record, intensity = tms(plan), course(plan, "itbs").intensity
    assert record.driving.hotspot_way == "measured place"
    assert intensity.target_V_per_m == pytest.approx(1.1 * record.driving.threshold_e_V_per_m, rel=1e-5)
    assert intensity.target_over_threshold == pytest.approx(1.1, rel=1e-5)
    asked = course(plan, "itbs").quantities
    assert asked["intensity_percent_mt"] == pytest.approx(intensity.percent_mt)
    assert asked["didt_A_per_s"] == pytest.approx(intensity.didt_A_per_s)


def test_limits_judge_each_course_at_its_intensity(dosed):
    snt, ten = course(dosed, "snt"), course(dosed, "rtms_10hz")
    assert snt.quantities["pulses_per_day"] == 18_000
    days = next(verdict for verdict in snt.verdicts if verdict.rule_id == "snt-days")
    assert (days.value, days.limit) == (5, 5)
    table = next(verdict for verdict in ten.verdicts if verdict.rule_id == "tms-interval-table")
    assert table.value == pytest.approx(26)
    assert all(v.outcome != "stop" for v in ten.verdicts)


def test_the_chooser_ranks_courses_and_not_the_coil(plain):
    shortlist = plain.record.shortlist
    names = {item.technique for item in (*shortlist.chosen, *shortlist.left_out)}
    assert names == {*COURSES, "tdcs", "tdcs_rtms"}
    by_name = {item.technique: item for item in shortlist.chosen}
    burden = {
        name: next(part.value for part in by_name[name].criteria if part.criterion == "burden") for name in by_name
    }
    assert burden["ctbs"] > burden["snt"]
    assert [rank.technique for rank in plain.record.ranking.ranks].count("tms") == 1


def test_the_combination_adds_no_field_and_names_the_electrode_under_the_coil(plain):
    (both,) = plain.record.combinations
    assert both.parts == ("tdcs", "tms")
    assert "not known to add up" in both.not_additive
    assert (both.gap_s, both.gap_at_most_s, both.sessions) == (1800, 3600, 10)
    pose = np.array(tms(plain).proposal.pose)
    montage = next(item for item in plain.record.techniques if item.technique == "tdcs").proposal
    half = np.array(both.footprint_mm) / 2
    assert half[0] == pytest.approx(65.0)
    named = {item.electrode for item in both.under_coil}
    for electrode in montage.electrodes:
        local = pose[:3, :3].T @ (np.array(electrode.center_mm) - pose[:3, 3])
        inside = (np.abs(local[:2]) < half).all() and abs(local[2]) <= 30
        assert not inside or electrode.name in named
    assert any("no electrode" in line or all(name in line for name in named) for line in both.words[2:])
    ratios = {item.technique: item for item in plain.record.shortlist.chosen}
    field = next(part for part in ratios["tdcs_rtms"].criteria if part.criterion == "target_field")
    parts = [part for name in ("tdcs", "rtms_10hz") for part in ratios[name].criteria]
    assert field.value == pytest.approx(min(part.value for part in parts if part.criterion == "target_field"), rel=1e-3)


def test_the_rule_set_is_named(plain):
    rules = load_rule_set()
    assert plain.record.rule_set.version == rules.version
    assert plain.record.rule_set.sha256 == rules.sha256


def test_a_hotspot_that_is_not_on_the_head_is_refused_before_the_work(head, coil, target):
    far = Driving(threshold_didt_A_per_s=DIDT, hotspot_mm=[300.0, 0.0, 0.0])
    with pytest.raises(PoseError, match=r"mm from the scalp"):
        make_plan(head, target, ["snt"], coil=coil, driving=far, **COARSE)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"threshold_percent_output": 50.0}, "needs the stimulator and its coil"),
        ({"threshold_didt_A_per_s": 70.0}, "6.5e7"),
        ({"threshold_didt_A_per_s": 7e7, "threshold_percent_output": 50.0, **PAIR}, "give it once"),
        ({"way": "percent_mt"}, "needs a motor threshold"),
        ({"way": "didt"}, "needs its number"),
        ({"way": "percent_output", "amount": 60.0}, "needs the stimulator"),
        ({"way": "didt", "amount": -1.0}, "above 0"),
        ({"threshold_didt_A_per_s": 7e7, "hotspot_pose": np.eye(4), "hotspot_mm": [0, 0, 0]}, "give one of them"),
    ],
)
def test_what_does_not_fit_together_is_refused(options, says):
    with pytest.raises(PlanError, match=says):
        Driving(**options)


def test_unknown_devices_are_refused_with_the_known_ones():
    with pytest.raises(SourceError, match=r"a known stimulator: .*MagPro X100"):
        Driving(threshold_percent_output=50.0, stimulator="MagPro R30", stimulator_coil="C-B60")
    with pytest.raises(SourceError, match=r"with this stimulator: .*MagVenture_C-B60"):
        Driving(threshold_percent_output=50.0, stimulator="MagPro X100", stimulator_coil="D70")
    with pytest.raises(SourceError, match="from above 0 to 100 %"):
        Driving(way="percent_output", amount=120.0, **PAIR)


def test_a_sheared_hotspot_pose_is_refused():
    pose = np.eye(4)
    pose[0, 1] = 0.2
    with pytest.raises(PoseError, match="not rigid"):
        Driving(threshold_didt_A_per_s=DIDT, hotspot_pose=pose)


def test_the_report_shows_courses_side_by_side_and_the_combination(plain, tmp_path):
    page = write_report(plain, tmp_path / "report.html").read_text(encoding="utf-8")
    table = page[page.index('id="courses"') : page.index('id="combination"')]
    for item in tms(plain).courses:
        assert f">{item.label}</th>" in table
        assert item.sources["session"].split(" ", maxsplit=1)[0] in table
    assert "90\u202f000" in table
    assert "No motor threshold was given" in table
    both = page[page.index('id="combination"') : page.index('id="doses"')]
    assert "not known to add up" in both
    assert "tDCS first" in both
    rules = load_rule_set()
    assert f"{rules.name}, version {rules.version}" in page

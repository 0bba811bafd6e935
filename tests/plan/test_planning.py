"""A whole plan on a coarse sphere: consistent with its own fields, repeatable, and written whole or not at all."""

import dataclasses
import json
from dataclasses import replace
from types import ModuleType

import nibabel as nib
import numpy as np
import pytest
from coarse_plans import SameSpace

import assuage
from assuage.circuits import load_circuit
from assuage.errors import PlanError, TargetError
from assuage.field import Conductor
from assuage.head.gallery import sphere_head
from assuage.plan import Plan, PlanRecord, check_writable, json_schema, load_record
from assuage.plan import plan as make_plan
from assuage.plan.bench import CORE, resolve_techniques
from assuage.plan.navigators import README, write_navigator_files
from assuage.plan.rank import rank
from assuage.plan.records import MontageProposal
from assuage.plan.regions import DOSE_SHARE, primary_region, region_targets
from assuage.safety import OUTCOMES
from assuage.sources import Coil
from assuage.space import read_markers, read_reference, validate_pose
from assuage.targets import Target

COARSE = {"voxel_mm": 4.0, "coarse_voxel_mm": 8.0, "spacing_mm": 20.0, "angle_step_deg": 30.0, "draws": 60}
CENTER_MM = np.array([-38.0, 30.0, 48.0])


class EightDipoles(Coil):
    def condensed(self, **_):
        return self


@pytest.fixture(scope="module")
def coil():
    angle = np.deg2rad(np.arange(0, 360, 45))
    wing = np.stack([40 + 25 * np.cos(angle), 25 * np.sin(angle), np.full(8, -6.0)], 1)
    positions = np.concatenate([wing, wing * [-1, 1, 1]])
    moments = np.zeros((16, 3))
    moments[:, 2] = np.repeat([1e-3, -1e-3], 8)
    return EightDipoles(
        name="toy", positions_mm=positions, moments_m2=moments, max_didt_A_per_s=1.5e8, origin="made for a test"
    )


@pytest.fixture(scope="module")
def head():
    return replace(sphere_head(voxel_mm=4.0), mni=SameSpace())


@pytest.fixture(scope="module")
def steps():
    return []


@pytest.fixture(scope="module")
def made(head, coil, steps):
    target = Target.sphere(CENTER_MM, 12.0, name="left frontal")
    return make_plan(head, target, CORE, coil=coil, progress=lambda *step: steps.append(step), **COARSE)


@pytest.fixture(scope="module")
def circuit_plan(head):
    return make_plan(head, "impulse_control", ["4x1", "hd_tdcs"], protocol={"age_years": 15.0}, **COARSE)


def timeless(plan):
    record = json.loads(plan.record.model_dump_json())
    record["provenance"].pop("created_utc")
    record["provenance"].pop("seconds")
    for item in record["techniques"]:
        item["search"].pop("seconds")
    return record


def technique(plan, name):
    return next(item for item in plan.record.techniques if item.technique == name)


def test_the_package_and_the_function_share_a_name():
    assert isinstance(assuage.plan, ModuleType) or callable(assuage.plan)
    assert callable(assuage.plan)


def test_every_technique_has_a_proposal(made):
    assert [item.technique for item in made.record.techniques] == [
        "tms", "tdcs", "hd_tdcs_4x1", "hd_tdcs", "hd_tdcs_focal",
    ]  # fmt: skip
    assert not made.record.skipped
    assert isinstance(made, Plan)


def test_doses_are_those_of_the_fields(made):
    for item in made.record.techniques:
        mean = made.fields[item.technique].mean_in(made.target)
        assert np.allclose(item.dose.mean_e_V_per_m, mean, rtol=1e-5)
        assert item.dose.magnitude_V_per_m == pytest.approx(np.linalg.norm(mean), rel=1e-5)
        assert item.dose.normal_V_per_m == pytest.approx(mean @ made.record.target.normal, rel=1e-4)
        assert 0 < item.dose.target_over_e99 < 1.5


def test_the_search_agrees_with_the_forward_solution(made):
    for item in made.record.techniques:
        assert item.dose.adjoint_V_per_m == pytest.approx(item.dose.magnitude_V_per_m, rel=0.03)


def test_the_coil_stands_over_the_target_and_clear_of_the_head(made):
    proposal = technique(made, "tms").proposal
    pose = validate_pose(proposal.pose)
    over = CENTER_MM * 92 / np.linalg.norm(CENTER_MM)
    assert np.linalg.norm(np.array(proposal.scalp_point_mm) - over) < 12
    assert pose[:3, 2] @ over < 0
    assert proposal.scalp_distance_mm >= 3.5
    assert proposal.words.startswith("Coil centre")


def test_currents_are_balanced_limited_and_carried(made):
    for item in made.record.techniques:
        if not isinstance(item.proposal, MontageProposal):
            continue
        currents = np.array([electrode.current_A for electrode in item.proposal.electrodes])
        assert abs(currents.sum()) < 1e-9
        assert currents[currents > 0].sum() <= 2e-3 * (1 + 1e-6)
        carried = made.fields[item.technique].current_A
        assert np.allclose([carried[e.name] for e in item.proposal.electrodes], currents, rtol=5e-3, atol=1e-8)


def test_certificates_bound_what_is_realised(made):
    for name in ("hd_tdcs", "hd_tdcs_focal"):
        certificate = technique(made, name).proposal.certificate
        assert certificate.realised_V_per_m <= certificate.dual_V_per_m * (1 + 1e-9)
        assert 0 <= certificate.gap_relative < 5e-3
    focal, strongest = technique(made, "hd_tdcs_focal"), technique(made, "hd_tdcs")
    assert focal.dose.target_over_e99 > strongest.dose.target_over_e99


def test_polarity_where_only_the_magnitude_counts(made):
    for item in made.record.techniques:
        if isinstance(item.proposal, MontageProposal):
            assert item.dose.normal_V_per_m >= -1e-9
        else:  # a coil is held by its handle, which goes to the back
            assert abs(item.proposal.handle_deg) <= 90


def test_conductivity_error_is_that_of_finite_differences(made, head):
    item = technique(made, "tdcs")
    by_tissue = {share.tissue: share.sd_V_per_m for share in item.dose.error.conductivity_by_tissue}
    source = made.fields["tdcs"].source
    for tissue in ("skull",):
        sigma = head.conductivity_S_per_m[tissue]
        step = 0.02 * sigma
        doses = []
        for value in (sigma - step, sigma + step):
            field = Conductor(head, 4.0, conductivity_S_per_m={tissue: value}).solve(source)
            doses.append(np.linalg.norm(field.mean_in(made.target)))
        slope = (doses[1] - doses[0]) / (2 * step)
        row = next(row for row in made.record.head.tissues if row.name == tissue)
        known = abs(slope) * (row.high_S_per_m - row.low_S_per_m) / np.sqrt(12)
        assert by_tissue[tissue] == pytest.approx(known, rel=0.05)


def test_error_bars_add_in_squares(made):
    for item in made.record.techniques:
        error = item.dose.error
        assert error.combined_sd_V_per_m == pytest.approx(
            np.hypot(error.conductivity_sd_V_per_m, error.placement_sd_V_per_m), rel=1e-5
        )
        shares = [share.sd_V_per_m for share in error.conductivity_by_tissue]
        assert error.conductivity_sd_V_per_m == pytest.approx(np.linalg.norm(shares), rel=1e-5)
        assert error.placement_sd_V_per_m > 0
        low, high = error.placement_5_95_V_per_m
        assert low < error.placement_mean_V_per_m < high


def test_tms_hardly_depends_on_conductivity_but_tes_does(made):
    def relative(name):
        dose = technique(made, name).dose
        return dose.error.conductivity_sd_V_per_m / dose.magnitude_V_per_m

    assert relative("tms") < 0.1 * relative("tdcs")


def test_the_ranking_follows_its_rule(made):
    weak = {item.technique: item.dose.relative_to_reference < DOSE_SHARE for item in made.record.techniques}
    places = [(weak[place.technique], -place.score) for place in made.record.ranking.ranks]
    assert places == sorted(places)
    assert [place.place for place in made.record.ranking.ranks] == [1, 2, 3, 4, 5]
    assert made.best.technique == made.record.ranking.ranks[0].technique
    assert all(place.reasons for place in made.record.ranking.ranks)


def test_a_weak_dose_comes_after_a_strong_one(made):
    best = made.best
    weak = best.model_copy(update={"dose": best.dose.model_copy(update={"relative_to_reference": 0.1})})
    ranks = rank((weak, *(item for item in made.record.techniques if item is not best)), made.target.name).ranks
    assert ranks[0].technique != best.technique
    [place] = [place for place in ranks if place.technique == best.technique]
    assert "less than 0.5 of its own best under C3: comes after what reaches that" in place.reasons


def test_a_stopped_technique_comes_last(made):
    first, *others = made.record.techniques
    stop = dataclasses.replace(first.verdicts[0], outcome="stop", why="too much")
    stopped = first.model_copy(update={"worst_verdict": "stop", "verdicts": (stop,)})
    last = rank((stopped, *others), made.target.name).ranks[-1]
    assert last.technique == first.technique
    assert "a limit stops it: too much" in last.reasons


def test_the_protocol_reaches_the_rules(head):
    made = make_plan(head, Target.sphere(CENTER_MM, 12.0), ["4x1"], protocol={"duration_s": 7200}, **COARSE)
    assert technique(made, "hd_tdcs_4x1").worst_verdict == "stop"
    again = make_plan(head, Target.sphere(CENTER_MM, 12.0), ["4x1"], protocol={"duration_s": 7200}, **COARSE)
    assert timeless(made) == timeless(again)


def test_verdicts_never_say_safe(made):
    for item in made.record.techniques:
        assert item.verdicts
        for verdict in item.verdicts:
            assert verdict.outcome in OUTCOMES
            assert verdict.source
            assert " safe" not in verdict.why


def test_progress_rises_to_the_end(made, steps):
    fractions = [fraction for _, fraction in steps]
    assert made.record.provenance.seconds
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1.0


def test_a_direction_is_what_is_maximised(head):
    direction = np.array([0.0, 0.6, 0.8])
    made = make_plan(head, Target.sphere(CENTER_MM, 12.0, direction), ["tdcs"], **COARSE)
    for item in made.record.techniques:
        assert item.dose.component_V_per_m == pytest.approx(np.array(item.dose.mean_e_V_per_m) @ direction, rel=1e-4)
        assert item.dose.component_V_per_m > 0.5 * item.dose.magnitude_V_per_m


def test_the_evidence_is_that_of_the_persons_age_group_and_region(circuit_plan):
    evidence = circuit_plan.record.evidence
    assert (evidence.age_group, evidence.region) == ("adolescents", "left dorsolateral prefrontal cortex")
    assert evidence.techniques["hd_tdcs"].strata[0].reason == "no trial"


def test_a_circuit_gives_a_full_matrix(circuit_plan):
    circuit = load_circuit("impulse_control")
    record = circuit_plan.record
    assert record.circuit.primary == circuit.primary.key
    assert [region.key for region in record.circuit.regions] == [region.key for region in circuit.regions]
    assert record.matrix.without_centroid == ("pre_supplementary_motor_area",)
    cells = {(cell.technique, cell.region): cell for cell in record.matrix.cells}
    assert set(cells) == {(name, region.key) for name in ("hd_tdcs_4x1", "hd_tdcs") for region in circuit.located}
    for (name, key), cell in cells.items():
        assert cell.reached == (
            cell.relative_to_reference >= record.matrix.threshold
            and cell.stronger_elsewhere <= record.matrix.selectivity_threshold
        )
        if key != record.circuit.primary:  # no placement does more for a region than the one made for it
            assert cell.proposed_V_per_m <= 1.2 * cell.best_V_per_m, (name, key)
    for name in ("hd_tdcs_4x1", "hd_tdcs"):
        deep = cells[name, "ventral_striatum_R"]
        assert not deep.reached
        assert deep.relative_to_reference < 0.8 * cells[name, record.circuit.primary].relative_to_reference
        assert deep.stronger_elsewhere > cells[name, record.circuit.primary].stronger_elsewhere
    assert "ventral_striatum_R" in record.matrix.reached_by_none


def test_a_region_may_be_named(head):
    circuit = load_circuit("impulse_control")
    targets = region_targets(head, circuit, radius_mm=12.0)
    chosen, why = primary_region(circuit, targets, "inferior frontal gyrus")
    assert chosen.region.key == "inferior_frontal_gyrus_R"
    assert why == "named by the user"
    with pytest.raises(PlanError, match="cannot be planned"):
        primary_region(circuit, targets, "pre-supplementary motor area")


def test_regions_outside_the_head_say_so():
    small = replace(sphere_head(radii_mm=(40, 42, 46, 50), voxel_mm=4.0), mni=SameSpace())
    targets = {item.region.key: item for item in region_targets(small, load_circuit("reward"), radius_mm=8.0)}
    assert targets["nucleus_accumbens_L"].target is not None
    assert targets["ventromedial_prefrontal_cortex"].target is None
    assert "nearest grey matter" in targets["ventromedial_prefrontal_cortex"].problem


def test_the_folder_is_complete(made, tmp_path):
    written = made.write(tmp_path / "plan", finish=lambda folder: (folder / "report.html").write_text("seen"))
    folder = tmp_path / "plan"
    assert load_record(folder) == written
    for entry in written.files:
        assert (folder / entry.path).stat().st_size == entry.bytes
    assert (folder / "report.html").read_text() == "seen"
    image = nib.load(folder / "fields/tms.nii.gz")
    assert np.allclose(image.affine, made.fields["tms"].affine)
    assert np.allclose(image.get_fdata(), made.fields["tms"].magnitude_V_per_m)
    with np.load(folder / "maps.npz") as arrays:
        assert set(arrays.files) == set(written.maps)
        assert len(arrays["coil_best_V_per_m"]) == len(arrays["coil_place_mm"])
    target = nib.load(folder / "target.nii.gz")
    points = np.argwhere(target.get_fdata() > 0) @ target.affine[:3, :3].T + target.affine[:3, 3]
    assert made.target.inside(points).all()


def test_navigator_files_hold_the_pose_of_the_coil(made, tmp_path):
    written = made.write(tmp_path / "plan")
    folder = tmp_path / "plan"
    (coil,) = [item.proposal for item in written.techniques if item.technique == "tms"]
    says = {entry.path: entry.says for entry in written.files if entry.path.startswith("navigator/")}
    names = ("brainsight.txt", "localite_lps.xml", "localite_ras.xml", "visor2.mrk")
    assert sorted(says) == ["navigator/README.txt", *(f"navigator/{name}" for name in names)]
    image = read_reference(folder / ("t1.nii.gz" if made.head.t1 is not None else "tissues.nii.gz"))
    for name in names:
        poses = {m.name: m.pose for m in read_markers(folder / "navigator" / name, image=image)}
        np.testing.assert_allclose(poses["tms"], coil.pose, rtol=0, atol=1e-4)
    assert '"NIfTI:Scanner"' in says["navigator/brainsight.txt"]
    assert "DICOM" in says["navigator/localite_lps.xml"]
    assert all(says[f"navigator/{name}"].split(";")[0] in (folder / README).read_text() for name in names)


def test_a_navigator_file_that_cannot_be_written_says_why(made, tmp_path):
    image = nib.Nifti1Image(np.zeros((60, 60, 60), np.uint8), None)
    image.set_sform(np.diag([4.0, 4, 4, 1]) + np.array([[0, 0, 0, 900.0]] + [[0] * 4] * 3), 1)
    nib.save(image, tmp_path / "tissues.nii.gz")
    assert list(write_navigator_files(tmp_path, made.record)) == [README]
    said = (tmp_path / README).read_text()
    assert said.count("was not written") == 4
    assert "outside tissues.nii.gz" in said


def test_a_folder_is_never_overwritten_by_accident(made, tmp_path):
    folder = tmp_path / "plan"
    made.write(folder)
    with pytest.raises(PlanError, match="already holds a plan"):
        made.write(folder)
    (folder / "old.txt").write_text("old")
    made.write(folder, force=True)
    assert not (folder / "old.txt").exists()
    other = tmp_path / "papers"
    other.mkdir()
    (other / "thesis.txt").write_text("years of work")
    with pytest.raises(PlanError, match="never replaced"):
        made.write(other, force=True)
    with pytest.raises(PlanError, match="is a file"):
        check_writable(other / "thesis.txt")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["papers", "plan"]


def test_a_failure_leaves_nothing_behind(made, tmp_path):
    def fail(_folder):
        raise RuntimeError("disk on fire")

    with pytest.raises(RuntimeError, match="fire"):
        made.write(tmp_path / "plan", finish=fail)
    assert not list(tmp_path.iterdir())


def test_a_broken_plan_is_refused(tmp_path):
    with pytest.raises(PlanError, match="cannot read"):
        load_record(tmp_path)
    (tmp_path / "plan.json").write_text('{"schema_version": "9.0"}')
    with pytest.raises(PlanError, match="plan again"):
        load_record(tmp_path)


def test_the_schema_describes_the_record(made):
    schema = json_schema()
    assert schema["title"] == "PlanRecord"
    assert set(json.loads(made.record.model_dump_json())) == set(schema["properties"])
    assert PlanRecord.model_validate_json(made.record.model_dump_json()) == made.record


def test_what_cannot_be_planned_is_refused(head, coil):
    target = Target.sphere(CENTER_MM, 12.0)
    with pytest.raises(PlanError, match="unknown"):
        make_plan(head, target, ["laser"], coil=coil)
    with pytest.raises(PlanError, match="no technique was named"):
        make_plan(head, target, [], coil=coil)
    with pytest.raises(PlanError, match="above 0"):
        make_plan(head, target, coil=coil, voxel_mm=-1.0)
    with pytest.raises(PlanError, match="settings are"):
        make_plan(head, target, coil=coil, speed=3)
    with pytest.raises(PlanError, match="single target"):
        make_plan(head, target, region="amygdala", coil=coil)
    with pytest.raises(PlanError, match="no MNI registration"):
        make_plan(replace(head, mni=None), "reward", coil=coil)
    with pytest.raises(TargetError, match="holds"):
        make_plan(head, Target.sphere([0, 0, 89.0], 2.0), coil=coil)


def test_technique_names():
    assert resolve_techniques(None) == resolve_techniques(("all",))
    assert resolve_techniques(("hd-tdcs", "TMS")) == (
        "tms", "hd_tdcs_4x1", "hd_tdcs", "hd_tdcs_focal", "rtms_1hz", "rtms_10hz", "itbs", "ctbs", "snt",
    )  # fmt: skip
    assert resolve_techniques(("snt",)) == ("tms", "snt")
    assert resolve_techniques(("tdcs_rtms",)) == ("tms", "tdcs", "rtms_10hz", "tdcs_rtms")
    assert resolve_techniques(("tdcs",)) == ("tdcs",)

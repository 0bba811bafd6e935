"""The other regions of a circuit, targets that are no sphere, and frames that a distance cannot tell apart."""

from dataclasses import replace

import nibabel as nib
import numpy as np
import pytest
from delivered_plans import write_session

from assuage.errors import PoseError
from assuage.plan.aim_records import CircuitRecord, RegionRecord
from assuage.plan.describe import target_record
from assuage.readback import open_plan, read_back
from assuage.readback.deviation import around_mean_deg, deviation, require_handle, require_same_frame
from assuage.targets import Target


def region(key, target, *, primary):
    return RegionRecord(
        key=key, label=key, role="", named_by=(), mni_mm=None, centroid_source="", techniques_in_principle=(), notes="",
        primary=primary, target=target, not_planned_because="",
    )  # fmt: skip


def test_other_regions_get_the_field_of_a_forward_solution(opened, coil, planned, tmp_path):
    other = Target.sphere([40.0, 30.0, 45.0], 12.0, name="right frontal")
    aim = target_record(other, opened.head, volume_mm3=1.0, goal=opened.goal)
    regions = (region("left", opened.record.target, primary=True), region("right", aim, primary=False))
    circuit = CircuitRecord(domain="test", regions=regions, primary="left", primary_because="")
    plan = replace(opened, record=opened.record.model_copy(update={"circuit": circuit}))
    away = planned.copy()
    away[:3, 3] -= 5 * planned[:3, 2]
    found = read_back(plan, coil, write_session(tmp_path / "s.xml", [planned, away]))
    (right,) = found.off_target
    solved = plan.conductor.solve([coil.at(pose, didt_A_per_s=1e6) for pose in (planned, away)])
    forward = [np.linalg.norm(field.mean_in(other)) for field in solved]
    assert right.region == "right"
    assert right.planned_V_per_m == pytest.approx(forward[0], rel=1e-3)
    assert right.delivered_V_per_m == pytest.approx(np.mean(forward), rel=1e-3)
    each = [pulse.off_target_V_per_m_per_A_per_us["right"] for pulse in found.pulses]
    assert each == pytest.approx(forward, rel=1e-3)
    assert read_back(plan, coil, tmp_path / "s.xml", off_target=False).off_target == ()


def test_a_target_that_is_no_sphere_is_read_from_its_image(opened, written, tmp_path):
    image = nib.load(written[1] / "target.nii.gz")
    marked = np.asarray(image.dataobj).copy()
    marked[np.argwhere(marked)[:40, 0].min()] = 0
    assert marked.any()
    (tmp_path / "plan.json").write_bytes((written[1] / "plan.json").read_bytes())
    nib.save(nib.Nifti1Image(marked, image.affine), tmp_path / "target.nii.gz")
    again = open_plan(tmp_path, opened.head)
    assert opened.target.mask is None
    assert again.target.mask is not None
    assert (again.target.mask_in(opened.head) == (marked != 0)).all()


def test_near_the_vertex_the_handle_tells_lps_from_ras(opened):
    """There, mirroring moves a coil by millimetres and turns it by half a turn."""
    scalp = opened.scalp
    pose = np.diag([-1.0, 1.0, -1.0, 1.0])
    pose[:3, 3] = (4.0, -6.0, 97.0)
    mirrored = (np.diag([-1.0, -1.0, 1.0, 1.0]) @ pose)[None]
    assert require_same_frame(scalp, pose, mirrored, frame_mm=30.0, source="s").all()
    with pytest.raises(PoseError, match="RAS and LPS are mixed up"):
        require_handle(deviation(pose, mirrored).twist_deg, source="s")


def test_a_spread_around_half_a_turn_is_not_torn_apart():
    found = around_mean_deg(np.array([178.0, -178.0, 180.0, -179.0, 179.0]))
    assert np.ptp(found) == pytest.approx(4)
    np.testing.assert_allclose(around_mean_deg(np.array([-3.0, 5.0])), [-3, 5])

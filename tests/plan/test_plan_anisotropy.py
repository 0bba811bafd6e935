"""A plan on a head with tensors: every technique uses them, the record says so, and reading back needs the same."""

from dataclasses import replace

import numpy as np
import pytest
from coarse_plans import COARSE, SameSpace

from assuage.errors import PlanError
from assuage.field import Conductor
from assuage.field.implant_box import Encapsulation, lead_conductor, lead_grid
from assuage.field.lead_field_store import digest
from assuage.head import with_white_matter_tensors
from assuage.head.gallery import sphere_head
from assuage.head.tensor_gallery import anatomy, scan_grid, write_tensors
from assuage.plan import load_record
from assuage.plan import plan as make_plan
from assuage.plan.bench import Bench, Places, Settings
from assuage.readback import open_plan
from assuage.report import write_report
from assuage.sources import Coil
from assuage.sources.lead import Lead
from assuage.targets import Target

TECHNIQUES = ("tms", "tdcs")
"""A coil and electrodes; the rest share their conductor, but for the lead on its own fine grid below."""
DEEP = Target.sphere((18.0, 8.0, 22.0), 6.0, name="deep", tissue="white_matter")


@pytest.fixture(scope="module")
def heads(tmp_path_factory):
    """The same sphere with a core of white matter, isotropic and with tensors out of a file."""
    shells = ("white_matter", "grey_matter", "csf", "skull", "scalp")
    plain = replace(sphere_head(radii_mm=(60.0, 78.0, 80.0, 86.0, 92.0), tissues=shells, voxel_mm=4.0), mni=SameSpace())
    affine, shape = scan_grid(plain, 4.0, turn_deg=(5, -4, 6))
    path = write_tensors(tmp_path_factory.mktemp("dti") / "dti.nii.gz", anatomy(plain, affine, shape), affine)
    return plain, with_white_matter_tensors(plain, path, order="fsl")


@pytest.fixture(scope="module")
def plans(heads):
    return [make_plan(head, DEEP, TECHNIQUES, **COARSE) for head in heads]


def test_every_way_to_a_field_uses_the_tensors(plans):
    one, other = ({item.technique: item.dose for item in made.record.techniques} for made in plans)
    assert set(one) == set(other)
    assert set(one) == set(TECHNIQUES)
    for name, dose in one.items():
        assert abs(other[name].magnitude_V_per_m / dose.magnitude_V_per_m - 1) > 0.02, name
        assert other[name].error.conductivity_sd_V_per_m != dose.error.conductivity_sd_V_per_m


def test_the_adjoint_still_agrees_with_the_forward_solution(plans):
    for item in plans[1].record.techniques:
        assert item.dose.adjoint_V_per_m == pytest.approx(item.dose.magnitude_V_per_m, rel=0.03), item.technique


def test_the_record_and_the_report_say_what_was_used(plans, heads, tmp_path):
    plans[1].write(tmp_path / "plan")
    found = load_record(tmp_path / "plan").head.anisotropy
    assert (found.file, found.order, found.frame) == ("dti.nii.gz", "fsl", "fsl")
    assert (found.mapping, found.isotropic_share) == ("volume-normalised", 0.0)
    assert len(found.sha256) == 64
    assert plans[0].record.head.anisotropy is None
    assert plans[0].record.limits[0] == "Isotropic conductivities; one value per tissue."
    assert plans[1].record.limits[0].startswith("white matter is anisotropic by dti.nii.gz (order fsl, axes fsl")
    page = tmp_path / "report.html"
    write_report(tmp_path / "plan", page)
    assert "Conductivity tensors of white matter" in page.read_text(encoding="utf-8")
    assert open_plan(tmp_path / "plan", heads[1]).conductor.given_tensors
    with pytest.raises(PlanError, match=r"made with the tensors of dti.nii.gz .* has isotropic white matter"):
        open_plan(tmp_path / "plan", heads[0])
    origin = heads[1].tensors.origin | {"mapping": "direct"}
    with pytest.raises(PlanError, match=r"has those of dti.nii.gz \(direct\)"):
        open_plan(tmp_path / "plan", replace(heads[1], tensors=replace(heads[1].tensors, origin=origin)))


def test_grids_and_cached_lead_fields_know_the_tensors(heads):
    benches = [Bench(Places(head, Coil.figure_of_eight(), Settings(voxel_mm=4.0)), 8.0) for head in heads]
    assert [bool((bench.conductor.tensors.slot >= 0).any()) for bench in benches] == [False, True]
    contacts = benches[0].places.discs.contacts
    keys = [digest(bench.conductor, contacts, tissues=frozenset({"grey_matter"}), tolerance=1e-4) for bench in benches]
    assert keys[0] != keys[1]


def test_the_fine_grid_around_a_lead_has_the_tensors_(heads):
    whole = Conductor(heads[1], 8.0)
    placed = Lead.load("Medtronic 3389").at((18.0, 8.0, 22.0), (0.6, 0.0, 0.8))
    box = lead_conductor(
        whole, placed, Encapsulation(thickness_mm=0.0, conductivity_S_per_m=0.1), lead_grid(placed, voxel_mm=0.5)
    )
    assert set(box.given_tensors) == {"white_matter"}
    assert (box.tensors.slot >= 0).any()


def test_current_densities_take_the_largest_eigenvalue(heads):
    conductor = Conductor(heads[1], 8.0)
    white = conductor.tissue.label == conductor.tissue.tissues.index("white_matter")
    sigma = heads[1].conductivity_S_per_m["white_matter"]
    assert np.median(conductor.largest_S_per_m[white]) > 2 * sigma
    grey = conductor.tissue.label == conductor.tissue.tissues.index("grey_matter")
    assert np.allclose(conductor.largest_S_per_m[grey], heads[1].conductivity_S_per_m["grey_matter"])

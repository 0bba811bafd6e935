"""The names that others build on, pinned: to remove one is a decision, not an accident."""

import subprocess
import sys

import pytest

import assuage

PUBLIC = [
    "Coil",
    "Conductor",
    "Field",
    "Head",
    "Landscape",
    "Montage",
    "Plan",
    "Target",
    "__version__",
    "load_head",
    "plan",
]
STAGES = {
    "assuage.circuits": {"Circuit", "Region", "circuit_names", "load_circuit"},
    "assuage.cli": {"main"},
    "assuage.evidence": {"Evidence", "Filters", "Problem", "Row", "load_evidence", "query", "validate"},
    "assuage.head": {"Head", "HeadQc", "conductivities", "load_head", "qc", "with_white_matter_tensors"},
    "assuage.plan": {"Choosing", "Plan", "PlanRecord", "json_schema", "load_record", "plan"},
    "assuage.protocols": {"Protocol", "load_published", "quantities", "read_protocol", "write_protocol"},
    "assuage.readback": {"open_plan", "place_plan", "place_site", "read_back", "read_back_electrodes"},
    "assuage.report": {"write_report"},
    "assuage.safety": {"Outcome", "Verdict", "check"},
    "assuage.sources": {"Coil", "Disc", "Electrode", "Montage", "Pad", "Ring", "place"},
    "assuage.space": {"read_markers", "read_session", "validate_pose", "validate_poses", "write_markers"},
    "assuage.synthesis": {"Analysis", "Choices", "analyse", "pool", "read_studies"},
    "assuage.targets": {"Target", "from_coordinate"},
}


def test_public_names_are_these():
    assert sorted(assuage.__all__) == PUBLIC
    assert dir(assuage) == assuage.__all__


@pytest.mark.parametrize("name", PUBLIC)
def test_public_names_load(name):
    assert getattr(assuage, name) is not None


def test_an_unknown_name_lists_the_known_ones():
    with pytest.raises(AttributeError, match="load_head"):
        assuage.load_heads  # noqa: B018


@pytest.mark.parametrize("stage", STAGES)
def test_stages_export_what_the_map_promises(stage):
    module = __import__(stage, fromlist=["__all__"])
    assert STAGES[stage] <= set(module.__all__)
    assert all(getattr(module, name) is not None for name in module.__all__)


def test_import_is_lazy():
    code = "import sys, assuage; print([m for m in ('numpy', 'numba', 'nibabel', 'typer') if m in sys.modules])"
    shown = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    assert shown.strip() == "[]"


def test_plan_is_a_function_whatever_was_imported_first():
    code = "import assuage, assuage.plan as p; assert callable(assuage.plan); print(p.Plan.__name__)"
    shown = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    assert shown.strip() == "Plan"

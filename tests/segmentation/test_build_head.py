"""A whole head from a T1 by the command, on a simulated person of 3 mm voxels: truth, layers, folder, interruption."""

from functools import partial
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from assuage import Head, load_head
from assuage.cli.app import run
from assuage.head.quality import qc
from assuage.segmentation import build_head
from assuage.segmentation.simulated import SimulatedPerson, simulated_person

VOXEL_MM = 3.0
LEAST_DICE = {"white_matter": 0.75, "grey_matter": 0.7, "csf": 0.5, "skull": 0.6, "scalp": 0.85}


@pytest.fixture(scope="module")
def person() -> SimulatedPerson:
    return simulated_person(1, voxel_mm=(VOXEL_MM,) * 3, truth_mm=VOXEL_MM)


@pytest.fixture(scope="module")
def t1(person: SimulatedPerson, tmp_path_factory: pytest.TempPathFactory) -> Path:
    image = nib.Nifti1Image(person.t1, person.t1_affine)
    image.set_sform(person.t1_affine, code=1)
    image.set_qform(person.t1_affine, code=1)
    path = tmp_path_factory.mktemp("scan") / "T1.nii.gz"
    nib.save(image, path)
    return path


@pytest.fixture(scope="module")
def interrupted_then_built(t1: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[list[str], Path, str]:
    """Build once, stop before the last step, and call again; what lay in the folder after the first call, the folder,
    and what the second call said.
    """
    out = tmp_path_factory.mktemp("heads") / "person"
    arguments = ["head", "build", str(t1), "--out", str(out)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("assuage.cli.build.build_head", partial(build_head, voxel_mm=VOXEL_MM))
        with patch.context() as first:
            first.setattr("assuage.segmentation.build._layers", _stop)
            assert run(arguments) == 130
        left = sorted(path.name for path in out.parent.iterdir())
        said: list[str] = []
        patch.setattr("assuage.cli.build.StepProgress", partial(_Listener, said))
        assert run(arguments) == 0
    return left, out, "\n".join(said)


def _stop(*_: object) -> None:
    raise KeyboardInterrupt


class _Listener:
    """Notes the steps of a build."""

    def __init__(self, said: list[str]) -> None:
        self._said = said

    def __enter__(self) -> "_Listener":
        return self

    def __exit__(self, *_: object) -> None: ...

    def __call__(self, step: str, _fraction: float) -> None:
        self._said.append(step)


@pytest.fixture(scope="module")
def built(interrupted_then_built: tuple[list[str], Path, str]) -> Head:
    return load_head(interrupted_then_built[1])


def test_an_interrupted_build_leaves_its_steps_and_no_head(interrupted_then_built) -> None:
    left, out, _ = interrupted_then_built
    assert left == [f".{out.name}.steps"]


def test_the_next_call_goes_on_and_cleans_up(interrupted_then_built) -> None:
    _, out, said = interrupted_then_built
    assert said.count("from an earlier run") == 4
    assert [path.name for path in out.parent.iterdir()] == [out.name]
    assert {"labels.nii.gz", "fractions.nii.gz", "head.json", "mni.npz", "overlay.png"} <= {
        p.name for p in out.iterdir()
    }


@pytest.mark.parametrize("tissue", LEAST_DICE)
def test_tissues_lie_where_they_are(person, built, tissue) -> None:
    found = np.argwhere(built.mask(tissue))
    world = found @ built.affine[:3, :3].T + built.affine[:3, 3]
    floor_mm = person.t1_affine[2, 3]
    world = world[world[:, 2] > floor_mm]
    hits = np.mean([name == tissue for name in person.truth.tissue_at(world)])
    true = np.argwhere(person.truth.mask(tissue)) @ person.truth.affine[:3, :3].T + person.truth.affine[:3, 3]
    true = true[true[:, 2] > floor_mm]
    back = np.mean([name == tissue for name in built.tissue_at(true)])
    assert 2 / (1 / hits + 1 / back) > LEAST_DICE[tissue]


def test_the_calvaria_is_closed(built) -> None:
    assert qc(built).leak_calvaria_count == 0


def test_coarse_voxels_are_told_with_their_effect(built) -> None:
    assert any("coarse voxels" in line and "skull" in line for line in built.metadata["warnings"])


def test_sites_lie_near_the_true_ones(person, built) -> None:
    apart = [np.linalg.norm(built.ten_ten_mm[site] - point) for site, point in person.truth.ten_ten_mm.items()]
    assert np.median(apart) < 2 * VOXEL_MM

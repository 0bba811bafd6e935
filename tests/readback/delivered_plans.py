"""A small head in a file, a plan made on it, and sessions as navigators write them."""

import json

import nibabel as nib
import numpy as np
from scipy.spatial.transform import Rotation

from assuage.head import load_head
from assuage.head.gallery import sphere_head
from assuage.plan import plan as make_plan
from assuage.targets import Target

CENTER_MM = np.array([-40.0, 32.0, 46.0])
SETTINGS = {"voxel_mm": 4.0, "coarse_voxel_mm": 8.0, "spacing_mm": 25.0, "angle_step_deg": 45.0, "draws": 40}
COMMAND = "assuage plan --head {head} --target=-40,32,46 --space head --techniques tms,tdcs,4x1 --out plan"


def write_head(folder, *, voxel_mm=4.0):
    """Write a sphere as a label file with names and fiducials beside it, and return its path."""
    head = sphere_head(voxel_mm=voxel_mm, hard_labels=True)
    path = folder / "head.nii.gz"
    nib.save(nib.Nifti1Image(np.asarray(head.labels).astype(np.uint8), head.affine), path)
    rows = [f"{name} = {[float(x) for x in place]}" for name, place in head.given_fiducials_mm.items()]
    names = [f'{key} = "{name}"' for key, name in head.tissues.items()]
    path.with_name("head.tissues.toml").write_text("\n".join(["[tissues]", *names, "[fiducials_mm]", *rows]) + "\n")
    return path


def write_plan(folder):
    """Plan on that head and write the plan; return the head's path and the plan's folder."""
    path = write_head(folder)
    made = make_plan(
        load_head(path),
        Target.sphere(CENTER_MM, 12.0, name="left frontal"),
        ["tms", "tdcs", "4x1"],
        command=COMMAND.format(head=path),
        **SETTINGS,
    )
    made.write(folder / "plan")
    return path, folder / "plan"


def poses_near(planned, count, *, shift_mm=3.0, turn_deg=5.0, seed=0):
    """Return poses (n, 4, 4) near a planned one, kept off the head by moving them outwards."""
    rng = np.random.default_rng(seed)
    poses = np.repeat(planned[None], count, 0)
    turn = Rotation.from_rotvec(rng.normal(0, np.deg2rad(turn_deg), (count, 3))).as_matrix()
    poses[:, :3, :3] = planned[:3, :3] @ turn
    shift = rng.normal(0, shift_mm, (count, 3))
    shift[:, 2] = -np.abs(shift[:, 2]) - 6.0
    poses[:, :3, 3] += shift @ planned[:3, :3].T
    return poses


SWAP = np.array([[0, 0, 1, 0], [0, -1, 0, 0], [1, 0, 0, 0], [0, 0, 0, 1.0]])
"""matsimnibs axes of a coil to Localite's."""


def write_session(path, poses, *, didt=(), tracked=(), space="RAS", every_ms=200):
    """Write a Localite trigger file; a pulse with `tracked` False is written as Localite does, `set="false"`."""
    world = np.eye(4) if space == "RAS" else np.diag([-1.0, -1.0, 1.0, 1.0])
    rows = []
    for k, pose in enumerate(poses):
        matrix = world @ pose @ SWAP
        lost = k < len(tracked) and not tracked[k]
        matrix = np.eye(4) if lost else matrix
        entries = " ".join(f'data{r}{c}="{float(matrix[r, c])!r}"' for r in range(4) for c in range(4))
        value = f'<Value key="valueA" response="{didt[k]}"/>' if k < len(didt) and didt[k] is not None else ""
        rows.append(
            f'<TriggerMarker description="p{k}" recordingTime="{k * every_ms}" set="{"false" if lost else "true"}">'
            f"<ResponseValues>{value}</ResponseValues><Matrix4D {entries}/></TriggerMarker>"
        )
    head = '<ResponseParameters><responseDescription id="valueA" unit="A/us"/></ResponseParameters>'
    path.write_text(
        f'<?xml version="1.0"?>\n<TriggerMarkerList coordinateSpace="{space}" startTime="17:06:40.58">{head}'
        f"{''.join(rows)}</TriggerMarkerList>",
        encoding="utf-8",
    )
    return path


def proposal(folder, technique):
    """Return a technique of plan.json as plain data."""
    content = json.loads((folder / "plan.json").read_text())
    return next(item for item in content["techniques"] if item["technique"] == technique)

"""Reciprocity and delivered current on the embedded head: what the whole plan stands on."""

import numpy as np
import pytest

import assuage
from assuage.sources import Disc

VOXEL_MM = 3.0
DIDT_A_PER_S = 1e6


@pytest.fixture(scope="module")
def head():
    return assuage.load_head("colin27")


@pytest.fixture(scope="module")
def conductor(head):
    return assuage.Conductor(head, VOXEL_MM)


def pose_over(head, site, turn_deg):
    """A coil 5 mm off the scalp at a 10-10 site, z into the head along the normal, turned about it."""
    _, normals, _ = head.scalp.nearest(head.ten_ten_mm[site][None])
    z = -normals[0] / np.linalg.norm(normals[0])
    y = np.array([0.0, 1.0, 0.3]) - z * (z @ [0.0, 1.0, 0.3])
    y /= np.linalg.norm(y)
    turn = np.deg2rad(turn_deg)
    x = np.cross(y, z)
    pose = np.eye(4)
    pose[:3, 0], pose[:3, 1] = np.cos(turn) * x + np.sin(turn) * y, np.cos(turn) * y - np.sin(turn) * x
    pose[:3, 2], pose[:3, 3] = z, head.ten_ten_mm[site] - 5.0 * z
    return pose


@pytest.mark.parametrize("site", ["F3", "Fp2", "P4"])
def test_adjoint_is_forward(head, conductor, site):
    target = assuage.Target.sphere(0.75 * head.ten_ten_mm[site] + [0.0, -5.0, 0.0], 10.0, tissue="auto")
    scape = conductor.adjoint(target)
    coil, pose = assuage.Coil.figure_of_eight(), pose_over(head, site, 40.0)
    montages = [
        assuage.Montage({site: 2e-3, "Oz": -2e-3}),
        assuage.Montage({"F4": 1e-3, site: 1e-3, "T7": -2e-3}, shape=Disc(10.0)),
    ]
    fields = conductor.solve([coil.at(pose, didt_A_per_s=DIDT_A_PER_S), *montages])
    found = [scape.coil(coil, pose[None], didt_A_per_s=DIDT_A_PER_S)[0], *(scape.montage(m) for m in montages)]
    for field, vector, limit in zip(fields, found, [1e-3, 1e-4, 1e-4], strict=True):
        exact = field.mean_in(target)
        assert np.linalg.norm(vector - exact) < limit * np.linalg.norm(exact)


def test_elements_are_built_once_for_a_head(head, conductor):
    assert assuage.Conductor(head, VOXEL_MM).table is conductor.table
    other = assuage.Conductor(head, VOXEL_MM, conductivity_S_per_m={"skull": 0.02})
    assert other.table is not conductor.table

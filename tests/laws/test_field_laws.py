"""What physics demands of every field, whatever the numbers: on a small layered sphere."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy import ndimage
from scipy.spatial.transform import Rotation
from spheres import COIL, at, layered_head, pose_over, relative_error, two_discs, voxels_of

from assuage import Coil, Conductor, Montage, Target
from assuage.head import Head

RADII_MM = (36.0, 39.0, 44.0, 49.0)
SIGMA = (0.3, 1.6, 0.015, 0.4)
OUTER_MM = RADII_MM[-1]
VOXEL_MM = 3.0
PLACED = COIL.at(pose_over((0.4, -0.3, 1.0), OUTER_MM), didt_A_per_s=1e6)
DISCS = two_discs([(0.1, 0.2, 1.0), (1.0, 0.3, -0.16)], OUTER_MM, radius_mm=8.0)
FEW = settings(max_examples=4, derandomize=True, suppress_health_check=list(HealthCheck))


def small(voxel_mm=VOXEL_MM, sigma=SIGMA, **options):
    return layered_head(voxel_mm, RADII_MM, sigma, **options)


@pytest.fixture(scope="module")
def conductor():
    return Conductor(small(), voxel_mm=VOXEL_MM)


@pytest.fixture(scope="module")
def fields(conductor):
    return conductor.solve([PLACED, DISCS])


def same(found, exact, tolerance):
    error = relative_error(found, exact)
    assert error < tolerance, error


# ------------------------------------------------------------------------------------------------------- linearity


def test_twice_the_drive_is_twice_the_field(conductor, fields):
    coil = COIL.at(PLACED.pose, didt_A_per_s=-2e6)
    discs = two_discs([(0.1, 0.2, 1.0), (1.0, 0.3, -0.16)], OUTER_MM, radius_mm=8.0, current_A=3e-3)
    found = conductor.solve([coil, discs])
    same(found[0].e_V_per_m, -2 * fields[0].e_V_per_m, 1e-4)
    same(found[1].e_V_per_m, 3 * fields[1].e_V_per_m, 1e-4)


def test_fields_of_parts_add_up(conductor, fields):
    half = len(COIL.positions_mm) // 2
    parts = [
        Coil(name=f"part {n}", positions_mm=COIL.positions_mm[cut], moments_m2=COIL.moments_m2[cut])
        for n, cut in enumerate((slice(half), slice(half, None)))
    ]
    first, second = conductor.solve([part.at(PLACED.pose, didt_A_per_s=1e6) for part in parts])
    same(first.e_V_per_m + second.e_V_per_m, fields[0].e_V_per_m, 1e-4)
    a, b, c = np.array([[0, 0, 1.0], [1, 0, 0], [0, -1, 0]]) * OUTER_MM
    pairs = [Montage.at_points_mm(np.array(pair), np.array([1e-3, -1e-3])) for pair in ((a, b), (b, c), (a, c))]
    one, two, three = conductor.solve(pairs)
    same(one.e_V_per_m + two.e_V_per_m, three.e_V_per_m, 1e-4)


def test_batch_is_single(conductor, fields):
    alone = conductor.solve(DISCS)
    same(alone.e_V_per_m, fields[1].e_V_per_m, 1e-4)
    assert alone.current_A.keys() == fields[1].current_A.keys()
    many = conductor.solve([DISCS, PLACED, DISCS, PLACED])
    assert len(many) == 4
    same(many[3].e_V_per_m, fields[0].e_V_per_m, 1e-4)
    assert conductor.solve([]) == []


# ------------------------------------------------------------------------------------------------------ reciprocity


directions = st.tuples(*[st.floats(-1, 1)] * 3).filter(lambda d: np.linalg.norm(d) > 0.3)
# a coil's field vanishes in the middle of a sphere, and a relative error there is one of nothing
off_center = st.tuples(*[st.floats(-18, 18)] * 3).filter(lambda t: np.linalg.norm(t) > 2)


@FEW
@given(
    target=off_center,
    over=directions,
    handle=directions,
    gap_mm=st.floats(4, 20),
    anode=directions,
    cathode=directions,
)
def test_adjoint_is_forward(conductor, target, over, handle, gap_mm, anode, cathode):
    if np.linalg.norm(np.cross(over, handle)) < 0.2 or np.dot(anode, cathode) > 0:
        return
    aim = Target.sphere(target, 5.0)
    scape = conductor.adjoint(aim)
    pose = pose_over(over, OUTER_MM, gap_mm=gap_mm, handle=handle)
    montage = two_discs([anode, cathode], OUTER_MM, radius_mm=7.0)
    coil, discs = conductor.solve([COIL.at(pose, didt_A_per_s=1e6), montage])
    errors = (
        relative_error(scape.coil(COIL, [pose], didt_A_per_s=1e6)[0], coil.mean_in(aim)),
        relative_error(scape.montage(montage), discs.mean_in(aim)),
    )
    assert max(errors) < 1e-3


# -------------------------------------------------------------------------------------------------------- symmetry


def relabelled(head, labels_of, affine):
    """The same head with its arrays permuted or flipped, and the affine that keeps it where it is."""
    return Head.from_labels(
        labels_of(head.labels).copy(),
        affine,
        tissues=head.tissues,
        conductivity_S_per_m=head.conductivity_S_per_m,
        fractions={name: labels_of(share).copy() for name, share in head.fractions.items()},
    )


@pytest.mark.parametrize("order", [(1, 2, 0), (1, 0, 2)], ids=["cyclic", "left-handed"])
def test_order_of_the_axes_does_not_matter(conductor, fields, order):
    affine = conductor.head.affine[:, [*order, 3]]
    turned = Conductor(relabelled(conductor.head, lambda a: a.transpose(order), affine), voxel_mm=VOXEL_MM)
    for found, exact in zip(turned.solve([PLACED, DISCS]), fields, strict=True):
        expected = exact.e_V_per_m.transpose(*order, 3)
        same(found.e_V_per_m, expected, 2e-3)
    target = Target.sphere((5.0, 6.0, 7.0), 6.0)
    landscapes = [c.adjoint(target).coil(COIL, [PLACED.pose], didt_A_per_s=1e6) for c in (turned, conductor)]
    same(*landscapes, 2e-3)


def test_mirrored_electrodes_make_the_mirrored_field(conductor):
    """The sphere is its own mirror image: x -> -x."""
    sites = [(0.5, 0.2, 1.0), (0.3, -1.0, 0.2)]
    mirrored = [(-x, y, z) for x, y, z in sites]
    one, other = conductor.solve([two_discs(s, OUTER_MM, radius_mm=8.0) for s in (sites, mirrored)])
    same(other.e_V_per_m[::-1] * [-1, 1, 1], one.e_V_per_m, 0.01)


def test_mirrored_coil_makes_the_mirrored_field(conductor):
    """Dipoles are axial vectors: under x -> -x their y and z components turn."""
    position, moment = np.array([[18.0, 5, 60]]), np.array([[1e-3, 2e-3, 3e-3]])
    one = Coil(name="one", positions_mm=position, moments_m2=moment)
    other = Coil(name="other", positions_mm=position * [-1, 1, 1], moments_m2=moment * [1, -1, -1])
    one, other = conductor.solve([c.at(np.eye(4), didt_A_per_s=1e6) for c in (one, other)])
    same(other.e_V_per_m[::-1] * [-1, 1, 1], one.e_V_per_m, 1e-3)


@pytest.mark.parametrize("source", [PLACED, DISCS], ids=["coil", "electrodes"])
def test_turned_grid_makes_the_same_field(fields, source):
    turn = Rotation.from_euler("xyz", [25, -35, 50], degrees=True).as_matrix()
    turned = Conductor(small(rotation=turn), voxel_mm=VOXEL_MM).solve(source)
    field = fields[0] if source is PLACED else fields[1]
    _, points = voxels_of(field, "grey_matter", 28.0, count=500)

    def sample(f):
        index = f.conductor.grid.index(points).T
        return np.stack([ndimage.map_coordinates(f.e_V_per_m[..., c], index, order=1) for c in range(3)], 1)

    error = relative_error(sample(turned), sample(field))
    assert error < 0.06


# ---------------------------------------------------------------------------------------------------- conservation


CURRENT_A = 1e-3


@pytest.fixture(scope="module")
def pole_to_pole():
    head = small(2.0)
    discs = two_discs([(0, 0, 1.0), (0, 0, -1.0)], OUTER_MM, radius_mm=8.0, current_A=CURRENT_A)
    return Conductor(head, voxel_mm=2.0).solve(discs)


@pytest.mark.parametrize("height_mm", [-6.0, 0.0, 6.0])
def test_current_through_planes_between_the_electrodes(pole_to_pole, height_mm):
    """A half-space about the anode is closed; at the equator E lies along the layers, J is the mean sigma times E."""
    field, conductor, head = pole_to_pole, pole_to_pole.conductor, pole_to_pole.head
    np.testing.assert_allclose(list(field.current_A.values()), [CURRENT_A, -CURRENT_A], rtol=0.005)
    k = round(float(conductor.grid.index(np.array([[0, 0, height_mm]]))[0, 2]))
    sigma = sum(
        head.fractions[n][:, :, k] / 255 * v for n, v in head.conductivity_S_per_m.items() if n in head.fractions
    )
    E = field.e_V_per_m[:, :, k, 2]
    nearest = ndimage.distance_transform_edt(field.labels[:, :, k] == 0, return_distances=False, return_indices=True)
    flux = -(sigma * E[tuple(nearest)]).sum() * conductor.grid.voxel_m**2
    np.testing.assert_allclose(flux, CURRENT_A, rtol=0.02)


def test_nothing_gathers_in_the_brain(fields):
    """Net current out of boxes inside one tissue, against what enters."""
    for field in fields:
        for corner in ((12, 10, 11), (14, 15, 16)):
            low = np.array(corner)
            flow, gross = 0.0, 0.0
            for axis in range(3):
                for side in (0, 7):
                    cut = [slice(n, n + 8) for n in low]
                    cut[axis] = low[axis] + side
                    other = list(cut)
                    other[axis] += 1 if side else -1
                    normal = 0.5 * (field.e_V_per_m[(*cut, axis)] + field.e_V_per_m[(*other, axis)])
                    flow += (1 if side else -1) * normal.sum()
                    gross += np.abs(normal).sum() / 2
            assert abs(flow) < 0.01 * gross


# -------------------------------------------------------------------------------------------------- coils in spheres


def test_coil_makes_no_radial_field(fields):
    field = fields[0]
    index, points = voxels_of(field, "grey_matter", RADII_MM[0] - 4, count=3000, above_mm=5.0)
    e = at(field.e_V_per_m, index)
    radial = np.sum(e * points, 1) / np.linalg.norm(points, axis=1)
    assert np.linalg.norm(radial) < 0.03 * np.linalg.norm(e)


def test_radial_source_current_is_silent_outside(conductor):
    """By reciprocity: no coil anywhere outside drives the radial read-out; the tangential one answers."""
    center = np.array([12.0, -9.0, 20.0])
    radial = center / np.linalg.norm(center)
    poses = [pose_over(d, OUTER_MM, gap_mm=8.0) for d in np.random.default_rng(0).normal(size=(20, 3))]
    answers = conductor.adjoint(Target.sphere(center, 4.0)).coil(COIL, poses, didt_A_per_s=1e6)
    tangential = np.linalg.norm(answers - np.outer(answers @ radial, radial), axis=1).max()
    assert np.abs(answers @ radial).max() < 0.02 * tangential


def test_radial_dipole_outside_charges_nothing(conductor):
    """A magnetic dipole that points at the centre makes a field without potential: E = -dA/dt."""
    position = np.array([[30.0, -20.0, 50.0]])
    coil = Coil(name="radial", positions_mm=position, moments_m2=position * 1e-4)
    field = conductor.solve(coil.at(np.eye(4), didt_A_per_s=1e6))
    field_A = field.coil_part()[0][:, 1:-1, 1:-1, 1:-1]
    corners = sum(
        field_A[:, i : i + field_A.shape[1] - 1, j : j + field_A.shape[2] - 1, k : k + field_A.shape[3] - 1] / 8
        for i, j, k in np.ndindex(2, 2, 2)
    )
    index, _ = voxels_of(field, "grey_matter", RADII_MM[0] - 4, count=3000)
    error = relative_error(at(field.e_V_per_m, index), -at(np.moveaxis(corners, 0, -1), index))
    assert error < 0.06  # voxels of 3 mm


def test_coil_field_does_not_feel_the_radial_profile(fields):
    other = Conductor(small(sigma=(0.1, 0.9, 0.06, 0.25)), voxel_mm=VOXEL_MM).solve(PLACED)
    index, _ = voxels_of(other, "grey_matter", RADII_MM[0] - 4, count=3000)
    error = relative_error(at(other.e_V_per_m, index), at(fields[0].e_V_per_m, index))
    assert error < 0.03


def test_field_points_from_anode_to_cathode(conductor):
    field = conductor.solve(two_discs([(0, 0, 1.0), (1.0, 0, 0)], OUTER_MM, radius_mm=8.0))
    mean = field.mean_in(Target.sphere((0.0, 0.0, 0.0), 8.0))
    np.testing.assert_allclose(mean / np.linalg.norm(mean), [np.sqrt(0.5), 0, -np.sqrt(0.5)], atol=0.02)


def test_field_opposes_a_rising_magnetic_field():
    """Lenz: a coil of growing moment along +z over the pole drives E clockwise about +z."""
    conductor = Conductor(small(4.0), voxel_mm=4.0)
    loop = Coil(name="loop", positions_mm=np.array([[0, 0, 65.0]]), moments_m2=np.array([[0, 0, 1e-3]]))
    field = conductor.solve(loop.at(np.eye(4), didt_A_per_s=1e6))
    mean = field.mean_in(Target.sphere((20.0, 0.0, 15.0), 4.0))
    assert mean[1] < 0
    assert abs(mean[1]) > 20 * max(abs(mean[0]), abs(mean[2]))

"""Poses, electrodes and their search, with a landscape that needs no field solution."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial import cKDTree

from assuage.errors import PlanError
from assuage.head.gallery import sphere_head
from assuage.sources import Coil, Pad
from assuage.space import validate_poses
from assuage.techniques import Goal, Scalp
from assuage.techniques.electrodes import electrode_set, injections, sensitivities
from assuage.techniques.hd_tdcs import DISC, RING_MM, best_ring, rings
from assuage.techniques.placement import coil_draws, montage_draws
from assuage.techniques.poses import handle_deg, nearest_sites, pose_words
from assuage.techniques.tdcs import GAP_MM, best_pair
from assuage.techniques.tms import best_pose, coil_site, is_antisymmetric, turned

RADIUS_MM = 92.0
MAGNITUDE = Goal(direction=None, normal=None)


class Lattice:
    """Stands in for a conductor: electrodes inject at the nearest points of a lattice around the scalp."""

    def __init__(self):
        axis = np.arange(-100.0, 101.0, 2.0)
        nodes = np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), -1).reshape(-1, 3)
        self.nodes_mm = nodes[np.abs(np.linalg.norm(nodes, axis=1) - RADIUS_MM) < 3]
        self.tree = cKDTree(self.nodes_mm)
        self.active = np.ones(len(self.nodes_mm), bool)

    def injection(self, contact):
        nodes, place = np.unique(self.tree.query(contact.points_mm)[1], return_inverse=True)
        return nodes, np.bincount(place, contact.weights)


LATTICE = Lattice()


class OpenSpace:
    """Mean field at one point in empty space: dipoles by -dA/dt, electrodes as point sources."""

    tissues = ()
    conductor = LATTICE

    def __init__(self, center_mm):
        self.center_mm = np.asarray(center_mm, float)

    def coil(self, coil, poses, *, didt_A_per_s):
        positions = np.einsum("nab,kb->nka", poses[:, :3, :3], coil.positions_mm) + poses[:, None, :3, 3]
        rates = np.einsum("nab,kb->nka", poses[:, :3, :3], coil.moments_m2) * didt_A_per_s
        r = (self.center_mm - positions) * 1e-3
        return -1e-7 * (np.cross(rates, r) / np.linalg.norm(r, axis=2, keepdims=True) ** 3).sum(1)

    @property
    def adjoint_V(self):
        return -self.point_source(LATTICE.nodes_mm).T

    def point_source(self, points_mm):
        r = (self.center_mm - points_mm) * 1e-3
        return r / np.linalg.norm(r, axis=1, keepdims=True) ** 3


def of(space, electrodes):
    return sensitivities(space, injections(LATTICE, electrodes.contacts))


def eight_dipoles(z_mm=-6.0, wing_z_mm=None):
    """A figure-of-eight so coarse that every test is fast."""
    positions, moments = [], []
    for side in (1, -1):
        for angle in np.arange(0, 360, 60):
            x, y = side * 40 + 25 * np.cos(np.deg2rad(angle)), 25 * np.sin(np.deg2rad(angle))
            positions.append([x, y, z_mm if wing_z_mm is None or abs(x) < 50 else wing_z_mm])
            moments.append([0, 0, side * 1e-3])
    return ToyCoil(name="toy", positions_mm=np.array(positions), moments_m2=np.array(moments))


class ToyCoil(Coil):
    def condensed(self, **_):
        return self


@pytest.fixture(scope="module")
def scalp():
    return Scalp(sphere_head(voxel_mm=4.0))


@pytest.fixture(scope="module")
def site(scalp):
    return coil_site(scalp, eight_dipoles(), spacing_mm=12.0, angle_step_deg=15.0)


@pytest.fixture(scope="module")
def discs(scalp):
    return electrode_set(scalp, DISC)


def test_every_pose_is_rigid_faces_the_head_and_stays_off_the_skin(site):
    poses = validate_poses(site.poses.poses)
    centers = poses[:, :3, 3]
    inward = -centers / np.linalg.norm(centers, axis=1, keepdims=True)
    assert (np.einsum("na,na->n", inward, poses[:, :3, 2]) > np.cos(np.deg2rad(5))).all()
    face = np.einsum("nab,mb->nma", poses[:, :3, :3], site.face_mm) + centers[:, None]
    gap = np.linalg.norm(face, axis=2).min(1) - RADIUS_MM
    assert (gap > site.hair_mm - 1.0).all()
    assert (gap < site.hair_mm + 1.0).all()


def test_a_coil_whose_wings_would_enter_the_head_is_moved_out(scalp):
    bent = coil_site(scalp, eight_dipoles(wing_z_mm=35.0), spacing_mm=30.0, angle_step_deg=45.0)
    assert (bent.poses.lift_mm > 5).all()
    face = np.einsum("nab,mb->nma", bent.poses.poses[:, :3, :3], bent.face_mm) + bent.poses.poses[:, None, :3, 3]
    assert (np.linalg.norm(face, axis=2).min(1) - RADIUS_MM > bent.hair_mm - 1.5).all()


def test_no_coil_on_face_ears_or_neck(scalp, site):
    assert not scalp.blocked(site.places_mm).any()
    assert (scalp.axes.height_mm(site.places_mm) >= 0).all()
    names = [name for name, _, _ in scalp.zones]
    assert sorted(names) == ["left ear", "left eye", "nose", "right ear", "right eye"]
    for _, center, radius in scalp.zones:
        assert np.linalg.norm(site.places_mm - center, axis=1).min() >= radius


def test_places_are_evenly_spaced(scalp):
    places = scalp.places(10.0)
    distance = np.linalg.norm(places[:, None] - places[None], axis=2) + 1e9 * np.eye(len(places))
    nearest = distance.min(1)
    assert nearest.min() > 10.0
    assert nearest.max() < 16.0


def test_clearance_is_the_distance_to_the_sphere(scalp):
    points = np.random.default_rng(0).normal(size=(500, 3))
    points[:, 2] = np.abs(points[:, 2])
    radius = np.random.default_rng(1).uniform(88, 120, 500)
    points *= (radius / np.linalg.norm(points, axis=1))[:, None]
    error = np.abs(scalp.clearance_mm(points) - (radius - RADIUS_MM))
    assert error[radius < RADIUS_MM + 8].max() < 0.6  # where it decides
    assert error.max() < 4.0


def test_half_a_turn_negates_a_figure_of_eight_but_not_a_circle():
    assert is_antisymmetric(eight_dipoles())
    one_wing = ToyCoil(name="circle", positions_mm=np.array([[0.0, 0, -5]]), moments_m2=np.array([[0, 0, 1e-3]]))
    assert not is_antisymmetric(one_wing)


def test_handle_angles_at_the_vertex(scalp):
    axes = scalp.axes
    pose = np.eye(4)
    pose[:3, 2] = -axes.up
    for angle, handle in ((0, -axes.front), (90, -axes.right), (-90, axes.right), (45, -axes.front - axes.right)):
        pose[:3, 1] = -handle / np.linalg.norm(handle)
        pose[:3, 0] = np.cross(pose[:3, 1], pose[:3, 2])
        assert handle_deg(pose, axes) == pytest.approx(angle, abs=1e-6)
    pose[:3, 1] = axes.front
    assert abs(handle_deg(turned(pose), axes)) == pytest.approx(180)


def test_words_name_the_nearest_site(scalp):
    head = scalp.head
    point = np.asarray(head.ten_ten_mm["F3"])
    pose = np.eye(4)
    pose[:3, 2] = -point / np.linalg.norm(point)
    pose[:3, 1] = np.cross(pose[:3, 2], scalp.axes.right) / np.linalg.norm(np.cross(pose[:3, 2], scalp.axes.right))
    pose[:3, 0] = np.cross(pose[:3, 1], pose[:3, 2])
    assert nearest_sites(head, point)[0][0] == "F3"
    assert pose_words(head, pose, point, scalp.axes).startswith("Coil centre 0 mm from F3; next sites ")


@pytest.mark.parametrize("center", [(-30, 30, 60), (40, -30, 50), (5, 0, 75)])
def test_the_best_pose_stands_over_the_target(site, center):
    space = OpenSpace(center)
    found = best_pose(space, MAGNITUDE, site)
    over = np.asarray(center) * RADIUS_MM / np.linalg.norm(center)
    assert np.linalg.norm(found.scalp_point_mm - over) < 6.0
    assert found.score_V_per_m >= found.place_score_V_per_m.max()
    again = space.coil(site.coil, found.pose[None], didt_A_per_s=1e6)[0]
    assert np.allclose(again, found.mean_e_V_per_m)
    assert found.evaluated == found.candidates + 375


def test_direction_decides_sign_and_turn(site):
    space = OpenSpace((-30, 30, 60))
    for direction in (np.array([0, 1.0, 0]), np.array([0, -1.0, 0])):
        found = best_pose(space, Goal(direction=direction, normal=None), site)
        assert found.mean_e_V_per_m @ direction == pytest.approx(found.score_V_per_m)
        assert found.score_V_per_m > 0.8 * best_pose(space, MAGNITUDE, site).score_V_per_m


def test_more_hair_is_less_field(scalp):
    space = OpenSpace((-30, 30, 60))
    doses = [
        best_pose(
            space, MAGNITUDE, coil_site(scalp, eight_dipoles(), spacing_mm=15, angle_step_deg=30, hair_mm=hair)
        ).score_V_per_m
        for hair in (0.0, 4.0, 12.0)
    ]
    assert doses[0] > doses[1] > doses[2]
    with pytest.raises(PlanError, match="hair_mm"):
        coil_site(scalp, eight_dipoles(), hair_mm=-1.0)


def test_misplacing_a_coil_at_its_optimum_rarely_helps(site):
    space = OpenSpace((-30, 30, 60))
    found = best_pose(space, MAGNITUDE, site)
    draws = np.linalg.norm(coil_draws(space, site, found, count=300, seed=1), axis=1)
    assert draws.mean() < found.score_V_per_m
    assert (draws > 1.02 * found.score_V_per_m).mean() < 0.05
    assert np.array_equal(draws, np.linalg.norm(coil_draws(space, site, found, count=300, seed=1), axis=1))


def test_sensitivities_add_up_to_the_montage(discs):
    space = OpenSpace((-30, 30, 60))
    A = of(space, discs)
    points = np.array([contact.center_mm for contact in discs.contacts])
    direct = space.point_source(points)
    difference = (A[3] - A[7]) - (direct[3] - direct[7])
    assert np.linalg.norm(difference) < 0.05 * np.linalg.norm(direct[3] - direct[7])


def test_the_best_pair_beats_every_other_pair_that_fits(scalp):
    space, pad = OpenSpace((-30, 30, 40)), Pad(50.0, 50.0)
    pads = electrode_set(scalp, pad)
    goal = Goal(direction=None, normal=np.array([0.5, -0.5, -0.7]) / np.linalg.norm([0.5, -0.5, -0.7]))
    found = best_pair({pad: of(space, pads)}, goal, {pad: pads}, current_A=2e-3)
    A = of(space, pads)
    a, b = (pads.names.index(label) for label in found.montage.labels)
    assert np.allclose(found.mean_e_V_per_m, 2e-3 * (A[a] - A[b]))
    assert found.mean_e_V_per_m @ goal.normal > 0
    far = np.linalg.norm(pads.centers_mm[:, None] - pads.centers_mm[None], axis=2) > np.hypot(50, 50) + GAP_MM
    others = 2e-3 * np.linalg.norm(A[:, None] - A[None], axis=2)[far]
    assert others.max() <= found.score_V_per_m * (1 + 1e-12)


def test_rings_surround_their_centre(discs):
    offered = rings(discs)
    assert len(offered) > 20
    for center, returns in offered:
        offset = discs.centers_mm[list(returns)] - discs.centers_mm[center]
        distance = np.linalg.norm(offset, axis=1)
        assert ((distance >= RING_MM[0]) & (distance <= RING_MM[1])).all()
        assert len(set(returns)) == 4


def test_a_ring_over_a_shallow_target_is_chosen_there(scalp, discs):
    target = 0.8 * np.asarray(scalp.head.ten_ten_mm["C3"])
    found = best_ring(of(OpenSpace(target), discs), MAGNITUDE, discs, rings(discs), current_A=2e-3)
    assert found.montage.labels[0] in {"C3", "CP3", "FC3", "C5", "C1"}
    assert found.montage.currents_A.sum() == pytest.approx(0, abs=1e-15)
    with pytest.raises(PlanError, match="surrounded"):
        best_ring(of(OpenSpace(target), discs), MAGNITUDE, discs, (), current_A=2e-3)


def test_misplaced_electrodes_scatter_around_the_dose(scalp, discs):
    space = OpenSpace((-30, 30, 40))
    found = best_ring(of(space, discs), MAGNITUDE, discs, rings(discs), current_A=2e-3)
    draws = np.linalg.norm(montage_draws(space, scalp.head, found.montage, count=200, seed=3), axis=1)
    assert draws.std() > 0
    assert draws.mean() == pytest.approx(found.score_V_per_m, rel=0.15)


@given(seed=st.integers(0, 10**6))
@settings(max_examples=25)
def test_goal_slope_is_the_derivative_of_the_score(seed):
    rng = np.random.default_rng(seed)
    mean, step = rng.normal(size=3), 1e-6 * rng.normal(size=3)
    direction = rng.normal(size=3)
    direction /= np.linalg.norm(direction)
    for goal in (MAGNITUDE, replace(MAGNITUDE, direction=direction)):
        change = goal.score((mean + step)[None])[0] - goal.score(mean[None])[0]
        assert change == pytest.approx(goal.slope(mean) @ step, abs=1e-10)

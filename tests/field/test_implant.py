"""A lead in the head: analytic sources, conservation, symmetry, superposition, and the box around it."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage

from assuage.errors import SourceError
from assuage.field import Conductor
from assuage.field.implant import far_potentials, implant
from assuage.field.implant_box import Encapsulation, lead_grid, resampled_labels
from assuage.field.implant_map import whole_head_magnitude
from assuage.field.solver import solve
from assuage.field.subvoxel import overlaid
from assuage.field.zoom import face_nodes, potential_at
from assuage.head.gallery import sphere_head
from assuage.sources import Contact
from assuage.sources.lead import Lead

SIGMA = 0.2
BARE = Encapsulation(thickness_mm=0.0, conductivity_S_per_m=SIGMA)
UP = np.array([0.0, 0.0, 1.0])


def ball(**options):
    return sphere_head(
        **({"radii_mm": (40.0,), "tissues": ("grey_matter",), "conductivity_S_per_m": (SIGMA,)} | options)
    )


@pytest.fixture(scope="module")
def conductor():
    return Conductor(ball(), 2.0)


@pytest.fixture(scope="module")
def rings(conductor):
    return implant(conductor, Lead.load("Medtronic 3389").at([0.0, 0.0, -4.0], UP), BARE, margin_mm=8.0)


@pytest.fixture(scope="module")
def segmented(conductor):
    lead = Lead.load("Boston Vercise Directed (Cartesia)")
    return implant(conductor, lead.at([0.0, 0.0, -4.0], UP), BARE, voxel_mm=0.25, margin_mm=6.0)


def sphere_mean(values_at, scale=1.0):
    """Mean over 2000 points of a sphere, or of the ellipsoid that is one for the medium: what boundaries add to a
    potential is harmonic and has the same mean on all of them."""
    k = np.arange(2000) + 0.5
    z, azimuth = 1 - 2 * k / 2000, np.pi * (1 + 5**0.5) * k
    across = np.sqrt(1 - z**2)
    return values_at(np.stack([across * np.cos(azimuth), across * np.sin(azimuth), z], 1) * scale).mean()


def test_point_source_in_a_homogeneous_medium(conductor):
    near, far = 8.0, 14.0

    def phi(points):
        return far_potentials(conductor, np.zeros((1, 3)), points, tolerance=1e-8)[0]

    found = sphere_mean(phi, near) - sphere_mean(phi, far)
    exact = (1 / near - 1 / far) * 1e3 / (4 * np.pi * SIGMA)
    assert abs(found - exact) < 0.01 * exact


def test_point_source_in_an_anisotropic_medium():
    """phi = I / (4 pi sqrt(det sigma) sqrt(x . sigma^-1 x)); the points lie on one of its equipotentials."""
    head, sigma = ball(), np.array([0.1, 0.2, 0.4])
    tensors = np.broadcast_to(np.diag(sigma), (*head.labels.shape, 3, 3))
    conductor = Conductor(head, 2.0, tensor_S_per_m={"grey_matter": tensors})
    root = np.sqrt(sigma / sigma.max())
    near, far = 10.0, 18.0

    def phi(points):
        return far_potentials(conductor, np.zeros((1, 3)), points, tolerance=1e-8)[0]

    found = sphere_mean(phi, near * root) - sphere_mean(phi, far * root)
    distance = 1e-3 / np.sqrt(sigma.max())
    exact = (1 / near - 1 / far) / distance / (4 * np.pi * np.sqrt(sigma.prod()))
    assert abs(found - exact) < 0.02 * exact


def test_a_lead_in_an_anisotropic_medium():
    """Far from the contacts E is that of a point, whichever way the lead lies across the axes of the tensor."""
    head, sigma = ball(), np.array([0.15, 0.2, 0.3])
    tensors = np.broadcast_to(np.diag(sigma), (*head.labels.shape, 3, 3))
    anisotropic = Conductor(head, 2.0, tensor_S_per_m={"grey_matter": tensors})
    lead = Lead.load("Medtronic 3389")
    placed = replace(lead, contacts=lead.contacts[:1]).at([0.0, 0.0, -2.0], [0.6, 0.0, 0.8])
    fields = implant(anisotropic, placed, BARE, margin_mm=8.0)
    index = np.argwhere(np.ones(fields.conductor.grid.shape, bool))
    x = (fields.conductor.grid.world_mm(index) - placed.contact_centers_mm()[0]) * 1e-3
    r = np.linalg.norm(x, axis=1)
    along = x @ placed.direction
    keep = (r > 4.5e-3) & (r < 5.5e-3) & (np.sqrt(r**2 - along**2) > 3e-3)
    x = x[keep]
    exact = x / sigma / (4 * np.pi * np.sqrt(sigma.prod()) * ((x**2 / sigma).sum(1) ** 1.5)[:, None])
    found = fields.e_per_A[0][tuple(index[keep].T)]
    scale = np.einsum("nc,nc->", found, exact) / np.einsum("nc,nc->", exact, exact)
    assert scale == pytest.approx(1.0, abs=0.04)
    assert np.linalg.norm(found - exact) < 0.12 * np.linalg.norm(exact)


def test_spherical_source(conductor):
    """A shell of current: no field inside, the field of a point outside."""
    radius, rng = 10.0, np.random.default_rng(0)
    shell = rng.normal(size=(20000, 3))
    shell *= radius / np.linalg.norm(shell, axis=1, keepdims=True)
    source = Contact(
        label="shell", points_mm=shell, weights=np.full(20000, 1 / 20000), area_mm2=1.0, center_mm=np.zeros(3)
    )
    nodes, current = conductor.injection(source)
    b = np.zeros((1, int(np.prod(conductor.grid.node_shape))))
    b[0, nodes] = current
    phi = solve(conductor.hierarchy, b, tolerance=1e-8).x.reshape(conductor.grid.node_shape)

    def at(points):
        return potential_at(conductor, phi, np.asarray(points))

    scale = 1e3 / (4 * np.pi * SIGMA)
    # the uniform sink of this problem is a parabola: -r^2 / (6 sigma V) per ampere
    volume_mm3 = 4 / 3 * np.pi * 40.0**3

    def expected(r):
        return scale / max(r, radius) + 1e3 * r**2 / (6 * SIGMA * volume_mm3)

    for r in (2.0, 6.0, 14.0):
        found = sphere_mean(at, r) - sphere_mean(at, 20.0)
        assert abs(found - (expected(r) - expected(20.0))) < 0.02 * expected(0)


def test_current_is_conserved_and_floating_contacts_carry_none(rings):
    fine = rings.conductor
    level = fine.build_hierarchy(face_nodes(fine.grid)).levels[0]
    lead = rings.placed.lead
    height = rings.placed.local_mm(fine.grid.world_mm(np.argwhere(np.ones(fine.grid.node_shape)) - 1.5))[:, 2]
    for driven in range(4):
        out = level.times(rings.phi_per_A[driven].reshape(1, -1).astype(float))[0] * level.active
        inner = out[~face_nodes(fine.grid).ravel()]
        heights = height[~face_nodes(fine.grid).ravel()]
        assert abs(inner.sum() - 1) < 2e-3
        for number, contact in enumerate(lead.contacts):
            own = (heights > contact.from_mm - 0.25) & (heights < contact.to_mm + 0.25)
            assert abs(inner[own].sum() - (number == driven)) < 2e-3


def test_resistances_are_symmetric_and_scale_with_the_medium(rings):
    assert rings.asymmetry < 2e-3
    assert (np.linalg.eigvalsh(rings.resistance_Ohm) > 0).all()
    twice = implant(
        Conductor(ball(conductivity_S_per_m=(2 * SIGMA,)), 2.0),
        rings.placed,
        Encapsulation(thickness_mm=0.0, conductivity_S_per_m=1.0),
        margin_mm=8.0,
    )
    assert np.allclose(twice.resistance_Ohm * 2, rings.resistance_Ohm, rtol=1e-4)


def test_far_field_is_that_of_a_point(rings):
    c = rings.currents_A({"2": 1.0})
    center = rings.placed.contact_centers_mm()[1]
    E = rings.e_V_per_m(c)
    index = np.argwhere(np.ones(E.shape[:3], bool))
    offset = rings.conductor.grid.world_mm(index) - center
    r = np.linalg.norm(offset, axis=1)
    keep = (r > 5) & (r < 6) & (np.hypot(offset[:, 0], offset[:, 1]) > 3)
    radial = np.einsum("ni,ni->n", E[tuple(index[keep].T)], offset[keep]) / r[keep]
    exact = 1e6 / (4 * np.pi * SIGMA * r[keep] ** 2)
    assert abs((radial / exact).mean() - 1) < 0.04


def test_impedance_against_finer_grids(conductor, rings):
    fine = implant(conductor, rings.placed, BARE, voxel_mm=0.25, margin_mm=6.0)
    finer = implant(conductor, rings.placed, BARE, voxel_mm=0.2, margin_mm=6.0)
    assert np.allclose(fine.resistance_Ohm, finer.resistance_Ohm, rtol=0.015)
    assert np.allclose(np.diag(rings.resistance_Ohm), np.diag(finer.resistance_Ohm), rtol=0.1)


def test_a_layer_adds_its_own_resistance(conductor, rings):
    """A layer of conductivity s on a contact of length L adds about ln(b/a) / (2 pi L) (1/s - 1/sigma) at most."""
    layer = Encapsulation(thickness_mm=0.5, conductivity_S_per_m=0.1)
    wrapped = implant(conductor, rings.placed, layer, margin_mm=8.0)
    R, L = rings.placed.lead.radius_mm, 1.5e-3
    most = np.log((R + 0.5) / R) / (2 * np.pi * L) * (1 / 0.1 - 1 / SIGMA)
    added = np.diag(wrapped.resistance_Ohm) - np.diag(rings.resistance_Ohm)
    assert ((0.5 * most < added) & (added < most)).all()
    names = wrapped.conductor.tissue.tissues
    local = wrapped.conductor.tissue.label == names.index("encapsulation")
    assert local.any()


def test_segments_turn_into_each_other(segmented):
    """The field of 2b is that of 2a turned by 120 degrees: the cubes of the grid do not know that symmetry."""
    lead = segmented.placed.lead
    a, b = lead.index("2a"), lead.index("2b")
    rng = np.random.default_rng(1)
    angle, r, z = rng.uniform(0, 2 * np.pi, 400), rng.uniform(1.2, 3.5, 400), rng.uniform(0, 7, 400)
    turn = np.radians(120)

    def at(number, angles):
        points = np.stack([r * np.cos(angles), r * np.sin(angles), z], 1)
        index = segmented.conductor.grid.index(segmented.placed.world_mm(points))
        strength = np.linalg.norm(segmented.e_per_A[number], axis=-1)
        return ndimage.map_coordinates(strength, index.T, order=1)

    one, two = at(a, angle), at(b, angle + turn)
    assert np.linalg.norm(one - two) < 0.06 * np.linalg.norm(one)
    assert abs(one.mean() - two.mean()) < 0.01 * one.mean()
    R = segmented.resistance_Ohm
    assert abs(R[a, a] - R[b, b]) < 0.03 * R[a, a]
    assert abs(R[b, b + 1] - R[a, b]) < 0.05 * R[a, b]


def test_turning_the_lead_by_its_pitch_turns_the_field(conductor, segmented):
    placed = segmented.placed
    turned = implant(conductor, placed.lead.at(placed.tip_mm, UP, 120.0), BARE, voxel_mm=0.25, margin_mm=6.0)
    a, b = placed.lead.index("3a"), placed.lead.index("3b")
    rng = np.random.default_rng(2)
    angle, r, z = rng.uniform(0, 2 * np.pi, 400), rng.uniform(1.2, 3.5, 400), rng.uniform(1, 8, 400)
    world = placed.world_mm(np.stack([r * np.cos(angle), r * np.sin(angle), z], 1))

    def at(fields, number):
        phi = fields.phi_per_A[number].astype(float)
        return potential_at(fields.conductor, phi, world)

    before, after = at(segmented, b), at(turned, a)
    assert np.linalg.norm(before - after) < 0.01 * np.linalg.norm(before)


def test_superposition_and_voltage_control(rings):
    c = rings.currents_A({"1": -1e-3, "3": 2e-3})
    assert np.allclose(
        rings.e_V_per_m(c), -1e-3 * rings.e_per_A[0] + 2e-3 * rings.e_per_A[2], atol=1e-4 * np.abs(rings.e_per_A).max()
    )
    wanted = {"1": -2.0, "2": -1.0}
    driven = rings.currents_for_voltages_A(wanted)
    assert np.allclose(rings.voltages_V(driven)[:2], [-2.0, -1.0])
    assert (driven[2:] == 0).all()
    pair = rings.currents_for_voltages_A({"1": 1.5, "2": -1.5}, case=False)
    assert abs(pair.sum()) < 1e-12 * np.abs(pair).max()
    V = rings.voltages_V(pair)
    assert np.isclose(V[0] - V[1], 3.0)
    single = rings.currents_A({"2": -3e-3})
    assert np.isclose(rings.impedance_Ohm(single), rings.resistance_Ohm[1, 1])
    R = rings.resistance_Ohm
    assert np.isclose(rings.impedance_Ohm(pair), R[0, 0] + R[1, 1] - 2 * R[0, 1])


def test_the_box_is_large_enough(conductor, rings):
    wide = implant(conductor, rings.placed, BARE, margin_mm=14.0)
    assert np.allclose(wide.resistance_Ohm, rings.resistance_Ohm, rtol=0.01)
    inner = rings.conductor.grid
    index = np.argwhere(np.ones(inner.shape, bool))[::53]
    world = inner.world_mm(index)
    keep = np.linalg.norm(world - rings.placed.contact_centers_mm()[1], axis=1) < 5
    keep &= np.hypot(*rings.placed.local_mm(world)[:, :2].T) > 1.2
    other = np.rint(wide.conductor.grid.index(world[keep])).astype(int)
    small, large = rings.e_per_A[1][tuple(index[keep].T)], wide.e_per_A[1][tuple(other.T)]
    assert np.linalg.norm(small - large) < 0.02 * np.linalg.norm(large)


def test_resampled_labels_on_the_heads_own_grid():
    head = sphere_head(radii_mm=(20.0, 24.0), tissues=("grey_matter", "skull"), voxel_mm=2.0, hard_labels=True)
    conductor = Conductor(head, 2.0)
    label, names = resampled_labels(head, conductor.grid)
    assert names == ("", "grey_matter", "skull")
    assert (label == head.labels).all()


def test_lead_grid_follows_the_lead():
    up = np.array([1.0, 2.0, 2.0]) / 3
    placed = Lead.load("Medtronic SenSight B33005").at([3.0, 4.0, 5.0], up, 30.0)
    grid = lead_grid(placed, voxel_mm=0.25)
    assert np.allclose(grid.axes, placed.frame[:3, :3])
    assert all(n % 16 == 0 for n in grid.shape)
    edges = placed.local_mm(grid.world_mm(np.array([[0.0, 0, k - 0.5] for k in range(grid.shape[2])])))[:, 2]
    for contact in placed.lead.contacts:
        assert np.abs(edges - contact.from_mm).min() < 1e-9
        assert np.abs(edges - contact.to_mm).min() < 1e-9


def test_overlaid_tissues():
    head = sphere_head(radii_mm=(20.0, 24.0), tissues=("grey_matter", "skull"), voxel_mm=2.0)
    tissue = Conductor(head, 2.0).tissue
    voxels = np.argwhere(tissue.block >= 0)[:50]
    blocks = tissue.blocks[tissue.block[tuple(voxels.T)]]
    same = overlaid(tissue, voxels, blocks)
    assert (same.label[tuple(voxels.T)] == blocks[:, 2, 2, 2]).all()
    others = np.ones(tissue.label.shape, bool)
    others[tuple(voxels.T)] = False
    assert (same.label == tissue.label)[others].all()
    assert (same.block == tissue.block).all()
    assert (same.blocks == tissue.blocks).all()
    middle = np.array([np.array(tissue.label.shape) // 2])
    holed = overlaid(tissue, middle, np.full((1, 4, 4, 4), 2, np.uint8))
    assert holed.label[tuple(middle[0])] == 2
    around = tuple(slice(k - 1, k + 2) for k in middle[0])
    assert (holed.block[around] >= 0).all()  # the neighbours know that an interface touches them
    assert (holed.block >= 0).sum() == (tissue.block >= 0).sum() + 27


def test_signed_weights_keep_their_sum_beside_air(conductor):
    """Points half outside the ball: what falls on air goes to the nearest node, whatever its sign."""
    rng = np.random.default_rng(3)
    points = rng.normal(size=(400, 3))
    points *= rng.uniform(38.5, 41.0, (400, 1)) / np.linalg.norm(points, axis=1, keepdims=True)
    weights = rng.normal(size=400)
    mixed = Contact(label="mixed", points_mm=points, weights=weights, area_mm2=1.0, center_mm=np.zeros(3))
    _, current = conductor.injection(mixed)
    assert np.isclose(current.sum(), weights.sum())


def test_refusals(conductor, rings):
    lead = Lead.load("Medtronic 3389")
    with pytest.raises(SourceError, match="contact 3 of lead 'Medtronic 3389' lies in air"):
        implant(conductor, lead.at([0.0, 0.0, 34.0], UP), BARE)
    with pytest.raises(SourceError, match=r"use voxel_mm = 0\.25"):
        implant(conductor, Lead.load("Boston Cartesia X").at([0.0, 0.0, 0.0], UP), BARE, voxel_mm=0.5)
    with pytest.raises(SourceError, match=r"0\.2 to 1 mm"):
        implant(conductor, lead.at([0.0, 0.0, 0.0], UP), BARE, voxel_mm=0.1)
    with pytest.raises(SourceError, match="0 to 2 mm"):
        Encapsulation(thickness_mm=5.0, conductivity_S_per_m=0.1)
    with pytest.raises(SourceError, match="without it"):
        rings.currents_for_voltages_A({"1": 1.0}, case=False)
    with pytest.raises(SourceError, match="no contact carries current"):
        rings.impedance_Ohm(np.zeros(4))
    with pytest.raises(SourceError, match="has no contact"):
        rings.currents_A({"9": 1e-3})


def test_the_whole_head_map_joins_fine_and_coarse_field(conductor, rings):
    """A ring in a ball: |E| = I / (4 pi sigma r^2) from a few millimetres on, on both sides of the box's faces."""
    current = rings.currents_A({"1": -2e-3})
    values = whole_head_magnitude(conductor, rings, current)
    centre = rings.placed.contact_centers_mm()[1]
    points = conductor.grid.world_mm(np.argwhere(np.ones(conductor.grid.shape, bool)).astype(float))
    r = np.linalg.norm(points - centre, axis=1)
    ratio = values.ravel() / (2e-3 / (4 * np.pi * SIGMA * (1e-3 * np.maximum(r, 1.0)) ** 2))
    half_box = 8.0  # mm, from the lead to the faces
    for low, high in ((4.0, 6.0), (6.0, half_box), (half_box, 12.0)):
        assert ratio[(r > low) & (r < high)].mean() == pytest.approx(1.0, abs=0.12), (low, high)
    assert values[conductor.tissue.label == 0].max() == 0.0


def test_the_whole_head_map_refuses_another_head(rings):
    with pytest.raises(SourceError, match="was asked for on"):
        whole_head_magnitude(Conductor(ball(), 4.0), rings, rings.currents_A({"1": 1e-3}))

"""Electrodes laid onto a sphere, where areas and distances are known."""

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from assuage.errors import SourceError
from assuage.head import Head
from assuage.head.gallery import sphere_head
from assuage.sources import Disc, Electrode, Montage, Pad, Ring, place, place_montage, ring_montage
from assuage.sources.contact import edge_distance_mm

RADIUS = 92.0


@pytest.fixture(scope="module")
def head():
    return sphere_head(voxel_mm=4.0)


def at(name, shape):
    return Electrode(name=name, current_A=1e-3, shape=shape)


def cap_area(radius):
    return 2 * math.pi * RADIUS**2 * (1 - math.cos(radius / RADIUS))


@pytest.mark.parametrize("name", ["Cz", "F3", "T8", "Oz"])
@pytest.mark.parametrize("radius", [6.0, 25.0])
def test_disc_covers_a_cap(head, name, radius):
    contact = place(at(name, Disc(radius)), head)
    assert contact.area_mm2 == pytest.approx(cap_area(radius), rel=0.01)
    assert contact.weights.sum() == pytest.approx(1, abs=1e-12)
    assert (contact.weights > 0).all()
    directions = contact.points_mm / np.linalg.norm(contact.points_mm, axis=1)[:, None]
    polar = np.arccos(directions @ contact.center_mm / np.linalg.norm(contact.center_mm))
    assert RADIUS * polar.max() < radius + 1.0
    mean = contact.weights @ contact.points_mm
    direction = contact.center_mm / np.linalg.norm(contact.center_mm)
    np.testing.assert_allclose(mean - (mean @ direction) * direction, 0, atol=0.1)
    assert np.linalg.norm(mean) == pytest.approx(RADIUS * (1 + math.cos(radius / RADIUS)) / 2, abs=0.4)


def test_ring_covers_the_difference_of_two_caps(head):
    contact = place(at("C3", Ring(10, 16)), head)
    assert contact.area_mm2 == pytest.approx(cap_area(16) - cap_area(10), rel=0.01)
    distance = np.linalg.norm(contact.points_mm - contact.center_mm, axis=1)
    assert distance.min() > 9


def test_points_are_a_millimetre_apart(head):
    contact = place(at("C3", Pad(50, 70)), head)
    assert contact.area_mm2 / len(contact.weights) < 1.0
    assert contact.area_mm2 == pytest.approx(3500, rel=0.03)


def test_weights_integrate_a_smooth_function(head):
    """Mean of z over a cap about +z: R (1 + cos a) / 2."""
    contact = place(Electrode(center_mm=(0, 0, 90), current_A=1, shape=Disc(30)), head)
    assert contact.weights @ contact.points_mm[:, 2] == pytest.approx(RADIUS * (1 + math.cos(30 / RADIUS)) / 2, abs=0.3)


def test_pad_stands_upright_and_turns_counter_clockwise(head):
    def spread(rotation):
        contact = place(at("T8", Pad(20, 60, rotation)), head)  # T8 is at +x: seen from outside, +y is to the right
        offset = contact.points_mm - contact.center_mm
        return np.cov(offset[:, 1:].T, aweights=contact.weights)

    upright = spread(0)
    assert upright[1, 1] > 5 * upright[0, 0]
    assert abs(upright[0, 1]) < 0.05 * upright[1, 1]
    assert spread(90)[0, 0] > 5 * spread(90)[1, 1]
    assert spread(30)[0, 1] < -0.2 * upright[1, 1]


def test_pad_on_top_of_the_head_points_forward(head):
    contact = place(at("Cz", Pad(20, 60)), head)
    offset = contact.points_mm - contact.center_mm
    assert offset[:, 1].std() > 2 * offset[:, 0].std()


def test_turning_the_head_turns_the_contact():
    rotation = Rotation.from_euler("xyz", [20, -15, 40], degrees=True).as_matrix()
    straight = sphere_head(voxel_mm=4.0)
    oblique = sphere_head(voxel_mm=4.0, rotation=rotation, center_mm=(10, -5, 3))
    point = np.array([50.0, 40, 66])
    first = place(Electrode(center_mm=tuple(point), current_A=1, shape=Disc(12)), straight)
    second = place(Electrode(center_mm=tuple(rotation @ point + [10, -5, 3]), current_A=1, shape=Disc(12)), oblique)
    assert second.area_mm2 == pytest.approx(first.area_mm2, rel=0.005)
    np.testing.assert_allclose(second.center_mm, rotation @ first.center_mm + [10, -5, 3], atol=0.3)


def test_old_names_and_misspelt_names(head):
    np.testing.assert_array_equal(place(at("T3", Disc(6)), head).center_mm, place(at("T7", Disc(6)), head).center_mm)
    with pytest.raises(SourceError, match=r"no 10-10 site 'FP11'.*Fp1"):
        place(at("FP11", Disc(6)), head)


def test_point_off_the_scalp_is_moved_or_refused(head):
    contact = place(Electrode(center_mm=(0, 0, 98), current_A=1, shape=Disc(6)), head)
    assert np.linalg.norm(contact.center_mm) == pytest.approx(RADIUS, abs=0.5)
    with pytest.raises(SourceError, match=r"28.\d mm from the scalp"):
        place(Electrode(center_mm=(0, 0, 120), current_A=1, shape=Disc(6)), head)


def test_electrode_over_the_cut_of_the_image_is_refused(head):
    kept = slice(0, head.labels.shape[2] // 2)
    affine = head.affine
    cut = Head.from_labels(head.labels[:, :, kept], affine, tissues=head.tissues, name="cut")
    inside = place(Electrode(center_mm=(0, 80, -40), current_A=1, shape=Disc(10)), cut)
    assert inside.area_mm2 > 300
    with pytest.raises(SourceError, match=r"edge of the image of 'cut'|falls off the scalp"):
        place(Electrode(center_mm=(0, 92, -6), current_A=1, shape=Disc(10)), cut)


def test_overlap_is_refused_with_both_names(head):
    apart = place_montage(Montage({"F3": 1e-3, "F4": -1e-3}, shape=Disc(12)), head)
    assert [contact.label for contact in apart] == ["F3", "F4"]
    with pytest.raises(SourceError, match=r"electrodes C3 and C1 touch or overlap, centres \d+\.\d mm"):
        place_montage(Montage({"C3": 1e-3, "C1": -1e-3}, shape=Disc(20)), head)
    with pytest.raises(SourceError, match="T3 and T7 touch or overlap"):
        place_montage(Montage({"T3": 1e-3, "T7": -1e-3}), head)


def test_edge_distance_is_the_gap(head):
    angle = 40.0 / RADIUS
    points = [(0, 0, RADIUS), (RADIUS * math.sin(angle), 0, RADIUS * math.cos(angle))]
    first, second = place_montage(Montage.at_points_mm(points, [1e-3, -1e-3], radius_mm=12), head)
    assert edge_distance_mm(first, second) == pytest.approx(2 * RADIUS * math.sin(16 / RADIUS / 2), abs=1.0)


def test_ring_on_the_head_lies_at_its_distance(head):
    montage = ring_montage("C3", head, radius_mm=50, current_A=2e-3)
    contacts = place_montage(montage, head)
    np.testing.assert_allclose(montage.currents_A, [2e-3] + [-5e-4] * 4)
    center = contacts[0].center_mm / np.linalg.norm(contacts[0].center_mm)
    for contact in contacts[1:]:
        arc = RADIUS * math.acos(contact.center_mm @ center / np.linalg.norm(contact.center_mm))
        assert arc == pytest.approx(50, abs=0.7)
    opposite = contacts[1].center_mm + contacts[3].center_mm
    np.testing.assert_allclose(np.cross(opposite, center), 0, atol=1.5)
    with pytest.raises(SourceError, match="leaves no gap"):
        ring_montage("C3", head, radius_mm=12, current_A=2e-3)
    with pytest.raises(SourceError, match="at least 2 returns"):
        ring_montage("C3", head, radius_mm=50, current_A=2e-3, count=1)


def test_contact_does_not_depend_on_what_lies_inside(head):
    other = replace(head, fractions=None)
    first, second = (place(at("F3", Disc(6)), each) for each in (head, other))
    assert np.linalg.norm(first.center_mm - second.center_mm) < 2.5
    assert second.area_mm2 == pytest.approx(first.area_mm2, rel=0.05)

"""Leads: the library against its source, and where contacts lie."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assuage.errors import SourceError
from assuage.sources.lead import BODY, ENCAPSULATION, OUTSIDE, Lead, lead_names

# areas in cm^2 as the table of device facts lists them (three figures)
RING_CM2 = {"Medtronic 3387": 0.0598, "Medtronic 3391": 0.1197, "Boston Cartesia X": 0.0613, "PINS L303": 0.1225}
SEGMENT_CM2 = {"Medtronic SenSight B33005": 0.0160, "Abbott Directed 6172": 0.0152, "Boston Cartesia HX": 0.0153}


@pytest.mark.parametrize(("name", "area"), RING_CM2.items())
def test_ring_areas_are_those_of_the_source(name, area):
    rings = [contact for contact in Lead.load(name).contacts if contact.kind == "ring"]
    assert rings
    assert all(abs(ring.area_m2 * 1e4 - area) < 6e-5 for ring in rings)


@pytest.mark.parametrize(("name", "area"), SEGMENT_CM2.items())
def test_segment_areas_are_those_of_the_source(name, area):
    segments = [contact for contact in Lead.load(name).contacts if contact.kind == "segment"]
    assert segments
    assert all(abs(segment.area_m2 * 1e4 - area) < 6e-5 for segment in segments)


@pytest.mark.parametrize("name", lead_names())
def test_every_lead_has_source_and_contacts_in_order(name):
    lead = Lead.load(name)
    assert lead.source
    assert lead.source_level == "repository_code"
    assert len(set(lead.labels)) == len(lead.labels)
    levels = {contact.level: (contact.from_mm, contact.to_mm) for contact in lead.contacts}
    edges = [edge for level in sorted(levels) for edge in levels[level]]
    assert edges == sorted(edges)
    assert 0 < lead.gap_mm <= 8


@pytest.mark.parametrize(("name", "contacts"), [("Boston Cartesia X", 16), ("Boston Vercise (DB-2201)", 8)])
def test_numbers_of_contacts(name, contacts):
    assert len(Lead.load(name).contacts) == contacts


def test_dimensions_of_one_lead():
    lead = Lead.load("Medtronic 3389")
    assert [(c.from_mm, c.to_mm) for c in lead.contacts] == [(1.5, 3.0), (3.5, 5.0), (5.5, 7.0), (7.5, 9.0)]
    assert lead.level_center_mm(2) == 4.25
    assert Lead.load("medtronic 3389") is lead


def test_area_of_a_face_by_quadrature():
    """The points of a face are evenly spread: their density gives the area, on the hemisphere of an active tip too."""
    lead = Lead.load("Abbott ActiveTip 6146-6149")
    points, _ = lead.face(0)
    R, length = lead.radius_mm, lead.contacts[0].to_mm
    on_dome = points[:, 2] < R
    assert np.allclose(np.linalg.norm(points[on_dome] - [0, 0, R], axis=1), R)
    assert np.allclose(np.hypot(*points[~on_dome, :2].T), R)
    dome, whole = 2 * np.pi * R**2, lead.contacts[0].area_m2 * 1e6
    assert abs(on_dome.mean() - dome / whole) < 0.05
    assert abs(whole - 2 * np.pi * R * length) < 1e-9


def test_segments_face_where_their_angle_says():
    for name, turn in (("Medtronic SenSight B33005", 1), ("Abbott Directed 6172", -1)):
        lead = Lead.load(name)
        placed = lead.at([1.0, 2.0, 3.0], [0.0, 0.0, 1.0])
        a, b = (placed.contact_centers_mm()[lead.index(label)] for label in ("2a", "2b"))
        assert np.allclose(a[:2] - [1, 2], [0, np.linalg.norm(a[:2] - [1, 2])], atol=1e-9)  # the marker: to the front
        angle = np.degrees(np.arctan2(b[1] - 2, b[0] - 1)) - 90
        assert np.isclose((angle + 180) % 360 - 180, turn * 120, atol=1e-6)


@given(
    st.tuples(*[st.floats(-1, 1)] * 3).filter(lambda v: np.linalg.norm(v) > 0.1),
    st.floats(-720, 720),
    st.tuples(*[st.floats(-90, 90)] * 3),
)
def test_frames_are_rigid_and_invertible(direction, rotation_deg, tip):
    up = np.array(direction) / np.linalg.norm(direction)
    placed = Lead.load("Medtronic 3387").at(tip, up, rotation_deg)
    R = placed.frame[:3, :3]
    assert np.allclose(R.T @ R, np.eye(3), atol=1e-12)
    assert np.isclose(np.linalg.det(R), 1)
    assert np.allclose(R[:, 2], up)
    points = np.array([[0.0, 0, 0], [1, -2, 3]])
    assert np.allclose(placed.local_mm(placed.world_mm(points)), points)


def test_gaps():
    lead = Lead.load("Medtronic 3389")
    assert lead.gap_mm == pytest.approx(0.5)
    assert replace(lead, contacts=lead.contacts[:1]).gap_mm == np.inf


def test_parts():
    lead = Lead.load("Medtronic 3389")
    R = lead.radius_mm
    points = np.array([[0, 0, 5.0], [R + 0.1, 0, 5], [R + 0.6, 0, 5], [0, 0, -0.3], [0, 0, 0.01], [R * 0.99, 0, 0.05]])
    assert lead.part_at(points, encapsulation_mm=0.5).tolist() == [
        BODY, ENCAPSULATION, OUTSIDE, ENCAPSULATION, BODY, ENCAPSULATION,
    ]  # fmt: skip
    assert lead.part_at(points).tolist() == [BODY, OUTSIDE, OUTSIDE, OUTSIDE, BODY, OUTSIDE]


def test_refusals():
    with pytest.raises(SourceError, match="nearest: Medtronic 33"):
        Lead.load("Medtronic 3390")
    lead = Lead.load("Medtronic 3389")
    with pytest.raises(SourceError, match="has no contact '2a'"):
        lead.index("2a")
    with pytest.raises(SourceError, match="levels 1 to 4"):
        lead.level_center_mm(5)
    with pytest.raises(SourceError, match="no unit vector"):
        lead.at([0, 0, 0], [0, 0, 2.0])
    with pytest.raises(SourceError, match="finite world coordinates"):
        lead.at([0, 0, np.nan], [0, 0, 1.0])
    with pytest.raises(SourceError, match="rotation_deg"):
        lead.at([0, 0, 0], [0, 0, 1.0], np.inf)

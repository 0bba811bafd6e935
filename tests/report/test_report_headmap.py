import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from plan_example import SITES, site_mm
from scipy.spatial.transform import Rotation

from assuage.report import headmap, phasors

sites = {name: np.array(site_mm(name)) for name in SITES}


def flat(name, moved=sites):
    return headmap.Projection.of(moved).flat(moved[name])[0]


def test_nose_is_up_left_is_left_and_the_equator_is_the_circle():
    np.testing.assert_allclose(flat("Cz"), [0, 0], atol=1e-9)
    np.testing.assert_allclose(flat("Fpz"), [0, 1], atol=1e-9)
    np.testing.assert_allclose(flat("T7"), [-1, 0], atol=1e-9)
    np.testing.assert_allclose(flat("Oz"), [0, -1], atol=1e-9)
    assert flat("F3")[0] < 0 < flat("F3")[1]
    np.testing.assert_allclose(flat("F4"), flat("F3") * [-1, 1], atol=1e-9)


@settings(max_examples=25)
@given(st.integers(0, 10_000))
def test_the_map_does_not_depend_on_how_the_head_lies_in_the_scanner(seed):
    rng = np.random.default_rng(seed)
    turn = Rotation.from_rotvec(rng.normal(size=3)).as_matrix()
    shift = rng.normal(0, 50, 3)
    moved = {name: turn @ place + shift for name, place in sites.items()}
    for name in sites:
        np.testing.assert_allclose(flat(name, moved), flat(name), atol=1e-6)


def test_heading_follows_the_surface():
    projection = headmap.Projection.of(sites)
    np.testing.assert_allclose(projection.heading(sites["Cz"], [0, -1, 0]), [0, -1], atol=1e-6)
    np.testing.assert_allclose(projection.heading(sites["Cz"], [-1, 0, 0]), [-1, 0], atol=1e-6)


@pytest.fixture
def scattered():
    rng = np.random.default_rng(1)
    rays = rng.normal(size=(400, 3)) + np.array([0, 0, 1])
    return 90 * rays / np.linalg.norm(rays, axis=1, keepdims=True)


def test_maps_are_inline_svg(scattered):
    mark = headmap.CoilMark(center_mm=sites["F3"], handle=[-1, -1, 0])
    drawn = [
        headmap.coil_map(scattered, scattered[:, 1], sites_mm=sites, label="V/m", best=mark, target_mm=[-40, 40, 30]),
        headmap.electrode_map(scattered, scattered[:, 0], sites_mm=sites, label="V/m", target_mm=[-40, 40, 30]),
        headmap.montage_map(sites, [("F3", sites["F3"], 2.0), ("Fp2", sites["Fp2"], -2.0)]),
        headmap.pose_map(sites, mark),
    ]
    for text in drawn:
        assert text.startswith("<svg")
        assert text.rstrip().endswith("</svg>")
        assert len(text) < 600_000


def test_a_flat_map_has_no_scale_but_is_drawn(scattered):
    assert headmap.coil_map(scattered, np.zeros(400), sites_mm=sites, label="V/m").startswith("<svg")


def test_equal_input_gives_equal_pictures(scattered):
    one, two = (headmap.coil_map(scattered, scattered[:, 1], sites_mm=sites, label="V/m") for _ in range(2))
    assert one == two


def test_phases_are_drawn_with_their_key():
    text = headmap.montage_map(
        sites, [("F3", sites["F3"], 1.0), ("F4", sites["F4"], 0.5)], phases_deg={"F3": 0.0, "F4": 90.0}
    )
    assert headmap.ANODE in text
    assert headmap.CATHODE not in text
    hands = [
        phasors.Hand(name="left", amplitude_V_per_m=0.2, phase_deg=0.0),
        phasors.Hand(name="right", amplitude_V_per_m=0.1, phase_deg=-90.0),
    ]
    assert phasors.phasor_plot("In phase", hands, largest_V_per_m=0.2).startswith("<svg")
    assert phasors.key(hands)[1] == (phasors.colour_of(1), "right: 0.100 V/m, −90°")

"""The exact sphere solutions against closed forms, slow plain code and the laws they must obey."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assuage.errors import SolverError, SourceError
from assuage.field.analytic import LayeredSphere, dipole_field, electrode_field
from assuage.sources import magnetic_field_T, vector_potential_T_m

HEAD = LayeredSphere(radii_mm=(70.0, 73.0, 79.0, 85.0), sigma_S_per_m=(0.3, 1.5, 0.008, 0.4))
ELECTRODES = np.array([[0.0, 30, 80], [50, -20, 60], [-80, 10, -10]])
CURRENTS = np.array([1e-3, 1e-3, -2e-3])


def points_between(low, high, count=60, seed=0):
    rng = np.random.default_rng(seed)
    direction = rng.normal(size=(count, 3))
    direction /= np.linalg.norm(direction, axis=1)[:, None]
    return direction * rng.uniform(low, high, count)[:, None]


def gradient(function, points, step_mm=1e-2):
    """(n, 3): d function / d x_i per metre."""
    steps = np.eye(3) * step_mm
    return np.stack([(function(points + s) - function(points - s)) / (2e-3 * step_mm) for s in steps], axis=1)


def plain_series(point, sphere, electrode, current, alpha, degree):
    """Potential of one electrode by solving the interface conditions of each degree as a linear system."""
    radii = [r * 1e-3 for r in sphere.radii_mm]
    n = len(radii)
    r = math.dist(point, (0, 0, 0)) * 1e-3
    unit = [x / math.dist(electrode, (0, 0, 0)) for x in electrode]
    x = sum(p * e for p, e in zip(point, unit, strict=True)) * 1e-3 / r
    shell = next(i for i, outer in enumerate(radii) if r <= outer)
    total = 0.0
    for order in range(1, degree + 1):
        # unknowns a_i, b_i of phi_l = a_i (r/R)^l + b_i (r/R)^-(l+1), scaled with the outer radius
        matrix, rhs = np.zeros((2 * n, 2 * n)), np.zeros(2 * n)
        matrix[0, 1] = 1  # no singularity at the centre
        for i in range(n - 1):
            q = radii[i] / radii[-1]
            up, down = q**order, q ** -(order + 1)
            matrix[1 + 2 * i, 2 * i : 2 * i + 4] = [up, down, -up, -down]
            s, t = sphere.sigma_S_per_m[i], sphere.sigma_S_per_m[i + 1]
            matrix[2 + 2 * i, 2 * i : 2 * i + 4] = [
                s * order * up, -s * (order + 1) * down, -t * order * up, t * (order + 1) * down
            ]  # fmt: skip
        matrix[-1, -2:] = [order, -(order + 1)]
        legendre = np.polynomial.legendre.Legendre
        if alpha:
            nodes, shares = np.polynomial.legendre.leggauss(60)
            inside = math.cos(alpha) + (1 - math.cos(alpha)) * (1 + nodes) / 2
            mean = float((legendre.basis(order)(inside) * shares / 2).sum())
        else:
            mean = 1.0
        density = current * (2 * order + 1) / (4 * math.pi * radii[-1] ** 2) * mean
        rhs[-1] = density * radii[-1] / sphere.sigma_S_per_m[-1]
        a, b = np.linalg.solve(matrix, rhs)[2 * shell : 2 * shell + 2]
        q = r / radii[-1]
        falling = b * q ** -(order + 1) if shell else 0.0
        total += (a * q**order + falling) * legendre.basis(order)(x)
    return total


@pytest.mark.parametrize("radius_mm", [0.0, 9.0])
def test_series_is_that_of_the_linear_systems(radius_mm):
    points = np.array([[10.0, 5, 20], [-30, 40, 10], [-20, -10, 68]])
    alpha = radius_mm / HEAD.radii_mm[-1]
    expected = [
        sum(plain_series(p, HEAD, e, c, alpha, 60) for e, c in zip(ELECTRODES, CURRENTS, strict=True))
        for p in points[:3]
    ]
    potential, _ = electrode_field(HEAD, points, ELECTRODES, CURRENTS, radius_mm=radius_mm)
    scale = np.abs(potential).max()
    np.testing.assert_allclose(potential[:2], expected[:2], atol=1e-6 * scale)
    np.testing.assert_allclose(potential[2], expected[2], atol=2e-3 * scale)  # 60 degrees do not suffice so far out


@given(
    layers=st.lists(st.tuples(st.floats(1, 40), st.just(0.33)), min_size=1, max_size=4),
    seed=st.integers(0, 1000),
)
@settings(max_examples=25)
def test_equal_shells_are_the_homogeneous_sphere_in_closed_form(layers, seed):
    """phi = I / (4 pi sigma) (2 / d - ln((d + R - r cos g) / 2R) / R): Neumann's function of the sphere."""
    radii = np.cumsum([40.0] + [thickness for thickness, _ in layers])
    sphere = LayeredSphere(radii_mm=tuple(radii), sigma_S_per_m=(0.33,) * len(radii))
    outer = radii[-1]
    points = points_between(1, 0.97 * outer, 20, seed)
    potential, e_field = electrode_field(sphere, points, ELECTRODES, CURRENTS)

    def closed(p):
        total = 0.0
        for electrode, current in zip(ELECTRODES, CURRENTS, strict=True):
            unit = electrode / np.linalg.norm(electrode)
            d = np.linalg.norm(p - outer * unit, axis=1)
            bracket = 2 / d - np.log((d + outer - p @ unit) / (2 * outer)) / outer
            total = total + current / (4 * math.pi * 0.33) * bracket * 1e3
        return total

    expected = closed(points)
    np.testing.assert_allclose(potential, expected, atol=1e-8 * np.abs(expected).max())
    slope = gradient(closed, points)
    np.testing.assert_allclose(e_field, -slope, atol=1e-5 * np.abs(slope).max())


def test_field_is_minus_the_gradient_and_free_of_sources_in_every_shell():
    for low, high in ((5, 69.9), (70.1, 72.9), (73.1, 78.9), (79.1, 82)):
        points = points_between(low, high, 30)

        def potential(p):
            return electrode_field(HEAD, p, ELECTRODES, CURRENTS, radius_mm=8.0)[0]

        def field(p):
            return electrode_field(HEAD, p, ELECTRODES, CURRENTS, radius_mm=8.0)[1]

        e_field = field(points)
        scale = np.abs(e_field).max()
        np.testing.assert_allclose(e_field, -gradient(potential, points), atol=2e-5 * scale)
        divergence = sum(gradient(lambda p, k=k: field(p)[:, k], points)[:, k] for k in range(3))
        assert np.abs(divergence).max() < 1e-2 * scale  # against scale / 1 mm = 1e3 scale


@pytest.mark.parametrize("radius_mm", [0.0, 12.0])
def test_interfaces_pass_normal_current_and_tangential_field(radius_mm):
    unit = points_between(1, 1.0001, 40)
    unit /= np.linalg.norm(unit, axis=1)[:, None]
    for k in range(3):
        interface = HEAD.radii_mm[k]
        fields = [
            electrode_field(HEAD, unit * (interface + side), ELECTRODES, CURRENTS, radius_mm=radius_mm)[1]
            for side in (-1e-6, 1e-6)
        ]
        inner, outer = ((field * unit).sum(1) for field in fields)
        flux = HEAD.sigma_S_per_m[k] * inner
        np.testing.assert_allclose(flux, HEAD.sigma_S_per_m[k + 1] * outer, atol=1e-5 * np.abs(flux).max())
        along = [field - radial[:, None] * unit for field, radial in zip(fields, (inner, outer), strict=True)]
        np.testing.assert_allclose(along[0], along[1], atol=1e-5 * np.abs(along[0]).max())


@pytest.mark.parametrize("radius_mm", [0.0, 12.0])
def test_current_is_conserved(radius_mm):
    """No net flux through inner spheres; inner cap and cone around the electrode together pass its whole current."""
    electrodes, currents = [[0.0, 0, 85], [0, 0, -85]], [1e-3, -1e-3]
    nodes, shares = np.polynomial.legendre.leggauss(40)

    def current_density(r, polar):
        unit = np.stack([np.sin(polar), 0 * polar, np.cos(polar)], axis=-1)
        sphere_points = unit * np.broadcast_to(r, polar.shape)[:, None]
        sigma = np.array(HEAD.sigma_S_per_m)[np.searchsorted(HEAD.radii_mm, np.broadcast_to(r, polar.shape))]
        e_field = electrode_field(HEAD, sphere_points, electrodes, currents, radius_mm=radius_mm, tolerance=1e-6)[1]
        return sigma[:, None] * e_field, unit

    def inward(radius, opening):
        z = math.cos(opening) + (1 - math.cos(opening)) * (1 + nodes) / 2
        density, unit = current_density(radius, np.arccos(z))
        return -((density * unit).sum(1) * shares).sum() * (1 - math.cos(opening)) * np.pi * (radius * 1e-3) ** 2

    for radius in (40.0, 71.0, 76.0, 81.0):
        assert abs(inward(radius, np.pi)) < 1e-10

    opening, total = 0.6, inward(60.0, 0.6)
    nodes_6, shares_6 = np.polynomial.legendre.leggauss(6)
    for low, high in ((60, 70), (70, 73), (73, 79), (79, 85)):
        r = low + (high - low) * (1 + nodes_6) / 2
        density, _ = current_density(r, np.full(6, opening))
        outward = density @ [math.cos(opening), 0, -math.sin(opening)]
        total += (outward * r * shares_6).sum() * (high - low) / 2 * 1e-6 * 2 * np.pi * math.sin(opening)
    assert total == pytest.approx(1e-3, rel=1e-3)


def test_discs_tend_to_points_and_agree_with_many_points():
    points = points_between(5, 70, 40)
    point = electrode_field(HEAD, points, ELECTRODES, CURRENTS)[1]
    small = electrode_field(HEAD, points, ELECTRODES, CURRENTS, radius_mm=0.05)[1]
    np.testing.assert_allclose(small, point, atol=1e-5 * np.abs(point).max())
    alpha = 10.0 / 85
    cosine = math.cos(alpha) + (1 - math.cos(alpha)) * (np.arange(60) + 0.5) / 60
    azimuth = np.pi * (1 + 5**0.5) * np.arange(60)
    sine = np.sqrt(1 - cosine**2)
    spread = 85 * np.stack([sine * np.cos(azimuth), sine * np.sin(azimuth), cosine], axis=1)
    both = np.concatenate([spread, -spread])
    many = electrode_field(HEAD, points, both, np.repeat([1e-3, -1e-3], 60) / 60)[1]
    disc = electrode_field(HEAD, points, [[0, 0, 85.0], [0, 0, -85.0]], [1e-3, -1e-3], radius_mm=10.0)[1]
    np.testing.assert_allclose(many, disc, atol=3e-3 * np.abs(disc).max())


def test_tolerance_bounds_the_error():
    points = points_between(60, 80, 60)
    exact = electrode_field(HEAD, points, ELECTRODES, CURRENTS, tolerance=1e-13)[1]
    scale = 2e-3 / (0.008 * 0.085**2)
    for tolerance in (1e-3, 1e-6):
        rough = electrode_field(HEAD, points, ELECTRODES, CURRENTS, tolerance=tolerance)[1]
        assert np.abs(rough - exact).max() < tolerance * scale


def test_thin_and_extreme_shells_stay_finite():
    sphere = LayeredSphere(radii_mm=(1.0, 78.0, 78.1, 84.0, 92.0), sigma_S_per_m=(1e-4, 0.3, 2.0, 1e-3, 1.0))
    potential, e_field = electrode_field(sphere, points_between(0.01, 91, 80), ELECTRODES, CURRENTS, radius_mm=3.0)
    assert np.isfinite(potential).all()
    assert np.isfinite(e_field).all()


def test_centre_is_a_point_like_any_other():
    near = electrode_field(HEAD, [[1e-3, 2e-3, -1e-3]], ELECTRODES, CURRENTS)
    centre = electrode_field(HEAD, [[0.0, 0, 0]], ELECTRODES, CURRENTS)
    np.testing.assert_allclose(centre[1], near[1], rtol=1e-3)
    assert (
        abs(centre[0][0]) < 1e-4 * np.abs(electrode_field(HEAD, points_between(20, 60), ELECTRODES, CURRENTS)[0]).max()
    )


def test_sphere_away_from_the_origin():
    center = np.array([5.0, -8, 12])
    moved = LayeredSphere(radii_mm=HEAD.radii_mm, sigma_S_per_m=HEAD.sigma_S_per_m, center_mm=tuple(center))
    points = points_between(5, 80, 20)
    expected = electrode_field(HEAD, points, ELECTRODES, CURRENTS)[1]
    np.testing.assert_allclose(
        electrode_field(moved, points + center, ELECTRODES + center, CURRENTS)[1], expected, rtol=1e-9, atol=1e-15
    )
    coil, rate = np.array([[20.0, 10, 95]]), np.array([[1.0, 2, 3]])
    np.testing.assert_allclose(
        dipole_field(points + center, coil + center, rate, center_mm=center),
        dipole_field(points, coil, rate),
        rtol=1e-9,
    )


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"currents_A": [1e-3, 1e-3, -1e-3]}, SourceError, "not 0"),
        ({"currents_A": [1e-3, -1e-3]}, SourceError, "3 electrodes but 2 currents"),
        ({"points_mm": [[0, 0, 86.0]]}, SourceError, "1 mm outside the sphere"),
        ({"points_mm": [[0, 0, 84.9999]]}, SolverError, "too near the surface"),
        ({"electrodes_mm": [[0, 0, 0.0], [0, 0, 1], [1, 0, 0]]}, SourceError, "no direction"),
        ({"radius_mm": 300.0}, SourceError, "half the circumference"),
        ({"radius_mm": -1.0}, SourceError, "half the circumference"),
    ],
)
def test_impossible_electrodes_are_refused(change, error, message):
    given_ = {"points_mm": [[0, 0, 10.0]], "electrodes_mm": ELECTRODES, "currents_A": CURRENTS} | change
    with pytest.raises(error, match=message):
        electrode_field(HEAD, **given_)


@pytest.mark.parametrize(
    ("radii", "sigma", "message"),
    [
        ((80.0, 70.0), (1.0, 1.0), "increasing"),
        ((70.0, 80.0), (1.0,), "one entry per shell"),
        ((70.0,), (0.0,), "must be positive"),
        ((), (), "one entry per shell"),
    ],
)
def test_impossible_shells_are_refused(radii, sigma, message):
    with pytest.raises(SourceError, match=message):
        LayeredSphere(radii_mm=radii, sigma_S_per_m=sigma)


COIL = np.array([[30.0, 10, 95], [-30, 15, 92], [0, -20, 110]])
RATE = np.array([[100.0, 20, 1000], [50, 0, -900], [-300, 400, 200]])


def test_coil_field_is_the_formula_in_plain_code():
    for point in points_between(5, 80, 10):
        total = np.zeros(3)
        for position, rate in zip(COIL * 1e-3, RATE, strict=True):
            r = point * 1e-3
            a = position - r
            size, reach = np.linalg.norm(a), np.linalg.norm(position)
            f = size * (reach * size + reach**2 - r @ position)
            grad_f = (size**2 / reach + a @ position / size + 2 * size + 2 * reach) * position
            grad_f -= (size + 2 * reach + a @ position / size) * r
            total -= 1e-7 * (f * np.cross(r, rate) - (grad_f @ rate) * np.cross(r, position)) / f**2
        np.testing.assert_allclose(dipole_field(point[None], COIL, RATE)[0], total, rtol=1e-10)


def test_coil_field_is_tangential_and_its_curl_is_minus_the_rate_of_b():
    points = points_between(5, 85, 40)
    e_field = dipole_field(points, COIL, RATE)
    assert np.abs((e_field * points).sum(1)).max() < 1e-12 * np.abs(e_field).max() * 85
    slopes = [gradient(lambda p, k=k: dipole_field(p, COIL, RATE)[:, k], points) for k in range(3)]
    curl = np.stack([slopes[(k + 2) % 3][:, (k + 1) % 3] - slopes[(k + 1) % 3][:, (k + 2) % 3] for k in range(3)], 1)
    rate_of_b = magnetic_field_T(points, COIL, RATE)
    np.testing.assert_allclose(curl, -rate_of_b, atol=1e-5 * np.abs(rate_of_b).max())
    assert np.abs(sum(slopes[k][:, k] for k in range(3))).max() < 1e-5 * np.abs(slopes).max()


def test_what_the_conductor_adds_is_a_gradient():
    """E + dA/dt = -grad phi has no curl, and phi obeys Laplace's equation."""
    points = points_between(5, 80, 40)

    def added(p):
        return dipole_field(p, COIL, RATE) + vector_potential_T_m(p, COIL, RATE)

    slopes = np.stack([gradient(lambda p, k=k: added(p)[:, k], points) for k in range(3)], axis=2)
    assert np.abs(slopes - slopes.transpose(0, 2, 1)).max() < 1e-5 * np.abs(slopes).max()
    assert np.abs(np.trace(slopes, axis1=1, axis2=2)).max() < 1e-5 * np.abs(slopes).max()


def test_radial_dipole_charges_nothing():
    """Its primary field is tangential already: E = -dA/dt."""
    points = points_between(5, 80, 40)
    np.testing.assert_allclose(dipole_field(points, COIL, COIL), -vector_potential_T_m(points, COIL, COIL), rtol=1e-10)


def test_coil_inside_is_refused():
    with pytest.raises(SourceError, match="not outside the point"):
        dipole_field([[0, 0, 80.0]], [[0, 0, 79.0]], [[0, 0, 1.0]])
    with pytest.raises(SourceError, match="must be"):
        dipole_field([[0, 0, 80.0]], [[0, 0, 90.0]], [[0, 0, 1.0], [0, 0, 1.0]])

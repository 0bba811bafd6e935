"""tACS on a coarse sphere: forward and adjoint agree, complex currents add up, directions may be searched."""

import numpy as np
import pytest

from assuage.errors import PlanError
from assuage.field import Conductor
from assuage.head.gallery import sphere_head
from assuage.sources import Montage
from assuage.targets import Target
from assuage.techniques import Scalp, optimise
from assuage.techniques.electrodes import electrode_set, injections, sensitivities
from assuage.techniques.hd_tdcs import DISC
from assuage.techniques.phase_lock import Wish, lock, restrict
from assuage.techniques.phasors import largest_amplitude, phase_difference_deg, phasor, wrapped_deg
from assuage.techniques.placement import montage_draws, montage_sensitivities
from assuage.techniques.tacs import (
    Wave,
    example_wave,
    free_bound,
    oriented_peak,
    search_directions,
    solve_phasors,
)

LIMITS = optimise.Limits(total_A=2e-3, electrode_A=1e-3)
LEFT, RIGHT = np.array([-45.0, 20.0, 45.0]), np.array([45.0, 20.0, 45.0])


class Ball:
    """A sphere with two targets that mirror each other."""

    def __init__(self):
        self.head = sphere_head(voxel_mm=4.0)
        self.conductor = Conductor(self.head, 4.0)
        self.sites = electrode_set(Scalp(self.head), DISC)
        self.targets = [Target.sphere(point, 12.0) for point in (LEFT, RIGHT)]
        self.landscapes = [self.conductor.adjoint(target) for target in self.targets]
        injected = injections(self.conductor, self.sites.contacts)
        self.A = [sensitivities(landscape, injected) for landscape in self.landscapes]
        self.inward = [-point / np.linalg.norm(point) for point in (LEFT, RIGHT)]

    def wishes(self, phase):
        return [Wish(A=A, direction=d, phase_deg=p) for A, d, p in zip(self.A, self.inward, (0.0, phase), strict=True)]


@pytest.fixture(scope="module")
def ball():
    return Ball()


@pytest.mark.parametrize("phase", [0.0, 90.0, 180.0])
def test_forward_and_adjoint_agree_in_amplitude_and_phase(ball, phase):
    wishes = ball.wishes(phase)
    few, keep = restrict(wishes, lock(wishes, LIMITS), LIMITS, 8)
    solved = solve_phasors(ball.conductor, [ball.sites.names[k] for k in keep], few.currents_A, shape=DISC)
    assert (solved.imaginary is None) == (phase != 90.0)
    means = [solved.mean_over(ball.conductor.read_out(target)) for target in ball.targets]
    z = np.array([mean @ d for mean, d in zip(means, ball.inward, strict=True)])
    np.testing.assert_allclose(np.abs(z), few.amplitude_V_per_m, rtol=1e-3)
    assert abs(wrapped_deg(phase_difference_deg(z[0], z[1]) - phase)) < 1.0


@pytest.mark.parametrize(("phase", "sign"), [(0.0, 1), (180.0, -1)])
def test_mirror_targets_get_mirror_doses(ball, phase, sign):
    found = lock(ball.wishes(phase), LIMITS)
    assert found.amplitude_V_per_m[0] == pytest.approx(found.amplitude_V_per_m[1], rel=1e-3)
    at = {name: value for name, value in zip(ball.sites.names, found.currents_A.real, strict=True)}
    left, right = (
        sum(at[n] for n in ("F3", "C3", "FC3", "F5", "FC5")),
        sum(at[n] for n in ("F4", "C4", "FC4", "F6", "FC6")),
    )
    assert np.sign(left) == sign * np.sign(right)


def test_the_amplitude_map_is_that_of_the_cycle(ball):
    names, currents = ["F3", "F4", "Oz"], np.array([1e-3, 1e-3j, -1e-3 - 1e-3j])
    solved = solve_phasors(ball.conductor, names, currents, shape=DISC)
    values = solved.amplitude_map()
    assert not values.is_vector
    E = solved.real.e_V_per_m + 1j * solved.imaginary.e_V_per_m
    cycle = [np.linalg.norm((E * phasor(1.0, step)).real, axis=-1) for step in range(0, 180, 2)]
    np.testing.assert_allclose(values.magnitude_V_per_m, np.max(cycle, axis=0), rtol=1e-3, atol=1e-6)


def test_real_currents_make_a_vector_map(ball):
    solved = solve_phasors(ball.conductor, ["F3", "F4"], np.array([1e-3, -1e-3 + 0j]), shape=DISC)
    assert solved.imaginary is None
    assert solved.amplitude_map().is_vector
    assert "zero to peak" in solved.amplitude_map().says


@pytest.mark.parametrize("phase", [0.0, 60.0])
def test_searched_directions_gain_and_stay_below_their_bound(ball, phase):
    start = ball.wishes(phase)
    found, turned = search_directions(start, LIMITS)
    assert found.value_V_per_m >= lock(start, LIMITS).value_V_per_m * (1 - 1e-6)
    assert found.value_V_per_m <= free_bound(start, LIMITS)
    assert all(np.linalg.norm(wish.direction) == pytest.approx(1) for wish in turned)


def test_one_region_searched_reaches_the_optimised_magnitude(ball):
    start = [ball.wishes(0.0)[0]]
    found, _ = search_directions(start, LIMITS)
    best = optimise.maximise(ball.A[0], None, LIMITS)
    assert found.value_V_per_m == pytest.approx(best.primal_V_per_m, rel=0.01)


def test_misplaced_electrodes_are_the_same_for_all_regions(ball):
    montage = Montage({"F3": 1e-3, "F4": -1e-3}, shape=DISC)
    both = montage_sensitivities(ball.landscapes, ball.head, montage, count=30, seed=3)
    assert both.shape == (2, 30, 2, 3)
    alone = montage_draws(ball.landscapes[1], ball.head, montage, count=30, seed=3)
    np.testing.assert_allclose(np.einsum("e,nea->na", montage.currents_A, both[1]), alone, rtol=1e-12)


def test_waves():
    assert example_wave("two_regions").frequency_Hz == 6.0
    assert example_wave("one_region").says.startswith("an example")
    with pytest.raises(PlanError, match="above 0"):
        Wave(frequency_Hz=0.0)


def test_the_peak_lies_on_the_side_of_the_real_part():
    mean = np.array([-2.0 + 0.1j, 1.0, 0.3j])
    peak = oriented_peak(mean)
    assert np.linalg.norm(peak) == pytest.approx(float(largest_amplitude(mean)))
    assert peak @ mean.real > 0

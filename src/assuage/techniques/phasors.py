"""Phasors: currents and fields that alternate with one frequency.

A complex number stands for an oscillation, a complex vector E = a + i b for a field that turns on an ellipse:

    E(t) = Re(E exp(i w t)) = a cos(w t) - b sin(w t)
    |E(t)|^2 = (|E|^2 + Re(E.E exp(2 i w t))) / 2            E.E = |a|^2 - |b|^2 + 2 i a.b

so the largest |E(t)| over a cycle, the semi-major axis of the ellipse, is sqrt((|E|^2 + |E.E|) / 2), reached at
w t = -arg(E.E) / 2. Along a unit vector d the field is Re(z exp(i w t)) with z = d.E: amplitude |z|, phase arg z.

Quasi-static and resistive (doi:10.48550/arXiv.2402.00486: no propagation, linear, resistive, no dispersion): then
E = sum_i I_i E_i with real E_i, the fields of 1 A through each electrode. The frequency does not enter, and every phase
in the head comes from the phases of the currents. Leaving out permittivity is the weak point: with literature values it
changes the field in the brain by up to 20 % at 10 Hz (Gaugain et al. 2023, doi:10.1088/1741-2552/acb14d, abstract).
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Complex = NDArray[np.complex128]


def phasor(amplitude: Any, phase_deg: Any) -> Complex:
    """Return amplitude times exp(i phase)."""
    return np.asarray(amplitude * np.exp(1j * np.deg2rad(phase_deg)), dtype=np.complex128)


def largest_amplitude(E: NDArray[Any]) -> NDArray[Any]:
    """Return the largest |E(t)| over a cycle, the shape of E without its last axis.

    Parameters
    ----------
    E
        (..., 3) complex field vectors, or real ones (whose phase is 0).
    """
    size = (E.real**2 + E.imag**2).sum(-1)
    return np.asarray(np.sqrt((size + np.abs((E * E).sum(-1))) / 2))


def at_peak(E: Complex) -> Array:
    """Return the real vectors (..., 3) of the instant at which each |E(t)| is largest; their sign is arbitrary."""
    turn = np.exp(-0.5j * np.angle((E * E).sum(-1)))
    return np.asarray((E * turn[..., None]).real)


def phase_deg(z: Any) -> NDArray[Any]:
    """Return the phase of phasors, degrees, above -180 and up to 180."""
    angle = np.rad2deg(np.angle(z))
    return np.asarray(np.where(angle <= -180, 180.0, angle))


def phase_difference_deg(first: Any, second: Any) -> NDArray[Any]:
    """Return by how much the second phasor leads the first, degrees, above -180 and up to 180."""
    return phase_deg(np.asarray(second) * np.conj(first))


def wrapped_deg(angle_deg: Any) -> NDArray[Any]:
    """Return angles in degrees as the same angles from -180 to below 180."""
    return np.asarray((np.asarray(angle_deg) + 180) % 360 - 180)

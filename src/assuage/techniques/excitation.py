"""When a pulse of electric field excites a neuron: the strength-duration law of Lapicque, for any pulse shape.

The membrane is a leaky integrator. A field E(t) = E f(t), |f| <= 1, charges it to

    v(t) = E y(t),    tau dy/dt = f(t) - y,    y(0) = 0

and excites where v reaches the rheobase. So a pulse needs the peak field

    E_th = E_rheobase / R,    R = max_t |y(t)|    (0 < R <= 1)

| pulse | f(t) | R |
|---|---|---|
| rectangle of width w | 1 on [0, w] | 1 - exp(-w / tau) |
| one period T of a sine of coil current | cos(2 pi t / T) on [0, T] | max of the closed form below |

    y(t) = (cos u + q sin u - exp(-t / tau)) / (1 + q^2),    u = 2 pi t / T,    q = 2 pi tau / T

A long rectangle needs the rheobase, a short one a constant product E w = E_rheobase tau; the chronaxie is tau ln 2.
Both signs of y count: |E| says nothing about the direction of a neuron.

Lapicque, L. (1907), J Physiol Pathol Gen 9:620-635. Numbers and their sources: `data/seizure.toml`.
"""

import math
import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np

from assuage.errors import DataError, PlanError

PERIOD_SAMPLES = 4001
"""Samples of one period in the search for the maximum of y: leaves its value right to 1e-6."""

LONGEST_PULSE_S = 0.1
"""A longer pulse was given in other units."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Value:
    """A number from the literature with its range and how well its source was read."""

    value: float
    low: float
    high: float
    source: str
    source_level: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """A published range that results are held against."""

    what: str
    low: float
    high: float
    unit: str
    condition: str
    source: str
    source_level: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ExcitationLaw:
    """Lapicque's law with a rheobase and a time constant.

    Attributes
    ----------
    rheobase_V_per_m
        Field that a very long rectangular pulse needs.
    time_constant_s
        Of the membrane.
    source
        Where both come from, and what was assumed.
    """

    rheobase_V_per_m: float
    time_constant_s: float
    source: str

    def __post_init__(self) -> None:
        """Refuse numbers that are not positive and finite."""
        for name in ("rheobase_V_per_m", "time_constant_s"):
            value = getattr(self, name)
            if not (math.isfinite(value) and value > 0):
                raise PlanError(f"{name} = {value}; give a finite number above 0")

    @property
    def chronaxie_s(self) -> float:
        """Width of the rectangular pulse that needs twice the rheobase."""
        return self.time_constant_s * math.log(2)

    def rectangular_V_per_m(self, width_s: float) -> float:
        """Return the threshold field of a rectangular pulse, V/m.

        Raises
        ------
        PlanError
            A width that is not between 0 and 0.1 s.
        """
        response = -math.expm1(-checked_width_s(width_s, "pulse width") / self.time_constant_s)
        return self.rheobase_V_per_m / response

    def sine_V_per_m(self, period_s: float) -> float:
        """Return the threshold, as field at the start of the pulse, of one period of a sine of coil current, V/m.

        The sine is taken undamped; a damped pulse needs more.

        Raises
        ------
        PlanError
            A period that is not between 0 and 0.1 s.
        """
        tau = self.time_constant_s
        t = np.linspace(0.0, checked_width_s(period_s, "pulse period"), PERIOD_SAMPLES)
        u, q = 2 * np.pi * t / period_s, 2 * np.pi * tau / period_s
        y = (np.cos(u) + q * np.sin(u) - np.exp(-t / tau)) / (1 + q**2)
        return self.rheobase_V_per_m / float(np.abs(y).max())


def checked_width_s(width_s: float, what: str) -> float:
    """Return a pulse width or period in seconds; refuse what is none."""
    if not (math.isfinite(width_s) and 0 < width_s <= LONGEST_PULSE_S):
        raise PlanError(f"{what} = {width_s} s; give seconds above 0 and up to {LONGEST_PULSE_S:g}, e.g. 0.0003")
    return float(width_s)


def excitation_law() -> ExcitationLaw:
    """Return the law used for ECT and MST: one time constant, the rheobase from the published ECT threshold.

    The MST threshold that the same paper implies is not used; `threshold_mst` holds it, and a test compares.
    """
    tau, known = time_constant(), _table()["threshold_ect"]
    response = -math.expm1(-float(known["pulse_width_s"]) / tau.value)
    return ExcitationLaw(
        rheobase_V_per_m=float(known["value_V_per_m"]) * response,
        time_constant_s=tau.value,
        source=(
            f"threshold at {1e3 * float(known['pulse_width_s']):g} ms: {known['source']} ({known['source_level']}); "
            f"time constant: {tau.source} ({tau.source_level}), taken for the whole brain"
        ),
    )


def time_constant() -> Value:
    """Return the strength-duration time constant, s, with its 95 % interval."""
    return _value("time_constant", "s")


def threshold_ect() -> Value:
    """Return the threshold field, V/m, that Deng 2011 implies for ECT pulses of 0.3 ms."""
    return _value("threshold_ect", "V_per_m")


def threshold_mst() -> Value:
    """Return the threshold field, V/m, that Deng 2011 implies for MST pulses."""
    return _value("threshold_mst", "V_per_m")


def published() -> tuple[Published, ...]:
    """Return the published ranges for ECT and MST."""
    return tuple(Published(**row) for row in _table()["published"])


def _value(name: str, unit: str) -> Value:
    row = _table()[name]
    value, low, high = (float(row[f"{part}_{unit}"]) for part in ("value", "low", "high"))
    if not 0 < low <= value <= high:
        raise DataError(f"seizure.toml: {name} holds {low}, {value}, {high}; they must rise and be above 0")
    return Value(value=value, low=low, high=high, source=row["source"], source_level=row["source_level"])


@cache
def _table() -> dict[str, Any]:
    return read_table("seizure.toml")


def read_table(name: str) -> dict[str, Any]:
    """Return a TOML table of this stage's data folder."""
    return tomllib.loads(files("assuage.techniques").joinpath("data", name).read_text(encoding="utf-8"))

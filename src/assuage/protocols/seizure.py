"""Convulsive techniques under anaesthesia: ECT and MST.

ECT with bipolar pulses: the charge is ``Q = I PW 2 f T`` (peak current, pulse width, frequency of pulse **pairs**,
length of the stimulus). MST: ``frequency x stimulus duration`` pulses.
"""

from dataclasses import dataclass, field
from fractions import Fraction
from typing import Literal

from assuage.protocols.coil import CoilPulse, Intensity
from assuage.protocols.course import STRICT, Course, computed
from assuage.protocols.electrodes import ElectrodeShape
from assuage.protocols.exact import Exact, check_stated, positive, require, show

Placement = Literal["right unilateral", "left unilateral", "bitemporal", "bifrontal", "FEAST"]


@dataclass(frozen=True, slots=True, kw_only=True)
class EctPlan:
    """Dose of electroconvulsive therapy."""

    __pydantic_config__ = STRICT

    technique: Literal["ect"]
    """Name."""
    placement: Placement
    """Where the two electrodes go."""
    electrode: ElectrodeShape
    """Outline of each."""
    current_A: Exact
    """Peak current of a pulse."""
    pulse_width_s: Exact
    """Of each of the two pulses of a pair."""
    pair_frequency_Hz: Exact
    """Pairs per second."""
    stimulus_duration_s: Exact
    """Length of the stimulus."""
    course: Course
    """The calendar."""
    threshold_method: str | None = None
    """How the seizure threshold is found: titration, or by age."""
    times_threshold: Exact | None = None
    """Charge as a multiple of the person's seizure threshold."""
    anaesthesia: str | None = None
    """Agents; they move the threshold."""
    impedance_Ohm: Exact | None = None
    """Static impedance, measured before the stimulus."""
    stated: dict[str, Exact] = field(default_factory=dict)
    """Totals as a device or a source states them; a contradiction is refused."""

    def __post_init__(self) -> None:
        """Check the stimulus and the stated charge."""
        for name in ("current_A", "pulse_width_s", "pair_frequency_Hz", "stimulus_duration_s"):
            positive(name, getattr(self, name))
        positive("times_threshold", self.times_threshold)
        positive("impedance_Ohm", self.impedance_Ohm)
        require(
            2 * self.pulse_width_s * self.pair_frequency_Hz <= 1,
            f"two pulses of {show(self.pulse_width_s)} s do not fit into a pair at {show(self.pair_frequency_Hz)} "
            "Hz; check "
            "the units (0.5 ms = 0.0005 s)",
        )
        check_stated(self.stated, self.totals(), what="ect")

    @property
    def charge_C(self) -> Fraction:
        """Charge of one stimulus, both polarities counted."""
        return self.current_A * self.pulse_width_s * 2 * self.pair_frequency_Hz * self.stimulus_duration_s

    def totals(self) -> dict[str, tuple[Fraction, ...]]:
        """Return what follows from the parts."""
        return computed({"charge_C": self.charge_C}) | self.course.totals()


@dataclass(frozen=True, slots=True, kw_only=True)
class MstPlan:
    """Dose of magnetic seizure therapy."""

    __pydantic_config__ = STRICT

    technique: Literal["mst"]
    """Name."""
    placement: str
    """Where the coil goes, in words."""
    pulse: CoilPulse
    """The pulse."""
    intensity: Intensity
    """How strong."""
    frequency_Hz: Exact
    """Pulses per second."""
    stimulus_duration_s: Exact
    """Length of the train."""
    course: Course
    """The calendar."""
    threshold_method: str | None = None
    """How the seizure threshold is found."""
    anaesthesia: str | None = None
    """Agents; they move the threshold."""
    stated: dict[str, Exact] = field(default_factory=dict)
    """Totals as a source states them; a contradiction is refused."""

    def __post_init__(self) -> None:
        """Check the train and the stated totals."""
        positive("frequency_Hz", self.frequency_Hz)
        positive("stimulus_duration_s", self.stimulus_duration_s)
        require(
            self.pulses.denominator == 1,
            f"{show(self.frequency_Hz)} Hz for {show(self.stimulus_duration_s)} s are {show(self.pulses)} pulses; "
            "give a "
            "duration that holds a whole number",
        )
        check_stated(self.stated, self.totals(), what="mst")

    @property
    def pulses(self) -> Fraction:
        """Pulses of one train."""
        return self.frequency_Hz * self.stimulus_duration_s

    def totals(self) -> dict[str, tuple[Fraction, ...]]:
        """Return what follows from the parts."""
        found = {"pulses_per_train": self.pulses, "pulses_in_course": self.pulses * self.course.sessions}
        return computed(found) | self.course.totals()

"""Currents through the scalp: tDCS and HD-tDCS, tACS and HD-tACS, temporal interference.

Currents are signed, positive into the head, and add up to zero. An alternating current is the amplitude (zero to peak)
with its phase: I cos(2 pi f t + phase); a negative amplitude is a phase of 180 degrees. Then the sum of the phasors is
zero, and the total current is the largest that enters the head at any moment,

    max over t of  1/2 sum_k |I_k cos(2 pi f t + phase_k)|.

The charge of direct current is total current x (duration + half of both ramps): `duration_s` is at full current, and
ramps are linear.
"""

import cmath
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Literal

from assuage.protocols.course import STRICT, Course, computed
from assuage.protocols.exact import Exact, check_stated, positive, require, show
from assuage.units import M_PER_MM

SUM_TOLERANCE_A = Fraction(1, 10**9)
"""No stimulator resolves a nanoampere; binary rounding of a computed montage stays far below."""
PHASOR_TOLERANCE = 1e-6
"""Largest |sum of phasors| / largest amplitude: phases in whole millidegrees stay below it."""

TesTechnique = Literal["tdcs", "hd_tdcs_4x1", "hd_tdcs", "hd_tdcs_focal", "tacs", "hd_tacs"]
ALTERNATING = frozenset({"tacs", "hd_tacs"})
RING_ELECTRODES = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class ElectrodeShape:
    """Outline on the scalp, flat, mm."""

    __pydantic_config__ = STRICT

    kind: Literal["disc", "pad", "ring"]
    """Disc: radius_mm. Pad: width_mm and height_mm. Ring: inner_mm and outer_mm."""
    radius_mm: float | None = None
    width_mm: float | None = None
    height_mm: float | None = None
    inner_mm: float | None = None
    outer_mm: float | None = None

    def __post_init__(self) -> None:
        """Check that exactly the sizes of the kind are given."""
        wanted = {"disc": {"radius_mm"}, "pad": {"width_mm", "height_mm"}, "ring": {"inner_mm", "outer_mm"}}[self.kind]
        sizes = {name: getattr(self, name) for name in ("radius_mm", "width_mm", "height_mm", "inner_mm", "outer_mm")}
        given = {name for name, value in sizes.items() if value is not None}
        require(
            given == wanted,
            f"a {self.kind} needs {' and '.join(sorted(wanted))}, got {', '.join(sorted(given)) or 'nothing'}",
        )
        for name, value in sizes.items():
            positive(f"{self.kind} {name}", value)
        require(
            self.inner_mm is None or self.outer_mm is None or self.inner_mm < self.outer_mm,
            f"ring inner_mm {self.inner_mm} is not smaller than outer_mm {self.outer_mm}",
        )

    @property
    def area_m2(self) -> float:
        """Flat area."""
        if self.kind == "disc":
            area_mm2 = math.pi * (self.radius_mm or 0) ** 2
        elif self.kind == "pad":
            area_mm2 = (self.width_mm or 0) * (self.height_mm or 0)
        else:
            area_mm2 = math.pi * ((self.outer_mm or 0) ** 2 - (self.inner_mm or 0) ** 2)
        return area_mm2 * M_PER_MM**2

    @property
    def reach_mm(self) -> float:
        """Largest distance of the outline from the centre."""
        if self.kind == "pad":
            return math.hypot(self.width_mm or 0, self.height_mm or 0) / 2
        return self.radius_mm or self.outer_mm or 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedElectrode:
    """One electrode."""

    __pydantic_config__ = STRICT

    name: str
    """Site of the 10-10 system or another label; unique."""
    current_A: Exact
    """Positive into the head; for alternating current the amplitude, zero to peak."""
    shape: ElectrodeShape
    """Outline."""
    center_mm: tuple[float, float, float] | None = None
    """World RAS+ mm of the head's image."""
    phase_deg: Exact | None = None
    """Alternating current only; none means 0."""
    medium: str | None = None
    """Gel, saline sponge, paste."""

    def __post_init__(self) -> None:
        """Check the name and the position."""
        require(bool(self.name.strip()), "an electrode has no name; give its 10-10 site or a label")
        if self.center_mm is not None:
            require(
                all(math.isfinite(x) for x in self.center_mm),
                f"electrode {self.name}: center_mm is {self.center_mm}; give three finite numbers in mm",
            )

    @property
    def density_A_per_m2(self) -> float:
        """Mean current density under the electrode."""
        return abs(float(self.current_A)) / self.shape.area_m2

    @property
    def phasor(self) -> complex:
        """Amplitude and phase as a complex number."""
        return cmath.rect(float(self.current_A), math.radians(float(self.phase_deg or 0)))


def check_electrodes(electrodes: Sequence[PlannedElectrode], *, alternating: bool, what: str) -> None:
    """Refuse fewer than two electrodes, a name twice, or currents that do not add up to zero.

    Raises
    ------
    ProtocolError
        With the sum.
    """
    names = [electrode.name for electrode in electrodes]
    require(len(names) >= 2, f"{what} has {len(names)} electrode(s); current needs a way in and a way out")
    twice = sorted({name for name in names if names.count(name) > 1})
    require(not twice, f"{what} names {', '.join(twice)} twice; give each electrode its own name")
    require(any(electrode.current_A != 0 for electrode in electrodes), f"{what}: no electrode carries current")
    phases = {electrode.phase_deg or Fraction(0) for electrode in electrodes}
    require(
        alternating or phases == {0},
        f"{what} is direct current, but an electrode has a phase; leave phase_deg out",
    )
    listing = ", ".join(f"{electrode.name} {show(electrode.current_A)}" for electrode in electrodes)
    if len(phases) == 1:
        total = sum((electrode.current_A for electrode in electrodes), Fraction(0))
        require(
            abs(total) <= SUM_TOLERANCE_A,
            f"{what}: the currents add up to {show(total)} A, not 0 ({listing}); what goes in has to come out",
        )
        return
    phasors = [electrode.phasor for electrode in electrodes]
    rest = abs(sum(phasors)) / max(abs(p) for p in phasors)
    require(
        rest <= PHASOR_TOLERANCE,
        f"{what}: amplitudes and phases add up to {rest:.3g} of the largest amplitude, not 0 ({listing}); what goes "
        "in has "
        "to come out at every moment",
    )


def peak_total_A(electrodes: Sequence[PlannedElectrode]) -> float:
    """Return the largest current that enters the head at any moment.

    Between two zero crossings the sum of |I_k cos| is one sinusoid, of amplitude |sum of s_k I_k exp(i phase_k)| with
    the signs s_k of that stretch; the maximum over all stretches is the maximum over time.
    """
    phasors = [electrode.phasor for electrode in electrodes if electrode.current_A != 0]
    crossings = sorted({(math.pi / 2 - cmath.phase(p)) % math.pi for p in phasors})
    largest = 0.0
    for start, end in zip(crossings, [*crossings[1:], crossings[0] + math.pi], strict=True):
        turn = cmath.exp(1j * (start + end) / 2)
        largest = max(largest, abs(sum(math.copysign(1, (p * turn).real) * p for p in phasors)))
    return largest / 2


def total_A(electrodes: Iterable[PlannedElectrode]) -> Fraction:
    """Return the sum of the currents that enter the head (all phases 0 or 180 degrees)."""
    return sum((electrode.current_A for electrode in electrodes if electrode.current_A > 0), Fraction(0))


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """One session of current."""

    __pydantic_config__ = STRICT

    duration_s: Exact
    """At full current, without ramps."""
    ramp_up_s: Exact
    """Linear."""
    ramp_down_s: Exact
    """Linear."""

    def __post_init__(self) -> None:
        """Check the times."""
        positive("duration_s", self.duration_s)
        positive("ramp_up_s", self.ramp_up_s, zero=True)
        positive("ramp_down_s", self.ramp_down_s, zero=True)

    @property
    def session_s(self) -> Fraction:
        """With both ramps."""
        return self.ramp_up_s + self.duration_s + self.ramp_down_s

    @property
    def full_current_s(self) -> Fraction:
        """Time at full current that delivers the same charge as the session with its ramps."""
        return self.duration_s + (self.ramp_up_s + self.ramp_down_s) / 2


@dataclass(frozen=True, slots=True, kw_only=True)
class TesPlan:
    """Dose of tDCS, HD-tDCS, tACS or HD-tACS."""

    __pydantic_config__ = STRICT

    technique: TesTechnique
    """Name; it says whether the current is direct or alternating."""
    electrodes: tuple[PlannedElectrode, ...]
    """Their currents add up to zero."""
    timing: Timing
    """One session."""
    course: Course
    """The calendar."""
    frequency_Hz: Exact | None = None
    """Alternating current only, sinusoidal."""
    frequency_rule: str | None = None
    """How the frequency is found where it is the person's own, for example "individual alpha peak"."""
    offset_A: Exact | None = None
    """Direct current added to an alternating one."""
    impedance_limit_Ohm: Exact | None = None
    """Above it the session does not start."""
    task: str | None = None
    """What the person does meanwhile."""
    stated: dict[str, Exact] = field(default_factory=dict)
    """Totals as a source or a registry states them; a contradiction is refused."""

    def __post_init__(self) -> None:
        """Check waveform, electrodes, times and stated totals."""
        positive("frequency_Hz", self.frequency_Hz)
        positive("impedance_limit_Ohm", self.impedance_limit_Ohm)
        if self.alternating:
            require(
                self.frequency_Hz is not None or bool(self.frequency_rule),
                f"{self.technique} has no frequency; give frequency_Hz, or frequency_rule where it is the person's own",
            )
        else:
            require(
                self.frequency_Hz is None and self.frequency_rule is None and self.offset_A is None,
                f"{self.technique} is direct current, but has a frequency or an offset; leave them out",
            )
        check_electrodes(self.electrodes, alternating=self.alternating, what=self.technique)
        if self.technique == "hd_tdcs_4x1":
            _check_ring(self.electrodes)
        self.course.check_days(self.timing.session_s)
        check_stated(self.stated, self.totals(), what=self.technique)

    @property
    def alternating(self) -> bool:
        """Whether the current alternates."""
        return self.technique in ALTERNATING

    def totals(self) -> dict[str, tuple[Fraction, ...]]:
        """Return what follows from the parts; two values of a charge or duration: without and with ramps."""
        found = {"duration_s": (self.timing.duration_s, self.timing.session_s)} | self.course.totals()
        if not self.alternating:
            total = total_A(self.electrodes)
            found["charge_C"] = (total * self.timing.full_current_s, total * self.timing.duration_s)
            found["total_current_A"] = (total,)
        return found


def _check_ring(electrodes: Sequence[PlannedElectrode]) -> None:
    signs = [electrode.current_A > 0 for electrode in electrodes]
    require(
        len(electrodes) == RING_ELECTRODES and sum(signs) in {1, RING_ELECTRODES - 1},
        f"hd_tdcs_4x1 means one electrode against four, but {len(electrodes)} are given, {sum(signs)} of them positive",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class CarrierPair:
    """Electrodes of one carrier."""

    __pydantic_config__ = STRICT

    frequency_Hz: Exact
    """Carrier frequency."""
    electrodes: tuple[PlannedElectrode, ...]
    """Their amplitudes add up to zero."""

    def __post_init__(self) -> None:
        """Check the carrier and its electrodes."""
        positive("carrier frequency_Hz", self.frequency_Hz)
        what = f"carrier of {show(self.frequency_Hz)} Hz"
        check_electrodes(self.electrodes, alternating=False, what=what)

    @property
    def current_A(self) -> Fraction:
        """Amplitude that enters the head."""
        return total_A(self.electrodes)


@dataclass(frozen=True, slots=True, kw_only=True)
class TiPlan:
    """Dose of temporal interference: two carriers whose difference is the frequency of the envelope."""

    __pydantic_config__ = STRICT

    technique: Literal["ti"]
    """Name."""
    pairs: tuple[CarrierPair, ...]
    """Two or more; together they use exactly two carrier frequencies."""
    timing: Timing
    """One session."""
    course: Course
    """The calendar."""
    impedance_limit_Ohm: Exact | None = None
    """Above it the session does not start."""
    task: str | None = None
    """What the person does meanwhile."""
    stated: dict[str, Exact] = field(default_factory=dict)
    """Totals as a source or a registry states them; a contradiction is refused."""

    def __post_init__(self) -> None:
        """Check carriers, electrodes, times and stated totals."""
        positive("impedance_limit_Ohm", self.impedance_limit_Ohm)
        carriers = sorted({pair.frequency_Hz for pair in self.pairs})
        require(
            len(carriers) == 2,
            f"temporal interference needs two carrier frequencies, got {', '.join(map(show, carriers)) or 'none'} Hz",
        )
        names = [electrode.name for electrode in self.electrodes]
        twice = sorted({name for name in names if names.count(name) > 1})
        require(not twice, f"ti uses {', '.join(twice)} in two pairs; the sources have to be isolated from each other")
        self.course.check_days(self.timing.session_s)
        check_stated(self.stated, self.totals(), what=self.technique)

    @property
    def electrodes(self) -> tuple[PlannedElectrode, ...]:
        """Of all pairs."""
        return tuple(electrode for pair in self.pairs for electrode in pair.electrodes)

    @property
    def difference_frequency_Hz(self) -> Fraction:
        """Frequency of the envelope."""
        carriers = [pair.frequency_Hz for pair in self.pairs]
        return max(carriers) - min(carriers)

    def totals(self) -> dict[str, tuple[Fraction, ...]]:
        """Return what follows from the parts."""
        total = sum((pair.current_A for pair in self.pairs), Fraction(0))
        found = computed({"difference_frequency_Hz": self.difference_frequency_Hz, "total_current_A": total})
        return found | {"duration_s": (self.timing.duration_s, self.timing.session_s)} | self.course.totals()

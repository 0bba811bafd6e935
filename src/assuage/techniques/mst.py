"""Magnetic seizure therapy: a coil on the vertex or the forehead, trains of sine pulses, and what they do in the brain.

A pulse is one period of a sine of coil current; the field it induces is the cosine, largest at its start, where the
coil current changes by dI/dt. Its threshold is that of `excitation` for this shape. The amplitude is the sourced
maximum of the coil where there is one; else results hold for 1 A/us and scale with dI/dt, and the proposal says so.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from assuage.errors import PlanError
from assuage.sources import Coil, PlacedCoil
from assuage.sources.windings import build
from assuage.targets import Target
from assuage.techniques.excitation import ExcitationLaw, checked_width_s, excitation_law, read_table
from assuage.techniques.poses import LIFT_ROUNDS, LIFT_SLACK_MM, face_points_mm, make_poses, pose_words
from assuage.techniques.scalp import Scalp
from assuage.techniques.seizure import SeizureDose, extent_note, measure, over_memory, seizure_map
from assuage.techniques.tms import HAIR_MM, UNIT_DIDT_A_PER_S
from assuage.units import A_PER_S_PER_A_PER_US

if TYPE_CHECKING:
    from assuage.field import Conductor, Field

Array = NDArray[np.float64]

TECHNIQUE = "mst"

LARGEST_DIDT_A_PER_S = 1e9
"""Five times the largest maximum of any coil read (241 A/us); a larger rate was given in other units."""

LONGEST_TRAIN_S = 60.0
"""A longer train was given in other units."""

CASING_MM = 3.0
"""Casing between copper and skin, as assumed for the parametric coils."""

SPACING_MM = 4.0
"""Distance of neighbouring dipoles of the twin coil."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Train:
    """A train of MST pulses.

    Attributes
    ----------
    duration_s
        Of the train.
    frequency_Hz
        Pulses per second.
    period_s
        Of the sine of coil current; one period is a pulse.
    didt_A_per_s
        At the start of a pulse; None: the maximum of the coil, or 1 A/us where it has none.
    """

    duration_s: float
    frequency_Hz: float
    period_s: float
    didt_A_per_s: float | None = None

    def __post_init__(self) -> None:
        """Refuse what is no train."""
        checked_width_s(self.period_s, "period_s")
        for name, largest in (("duration_s", LONGEST_TRAIN_S), ("frequency_Hz", 1 / self.period_s)):
            value = getattr(self, name)
            if not (math.isfinite(value) and 0 < value <= largest):
                raise PlanError(f"{name} = {value}; give a finite number above 0 and up to {largest:g}")
        rate = self.didt_A_per_s
        if rate is not None and not (math.isfinite(rate) and 0 < rate <= LARGEST_DIDT_A_PER_S):
            raise PlanError(
                f"didt_A_per_s = {rate}; give A/s above 0 and up to {LARGEST_DIDT_A_PER_S:g} (1 A/us = 1e6)"
            )

    @classmethod
    def of(cls, duration_s: float, *, didt_A_per_s: float | None = None) -> "Train":
        """Return a train at the frequency and pulse period of `data/mst.toml` (100 Hz, 0.37 ms)."""
        pulse = _table()["pulse"]
        return cls(
            duration_s=duration_s,
            frequency_Hz=float(pulse["frequency_Hz"]),
            period_s=float(pulse["period_s"]),
            didt_A_per_s=didt_A_per_s,
        )

    @property
    def pulses(self) -> int:
        """Pulses of the train."""
        return round(self.frequency_Hz * self.duration_s)


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """A place of the coil's middle on the scalp."""

    name: str
    ten_ten: str
    says: str
    source: str
    source_level: str


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MstProposal:
    """One coil at one site on one head.

    Attributes
    ----------
    coil, site, train
        What goes where, and the pulses.
    source
        The coil at its pose, with dI/dt.
    amplitude
        "as asked", "coil maximum" or "per A/us".
    field
        Its field.
    dose
        At that dI/dt; without a maximum, at 1 A/us.
    target_name
        Region that the proposal aims at, or None.
    words
        Where the coil goes.
    notes
        Sources, assumptions, what the head lacks.
    """

    coil: Coil
    site: Site
    train: Train
    source: PlacedCoil
    amplitude: str
    field: "Field"
    dose: SeizureDose
    target_name: str | None
    words: str
    notes: tuple[str, ...]

    @property
    def target_over_hippocampus(self) -> float | None:
        """Mean field in the target over that in the hippocampi; None without a target or without hippocampi."""
        return None if self.target_name is None else over_memory(self.dose, self.target_name)

    @property
    def threshold_didt_A_per_s(self) -> float:
        """The dI/dt at which the 99th percentile of the field in the brain meets the threshold."""
        return self.dose.threshold_scale * self.source.didt_A_per_s

    def quantities(self) -> dict[str, Any]:
        """Return the quantities that safety rules look at, SI; dI/dt only where it is that of a protocol."""
        found: dict[str, Any] = {
            "technique": TECHNIQUE,
            "coil_source": self.coil.origin,
            "frequency_Hz": self.train.frequency_Hz,
            "pulse_width_s": self.train.period_s,
            "stimulus_duration_s": self.train.duration_s,
            "pulses_per_train": self.train.pulses,
            "trains_per_session": 1,
            "pulses_per_session": self.train.pulses,
        }
        if self.amplitude != PER_UNIT:
            found["didt_A_per_s"] = self.source.didt_A_per_s
        if self.coil.max_didt_A_per_s is not None:
            found["coil_max_didt_A_per_s"] = self.coil.max_didt_A_per_s
        return found


AS_ASKED, AT_MAXIMUM, PER_UNIT = "as asked", "coil maximum", "per A/us"


def twin_coil() -> Coil:
    """Build the twin coil: two elliptical wings, bent towards the head, currents running opposite ways.

    Turns of one shape, stretched along y, enclose areas stretched alike: the dipole layer of a circular winding with
    positions and moments stretched is that of the elliptical one. The winding is assumed; see `data/mst.toml`.
    """
    row = _table()["twin"]
    keys = ("turns", "inner_radius_mm", "outer_radius_mm", "wire_width_mm", "wire_height_mm", "offset_mm")
    wings = build(
        "figure_of_eight", spacing_mm=SPACING_MM, wing_tilt_deg=float(row["wing_tilt_deg"]), **{k: row[k] for k in keys}
    )
    stretch = float(row["stretch"])
    return Coil(
        name=row["name"],
        positions_mm=wings.positions_mm * [1.0, stretch, 1.0],
        moments_m2=wings.moments_m2 * stretch,
        origin=f"{row['source']} ({row['source_level']})",
        notes=("number of turns assumed: fields per A/us scale with it",),
    )


def mst_coils() -> dict[str, Coil]:
    """Return the coils proposed by default, by name: twin, circular, double_cone."""
    return {"twin": twin_coil(), "circular": Coil.circular(), "double_cone": Coil.double_cone()}


def mst_sites() -> tuple[Site, ...]:
    """Return the places of the table."""
    return tuple(Site(**row) for row in _table()["site"])


def propose(
    conductor: "Conductor",
    train: Train,
    *,
    coils: Mapping[str, Coil] | None = None,
    sites: Iterable[str] | None = None,
    scalp: Scalp | None = None,
    target: Target | None = None,
    law: ExcitationLaw | None = None,
) -> tuple[MstProposal, ...]:
    """Propose every coil at every site: one forward solve each, solved together.

    Parameters
    ----------
    conductor
        Of the head.
    train
        The pulses.
    coils
        By name, for example one read from the file of a measured coil; None takes `mst_coils()`.
    sites
        Names of `mst_sites()`; None takes all.
    scalp, target, law
        As in `ect.propose`.

    Raises
    ------
    PlanError
        An unknown site, nothing to propose, a dI/dt above the maximum of a coil, or a head without brain.
    """
    scalp, law = scalp or Scalp(conductor.head), law or excitation_law()
    chosen = _chosen_sites(sites)
    wanted = [(coil, site) for coil in (mst_coils() if coils is None else coils).values() for site in chosen]
    if not wanted:
        raise PlanError("no MST coil to propose; give coils=, or leave it out for those of mst_coils()")
    brain = seizure_map(conductor, scalp, target)
    placed = [_stand(scalp, coil, site, train) for coil, site in wanted]
    threshold = law.sine_V_per_m(train.period_s)
    pulse = _table()["pulse"]
    common = (
        extent_note(scalp),
        f"threshold of neurons: {law.source}; pulse taken as one undamped period of {1e3 * train.period_s:g} ms",
        f"default period: {pulse['period_source']} ({pulse['period_source_level']})",
    )
    return tuple(
        MstProposal(
            coil=coil,
            site=site,
            train=train,
            source=source,
            amplitude=amplitude,
            field=field,
            dose=measure(field, brain, threshold_V_per_m=threshold),
            target_name=None if target is None else target.name,
            words=_words(scalp, source, site, train, amplitude),
            notes=(f"coil: {coil.origin}", *coil.notes, f"site: {site.source} ({site.source_level})", *common),
        )
        for (coil, site), (source, amplitude), field in zip(
            wanted, placed, conductor.solve([source for source, _ in placed]), strict=True
        )
    )


def _chosen_sites(names: Iterable[str] | None) -> tuple[Site, ...]:
    known = {site.name: site for site in mst_sites()}
    asked = tuple(known) if names is None else tuple(names)
    unknown = [name for name in asked if name not in known]
    if unknown or not asked:
        raise PlanError(f"MST site {', '.join(unknown) or 'missing'}; sites: {', '.join(known)}")
    return tuple(known[name] for name in asked)


def _stand(scalp: Scalp, coil: Coil, site: Site, train: Train) -> tuple[PlacedCoil, str]:
    """Return the coil on its site, handle to the back, and what its dI/dt is."""
    limit, asked = coil.max_didt_A_per_s, train.didt_A_per_s
    if asked is not None and limit is not None and asked > limit:
        raise PlanError(
            f"dI/dt of {asked / A_PER_S_PER_A_PER_US:g} A/us is above the {limit / A_PER_S_PER_A_PER_US:g} A/us that "
            f"{coil.name} is known to reach; lower it"
        )
    rate, amplitude = (asked, AS_ASKED) if asked else (limit, AT_MAXIMUM) if limit else (UNIT_DIDT_A_PER_S, PER_UNIT)
    point = np.asarray(scalp.head.ten_ten_mm[site.ten_ten], dtype=np.float64)[None]
    face = face_points_mm(coil)
    poses = make_poses(scalp, point, np.zeros(1), face_mm=face, hair_mm=HAIR_MM, place=np.zeros(1, np.int64))
    pose = _clear(scalp, coil, poses.poses[0])
    return coil.at(pose, didt_A_per_s=float(rate or UNIT_DIDT_A_PER_S)), amplitude


def _clear(scalp: Scalp, coil: Coil, pose: Array) -> Array:
    """Lift a coil until all copper keeps hair and casing: bent wings come near the head far from their middle."""
    lifted = pose.copy()
    for _ in range(LIFT_ROUNDS):
        points = coil.positions_mm @ lifted[:3, :3].T + lifted[:3, 3]
        missing = HAIR_MM + CASING_MM - float(scalp.clearance_mm(points).min())
        if missing <= LIFT_SLACK_MM:
            break
        lifted[:3, 3] -= missing * lifted[:3, 2]
    return lifted


def _words(scalp: Scalp, source: PlacedCoil, site: Site, train: Train, amplitude: str) -> str:
    """Say where the coil goes and how it is driven."""
    point = np.asarray(scalp.head.ten_ten_mm[site.ten_ten], dtype=np.float64)
    rate = source.didt_A_per_s / A_PER_S_PER_A_PER_US
    drive = {
        AS_ASKED: f"{rate:g} A/us",
        AT_MAXIMUM: f"{rate:g} A/us, the largest that this coil is known to reach",
        PER_UNIT: "no maximum is known for this coil: numbers hold for 1 A/us and grow with dI/dt",
    }[amplitude]
    return (
        f"{source.coil.name} {site.says} ({site.ten_ten}). {pose_words(scalp.head, source.pose, point, scalp.axes)} "
        f"{train.frequency_Hz:g} pulses a second of {1e3 * train.period_s:g} ms for {train.duration_s:g} s "
        f"({train.pulses} pulses); {drive}."
    )


@cache
def _table() -> dict[str, Any]:
    return read_table("mst.toml")

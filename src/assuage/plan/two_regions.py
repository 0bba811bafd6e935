"""Two regions of a circuit that oscillate together: which two, along which directions, what each phase costs."""

from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assuage.circuits.circuits import SURFACE
from assuage.errors import TargetError
from assuage.field import Landscape
from assuage.plan.choices import MAX_ELECTRODES
from assuage.plan.describe import normal_of, number
from assuage.plan.further import Aim
from assuage.plan.records import PhasorRecord, Table
from assuage.plan.rhythm import NAMED, gap_mm
from assuage.plan.surface_reach import Reach
from assuage.sources import Montage
from assuage.targets import Target
from assuage.techniques import optimise
from assuage.techniques.hd_tdcs import DISC
from assuage.techniques.phase_lock import Locked, Wish, lock, restrict
from assuage.techniques.phasors import Complex, largest_amplitude, phase_deg, phase_difference_deg, wrapped_deg
from assuage.techniques.placement import montage_sensitivities
from assuage.techniques.tacs import PhasorField, free_bound, search_directions
from assuage.units import A_PER_MA

Array = NDArray[np.float64]

PHASES = {"in phase": 0.0, "a quarter cycle apart": 90.0, "in anti-phase": 180.0}
TANGENTIAL = 0.1
"""Where the part along the normal is a smaller share of the amplitude, its sign is too uncertain to state a phase."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Variant:
    """The best currents for one phase difference.

    Attributes
    ----------
    label
        In words.
    wished_deg
        Wanted phase of the second region against the first.
    full, few
        Over all electrodes, and on few with the stimulator's steps.
    names
        Electrodes of `few`.
    spread_deg
        Standard deviation of the phase difference when electrodes are misplaced.
    """

    label: str
    wished_deg: float
    full: Locked
    few: Locked
    names: tuple[str, ...]
    spread_deg: float

    @property
    def difference_deg(self) -> float:
        """Reached phase of the second region against the first."""
        return float(phase_difference_deg(*self.few.component_V_per_m))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Pair:
    """Two regions and the best currents for several phase differences.

    Attributes
    ----------
    targets, directions, hows
        Regions, unit vectors (3,), and where each direction comes from.
    variants
        By label; `PHASES` and the wanted one.
    free_bound_V_per_m
        What no currents exceed in the less favoured region, whatever directions and phases.
    why
        Why this partner.
    """

    targets: tuple[Target, Target]
    directions: tuple[Array, Array]
    hows: tuple[str, str]
    variants: dict[str, Variant]
    free_bound_V_per_m: float
    why: str


def partner(aim: Aim, alone: dict[str, Reach]) -> tuple[Target | None, str]:
    """Return the second place with the reason: as named, else the other region that the surface reaches best; or None.

    Where none is named, only regions count for which the circuit's table names a surface technique, and which lie apart
    from the target's.
    """
    if aim.partner is not None:
        return aim.partner, f"partner: {aim.partner.name}, {NAMED}"
    near = [key for key, target in aim.others.items() if gap_mm(aim.target, target) < 0]
    able = {
        key: reach.best_V_per_m
        for key, reach in alone.items()
        if key in aim.others and key not in near and SURFACE & set(aim.in_principle.get(key, ()))
    }
    if not able:
        return None, "no other located region lies apart from the target's and is named for a surface technique"
    order = sorted(able, key=lambda key: -able[key])
    name = aim.others[order[0]].name
    why = f"partner: {name}, the other region that electrodes reach best ({able[order[0]]:.3g} V/m for it alone"
    if len(order) > 1:
        why += f"; next {aim.others[order[1]].name}, {able[order[1]]:.3g}"
    return aim.others[order[0]], why + ")"


def pair(aim: Aim, other: Target, why: str, wished_deg: float) -> Pair:
    """Solve for the target's region and a partner at every phase of `PHASES` and the wanted one."""
    bench = aim.bench
    landscapes = (aim.landscape, bench.landscape(other))
    A = [bench.disc_sensitivities(landscape) for landscape in landscapes]
    found = [
        _direction(A[0], aim.goal.direction, aim.goal.normal, bench.limits),
        _direction(A[1], other.direction_in(bench.head), normal_of(other, bench.head), bench.limits),
    ]
    wishes = [Wish(A=a, direction=d) for a, (d, _) in zip(A, found, strict=True)]
    fixed = [k for k, (_, how) in enumerate(found) if how != SEARCHED]
    if len(fixed) < len(wishes):
        _, wishes = search_directions(wishes, bench.limits, fixed=fixed)
    labels = dict(PHASES)
    if wished_deg not in labels.values():
        labels[f"{wished_deg:g} degrees apart"] = wished_deg
    variants = {}
    for label, phase in labels.items():
        turned = [wishes[0], Wish(A=A[1], direction=wishes[1].direction, phase_deg=phase)]
        full = lock(turned, bench.limits)
        few, keep = restrict(turned, full, bench.limits, MAX_ELECTRODES)
        names = tuple(bench.places.discs.names[k] for k in keep)
        spread = _spread_deg(aim, landscapes, names, few.currents_A, turned)
        variants[label] = Variant(label=label, wished_deg=phase, full=full, few=few, names=names, spread_deg=spread)
    return Pair(
        targets=(aim.target, other),
        directions=(wishes[0].direction, wishes[1].direction),
        hows=(found[0][1], found[1][1]),
        variants=variants,
        free_bound_V_per_m=free_bound(wishes, bench.limits),
        why=why,
    )


SEARCHED = "direction searched: the surfaces in the region cancel; its sign has no anatomical meaning"


def _direction(A: Array, given: Array | None, normal: Array | None, limits: optimise.Limits) -> tuple[Array, str]:
    if given is not None:
        return given, "direction as given"
    if normal is not None:
        return normal, "mean inward cortical normal"
    field = optimise.maximise(A, None, limits).mean_e_V_per_m
    return field / np.linalg.norm(field), SEARCHED


def _spread_deg(
    aim: Aim, landscapes: tuple[Landscape, Landscape], names: tuple[str, ...], currents_A: Complex, wishes: list[Wish]
) -> float:
    """Return the standard deviation of the phase difference over misplaced electrodes, degrees."""
    s = aim.bench.settings
    places = Montage(dict.fromkeys(names, 0.0) | {names[0]: 1.0, names[-1]: -1.0}, shape=DISC)
    each = montage_sensitivities(landscapes, aim.bench.head, places, count=s.draws, seed=s.seed)
    z = [np.einsum("e,nea,a->n", currents_A, table, wish.direction) for table, wish in zip(each, wishes, strict=True)]
    off = wrapped_deg(phase_difference_deg(z[0], z[1]) - wishes[1].phase_deg)
    return float(np.sqrt(np.mean(off**2)))


def variants_table(found: Pair) -> Table:
    """Return amplitudes and phases of every variant."""
    first, second = (target.name for target in found.targets)
    return Table(
        title=f"Phase of {second} against {first}: what each wish gives (along the directions stated, by the adjoint)",
        columns=(
            "wanted", f"{first}, V/m", f"{second}, V/m", "bound of the smaller, V/m", "phase reached, deg",
            "its spread by placement, deg",
        ),
        rows=tuple(
            (
                variant.label,
                *(number(value) for value in variant.few.amplitude_V_per_m),
                number(variant.full.dual_V_per_m),
                degrees(variant.difference_deg),
                degrees(variant.spread_deg),
            )
            for variant in found.variants.values()
        ),
    )  # fmt: skip


def electrodes_table(found: Pair) -> Table:
    """Return amplitude and phase of every electrode in every variant."""
    variants = list(found.variants.values())
    each = [dict(zip(item.names, item.few.currents_A, strict=True)) for item in variants]
    used = {name: None for currents in each for name in sorted(currents, key=lambda name: -abs(currents[name]))}
    return Table(
        title="Electrodes for each wish: amplitude, mA, and phase",
        columns=("electrode", *(item.label for item in variants)),
        rows=tuple(
            (name, *(current_words(currents[name]) if currents.get(name) else "–" for currents in each))
            for name in used
        ),
    )


def phasor_records(found: Pair) -> tuple[PhasorRecord, ...]:
    """Return the phasors of both regions in every variant."""
    return tuple(
        PhasorRecord(
            panel=variant.label,
            region=target.name,
            amplitude_V_per_m=number(abs(z)),
            phase_deg=degrees(phase_difference_deg(variant.few.component_V_per_m[0], z)),
        )
        for variant in found.variants.values()
        for target, z in zip(found.targets, variant.few.component_V_per_m, strict=True)
    )


def regions_table(aim: Aim, solved: PhasorField, axis: Array) -> Table:
    """Return amplitude and phase in the target and in every other region, from the forward solution.

    Parameters
    ----------
    aim, solved
        The regions and the field.
    axis
        Direction (3,) in the target; its component has phase 0.
    """
    rows: list[tuple[str | float | None, ...]] = []
    start = complex(solved.mean_over(aim.bench.read_out(aim.target)) @ axis)
    named = [] if aim.partner is None else [aim.partner]
    for target in dict.fromkeys((aim.target, *named, *aim.others.values())):
        with suppress(TargetError):
            mean = solved.mean_over(aim.bench.read_out(target))
            rows.append((target.name, *_amplitude_and_phase(mean, normal_of(target, aim.bench.head), start)))
    return Table(
        title="Amplitude and phase in every region. Phase: of the part along the mean inward normal, against the peak "
        f"of the target's field; none where the surfaces cancel or that part is under {100 * TANGENTIAL:g} % of the "
        "amplitude",
        columns=("region", "amplitude, V/m", "along the normal, V/m", "phase, deg"),
        rows=tuple(rows),
    )


def _amplitude_and_phase(mean: Complex, normal: Array | None, start: complex) -> tuple[float | None, ...]:
    amplitude = float(largest_amplitude(mean))
    if normal is None:
        return number(amplitude), None, None
    z = mean @ normal
    stated = abs(z) >= TANGENTIAL * amplitude
    return number(amplitude), number(abs(z)), degrees(phase_difference_deg(start, z)) if stated else None


def degrees(angle: Any) -> float:
    """Round to what a stimulator or a reader can use."""
    return round(float(angle), 2) + 0.0


def electrode_words(names: tuple[str, ...], currents_A: Complex) -> str:
    """Return "F3 0.8 mA at 0°, ...", largest first; electrodes without current left out."""
    order = np.argsort(-np.abs(currents_A), kind="stable")
    return ", ".join(f"{names[k]} {current_words(currents_A[k], ' mA')}" for k in order if currents_A[k])


def current_words(current_A: complex, unit: str = "") -> str:
    """Return "0.8 mA at 0°" for a complex current."""
    phase = f"{float(phase_deg(current_A)) + 0.0:.3g}".replace("-", "−")
    return f"{abs(current_A) / A_PER_MA:.3g}{unit} at {phase}°"

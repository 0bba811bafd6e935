"""How much the dose moves when the coil or the electrodes are not where they should be.

Shifts are uniform over a disc of `SHIFT_MM` on the scalp and turns uniform over +-`TURN_DEG` around the axis of the
coil or pad; electrodes move independently. Every draw is scored by the adjoint.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from assuage.errors import PlanError, SourceError
from assuage.sources import Contact, Electrode, Montage, Pad, place
from assuage.techniques.electrodes import injections, sensitivities
from assuage.techniques.tms import UNIT_DIDT_A_PER_S, CoilSite, PoseChoice, poses_around

if TYPE_CHECKING:
    from assuage.field import Landscape
    from assuage.head import Head

Array = NDArray[np.float64]

SHIFT_MM = 5.0
TURN_DEG = 10.0
ASSUMPTION = (
    f"shift uniform over a disc of {SHIFT_MM:g} mm radius on the scalp, turn uniform over +-{TURN_DEG:g} degrees; "
    "electrodes independent of each other"
)

PLACEMENTS_PER_ELECTRODE = 24
"""Displaced contacts laid for each electrode; draws combine them, so 500 draws of four electrodes need 96 contacts."""


def offsets(count: int, seed: int) -> tuple[Array, Array]:
    """Return shifts (count, 2), mm, along the scalp and turns (count,), degrees, of misplaced coils."""
    rng = np.random.default_rng(seed)
    return _shifts(rng, count), _turns(rng, count)


def coil_draws(landscape: "Landscape", site: CoilSite, choice: PoseChoice, *, count: int, seed: int) -> Array:
    """Return mean fields (count, 3), V/m at 1 A/us, of a misplaced coil."""
    poses = misplaced_poses(site, choice, count=count, seed=seed)
    return np.asarray(landscape.coil(site.coil, poses, didt_A_per_s=UNIT_DIDT_A_PER_S))


def misplaced_poses(site: CoilSite, choice: PoseChoice, *, count: int, seed: int) -> Array:
    """Return poses (count, 4, 4) of a misplaced coil that keeps the lift of its proposed pose."""
    around = poses_around(site, choice.scalp_point_mm, choice.angle_deg, *offsets(count, seed))
    home = poses_around(site, choice.scalp_point_mm, choice.angle_deg, np.zeros((1, 2)), np.zeros(1)).set.poses[0]
    poses = around.set.poses.copy()
    poses[:, :3, 3] -= ((home[:3, 3] - choice.pose[:3, 3]) @ choice.pose[:3, 2]) * poses[:, :3, 2]
    return np.asarray(poses)


def montage_draws(landscape: "Landscape", head: "Head", montage: Montage, *, count: int, seed: int) -> Array:
    """Return mean fields (count, 3), V/m, of a montage with misplaced electrodes.

    Raises
    ------
    PlanError
        An electrode so near the edge of the skin that hardly any displaced one fits.
    """
    (chosen,) = montage_sensitivities([landscape], head, montage, count=count, seed=seed)
    return np.asarray(np.einsum("e,nea->na", montage.currents_A, chosen))


def montage_sensitivities(
    landscapes: "Sequence[Landscape]", head: "Head", montage: Montage, *, count: int, seed: int
) -> Array:
    """Return sensitivities (landscapes, count, electrodes, 3), V/m per A, of misplaced electrodes.

    The landscapes share a conductor and see the same placements.

    Raises
    ------
    PlanError
        An electrode so near the edge of the skin that hardly any displaced one fits.
    """
    rng = np.random.default_rng(seed)
    contacts: list[Contact] = []
    for electrode in montage.electrodes:
        contacts += _displaced(head, electrode, rng)
    injected = injections(landscapes[0].conductor, contacts)
    electrodes = len(montage.electrodes)
    each = [sensitivities(item, injected).reshape(electrodes, PLACEMENTS_PER_ELECTRODE, 3) for item in landscapes]
    pick = rng.integers(PLACEMENTS_PER_ELECTRODE, size=(count, electrodes))
    return np.stack([table[np.arange(electrodes), pick] for table in each])


def _displaced(head: "Head", electrode: Electrode, rng: np.random.Generator) -> list[Contact]:
    home = place(electrode, head).center_mm
    normal = head.scalp.nearest(home[None])[1][0]
    aside = np.cross(normal, np.eye(3)[int(np.argmin(np.abs(normal)))])
    aside = aside / np.linalg.norm(aside)
    plane = np.stack([aside, np.cross(normal, aside)])
    found: list[Contact] = []
    for _ in range(4 * PLACEMENTS_PER_ELECTRODE):
        shift, turn = _shifts(rng, 1)[0], float(_turns(rng, 1)[0])
        shape = electrode.shape
        if isinstance(shape, Pad):
            shape = Pad(shape.width_mm, shape.height_mm, shape.rotation_deg + turn)
        x, y, z = (home + shift @ plane).tolist()
        moved = Electrode(name=electrode.name, center_mm=(x, y, z), current_A=electrode.current_A, shape=shape)
        try:
            found.append(place(moved, head))
        except SourceError:
            continue
        if len(found) == PLACEMENTS_PER_ELECTRODE:
            return found
    raise PlanError(
        f"electrode {electrode.label} hangs over the edge of the skin: of {4 * PLACEMENTS_PER_ELECTRODE} placements "
        f"within {SHIFT_MM:g} mm only {len(found)} fit; choose another site"
    )


def _shifts(rng: np.random.Generator, count: int) -> Array:
    radius, azimuth = SHIFT_MM * np.sqrt(rng.random(count)), 2 * np.pi * rng.random(count)
    return np.stack([radius * np.cos(azimuth), radius * np.sin(azimuth)], 1)


def _turns(rng: np.random.Generator, count: int) -> Array:
    return np.asarray(rng.uniform(-TURN_DEG, TURN_DEG, count))

"""What every place on the scalp could do for the target: the arrays of maps.npz."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from assuage.field import Landscape
from assuage.plan.bench import Bench
from assuage.plan.choices import Choice
from assuage.techniques.electrodes import cap_limit_mm, injections, point_contacts, sensitivities
from assuage.techniques.goal import Goal

ELECTRODE_SPACING_MM = 6.0

SAYS = {
    "scalp_vertices_mm": "(n, 3) vertices of the scalp surface, world mm",
    "scalp_triangles": "(m, 3) its triangles",
    "coil_place_mm": "(p, 3) scalp points where the coil was tried",
    "coil_best_V_per_m": "(p,) best score there over all turns, V/m at 1 A/us",
    "coil_best_angle_deg": "(p,) its turn: 0 handle back, counter-clockwise seen from outside",
    "electrode_point_mm": "(q, 3) scalp points of the electrode map",
    "electrode_V_per_m_per_A": "(q, 3) mean target field per ampere that enters at a point, against the mean of all",
    "electrode_score_V_per_m_per_A": "(q,) its part along electrode_axis: differences between two points are doses",
    "electrode_axis": "(3,) the direction asked for, or that of the strongest montage's field in the target",
    "site_name": "(s,) 10-10 sites that can hold an electrode",
    "site_mm": "(s, 3) their scalp positions",
    "site_V_per_m_per_A": "(s, 3) sensitivity to a 12 mm disc there, against the mean of the sites",
}


def scalp_maps(
    bench: Bench, landscape: Landscape, goal: Goal, choices: dict[str, Choice]
) -> tuple[dict[str, NDArray[Any]], dict[str, str]]:
    """Return the arrays and what each holds."""
    surface = bench.head.scalp
    arrays: dict[str, NDArray[Any]] = {
        "scalp_vertices_mm": np.asarray(surface.vertices_mm, dtype=np.float32),
        "scalp_triangles": np.asarray(surface.triangles, dtype=np.int32),
    }
    tms = choices.get("tms")
    if tms is not None and tms.pose is not None:
        arrays["coil_place_mm"] = bench.places.coil_site.places_mm.astype(np.float32)
        arrays["coil_best_V_per_m"] = tms.pose.place_score_V_per_m.astype(np.float32)
        arrays["coil_best_angle_deg"] = tms.pose.place_angle_deg.astype(np.float32)
    points = bench.places.scalp.places(ELECTRODE_SPACING_MM, below_mm=cap_limit_mm(bench.head, bench.places.scalp))
    each = sensitivities(landscape, injections(bench.conductor, point_contacts(points)))
    each = each - each.mean(0)
    axis = _axis(goal, choices)
    sites = bench.disc_sensitivities(landscape)
    arrays["electrode_point_mm"] = points.astype(np.float32)
    arrays["electrode_V_per_m_per_A"] = each.astype(np.float32)
    arrays["electrode_score_V_per_m_per_A"] = (each @ axis).astype(np.float32)
    arrays["electrode_axis"] = axis
    arrays["site_name"] = np.array(bench.places.discs.names)
    arrays["site_mm"] = bench.places.discs.centers_mm.astype(np.float32)
    arrays["site_V_per_m_per_A"] = (sites - sites.mean(0)).astype(np.float32)
    return arrays, {name: SAYS[name] for name in arrays}


def _axis(goal: Goal, choices: dict[str, Choice]) -> NDArray[np.float64]:
    if goal.direction is not None:
        return goal.direction
    for name in ("hd_tdcs", "tdcs", "hd_tdcs_4x1", "hd_tdcs_focal"):
        if name in choices:
            mean = choices[name].mean_e_V_per_m
            return np.asarray(mean / np.linalg.norm(mean))
    return goal.normal if goal.normal is not None else np.array([0.0, 0.0, 1.0])

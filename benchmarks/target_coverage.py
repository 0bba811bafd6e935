"""How often the 95 % ellipsoid of an individual target holds the true one, and how recovery depends on minutes and SNR.

    python -m benchmarks.target_coverage [--runs 200] [--jobs 2] [--methods peak,network]

Each run plants a network at another place of the search region, adds noise with the structure of BOLD, denoises, finds
the target and looks whether the ellipsoid holds the method's target of the noise-free map. For `seed_map` the network
has a second part outside the search region, which the group map knows; for `network` two others are planted around the
target, each with a seed of its own. Guards: coverage of 90 to 98 % for every method (the bound allows for three
standard errors of the run count).
"""

import argparse
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace

import numpy as np

from assuage.connectivity.denoise import denoise
from assuage.connectivity.mapping import distribution_of, map_target
from assuage.connectivity.methods import METHODS, geometry, scores
from assuage.connectivity.simulate import Planted, grid_points, loadings, simulate

CENTER_MM = np.array([-44.0, 40.0, 29.0])
SEED_MM = np.array([6.0, 16.0, -10.0])
RADIUS_MM, SPACING_MM, TR_S, SHIFT_MM = 20.0, 4.0, 2.0, 7.0
REMOTE_MM = np.array([44.0, 40.0, 29.0])
RIVALS_MM = {(-8.0, 4.0, 4.0): (40.0, -60.0, 40.0), (8.0, -6.0, -4.0): (-40.0, -60.0, 40.0)}
"""Where other networks lie about the target, and their seeds."""
RADII_MM = 6.0
MINUTES_AND_STRENGTH = ((8, 0.4), (12, 0.3), (12, 0.5), (30, 0.3), (30, 0.5))


def one(method: str, minutes: float, strength: float, seed: int) -> dict[str, float]:
    """Plant, record, find; return what came of it."""
    shift = np.random.default_rng([seed, 7]).uniform(-SHIFT_MM, SHIFT_MM, 3)
    target = CENTER_MM + shift
    planted = Planted(target_mm=tuple(target), seed_mm=tuple(SEED_MM), strength=strength)
    others: tuple[Planted, ...] = ()
    balls = [(CENTER_MM, RADIUS_MM), (SEED_MM, RADII_MM)]
    if method == "seed_map":
        planted = replace(planted, rival_mm=tuple(REMOTE_MM), rival_strength=strength)
        balls.append((REMOTE_MM, RADIUS_MM))
    if method == "network":
        others = tuple(
            Planted(target_mm=tuple(target + np.array(aside)), seed_mm=at, strength=strength)
            for aside, at in RIVALS_MM.items()
        )
        balls += [(np.array(at), RADII_MM) for at in RIVALS_MM.values()]
    points = np.vstack([grid_points(center, radius, SPACING_MM) for center, radius in balls])
    recording, confounds = simulate(
        points, planted, minutes=minutes, tr_s=TR_S, seed=seed, spacing_mm=SPACING_MM, others=others
    )
    clean, cleaning = denoise(recording, confounds)
    search = clean.within(CENTER_MM, RADIUS_MM)
    where = geometry(clean.points_mm[search], spacing_mm=SPACING_MM, reach_mm=clean.reach_mm, fwhm_mm=6.0)
    if method == "seed_map":
        group = loadings(points, planted)
        group[search] = 0.0
        references = (clean.series / clean.series.std(0) @ group)[:, None]
    else:
        seeds = [clean.within(np.array(item.seed_mm), RADII_MM) for item in (planted, *others)]
        references = np.stack([clean.series[:, near].mean(1, dtype=float) for near in seeds], axis=1)
    mapped = map_target(
        clean.series[:, search].astype(float),
        references,
        where,
        method=method,
        polarity=-1,
        tr_s=TR_S,
        free_share=cleaning.free_share,
        seed=seed,
    )
    found = distribution_of(mapped, where, method=method, minutes=cleaning.minutes, provenance={})
    clear = np.stack([loadings(where.points_mm, replace(item, rival_mm=None)) for item in (planted, *others)])
    at_peak = method in ("peak", "seed_map")
    truth = target if at_peak else METHODS[method](scores(clear[None], where, -1), where)[0]
    return {
        "held": float(found.ellipsoid.contains(truth)[0]),
        "error2": float(((found.mean_mm - truth) ** 2).sum()),
        "single2": float(((mapped.spread.single_mm - truth) ** 2).sum()),
        "planted2": float(((found.mean_mm - target) ** 2).sum()),
        "expected2": float(np.trace(found.covariance_mm2)),
        "drawn": mapped.spread.draws / mapped.spread.blocks,
        "minutes": cleaning.minutes,
    }


def main() -> None:
    """Print a line for each setting and the coverage over all."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--methods", default=",".join(METHODS))
    asked = parser.parse_args()
    slack = 3 * np.sqrt(0.95 * 0.05 / (asked.runs * len(MINUTES_AND_STRENGTH)))
    print("method   min   r    held   error  single  planted  expected (root mean square, mm)  drawn")
    with ProcessPoolExecutor(asked.jobs) as pool:
        for method in asked.methods.split(","):
            held = []
            for minutes, strength in MINUTES_AND_STRENGTH:
                runs = asked.runs
                rows = list(pool.map(one, [method] * runs, [minutes] * runs, [strength] * runs, range(runs)))
                mean = {key: float(np.mean([row[key] for row in rows])) for key in rows[0]}
                held.append(mean["held"])
                size = [np.sqrt(mean[key]) for key in ("error2", "single2", "planted2", "expected2")]
                print(
                    f"{method:8s} {minutes:3d} {strength:4.2f}  {mean['held']:5.3f}  "
                    + "  ".join(f"{value:5.2f}" for value in size)
                    + f"  {mean['drawn']:.2f}",
                    flush=True,
                )
            total = float(np.mean(held))
            said = "ok" if 0.90 - slack <= total <= 0.98 + slack else "MISS"
            print(f"{said} coverage of {method} over its settings {total:.3f}", flush=True)


if __name__ == "__main__":
    main()

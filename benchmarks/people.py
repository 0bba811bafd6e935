"""Simulated people: what `assuage head build` makes of a T1 whose anatomy is known.

    python -m benchmarks.people --count 20 --out people.json

For each person: Dice of every tissue and of the intracranial space against the truth, 10-10 sites, and the mean field
in two targets for TMS and tES against the field in the true head. Asked for: Dice white >= .93, grey >= .90, CSF >=
.80, skull >= .85, scalp >= .92, intracranial >= .97; fields within 6 % (median) and 12 % (worst).
"""

import argparse
import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np

from assuage import Coil, Conductor, Head, Montage, Target, load_head
from assuage.segmentation import Scan, Steps, build_head
from assuage.segmentation.grid import Grid
from assuage.segmentation.mixture import TISSUES, stacked
from assuage.segmentation.simulated import SimulatedPerson, simulated_person
from assuage.sources import PlacedCoil
from assuage.space.audit import audit_header

TARGETS_MNI_MM = {"dlPFC L": (-44.0, 40.0, 29.0), "OFC L": (-26.0, 34.0, -14.0)}
MONTAGES = {"dlPFC L": ("F3", "F4"), "OFC L": ("AF7", "AF8")}
RADIUS_MM = 10.0
COIL_GAP_MM = 9.0
VOXEL_MM = 2.0
ASKED = {"white_matter": 0.93, "grey_matter": 0.90, "csf": 0.80, "skull": 0.85, "scalp": 0.92, "intracranial": 0.97}


@dataclass(frozen=True, kw_only=True)
class Row:
    """What was measured on one person."""

    seed: int
    minutes: float
    prior_mm: float
    dice: dict[str, float]
    sites_mm: float
    field_percent: dict[str, float]
    warnings: tuple[str, ...]


def scan_of(person: SimulatedPerson) -> Scan:
    """Return the synthetic T1 as a scan."""
    header = audit_header(nib.Nifti1Image(person.t1, person.t1_affine))
    return Scan(name=person.truth.name, values=person.t1, affine=person.t1_affine, sha256="", header=header)


def dice(built: Head, person: SimulatedPerson) -> dict[str, float]:
    """Return the overlap of labels within the scan's field of view."""
    grid = Grid(shape=built.labels.shape, affine=built.affine)
    seen = grid.covered(person.t1.shape, person.t1_affine)
    assert built.fractions is not None
    assert person.truth.fractions is not None
    found = stacked({name: share / 255 for name, share in built.fractions.items()}).argmax(0)[seen]
    moved = {
        name: grid.resampled(share, person.truth.affine, beyond=0.0, order=1) / 255
        for name, share in person.truth.fractions.items()
    }
    truth = stacked(moved).argmax(0)[seen]

    def overlap(one: Any, other: Any) -> float:
        return float(2 * (one & other).sum() / (one.sum() + other.sum()))

    result = {name: overlap(found == k, truth == k) for k, name in enumerate(TISSUES)}
    return result | {"intracranial": overlap(found < 3, truth < 3)}


def fields(built: Head, person: SimulatedPerson) -> dict[str, float]:
    """Return by how many percent the mean field in each target differs from that in the true head."""
    template = load_head("colin27")
    assert template.mni is not None
    targets = {
        name: Target.sphere(person.from_template(template.mni.mni_to_head([point]))[0], RADIUS_MM)
        for name, point in TARGETS_MNI_MM.items()
    }
    coil, sites = Coil.figure_of_eight(), person.truth.ten_ten_mm
    conductors = [Conductor(head, voxel_mm=VOXEL_MM) for head in (person.truth, built)]
    sources: dict[tuple[str, str], Any] = {}
    for name, target in targets.items():
        sources["TMS", name] = coil_over(coil, target.center_mm, person.truth, conductors)
        ends = [sites[site] for site in MONTAGES[name]]
        sources["tES", name] = Montage.at_points_mm(ends, [2e-3, -2e-3], radius_mm=12)
    size = []
    for conductor in conductors:
        pairs = zip(sources, conductor.solve(list(sources.values())), strict=True)
        size.append({key: float(np.linalg.norm(field.mean_in(targets[key[1]]))) for key, field in pairs})
    return {f"{t} {name}": 100 * (size[1][t, name] / size[0][t, name] - 1) for t, name in sources}


def coil_over(coil: Coil, center_mm: Any, truth: Head, conductors: list[Conductor]) -> PlacedCoil:
    """Return the coil over the true scalp, moved out until no part of it lies in any of the heads."""
    for gap_mm in np.arange(COIL_GAP_MM, COIL_GAP_MM + 30.0, 2.0):
        placed = coil.at(pose_over(truth, center_mm, gap_mm), didt_A_per_s=1e6)
        if not any(conductor.holds(placed.positions_mm).any() for conductor in conductors):
            return placed
    raise SystemExit(f"the coil lies in the head wherever it is put over {center_mm}")


def pose_over(head: Head, center_mm: Any, gap_mm: float) -> Any:
    """Return a coil pose on the scalp nearest to a point, handle backwards."""
    foot, normal, _ = head.scalp.nearest(np.atleast_2d(center_mm))
    into = -normal[0]
    forward = np.array([0.0, 1.0, 0.0]) - into * into[1]
    forward /= np.linalg.norm(forward)
    pose = np.eye(4)
    pose[:3, 0], pose[:3, 1], pose[:3, 2] = np.cross(forward, into), forward, into
    pose[:3, 3] = foot[0] + gap_mm * normal[0]
    return pose


def measured(seed: int, keep: Path | None) -> Row:
    """Build one person's head and compare."""
    person = simulated_person(seed)
    start = time.monotonic()
    built = build_head(scan_of(person), steps=Steps(keep, {"seed": seed}), name=person.truth.name)
    minutes = (time.monotonic() - start) / 60
    sites = [np.linalg.norm(built.head.ten_ten_mm[s] - p) for s, p in person.truth.ten_ten_mm.items()]
    return Row(
        seed=seed,
        minutes=minutes,
        prior_mm=built.prior_mm,
        dice=dice(built.head, person),
        sites_mm=float(np.max(sites)),
        field_percent=fields(built.head, person),
        warnings=built.findings.warnings,
    )


def main() -> None:
    """Measure, print one line per person, and the summary."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=3)
    parser.add_argument("--first", type=int, default=1)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--keep", type=Path, help="folder that keeps the steps of every build")
    options = parser.parse_args()
    rows = []
    for seed in range(options.first, options.first + options.count):
        row = measured(seed, None if options.keep is None else options.keep / str(seed))
        rows.append(row)
        overlap = " ".join(f"{name} {row.dice[name]:.3f}" for name in ASKED)
        change = " ".join(f"{name} {value:+.1f} %" for name, value in row.field_percent.items())
        print(f"{seed:3d}  {row.minutes:4.1f} min  prior {row.prior_mm} mm  {overlap}", flush=True)
        print(f"     10-10 sites up to {row.sites_mm:.1f} mm  {change}", flush=True)
        for line in row.warnings:
            print(f"     told: {line}", flush=True)
        if options.out:
            options.out.write_text(json.dumps([vars(r) for r in rows], indent=1), encoding="utf-8")
    worst = {name: min(row.dice[name] for row in rows) for name in ASKED}
    print("worst Dice  " + "  ".join(f"{name} {value:.3f} (asked {ASKED[name]:.2f})" for name, value in worst.items()))
    sizes = np.abs([list(row.field_percent.values()) for row in rows])
    print(f"fields: median {np.median(sizes):.1f} % (asked 6), worst {sizes.max():.1f} % (asked 12)")


if __name__ == "__main__":
    main()

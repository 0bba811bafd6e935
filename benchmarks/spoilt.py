"""Spoilt scans of a simulated person: what `assuage head build` makes of a bad T1, against the known truth.

    python -m benchmarks.spoilt --seed 1 --head-voxel-mm 1 --out spoilt.json

Asked for: no crash, no CSF against the scalp over the calvaria, figures that sink but stay sane, and a warning that
names the effect. Every scan is of the same person; the first row is the unspoilt scan.
"""

import argparse
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from assuage.errors import AssuageError
from assuage.head.quality import qc
from assuage.segmentation import Steps, build_head
from assuage.segmentation.simulated import SimulatedPerson, simulated_person
from benchmarks.people import ASKED, dice, scan_of

SNR = 5.0
"""Mean over noise in white matter; a usual 3 T scan has 20 to 30."""
CROPPED_MM = 25.0
WORST = {"white_matter": 0.7, "grey_matter": 0.6, "csf": 0.5, "skull": 0.6, "scalp": 0.85, "intracranial": 0.93}
"""Below this a figure is no longer sane; working choices."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """What came of one scan; a refused one has its line in `refused` and no figures."""

    scan: str
    minutes: float
    dice: dict[str, float]
    calvaria_leaks: int
    measures: dict[str, float]
    warnings: tuple[str, ...]
    refused: str = ""

    @property
    def graceful(self) -> bool:
        """Whether the scan was refused, or built without a leak and with sane figures."""
        return bool(self.refused) or (
            self.calvaria_leaks == 0 and all(self.dice[name] >= least for name, least in WORST.items())
        )


def noisy(person: SimulatedPerson) -> SimulatedPerson:
    """Return the person with Rician noise added, so that white matter has the signal-to-noise ratio `SNR`."""
    random = np.random.default_rng(0)
    sigma = np.float32(white_matter(person) / SNR)
    real, imaginary = (sigma * random.standard_normal(person.t1.shape, dtype=np.float32) for _ in range(2))
    return replace(person, t1=np.hypot(person.t1 + real, imaginary))


def white_matter(person: SimulatedPerson) -> float:
    """Return the median brightness of pure white matter."""
    inside = np.argwhere(person.truth.fractions["white_matter"][::4, ::4, ::4] > 250) * 4  # type: ignore[index]
    world = inside @ person.truth.affine[:3, :3].T + person.truth.affine[:3, 3]
    back = np.linalg.inv(person.t1_affine)
    i, j, k = np.round(world @ back[:3, :3].T + back[:3, 3]).astype(int).T
    seen = (k >= 0) & (k < person.t1.shape[2])
    return float(np.median(person.t1[i[seen], j[seen], k[seen]]))


def cropped(person: SimulatedPerson) -> SimulatedPerson:
    """Return the person with a scan that ends `CROPPED_MM` below the top of the head."""
    top_mm = float(person.truth.scalp.vertices_mm[:, 2].max()) - CROPPED_MM
    end = int((top_mm - person.t1_affine[2, 3]) / person.t1_affine[2, 2]) + 1
    return replace(person, t1=np.ascontiguousarray(person.t1[:, :, :end]))


def averaged(person: SimulatedPerson, block: tuple[int, int, int]) -> SimulatedPerson:
    """Return the person with a scan of larger voxels, means over blocks of voxels."""
    ends = [n // m * m for n, m in zip(person.t1.shape, block, strict=True)]
    even = person.t1[: ends[0], : ends[1], : ends[2]]
    split = [size for n, m in zip(ends, block, strict=True) for size in (n // m, m)]
    affine = person.t1_affine.copy()
    affine[:3, :3] *= block
    affine[:3, 3] += person.t1_affine[:3, :3] @ (np.array(block) - 1) / 2
    return replace(person, t1=even.reshape(split).mean(axis=(1, 3, 5)), t1_affine=affine)


SPOILS: dict[str, Callable[[SimulatedPerson], SimulatedPerson]] = {
    "unspoilt": lambda person: person,
    "2 mm": lambda person: averaged(person, (2, 2, 2)),
    "noise": noisy,
    "cropped top": cropped,
    "thick slices": lambda person: averaged(person, (1, 1, 4)),
}


def measured(name: str, drawn: SimulatedPerson, head_voxel_mm: float) -> Row:
    """Build the head of one spoilt scan and compare."""
    person = SPOILS[name](drawn)
    start = time.monotonic()
    try:
        built = build_head(scan_of(person), voxel_mm=head_voxel_mm, steps=Steps(None, {}), name=name)
    except AssuageError as error:
        minutes = (time.monotonic() - start) / 60
        return Row(scan=name, minutes=minutes, dice={}, calvaria_leaks=0, measures={}, warnings=(), refused=str(error))
    return Row(
        scan=name,
        minutes=(time.monotonic() - start) / 60,
        dice=dice(built.head, person),
        calvaria_leaks=qc(built.head).leak_calvaria_count,
        measures=built.findings.numbers,
        warnings=tuple(built.head.metadata["warnings"]),
    )


def main() -> None:
    """Measure, print one line per scan, and whether each was graceful."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--head-voxel-mm", type=float, default=1.0)
    parser.add_argument("--only", choices=SPOILS, nargs="+", default=list(SPOILS))
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    drawn, rows = simulated_person(options.seed, voxel_mm=(1.0, 1.0, 1.0)), []
    for name in options.only:
        row = measured(name, drawn, options.head_voxel_mm)
        rows.append(row)
        figures = " ".join(f"{tissue} {row.dice[tissue]:.3f}" for tissue in ASKED if row.dice)
        verdict = "graceful" if row.graceful else "NOT GRACEFUL"
        print(f"{name:13s} {row.minutes:4.1f} min  {figures}  leaks {row.calvaria_leaks}  {verdict}", flush=True)
        print("              " + "  ".join(f"{name} {value:.3g}" for name, value in row.measures.items()), flush=True)
        for line in (*row.warnings, *([row.refused] if row.refused else [])):
            print(f"              {line}", flush=True)
        if options.out:
            options.out.write_text(json.dumps([vars(r) for r in rows], indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()

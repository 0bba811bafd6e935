"""Fields of ECT and MST on the embedded head, and what the neck does to them: docs/img/ect_neck_effect.png, tables.

ECT is solved on the head with its neck, on the head as scanned, and on the upper head (cut below the cerebellum), with
the same electrodes. The tables are those of docs/ect_mst.md.
"""

from dataclasses import replace
from pathlib import Path

import matplotlib as mpl
from neck_effect import cut

import assuage
from assuage.field import Conductor
from assuage.techniques import Scalp, mst
from assuage.techniques.ect_placements import ect_placement, placement_names
from assuage.techniques.excitation import excitation_law
from assuage.techniques.seizure import BrainMap, SeizureDose, measure, seizure_regions

mpl.use("Agg")
import matplotlib.pyplot as plt

VOXEL_MM = 2.0
CURRENT_A = 0.8
PULSE_WIDTH_S = 0.3e-3
UPPER_HEAD_Z_MM = -62.0
"""Just below the cerebellum of this head: the image of a scan that covers the brain and no more."""
OUT = Path(__file__).parents[1] / "docs" / "img" / "ect_neck_effect.png"


def ect_doses(head: assuage.Head, whole: Scalp) -> dict[str, SeizureDose]:
    """Return the dose of every placement of the whole head, solved on one of its cuts."""
    conductor, threshold = Conductor(head, VOXEL_MM), excitation_law().rectangular_V_per_m(PULSE_WIDTH_S)
    brain = BrainMap.of(conductor, whole, seizure_regions(head))
    sources = [ect_placement(whole, name).montage(CURRENT_A) for name in placement_names()]
    fields = conductor.solve(sources)
    return {
        name: measure(field, brain, threshold_V_per_m=threshold)
        for name, field in zip(placement_names(), fields, strict=True)
    }


def row(name: str, dose: SeizureDose) -> str:
    """Return a line of a table in docs/ect_mst.md."""
    fields = [dose.e50_V_per_m, dose.e99_V_per_m, dose.e999_V_per_m, dose.largest_V_per_m]
    regions = [dose.mean_of(name) or 0.0 for name in ("hippocampus", "amygdala")]
    return (
        f"| {name} | {' | '.join(f'{value:.3g}' for value in fields)} | {dose.e50_over_threshold:.2f} | "
        f"{100 * dose.suprathreshold_share:.1f} | {100 * dose.suprathreshold_left:.0f} / "
        f"{100 * dose.suprathreshold_right:.0f} | {dose.half_max_volume_mm3 / 1e3:.0f} | "
        f"{' | '.join(f'{value:.2g}' for value in regions)} |"
    )


def draw(doses: dict[str, dict[str, SeizureDose]]) -> None:
    """Print and draw how the 99th percentile and the median change when the head is cut."""
    figure, axes = plt.subplots(figsize=(6.4, 3.6), layout="constrained")
    whole, *cuts = doses.items()
    for shift, (name, found) in enumerate(cuts):
        at = [k + 0.4 * (shift - 0.5) for k in range(len(found))]
        change = {
            what: [100 * (getattr(found[k], what) / getattr(whole[1][k], what) - 1) for k in found]
            for what in ("e50_V_per_m", "e99_V_per_m")
        }
        for k, median, peak in zip(found, *change.values(), strict=True):
            print(f"| {name} | {k} | {median:+.1f} | {peak:+.1f} |")
        axes.bar(at, change["e50_V_per_m"], 0.36, label=f"{name}: median")
        axes.scatter(at, change["e99_V_per_m"], color="black", marker="_", s=160, zorder=3)
    axes.scatter([], [], color="black", marker="_", s=160, label="99th percentile")
    axes.set_xticks(list(range(len(whole[1]))), [name.replace("_", "\n") for name in whole[1]])
    axes.set_ylabel("change against the head with neck, %")
    axes.legend(frameon=False, fontsize=8)
    figure.savefig(OUT, dpi=130)


def main() -> None:
    """Solve, print and draw."""
    head = assuage.load_head("colin27")
    scalp = Scalp(head)
    as_scanned = float(head.metadata["neck_extension"]["cut_z_mm"]) + 1
    heads = {"with neck": head}
    for name, z_mm in (("as scanned", as_scanned), ("upper head", UPPER_HEAD_Z_MM)):
        heads[name] = replace(cut(head, z_mm), mni=head.mni)
    doses = {name: ect_doses(model, scalp) for name, model in heads.items()}
    for name, dose in doses["with neck"].items():
        print(row(name, dose))
    draw(doses)
    for item in mst.propose(Conductor(head, VOXEL_MM), mst.Train.of(4.0), scalp=scalp):
        print(f"{item.amplitude}, {item.threshold_didt_A_per_s / 1e6:.0f} A/us")
        print(row(f"{item.coil.name}, {item.site.name}", item.dose))


if __name__ == "__main__":
    main()

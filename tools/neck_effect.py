"""How much the neck below the cut of the scan changes the field: docs/img/neck_effect.png and a line per source.

Every source is solved on the embedded head and on the same head cut where the scan ends; the change is the relative L2
difference of E in grey and white matter, by height above the cut.
"""

from pathlib import Path

import matplotlib as mpl
import numpy as np

import assuage
from assuage.field import Conductor, Field
from assuage.sources import Disc, Montage

mpl.use("Agg")
import matplotlib.pyplot as plt

VOXEL_MM = 2.0
MONTAGES = {
    "F3 to Fp2": {"F3": 2e-3, "Fp2": -2e-3},
    "T7 to T8": {"T7": 2e-3, "T8": -2e-3},
    "Cz to Oz": {"Cz": 2e-3, "Oz": -2e-3},
    "FT9 to Cz": {"FT9": 2e-3, "Cz": -2e-3},
}
OUT = Path(__file__).parents[1] / "docs" / "img" / "neck_effect.png"


def cut(head: assuage.Head, z_mm: float) -> assuage.Head:
    """Return the head without anything below a height: the voxels stay, as air."""
    index = round((z_mm - head.affine[2, 3]) / head.affine[2, 2])
    labels = head.labels.copy()
    labels[:, :, :index] = 0
    fractions = {name: value.copy() for name, value in (head.fractions or {}).items()}
    for value in fractions.values():
        value[:, :, :index] = 0
    return assuage.Head.from_labels(
        labels, head.affine, tissues=head.tissues, conductivity_S_per_m=head.conductivity_S_per_m, fractions=fractions
    ).with_fiducials(head.fiducials_mm)


def change_by_height(whole: Field, cropped: Field) -> tuple[np.ndarray, np.ndarray, float]:
    """Return heights (mm), the relative change per 10 mm slab of brain, and that of the whole brain."""
    tags = [k for k, name in enumerate(whole.tissues) if name in {"grey_matter", "white_matter"}]
    brain = np.isin(whole.labels, tags)
    z = whole.affine[2, 2] * np.argwhere(brain)[:, 2] + whole.affine[2, 3]
    E, F = whole.e_V_per_m[brain], cropped.e_V_per_m[brain]
    edges = np.arange(-70, 90, 10.0)
    slab = np.digitize(z, edges)
    part = [np.linalg.norm((E - F)[slab == k]) / np.linalg.norm(E[slab == k]) for k in range(1, len(edges))]
    above = z > edges[0]
    return edges[:-1] + 5, np.array(part), float(np.linalg.norm((E - F)[above]) / np.linalg.norm(E[above]))


def main() -> None:
    """Solve, print and draw."""
    head = assuage.load_head("colin27")
    z_cut = float(head.metadata["neck_extension"]["cut_z_mm"])
    sources = [Montage(currents, shape=Disc(12.0)) for currents in MONTAGES.values()]
    fields = [Conductor(model, VOXEL_MM).solve(sources) for model in (head, cut(head, z_cut + 1))]
    figure, axes = plt.subplots(figsize=(6.4, 4.0), layout="constrained")
    for name, whole, cropped in zip(MONTAGES, *fields, strict=True):
        height, part, total = change_by_height(whole, cropped)
        print(f"{name}: {100 * total:.1f} % in the brain, {100 * part[0]:.0f} % in its lowest slab")
        axes.plot(100 * part, height, marker="o", label=f"{name} ({100 * total:.1f} % in all)")
    axes.set_xlabel("change of E in the brain when the neck is cut off, %")
    axes.set_ylabel("height z, mm (head coordinates)")
    axes.set_xscale("log")
    axes.set_xticks([3, 5, 10, 20, 50, 100], labels=["3", "5", "10", "20", "50", "100"])
    axes.set_xticks([], minor=True)
    axes.grid(alpha=0.3)
    axes.legend(frameon=False)
    figure.savefig(OUT, dpi=130)


if __name__ == "__main__":
    main()

"""Overlay of the tissues on the scan in three planes."""

import io

import matplotlib as mpl
import numpy as np
from PIL import Image

mpl.use("Agg")
import matplotlib.pyplot as plt

COLORS = {
    "white_matter": "#f2f2f2",
    "grey_matter": "#ff8c69",
    "csf": "#3fa7ff",
    "skull": "#ffd23f",
    "scalp": "#7fd17f",
    "eyes": "#c77dff",
    "air": "#ff4fa3",
}

SLICES = (
    *((0, mm) for mm in (-36, 2, 30, 58)),
    *((1, mm) for mm in (-62, -22, 14, 48)),
    *((2, mm) for mm in (-58, -36, 8, 44)),
)


def planes(data, slices):
    """Yield (title, image, {tissue: fraction}) for (axis, mm) pairs."""
    affine = data["affine"]
    for axis, mm in slices:
        k = round((mm - affine[axis, 3]) / affine[axis, axis])
        cut = {n: np.take(f, k, axis).T / 255.0 for n, f in data["fractions"].items()}
        yield f"{'xyz'[axis]} = {mm:g} mm", np.take(data["t1"], k, axis).T, cut


def overlay(data, path, slices=None, *, columns=4, inches=3.0, dpi=80):
    """Write a PNG of half-level contours on the T1."""
    slices = slices or SLICES
    rows = -(-len(slices) // columns)
    figure, axes = plt.subplots(rows, columns, figsize=(inches * columns, inches * rows), facecolor="black")
    for ax in axes.flat:
        ax.axis("off")
    for ax, (title, image, cut) in zip(axes.flat, planes(data, slices), strict=False):
        ax.imshow(image, origin="lower", cmap="gray", vmax=130)
        for name, part in cut.items():
            if part.max() > 0.5 > part.min():
                ax.contour(part, [0.5], colors=COLORS[name], linewidths=0.6)
        ax.set_title(title, color="white", fontsize=8, pad=2)
    handles = [plt.Line2D([], [], color=c, label=n.replace("_", " ")) for n, c in COLORS.items()]
    figure.legend(handles=handles, loc="lower center", ncol=7, fontsize=7, frameon=False, labelcolor="white")
    figure.tight_layout(pad=0.3, rect=(0, 0.03, 1, 1))
    path.parent.mkdir(parents=True, exist_ok=True)
    stream = io.BytesIO()
    figure.savefig(stream, dpi=dpi, facecolor="black")
    plt.close(figure)
    Image.open(stream).convert("RGB").quantize(256, method=Image.Quantize.MAXCOVERAGE).save(path, optimize=True)

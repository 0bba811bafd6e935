"""The page of an individual target: where, how sure, beside the group target, what is contested; one offline file."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from assuage import __version__
from assuage.connectivity import IndividualTarget
from assuage.connectivity.methods import SAYS
from assuage.figures import ACCENT, MUTED, TARGET_COLOUR, drawing, styled, svg
from assuage.head import Head
from assuage.head.minors import lines_of
from assuage.report.slices import orthogonal_png
from assuage.report.templating import environment, template_text
from assuage.report.volumes import Volume

HOW = {"measured": "o", "resampled": "D", "extrapolated": "s"}


def write_target_page(
    target: IndividualTarget, head: Head, probability: NDArray[np.float32], affine: NDArray[np.float64], path: Path
) -> Path:
    """Write the page; `probability` (nx, ny, nz) and its (4, 4) affine are those of `connectivity.volume`."""
    text = (
        environment()
        .get_template("target.html.j2")
        .render(
            target=target,
            record=target.as_json(),
            method=SAYS[target.distribution.method],
            curve=curve_svg(target),
            map=_map(target, head, probability, affine),
            css=template_text("report.css"),
            head=head.name,
            warnings=lines_of(head.warnings),
            version=__version__,
        )
    )
    path.write_text(text, encoding="utf-8")
    return path


def curve_svg(target: IndividualTarget) -> str:
    """Draw repeat distance against minutes with the distance to the group target; returns inline SVG."""
    with drawing():
        figure = styled(6.4, 3.0)
        axes = figure.subplots()
        minutes = [point.minutes for point in target.curve]
        axes.plot(minutes, [point.repeat_mm for point in target.curve], color=ACCENT, linewidth=1.0)
        for how, marker in HOW.items():
            chosen = [point for point in target.curve if point.how == how]
            axes.plot(
                [p.minutes for p in chosen], [p.repeat_mm for p in chosen], marker, color=ACCENT, label=how,
                markerfacecolor="white" if how == "extrapolated" else ACCENT, linestyle="none",
            )  # fmt: skip
        axes.axhline(
            target.facts.group_distance_mm, color=TARGET_COLOUR, linewidth=1.0, label="distance to the group target"
        )
        axes.axhline(
            target.facts.chance_mm, color=MUTED, linewidth=0.8, linestyle=(0, (4, 3)), label="two random points"
        )
        axes.set(xlabel="minutes after scrubbing", ylabel="repeat distance, mm", ylim=(0, None), xlim=(0, None))
        axes.legend(frameon=False, fontsize=7.5, loc="center left", bbox_to_anchor=(1.0, 0.5))
        return svg(figure)


def _map(target: IndividualTarget, head: Head, probability: NDArray[np.float32], affine: NDArray[np.float64]) -> str:
    anatomy = Volume(data=head.labels if head.t1 is None else head.t1, affine=head.affine)
    return orthogonal_png(
        anatomy,
        Volume(data=probability, affine=affine),
        center_mm=target.distribution.mean_mm,
        radius_mm=float(target.distribution.ellipsoid.semi_axes_mm[0]),
        high=float(probability.max()),
        label="probability of a voxel",
    )

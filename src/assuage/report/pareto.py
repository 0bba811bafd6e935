"""What temporal interference trades: depth in the target against depth in the cortex; and how its pairs are named."""

from typing import Any

from assuage.figures import ACCENT, MUTED, RULE, TARGET_COLOUR, drawing, styled, svg
from assuage.plan.interference_tables import (
    ARRAYS_FRONT,
    CORTEX,
    FRONT,
    FRONT_COLUMNS,
    PROPOSED,
    STRONGEST,
    TARGET,
)
from assuage.plan.records import MontageProposal, Table, TechniqueRecord
from assuage.report import words

AT_TARGET, AT_CORTEX = FRONT_COLUMNS.index(TARGET), FRONT_COLUMNS.index(CORTEX)
ARRAYS_LABEL = ARRAYS_FRONT.partition(" with ")[2]
CAPTION = (
    "Every point is a montage of two pairs that no other beats in both respects: up is more modulation of the target, "
    "left is less of the cortex. Along the dashed line the ratio of the two is that of the proposed montage. Depths "
    "are peak to peak, by the lead field; the montages are those of the table."
)
ARRAYS_CAPTION = (
    f" Squares: {ARRAYS_LABEL}, with the same current in each, found from a montage of two pairs by an ascent; others "
    "may be better still."
)


def interference(item: TechniqueRecord) -> dict[str, str]:
    """Return the front's drawing and the caption of the montage of a technique with two carriers; else nothing."""
    if not isinstance(item.proposal, MontageProposal):
        return {"front": "", "front_caption": ""}
    more = ARRAYS_CAPTION if _table(item, ARRAYS_FRONT) is not None else ""
    found = {"front": front(item), "front_caption": CAPTION + more}
    carriers = sorted({e.carrier_Hz for e in item.proposal.electrodes if e.carrier_Hz is not None})
    if len(carriers) > 1:
        said = [
            f"{'–'.join(e.name for e in item.proposal.electrodes if e.carrier_Hz == carrier)} at {carrier:g} Hz"
            for carrier in carriers
        ]
        found["caption"] = (
            f"Two pairs: {words.listing(said)}. Red and blue are the two ends of a pair at one instant; numbers in mA, "
            "zero to peak; the orange cross is the target."
        )
    return found


def front(item: TechniqueRecord) -> str:
    """Draw the Pareto front of a technique as inline SVG; empty where its record holds none."""
    table, arrays = _table(item, FRONT), _table(item, ARRAYS_FRONT)
    if table is None:
        return ""
    rows = [_point(row) for row in table.rows]
    more = [] if arrays is None else [_point(row)[:2] for row in arrays.rows]
    with drawing():
        figure = styled(4.6, 3.3)
        axes = figure.subplots()
        cortex, target = [row[0] for row in rows], [row[1] for row in rows]
        axes.plot(cortex, target, "-o", color=ACCENT, markersize=4.0, linewidth=1.1, zorder=3, label="two pairs")
        if more:
            axes.plot(
                *zip(*more, strict=True), "s", linestyle=(0, (1, 1.5)), color=MUTED, markersize=4.0, linewidth=1.0,
                zorder=2, label=ARRAYS_LABEL,
            )  # fmt: skip
            axes.legend(loc="lower right", frameon=False, fontsize=8)
        for x, y, which in rows:
            if PROPOSED in which:
                ahead = min(1.05 * max(cortex) / x, 1.12 * max(target) / y)
                line: dict[str, Any] = {"color": MUTED, "linewidth": 0.8, "linestyle": (0, (4, 3)), "zorder": 2}
                axes.plot((0, ahead * x), (0, ahead * y), **line)
                axes.plot(x, y, "D", color=TARGET_COLOUR, markersize=8, zorder=5)
                axes.annotate(PROPOSED, (x, y), (9, -4), textcoords="offset points", va="top", color=TARGET_COLOUR)
            if STRONGEST in which:
                axes.plot(x, y, "o", markerfacecolor="white", markeredgecolor=ACCENT, markersize=8, zorder=4)
                axes.annotate(STRONGEST, (x, y), (0, 8), textcoords="offset points", ha="right", color=ACCENT)
        axes.set_xlim(0, 1.06 * max(cortex))
        axes.set_ylim(0, 1.16 * max([*target, *(y for _, y in more)]))
        axes.set_xlabel("modulation of cortex off target, V/m (root mean square)")
        axes.set_ylabel("modulation of the target, V/m")
        axes.grid(color=RULE, linewidth=0.6, zorder=0)
        axes.set_axisbelow(True)
        return svg(figure)


def _table(item: TechniqueRecord, title: str) -> Table | None:
    return next((table for table in item.tables if table.title == title), None)


def _point(row: tuple[str | float | None, ...]) -> tuple[float, float, str]:
    cortex, target = row[AT_CORTEX], row[AT_TARGET]
    if not isinstance(cortex, float) or not isinstance(target, float):
        raise TypeError(f"a row of the front holds {cortex!r} and {target!r} instead of depths")
    return cortex, target, str(row[0]).partition(":")[0]

"""The living review as one offline page: what is known, how far it was read, where it disagrees, what is missing."""

from collections.abc import Sequence
from pathlib import Path

from assuage import __version__
from assuage.circuits.review import Effect, Review
from assuage.protocols.protocol import write_whole
from assuage.report.style import ACCENT, MUTED, drawing, styled, svg
from assuage.report.templating import environment, template_text

ROW_IN, FRAME_IN = 0.27, 0.75
LABEL_SHARE = 0.4


def write_review_page(found: Review, path: Path, *, command: str, rows_sha256: str) -> Path:
    """Write the page; `command` and `rows_sha256`, the hash of all rows, say how to make it again."""
    ratios = [effect for effect in found.effects if effect.is_ratio]
    differences = [effect for effect in found.effects if not effect.is_ratio]
    text = (
        environment()
        .get_template("review.html.j2")
        .render(
            review=found,
            of_nssi=sum(effect.nssi == "yes" for effect in found.effects),
            ratios=forest_svg(ratios, "ratio against the comparison", log=True) if ratios else "",
            differences=forest_svg(differences, "standardised difference", log=False) if differences else "",
            css=template_text("report.css"),
            version=__version__,
            command=command,
            sha256=rows_sha256,
        )
    )
    return write_whole(path, text)


def forest_svg(effects: Sequence[Effect], label: str, *, log: bool) -> str:
    """Draw effects with their intervals, one a line, without a pooled one; returns inline SVG."""
    with drawing():
        figure = styled(9.2, FRAME_IN + ROW_IN * len(effects))
        axes = figure.subplots()
        for row, effect in enumerate(effects):
            axes.plot([effect.low, effect.high], [row, row], color=ACCENT, linewidth=1.1)
            axes.plot(effect.value, row, "s", color=ACCENT, markersize=4.5)
            text = f"{effect.value:g} ({effect.low:g} to {effect.high:g})"
            axes.text(1.02, row, text, transform=axes.get_yaxis_transform(), va="center", fontsize=8)
        axes.axvline(1.0 if log else 0.0, color=MUTED, linewidth=0.8)
        axes.set(ylim=(len(effects) - 0.5, -0.5), xlabel=label)
        labels = [f"{e.citation.split(' et al.')[0]}, {e.technique}: {e.says}" for e in effects]
        axes.set_yticks(range(len(effects)), labels, fontsize=8)
        axes.tick_params(axis="y", length=0)
        axes.spines["left"].set_visible(False)
        if log:
            axes.set_xscale("log")
            axes.set_xticks([0.1, 0.2, 0.5, 1, 2, 5, 10, 20], ["0.1", "0.2", "0.5", "1", "2", "5", "10", "20"])
            axes.minorticks_off()
        return svg(figure)

"""What `assuage evidence meta` does: read, analyse, print a short table, write plots and JSON."""

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from rich.table import Table

from assuage.cli.listing import console
from assuage.cli.output import fresh_directory, print_json, refuse_existing, refuse_filled
from assuage.protocols.protocol import write_whole
from assuage.synthesis.analysis import Analysis, Choices, analyse, columns_given
from assuage.synthesis.pooling import Omnibus
from assuage.synthesis.reading import read_studies
from assuage.synthesis.results_json import as_json as document_of

FEW = 10
"""Below this many effects tests of asymmetry have hardly any power: Sterne et al. 2011, doi:10.1136/bmj.d4002."""


def run(
    file: Path, choices: Choices, *, columns: Sequence[str], plots: Path | None, out: Path | None, as_json: bool
) -> None:
    """Read FILE, analyse it, and write what was asked for."""
    if out is not None:
        refuse_existing(out)
    if plots is not None:
        refuse_filled(plots)
    analysis = analyse(read_studies(file, given=columns_given(columns)), choices)
    document = document_of(analysis, source=file.name)
    if plots is not None:
        _draw(analysis, plots)
    if out is not None:
        goal = out.expanduser().absolute()
        goal.parent.mkdir(parents=True, exist_ok=True)
        write_whole(goal, json.dumps(document, indent=2, ensure_ascii=False) + "\n")
    if as_json:
        print_json(document)
    else:
        _print(analysis)
        for path in (plots, out):
            if path is not None:
                console().print(f"written: {path}", highlight=False)


def _draw(analysis: Analysis, plots: Path) -> None:
    from assuage.figures import write  # noqa: PLC0415  (matplotlib only where plots are asked for)
    from assuage.synthesis.albatross import FEWEST, albatross_figure  # noqa: PLC0415
    from assuage.synthesis.forest import forest_figure, null_value  # noqa: PLC0415
    from assuage.synthesis.funnel import funnel_figure  # noqa: PLC0415

    effects = analysis.effects
    has_sizes = np.sum(np.isfinite(effects.people)) >= FEWEST and null_value(effects.measure.name) is not None
    with fresh_directory(plots) as folder:
        write(forest_figure(analysis), folder, "forest")
        write(funnel_figure(analysis), folder, "funnel")
        if has_sizes:
            write(albatross_figure(effects.y, effects.v, effects.people, effects.measure.name), folder, "albatross")


def _print(analysis: Analysis) -> None:
    screen = console()
    effects = analysis.effects
    screen.print(f"[bold]{effects.measure.words}[/bold], k = {effects.k}; {_model(analysis)}", highlight=False)
    screen.print(_coefficients(analysis))
    for line in _figures(analysis):
        screen.print(f"  {line}", highlight=False)
    if analysis.subgroups:
        screen.print(_subgroups(analysis))
        screen.print(f"  between groups: {_omnibus(analysis.subgroups.separate_tau2)} (tau² in each)", highlight=False)
    for dropped in effects.dropped:
        screen.print(f"  left out: row {dropped.line}, {dropped.label}: {dropped.why}", highlight=False)
    for note in analysis.notes:
        screen.print(f"  note: {note}", highlight=False)


def _model(analysis: Analysis) -> str:
    choices = analysis.choices
    counted = analysis.counted_result
    if counted:
        return {"MH": "Mantel-Haenszel", "Peto": "Peto"}[counted.method]
    if analysis.multilevel:
        errors = f", {choices.robust} standard errors" if choices.robust else f", test {analysis.multilevel.test}"
        return f"multilevel ({' / '.join(choices.cluster)}), {analysis.multilevel.method}{errors}"
    kind = "common effect" if analysis.fit.method == "EE" else f"random effects, {analysis.fit.method}"
    return f"{kind}, test {choices.test}"


def _coefficients(analysis: Analysis) -> Table:
    level = f"{100 * analysis.choices.level:g} % CI"
    table = Table(box=None, pad_edge=False)
    counted = analysis.counted_result
    shown = analysis.robust or (analysis.multilevel or analysis.fit).coefficients
    pooled = counted is not None or (shown.estimate.size == 1 and analysis.fit.intercept_only)
    back = pooled and analysis.effects.back(0.5) is not None
    headings = (
        "",
        "estimate",
        "se",
        level,
        "z" if counted or (shown.df_each is None and shown.df is None) else "t",
        "p",
    )
    for heading in (*headings, *(("back-transformed",) if back else ())):
        table.add_column(heading, justify="left" if heading == "" else "right")
    rows: list[dict[str, Any]] = shown.rows() if counted is None else [
        {"name": "pooled", "estimate": counted.estimate, "se": counted.se, "ci_low": counted.ci_low,
         "ci_high": counted.ci_high, "statistic": counted.statistic, "p_value": counted.p_value}
    ]  # fmt: skip
    for row in rows:
        cells = [
            "pooled" if pooled else str(row["name"]), f"{row['estimate']:.4f}", f"{row['se']:.4f}",
            f"{row['ci_low']:.4f} to {row['ci_high']:.4f}", f"{row['statistic']:.4f}", _p(row["p_value"]),
        ]  # fmt: skip
        if back:
            a, b, c = (analysis.effects.back(row[key]) for key in ("estimate", "ci_low", "ci_high"))
            cells.append(f"{a:.4f} ({b:.4f} to {c:.4f})")
        table.add_row(*cells)
    return table


def _figures(analysis: Analysis) -> list[str]:
    """Return the lines below the coefficients."""
    counted = analysis.counted_result
    if counted:
        return [f"heterogeneity: {_omnibus(counted.q, 'Q')}; I² {counted.i2_percent:.2f} %"]
    lines = []
    if analysis.multilevel:
        fit = analysis.multilevel
        lines += [
            f"sigma² {level.name}: {level.variance:.4f} ({level.ci[0]:.4f} to {level.ci[1]:.4f}), "
            f"{level.units} units, {level.share_percent:.1f} % of the total"
            for level in fit.levels
        ]
        lines.append(f"heterogeneity: {_omnibus(fit.q, 'Q')}; I² {fit.i2_percent:.2f} %")
        prediction, moderators = fit.prediction, fit.moderators
    else:
        h = analysis.fit.heterogeneity
        if analysis.fit.method != "EE":
            lines.append(
                f"tau² {h.tau2:.4f} (se {h.tau2_se:.4f}; {h.tau2_ci[0]:.4f} to {h.tau2_ci[1]:.4f}); "
                f"I² {h.i2_percent:.2f} % ({h.i2_ci[0]:.2f} to {h.i2_ci[1]:.2f}); H² {h.h2:.2f}"
            )
        lines.append(f"heterogeneity: {_omnibus(h.q, 'Q')}")
        prediction, moderators = analysis.fit.prediction, analysis.fit.moderators
    if moderators:
        r2 = analysis.fit.r2_percent
        explained = f"; R² {r2:.2f} %" if r2 is not None and not analysis.multilevel else ""
        lines.append(f"moderators: {_omnibus(moderators)}{explained}")
    if prediction:
        lines.append(f"prediction interval: {prediction[0]:.4f} to {prediction[1]:.4f}{_back(analysis, prediction)}")
    return lines + _small(analysis)


def _back(analysis: Analysis, pair: tuple[float, float]) -> str:
    low, high = (analysis.effects.back(value) for value in pair)
    return "" if low is None or high is None else f", back-transformed {low:.4f} to {high:.4f}"


def _small(analysis: Analysis) -> list[str]:
    lines = []
    marked = [analysis.effects.labels[d.index] for d in analysis.influence if d.influential]
    if marked and not analysis.multilevel:
        lines.append(f"influential: {', '.join(marked)}")
    small, filled = analysis.small_study, analysis.trim_fill.get("L0")
    if small and analysis.effects.k < FEW:
        lines.append(f"small studies: fewer than {FEW} effects tell little (Sterne et al. 2011); figures with --json")
    elif small and filled and not analysis.multilevel:
        egger = f"Egger p {_p(small.egger_mixed.p_value)}, " if small.egger_mixed else ""
        pooled = f"{float(filled.fit.coefficients.estimate[0]):.4f}"
        added = f"{filled.missing} on the {filled.side}: {pooled}" if filled.missing else "none"
        lines.append(f"small studies: {egger}rank p {_p(small.rank.p_value)}; trim and fill adds {added}")
    return lines


def _subgroups(analysis: Analysis) -> Table:
    table = Table(box=None, pad_edge=False)
    found = analysis.subgroups
    assert found is not None
    for heading in (found.column, "k", "estimate", f"{100 * analysis.choices.level:g} % CI", "tau²", "I² %"):
        table.add_column(heading, justify="left" if heading == found.column else "right")
    for name, fit in found.groups:
        c, h = fit.coefficients, fit.heterogeneity
        table.add_row(
            name, str(fit.k), f"{c.estimate[0]:.4f}", f"{c.ci_low[0]:.4f} to {c.ci_high[0]:.4f}", f"{h.tau2:.4f}",
            f"{h.i2_percent:.1f}",
        )  # fmt: skip
    return table


def _omnibus(test: Omnibus, word: str | None = None) -> str:
    if test.df2 is None:
        return f"{word or 'QM'}({test.df1}) = {test.statistic:.4f}, p {_p(test.p_value)}"
    return f"F({test.df1}, {test.df2:g}) = {test.statistic:.4f}, p {_p(test.p_value)}"


def _p(p: float) -> str:
    return "–" if math.isnan(p) else "< 0.0001" if p < 0.0001 else f"{p:.4f}"

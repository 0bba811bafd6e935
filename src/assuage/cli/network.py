"""What `assuage evidence nma` does: read, analyse, write, print."""

import contextlib
import csv
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer

from assuage.cli.output import fresh_directory, print_json, refuse_filled
from assuage.errors import DataError
from assuage.synthesis.network_analysis import COMMON, NetworkMetaAnalysis, network_meta_analysis
from assuage.synthesis.network_arms import MEASURES
from assuage.synthesis.network_bayes import BayesCheck, Prior, bayes_check, read_prior
from assuage.synthesis.network_binomial import binomial_check
from assuage.synthesis.network_confidence import confidence, study_weights, transitivity
from assuage.synthesis.network_model import METHODS
from assuage.synthesis.network_tables import read_network


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """The options of the command."""

    table: Path
    measure: str | None
    method: str
    reference: str | None
    small_values: str | None
    level: float
    columns: str | None
    continuity: float
    important: float | None
    reporting_bias: str | None
    bayes: str | None
    bayes_prior: str | None
    draws: int
    seed: int
    plots: Path | None
    out: Path | None
    as_json: bool


def run(request: Request) -> None:
    """Analyse a table and hand out what was asked for."""
    for folder in (request.plots, request.out):
        if folder is not None:
            refuse_filled(folder)
    if request.plots is not None and request.plots == request.out:
        raise DataError(f"--plots and --out are both {request.out}; name two folders")
    if request.bayes_prior is not None and not request.bayes:
        raise DataError(f"--bayes-prior {request.bayes_prior} is without --bayes; add --bayes normal")
    if request.bayes not in {None, "normal", "binomial"}:
        raise DataError(f"--bayes {request.bayes!r} is not known; write normal or binomial")
    method = known(request.method, (*METHODS, *COMMON)) or "DL"
    if method == "MH":
        _require_no_correction(request)
    network = read_network(
        request.table,
        measure=known(request.measure, MEASURES),
        columns=read_columns(request.columns),
        continuity=request.continuity,
    )
    result = network_meta_analysis(
        network, method=method, reference=request.reference,
        small_values=request.small_values or "desirable", level=request.level, seed=request.seed, draws=request.draws,
    )  # fmt: skip
    document = {"file": request.table.name, **result.as_json(), **_further(result, request)}
    with contextlib.ExitStack() as stack:
        if request.plots is not None:
            from assuage.synthesis.network_plots import write_plots  # noqa: PLC0415 (matplotlib is slow to load)

            write_plots(result, stack.enter_context(fresh_directory(request.plots)))
        if request.out is not None:
            _write(document, stack.enter_context(fresh_directory(request.out)))
    if request.as_json:
        print_json(document)
    else:
        typer.echo(_text(result, document, request))


def _require_no_correction(request: Request) -> None:
    if request.continuity != 0.5:
        raise DataError(f"--continuity {request.continuity:g}: --method MH corrects no cells; leave it out")
    if request.bayes == "normal":
        raise DataError("--bayes normal corrects zero cells, and --method MH does not; take --bayes binomial")


ALSO_CALLED = {"fe": "common", "ee": "common", "ce": "common", "fixed": "common", "random": "DL", "gen": "generic"}


def known(text: str | None, names: Sequence[str]) -> str | None:
    """Return a name as it is known, whatever its capitals; what is not known is refused where it is used."""
    word = None if text is None else ALSO_CALLED.get(text.lower(), text).lower()
    return next((name for name in names if name.lower() == word), text)


def read_columns(text: str | None) -> dict[str, str]:
    """Read `role=name,role=name`.

    Raises
    ------
    DataError
        A part without an equals sign.
    """
    found = {}
    for part in (text or "").split(","):
        role, equals, name = part.partition("=")
        if text and (not equals or not role.strip() or not name.strip()):
            raise DataError(f"--columns {text}: {part!r} is not role=name; write for example events=stroke,n=total")
        if equals:
            found[role.strip()] = name.strip()
    return found


def _further(result: NetworkMetaAnalysis, request: Request) -> dict[str, Any]:
    judged = [
        {
            "treatment1": c.first, "treatment2": c.second, "grade": c.grade,
            "domains": {name: {"judgement": d.judgement, "why": d.why} for name, d in c.domains.items()},
        }
        for c in confidence(result, important=request.important, reporting=request.reporting_bias)
    ]  # fmt: skip
    further: dict[str, Any] = {
        "transitivity": transitivity(result.network), "confidence": judged,
        "study_weights": [
            {"treatment1": a, "treatment2": b, "weights": shares} for (a, b), shares in study_weights(result).items()
        ],
    }  # fmt: skip
    if request.bayes:
        prior = read_prior(request.bayes_prior, result.network)
        check = _posterior(result, request, prior)
        further["bayes"] = {"likelihood": request.bayes, **check.as_json()}
    return further


def _posterior(result: NetworkMetaAnalysis, request: Request, prior: Prior) -> BayesCheck:
    if request.bayes == "normal":
        return bayes_check(result.network, reference=result.reference, prior=prior, level=result.level)
    return binomial_check(
        result.network, reference=result.reference, prior=prior, level=result.level, seed=request.seed
    )


def _write(document: dict[str, Any], folder: Path) -> None:
    (folder / "nma.json").write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    model = document["random"] or document["common"]
    _table(folder / "league_table.csv", _league_table(model))
    _table(folder / "league.csv", (_flat(row) for row in model["league"]))
    _table(
        folder / "ranks.csv",
        ({**row, "probabilities": " ".join(f"{p:.4f}" for p in row["probabilities"])} for row in model["ranks"]),
    )
    _table(folder / "node_splits.csv", (_flat(row) for row in model["node_splits"]))
    _table(folder / "transitivity.csv", (_flat(row) for row in document["transitivity"]))
    _table(folder / "confidence.csv", (_flat(row) for row in document["confidence"]))


def _league_table(model: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the usual square: best P-score first; below the diagonal the network, row against column; above it direct
    evidence, column against row.
    """
    names = [rank["treatment"] for rank in model["ranks"]]
    cells: dict[tuple[str, str], dict[str, Any]] = {}
    for row in model["league"]:
        cells[row["treatment1"], row["treatment2"]] = row
    table = []
    for i, name in enumerate(names):
        line: dict[str, Any] = {"treatment": name}
        for j, other in enumerate(names):
            first, second = (name, other) if i > j else (other, name)
            row = cells.get((first, second)) or cells.get((second, first))
            found = None if row is None else row if i > j else row["direct"]
            line[other] = "" if found is None else _span(found, turned=(first, second) not in cells)
        table.append(line)
    return table


def _span(row: dict[str, Any], *, turned: bool) -> str:
    if "ratio" in row:
        middle, low, high = row["ratio"], row["ratio_low"], row["ratio_high"]
        middle, low, high = (1 / middle, 1 / high, 1 / low) if turned else (middle, low, high)
    else:
        middle, low, high = row["estimate"], row["ci_low"], row["ci_high"]
        middle, low, high = (-middle, -high, -low) if turned else (middle, low, high)
    return f"{middle:.4g} ({low:.4g} to {high:.4g})"


def _flat(row: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in row.items():
        if isinstance(value, dict):
            flat |= _flat(value, f"{prefix}{key}.")
        else:
            flat[prefix + key] = value
    return flat


def _table(path: Path, rows: Iterable[dict[str, Any]]) -> None:
    kept = list(rows)
    names = list(dict.fromkeys(name for row in kept for name in row))
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, names)
        writer.writeheader()
        writer.writerows(kept)


def _text(result: NetworkMetaAnalysis, document: dict[str, Any], request: Request) -> str:
    """Return what a reader needs first: effects, heterogeneity, inconsistency, ranks, and what was assumed."""
    model = document["random"] or document["common"]
    kind = f"random effects, tau^2 by {result.method}" if result.random else "common effect"
    kind += " by Mantel-Haenszel, no continuity correction" if result.method == "MH" else ""
    lines = [
        f"{document['n_studies']} studies, {document['n_treatments']} treatments, {document['n_designs']} designs; "
        f"{result.network.measure}, {kind}",
        "",
    ]
    scores = {rank["treatment"]: rank for rank in model["ranks"]}
    stem = "ratio" if result.is_ratio else "estimate"
    low, high = ("ratio_low", "ratio_high") if result.is_ratio else ("ci_low", "ci_high")
    head = [
        f"against {result.reference}", result.network.measure, f"{100 * result.level:g} % interval", "p", "P-score",
        "SUCRA",
    ]  # fmt: skip
    body = [
        [
            row["treatment"], f"{row[stem]:.4g}", f"{row[low]:.4g} to {row[high]:.4g}", _p(row["p_value"]),
            f"{scores[row['treatment']]['p_score']:.3f}", f"{scores[row['treatment']]['sucra']:.3f}",
        ]
        for row in sorted(model["against_reference"], key=lambda r: -scores[r["treatment"]]["p_score"])
    ]  # fmt: skip
    own = scores[result.reference]
    body.append([result.reference, "reference", "", "", f"{own['p_score']:.3f}", f"{own['sucra']:.3f}"])
    lines += [*_aligned([head, *body]), ""]
    q = result.q
    if q.p_value is not None and result.i2 is not None:
        span = (
            f" ({100 * result.i2_interval[0]:.1f} to {100 * result.i2_interval[1]:.1f})" if result.i2_interval else ""
        )
        tau = "" if result.tau2 is None else f"tau^2 {result.tau2:.4g}"
        if tau and result.tau2_interval:
            tau += f" ({result.tau2_interval[0]:.4g} to {result.tau2_interval[1]:.4g})"
        lines.append(
            "; ".join(
                filter(None, [tau, f"I^2 {100 * result.i2:.1f} %{span}", f"Q {q.q:.2f}, df {q.df}, p {_p(q.p_value)}"])
            )
        )
    found = result.decomposition
    if found.between.p_value is not None:
        wald = (
            f"; design by treatment under random effects {found.interaction.q:.2f}, p {_p(found.interaction.p_value)}"
        )
        lines.append(
            f"between designs Q {found.between.q:.2f}, df {found.between.df}, p {_p(found.between.p_value)}"
            + (wald if result.method != "MH" else "")
        )
        apart = [row for row in model["league"] if row["difference"] and row["difference"]["p_value"] < 0.10]
        named = ", ".join(f"{r['treatment1']} - {r['treatment2']} (p {_p(r['difference']['p_value'])})" for r in apart)
        lines.append(f"direct and indirect evidence differ (p < 0.10): {named or 'nowhere'}")
    else:
        lines.append("no loop of independent evidence: inconsistency cannot be tested")
    if "bayes" in document:
        tau = document["bayes"]["tau"]
        span = f"{tau['median']:.3g} ({tau['ci_low']:.3g} to {tau['ci_high']:.3g})"
        prior, scale = document["bayes"]["prior"], "; effects as logarithms" if result.is_ratio else ""
        lines.append(f"Bayesian check, {request.bayes} likelihood, tau ~ {prior}: tau median {span}{scale}")
        for row in document["bayes"]["against_reference"]:
            lines.append(f"  {row['treatment']}: {row['mean']:.4g} ({row['ci_low']:.4g} to {row['ci_high']:.4g})")
    if request.small_values is None:
        lines.append("small values were taken as desirable; say --small-values undesirable where they are not")
    lines += [f"note: {note}" for note in result.notes]
    lines += [f"left out: {name}: {why}" for name, why in result.network.excluded]
    lines += [f"written: {folder}" for folder in (request.out, request.plots) if folder is not None]
    return "\n".join(lines)


def _p(p: float | None) -> str:
    return "-" if p is None else "< 0.0001" if p < 0.0001 else f"{p:.4f}"


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return [
        "  ".join(
            cell.ljust(w) if i == 0 else cell.rjust(w) for i, (cell, w) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]

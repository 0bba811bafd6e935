"""`assuage evidence nma`: a network meta-analysis of one table."""

from pathlib import Path
from typing import Annotated

import typer

from assuage.cli.options import AsJson, number

EPILOG = (
    "Example: assuage evidence nma trials.csv --reference placebo --small-values desirable --plots pictures. "
    "Example: assuage evidence nma trials.csv --measure RR --method REML --json. "
    "Example: assuage evidence nma trials.csv --columns events=stroke,n=total --important 1.25 --out nma"
)


def nma(  # noqa: PLR0913, PLR0917 (each option of the command is a parameter)
    table: Annotated[
        Path,
        typer.Argument(
            help="CSV: arms (study, treatment, events, n | mean, sd, n | events, person_time), the same wide (treat1, "
            "event1, n1, treat2, ...), or contrasts (study, treat1, treat2, effect, se).",
            metavar="FILE.csv",
        ),
    ],
    measure: Annotated[
        str | None,
        typer.Option(
            "--measure",
            help="Default: OR for counts, MD for means, IRR for rates.",
            metavar="OR|RR|RD|IRR|MD|SMD|ROM|HR|generic",
        ),
    ] = None,
    method: Annotated[
        str,
        typer.Option(
            "--method",
            help="Estimator of tau^2, or the common effect; MH: Mantel-Haenszel for rare events.",
            metavar="DL|REML|ML|common|MH",
        ),
    ] = "DL",
    reference: Annotated[
        str | None,
        typer.Option("--reference", help="Default: the treatment in most studies.", metavar="TREATMENT"),
    ] = None,
    small_values: Annotated[
        str | None,
        typer.Option("--small-values", help="For the ranking; default: desirable.", metavar="desirable|undesirable"),
    ] = None,
    level: Annotated[
        float, typer.Option("--level", parser=number("0.95"), metavar="NUMBER", help="Of all intervals.")
    ] = 0.95,
    columns: Annotated[
        str | None,
        typer.Option("--columns", help="For names that are not known: events=stroke,n=total.", metavar="ROLE=NAME,..."),
    ] = None,
    continuity: Annotated[
        float,
        typer.Option(
            "--continuity",
            parser=number("0.5"),
            metavar="NUMBER",
            help="Added in every arm of a study with a zero cell.",
        ),
    ] = 0.5,
    important: Annotated[
        float | None,
        typer.Option(
            "--important",
            parser=number("1.25"),
            metavar="NUMBER",
            help="Smallest effect that matters (a ratio above 1, or a difference), for imprecision and heterogeneity.",
        ),
    ] = None,
    reporting_bias: Annotated[
        str | None,
        typer.Option("--reporting-bias", help="Your judgement for the whole network.", metavar="low|some|high"),
    ] = None,
    bayes: Annotated[
        str | None,
        typer.Option(
            "--bayes",
            metavar="normal|binomial",
            help="Also a posterior: exact for the normal model, or sampled for counts (extra bayes).",
        ),
    ] = None,
    bayes_prior: Annotated[
        str | None,
        typer.Option("--bayes-prior", help="Of tau, with --bayes.", metavar="uniform:5|half-normal:1"),
    ] = None,
    draws: Annotated[int, typer.Option("--draws", help="Of the simulated ranks.")] = 20_000,
    seed: Annotated[int, typer.Option("--seed", help="Of the simulated ranks.")] = 0,
    plots: Annotated[
        Path | None, typer.Option("--plots", help="New folder for network, forest and ranks as SVG.", metavar="DIR")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="New folder for nma.json and the tables as CSV.", metavar="DIR")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Network meta-analysis: effects, league table, ranks, inconsistency, confidence."""
    from assuage.cli import network

    network.run(
        network.Request(
            table=table, measure=measure, method=method, reference=reference, small_values=small_values, level=level,
            columns=columns, continuity=continuity, important=important,
            reporting_bias=reporting_bias, bayes=bayes, bayes_prior=bayes_prior,
            draws=draws, seed=seed, plots=plots, out=out, as_json=as_json,
        )
    )  # fmt: skip

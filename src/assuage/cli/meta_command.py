"""`assuage evidence meta`: a table of studies -> pooled effect, heterogeneity, influence, small-study tests, plots."""

from pathlib import Path
from typing import Annotated

import typer

from assuage.cli.options import AsJson, number

EPILOG = (
    "Example: assuage evidence meta bcg.csv --measure RR --moderators ablat --plots plots. "
    "Example: assuage evidence meta schools.csv --cluster district,school --json. "
    "Columns and defaults: docs/meta_analysis.md."
)


def meta(  # noqa: PLR0913, PLR0917 (each option of the command is a parameter)
    file: Annotated[Path, typer.Argument(help="CSV or TSV: one row per effect.", metavar="FILE.csv")],
    measure: Annotated[
        str | None,
        typer.Option(
            "--measure",
            help="OR RR RD PETO IRR IRD HR SMD MD ROM SMCC SMCR MC COR ZCOR PR PLO; default: by the columns (OR, MD).",
            metavar="NAME",
        ),
    ] = None,
    method: Annotated[
        str, typer.Option("--method", help="REML ML DL PM EB HE HS SJ, EE (common effect), MH, Peto.", metavar="NAME")
    ] = "REML",
    test: Annotated[
        str, typer.Option("--test", help="z, t, hk (Hartung-Knapp), hk-adhoc (never narrower than t).", metavar="NAME")
    ] = "z",
    moderators: Annotated[
        str | None,
        typer.Option("--moderators", help="Columns of a meta-regression; factor(COLUMN), A:B.", metavar="A,B,..."),
    ] = None,
    intercept: Annotated[bool, typer.Option("--intercept/--no-intercept", help="Of the meta-regression.")] = True,
    subgroup: Annotated[
        str | None, typer.Option("--subgroup", help="Column whose groups are pooled apart.", metavar="COLUMN")
    ] = None,
    where: Annotated[
        list[str] | None,
        typer.Option("--where", help="Only rows with this value; may be repeated.", metavar="COLUMN=VALUE"),
    ] = None,
    cluster: Annotated[
        str | None,
        typer.Option("--cluster", help="Nested columns of a multilevel model, outermost first.", metavar="A,B,..."),
    ] = None,
    row_level: Annotated[
        bool, typer.Option("--row-level/--no-row-level", help="A random effect for each row below --cluster.")
    ] = True,
    rho: Annotated[
        float, typer.Option("--rho", parser=number("0.6"), help="Correlation of errors in a cluster.", metavar="NUMBER")
    ] = 0.0,
    robust: Annotated[
        str | None,
        typer.Option(
            "--robust", help="Cluster-robust standard errors of the multilevel model.", metavar="CR2|CR1|CR1p"
        ),
    ] = None,
    level: Annotated[
        float, typer.Option("--level", parser=number("0.95"), help="Of all intervals.", metavar="NUMBER")
    ] = 0.95,
    reported_level: Annotated[
        float,
        typer.Option("--reported-level", parser=number("0.95"), help="Of the file's own intervals.", metavar="NUMBER"),
    ] = 0.95,
    prediction: Annotated[
        str,
        typer.Option(
            "--prediction", help="Prediction interval by the test's own quantile, or t with k-2.", metavar="test|k-2"
        ),
    ] = "test",
    smd_variance: Annotated[
        str, typer.Option("--smd-variance", help="Variance of Hedges' g.", metavar="large-sample|unbiased")
    ] = "large-sample",
    drop_double_zeros: Annotated[
        bool, typer.Option("--drop-double-zeros", help="Leave out studies without events in both arms.")
    ] = False,
    convert: Annotated[
        bool, typer.Option("--convert", help="Also rows of another outcome: counts or r as SMD, means as OR.")
    ] = False,
    trim_side: Annotated[
        str | None,
        typer.Option("--trim-side", help="Where trim and fill looks; default: by the slope.", metavar="left|right"),
    ] = None,
    columns: Annotated[
        str | None,
        typer.Option("--columns", help="What a column is, where its name does not say it.", metavar="ROLE=COLUMN,..."),
    ] = None,
    plots: Annotated[
        Path | None,
        typer.Option("--plots", help="New folder for forest, funnel, albatross: SVG and PNG.", metavar="DIR"),
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", help="New file for the JSON document.", metavar="FILE")] = None,
    as_json: AsJson = False,
) -> None:
    """Pool the studies of a table: effect, heterogeneity, prediction, influence, small-study tests, plots."""
    from assuage.cli import meta_report
    from assuage.synthesis.analysis import Choices, split

    choices = Choices(
        measure=measure,
        method=method,
        test=test,
        level=level,
        reported_level=reported_level,
        moderators=split(moderators),
        intercept=intercept,
        subgroup=subgroup,
        cluster=split(cluster),
        row_level=row_level,
        rho=rho,
        robust=robust,
        prediction_df=prediction,
        smd_variance=smd_variance,
        drop_double_zeros=drop_double_zeros,
        convert=convert,
        where=tuple(where or ()),
        trim_side=trim_side,
    )
    meta_report.run(file, choices, columns=split(columns), plots=plots, out=out, as_json=as_json)

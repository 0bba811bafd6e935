"""`assuage evidence grades`: how much was studied by technique, target and people, with the trials behind it."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from assuage.cli.evidence_tables import Tables, print_replaced
from assuage.cli.options import AsJson
from assuage.cli.output import print_json
from assuage.errors import DataError

if TYPE_CHECKING:
    from assuage.evidence.grades import Trial
    from assuage.evidence.strata import Stratum

GRADES_EPILOG = (
    "Example: assuage evidence grades --technique itbs --age adolescents. "
    "Example: assuage evidence grades --target 'left DLPFC' --nssi-only --json"
)


def grades_command(
    technique: Annotated[str, typer.Option("--technique", help="As in a plan, such as itbs.", metavar="NAME")] = "",
    target: Annotated[
        str, typer.Option("--target", help="Text of a region or of a target of a trial.", metavar="TEXT")
    ] = "",
    age: Annotated[str, typer.Option("--age", help="Only this age.", metavar="adolescents|adults")] = "",
    nssi_only: Annotated[
        bool, typer.Option("--nssi-only", help="Only people chosen because of non-suicidal self-injury.")
    ] = False,
    own: Tables = None,
    as_json: AsJson = False,
) -> None:
    """Grade technique by target, sample and age: each with its trials, and what counts elsewhere as indirect."""
    from assuage.evidence import load_evidence
    from assuage.evidence.grades import own_trials, trials_of
    from assuage.evidence.strata import AGES, strata

    evidence = load_evidence(own)
    trials = trials_of(evidence)
    print_replaced(evidence)
    names = sorted({name for trial in trials for name in trial.techniques})
    if technique and technique not in names:
        raise DataError(f"--technique {technique!r} has no trial; techniques: {', '.join(names)}")
    if age and age not in AGES:
        raise DataError(f"--age {age!r} is no age of the grades; ages: {', '.join(AGES)}")
    places = _places(target, trials) if target else ("",)
    found = [
        stratum
        for name in ([technique] if technique else names)
        for place in places
        for stratum in strata(name, trials, target=place)
        if (not place or stratum.target == place)
        and (not age or stratum.age == age)
        and (not nssi_only or stratum.sample == "nssi")
    ]
    own_rows = own_trials(evidence)
    if as_json:
        from assuage.plan.evidence_record import StratumRecord

        print_json(
            {
                "strata": [
                    {"technique": s.technique, **StratumRecord.taken_from(s).model_dump(mode="json")} for s in found
                ],
                "own_rows_not_graded": [trial.id for trial in own_rows if not trial.techniques],
                "not_judged": {trial.id: list(trial.not_judged) for trial in own_rows if trial.not_judged},
            }
        )
        return
    _print([stratum for stratum in found if technique or target or stratum.trials], len(found), own_rows)


def _places(text: str, trials: "Sequence[Trial]") -> tuple[str, ...]:
    """Return the targets that a text means: of trials, and regions of circuits whether trials have them or not."""
    from assuage.circuits import circuit_names, load_circuit
    from assuage.evidence.strata import target_name, target_of

    as_printed = {trial.target.casefold(): target_of(trial) for trial in trials if trial.target}
    if text.casefold() in as_printed:
        return (as_printed[text.casefold()],)
    regions = [region for name in circuit_names() for region in load_circuit(name).regions]
    known = sorted({*map(target_of, trials), *(target_name(r.name, r.hemisphere) for r in regions)})
    held = tuple(name for name in known if text.casefold() in name.casefold())
    if not held:
        raise DataError(f"--target {text!r} is no region of a circuit and no target of a trial: {', '.join(known)}")
    return held


def _print(shown: "Sequence[Stratum]", whole: int, own_rows: "Sequence[Trial]") -> None:
    from rich.table import Table
    from rich.text import Text

    from assuage.cli.listing import console

    screen = console()
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 1, 0, 0))
    for heading in ("technique", "target", "people", "grade", "why, and what counts elsewhere"):
        table.add_column(heading, overflow="fold")
    for stratum in shown:
        indirect = f"\nindirect: {stratum.indirect_words}" if stratum.indirect else ""
        cells = (stratum.technique, stratum.target, stratum.people, stratum.grade, stratum.reason + indirect)
        table.add_row(*map(Text, cells))
    if shown:
        screen.print(table)
    lines = [f"{len(shown)} strata. A grade says how much was studied, not that it works (docs/chooser.md)"]
    if whole > len(shown):
        lines.append(f"{whole - len(shown)} strata without a trial are not shown: --technique NAME shows them")
    left = [trial.id for trial in own_rows if not trial.techniques]
    if left:
        lines.append(f"not graded, for no technique of a plan: {', '.join(left)} (column plan_technique)")
    blank = [f"{t.id} ({', '.join(t.not_judged)})" for t in own_rows if t.techniques and t.not_judged]
    if blank:
        lines.append(f"not judged, so taken by the rule of docs/evidence.md: {'; '.join(blank)}")
    for line in lines:
        screen.print(Text(line))

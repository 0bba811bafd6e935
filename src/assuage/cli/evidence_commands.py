"""`assuage evidence`: the sub-commands of evidence and its synthesis, each in a file of its own."""

import typer

from assuage.cli.evidence_add import ADD_EPILOG, add_command
from assuage.cli.evidence_grades import GRADES_EPILOG, grades_command
from assuage.cli.evidence_maps import CBMA_EPILOG, DIRECTIONS_EPILOG, cbma_command, coordinates_app, directions_command
from assuage.cli.evidence_report import REPORT_EPILOG, report_command
from assuage.cli.evidence_tables import QUERY_EPILOG, VALIDATE_EPILOG, query_command, validate_command
from assuage.cli.meta_command import EPILOG as META_EPILOG
from assuage.cli.meta_command import meta
from assuage.cli.nma_command import EPILOG as NMA_EPILOG
from assuage.cli.nma_command import nma

evidence_app = typer.Typer(no_args_is_help=True, help="Evidence: tables with sources, and their synthesis.")
evidence_app.command("validate", epilog=VALIDATE_EPILOG)(validate_command)
evidence_app.command("query", epilog=QUERY_EPILOG)(query_command)
evidence_app.command("add", epilog=ADD_EPILOG)(add_command)
evidence_app.add_typer(coordinates_app, name="coordinates")
evidence_app.command("directions", epilog=DIRECTIONS_EPILOG)(directions_command)
evidence_app.command("grades", epilog=GRADES_EPILOG)(grades_command)
evidence_app.command("cbma", epilog=CBMA_EPILOG)(cbma_command)
evidence_app.command("report", epilog=REPORT_EPILOG)(report_command)
evidence_app.command("nma", epilog=NMA_EPILOG)(nma)
evidence_app.command("meta", epilog=META_EPILOG)(meta)

"""The `vigie` command: one module a group of commands.

Data goes to standard output, everything else to standard error. Exit status: 0 good, 1 problems
were found, 2 used wrongly.
"""

import sys
from socket import gaierror

import typer
from pydantic import ValidationError
from sqlalchemy.exc import InterfaceError, OperationalError

from handlers.app import NotReady
from handlers.cli import (
    alert,
    areas,
    audit,
    backtest,
    backup,
    check,
    codes,
    coordinator,
    costs,
    doctor,
    drill,
    explain,
    export,
    feedback,
    keys,
    late,
    panic,
    parse,
    people,
    record,
    route,
    scan,
    serving,
    setup,
    test_rules,
    trace,
)
from handlers.hardening import harden
from service import telemetry
from service.audit import NotNoted
from service.backup import BackupError
from service.content import ContentError
from service.coordinators import Refused
from service.vault.keys import KeysError

app = typer.Typer(
    name="vigie",
    help="SMS/USSD community early warning: coded reports in, anonymised alerts out, the reporter "
    "shielded. Settings come from VIGIE_* in the environment: see deploy/README.md.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command("init")(setup.init)
app.command("serve")(serving.serve)
app.command("check")(check.check)
app.command("backtest")(backtest.backtest)
app.command("test-rules")(test_rules.run)
app.command("explain")(explain.explain)
app.command("export")(export.export)
app.command("feedback")(feedback.feedback)
app.command("costs")(costs.costs)
app.command("scan")(scan.scan)
app.command("late")(late.late)
app.command("parse")(parse.parse)
app.command("codes")(codes.codes)
app.command("route")(route.route)
app.command("doctor")(doctor.doctor)
app.command("panic")(panic.panic)
app.command("restore")(backup.restore)
app.add_typer(backup.commands, name="backup")
app.command("trace-leak")(trace.trace_leak)
app.add_typer(alert.commands, name="alert")
app.add_typer(drill.commands, name="drill")
app.add_typer(record.commands, name="rules")
app.add_typer(people.focal_points, name="focal-point")
app.add_typer(people.responders, name="responder")
app.add_typer(areas.commands, name="areas")
app.add_typer(coordinator.commands, name="coordinator")
app.add_typer(keys.commands, name="keys")
app.add_typer(audit.commands, name="audit")


def main() -> None:
    """Run the command; what a person can mend is said in a line, without a traceback."""
    harden()
    telemetry.configure("WARNING")  # on standard error, and redacted; `serve` sets its own
    try:
        app()
    except (KeysError, NotReady, NotNoted, Refused, BackupError) as error:
        _fail(str(error), 1)
    except ContentError as error:
        for problem in error.problems:
            typer.echo(problem, err=True)
        _fail(f"{len(error.problems)} problems in the content: nothing was started", 1)
    except ValidationError as error:
        for detail in error.errors(include_input=False, include_url=False):
            name = "_".join(str(part) for part in detail["loc"])
            why = detail["msg"].removeprefix("Value error, ")
            typer.echo(f"VIGIE_{name.upper()}: {why}", err=True)
        _fail("the settings cannot be used: see deploy/README.md", 2)
    except (OperationalError, InterfaceError, ConnectionError, gaierror) as error:
        what = type(error).__name__
        _fail(f"the database does not answer ({what}): `vigie doctor` looks further", 1)
    except OSError as error:
        if error.filename is None:
            raise
        _fail(f"{error.filename} cannot be used: {error.strerror}", 1)


def _fail(message: str, status: int) -> None:
    typer.echo(message, err=True)
    sys.exit(status)

"""`python -m analysis …`: what the pages do, a script can do.

Every other file of this package but `common` is a room's commands: it has `register(app)`, which adds them. A new
file needs no edit here. Room files import what is heavy inside their commands, so that `--help` answers at once.
"""

from __future__ import annotations

import importlib
import os
import pkgutil
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path

import typer

from analysis.cli import common
from analysis.errors import PrimetimeError

HELP = "Primetime, a personalization lab for streaming services: bring data, train recommenders, analyse experiments."


def build() -> typer.Typer:
    """The application with the commands of every room, in the order of their names."""
    app = typer.Typer(
        name="analysis", help=HELP, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False
    )
    app.callback()(_globals)
    for module in sorted(found.name for found in pkgutil.iter_modules(__path__) if found.name != "common"):
        importlib.import_module(f"{__name__}.{module}").register(app)
    return app


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and give its exit code: 0 only when the work was done.

    When a job runs the command (`PRIMETIME_JOB` names it), its progress and its end are written to the workspace.
    """
    argv = list(sys.argv[1:] if argv is None else argv)
    job = os.environ.pop("PRIMETIME_JOB", None)
    with common.only_json("--json" in argv):
        if job is None:
            return _run(argv)
        from analysis import jobs

        with jobs.working(job) as worker:
            common.report_to(worker.report)
            return _run(argv, worker)


def _run(argv: list[str], worker: common.Ending | None = None) -> int:
    """Run the command; turn what it raises into words and an exit code."""
    try:
        # In this mode typer returns the code of `typer.Exit`, and of Ctrl-C, instead of raising.
        code = typer.main.get_command(build()).main(argv, prog_name="python -m analysis", standalone_mode=False)
        code = code if isinstance(code, int) else 0
        problem = PrimetimeError("The command was stopped.", "Run it again.") if code else None
    except typer.exceptions.TyperException as error:
        code, problem = error.exit_code, _usage_error(error)
    except PrimetimeError as error:
        code, problem = 1, error
    except typer.exceptions.Abort:
        code, problem = 130, PrimetimeError("The command was stopped.", "Run it again.")
    except BrokenPipeError:
        # Who reads the output has had enough of it (`… | head`).
        sys.stdout = Path(os.devnull).open("w")  # noqa: SIM115
        return 1
    except Exception as error:
        code, problem = 1, _unexpected(error)
        if worker is not None or common.debug:
            traceback.print_exc()
    if problem is not None:
        common.show_error(problem, as_json="--json" in argv)
    if worker is not None:
        worker.end(problem)
    return code


def _globals(
    debug: bool = typer.Option(False, "--debug", help="Show the full traceback of an unexpected error."),
) -> None:
    common.debug = debug


def _usage_error(error: typer.exceptions.TyperException) -> PrimetimeError:
    message = error.format_message()
    if not message:
        # Asked for nothing, typer has shown the help.
        return PrimetimeError("No command was given.", "Choose one from the list above.")
    context = getattr(error, "ctx", None)
    path = context.command_path if context is not None else "python -m analysis"
    return PrimetimeError(message, f"See `{path} --help`.")


def _unexpected(error: Exception) -> PrimetimeError:
    from analysis.workspace import explain

    known = explain(error)
    if known is not None:
        return known
    hint = "" if common.debug else " Run it with `python -m analysis --debug …` to see where."
    return PrimetimeError(
        f"Something unexpected went wrong: {type(error).__name__}: {error}.",
        f"This is a fault of the program, or of the machine (memory, disk).{hint}",
    )

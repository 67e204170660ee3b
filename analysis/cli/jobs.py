"""`jobs list`, `jobs cancel`: the long work that pages started."""

from __future__ import annotations

from typing import Annotated

import typer

from analysis.cli import common


def register(app: typer.Typer) -> None:
    """Add the commands of this file."""
    group = typer.Typer(no_args_is_help=True)
    group.command("list")(list_jobs)
    group.command("cancel")(cancel)
    app.add_typer(group, name="jobs", help="Long work that pages have started: what waits, runs and has ended.")


def list_jobs(
    kind: Annotated[str | None, typer.Option("--kind", help="Only jobs of this kind, such as `fit`.")] = None,
    count: Annotated[int, typer.Option("--count", min=1, help="How many of the newest.")] = 20,
    as_json: common.JsonOption = False,
) -> None:
    """List the newest jobs with their state and progress."""
    from analysis import jobs
    from analysis.workspace import Workspace

    common.emit(jobs.JobList(jobs.recent(Workspace(), kind, count=count)), as_json)


def cancel(
    job_id: Annotated[str, typer.Argument(metavar="ID", help="The job's id, as `jobs list` shows it.")],
    as_json: common.JsonOption = False,
) -> None:
    """End a job: a waiting one never starts, a running one is stopped."""
    from analysis import jobs
    from analysis.workspace import Workspace

    common.emit(jobs.cancel(Workspace(), job_id), as_json)

"""`tune`, `learning-curve`, `studies …`: better settings, how much history they need, and what of it is kept."""

from __future__ import annotations

from typing import Annotated

import typer

from analysis.cli import common
from analysis.cli.train import (
    AtOption,
    LengthOption,
    LimitOption,
    ModelsOption,
    OwnOption,
    ShareOption,
    SignalOption,
    chosen_models,
    chosen_signal,
)

StudyArgument = Annotated[str, typer.Argument(metavar="ID", help="The study, as `studies list` shows it.")]


def register(app: typer.Typer) -> None:
    """Add the commands of this file."""
    app.command("tune")(tune_models)
    app.command("learning-curve")(learning)
    group = typer.Typer(no_args_is_help=True)
    group.command("list")(list_them)
    group.command("show")(show)
    group.command("delete")(delete)
    app.add_typer(group, name="studies", help="Tunings and learning curves that are kept in the workspace.")


def tune_models(
    data: common.DataOption = "sample",
    models: ModelsOption = None,
    own: OwnOption = None,
    trials: Annotated[
        int, typer.Option("--trials", min=2, help="Trials for each model, its default settings included.")
    ] = 20,
    limit_minutes: Annotated[
        float, typer.Option("--limit-minutes", min=0.01, help="Time for each model's trials.")
    ] = 30.0,
    prune: Annotated[
        bool,
        typer.Option(
            "--prune/--no-prune",
            help="Stop settings that fall behind on a quarter of the viewers; of models that learn in iterations.",
        ),
    ] = True,
    signal: SignalOption = None,
    share: ShareOption = 0.2,
    at: AtOption = None,
    validation_share: Annotated[
        float,
        typer.Option("--validation-share", help="Share of the training interactions, the latest, to validate on."),
    ] = 0.2,
    k: LengthOption = 10,
    seed: common.SeedOption = 0,
    as_json: common.JsonOption = False,
) -> None:
    """Look for better settings on a validation period, test them once, and keep all trials in the workspace."""
    from analysis.recommend import Keeper, TemporalSplit, TuningBrief, tune
    from analysis.workspace import Workspace

    kinds = [type(model) for model in chosen_models(models, own or [], [], seed)]
    with common.progress() as progress:
        tuning = tune(
            common.dataset(data),
            kinds,
            signal=chosen_signal(signal),
            split=TemporalSplit(share=share, at=at),
            validation_share=validation_share,
            k=k,
            trials=trials,
            limit_seconds=60 * limit_minutes,
            prune=prune,
            seed=seed,
            progress=progress,
            keep=Keeper(Workspace()),
        )
    common.emit(tuning if as_json else TuningBrief(tuning), as_json)


def learning(
    data: common.DataOption = "sample",
    models: ModelsOption = None,
    own: OwnOption = None,
    by: Annotated[str, typer.Option("--by", help="What there is more and more of: `days` or `viewers`.")] = "days",
    signal: SignalOption = None,
    share: ShareOption = 0.2,
    at: AtOption = None,
    k: LengthOption = 10,
    limit_minutes: LimitOption = 30.0,
    seed: common.SeedOption = 0,
    as_json: common.JsonOption = False,
) -> None:
    """Say how good models are with how much history, on one test period, and keep the curve in the workspace."""
    from analysis.errors import ParameterError
    from analysis.recommend import Keeper, TemporalSplit, learning_curve
    from analysis.workspace import Workspace

    if by not in ("days", "viewers"):
        raise ParameterError(f"There is no learning curve by {by!r}.", "Choose days or viewers.")
    kinds = [type(model) for model in chosen_models(models, own or [], [], seed)]
    with common.progress() as progress:
        curve = learning_curve(
            common.dataset(data),
            kinds,
            by="days" if by == "days" else "viewers",
            signal=chosen_signal(signal),
            split=TemporalSplit(share=share, at=at),
            k=k,
            seed=seed,
            limit_seconds=60 * limit_minutes,
            progress=progress,
            keep=Keeper(Workspace()),
        )
    common.emit(curve, as_json)


def list_them(as_json: common.JsonOption = False) -> None:
    """List the tunings and learning curves that are kept, newest first."""
    from analysis.recommend import list_studies
    from analysis.workspace import Workspace

    common.emit(list_studies(Workspace()), as_json)


def show(study_id: StudyArgument, as_json: common.JsonOption = False) -> None:
    """Show a kept study: the trials of a tuning, or the points of a learning curve."""
    from analysis.recommend import load_study
    from analysis.workspace import Workspace

    common.emit(load_study(Workspace(), study_id), as_json)


def delete(study_id: StudyArgument, as_json: common.JsonOption = False) -> None:
    """Delete a kept study, and list the others."""
    from analysis.recommend import delete_study, list_studies
    from analysis.workspace import Workspace

    delete_study(Workspace(), study_id)
    common.emit(list_studies(Workspace()), as_json)

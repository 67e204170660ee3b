"""`tune`, `learning-curve`, `studies …`: better settings, how much history they need, and what of it is kept."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

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

if TYPE_CHECKING:
    from analysis.recommend.tuning import Tuning

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
    goal: Annotated[
        str,
        typer.Option(
            "--goal",
            help="What is made better: ndcg, recall, recall_capped, precision, map, mrr or hit_rate; of models that "
            "predict stars also rmse or mae.",
        ),
    ] = "ndcg",
    k: LengthOption = 10,
    seed: common.SeedOption = 0,
    go_on: Annotated[
        str | None,
        typer.Option(
            "--continue",
            metavar="ID",
            help="Go on with a tuning that was stopped, as `studies list` shows it, with its own dataset and settings.",
        ),
    ] = None,
    as_json: common.JsonOption = False,
) -> None:
    """Look for better settings on a validation period, test them once, and keep all trials in the workspace."""
    from analysis.recommend import Keeper, TemporalSplit, TuningBrief, tune
    from analysis.workspace import Workspace

    if go_on is not None:
        tuning = _continued(go_on)
        common.emit(tuning if as_json else TuningBrief(tuning), as_json)
        return
    kinds = [type(model) for model in chosen_models(models, own or [], [], seed)]
    with common.progress() as progress:
        tuning = tune(
            common.dataset(data),
            kinds,
            signal=chosen_signal(signal),
            split=TemporalSplit(share=share, at=at),
            validation_share=validation_share,
            goal=goal,
            k=k,
            trials=trials,
            limit_seconds=60 * limit_minutes,
            prune=prune,
            seed=seed,
            progress=progress,
            keep=Keeper(Workspace()),
        )
    common.emit(tuning if as_json else TuningBrief(tuning), as_json)


def _continued(study_id: str) -> Tuning:
    """A kept tuning, gone on with to its end and kept under its name."""
    from analysis.errors import ParameterError
    from analysis.recommend import Keeper, TemporalSplit, Tuning, load_study, tune
    from analysis.workspace import Workspace

    begun = load_study(Workspace(), study_id)
    if not isinstance(begun, Tuning):
        raise ParameterError(f"The study {study_id} is a learning curve.", "Draw it again; only tunings go on.")
    kinds = [type(model) for model in chosen_models(",".join(begun.asked), [], [], begun.seed)]
    with common.progress() as progress:
        return tune(
            common.dataset(begun.dataset_folder),
            kinds,
            signal=begun.signal,
            split=TemporalSplit(at=datetime.fromisoformat(begun.split_at)),
            validation_share=begun.validation_share,
            goal=begun.goal,
            k=begun.k,
            trials=begun.trials,
            limit_seconds=begun.limit_seconds,
            prune=begun.prune,
            seed=begun.seed,
            begun=begun,
            progress=progress,
            keep=Keeper(Workspace(), study_id),
        )


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

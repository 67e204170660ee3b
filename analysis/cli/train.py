"""`train`, `evaluate`: fit recommenders on the past and see which one finds what is watched next."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from analysis.cli import common

if TYPE_CHECKING:
    from analysis.recommend.interactions import Signal
    from analysis.recommend.leaderboard import Leaderboard

ModelsOption = Annotated[
    str | None,
    typer.Option("--models", help="Names with commas between, such as `als,popularity`; all models by default."),
]
SignalOption = Annotated[
    str | None,
    typer.Option("--signal", help="What to learn from and test on: `views` or `ratings`; views where there are any."),
]
ShareOption = Annotated[
    float, typer.Option("--share", help="Share of the interactions, the latest, to test on; unless --at is given.")
]
AtOption = Annotated[
    datetime | None, typer.Option("--at", help="First moment of the test period, UTC, instead of a share.")
]
LengthOption = Annotated[int, typer.Option("--k", min=1, help="Length of the lists that are judged.")]


def register(app: typer.Typer) -> None:
    """Add the commands of this file."""
    app.command("train")(train)
    app.command("evaluate")(evaluate_models)


def train(
    data: common.DataOption = "sample",
    models: ModelsOption = None,
    signal: SignalOption = None,
    share: ShareOption = 0.2,
    at: AtOption = None,
    k: LengthOption = 10,
    seed: common.SeedOption = 0,
    reference: Annotated[
        bool,
        typer.Option("--reference", help="Put the run into the dataset's own folder instead of the workspace."),
    ] = False,
    as_json: common.JsonOption = False,
) -> None:
    """Train and compare recommenders, and keep the run, so that the pages show it."""
    from analysis.recommend import LeaderboardBrief, keep_run, write_reference
    from analysis.workspace import Workspace

    board = _evaluate(data, models, signal, share, at, k, seed)
    run = write_reference(common.dataset(data), board) if reference else keep_run(Workspace(), board)
    common.emit(run if as_json else LeaderboardBrief(board), as_json)


def evaluate_models(
    data: common.DataOption = "sample",
    models: ModelsOption = None,
    signal: SignalOption = None,
    share: ShareOption = 0.2,
    at: AtOption = None,
    k: LengthOption = 10,
    seed: common.SeedOption = 0,
    as_json: common.JsonOption = False,
) -> None:
    """Train and compare recommenders, and print the leaderboard without keeping anything."""
    from analysis.recommend import LeaderboardBrief

    board = _evaluate(data, models, signal, share, at, k, seed)
    common.emit(board if as_json else LeaderboardBrief(board), as_json)


def _evaluate(
    data: str, models: str | None, signal: str | None, share: float, at: datetime | None, k: int, seed: int
) -> Leaderboard:
    from analysis.recommend import TemporalSplit, evaluate

    names = None if models is None else [name.strip() for name in models.split(",") if name.strip()]
    with common.progress() as progress:
        return evaluate(
            common.dataset(data),
            names,
            signal=_signal(signal),
            split=TemporalSplit(share=share, at=at),
            k=k,
            seed=seed,
            progress=progress,
        )


def _signal(name: str | None) -> Signal | None:
    from analysis.errors import ParameterError
    from analysis.recommend.interactions import SIGNALS

    for signal in SIGNALS:
        if name == signal:
            return signal
    if name is None:
        return None
    raise ParameterError(f"There is no signal {name!r}.", f"Choose one of: {', '.join(SIGNALS)}.")

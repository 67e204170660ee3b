"""`train`, `evaluate`: fit recommenders on the past and see which one finds what is watched next."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from analysis.cli import common

if TYPE_CHECKING:
    from analysis.recommend.base import Recommender
    from analysis.recommend.interactions import Signal
    from analysis.recommend.leaderboard import Leaderboard
    from analysis.recommend.protocols import AnySplit

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
SplitOption = Annotated[
    str,
    typer.Option(
        "--split",
        help="How training and test are parted: time, rolling, new_titles, new_viewers, folds, leave_last or random; "
        "the last three let models learn from the future.",
    ),
]
ToldOption = Annotated[
    int,
    typer.Option("--told", min=0, help="With --split new_viewers: how many of their first titles the models are told."),
]
SetOption = Annotated[
    list[str] | None,
    typer.Option("--set", help="A parameter of a model, such as `als.factors=32`; may be given several times."),
]
OwnOption = Annotated[
    list[str] | None,
    typer.Option("--model", help="A model of your own, `my_model.py:MyModel`; may be given several times."),
]
LimitOption = Annotated[
    float, typer.Option("--limit-minutes", min=0.01, help="Time that a model may take for each split.")
]
LengthOption = Annotated[int, typer.Option("--k", min=1, help="Length of the lists that are judged.")]


def register(app: typer.Typer) -> None:
    """Add the commands of this file."""
    app.command("train")(train)
    app.command("evaluate")(evaluate_models)


def train(
    data: common.DataOption = "sample",
    models: ModelsOption = None,
    own: OwnOption = None,
    settings: SetOption = None,
    signal: SignalOption = None,
    split: SplitOption = "time",
    told: ToldOption = 3,
    share: ShareOption = 0.2,
    at: AtOption = None,
    k: LengthOption = 10,
    limit_minutes: LimitOption = 30.0,
    seed: common.SeedOption = 0,
    reference: Annotated[
        bool,
        typer.Option("--reference", help="Put the run into the dataset's own folder instead of the workspace."),
    ] = False,
    as_json: common.JsonOption = False,
) -> None:
    """Train and compare recommenders, and keep the run, so that the pages show it."""
    from analysis.recommend import LeaderboardBrief, keep_run, write_reference
    from analysis.recommend.kept import keep_models
    from analysis.workspace import Workspace

    workspace = Workspace()
    if not reference:
        workspace.check_writable()
    chosen = chosen_models(models, own or [], settings or [], seed, 60 * limit_minutes)
    board = _evaluate(data, chosen, signal, _split(split, share, at, told), k, limit_minutes, seed)
    run = write_reference(common.dataset(data), board) if reference else keep_run(workspace, board)
    if not reference:
        keep_models(workspace, run, board.fitted.values())
    common.emit(run if as_json else LeaderboardBrief(board), as_json)


def evaluate_models(
    data: common.DataOption = "sample",
    models: ModelsOption = None,
    own: OwnOption = None,
    settings: SetOption = None,
    signal: SignalOption = None,
    split: SplitOption = "time",
    told: ToldOption = 3,
    share: ShareOption = 0.2,
    at: AtOption = None,
    k: LengthOption = 10,
    limit_minutes: LimitOption = 30.0,
    seed: common.SeedOption = 0,
    as_json: common.JsonOption = False,
) -> None:
    """Train and compare recommenders, and print the leaderboard without keeping anything."""
    from analysis.recommend import LeaderboardBrief

    chosen = chosen_models(models, own or [], settings or [], seed, 60 * limit_minutes)
    board = _evaluate(data, chosen, signal, _split(split, share, at, told), k, limit_minutes, seed)
    common.emit(board if as_json else LeaderboardBrief(board), as_json)


def _evaluate(
    data: str,
    models: list[Recommender],
    signal: str | None,
    split: AnySplit,
    k: int,
    limit_minutes: float,
    seed: int,
) -> Leaderboard:
    from analysis.recommend import evaluate

    with common.progress() as progress:
        return evaluate(
            common.dataset(data),
            models,
            signal=chosen_signal(signal),
            split=split,
            k=k,
            seed=seed,
            limit_seconds=60 * limit_minutes,
            progress=progress,
        )


def chosen_models(
    models: str | None, own: list[str], settings: list[str], seed: int, limit_seconds: float | None = None
) -> list[Recommender]:
    """Models by name, from the program or from the workspace's `models/`, and from files, with their parameters.

    One of the workspace's whose file can't be used is left to fail on its own row, so that the others are trained.
    """
    from analysis.errors import ParameterError
    from analysis.recommend import DEFAULT, model, parameter_docs
    from analysis.recommend.custom import Unusable, discover, from_home, load_class
    from analysis.workspace import Workspace

    names = list(DEFAULT) if models is None and not own else (models or "").split(",")
    at_home = {found.name: found for found in discover(Workspace().home / "models") if not found.problem}
    kinds = [
        from_home(at_home[name], limit_seconds) if name in at_home else model(name)
        for name in filter(None, (name.strip() for name in names))
    ]
    broken = [kind.reason for kind in kinds if issubclass(kind, Unusable)]
    if broken and len(broken) == len(kinds) + len(own):
        raise broken[0]
    kinds += [load_class(spec) for spec in own]
    given: dict[str, dict[str, float]] = {}
    for setting in settings:
        where, _, value = setting.partition("=")
        name, _, parameter = where.partition(".")
        known = next((kind for kind in kinds if kind.name == name), None)
        if known is not None and issubclass(known, Unusable):
            continue
        if known is None or parameter not in {doc.name for doc in parameter_docs(known)}:
            raise ParameterError(f"There is no parameter {where!r} among the chosen models.", "Write als.factors=32.")
        try:
            given.setdefault(name, {})[parameter] = float(value)
        except ValueError:
            raise ParameterError(f"{where} is {value!r}.", "It must be a number.") from None
    return [kind(kind.Parameters(**given.get(kind.name, {})), seed=seed) for kind in kinds]


def _split(name: str, share: float, at: datetime | None, told: int) -> AnySplit:
    """The split of that name, with the share where it takes one."""
    from analysis.errors import ParameterError
    from analysis.recommend import SPLITS, NewViewersSplit, TemporalSplit

    if name not in SPLITS:
        raise ParameterError(f"There is no split {name!r}.", f"Choose one of: {', '.join(SPLITS)}.")
    if name == "time":
        return TemporalSplit(share=share, at=at)
    if at is not None:
        raise ParameterError(f"The split {name} takes no moment.", "Leave --at out, or use --split time.")
    if name == "new_viewers":
        return NewViewersSplit(given=told, test_share=share)
    takes = {"rolling": "share", "random": "share", "new_titles": "test_share"}
    made: AnySplit = SPLITS[name](**({takes[name]: share} if name in takes else {}))
    return made


def chosen_signal(name: str | None) -> Signal | None:
    """The signal of that name; None leaves the choice to the dataset."""
    from analysis.errors import ParameterError
    from analysis.recommend.interactions import SIGNALS

    for signal in SIGNALS:
        if name == signal:
            return signal
    if name is None:
        return None
    raise ParameterError(f"There is no signal {name!r}.", f"Choose one of: {', '.join(SIGNALS)}.")

"""`recommend`: ask one model of a kept run for a viewer, for somebody new, or for titles like another."""

from __future__ import annotations

from typing import Annotated

import typer

from analysis.cli import common

ModelOption = Annotated[str, typer.Option("--model", help="Name of the model: one of the run's.")]
RunOption = Annotated[str | None, typer.Option("--run", help="Name of the run; the newest one with lists by default.")]
ViewerOption = Annotated[int | None, typer.Option("--viewer", help="A viewer that the models were trained on.")]
TitlesOption = Annotated[
    str | None, typer.Option("--titles", help="What somebody new has watched: title ids with commas between.")
]
LikeOption = Annotated[int | None, typer.Option("--like", help="A title id; titles like it are named.")]
LengthOption = Annotated[int, typer.Option("--k", min=1, help="Titles a row.")]


def register(app: typer.Typer) -> None:
    """Add the commands of this file."""
    app.command("recommend")(recommend)


def recommend(
    model: ModelOption,
    data: common.DataOption = "sample",
    run: RunOption = None,
    viewer: ViewerOption = None,
    titles: TitlesOption = None,
    like: LikeOption = None,
    k: LengthOption = 8,
    as_json: common.JsonOption = False,
) -> None:
    """Ask a model of a kept run: a list for a viewer and what speaks for it, or titles like another."""
    from analysis.errors import DataError
    from analysis.recommend import load_run, newest_run, reference_run
    from analysis.recommend.ask import Question, ask_run
    from analysis.workspace import Workspace

    question = Question(viewer, None if titles is None else _numbers(titles), like, k)
    workspace, dataset = Workspace(), common.dataset(data)
    found = newest_run(workspace, dataset, with_lists=True) if run is None else None
    if run is not None:
        found = reference_run(dataset) if run == "reference" else load_run(workspace, run)
    if found is None:
        raise DataError(f"No model has been trained on {dataset.name} yet.", "Run `train` first.")
    common.emit(ask_run(workspace, dataset, found, model, question), as_json)


def _numbers(words: str) -> tuple[int, ...]:
    from analysis.errors import ParameterError

    try:
        return tuple(int(word) for word in words.split(",") if word.strip())
    except ValueError:
        raise ParameterError(f"{words!r} are no title ids.", "Write whole numbers with commas between.") from None

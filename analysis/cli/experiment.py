"""`experiment …`: list a dataset's experiments, analyse one, or analyse a file from elsewhere."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from analysis.cli import common

if TYPE_CHECKING:
    from analysis.experiments.experiment import Experiment
    from analysis.experiments.metrics import Term

PrimaryOption = Annotated[str | None, typer.Option("--primary", help="The metric that decides; the first by default.")]
ConfidenceOption = Annotated[
    float | None,
    typer.Option("--confidence", min=0.5, max=0.999, help="Level of the intervals; the plan's, or 0.95, by default."),
]
WorthOption = Annotated[float | None, typer.Option("--worth", min=0, help="Smallest lift worth having, 0.01 for 1 %.")]
MetricOption = Annotated[str | None, typer.Option("--metric", help="Which metric; the one that decides by default.")]
ControlOption = Annotated[
    str | None,
    typer.Option("--control", help="The control; found by its name by default, `none` to compare all pairs."),
]


def register(app: typer.Typer) -> None:
    """Add the commands of this file."""
    group = typer.Typer(no_args_is_help=True)
    group.command("list")(list_them)
    group.command("analyse")(analyse_one)
    group.command("course")(course)
    group.command("segments")(segments)
    group.command("reach")(reach)
    group.command("units")(units)
    group.command("log")(log)
    group.command("interleaving")(interleaving)
    group.command("asos")(asos)
    group.command("upworthy")(upworthy)
    app.add_typer(group, name="experiment", help="A/B tests: from a dataset, a table of units, or a public archive.")


def list_them(data: common.DataOption = "sample", as_json: common.JsonOption = False) -> None:
    """List the experiments of a dataset."""
    from analysis.experiments.viewing import list_experiments

    common.emit(list_experiments(common.dataset(data)), as_json)


def analyse_one(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The experiment, as `experiment list` shows it.")],
    data: common.DataOption = "sample",
    until: Annotated[
        str | None, typer.Option("--until", metavar="YYYY-MM-DD", help="Last day whose views count.")
    ] = None,
    adjusted: Annotated[bool, typer.Option("--adjusted", help="Adjust for viewing before (CUPED).")] = False,
    more: Annotated[
        list[str] | None,
        typer.Option("--more", help="Another metric, such as `median minutes per viewer`; may be repeated."),
    ] = None,
    control: ControlOption = None,
    primary: PrimaryOption = None,
    confidence: ConfidenceOption = None,
    worth: WorthOption = None,
    as_json: common.JsonOption = False,
) -> None:
    """Analyse one experiment of a dataset."""
    from analysis.errors import ExperimentError
    from analysis.experiments.viewing import read_experiment

    try:
        last = dt.date.fromisoformat(until) if until else None
    except ValueError:
        raise ExperimentError(f"--until is {until!r}, which is no date.", "Write it as 2026-01-31.") from None
    found = read_experiment(
        common.dataset(data), name, until=last, control=_control(control), adjusted=adjusted, more=more or ()
    )
    _show(found, primary, confidence, worth, as_json)


def course(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The experiment, as `experiment list` shows it.")],
    data: common.DataOption = "sample",
    metric: MetricOption = None,
    as_json: common.JsonOption = False,
) -> None:
    """Follow one experiment day by day: what each look would have said, and what holds at every look."""
    from analysis.experiments.timeline import timeline
    from analysis.experiments.viewing import read_experiment

    dataset = common.dataset(data)
    common.emit(timeline(dataset, read_experiment(dataset, name), metric), as_json)


def segments(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The experiment, as `experiment list` shows it.")],
    data: common.DataOption = "sample",
    metric: MetricOption = None,
    as_json: common.JsonOption = False,
) -> None:
    """Look into one experiment by segment of the viewers, and test whether its effect differs or reverses."""
    from analysis.experiments.segments import by_segment
    from analysis.experiments.viewing import read_experiment

    dataset = common.dataset(data)
    common.emit(by_segment(read_experiment(dataset, name), metric), as_json)


def reach(
    data: common.DataOption = "sample",
    metric: Annotated[str, typer.Option("--metric", help="What is to be measured.")] = "minutes per viewer",
    days: Annotated[int, typer.Option("--days", min=1, help="Longest experiment asked about.")] = 28,
    variants: Annotated[int, typer.Option("--variants", min=2, help="Variants, the control among them.")] = 2,
    as_json: common.JsonOption = False,
) -> None:
    """Say what an experiment on a dataset's viewers would find, by its length."""
    from analysis.experiments.reach import reach as forecast

    common.emit(forecast(common.dataset(data), metric, days=days, variants=variants), as_json)


def units(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="CSV or Parquet with one row a unit.")],
    variant: Annotated[str | None, typer.Option("--variant", help="Column of the variant; guessed by default.")] = None,
    outcome: Annotated[
        list[str] | None,
        typer.Option("--outcome", help="Number column, or `above/below` for a ratio; may be repeated."),
    ] = None,
    unit: Annotated[str | None, typer.Option("--unit", help="Column of the unit, checked for repeats.")] = None,
    time: Annotated[str | None, typer.Option("--time", help="Column with the time of assignment.")] = None,
    covariate: Annotated[
        str | None, typer.Option("--covariate", help="Number column from before the experiment (CUPED).")
    ] = None,
    less: Annotated[list[str] | None, typer.Option("--less-is-better", help="Outcome of which less is good.")] = None,
    segment: Annotated[
        list[str] | None, typer.Option("--segment", help="Column such as plan or country; may be repeated.")
    ] = None,
    control: ControlOption = None,
    primary: PrimaryOption = None,
    confidence: ConfidenceOption = None,
    worth: WorthOption = None,
    as_json: common.JsonOption = False,
) -> None:
    """Analyse a table with one row a unit; columns that are not named are guessed."""
    from analysis.errors import ExperimentError
    from analysis.experiments.files import propose
    from analysis.experiments.sources import read_units

    if variant is None or not outcome:
        guess = propose(file)
        variant = variant or guess.variant
        outcome = outcome or [name for name in guess.outcomes if name not in (variant, covariate)]
    if variant is None:
        raise ExperimentError(f"No column of {file.name} seems to name a variant.", "Name it with --variant.")
    found = read_units(
        file,
        variant=variant,
        outcomes=[_term(text) for text in outcome],
        unit=unit,
        time=time,
        covariate=covariate,
        lower_is_better=less or (),
        control=_control(control),
        segments=segment or (),
    )
    _show(found, primary, confidence, worth, as_json)


def log(
    assignments: Annotated[Path, typer.Argument(metavar="ASSIGNMENTS", help="CSV or Parquet with a row a unit.")],
    events: Annotated[Path, typer.Argument(metavar="EVENTS", help="CSV or Parquet with a row an event.")],
    adjusted: Annotated[bool, typer.Option("--adjusted", help="Adjust for events before (CUPED).")] = False,
    less: Annotated[list[str] | None, typer.Option("--less-is-better", help="Metric of which less is good.")] = None,
    control: ControlOption = None,
    primary: PrimaryOption = None,
    confidence: ConfidenceOption = None,
    worth: WorthOption = None,
    as_json: common.JsonOption = False,
) -> None:
    """Join assignments with an event log and analyse them; which column is which is guessed."""
    from analysis.errors import ExperimentError
    from analysis.experiments.files import propose
    from analysis.experiments.logs import pair_up, read_log

    pair = pair_up(propose(assignments), propose(events))
    if pair is None or pair.columns is None:
        raise ExperimentError(
            f"Unit and variant are not to be found in {assignments.name} and {events.name}.",
            "Name the columns unit (or user) and variant, in both files and in the assignments.",
        )
    paths = (events, assignments) if pair.swapped else (assignments, events)
    found = read_log(*paths, pair.columns, control=_control(control), adjusted=adjusted, lower_is_better=less or ())
    _show(found, primary, confidence, worth, as_json)


def interleaving(
    quality_a: Annotated[float, typer.Option("--a", min=0, max=1, help="How well ranker A knows tastes.")] = 0.6,
    quality_b: Annotated[float, typer.Option("--b", min=0, max=1, help="How well ranker B knows tastes.")] = 0.7,
    viewers: Annotated[int, typer.Option("--viewers", min=10, max=20_000, help="Viewers in all.")] = 1_000,
    length: Annotated[int, typer.Option("--length", min=2, max=50, help="Places of the list.")] = 10,
    seed: Annotated[int, typer.Option("--seed", help="Seed of the simulation.")] = 0,
    as_json: common.JsonOption = False,
) -> None:
    """Say how many viewers interleaving and an A/B test need for two rankers of known quality, by simulation."""
    from analysis.experiments.sensitivity import sensitivity

    common.emit(sensitivity(quality_a, quality_b, viewers, length=length, seed=seed), as_json)


def asos(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="CSV or Parquet in the ASOS layout.")],
    name: Annotated[str | None, typer.Argument(metavar="[ID]", help="One experiment; all series by default.")] = None,
    primary: PrimaryOption = None,
    confidence: ConfidenceOption = None,
    as_json: common.JsonOption = False,
) -> None:
    """Analyse one experiment of the ASOS archive, or say what peeking does to all of them."""
    from analysis.experiments.archives import peeking, read_asos

    archive = read_asos(file)
    if name is None:
        common.emit(peeking(archive), as_json)
        return
    _show(archive.experiment(name), primary, confidence, None, as_json)


def upworthy(
    clicks: Annotated[Path, typer.Argument(metavar="CLICKS", help="The click matrix (y_matrix.csv).")],
    impressions: Annotated[Path, typer.Argument(metavar="IMPRESSIONS", help="The impression matrix (n_matrix.csv).")],
    name: Annotated[str | None, typer.Argument(metavar="[ID]", help="One test; all splits by default.")] = None,
    confidence: ConfidenceOption = None,
    as_json: common.JsonOption = False,
) -> None:
    """Analyse one test of the Upworthy archive, or check the splits of all of them by quarter."""
    from analysis.experiments.archives import read_upworthy, split_by_quarter

    archive = read_upworthy(clicks, impressions)
    if name is None:
        common.emit(split_by_quarter(archive), as_json)
        return
    _show(archive.experiment(name), None, confidence, None, as_json)


def _show(
    experiment: Experiment, primary: str | None, confidence: float | None, worth: float | None, as_json: bool
) -> None:
    from analysis.experiments.report import analyse

    common.emit(analyse(experiment, primary=primary, confidence=confidence, worth=worth), as_json)


def _control(given: str | None) -> str | None:
    from analysis.experiments.experiment import GUESS

    return GUESS if given is None else None if given.lower() == "none" else given


def _term(text: str) -> Term:
    from analysis.experiments.metrics import Ratio

    above, slash, below = text.partition("/")
    return Ratio(above.strip(), below.strip()) if slash else text

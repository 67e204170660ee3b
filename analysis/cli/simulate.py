"""`simulate`: make a dataset whose truth is known."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from analysis.cli import common

if TYPE_CHECKING:
    from analysis.simulate import Rhythm, SimulatedDataset

# Written out, so that showing the help needs no numpy; a test holds them to the settings of `Rhythm`.
_EFFECTS = (
    "hours", "weekdays", "months", "devices", "genre_hours", "friday_romance", "horror_october", "family_holidays",
    "valentine", "christmas", "releases", "horror_releases_in_october",
)  # fmt: skip
_DAY = ["%Y-%m-%d"]


def register(app: typer.Typer) -> None:
    """Add the command of this file."""
    app.command("simulate")(simulate)


def simulate(
    target: Annotated[
        Path | None, typer.Argument(help="Folder to write to; by default a new one in the workspace.")
    ] = None,
    sample: Annotated[
        bool, typer.Option("--sample", help="Make the sample dataset anew: the same content hash comes out.")
    ] = False,
    small: Annotated[bool, typer.Option("--small", help="Start from a small world that takes seconds.")] = False,
    viewers: Annotated[int | None, typer.Option("--viewers", help="Number of profiles.")] = None,
    titles: Annotated[int | None, typer.Option("--titles", help="Number of films and series.")] = None,
    starts_on: Annotated[dt.datetime | None, typer.Option("--from", formats=_DAY, help="First day.")] = None,
    ends_on: Annotated[dt.datetime | None, typer.Option("--to", formats=_DAY, help="Last day, included.")] = None,
    impressions_days: Annotated[
        int | None, typer.Option("--impressions-days", help="Last days whose impressions are kept.")
    ] = None,
    uniform_share: Annotated[
        float | None, typer.Option("--uniform-share", help="Share of page visits filled uniformly at random.")
    ] = None,
    views_only: Annotated[
        bool, typer.Option("--views-only", help="Leave out impressions, ratings, searches and experiments.")
    ] = False,
    steady: Annotated[
        bool, typer.Option("--steady", help="Turn off every effect of hour, weekday, season and release calendar.")
    ] = False,
    rhythm: Annotated[
        list[str] | None,
        typer.Option(
            "--rhythm",
            metavar="EFFECT=POWER",
            help="Power of one effect: 0 turns it off, 1 keeps it, 2 squares its odds; may be given several times. "
            f"Effects: {', '.join(_EFFECTS)}.",
        ),
    ] = None,
    check: Annotated[
        bool, typer.Option("--check", help="With --sample: only say whether the same content hash comes out.")
    ] = False,
    rows: Annotated[
        int | None,
        typer.Option("--rows", help="Write this many views fast, without pages and sessions, to measure speed with."),
    ] = None,
    truth_viewers: Annotated[
        int | None,
        typer.Option(
            "--truth-viewers",
            min=0,
            help="Simulate this many other viewers too, for what is expected of the service (shares, rates).",
        ),
    ] = None,
    seed: Annotated[int | None, typer.Option("--seed", min=0, help="Seed; by default the sample's.")] = None,
    name: Annotated[str, typer.Option("--name", help="Name of the dataset.")] = "Simulated service",
    replace: Annotated[
        bool, typer.Option("--replace", help="Replace the dataset in that folder once the new one is complete.")
    ] = False,
    as_json: common.JsonOption = False,
) -> None:
    """Simulate a streaming service and write its titles, viewers, views and the truth behind them as a dataset."""
    import dataclasses

    from analysis import simulate as simulator
    from analysis.errors import ParameterError
    from analysis.simulate import writing
    from analysis.workspace import SAMPLE, Workspace

    given: dict[str, Any] = {
        "viewers": viewers,
        "titles": titles,
        "starts_on": starts_on.date() if starts_on else None,
        "ends_on": ends_on.date() if ends_on else None,
        "impressions_days": impressions_days,
        "uniform_share": uniform_share,
        "views_only": views_only or None,
        "rhythm": _rhythm(steady, rhythm or []),
    }
    changes = {setting: value for setting, value in given.items() if value is not None}
    own = [truth_viewers, seed, rows]
    if sample and (changes or small or any(setting is not None for setting in own)):
        raise ParameterError(
            "--sample makes one fixed dataset, and other settings were given too.",
            "Leave out --sample to simulate a service of your own.",
        )
    if check and not sample:
        raise ParameterError(
            "--check was given without --sample.", "Only the sample's content hash is known beforehand."
        )
    if check:
        with common.progress() as progress:
            common.emit(simulator.check_sample(SAMPLE, progress=progress), as_json)
        return
    if rows is not None:
        common.emit(_bulk(target, rows, changes, seed, name, replace), as_json)
        return
    config = simulator.small() if small else simulator.SimulationConfig()
    if sample:
        target, replace, name = target or SAMPLE, True, simulator.SAMPLE_NAME
    with common.progress() as progress:
        result = simulator.simulate(
            target or Workspace().new_dataset_folder(name),
            config=dataclasses.replace(config, **changes),
            seed=simulator.SEED if seed is None else seed,
            replace=replace,
            name=name,
            kind="sample" if sample else "simulated",
            truth_viewers=writing.SAMPLE_TRUTH_VIEWERS if sample else truth_viewers or 0,
            progress=progress,
        )
    common.emit(result, as_json)


def _rhythm(steady: bool, powers: list[str]) -> Rhythm | None:
    """The rhythm asked for, or None where none was: `--steady` first, then each effect by name.

    Raises:
        ParameterError: An effect is unknown, or its power is no number.
    """
    if not steady and not powers:
        return None
    import dataclasses

    from analysis import simulate as simulator
    from analysis.errors import ParameterError

    found = {}
    for given in powers:
        effect, _, power = given.partition("=")
        if effect not in _EFFECTS:
            raise ParameterError(f"--rhythm names no effect {effect!r}.", f"Its effects are: {', '.join(_EFFECTS)}.")
        try:
            found[effect] = float(power)
        except ValueError as error:
            raise ParameterError(
                f"--rhythm gives {effect} the power {power!r}.", f"Write a number, such as {effect}=0."
            ) from error
    return dataclasses.replace(simulator.steady() if steady else simulator.Rhythm(), **found)


def _bulk(
    target: Path | None, rows: int, changes: dict[str, Any], seed: int | None, name: str, replace: bool
) -> SimulatedDataset:
    """Write many views fast; only the size and the period can be chosen."""
    from analysis import simulate as simulator
    from analysis.errors import ParameterError
    from analysis.workspace import Workspace

    known = {"viewers", "titles", "starts_on", "ends_on", "views_only", "rhythm"}
    if extra := sorted(changes.keys() - known):
        raise ParameterError(
            f"--rows was given with --{extra[0].replace('_', '-')}.", "A dataset of views alone has no impressions."
        )
    size = {setting: value for setting, value in changes.items() if setting != "views_only"}
    with common.progress() as progress:
        return simulator.write_views(
            target or Workspace().new_dataset_folder(name),
            rows=rows,
            seed=simulator.SEED if seed is None else seed,
            replace=replace,
            name=name,
            progress=progress,
            **size,
        )

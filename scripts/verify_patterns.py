"""How often viewing patterns claim what is not there, and find what is, in simulated worlds (`make verify`).

    python scripts/verify_patterns.py --worlds 100

Seasons: whether appetite is told from supply, in worlds of four kinds. Catalogue, appeal, decay, releases and seasons
are those of the simulated service; plays are drawn by day and title, and each title goes up and down by itself from
month to month. Clock: whether genres are given an hour in worlds of the whole simulated service without any rhythm.
Seeds are fixed: 1001, 1002, … (1 to 67 were used while the method was made). What is done stays in the workspace, so
a run that was stopped goes on where it was, and a longer one adds to a shorter one.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import shutil
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from analysis.data import Dataset
from analysis.data.writer import write_text
from analysis.patterns import hours
from analysis.patterns.appetite import FALSE_DISCOVERIES, SCHOOL, appetite, estimate, planted
from analysis.patterns.events import Events
from analysis.patterns.ordinary_days import held_against
from analysis.patterns.panel import Panel, make_panel
from analysis.patterns.supply import genre_weights
from analysis.simulate import SEED, Rhythm, SimulationConfig, clock, make_world, simulate, steady
from analysis.stats import strata
from analysis.stats.multiplicity import benjamini_hochberg
from analysis.workspace import SAMPLE, Workspace

FIRST_SEED = 1001
FIRST, LAST = dt.date(2024, 7, 1), dt.date(2026, 6, 30)
TITLES, PLAYS, WOBBLE = 600, 200_000, 0.15
STRENGTH = 2.0
"""Power on the calibrated effects: small worlds show only large ones."""
WEIGHT = 0.75
"""Weight of what draws viewers to a title, as in the simulator's worlds of views alone."""
SCHOOLS = {"A": (((6, 14), (8, 24)), ((12, 20), (12, 31))), "B": (((7, 22), (9, 1)), ((10, 25), (11, 2)))}
"""Two places of the same size, and the days on which their schools are closed, (month, day) first and last."""
WHAT = Events("views", None, "the viewer's clock", ("genre",), True, True)
HORROR, FAMILY = ("Horror", "October"), ("Family", SCHOOL)


@dataclass(frozen=True)
class Kind:
    """Worlds with one cause.

    Attributes:
        rhythm: The cause.
        cell: Genre and season whose interval is held against the truth.
        truth: Its true appetite.
        moved: Genres whose appetite truly changes with the seasons; claims about others are false.
    """

    rhythm: Rhythm
    cell: tuple[str, str] = HORROR
    truth: float = 1.0
    moved: tuple[str, ...] = ()

    def true(self, genre: str, season: str) -> bool:
        """Whether a claim about a cell is true: horror moves in October alone, family in months with holidays too."""
        return genre in self.moved and (genre != HORROR[0] or season == HORROR[1])


HORROR_TRUTH = clock.HORROR_OCTOBER["US"] ** (STRENGTH * WEIGHT)
FAMILY_TRUTH = clock.FAMILY_SCHOOL_HOLIDAYS ** (STRENGTH * WEIGHT)
KINDS = {
    "nothing changes": Kind(steady()),
    "only more horror released in October": Kind(replace(steady(), horror_releases_in_october=20.0)),
    "only more appetite for horror in October": Kind(
        replace(steady(), horror_october=STRENGTH), HORROR, HORROR_TRUTH, ("Horror",)
    ),
    "only more appetite for family titles in school holidays": Kind(
        replace(steady(), family_holidays=STRENGTH), FAMILY, FAMILY_TRUTH, ("Family", "Animation")
    ),
}
SERVICE = SimulationConfig(
    viewers=400, titles=200, starts_on=dt.date(2025, 8, 1), ends_on=dt.date(2025, 11, 30), warm_up_days=14,
    impressions_days=0, experiments=(), views_only=True, rhythm=steady(),
)  # fmt: skip
CLOCK = "clock without rhythm"
ODD = {"half": 0.5, "a quarter more": 1.25, "half more": 1.5, "twice": 2.0}
"""What some days of a world have instead of their ordinary plays."""
FILE = Path(__file__).resolve().parent.parent / "docs" / "patterns-checks.md"


def closed(place: str, date: dt.date) -> bool:
    """Whether the schools of a place are closed on a day."""
    return any(first <= (date.month, date.day) <= last for first, last in SCHOOLS[place])


def world(rhythm: Rhythm, seed: int) -> Panel:
    """Plays of two years in two places that differ in their school holidays alone."""
    config = SimulationConfig(
        viewers=50, titles=TITLES, starts_on=FIRST, ends_on=LAST, experiments=(), views_only=True, rhythm=rhythm
    )
    made, rng = make_world(config, seed), np.random.default_rng(seed)
    dates = pd.date_range(FIRST, LAST)
    out = made.catalogue.released[None, :] <= np.arange(len(dates))[:, None]
    months = (dates.year * 12 + dates.month).to_numpy()
    ups = rng.gamma(1 / WOBBLE, WOBBLE, size=(months.max() - months.min() + 1, TITLES))[months - months.min()]
    always = np.array([made.catalogue.appeal + made.freshness(day.date()) for day in dates], dtype=np.float64) / 64
    # A title of k genres is moved by 1/k of each one's effect, which is what the effect is defined by.
    share = np.array([[(genre in listed) / len(listed) for genre in clock.GENRES] for listed in made.catalogue.genres])
    cells = []
    for place in SCHOOLS:
        season = [clock.season_genre(rhythm, day.date(), "US", closed(place, day.date())) for day in dates]
        pull = always + np.array(season) @ share.T
        weight = np.where(out, np.exp(WEIGHT * pull), 0.0) * ups
        plays = rng.poisson(PLAYS / 2 / len(dates) * weight / weight.sum(axis=1, keepdims=True))
        day, title = np.nonzero(plays)
        frame = {"title_id": title, "date": dates[day], "country": place, "events": plays[day, title]}
        cells.append(pd.DataFrame(frame))
    released = pd.Timestamp(FIRST) + pd.to_timedelta(made.catalogue.released, unit="D")
    kind = np.where(made.catalogue.is_series, "series", "film")
    titles = pd.DataFrame({"kind": kind, "genres": made.catalogue.genres, "released_on": released})
    shut = [(day, place, None, closed(place, day.date())) for place in SCHOOLS for day in dates]
    calendar = pd.DataFrame(shut, columns=["date", "region", "holiday", "is_school_holiday"])
    return make_panel(pd.concat(cells), titles.rename_axis("title_id"), calendar)


def season_world(seed: int, kind: str) -> dict[str, Any]:
    """What is claimed in one world of the seasons."""
    asked = KINDS[kind]
    found = estimate(world(asked.rhythm, seed), WHAT)
    claims = [(found.genres[g], found.seasons[s]) for g, s in found.claims()]
    cell = found.genres.index(asked.cell[0]), found.seasons.index(asked.cell[1])
    return {
        "claims": len(claims),
        "false": sum(not asked.true(*claim) for claim in claims),
        "found": asked.cell in claims,
        "tested": found.tested,
        "estimate": float(found.appetite[cell]),
        "low": float(found.low[cell]),
        "high": float(found.high[cell]),
        "count_alone": float(found.seen[cell]),
    }


def clock_world(seed: int, work: Path) -> dict[str, Any]:
    """What is claimed of the clock in one world of the whole service without any rhythm."""
    folder = work / f"world-{seed}"
    shutil.rmtree(folder, ignore_errors=True)
    simulate(folder, config=SERVICE, seed=seed)
    found = hours(Dataset.open(folder), workspace=Workspace(work / "home"))
    shutil.rmtree(folder)
    shutil.rmtree(work / "home", ignore_errors=True)
    tested = int(np.isfinite(found.q).sum())
    missed = ((found.low > 1) | (found.high < 1)) & np.isfinite(found.q)
    return {"claims": int(found.claimed.sum()), "tested": tested, "plays": found.total, "missed": int(missed.sum())}


def ordinary_days(rng: np.random.Generator, level: float, *, minutes: bool) -> np.ndarray:
    """Two years of days: weekdays and months of the simulated service, growth, and moods that last some days."""
    dates = pd.date_range(FIRST, LAST)
    mood = np.zeros(len(dates))
    for day in range(1, len(dates)):
        mood[day] = 0.4 * mood[day - 1] + 0.06 * rng.normal()
    season = clock.MONTHS[dates.month - 1] * clock.WEEKDAYS[dates.day_of_week]
    plays = rng.poisson(level * season * np.exp(mood + 0.0005 * np.arange(len(dates))))
    return rng.gamma(0.7 * plays, 33.0) if minutes else plays.astype(float)


def day_worlds(worlds: int) -> Iterator[str]:
    """Rows of the table of single days: worlds of ordinary days, then the same with days that are no such."""
    for level, minutes in ((20, False), (60, False), (400, False), (4_000, False), (60, True), (400, True)):
        alarms, found, shares = 0, np.zeros(len(ODD)), []
        for seed in range(FIRST_SEED, FIRST_SEED + worlds):
            rng = np.random.default_rng([seed, level, minutes])
            values = ordinary_days(rng, level, minutes=minutes)
            unit = 0.7 * 33 if minutes else 1.0
            alarms += int((benjamini_hochberg(held_against(values, unit)[3]) <= FALSE_DISCOVERIES).sum() > 0)
            days = rng.choice(np.arange(40, len(values) - 40), len(ODD), replace=False)
            values[days] *= list(ODD.values())
            claimed = np.flatnonzero(benjamini_hochberg(held_against(values, unit)[3]) <= FALSE_DISCOVERIES)
            found += np.isin(days, claimed)
            shares.append(len(set(claimed) - set(days)) / max(len(claimed), 1))
        what = f"{level:,} {'plays, as minutes' if minutes else 'plays'}"
        cells = " | ".join(f"{100 * count / worlds:.0f} %" for count in found)
        yield f"| {what} | {100 * alarms / worlds:.1f} % | {cells} | {100 * np.mean(shares):.1f} % |"


def in_season(dataset: Dataset, genre: str) -> tuple[np.ndarray, np.ndarray]:
    """Plays of each title in the season that is planted for a genre, and in the rest of the time."""
    views = dataset.frame("views", ["viewer_id", "title_id", "started_local"])
    if genre == HORROR[0]:
        inside = (views["started_local"].dt.month == 10).to_numpy()
    else:
        region = dataset.frame("viewers", ["viewer_id", "region"]).set_index("viewer_id")["region"]
        calendar = dataset.frame("calendar", ["date", "region", "is_school_holiday"])
        shut = calendar.assign(date=pd.to_datetime(calendar["date"])).set_index(["date", "region"])["is_school_holiday"]
        where = [views["started_local"].dt.normalize().astype("datetime64[s]"), views["viewer_id"].map(region)]
        inside = shut.reindex(pd.MultiIndex.from_arrays(where)).to_numpy(bool)
    titles = dataset.frame("titles", ["title_id"])["title_id"]
    counts = [views["title_id"][which].value_counts() for which in (inside, ~inside)]
    return tuple(count.reindex(titles, fill_value=0).to_numpy(float) for count in counts)  # type: ignore[return-value]


def true_on_plays(with_it: Dataset, without: Dataset, genre: str) -> float:
    """How many times as much a title wholly of a genre is watched in its season because of what was planted.

    Plays of each title with and without it, by a Poisson model with a level for each title and an effect of each of its
    genres at 1/k; against the median of genres in which nothing was planted, and against the rest of the time.
    """
    listed = with_it.frame("titles", ["title_id", "genres"])["genres"].tolist()
    names, loading = genre_weights([list(genres) for genres in listed])
    effect = []
    for on, off in zip(in_season(with_it, genre), in_season(without, genre), strict=True):
        used = on + off > 0
        title = np.repeat(np.arange(used.sum()), 2)
        count, switch = np.column_stack([on[used], off[used]]).ravel(), np.tile([1.0, 0.0], used.sum())[:, None]
        fitted = strata.fit(switch, loading[used], count, np.zeros(len(count)), title, title, np.zeros(len(count)))
        moved = dict(zip(names, fitted.coefficient[:, 0], strict=True))
        others = [value for name, value in moved.items() if name not in ("Horror", "Family", "Animation")]
        effect.append(moved[genre] - float(np.median(others)))
    return float(np.exp(effect[0] - effect[1]))


def sample_again(work: Path) -> list[str]:
    """Rows of the table of the sample, which is simulated again without the two effects."""
    sample = Dataset.open(SAMPLE)
    folder = work / f"without-{sample.content_hash[:12]}"
    if not folder.is_dir():
        rhythm = replace(Rhythm(), horror_october=0.0, family_holidays=0.0)
        simulate(folder, config=SimulationConfig(impressions_days=0, rhythm=rhythm), seed=SEED)
    found, without = appetite(sample, workspace=Workspace(work / "home")), Dataset.open(folder)
    rows = []
    for genre, season in (HORROR, FAMILY):
        cell, truth = (found.genres.index(genre), found.seasons.index(season)), true_on_plays(sample, without, genre)
        ends = f"{found.low[cell]:.2f} to {found.high[cell]:.2f}"
        inside = "yes" if found.low[cell] <= truth <= found.high[cell] else "no"
        claimed = "yes" if found.claimed[cell] else "no"
        rows.append(
            f"| {genre}, {season} | {planted(sample, found)[cell]:.2f} | {truth:.2f} | {found.appetite[cell]:.2f} | "
            f"{ends} | {inside} | {claimed} |"
        )
    others = [f"{found.genres[g]}, {found.seasons[s]}" for g, s in found.claims()]
    others = [claim for claim in others if claim not in (", ".join(HORROR), ", ".join(FAMILY))]
    return [*rows, "", f"Claimed beside them: {'; '.join(others) if others else 'nothing'}."]


def kept(seed: int, work: Path, name: str, look: Callable[[int], dict[str, Any]]) -> dict[str, Any]:
    """One world; what was done before is read again."""
    file = work / f"{name.replace(' ', '-')}-{seed}.json"
    if not file.is_file():
        write_text(file, json.dumps(look(seed)) + "\n")
    return dict(json.loads(file.read_text(encoding="utf-8")))


def everything(worlds: int, work: Path, workers: int) -> dict[str, list[dict[str, Any]]]:
    """All worlds, by kind; kinds take turns, so that a run that was stopped has some of each."""
    looks: dict[str, Callable[[int], dict[str, Any]]] = {k: partial(season_world, kind=k) for k in KINDS}
    looks[CLOCK] = partial(clock_world, work=work)
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in looks}
    with ProcessPoolExecutor(workers) as pool:
        waiting = [
            (name, pool.submit(kept, seed, work, name, look))
            for seed in range(FIRST_SEED, FIRST_SEED + worlds)
            for name, look in looks.items()
        ]
        for number, (name, job) in enumerate(waiting, 1):
            found[name].append(job.result())
            print(f"{number} of {len(waiting)}: {name}: {found[name][-1]}", flush=True)
    return found


def discovery_rate(found: list[dict[str, Any]]) -> str:
    """Mean share of false claims among the claims of a world, with its standard error."""
    shares = np.array([f["false"] / f["claims"] if f["claims"] else 0.0 for f in found])
    return f"{100 * shares.mean():.1f} ± {100 * shares.std(ddof=1) / np.sqrt(len(shares)):.1f} %"


def season_rows(found: dict[str, list[dict[str, Any]]]) -> Iterator[str]:
    """A row of the table for each kind."""
    for name, kind in KINDS.items():
        seen = found[name]
        held = [f for f in seen if np.isfinite(f["low"])]
        covered = sum(f["low"] <= kind.truth <= f["high"] for f in held)
        middle = {key: float(np.median([f[key] for f in held])) for key in ("count_alone", "estimate")}
        yield (
            f"| {name} | {kind.cell[0]}, {kind.cell[1]} | {middle['count_alone']:.2f} | {middle['estimate']:.2f} | "
            f"{kind.truth:.2f} | {covered} of {len(held)} | {sum(f['found'] for f in seen)} of {len(seen)} | "
            f"{discovery_rate(seen)} | {sum(f['false'] > 0 for f in seen)} |"
        )


def page(found: dict[str, list[dict[str, Any]]], work: Path) -> str:
    """The page of the documentation."""
    worlds, clocks = len(found[CLOCK]), found[CLOCK]
    with_claims = sum(f["claims"] > 0 for f in clocks)
    missed = sum(f["missed"] for f in clocks) / sum(f["tested"] for f in clocks)
    return "\n".join([
        "# Viewing patterns: checks on simulated worlds",
        "",
        f"`python scripts/verify_patterns.py --worlds {worlds}` makes the worlds and writes this page. Claims hold at "
        "a false discovery rate of 5 %: of all claims made, one in twenty may be false on average. Seeds were fixed "
        "before looking, and none is left out.",
        "",
        "## Seasons: appetite or supply",
        "",
        f"{worlds} worlds of each of four kinds ({TITLES} titles, {PLAYS:,} plays of two years in two places). In each "
        "world about 150 cells (genre × month, and genre × school holidays) are tested. The cell named is the one "
        "that the cause is about; numbers are its medians over the worlds. A claim about another genre is false, and "
        "so is one about horror in another month. Family titles truly move in months with school holidays too, and "
        "animation moves with them.",
        "",
        "| only cause | cell | count alone | appetite | truth | truth in the interval | claimed | false discovery rate "
        "| worlds with a false claim |",
        "|---|---|---|---|---|---|---|---|---|",
        *season_rows(found),
        "",
        "The rate is the mean over worlds of false claims ÷ claims, with its standard error. Where nothing changes "
        "every claim is false, and it is the share of worlds with a claim. Where one genre moves, a world may hold one "
        "true and one false claim, which counts one half: worlds with a false claim are more than the rate then.",
        "",
        "## The sample",
        "",
        "What was planted is a factor on the odds of a click, and plays that go on with something begun before don't "
        "follow it. What is true of plays comes from simulating the sample again, with the same seed, without the two "
        "effects: how much more a title wholly of the genre is watched because of them, against other genres and "
        "against the rest of the time.",
        "",
        "| cell | planted | true of plays | appetite | 95 % interval | truth in the interval | claimed |",
        "|---|---|---|---|---|---|---|",
        *sample_again(work),
        "",
        "## Clock: genres by hour",
        "",
        f"{worlds} worlds of the whole simulated service without any rhythm: {SERVICE.viewers} viewers with tastes of "
        f"their own over four months, about {np.mean([f['plays'] for f in clocks]):,.0f} plays, "
        f"{np.mean([f['tested'] for f in clocks]):.0f} cells (genre × hour). In {with_claims} of them some genre was "
        f"given an hour ({100 * with_claims / worlds:.1f} %; every claim there is false, so at most 5 % are expected). "
        f"{100 * (1 - missed):.1f} % of the 95 % intervals hold the true lift of 1.",
        "",
        "## Calendar: days that stand out",
        "",
        f"{worlds} worlds of each row: two years of days with the weekdays and months of the simulated service, "
        "growth, and moods of 6 % that last some days. First, how many worlds have any claim where all days are "
        f"ordinary (at most 5 % are expected); then, with {len(ODD)} odd days a world, how often each is found, and "
        "which share of the claims is about another day.",
        "",
        f"| a day | worlds with a false claim | {' | '.join(f'found: {name}' for name in ODD)} "
        "| false discovery rate |",
        f"|---|---|{'---|' * len(ODD)}---|",
        *day_worlds(worlds),
        "",
    ])  # fmt: skip


def main() -> None:
    """Make the worlds and write the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--worlds", type=int, default=100, help="worlds of each kind")
    home = Workspace().home / "verify-patterns"
    parser.add_argument("--work", type=Path, default=home, help="where results are kept")
    parser.add_argument("--workers", type=int, default=1, help="processes")
    options = parser.parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    FILE.write_text(page(everything(options.worlds, options.work, options.workers), options.work), encoding="utf-8")


if __name__ == "__main__":
    main()

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
from analysis.patterns.appetite import SCHOOL, estimate
from analysis.patterns.events import Events
from analysis.patterns.panel import Panel, make_panel
from analysis.simulate import Rhythm, SimulationConfig, clock, make_world, simulate, steady
from analysis.workspace import Workspace

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


def page(found: dict[str, list[dict[str, Any]]]) -> str:
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
        "## Clock: genres by hour",
        "",
        f"{worlds} worlds of the whole simulated service without any rhythm: {SERVICE.viewers} viewers with tastes of "
        f"their own over four months, about {np.mean([f['plays'] for f in clocks]):,.0f} plays, "
        f"{np.mean([f['tested'] for f in clocks]):.0f} cells (genre × hour). In {with_claims} of them some genre was "
        f"given an hour ({100 * with_claims / worlds:.1f} %; every claim there is false, so at most 5 % are expected). "
        f"{100 * (1 - missed):.1f} % of the 95 % intervals hold the true lift of 1.",
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
    FILE.write_text(page(everything(options.worlds, options.work, options.workers)), encoding="utf-8")


if __name__ == "__main__":
    main()

"""Whether appetite is told from supply: the claims of `analysis.patterns.appetite` in simulated worlds of three kinds.

    python scripts/verify_patterns.py --worlds 67

In the first kind nothing changes with the seasons, in the second October only brings more horror releases, in the third
only more appetite for horror. Catalogue, appeal, decay, releases and seasons are those of the simulated service; plays
are drawn by day and title, and each title goes up and down by itself from month to month. Seeds are fixed: 1, 2, 3, …
"""

from __future__ import annotations

import argparse
import datetime as dt
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from analysis.patterns.appetite import estimate
from analysis.patterns.events import Events
from analysis.patterns.panel import Panel, make_panel
from analysis.simulate import Rhythm, SimulationConfig, clock, make_world, steady

FIRST, LAST = dt.date(2024, 7, 1), dt.date(2026, 6, 30)
TITLES, PLAYS, WOBBLE = 600, 200_000, 0.15
STRENGTH = 2.0
"""Power on the calibrated effect: small worlds show only large effects."""
WEIGHT = 0.75
"""Weight of what draws viewers to a title, as in the simulator's worlds of views alone."""
EFFECT = clock.HORROR_OCTOBER["US"] ** (STRENGTH * WEIGHT)
KINDS = {
    "nothing changes": steady(),
    "only more horror released in October": replace(steady(), horror_releases_in_october=20.0),
    "only more appetite for horror in October": replace(steady(), horror_october=STRENGTH),
}
WHAT = Events("views", None, "the viewer's clock", ("genre",), True, True)
NOTE = """\
A claim counts as false if it is about any other genre or season. In the third kind there are more of them than the
rate allows: a large effect on horror spills over, because the typical title that another genre is held against may be a
horror title, so that drama, say, seems less wanted in October. Read “less wanted” beside a strong “more wanted” of the
same month as its other side."""
FILE = Path(__file__).resolve().parent.parent / "docs" / "patterns-checks.md"


@dataclass(frozen=True)
class Seen:
    """What was claimed in one world."""

    claims: int
    tested: int
    horror: bool
    estimate: float
    low: float
    high: float
    count_alone: float


def world(rhythm: Rhythm, seed: int) -> Panel:
    """Plays of two years in one country."""
    config = SimulationConfig(
        viewers=50, titles=TITLES, starts_on=FIRST, ends_on=LAST, experiments=(), views_only=True, rhythm=rhythm
    )
    made, rng = make_world(config, seed), np.random.default_rng(seed)
    dates = pd.date_range(FIRST, LAST)
    pull = np.array([made.by_day(day.date())[0] for day in dates], dtype=np.float64) / 64
    out = made.catalogue.released[None, :] <= np.arange(len(dates))[:, None]
    weight = np.where(out, np.exp(WEIGHT * pull), 0.0)
    months = (dates.year * 12 + dates.month).to_numpy()
    ups = rng.gamma(1 / WOBBLE, WOBBLE, size=(months.max() - months.min() + 1, TITLES))
    weight = weight * ups[months - months.min()]
    plays = rng.poisson(PLAYS / len(dates) * weight / weight.sum(axis=1, keepdims=True))
    day, title = np.nonzero(plays)
    cells = pd.DataFrame({"title_id": title, "date": dates[day], "country": "US", "events": plays[day, title]})
    released = pd.Timestamp(FIRST) + pd.to_timedelta(made.catalogue.released, unit="D")
    kind = np.where(made.catalogue.is_series, "series", "film")
    titles = pd.DataFrame({"kind": kind, "genres": made.catalogue.genres, "released_on": released})
    return make_panel(cells, titles.rename_axis("title_id"), None)


def look(seed: int, kind: str) -> Seen:
    """One world."""
    found = estimate(world(KINDS[kind], seed), WHAT)
    g, s = found.genres.index("Horror"), found.seasons.index("October")
    return Seen(
        int(found.claimed.sum()), int(np.isfinite(found.q).sum()), bool(found.claimed[g, s]),
        float(found.appetite[g, s]), float(found.low[g, s]), float(found.high[g, s]), float(found.seen[g, s]),
    )  # fmt: skip


def rows(worlds: int, workers: int) -> Iterator[str]:
    """A row of the table for each kind."""
    with ProcessPoolExecutor(workers) as pool:
        for kind in KINDS:
            all_seen = list(pool.map(partial(look, kind=kind), range(1, worlds + 1)))
            planted = kind.startswith("only more appetite")
            false = sum(seen.claims - (planted and seen.horror) > 0 for seen in all_seen)
            truth = EFFECT if planted else 1.0
            held = [seen for seen in all_seen if np.isfinite(seen.low)]
            covered = sum(seen.low <= truth <= seen.high for seen in held)
            yield (
                f"| {kind} | {worlds} | {np.median([s.count_alone for s in all_seen]):.2f} | "
                f"{np.median([s.estimate for s in all_seen]):.2f} | {truth:.2f} | {covered} of {len(held)} | "
                f"{sum(s.horror for s in all_seen)} | {false} |"
            )


def main() -> None:
    """Write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--worlds", type=int, default=67, help="worlds of each kind")
    parser.add_argument("--workers", type=int, default=1, help="processes")
    options = parser.parse_args()
    head = [
        "# Viewing patterns: checks on simulated worlds",
        "",
        "Is the claim “more appetite for horror in October” told from “more horror released”?",
        f"`python scripts/verify_patterns.py --worlds {options.worlds}` makes small worlds ({TITLES} titles, "
        f"{PLAYS:,} plays of two years) of three kinds and writes this table. Numbers in the middle columns are "
        "horror in October against other months, medians over the worlds.",
        "",
        "| world | worlds | count alone | appetite | truth | truth in the interval | claimed | with a false claim |",
        "|---|---|---|---|---|---|---|---|",
    ]  # fmt: skip
    lines = []
    for line in rows(options.worlds, options.workers):
        print(line, flush=True)
        lines.append(line)
    FILE.write_text("\n".join([*head, *lines, "", NOTE, ""]), encoding="utf-8")


if __name__ == "__main__":
    main()

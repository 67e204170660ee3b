"""How often forecast intervals hold what comes, and when a forecast beats the last week repeated, in worlds of chance.

    python scripts/verify_forecast.py --worlds 20

Writes docs/forecast-checks.md. Each world is one series of 420 days (60 weeks of shares) with 56 days after it, which
the forecast never sees; seeds are the worlds' numbers, fixed before any result was looked at.
"""

from __future__ import annotations

import argparse
import datetime as dt
import sys
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np
import numpy.typing as npt

from analysis.patterns.forecast_backtest import HORIZON, LEVELS, project, shortest
from analysis.patterns.forecast_calendar import calendar
from analysis.patterns.forecast_shares import WEEKS, closed, project_shares

Array = npt.NDArray[np.float64]

ROOT = Path(__file__).resolve().parent.parent
DAYS, FIRST = 420, dt.date(2024, 1, 1)
HISTORY = 60
WEEKDAY = np.array([0.0, -0.02, 0.0, 0.05, 0.2, 0.35, 0.25])


def steady(rng: np.random.Generator, days: int) -> Array:
    """Weekday, a wave of the year, and errors that hang together for days."""
    errors = _autoregression(rng, days, 0.6, 0.06)
    wave = 0.12 * np.cos(2 * np.pi * (np.arange(days) - 15) / 365.25)
    return np.asarray(np.exp(9 + WEEKDAY[np.arange(days) % 7] + wave + errors))


def drifting(rng: np.random.Generator, days: int) -> Array:
    """Weekday, and a level that walks at random."""
    level = np.cumsum(rng.normal(0, 0.012, days))
    return np.asarray(np.exp(9 + WEEKDAY[np.arange(days) % 7] + level + rng.normal(0, 0.05, days)))


def growing(rng: np.random.Generator, days: int) -> Array:
    """Weekday, growth of three percent a month, heavy-tailed errors."""
    growth = 0.03 * np.arange(days) / 30
    errors = 0.05 * rng.standard_t(4, days)
    return np.asarray(np.exp(8 + WEEKDAY[np.arange(days) % 7] + growth + errors))


def small(rng: np.random.Generator, days: int) -> Array:
    """Counts of thirty a day, Poisson around a weekday and errors that hang together."""
    mean = 30 * np.exp(WEEKDAY[np.arange(days) % 7] + _autoregression(rng, days, 0.5, 0.08))
    return rng.poisson(mean).astype(np.float64)


def settled(rng: np.random.Generator, weeks: int) -> Array:
    """Five genres around shares of their own, with errors that hang together for weeks."""
    ratios = np.log([0.35, 0.25, 0.2, 0.12, 0.08])
    return closed(ratios + np.stack([_autoregression(rng, weeks, 0.5, 0.08) for _ in range(5)], axis=1))


def wandering(rng: np.random.Generator, weeks: int) -> Array:
    """Five genres whose log-ratios walk at random."""
    return closed(np.log([0.35, 0.25, 0.2, 0.12, 0.08]) + np.cumsum(rng.normal(0, 0.05, (weeks, 5)), axis=0))


def _autoregression(rng: np.random.Generator, steps: int, rho: float, sigma: float) -> Array:
    errors = rng.normal(0, sigma, steps)
    for step in range(1, steps):
        errors[step] += rho * errors[step - 1]
    return errors


def days(make: Callable[[np.random.Generator, int], Array], worlds: int, kind: int) -> list[str]:
    """One row: coverage at both levels, near and far, and errors against the last week repeated."""
    inside, naive, error, beats = [], [], [], []
    for world in range(worlds):
        series = make(np.random.default_rng([kind, world]), DAYS + HORIZON)
        known = calendar(FIRST, DAYS + HORIZON, shortest(DAYS))
        found = project(series[:DAYS], known)
        actual = series[DAYS:]
        inside.append((found.low <= actual) & (actual <= found.high))
        error.append(np.abs(actual - found.mean).mean())
        last = np.tile(series[DAYS - 7 : DAYS], HORIZON // 7)
        naive.append(np.abs(actual - last).mean())
        beats.append(found.record.best > 0)
        print(make.__name__, world, np.mean(inside[-1], axis=1), flush=True)
    held = np.array(inside)
    cells = [_share(held[:, place].mean(axis=1)) for place in range(len(LEVELS))]
    cells += [f"{held[:, 1, :7].mean():.3f}", f"{held[:, 1, -7:].mean():.3f}"]
    return [*cells, f"{np.sum(error) / np.sum(naive):.2f}", f"{sum(beats)} of {worlds}"]


def shares(make: Callable[[np.random.Generator, int], Array], worlds: int, kind: int) -> list[str]:
    """One row for compositions: coverage at 95 %, near and far, and errors against the last week's shares."""
    inside, naive, error, beats = [], [], [], []
    for world in range(worlds):
        series = make(np.random.default_rng([kind, world]), HISTORY + WEEKS)
        found = project_shares(series[:HISTORY])
        actual = series[HISTORY:]
        inside.append((found.low <= actual) & (actual <= found.high))
        error.append(np.abs(actual - found.mean).mean())
        naive.append(np.abs(actual - series[HISTORY - 1]).mean())
        beats.append(found.method != found.methods[0])
        print(make.__name__, world, np.mean(inside[-1]), flush=True)
    held = np.array(inside)
    cells = ["–", _share(held.mean(axis=(1, 2))), f"{held[:, 0].mean():.3f}", f"{held[:, -1].mean():.3f}"]
    return [*cells, f"{np.sum(error) / np.sum(naive):.2f}", f"{sum(beats)} of {worlds}"]


def _share(by_world: Array) -> str:
    """A mean over worlds with its standard error."""
    return f"{by_world.mean():.3f} ± {by_world.std(ddof=1) / np.sqrt(len(by_world)):.3f}"


def main() -> None:
    """Make the worlds and write the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--worlds", type=int, default=20, help="worlds of each kind")
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "forecast-checks.md")
    options = parser.parse_args()
    rows = []
    for kind, make in enumerate((steady, drifting, growing, small)):
        rows.append([f"days: {make.__doc__}".rstrip("."), *days(make, options.worlds, kind)])
    for kind, make in enumerate((settled, wandering)):
        rows.append([f"genre shares: {make.__doc__}".rstrip("."), *shares(make, options.worlds, 10 + kind)])
    head = (
        "| world | 80 % intervals hold | 95 % intervals hold | 95 %, first week | 95 %, last week "
        "| error ÷ naive | beats naive in backtests |"
    )
    table = "\n".join([head, "|---|---|---|---|---|---|---|", *("| " + " | ".join(row) + " |" for row in rows)])
    options.out.write_text(TEXT.format(worlds=options.worlds, table=table), encoding="utf-8")


TEXT = """# Forecast: checks

Written by `python scripts/verify_forecast.py --worlds {worlds}`; {worlds} worlds of each kind, seeds fixed beforehand.

A world is a series of 420 days (60 weeks for genre shares), on which the whole procedure runs as on a page: all
methods, twelve backtests, the choice, the stretching. Then the 56 days after, which it has not seen, are held against
its intervals. Shares are means over worlds with their standard errors; the days of one world hang together, so one
world can hold all or few.

{table}

"Error ÷ naive" is the mean absolute error over the 56 unseen days, divided by that of repeating the last week (the last
week's shares). "Beats naive in backtests" is how often a method was drawn that is better than naive by its record; in
the others the page says that nothing beats it.
"""


if __name__ == "__main__":
    main()

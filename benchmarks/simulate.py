"""Simulation: impressions a second on one core, how time grows with viewers, memory, and views by the million.

    python -m benchmarks.simulate
    python -m benchmarks.simulate --viewers 10000 --repeats 3

Everything is on: taste, season and clock, experiments, pages with propensities, plays, searches, ratings, churn; all of
it is logged in memory. Seconds are processor seconds of one thread, since wall time would count what others do; the
median of the repeats, after one that is not counted. Peak memory is that of a process of its own that writes a dataset.
"""

from __future__ import annotations

import argparse
import datetime as dt
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits

from analysis.simulate import Service, SimulationConfig, make_world, write_views
from benchmarks.common import Measured, report

FIRST_DAY = dt.date(2026, 5, 1)
IMPRESSIONS_PER_SECOND, SLOPE = 1_000_000, 1.1
ROWS = 2_000_000
WRITE = """
import datetime as dt, sys
from pathlib import Path
from analysis.simulate import SimulationConfig, simulate
viewers, days, target = int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3])
first = dt.date(2026, 5, 1)
config = SimulationConfig(viewers=viewers, starts_on=first, ends_on=first + dt.timedelta(days=days - 1))
simulate(target, config=config)
"""


def configured(viewers: int, days: int) -> SimulationConfig:
    """Some weeks of the sample's service, after one that is not counted."""
    last = FIRST_DAY + dt.timedelta(days=days - 1)
    return SimulationConfig(viewers=viewers, starts_on=FIRST_DAY, ends_on=last, warm_up_days=7)


def seconds_of(viewers: int, days: int, repeats: int) -> tuple[float, int]:
    """Processor seconds of simulating these days, and the impressions that came of it."""
    world = make_world(configured(viewers, days), 1)
    taken, shown = [], 0
    for _ in range(repeats + 1):
        service = Service(world)
        service.run_until(0)
        begun = time.process_time()
        service.run_until(days)
        taken.append(time.process_time() - begun)
        shown = len(service.log.take("impressions")["title"])
    return statistics.median(taken[1:]), shown


def speed(viewers: int, days: int, repeats: int) -> Measured:
    """Impressions a second."""
    seconds, shown = seconds_of(viewers, days, repeats)
    rate = shown / seconds
    return Measured(
        f"impressions in memory, everything on: {viewers:,} viewers × {days} days",
        f"{rate / 1e6:.2f} M a second ({shown:,} in {seconds:.2f} s)",
        f"≥ {IMPRESSIONS_PER_SECOND / 1e6:.0f} M a second",
        rate >= IMPRESSIONS_PER_SECOND,
        budget=True,
    )


def growth(viewers: int, days: int, repeats: int) -> Measured:
    """Slope of the logarithm of time over the logarithm of viewers."""
    sizes = [viewers // 4, viewers // 2, viewers, viewers * 2]
    seconds = [seconds_of(size, days, repeats)[0] for size in sizes]
    slope = float(np.polyfit(np.log(sizes), np.log(seconds), 1)[0])
    return Measured(
        f"time over viewers, {sizes[0]:,} to {sizes[-1]:,}, {days} days",
        f"log-log slope {slope:.2f}",
        f"≤ {SLOPE}",
        slope <= SLOPE,
    )


def memory(viewers: int, days: int) -> list[Measured]:
    """Peak memory of processes that write a dataset of half and of all viewers."""
    rows = []
    for size in (viewers // 2, viewers):
        with tempfile.TemporaryDirectory() as folder:
            target = str(Path(folder) / "dataset")
            # The largest of all children so far, so the smaller comes first.
            subprocess.run([sys.executable, "-c", WRITE, str(size), str(days), target], check=True)
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
        rows.append(Measured(f"peak memory, written with truth: {size:,} viewers × {days} days", f"{peak:,.0f} MiB"))
    return rows


def bulk() -> Measured:
    """Rows a second of `write_views`."""
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "views"
        write_views(target, rows=100_000, replace=True)
        begun = time.process_time()
        write_views(target, rows=ROWS, replace=True)
        taken = time.process_time() - begun
    return Measured(f"`write_views`, {ROWS:,} views to disk", f"{ROWS / taken / 1e6:.2f} M a second")


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--viewers", type=int, default=20_000, help="viewers of the main measurement")
    parser.add_argument("--days", type=int, default=21, help="days of the main measurement")
    parser.add_argument("--repeats", type=int, default=5, help="runs of which the median is taken")
    options = parser.parse_args()
    # First, while this process is small: a child's peak is never less than its parent's memory when it began.
    held = memory(options.viewers, options.days)
    with threadpool_limits(1):
        rows = [speed(options.viewers, options.days, options.repeats), growth(options.viewers, 7, 1), *held, bulk()]
    report("Simulation", rows)


if __name__ == "__main__":
    main()

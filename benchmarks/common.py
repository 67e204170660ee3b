"""What the benchmarks share: medians, and one way to print what was measured beside what was promised."""

from __future__ import annotations

import os
import platform
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

REPEATS = 5


@dataclass(frozen=True)
class Measured:
    """One measured number beside its promise.

    Attributes:
        what: What was measured.
        value: The number as text, with its unit.
        promise: What is promised; a dash where nothing is.
        kept: Whether it is kept.
        budget: A budget holds on an idle machine of the kind named in the README; others are ratios within one run.
    """

    what: str
    value: str
    promise: str = "–"
    kept: bool = True
    budget: bool = False


def median_seconds(work: Callable[[], object], repeats: int = REPEATS) -> float:
    """Median wall time of `work` in seconds, after one run that is not counted."""
    work()
    times = []
    for _ in range(repeats):
        begun = time.perf_counter()
        work()
        times.append(time.perf_counter() - begun)
    return statistics.median(times)


def report(title: str, rows: Sequence[Measured]) -> None:
    """Print a Markdown table, with the machine and its load, since budgets mean an idle one."""
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    print(f"### {title}\n\n{os.cpu_count()} cores, Python {platform.python_version()}, load {load}\n")
    print("| | measured | promise | |\n|---|---|---|---|")
    for row in rows:
        kept = "" if row.promise == "–" else "kept" if row.kept else "missed"
        print(f"| {row.what} | {row.value} | {row.promise}{' (budget)' if row.budget else ''} | {kept} |")
    print()

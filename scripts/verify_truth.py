"""Hold every estimator to the truth over 200 seeds of a small service, and write docs/truth.md (`make verify`).

Each seed is a world with other viewers and other luck in the same service. Its dataset is written and every estimand
is estimated from the tables alone. Truths of experiments are each world's own (both outcomes of every viewer are
known); expectations are what the other 199 worlds together show. No seed is left out. What is done stays in the
workspace, so a run that was stopped goes on where it was.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import numpy as np  # noqa: E402

from analysis.data import Dataset  # noqa: E402
from analysis.simulate import SimulationConfig, simulate, standard_experiments  # noqa: E402
from analysis.simulate import expectations as expected  # noqa: E402
from analysis.truth import Recovery, TruthTable, truth_table  # noqa: E402
from analysis.workspace import SAMPLE, Workspace  # noqa: E402

TARGET = ROOT / "docs" / "truth.md"
SEEDS = 200
ENOUGH = 180
"""Of 200 intervals that hold with 95 %, fewer than 180 hold once in about 400 studies."""

SERVICE = 0
"""Seed of the catalogue, the same in all worlds."""

DAYS = 21
"""Length of each experiment, in days."""

_FIRST_DAYS = {
    "checkout-copy": dt.date(2025, 8, 22),
    "rounded-corners": dt.date(2025, 8, 22),
    "player-rewrite": dt.date(2025, 9, 12),
    "autoplay-countdown": dt.date(2025, 9, 12),
    "bigger-previews": dt.date(2025, 10, 3),
    "profile-icons": dt.date(2025, 10, 3),
    "bold-artwork": dt.date(2025, 11, 7),
    "personal-rows": dt.date(2025, 11, 7),
    "dense-home": dt.date(2025, 12, 5),
    "new-home": dt.date(2025, 12, 5),
}
"""All experiments of the sample, two at a time: each splits the viewers anew, whatever the other one does."""


def small_world() -> SimulationConfig:
    """Five months of 400 viewers."""
    experiments = tuple(
        replace(e, starts_on=_FIRST_DAYS[e.experiment_id], days=DAYS)
        for e in standard_experiments()
        if e.experiment_id in _FIRST_DAYS
    )
    return SimulationConfig(
        viewers=400,
        titles=140,
        starts_on=dt.date(2025, 8, 1),
        ends_on=dt.date(2025, 12, 31),
        warm_up_days=14,
        impressions_days=28,
        uniform_share=0.3,
        experiments=experiments,
    )


@dataclass(frozen=True)
class Coverage:
    """How one estimand fared over the seeds.

    Attributes:
        name: Its name.
        group: Heading under which it stands.
        seeds: Worlds tried.
        held: In how many of them the interval held the truth.
        truth: Mean truth.
        estimate: Mean estimate.
        spread: Standard deviation of estimate less truth.
        width: Mean width of the interval.
    """

    name: str
    group: str
    seeds: int
    held: int
    truth: float
    estimate: float
    spread: float
    width: float


def run_seed(seed: int, config: SimulationConfig, work: Path) -> dict[str, Any]:
    """Simulate one world and estimate everything in it; what was done before is read again."""
    found = work / f"{seed:03d}.json"
    if found.is_file():
        return dict(json.loads(found.read_text(encoding="utf-8")))
    folder = work / f"world-{seed:03d}"
    if not folder.is_dir():
        simulate(folder, config=config, seed=seed, service=SERVICE)
    dataset = Dataset.open(folder)
    truth = dataset.truth() or {}
    asked = [(e.name, e.group, e.function, dict(e.scope), None) for e in expected.expectations()] + [
        (e["name"], e["group"], e["function"], e["scope"], e["value"])
        for e in truth["estimands"]
        if e["function"] and not e["reason"]
    ]
    recover, rows = Recovery(), []
    for name, group, function, scope, value in asked:
        estimate = recover(dataset, function, scope)
        ends = [None if np.isnan(x) else x for x in (estimate.value, estimate.low, estimate.high)]
        rows.append({"name": name, "group": group, "truth": value, "estimate": ends})
    sums = {name: parts.sum(axis=0).tolist() for name, parts in expected.count(dataset).items()}
    result = {"seed": seed, "rows": rows, "sums": sums}
    beside = found.with_suffix(".tmp")
    beside.write_text(json.dumps(result), encoding="utf-8")
    beside.replace(found)
    return result


def coverage(results: Sequence[dict[str, Any]]) -> list[Coverage]:
    """How often each interval held its truth; an interval that could not be given did not."""
    names = {row["name"]: row["group"] for result in results for row in result["rows"]}
    whole = {name: np.sum([r["sums"][name] for r in results], axis=0) for name in results[0]["sums"]}
    table = []
    for name, group in names.items():
        truths, estimates, widths, held, seeds = [], [], [], 0, 0
        for result in results:
            row = next((r for r in result["rows"] if r["name"] == name), None)
            if row is None:
                continue
            value = row["truth"] if row["truth"] is not None else _ratio(whole[name] - result["sums"][name])
            estimate, low, high = (np.nan if x is None else x for x in row["estimate"])
            seeds, held = seeds + 1, held + bool(low <= value <= high)
            truths.append(value)
            estimates.append(estimate)
            widths.append(high - low)
        gap = np.subtract(estimates, truths)
        means = (float(np.mean(truths)), _mean(estimates), float(np.std(gap[np.isfinite(gap)])), _mean(widths))
        table.append(Coverage(name, group, seeds, held, *means))
    return table


def _mean(numbers: Sequence[float]) -> float:
    """Mean of those that there are."""
    known = [number for number in numbers if np.isfinite(number)]
    return float(np.mean(known)) if known else float("nan")


def _ratio(sums: np.ndarray) -> float:
    return float(sums[0] / sums[1] if len(sums) == 2 else (sums[0] / sums[1]) / (sums[2] / sums[3]))


def run_all(seeds: Iterable[int], work: Path, workers: int) -> list[dict[str, Any]]:
    """All seeds, shared between plain subprocesses."""
    seeds = list(seeds)
    work.mkdir(parents=True, exist_ok=True)
    each = [seeds[worker::workers] for worker in range(workers)]
    threads = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "PRIMETIME_HOME": str(work / "home")}
    running = [
        subprocess.Popen(
            [sys.executable, __file__, "--work", str(work), "--seeds", *map(str, part)],
            env={**os.environ, **threads},
        )
        for part in each
        if part
    ]
    failed = [process.args for process in running if process.wait() != 0]
    if failed:
        raise SystemExit("A part of the seeds failed; run it again to go on.")
    return [json.loads((work / f"{seed:03d}.json").read_text(encoding="utf-8")) for seed in seeds]


HEAD = """# Known truth

An **estimand** is the number that an analysis is after: the share of plays at night, the minutes that a new home screen
adds. An **estimate** is what comes out of the data, and its 95 % interval promises to hold the estimand in 95 of 100
repeats. On real data nobody can check that promise, because the estimand is never seen. The sample comes from a
simulated service, so it can be seen, and every interval of this project can be held to it.

    python -m analysis truth                 # truth, estimate, interval, covered: for the sample
    python -m analysis truth --data NAME     # for a service of your own, from `python -m analysis simulate`

The page **Known truth** shows the same as a picture. About one in twenty intervals should miss: intervals that never
missed would be wider than they say.

## How the truth is known

- **Effects of experiments** are exact. The weeks of each experiment are run twice from the same moment with the same
  luck, once with all viewers in control and once with all treated. The mean difference over the viewers who came is the
  effect on them (the sample average treatment effect).
- **Parameters**, such as the chance that a place of the page is looked at, are known in closed form.
- **Expectations**, such as the night share, are properties of the service: its catalogue, its calendar, its parameters.
  They are counted in a large run of the same service with other viewers and other luck, with code of its own and never
  with the estimator. The sample's run has {others:,} viewers, {times:.0f} times the sample's own. What chance is left
  in it stands in `truth.json` as `truth_error`: {error} of the estimate's own standard error at the median. So against
  the sample about {against:.0f} % of these intervals are expected to hold, and not quite 95 %.

Each entry of `truth.json` names the function that recovers it. Where there is none, or none that promises anything, it
says why.

## In the sample

{summary}

| estimand | truth | estimate | 95 % interval | holds |
|---|---|---|---|---|
"""

STUDY = """
## Over {seeds} seeds

One dataset can be lucky. So {seeds} small worlds were made ({viewers:,} viewers, {titles} titles, {starts_on} to
{ends_on}, {which}): the same service with other viewers and other luck, each with the ten
experiments of the sample, each of three weeks, two at a time. In every world every estimand was estimated from the
tables alone. Truths of experiments are each world's own; an expectation's truth is what the other {others} worlds
together show. A 95 % interval should hold its truth in about {wanted:.0f} of {seeds}; the promise is at least
{enough} of {all}.
An interval that can't be given counts as a miss. `scripts/verify_truth.py` repeats all of it.

{summary}

| estimand | mean truth | mean estimate | spread of the error | mean width | holds in |
|---|---|---|---|---|---|
"""

WITHOUT = """
## Without a promise

| estimand | truth | the data's plain answer | why |
|---|---|---|---|
"""


def document(table: TruthTable, study: Sequence[Coverage], others: int, config: SimulationConfig) -> str:
    """docs/truth.md."""
    own = [row for row in table.promised if row.truth_error and row.estimate]
    ratios = [row.truth_error * 2 * 1.96 / (row.estimate.high - row.estimate.low) for row in own if row.estimate]
    error = float(np.median(ratios)) if ratios else 0.0
    from statistics import NormalDist

    against = 100 * (2 * NormalDist().cdf(1.96 / np.sqrt(1 + error**2)) - 1)
    parts = [
        HEAD.format(others=others, times=others / 3_000, error=f"{error:.2f}", against=against, summary=table.summary())
    ]
    for row in table.promised:
        e = row.estimate
        assert e is not None
        cells = [row.name, _n(row.truth), _n(e.value), f"{_n(e.low)} to {_n(e.high)}", "yes" if row.covered else "no"]
        parts.append(_line(cells))
    seeds = max(c.seeds for c in study)
    worst = min(study, key=lambda c: c.held)
    total = sum(c.held for c in study) / sum(c.seeds for c in study)
    summary = (
        f"All {len(study)} estimands together: {100 * total:.1f} % of the intervals hold their truth. The fewest are "
        f"{worst.held} of {worst.seeds} ({worst.name})."
    )
    parts.append(
        STUDY.format(
            seeds=seeds, viewers=config.viewers, titles=config.titles, starts_on=config.starts_on,
            ends_on=config.ends_on, which=_which(seeds), others=seeds - 1, wanted=0.95 * seeds, enough=ENOUGH,
            all=SEEDS, summary=summary,
        )
    )  # fmt: skip
    for c in study:
        cells = [c.name, _n(c.truth), _n(c.estimate), _n(c.spread), _n(c.width), f"{c.held} of {c.seeds}"]
        parts.append(_line(cells))
    parts.append(WITHOUT)
    for row in table.rows:
        if not row.promised:
            plain = "" if row.estimate is None else _n(row.estimate.value)
            parts.append(_line([row.name, _n(row.truth), plain, row.reason]))
    return "".join(parts)


def _which(seeds: int) -> str:
    """Which seeds the study holds."""
    if seeds == SEEDS:
        return f"seeds 0 to {SEEDS - 1}, none left out"
    return f"so far {seeds} of the seeds 0 to {SEEDS - 1}, as they were done; `make verify` makes the rest"


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |\n"


def _n(value: float) -> str:
    """A value with about four digits that matter."""
    digits = 0 if value == 0 or abs(value) >= 100 else 2 if abs(value) >= 10 else 3 if abs(value) >= 1 else 4
    return f"{value:.{digits}f}".replace("-", "−")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the study, or some seeds of it, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, default=Workspace().home / "verify-truth", help="where results are kept")
    parser.add_argument("--workers", type=int, default=2, help="processes at once")
    parser.add_argument("--seeds", type=int, nargs="*", help="only these seeds, without writing the page")
    parser.add_argument("--so-far", action="store_true", help="write the page from the seeds that are done")
    parser.add_argument("--again", action="store_true", help="estimate anew in the worlds that stand")
    parser.add_argument("--fresh", action="store_true", help="forget what was done before")
    arguments = parser.parse_args(argv)
    if arguments.seeds:
        for seed in arguments.seeds:
            run_seed(seed, small_world(), arguments.work)
        return 0
    if arguments.fresh and arguments.work.is_dir():
        shutil.rmtree(arguments.work)
    if arguments.again:
        for file in arguments.work.glob("*.json"):
            file.unlink()
    if arguments.so_far:
        done = sorted(arguments.work.glob("[0-9][0-9][0-9].json"))
        study = coverage([json.loads(file.read_text(encoding="utf-8")) for file in done])
    else:
        study = coverage(run_all(range(SEEDS), arguments.work, arguments.workers))
    from analysis.simulate.writing import SAMPLE_TRUTH_VIEWERS

    table = truth_table(Dataset.open(SAMPLE))
    TARGET.write_text(document(table, study, SAMPLE_TRUTH_VIEWERS, small_world()), encoding="utf-8")
    short = [c for c in study if c.seeds == SEEDS and c.held < ENOUGH]
    for c in short:
        print(f"{c.name}: only {c.held} of {c.seeds} intervals hold the truth.", file=sys.stderr)
    return 1 if short else 0


if __name__ == "__main__":
    sys.exit(main())

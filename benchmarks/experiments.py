"""Experiments: from a table of units to intervals, against one hand-written DuckDB query of the same sums.

    python -m benchmarks.experiments            # ten million units, the promise
    python -m benchmarks.experiments 1000000

Three metrics with a covariate each, one ratio, the sample-ratio check and all tests. The table is in DuckDB's memory
for both; both are warm; the median of five, the two taken in turns. Beside it a metric with a covariate against
statsmodels' OLS at a million units, and budgets: 5,000 A/A tests looked at 20 times, and the bootstrap of a quantile of
a million units, plain and clustered.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable

import narwhals as nw
import numpy as np

from analysis import engine
from analysis.experiments.experiment import Experiment
from analysis.experiments.fixed import compare_means
from analysis.experiments.lessons import peeking
from analysis.experiments.metrics import Ratio, columns_of, make_metric
from analysis.experiments.moments import moments_by_variant
from analysis.experiments.quantiles import compare_quantiles
from analysis.experiments.report import analyse
from benchmarks.common import Measured, median_seconds, report

ROUNDS = 5
PROMISE = 1.5
METRICS = (("minutes", "minutes_before"), ("plays", "plays_before"), ("days", "days_before"))
RATIO = Ratio("completed", "plays")
OLS_UNITS = 1_000_000
OLS_PROMISE = 10.0

MAKE = """
CREATE OR REPLACE TEMP TABLE bench_units AS
SELECT
    CASE WHEN hash(i) % 2 = 0 THEN 'control' ELSE 'treatment' END AS variant,
    before + 30 * random() AS minutes, before AS minutes_before,
    (10 * u)::INTEGER + (3 * random())::INTEGER AS plays, (10 * u)::INTEGER AS plays_before,
    20 * u + 5 * random() AS days, 20 * u AS days_before,
    (5 * u * random())::INTEGER AS completed
FROM (SELECT i, 60 * random() AS before, random() AS u FROM range({units}) t(i))
"""

SUMS = ("minutes", "plays", "days", "minutes_before", "plays_before", "days_before", "completed")
PRODUCTS = (("minutes", "minutes_before"), ("plays", "plays_before"), ("days", "days_before"), ("completed", "plays"))


def by_hand(cursor: engine.Cursor) -> float:
    """Seconds of the yardstick: the sums alone, without any test."""
    sums = ", ".join(f"avg({c}), var_samp({c})" for c in SUMS)
    products = ", ".join(f"covar_samp({a}, {b})" for a, b in PRODUCTS)
    start = time.perf_counter()
    cursor.duckdb.execute(f"SELECT variant, count(*), {sums}, {products} FROM bench_units GROUP BY variant").fetchall()
    return time.perf_counter() - start


def by_us(cursor: engine.Cursor) -> float:
    """Seconds from the table to the verdict."""
    start = time.perf_counter()
    frame = nw.from_native(cursor.duckdb.table("bench_units"))
    wanted = [columns_of(metric, covariate)[1] for metric, covariate in METRICS]
    pairs = [pair for each in wanted for pair in each] + columns_of(RATIO)[1]
    arms = moments_by_variant(frame, "variant", SUMS, pairs)
    metrics = [make_metric(name, arms, name, kind="mean", covariates=[before]) for name, before in METRICS]
    metrics.append(make_metric("completed per play", arms, RATIO, kind="ratio"))
    units = {variant: joint.n for variant, joint in arms.items()}
    analyse(Experiment("benchmark", units, tuple(metrics), "control", "a benchmark")).to_frame()
    return time.perf_counter() - start


def main(units: int) -> None:
    """Measure and print the table."""
    with engine.reading() as cursor:
        cursor.duckdb.execute("SELECT setseed(0.42)")
        cursor.duckdb.execute(MAKE.format(units=units))
        threads = cursor.duckdb.execute("SELECT current_setting('threads')").fetchall()[0][0]
        by_hand(cursor), by_us(cursor)
        taken = [(by_hand(cursor), by_us(cursor)) for _ in range(ROUNDS)]
    yardstick, ours = (statistics.median(column) for column in zip(*taken, strict=True))
    ratio = ours / yardstick
    rows = [
        Measured(
            f"three metrics with CUPED, one ratio, SRM and all tests: {units:,} units, {threads} threads",
            f"{ratio:.2f} × ({ours:.2f} s against {yardstick:.2f} s for the query alone)",
            f"≤ {PROMISE} ×",
            ratio <= PROMISE,
        )
    ]
    report("Experiments", [*rows, against_ols(), *budgets()])


def against_ols() -> Measured:
    """A metric adjusted by a covariate: a third of three metrics, from table to interval, against statsmodels' OLS.

    Ours reads the table that the engine has; OLS gets its design matrix ready-made, which favours it. Both end with the
    treatment's effect, its standard error (unequal variances: HC1 there) and the interval.
    """
    from statsmodels.regression.linear_model import OLS

    with engine.reading() as cursor:
        cursor.duckdb.execute("SELECT setseed(0.42)")
        cursor.duckdb.execute(MAKE.format(units=OLS_UNITS))
        frame = nw.from_native(cursor.duckdb.table("bench_units"))
        columns = cursor.duckdb.execute("SELECT minutes, variant = 'treatment', minutes_before FROM bench_units")
        minutes, treated, before = columns.fetchnumpy().values()
        design = np.column_stack([np.ones(OLS_UNITS), np.asarray(treated, dtype=float), before - before.mean()])

        def ols() -> float:
            start = time.perf_counter()
            OLS(minutes, design).fit(cov_type="HC1").conf_int()
            return time.perf_counter() - start

        def ours() -> float:
            start = time.perf_counter()
            pairs = [pair for each in METRICS for pair in columns_of(*each)[1]]
            arms = moments_by_variant(frame, "variant", [c for each in METRICS for c in each], pairs)
            for name, covariate in METRICS:
                metric = make_metric(name, arms, name, kind="mean", covariates=[covariate])
                compare_means(metric.arms["control"], metric.arms["treatment"])
            return (time.perf_counter() - start) / len(METRICS)

        ols(), ours()
        taken = [(ols(), ours()) for _ in range(ROUNDS)]
    theirs, mine = (statistics.median(column) for column in zip(*taken, strict=True))
    return Measured(
        f"a metric with CUPED, of three: {OLS_UNITS:,} units, against statsmodels' OLS",
        f"{theirs / mine:.0f} × faster ({mine * 1000:.0f} ms against {theirs * 1000:.0f} ms)",
        f"≥ {OLS_PROMISE:.0f} ×",
        theirs / mine >= OLS_PROMISE,
    )


def budgets() -> list[Measured]:
    """Measure what has a budget instead of a yardstick."""
    rng = np.random.default_rng(0)
    sides = rng.gamma(2, 1, (2, 1_000_000))
    clusters = rng.integers(0, 100_000, 1_000_000)

    def plain() -> object:
        return compare_quantiles(*sides, 0.95, method="bootstrap")

    def clustered() -> object:
        return compare_quantiles(*sides, 0.95, method="clustered bootstrap", clusters=(clusters, clusters))

    rows: tuple[tuple[str, float, Callable[[], object]], ...] = (
        ("5,000 A/A tests, 20 looks", 0.5, peeking),
        ("bootstrap of a quantile, 1M units a variant", 3.0, plain),
        ("the same, clustered, 100,000 clusters", 3.0, clustered),
    )
    measured = []
    for what, promise, work in rows:
        seconds = median_seconds(work, 3)
        measured.append(Measured(what, f"{seconds:.2f} s", f"≤ {promise:g} s", seconds <= promise, budget=True))
    return measured


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000_000)

"""Two public archives of real experiments: ASOS (counts, means and variances over time) and Upworthy (clicks)."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from analysis import engine
from analysis.errors import ExperimentError
from analysis.experiments import files, words
from analysis.experiments.experiment import Experiment
from analysis.experiments.health import SRM_ALPHA
from analysis.experiments.metrics import Kind, Metric
from analysis.experiments.moments import Moments, natural
from analysis.experiments.sequential import BURN_IN, always_valid_p_values
from analysis.results import Result

if TYPE_CHECKING:
    import pandas as pd

ASOS_COLUMNS = (
    "experiment_id",
    "variant_id",
    "metric_id",
    "time_since_start",
    "count_c",
    "count_t",
    "mean_c",
    "mean_t",
    "variance_c",
    "variance_t",
)

ID_DIGITS = 24
"""Digits of an Upworthy test's id."""

_HEX_DIGITS = 8
"""Digits of an Upworthy test's id that hold its Unix time."""


@dataclass(frozen=True)
class Asos:
    """Snapshots in the layout of the ASOS Digital Experiments Dataset (Liu et al. 2021).

    Attributes:
        table: One row a snapshot of one metric in one treatment beside the control, ordered by time.
        file: Name of the file.
    """

    table: pd.DataFrame
    file: str

    @property
    def experiments(self) -> tuple[str, ...]:
        """Ids of the experiments."""
        return tuple(sorted(self.table["experiment_id"].unique(), key=natural))

    def experiment(self, experiment_id: str) -> Experiment:
        """One experiment at its last snapshot: a control and one treatment or more, metrics by their numbers.

        Raises:
            ExperimentError: The id is unknown, or no metric has a variance.
        """
        rows = self.table[self.table["experiment_id"] == experiment_id]
        if rows.empty:
            raise ExperimentError(f"There is no experiment {experiment_id!r}.", f"{self.file} has others; choose one.")
        last = rows.groupby(["variant_id", "metric_id"], sort=True).tail(1)
        notes = ["The file says nothing of the planned split; equal shares are assumed."]
        metrics = []
        for number, found in last.groupby("metric_id", sort=True):
            arms = {"control": _moments(found.iloc[0], "c")}
            arms |= {f"variant {int(row['variant_id'])}": _moments(row, "t") for _, row in found.iterrows()}
            if any(math.isnan(m.variance) for m in arms.values()):
                notes.append(f"Metric {number} has no variance in the last snapshot and can't be tested.")
                continue
            metrics.append(Metric(f"metric {number}", _kind(arms), arms))
        if not metrics:
            raise ExperimentError(f"Experiment {experiment_id!r} has no metric with a variance.", "Choose another one.")
        units = {name: m.n for name, m in metrics[0].arms.items()}
        code = (
            "from analysis.experiments.archives import read_asos\n"
            "from analysis.experiments.report import analyse\n\n"
            f"experiment = read_asos({self.file!r}).experiment({experiment_id!r})\n"
        )
        days = float(rows["time_since_start"].max())
        return Experiment(
            f"ASOS {experiment_id}",
            units,
            tuple(metrics),
            "control",
            f"snapshots in {self.file}",
            days=days,
            notes=tuple(notes),
            code=code,
        )

    def p_values(self) -> NDArray[np.float64]:
        """Welch's two-sided p-value of every snapshot, in the order of `table`; nan where a variance is missing."""
        from scipy import special

        statistic, df = self._welch()
        found: NDArray[np.float64] = 2 * special.stdtr(df, -np.abs(statistic))
        return found

    def always_valid(self) -> NDArray[np.float64]:
        """Two-sided p-value of an asymptotic confidence sequence at every snapshot; 1 before its burn-in."""
        units = (self.table["count_c"] + self.table["count_t"]).to_numpy()
        found = always_valid_p_values(self._welch()[0], units)
        return np.where(units < BURN_IN, 1.0, found)

    def _welch(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Statistic and degrees of freedom of every snapshot."""
        a = (self.table["variance_c"] / self.table["count_c"]).to_numpy()
        b = (self.table["variance_t"] / self.table["count_t"]).to_numpy()
        gap = (self.table["mean_t"] - self.table["mean_c"]).to_numpy()
        with np.errstate(divide="ignore", invalid="ignore"):
            share = a / (a + b)
            below = share**2 / (self.table["count_c"] - 1) + (1 - share) ** 2 / (self.table["count_t"] - 1)
            return gap / np.sqrt(a + b), 1 / below.to_numpy()


@dataclass(frozen=True)
class Peeking(Result):
    """What looking at every snapshot does to a test that is meant for one look.

    Attributes:
        series: Series (experiment, treatment, metric) with a p-value at the end.
        below_at_end: Series whose last p-value is below `alpha`.
        below_at_some_time: Series with a p-value below `alpha` at some snapshot.
        always_valid: Series that an asymptotic confidence sequence tells from no effect at some snapshot.
        alpha: The level.
    """

    series: int
    below_at_end: int
    below_at_some_time: int
    always_valid: int
    alpha: float

    def to_frame(self) -> pd.DataFrame:
        """One row."""
        import pandas as pd

        return pd.DataFrame(
            [
                {
                    "series": self.series,
                    "alpha": self.alpha,
                    "below_at_end": self.below_at_end,
                    "share_at_end": self.below_at_end / self.series,
                    "below_at_some_time": self.below_at_some_time,
                    "share_at_some_time": self.below_at_some_time / self.series,
                    "always_valid": self.always_valid,
                    "share_always_valid": self.always_valid / self.series,
                }
            ]
        )

    def summary(self) -> str:
        """Both shares."""
        end, some = self.below_at_end / self.series, self.below_at_some_time / self.series
        return (
            f"Of {self.series:,} series {words.percent(end, sign=False)} end with p below {self.alpha:g}, but "
            f"{words.percent(some, sign=False)} fall below it at some look: a test for one look promises nothing to "
            "whoever stops at the first such look. A confidence sequence, which may be looked at as often as one "
            f"likes, tells {words.percent(self.always_valid / self.series, sign=False)} from no effect."
        )


def read_asos(path: str | Path) -> Asos:
    """Read a CSV or Parquet file in the ASOS layout.

    Raises:
        ExperimentError: The file can't be read, lacks a column, or holds negative counts or variances.
    """
    path = Path(path)
    with engine.reading() as cursor:
        frame = files.open_table(cursor, path)
        names = frame.collect_schema().names()
        missing = [c for c in ASOS_COLUMNS if c not in names]
        if missing:
            raise ExperimentError(
                f"{path.name} lacks the column{'s' if len(missing) > 1 else ''} {', '.join(missing)}.",
                f"The ASOS layout has: {', '.join(ASOS_COLUMNS)}.",
            )
        table = engine.to_pandas(frame.select(*ASOS_COLUMNS))
    for column in ("count_c", "count_t", "variance_c", "variance_t"):
        bad = table.index[table[column] < 0]
        if len(bad):
            raise ExperimentError(
                f"Column {column!r} is {table[column][bad[0]]:g} in row {bad[0] + 1:,}.",
                "Counts and variances are 0 or more.",
            )
    table["experiment_id"] = table["experiment_id"].astype(str)
    order = ["experiment_id", "variant_id", "metric_id", "time_since_start"]
    return Asos(table.sort_values(order, kind="stable").reset_index(drop=True), path.name)


def peeking(asos: Asos, alpha: float = 0.05) -> Peeking:
    """How many series end below a level, and how many dip below it at some snapshot."""
    series = ["experiment_id", "variant_id", "metric_id"]
    groups = asos.table[series].assign(p=asos.p_values(), valid=asos.always_valid()).groupby(series, sort=False)
    each = groups["p"]
    # `tail`, unlike `last`, does not skip a missing value.
    end = each.tail(1)
    return Peeking(
        int(end.notna().sum()),
        int((end < alpha).sum()),
        int((each.min() < alpha).sum()),
        int((groups["valid"].min() < alpha).sum()),
        alpha,
    )


@dataclass(frozen=True)
class Upworthy:
    """Headline tests in the layout of the Upworthy Research Archive's click and impression matrices.

    Attributes:
        tests: Ids of the tests; the first eight hexadecimal digits are the Unix time of creation.
        clicks: Clicks by test and arm, shape (tests, arms).
        impressions: Impressions by test and arm; 0 where a test has no such arm.
        files: Names of the two files.
    """

    tests: tuple[str, ...]
    clicks: NDArray[np.float64]
    impressions: NDArray[np.float64]
    files: tuple[str, str]

    def experiment(self, test_id: str) -> Experiment:
        """One test, as a proportion of clicks in two arms or more; arms are sorted by clicks, so none is a control.

        Raises:
            ExperimentError: The id is unknown.
        """
        if test_id not in self.tests:
            raise ExperimentError(f"There is no test {test_id!r}.", "Choose one of those in the files.")
        row = self.tests.index(test_id)
        arms = {
            f"arm {j + 1}": Moments.of_successes(int(self.clicks[row, j]), int(self.impressions[row, j]))
            for j in np.flatnonzero(self.impressions[row] > 0)
        }
        metric = Metric("clicks per impression", "proportion", arms)
        notes = (
            "The file lists the arms by clicks, so their order says nothing of control and treatment.",
            "How the impressions were meant to be split is not known; equal shares are assumed.",
        )
        code = (
            "from analysis.experiments.archives import read_upworthy\n"
            "from analysis.experiments.report import analyse\n\n"
            f"experiment = read_upworthy({self.files[0]!r}, {self.files[1]!r}).experiment({test_id!r})\n"
        )
        day = created_at(test_id).date()
        units = {name: m.n for name, m in arms.items()}
        return Experiment(
            f"Upworthy {test_id} ({day})",
            units,
            (metric,),
            None,
            f"clicks and impressions in {' and '.join(self.files)}",
            notes=notes,
            code=code,
        )


@dataclass(frozen=True)
class SplitByQuarter(Result):
    """Share of tests whose arms were not split evenly, by quarter of creation.

    Attributes:
        quarters: Quarters, such as 2013Q3, in order.
        tests: Tests of each quarter.
        failed: Tests whose sample-ratio check fails.
        alpha: Level of the check.
    """

    quarters: tuple[str, ...]
    tests: tuple[int, ...]
    failed: tuple[int, ...]
    alpha: float

    def to_frame(self) -> pd.DataFrame:
        """One row a quarter."""
        import pandas as pd

        frame = pd.DataFrame({"quarter": self.quarters, "tests": self.tests, "failed": self.failed})
        return frame.assign(failed_share=frame["failed"] / frame["tests"])

    def summary(self) -> str:
        """The worst and the last quarter."""
        shares = [f / n for f, n in zip(self.failed, self.tests, strict=True)]
        worst = int(np.argmax(shares))
        return (
            f"The sample-ratio check fails (p < {self.alpha:g}) in {words.percent(shares[worst], sign=False)} of the "
            f"tests of {self.quarters[worst]}, and in {words.percent(shares[-1], sign=False)} of those of "
            f"{self.quarters[-1]}."
        )


def read_upworthy(clicks: str | Path, impressions: str | Path) -> Upworthy:
    """Read the two matrices: the test's id in the first column, one further column an arm.

    Raises:
        ExperimentError: A file can't be read, the two don't match, or a test has more clicks than impressions.
    """
    ids, y = _matrix(Path(clicks))
    other, n = _matrix(Path(impressions))
    names = (Path(clicks).name, Path(impressions).name)
    if ids != other or y.shape != n.shape:
        raise ExperimentError(
            f"{names[0]} has {len(ids):,} tests of {y.shape[1]} arms, {names[1]} {len(other):,} of {n.shape[1]}, or "
            "they name different tests.",
            "Bring the click and the impression matrix of the same tests.",
        )
    bad = np.argwhere((y < 0) | (y > n) | (y != np.round(y)) | (n != np.round(n)))
    if len(bad):
        row, arm = bad[0]
        raise ExperimentError(
            f"Test {ids[row]} has {y[row, arm]:g} clicks of {n[row, arm]:g} impressions in arm {arm + 1}.",
            "Give whole numbers, and first the clicks, then the impressions.",
        )
    alone = np.flatnonzero((n > 0).sum(axis=1) < 2)
    if alone.size:
        raise ExperimentError(f"Test {ids[alone[0]]} has fewer than two arms with impressions.", "Leave that test out.")
    return Upworthy(ids, y, n, names)


def created_at(test_id: str) -> dt.datetime:
    """When a test was created (UTC), from its id.

    >>> created_at("51436061220cb800020001e7").year
    2013

    Raises:
        ExperimentError: The id does not begin with a hexadecimal time.
    """
    try:
        return dt.datetime.fromtimestamp(int(test_id[:_HEX_DIGITS], 16), tz=dt.UTC)
    except (ValueError, OverflowError, OSError):
        raise ExperimentError(
            f"The test id {test_id!r} does not begin with a time.", "Ids are 24 hexadecimal digits."
        ) from None


def split_by_quarter(upworthy: Upworthy, alpha: float = SRM_ALPHA) -> SplitByQuarter:
    """The sample-ratio check of every test against equal shares, counted by quarter."""
    from scipy import special

    arms = (upworthy.impressions > 0).sum(axis=1)
    total = upworthy.impressions.sum(axis=1)
    expected = (total / arms)[:, None]
    statistic = np.where(upworthy.impressions > 0, (upworthy.impressions - expected) ** 2 / expected, 0.0).sum(axis=1)
    failed = special.chdtrc(arms - 1, statistic) < alpha
    quarter = np.array([_quarter(created_at(test)) for test in upworthy.tests])
    names = np.unique(quarter)
    return SplitByQuarter(
        tuple(str(q) for q in names),
        tuple(int((quarter == q).sum()) for q in names),
        tuple(int(failed[quarter == q].sum()) for q in names),
        alpha,
    )


def layout_of(names_and_columns: Sequence[tuple[str, Sequence[str]]]) -> str:
    """Which archive the files are, by name and columns: `asos`, `upworthy` or `units`.

    >>> layout_of([("y_matrix.csv", ["column00", "0", "1"]), ("n_matrix.csv", ["column00", "0", "1"])])
    'upworthy'
    """
    if len(names_and_columns) == 2 and all(_is_matrix(columns) for _, columns in names_and_columns):
        return "upworthy"
    if len(names_and_columns) == 1 and set(ASOS_COLUMNS) <= set(names_and_columns[0][1]):
        return "asos"
    return "units"


def _is_matrix(columns: Sequence[str]) -> bool:
    return len(columns) > 2 and list(columns[1:]) == [str(i) for i in range(len(columns) - 1)]


def _quarter(when: dt.datetime) -> str:
    return f"{when.year}Q{(when.month + 2) // 3}"


def _moments(row: pd.Series, side: str) -> Moments:
    return Moments(int(row[f"count_{side}"]), float(row[f"mean_{side}"]), float(row[f"variance_{side}"]))


def _kind(arms: dict[str, Moments]) -> Kind:
    """A metric whose variance is p(1 − p) in all variants counts units; the file has no other word for it."""
    share = all(
        0 <= m.mean <= 1
        and abs(m.total - round(m.total)) <= 1e-6 * max(1.0, m.total)
        and math.isclose(m.variance, m.mean * (1 - m.mean), rel_tol=1e-5, abs_tol=1e-12)
        for m in arms.values()
    )
    return "proportion" if share else "mean"


def _matrix(path: Path) -> tuple[tuple[str, ...], NDArray[np.float64]]:
    with engine.reading() as cursor:
        frame = files.open_table(cursor, path)
        schema = frame.collect_schema()
        names = schema.names()
        if not _is_matrix(names):
            raise ExperimentError(
                f"{path.name} has the columns {', '.join(names[:5])}…, not an id and numbered arms.",
                "Bring a matrix with the test's id first and one column an arm: 0, 1, 2 and so on.",
            )
        for name in names[1:]:
            if not schema[name].is_numeric():
                raise ExperimentError(f"Column {name!r} of {path.name} holds text.", "Arms hold counts.")
        table = engine.to_pandas(frame)
    matrix = table[names[1:]].to_numpy(dtype=float, na_value=0.0)
    return tuple(str(i) for i in table[names[0]]), np.nan_to_num(matrix)

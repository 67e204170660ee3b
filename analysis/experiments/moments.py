"""Sufficient statistics, the one currency of the room: ten million units give them in one query, tests take them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from analysis.errors import ExperimentError

if TYPE_CHECKING:
    import narwhals as nw


@dataclass(frozen=True)
class Moments:
    """Count, mean and variance of one outcome in one variant.

    Attributes:
        n: Number of units.
        mean: Mean per unit.
        variance: Sample variance per unit, with n − 1 below the line; nan where a single unit leaves it unknown.
    """

    n: int
    mean: float
    variance: float

    def __post_init__(self) -> None:
        if self.n < 1:
            raise ExperimentError(f"A variant has {self.n:,} units.", "A mean needs at least one.")
        if not math.isfinite(self.mean):
            raise ExperimentError(f"The mean of a variant is {self.mean}.", "Remove infinite and missing outcomes.")
        if self.variance < 0 or math.isinf(self.variance):
            raise ExperimentError(
                f"The variance of a variant is {self.variance:g}.", "A variance is a finite number of 0 or more."
            )

    @classmethod
    def of(cls, values: ArrayLike) -> Moments:
        """From the outcomes of all units of a variant, shape (n,).

        >>> Moments.of([1.0, 2.0, 3.0])
        Moments(n=3, mean=2.0, variance=1.0)

        Raises:
            ExperimentError: There are no values, or one of them is not a finite number.
        """
        array = np.asarray(values, dtype=float)
        bad = np.flatnonzero(~np.isfinite(array))
        if bad.size:
            raise ExperimentError(
                f"The outcome of unit {bad[0] + 1:,} is {array[bad[0]]}.", "Give every unit a finite number."
            )
        if array.size == 0:
            raise ExperimentError("A variant has no outcomes.", "A mean needs at least one.")
        variance = float(array.var(ddof=1)) if array.size > 1 else math.nan
        return cls(int(array.size), float(array.mean()), variance)

    @classmethod
    def from_sums(cls, n: int, total: float, total_squares: float) -> Moments:
        """From the number of units, the sum of their outcomes and the sum of the squares."""
        if n < 1:
            raise ExperimentError(f"A variant has {n:,} units.", "A mean needs at least one.")
        mean = total / n
        # Rounding may push the variance of constant outcomes a hair below zero.
        variance = max(0.0, (total_squares - total * mean) / (n - 1)) if n > 1 else math.nan
        return cls(n, mean, variance)

    @classmethod
    def of_successes(cls, successes: int, n: int) -> Moments:
        """From the number of units and how many of them succeeded.

        >>> Moments.of_successes(2, 4).mean
        0.5

        Raises:
            ExperimentError: The successes are negative or more than the units.
        """
        if n < 1:
            raise ExperimentError(f"A variant has {n:,} units.", "A proportion needs at least one.")
        if not 0 <= successes <= n:
            raise ExperimentError(
                f"A variant has {successes:,} successes in {n:,} units.", "Successes lie between 0 and the units."
            )
        p = successes / n
        return cls(n, p, p * (1 - p) * n / (n - 1) if n > 1 else math.nan)

    @property
    def total(self) -> float:
        """Sum of the outcomes."""
        return self.n * self.mean

    @property
    def successes(self) -> int:
        """Number of successes, where the outcome is 0 or 1.

        Raises:
            ExperimentError: The mean is not a share of the units.
        """
        count = round(self.total)
        if not 0 <= self.mean <= 1 or abs(self.total - count) > 1e-6 * max(1.0, self.total):
            raise ExperimentError(
                f"A mean of {self.mean:g} over {self.n:,} units is not a share of them.",
                "A proportion counts units that succeeded; analyse other numbers as a mean.",
            )
        return count

    @property
    def standard_error(self) -> float:
        """Standard error of the mean."""
        return math.sqrt(self.variance / self.n)


def pair(a: str, b: str) -> tuple[str, str]:
    """The key of a covariance: both names in alphabetical order."""
    return (a, b) if a <= b else (b, a)


@dataclass(frozen=True)
class JointMoments:
    """Count, means, variances and covariances of several columns in one variant.

    Attributes:
        n: Number of units.
        means: Mean of each column.
        variances: Sample variance of each column (n − 1 below the line).
        covariances: Sample covariance of the pairs that a metric needs, keyed by `pair(a, b)`.
        counts: Units with a value in each column, where that is fewer than `n`.
    """

    n: int
    means: Mapping[str, float]
    variances: Mapping[str, float]
    covariances: Mapping[tuple[str, str], float]
    counts: Mapping[str, int]

    @classmethod
    def of(cls, columns: Mapping[str, ArrayLike]) -> JointMoments:
        """From arrays of equal length, with the covariance of every pair.

        Raises:
            ExperimentError: A value is not finite, or there are fewer than two units.
        """
        arrays = {name: np.asarray(values, dtype=float) for name, values in columns.items()}
        single = {name: Moments.of(values) for name, values in arrays.items()}
        sizes = {m.n for m in single.values()}
        if len(sizes) != 1 or sizes == {1}:
            raise ExperimentError(
                f"The columns have {', '.join(f'{m.n:,}' for m in single.values())} units.",
                "Give every column the same two units or more.",
            )
        names = sorted(arrays)
        matrix = np.atleast_2d(np.cov(np.vstack([arrays[name] for name in names]), ddof=1))
        return cls(
            n=sizes.pop(),
            means={name: m.mean for name, m in single.items()},
            variances={name: m.variance for name, m in single.items()},
            covariances={
                (a, b): float(matrix[i, j]) for i, a in enumerate(names) for j, b in enumerate(names) if i < j
            },
            counts={},
        )

    def column(self, name: str) -> Moments:
        """The moments of one column, over the units that have a value in it."""
        return Moments(self.counts.get(name, self.n), self.means[name], self.variances[name])

    def covariance(self, a: str, b: str) -> float:
        """Covariance of two columns; the variance when they are the same."""
        return self.variances[a] if a == b else self.covariances[pair(a, b)]

    def require_complete(self, names: Iterable[str]) -> None:
        """Refuse columns with missing values, whose covariances would rest on other units than their means.

        Raises:
            ExperimentError: A column lacks values.
        """
        for name in names:
            if self.counts.get(name, self.n) != self.n:
                raise ExperimentError(
                    f"Column {name!r} is empty for {self.n - self.counts[name]:,} of {self.n:,} units of a variant.",
                    "Ratios and covariates need a number for every unit: fill the gaps or leave those units out.",
                )

    def __add__(self, other: JointMoments) -> JointMoments:
        """The moments of both groups of units together (Chan, Golub and LeVeque 1983)."""
        n = self.n + other.n
        gap = {name: other.means[name] - mean for name, mean in self.means.items()}
        weight = self.n * other.n / n

        def joined(first: float, second: float, between: float) -> float:
            return ((self.n - 1) * first + (other.n - 1) * second + weight * between) / (n - 1)

        return JointMoments(
            n=n,
            means={name: mean + gap[name] * other.n / n for name, mean in self.means.items()},
            variances={k: joined(v, other.variances[k], gap[k] ** 2) for k, v in self.variances.items()},
            covariances={
                (a, b): joined(v, other.covariances[a, b], gap[a] * gap[b]) for (a, b), v in self.covariances.items()
            },
            counts={},
        )


def moments_by_variant(
    frame: nw.LazyFrame[Any], variant: str, columns: Sequence[str], pairs: Iterable[tuple[str, str]] = ()
) -> dict[str, JointMoments]:
    """Moments of each variant, in one aggregate query of the engine.

    Args:
        frame: One row a unit.
        variant: Column that names the variant; rows without one are left out.
        columns: Number columns.
        pairs: Pairs of those columns whose covariance is needed.

    Returns:
        Moments by variant, in the order of the variants' names. Empty outcomes are left out of their column.

    Raises:
        ExperimentError: A column holds NaN or infinite numbers, or no number at all in some variant.
    """
    return dict(_moments_by(frame, variant, columns, pairs))


def moments_by_cell(
    frame: nw.LazyFrame[Any], variant: str, by: str, columns: Sequence[str], pairs: Iterable[tuple[str, str]] = ()
) -> dict[str, dict[str, JointMoments]]:
    """Moments of each variant within each value of another column, in one query.

    A cell that can't be measured, because a column has no number in it, is left out.

    Args:
        frame: One row a unit.
        variant: Column that names the variant; rows without one are left out.
        by: Text column that names the segment; rows without one are left out.
        columns: Number columns.
        pairs: Pairs of those columns whose covariance is needed.

    Returns:
        Moments by the segment's value, in order, and by variant.
    """
    import narwhals as nw

    cell = nw.concat_str([nw.col(by), nw.col(variant).cast(nw.String())], separator=_SEPARATOR)
    known = frame.filter(~nw.col(by).is_null(), ~nw.col(variant).is_null())
    found: dict[str, dict[str, JointMoments]] = {}
    for label, joint in _moments_by(known.with_columns(cell.alias(_CELL)), _CELL, columns, pairs, lenient=True):
        value, _, name = label.partition(_SEPARATOR)
        found.setdefault(value, {})[name] = joint
    return found


_SEPARATOR, _CELL = "\x1f", "cell of the unit"


def _moments_by(
    frame: nw.LazyFrame[Any],
    key: str,
    columns: Sequence[str],
    pairs: Iterable[tuple[str, str]],
    lenient: bool = False,
) -> Iterator[tuple[str, JointMoments]]:
    """Moments of each group, in the order of the groups' names; a lenient reader passes over what has no numbers."""
    import narwhals as nw

    from analysis import engine

    wanted = sorted({pair(*p) for p in pairs})
    spec = [nw.len().alias("n")]
    for i, name in enumerate(columns):
        value = nw.col(name).cast(nw.Float64())
        spec += [value.count().alias(f"c{i}"), value.mean().alias(f"m{i}"), value.var(ddof=1).alias(f"v{i}")]
    place = {name: i for i, name in enumerate(columns)}
    spec += [
        nw.cov(nw.col(a).cast(nw.Float64()), nw.col(b).cast(nw.Float64()), ddof=1).alias(f"x{place[a]}_{place[b]}")
        for a, b in wanted
    ]
    table = engine.to_arrow(frame.filter(~nw.col(key).is_null()).group_by(key).agg(*spec))
    for row in sorted(table.to_pylist(), key=lambda r: natural(str(r[key]))):
        label, n = str(row[key]), int(row["n"])
        if lenient and not all(row[f"c{i}"] for i in range(len(columns))):
            continue
        for i, name in enumerate(columns):
            _require_numbers(name, label, row[f"c{i}"], row[f"m{i}"], row[f"v{i}"])
        yield (
            label,
            JointMoments(
                n=n,
                means={name: float(row[f"m{i}"]) for i, name in enumerate(columns)},
                variances={name: _or_nan(row[f"v{i}"]) for i, name in enumerate(columns)},
                covariances={(a, b): _or_nan(row[f"x{place[a]}_{place[b]}"]) for a, b in wanted},
                counts={name: int(row[f"c{i}"]) for i, name in enumerate(columns) if row[f"c{i}"] != n},
            ),
        )


def ranges(
    frame: nw.LazyFrame[Any], columns: Sequence[str]
) -> tuple[set[str], dict[str, tuple[float | None, float | None]]]:
    """Columns whose values are all 0 or 1, and the smallest and largest value of each."""
    import narwhals as nw

    from analysis import engine

    value = {c: nw.col(c).cast(nw.Float64()) for c in columns}
    spec = []
    for i, v in enumerate(value.values()):
        spec += [((v != 0.0) & (v != 1.0)).sum().alias(f"o{i}"), v.min().alias(f"l{i}"), v.max().alias(f"h{i}")]
    row = engine.to_arrow(frame.select(*spec)).to_pylist()[0]
    found = {column for i, column in enumerate(columns) if not row[f"o{i}"]}
    return found, {column: (row[f"l{i}"], row[f"h{i}"]) for i, column in enumerate(columns)}


def largest_share(
    arms: Mapping[str, JointMoments], column: str, ends: tuple[float | None, float | None]
) -> float | None:
    """Share of the squared deviations from the common mean in the most extreme unit; None where it is unknown."""
    own = [joint.column(column) for joint in arms.values()]
    if any(m.n < 2 for m in own) or None in ends:
        return None
    n = sum(m.n for m in own)
    mean = sum(m.total for m in own) / n
    squares = sum((m.n - 1) * m.variance + m.n * (m.mean - mean) ** 2 for m in own)
    if n < 30 or not squares > 0:
        return None
    return max((float(end) - mean) ** 2 for end in ends if end is not None) / squares


def _require_numbers(name: str, variant: str, count: int, mean: float | None, variance: float | None) -> None:
    """A NaN or an infinity among the outcomes shows in their mean or variance, so no second scan is needed."""
    if not count or mean is None:
        raise ExperimentError(
            f"Column {name!r} has no number in variant {variant!r}.", "Choose a column that every variant has."
        )
    if not math.isfinite(mean) or (variance is not None and not math.isfinite(variance)):
        raise ExperimentError(
            f"Column {name!r} holds NaN or infinite numbers in variant {variant!r}.",
            "Replace them by numbers, or leave the cells empty to count them as missing.",
        )


def _or_nan(value: float | None) -> float:
    return math.nan if value is None else float(value)


def natural(name: str) -> tuple[tuple[int, int, str], ...]:
    """Sort key that puts `arm 2` before `arm 10`."""
    import re

    return tuple((0, int(part), "") if part.isdigit() else (1, 0, part) for part in re.split(r"(\d+)", name) if part)

"""Metrics that sums can't give: quantiles, capped means and staying; each becomes moments, so that every test applies.

An estimate that is about normal for many units behaves like the mean of its linear part (van der Vaart 1998, section
20). A variant's quantile, or its share of units that stay, is therefore kept as `Moments` whose standard error of the
mean is its own.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from analysis.errors import ExperimentError, ParameterError
from analysis.experiments.metrics import Metric, Ratio, Term
from analysis.experiments.moments import Moments, natural
from analysis.experiments.quantiles import quantile_interval
from analysis.experiments.robust import winsorize
from analysis.experiments.survival import Floats, SurvivalComparison, compare_survival, staying_until

if TYPE_CHECKING:
    import narwhals as nw


@dataclass(frozen=True)
class Quantile:
    """A quantile of a column over the units.

    Attributes:
        column: Column.
        share: Share of the units below it, 0.5 for the median.
    """

    column: str
    share: float = 0.5

    def __post_init__(self) -> None:
        if not 0 < self.share < 1:
            raise ParameterError(f"The quantile is {self.share:g}.", "Choose one between 0 and 1, 0.5 for the median.")


@dataclass(frozen=True)
class Capped:
    """The mean of a column with its largest values set to one cap, the same in all variants (winsorizing).

    Attributes:
        column: Column.
        share: Share of the units that are left as they are.
    """

    column: str
    share: float = 0.99


@dataclass(frozen=True)
class Staying:
    """Share of units to whom it has not happened by a day, where some have not been seen for so long.

    Attributes:
        time: Column with the days until it happened, or until the unit was last seen.
        event: Column that says whether it happened, 0 or 1.
        day: By which day.
    """

    time: str
    event: str
    day: float


UnitTerm = Quantile | Capped | Staying
"""What needs each unit's outcome."""

Columns = Mapping[str, NDArray[np.float64]]
"""Outcomes by column; nan where a unit has none."""


def label(term: Term | UnitTerm) -> str:
    """A metric's name as shown.

    >>> label(Quantile("minutes", 0.9)), label(Staying("days", "left", 28))
    ('90th percentile of minutes', 'staying 28 days')
    """
    if isinstance(term, Quantile):
        name = "median" if term.share == 0.5 else f"{100 * term.share:g}th percentile"
        return f"{name} of {term.column}"
    if isinstance(term, Capped):
        return f"{term.column}, capped"
    if isinstance(term, Staying):
        return f"staying {term.day:g} days"
    return f"{term.numerator} per {term.denominator}" if isinstance(term, Ratio) else term


def unit_columns(terms: Sequence[UnitTerm]) -> list[str]:
    """The columns that terms need."""
    names: list[str] = []
    for term in terms:
        names += [term.time, term.event] if isinstance(term, Staying) else [term.column]
    return list(dict.fromkeys(names))


def values_by_variant(frame: nw.LazyFrame[Any], variant: str, columns: Sequence[str]) -> dict[str, Columns]:
    """Each variant's outcomes, read into memory: eight bytes a unit and column.

    Args:
        frame: One row a unit.
        variant: Column that names the variant; rows without one are left out.
        columns: Number columns.
    """
    import narwhals as nw

    from analysis import engine

    chosen = [nw.col(c).cast(nw.Float64()).alias(f"c{i}") for i, c in enumerate(columns)]
    table = engine.to_arrow(
        frame.filter(~nw.col(variant).is_null()).select(nw.col(variant).cast(nw.String()).alias("v"), *chosen)
    )
    coded = table.column("v").combine_chunks().dictionary_encode()
    names, codes = [str(n) for n in coded.dictionary.to_pylist()], coded.indices.to_numpy()
    arrays = [table.column(f"c{i}").to_numpy().astype(float) for i in range(len(columns))]
    return {
        name: {c: a[codes == names.index(name)] for c, a in zip(columns, arrays, strict=True)}
        for name in sorted(names, key=natural)
    }


def unit_metric(
    term: UnitTerm, arms: Mapping[str, Columns], *, name: str | None = None, higher_is_better: bool = True
) -> Metric:
    """A metric out of each unit's outcomes. Units without an outcome are left out and counted.

    A quantile's standard error is that of its distribution-free interval; where too many units share one value, or
    there are too few, it is unknown and the metric says so. Staying is Kaplan and Meier's estimate with Greenwood's
    variance (1958, 1926).

    Args:
        term: What is measured.
        arms: Outcomes by variant and column.
        name: Name as shown.
        higher_is_better: Whether more of it is good.

    Raises:
        ExperimentError: A variant has no outcome, or a time is negative.
    """
    shown = name or label(term)
    if isinstance(term, Staying):
        return _staying(term, arms, shown, higher_is_better)
    found = {variant: columns[term.column][~np.isnan(columns[term.column])] for variant, columns in arms.items()}
    for variant, values in found.items():
        if not values.size:
            raise ExperimentError(
                f"Column {term.column!r} has no number in variant {variant!r}.",
                "Choose a column that every variant has.",
            )
    missing = {v: arms[v][term.column].size - x.size for v, x in found.items() if arms[v][term.column].size > x.size}
    if isinstance(term, Capped):
        capped = winsorize(found, term.share)
        return Metric(
            shown, "mean", capped.arms, higher_is_better, missing=missing or None, adjusted=True, note=capped.summary()
        )
    moments = {variant: _quantile(x, term.share) for variant, x in found.items()}
    unknown = any(math.isnan(m.variance) for m in moments.values())
    note = "Too few units, or too many with the same value, for an interval of this quantile." if unknown else ""
    totals = {variant: (math.nan, float(m.n)) for variant, m in moments.items()}
    return Metric(shown, "quantile", moments, higher_is_better, totals, missing or None, True, note)


def curves(term: Staying, arms: Mapping[str, Columns], control: str | None) -> dict[str, SurvivalComparison]:
    """The curves of every treatment beside the control's; none where there is no control, or it happened to nobody."""
    found: dict[str, SurvivalComparison] = {}
    if control is None:
        return found
    own = {variant: _times(term, columns) for variant, columns in arms.items()}
    for variant in own:
        if variant != control and own[control][1].any() and own[variant][1].any():
            found[variant] = compare_survival(*own[control], *own[variant])
    return found


def _quantile(values: Floats, share: float) -> Moments:
    from scipy import special

    try:
        estimate, low, high = quantile_interval(values, share)
    except ExperimentError:
        return Moments(values.size, float(np.quantile(values, share, method="inverted_cdf")), math.nan)
    error = (high - low) / (2 * float(special.ndtri(0.975)))
    return Moments(values.size, estimate, error**2 * values.size if error > 0 else math.nan)


def _staying(term: Staying, arms: Mapping[str, Columns], name: str, higher_is_better: bool) -> Metric:
    moments, totals, missing = {}, {}, {}
    for variant, columns in arms.items():
        time, event = _times(term, columns)
        share, error = staying_until(time, event, term.day)
        moments[variant] = Moments(time.size, share, error**2 * time.size if error > 0 else math.nan)
        totals[variant] = (math.nan, float(time.size))
        if columns[term.time].size > time.size:
            missing[variant] = columns[term.time].size - time.size
    note = "Nobody has been watched for so long, or it happened to nobody." if _unknown(moments) else ""
    return Metric(name, "staying", moments, higher_is_better, totals, missing or None, True, note)


def _unknown(moments: Mapping[str, Moments]) -> bool:
    return any(math.isnan(m.variance) for m in moments.values())


def _times(term: Staying, columns: Columns) -> tuple[Floats, NDArray[np.bool_]]:
    """Times and whether it happened, of the units that have both."""
    time, event = columns[term.time], columns[term.event]
    known = ~np.isnan(time) & ~np.isnan(event)
    if not known.any():
        raise ExperimentError(f"Column {term.time!r} has no number in a variant.", "Choose another column.")
    if not np.isin(event[known], (0.0, 1.0)).all():
        raise ExperimentError(
            f"Column {term.event!r} holds values other than 0 and 1.", "Say with 1 that it happened, with 0 that not."
        )
    if (time[known] < 0).any():
        raise ExperimentError(f"Column {term.time!r} holds negative times.", "Count the days from the assignment.")
    return time[known], event[known] == 1.0

"""Interleaving: two rankers share one list, and what viewers choose from it says which they prefer.

Every viewer sees both rankers at once, so that differences between viewers drop out; some tens of times fewer viewers
are needed than for an A/B test of the same rankers. It says which list is preferred, not what it is worth.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from analysis.errors import ExperimentError, ParameterError
from analysis.experiments import words
from analysis.experiments.fixed import Effect, symmetric
from analysis.experiments.moments import Moments
from analysis.results import Result

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Preference(Result):
    """Which of two rankers viewers prefer.

    Attributes:
        wins_a: Viewers who chose more from ranker A.
        wins_b: Viewers who chose more from ranker B.
        ties: Viewers who chose as much from both, or nothing.
        share_b: Share of B among those who preferred one, with its exact interval and the sign test's p-value.
        credit: Mean difference of credit per viewer, B minus A, with Student's interval.
        names: Names of A and B.
    """

    wins_a: int
    wins_b: int
    ties: int
    share_b: Effect
    credit: Effect
    names: tuple[str, str]

    def to_frame(self) -> pd.DataFrame:
        """One row a test."""
        import pandas as pd

        rows = [("sign test", self.share_b), ("credit test", self.credit)]
        return pd.DataFrame(
            [{"test": t, "estimate": e.estimate, "low": e.low, "high": e.high, "p_value": e.p_value} for t, e in rows]
        ).assign(wins_a=self.wins_a, wins_b=self.wins_b, ties=self.ties)

    def summary(self) -> str:
        """Share of viewers who preferred B."""
        s = self.share_b
        return (
            f"Of {self.wins_a + self.wins_b:,} viewers with a preference {words.percent(s.estimate, sign=False)} "
            f"prefer {self.names[1]} to {self.names[0]} (95 % interval {words.percent(s.low, sign=False)} to "
            f"{words.percent(s.high, sign=False)}; sign test {words.p_value(s.p_value)}, credit test "
            f"{words.p_value(self.credit.p_value)})."
        )


def team_draft(
    first: Sequence[int], second: Sequence[int], length: int, rng: np.random.Generator
) -> tuple[list[int], list[int]]:
    """One list out of two, as two captains pick teams (Radlinski, Kurup and Joachims 2008).

    In each round a coin says who picks first; each picks its highest title that is not on the list yet.

    Args:
        first: Titles of ranker A, best first.
        second: Titles of ranker B, best first.
        length: Length of the list.
        rng: Source of the coins.

    Returns:
        The list, and for each place 0 for a title picked by A or 1 for B.

    Raises:
        ParameterError: The rankers together have too few titles.
    """
    shown, teams = interleave(np.array([list(first)]), np.array([list(second)]), length, rng)
    return [int(title) for title in shown[0]], [int(team) for team in teams[0]]


def interleave(
    first: NDArray[np.int64], second: NDArray[np.int64], length: int, rng: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Team drafts of many viewers at once.

    Args:
        first: Titles of ranker A for each viewer, best first, shape (viewers, titles).
        second: The same of ranker B, shape (viewers, titles).
        length: Length of the lists.
        rng: Source of the coins.

    Returns:
        The lists, shape (viewers, length), and who picked each title, 0 for A and 1 for B.

    Raises:
        ParameterError: For some viewer the rankers together have too few titles.
    """
    viewers = np.arange(first.shape[0])
    shown = np.full((viewers.size, length), -1, dtype=np.int64)
    teams = np.full((viewers.size, length), -1, dtype=np.int64)
    filled = np.zeros(viewers.size, dtype=np.int64)
    left = [np.ones(ranking.shape, dtype=bool) for ranking in (first, second)]
    while (filled < length).any():
        before = filled.sum()
        leads = rng.integers(2, size=viewers.size)
        for turn in (0, 1):
            captain = np.where(turn == 0, leads, 1 - leads)
            for team, (ranking, own) in enumerate(zip((first, second), left, strict=True)):
                picks = viewers[(captain == team) & (filled < length) & own.any(axis=1)]
                title = ranking[picks, own[picks].argmax(axis=1)]
                shown[picks, filled[picks]], teams[picks, filled[picks]] = title, team
                filled[picks] += 1
                for other, names in zip(left, (first, second), strict=True):
                    other[picks] &= names[picks] != title[:, None]
        if filled.sum() == before:
            raise ParameterError(f"The rankers name fewer than {length} titles together.", "Ask for a shorter list.")
    return shown, teams


def preference(credit_a: ArrayLike, credit_b: ArrayLike, *, names: tuple[str, str] = ("A", "B")) -> Preference:
    """Sign and credit test of interleaved lists.

    Args:
        credit_a: What each viewer gave to titles picked by A: clicks, plays or minutes, shape (viewers,).
        credit_b: The same for B.
        names: Names of A and B.

    Raises:
        ExperimentError: The two do not fit, or no viewer preferred either.
    """
    from scipy import stats

    a, b = np.asarray(credit_a, dtype=float), np.asarray(credit_b, dtype=float)
    if a.shape != b.shape or a.ndim != 1 or not np.all(np.isfinite(a) & np.isfinite(b)):
        raise ExperimentError("The credits do not fit each other.", "Give each viewer two finite numbers.")
    wins_a, wins_b = int((a > b).sum()), int((b > a).sum())
    if wins_a + wins_b < 2:
        raise ExperimentError("Fewer than two viewers preferred either.", "Show the lists to more viewers.")
    test = stats.binomtest(wins_b, wins_a + wins_b)
    bounds = test.proportion_ci(0.95)
    share = wins_b / (wins_a + wins_b)
    spread = (share * (1 - share) / (wins_a + wins_b)) ** 0.5
    gap = Moments.of(b - a)
    credit = symmetric(gap.mean, gap.standard_error, gap.n - 1, 0.95, "two-sided")
    return Preference(
        wins_a,
        wins_b,
        int(a.size - wins_a - wins_b),
        Effect(share, float(bounds.low), float(bounds.high), spread, float(test.pvalue)),
        credit,
        names,
    )


def read_credits(path: str | Path, a: str, b: str) -> Preference:
    """Compare two rankers from a file with one row a viewer: what they gave to the titles that each ranker picked.

    Args:
        path: CSV or Parquet file.
        a: Number column of ranker A.
        b: Number column of ranker B.

    Raises:
        ExperimentError: The file can't be read, a column is missing or holds other than numbers, or nobody preferred
            either.
    """
    from analysis import engine
    from analysis.experiments import files

    with engine.reading() as cursor:
        frame = files.open_table(cursor, path)
        names = frame.collect_schema().names()
        for column in (a, b):
            if column not in names:
                raise ExperimentError(f"There is no column {column!r}.", f"The columns are: {', '.join(names)}.")
            bad = files.first_row_where(
                frame, column, "value IS NULL OR TRY_CAST(value AS DOUBLE) IS NULL OR NOT isfinite(value::DOUBLE)"
            )
            if bad is not None:
                raise ExperimentError(
                    f"Column {column!r} holds {bad[1]} in row {bad[0]:,}, which is not a number.",
                    "Give every viewer a number for both rankers; 0 where nothing was chosen.",
                )
        table = engine.to_arrow(frame.select(a, b))
    columns = [table.column(c).to_numpy().astype(float) for c in (a, b)]
    return preference(columns[0], columns[1], names=(a, b))

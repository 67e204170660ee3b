"""Seasons: which genres are watched more, or less, in which month of the year.

The plays of one viewer hang together, so intervals are clustered by viewer. Those of one title do too: a genre whose
only hit came out in August was watched more in August, and is not yet a summer genre. Each claim therefore says whether
it also holds across titles.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from analysis.data import Dataset
from analysis.errors import DataError
from analysis.patterns import cubes
from analysis.patterns.cells import Cells
from analysis.patterns.events import NO_GENRE, Events
from analysis.patterns.filters import EmptySelection, Filters
from analysis.patterns.selection import Measure, Selection
from analysis.patterns.words import FEWEST, MONTHS, percent
from analysis.results import Progress, Result
from analysis.stats import clustered, multiplicity, shrinkage
from analysis.workspace import Workspace

MOST_GENRES = 24
"""Genres shown and tested, the largest first: a heatmap of more rows can't be read."""
FALSE_DISCOVERIES = 0.05
"""The share of false claims that is accepted among all claims."""
SUPPLY_CAVEAT = (
    "More of a genre in a month can mean more appetite for it, or only that more of it was released then: "
    "this count does not tell the two apart."
)
TOO_FEW = "There are too few viewers, plays or months to tell whether any genre's share changes with the time."

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class MonthGenre(Result):
    """Month × genre: share and lift, with intervals clustered by viewer.

    A title of k genres counts 1/k in each, so that the shares of a month add up to 1 (over all genres, shown or not).

    Attributes:
        what: What was counted, and on whose clock.
        filters: What was left out; a genre in it is not used here.
        measure: `events` or `minutes`.
        months: Months of the year (1–12) that have data, length M.
        genres: Genres, the largest first, length G.
        events: Plays or ratings of titles of the genre, each counted fully, shape (M, G).
        share: Share of the genre in the month, shape (M, G).
        overall: Share of the genre in all months, shape (G,).
        lift: Share in the month ÷ share overall, shape (M, G).
        low: Lower end of the lift's 95 % interval, shape (M, G); NaN where unknown.
        high: Upper end, likewise.
        shrunk: The lift pulled towards 1 by how little it rests on, shape (M, G); NaN where unknown.
        q: p-value of "lift is 1" after Benjamini–Hochberg over all cells, shape (M, G); NaN where not tested.
        q_titles: The same with titles drawn by chance too; small where a lift doesn't rest on a few titles.
        years: First and last calendar year that have data.
    """

    what: Events
    filters: Filters
    measure: Measure
    months: tuple[int, ...]
    genres: tuple[str, ...]
    events: Array
    share: Array
    overall: Array
    lift: Array
    low: Array
    high: Array
    shrunk: Array
    q: Array
    q_titles: Array
    years: tuple[int, int]

    @property
    def claimed(self) -> npt.NDArray[np.bool_]:
        """Cells whose lift differs from 1 at the false discovery rate, shape (M, G)."""
        return np.nan_to_num(self.q, nan=1.0) <= FALSE_DISCOVERIES

    @property
    def across_titles(self) -> npt.NDArray[np.bool_]:
        """Claimed cells that differ across titles as well, and so don't rest on a few of them, shape (M, G)."""
        return self.claimed & (np.nan_to_num(self.q_titles, nan=1.0) <= FALSE_DISCOVERIES)

    def claims(self) -> list[tuple[int, int]]:
        """Row and column of each claimed cell: those across titles first, then the largest shrunk lift up or down."""
        rows, columns = np.nonzero(self.claimed)
        size = np.abs(np.log(self.shrunk[rows, columns]))
        order = np.lexsort((-size, ~self.across_titles[rows, columns]))
        return [(int(rows[i]), int(columns[i])) for i in order]

    @property
    def strongest(self) -> tuple[int, int] | None:
        """The first of the claims, or None without one."""
        return next(iter(self.claims()), None)

    def _breadth(self) -> str:
        broad, claims = int(self.across_titles.sum()), int(self.claimed.sum())
        if broad == claims:
            return "all of them across titles" if claims > 1 else "and across titles"
        if not broad:
            return "but each on the strength of a few titles"
        return f"{broad} of them across titles, the others on the strength of a few titles"

    def caveats(self) -> tuple[str, ...]:
        """What the counts do not tell, in sentences."""
        one_year = f"All of it is from {self.years[0]}: whether it comes back every year can't be seen in one year."
        return (SUPPLY_CAVEAT, one_year) if self.years[0] == self.years[1] else (SUPPLY_CAVEAT,)

    def to_frame(self) -> pd.DataFrame:
        """One row a cell: month, genre, counts, shares, lift with its interval, shrunk lift, q-value, claim."""
        months, genres = len(self.months), len(self.genres)
        return pd.DataFrame(
            {
                "month": np.repeat([MONTHS[m - 1] for m in self.months], genres),
                "genre": np.tile(self.genres, months),
                self.what.noun: self.events.ravel().astype(np.int64),
                "share_in_month": self.share.ravel(),
                "share_overall": np.tile(self.overall, months),
                "lift": self.lift.ravel(),
                "lift_low": self.low.ravel(),
                "lift_high": self.high.ravel(),
                "lift_shrunk": self.shrunk.ravel(),
                "q_value": self.q.ravel(),
                "q_value_across_titles": self.q_titles.ravel(),
                "claimed": self.claimed.ravel(),
                "across_titles": self.across_titles.ravel(),
                "clock": self.what.zone_label,
            }
        )

    def headline(self) -> str:
        """The strongest finding in a few words, for the title of a chart."""
        found = self.strongest
        if found is None:
            return "No genre stands out in any month"
        month, genre = found
        month_name = MONTHS[self.months[month] - 1]
        return f"{self.genres[genre]} in {month_name} holds {self.lift[month, genre]:.2f} × its usual share"

    def summary(self) -> str:
        """The strongest claim with its interval, and how many claims there are; or that there is none."""
        tested = int(np.isfinite(self.q).sum())
        found = self.strongest
        if not tested:
            return TOO_FEW
        if found is None:
            return (
                f"No genre's share differs from its usual one in any month, beyond chance, in {tested} tested cells "
                f"(false discovery rate {percent(FALSE_DISCOVERIES, 0)}, {self.what.zone_label})."
            )
        m, g = found
        noun = "minutes" if self.measure == "minutes" else self.what.noun
        return (
            f"In {MONTHS[self.months[m] - 1]} {self.genres[g]} holds {percent(self.share[m, g])} of {noun}, "
            f"{self.lift[m, g]:.2f} times its usual {percent(self.overall[g])} (95 % interval {self.low[m, g]:.2f} to "
            f"{self.high[m, g]:.2f}); {int(self.claimed.sum())} of {tested} cells differ beyond chance, "
            f"{self._breadth()} (false discovery rate {percent(FALSE_DISCOVERIES, 0)})."
        )


def months(
    dataset: Dataset,
    *,
    filters: Filters | None = None,
    zone: str | None = None,
    measure: Measure = "events",
    workspace: Workspace | None = None,
    progress: Progress | None = None,
) -> MonthGenre:
    """Count genres by month of the year.

    The lift's logarithm gets a standard error by the delete-one-group jackknife over viewer buckets, but never less
    than that of independent plays, which matters where a cell holds next to nothing. Half a play is added to both
    sides of each ratio, so that an empty cell has a finite lift. Cells that expect fewer than five plays are shown but
    not tested (Cochran's rule). Whether a claim holds across titles is tested with the variances by viewer and by
    title added, less that of independent plays, which is in both (Cameron, Gelbach and Miller 2011, Robust inference
    with multiway clustering).

    Args:
        dataset: A dataset with genres, and views or timed ratings.
        filters: What to count; a genre in it is not used.
        zone: IANA zone for rating times.
        measure: What shares are of.
        workspace: Where cubes are kept; the default workspace if None.
        progress: Told about the building of cubes.

    Raises:
        DataError: No title has a genre, or the ratings carry no times.
        EmptySelection: Nothing is left after the filters.
        ParameterError: Unknown zone or measure.
    """
    chosen = Selection.of(dataset, filters, zone, measure, workspace, progress)
    what, filters = chosen.what, chosen.filters
    if "genre" not in what.splits:
        raise DataError(f"The titles of {dataset.name} have no genres.", "Import a catalogue with genres beside them.")
    viewers, titles = chosen.cube(cubes.RHYTHM), chosen.cube(cubes.RELEASES)
    shared = f"{measure}_shared"
    cells = chosen.some(viewers.sums(["bucket", "month", "genre"], filters, measures=sorted({"events", shared})))
    by_title = titles.sums(["title_bucket", "month", "genre"], filters, measures=[shared])
    names = cells.words["genre"]
    if {names[code] for code in np.unique(cells.keys["genre"]).tolist()} == {NO_GENRE}:
        raise EmptySelection(
            f"None of the titles counted here has a genre ({dataset.name}).", "Import genres beside them."
        )
    if cells.sums[shared].sum() <= 0:
        raise EmptySelection("No minutes were watched in this selection.", "Look at plays instead.")
    return _season(cells, by_title, what, filters, measure)


def _season(cells: Cells, by_title: Cells, what: Events, filters: Filters, measure: Measure) -> MonthGenre:
    """The result, from sums by viewer bucket, month and genre, and by title bucket, month and genre."""
    known = np.unique(cells.keys["genre"])
    sizes = np.bincount(cells.keys["genre"], weights=cells.sums[f"{measure}_shared"])[known]
    # The largest first; of equals, the first by name.
    known = known[np.argsort(-sizes, kind="stable")]
    names = [cells.words["genre"][code] for code in known.tolist()]
    numbers = np.unique(cells.keys["month"] % 12)
    place = np.full(len(cells.words["genre"]), -1)
    place[known] = np.arange(len(known))

    def table(rows: Cells, bucket: str, value: str) -> Array:
        month = np.searchsorted(numbers, rows.keys["month"] % 12)
        shape = (clustered.BUCKETS, len(numbers), len(known))
        # Both cubes come of the same rows, so they have the same words.
        at = np.ravel_multi_index((rows.keys[bucket], month, place[rows.keys["genre"]]), shape)
        sums = np.bincount(at, weights=rows.sums[value], minlength=int(np.prod(shape)))
        return np.asarray(sums.reshape(shape), dtype=np.float64)

    shared, full = table(cells, "bucket", f"{measure}_shared"), table(cells, "bucket", "events")
    titles = table(by_title, "title_bucket", f"{measure}_shared")
    shown = [i for i, name in enumerate(names) if name != NO_GENRE][:MOST_GENRES]
    totals = shared.sum(axis=0)
    share = totals / totals.sum(axis=1, keepdims=True)
    overall = totals.sum(axis=0) / totals.sum()
    found = lift_table(shared, titles, full.sum(axis=0), shown)
    years = cells.keys["month"] // 12
    return MonthGenre(
        what,
        filters,
        measure,
        tuple((numbers + 1).tolist()),
        tuple(names[i] for i in shown),
        full.sum(axis=0)[:, shown],
        share[:, shown],
        overall[shown],
        *found,
        years=(int(years.min()), int(years.max())),
    )


def lift_table(
    by_viewer: Array, by_title: Array, plays: Array, shown: list[int]
) -> tuple[Array, Array, Array, Array, Array, Array]:
    """Lift, its interval, its shrunk value and its q-values.

    Args:
        by_viewer: Sums at 1/k by (viewer bucket, month, genre).
        by_title: The same sums by (title bucket, month, genre).
        plays: Plays counted fully by (month, genre).
        shown: Columns to give back; the others still count towards the wholes.

    Returns:
        Six arrays of shape (months, len(shown)): lift, low, high, shrunk, q, q across titles.
    """
    # Half a play, in the unit of the measure: for minutes, half of an average play's minutes.
    half = 0.5 * by_viewer.sum() / max(plays.sum(), 1.0)

    def log_lift(sums: Array) -> Array:
        month = sums.sum(axis=-1, keepdims=True)
        genre = sums.sum(axis=-2, keepdims=True)
        expected = month * genre / sums.sum(axis=(-2, -1), keepdims=True)
        return np.asarray(np.log((sums + half) / (expected + half))[..., shown], dtype=np.float64)

    viewers, titles = clustered.jackknife(by_viewer, log_lift), clustered.jackknife(by_title, log_lift)
    effect, whole = viewers.value, plays.sum()
    plays_in_month, plays_of_genre = plays.sum(axis=1, keepdims=True), plays.sum(axis=0, keepdims=True)
    # The variance that independent plays would have: those of one viewer hang together and spread more.
    least = ((1 - plays_in_month / whole) * (1 - plays_of_genre / whole) / (plays + 0.5))[:, shown]
    error = np.sqrt(np.maximum(viewers.standard_error**2, least))
    # By title, the mean over the months: if months are alike, a month without a hit is as uncertain as one with.
    by_titles = (titles.standard_error**2).mean(axis=0, keepdims=True)
    both = np.sqrt(np.maximum(error**2, error**2 + by_titles - least))
    testable = (plays_in_month * plays_of_genre / whole)[:, shown] >= 5
    testable &= (error > 0) & (len(plays) > 1) & (plays.shape[1] > 1) & (viewers.clusters >= FEWEST)

    def adjusted(standard_error: Array, clusters: int) -> Array:
        p = clustered.p_values(effect, standard_error, clusters)
        return multiplicity.benjamini_hochberg(np.where(testable & (clusters >= 2), p, np.nan))

    width = clustered.Jackknife(effect, error, viewers.clusters).half_width()
    if viewers.clusters < FEWEST:
        # It would span next to everything.
        width = np.full_like(width, np.nan)
    shrunk, _ = shrinkage.towards_zero(effect, np.where(testable, error, np.nan))
    q, q_titles = adjusted(error, viewers.clusters), adjusted(both, min(viewers.clusters, titles.clusters))
    return np.exp(effect), np.exp(effect - width), np.exp(effect + width), np.exp(shrunk), q, q_titles

"""Learning curves: how good models are with how much history, or with how many viewers, on one and the same test."""

from __future__ import annotations

import dataclasses
import datetime as dt
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from analysis.data.dataset import Dataset
from analysis.errors import DataError, ParameterError
from analysis.recommend import metrics
from analysis.recommend.base import Recommender, one_blas_thread
from analysis.recommend.compare import Comparison, bootstrap_ratios, compare_all, holm, interval
from analysis.recommend.interactions import Flags, Index, Interactions, Signal, pair_keys
from analysis.recommend.lists import RecommendationTable
from analysis.recommend.measure import at_most, failure
from analysis.recommend.metrics import Floats
from analysis.recommend.protocols import split_code
from analysis.recommend.registry import models as registry
from analysis.recommend.splits import Split, TemporalSplit
from analysis.recommend.tune import LEAST_VIEWERS, chosen_kinds, of_viewers
from analysis.recommend.tuning import signed
from analysis.results import Progress, Result, plain

By = Literal["days", "viewers"]

FORMAT = 1
"""Version of the stored form."""

POINTS = 6
"""Amounts of history at most: all of it, a half, a quarter, and so on."""

LEAST_DAYS = 7
"""Shortest history that models are asked to learn from, in days."""

SHARES = (0.125, 0.25, 0.5, 1.0)
"""Shares of the viewers that models learn from."""

NEGLIGIBLE = 0.02
"""Share of its NDCG below which a change makes no difference worth speaking of."""

_BLOCK = 4_096
"""Viewers whose long lists are held at once."""


@dataclass(frozen=True)
class LearningPoint:
    """One model with one amount of history.

    Attributes:
        model: Name of the model.
        label: Its name as shown.
        size: Days of history, or number of viewers learnt from.
        interactions: Plays or ratings learnt from.
        ndcg: NDCG@k over the tested viewers; NaN where the model failed.
        low: Lower end of its 95 % interval over viewers.
        high: Upper end.
        error: What went wrong, or empty.
    """

    model: str
    label: str
    size: int
    interactions: int
    ndcg: float = math.nan
    low: float = math.nan
    high: float = math.nan
    error: str = ""


@dataclass(frozen=True)
class LearningCurve(Result):
    """Models with more and more history, all on the same test period and the same viewers.

    Attributes:
        by: `days` of history before the test, or number of `viewers` learnt from.
        dataset: Name of the dataset.
        dataset_folder: Name of its folder, or empty where it was held in memory.
        dataset_hash: Hash of its content.
        signal: What was learnt and tested.
        split: The Python that makes the split.
        split_at: First moment of the test period, UTC.
        k: Length of the lists judged.
        seed: Of the models, the draw of viewers and the resampling.
        names: Names of the models, in the order asked for.
        sizes: Amounts of history, ascending.
        viewers: Number of viewers tested, the same ones everywhere.
        points: A row a model and amount.
        doublings: For each model all of the history against half of it.
        complete: Whether everything was done.
        made_at: When it began, UTC.
    """

    by: By
    dataset: str
    dataset_folder: str
    dataset_hash: str
    signal: Signal
    split: str
    split_at: str
    k: int
    seed: int
    names: tuple[str, ...]
    sizes: tuple[int, ...]
    viewers: int
    points: tuple[LearningPoint, ...]
    doublings: tuple[Comparison, ...]
    complete: bool
    made_at: str

    def of(self, model: str) -> tuple[LearningPoint, ...]:
        """One model's points that did not fail, by amount of history."""
        return tuple(point for point in self.points if point.model == model and not point.error)

    def to_frame(self) -> pd.DataFrame:
        """One row a model and amount: model, size, interactions, NDCG@k with the ends of its interval, and error."""
        columns = [f.name for f in dataclasses.fields(LearningPoint)]
        return pd.DataFrame([dataclasses.astuple(point) for point in self.points], columns=columns)

    @property
    def leader(self) -> LearningPoint | None:
        """The model with the highest value with all of the history, or None where none was measured with all."""
        whole = [point for point in self.points if point.size == self.sizes[-1] and not point.error]
        return max(whole, key=lambda point: point.ndcg) if whole else None

    def summary(self) -> str:
        """Which model leads with everything, and whether the second half of the history was of use to it."""
        if not self.complete:
            return (
                f"The learning curve is not finished: {len(self.points)} of {len(self.names) * len(self.sizes)} points "
                "so far. They are kept."
            )
        best = self.leader
        if best is None:
            return f"None of the {len(self.names)} models could learn; each row says why."
        sizes = f"{self.sizes[-2]:,} to {self.sizes[-1]:,} {self.by}"
        all_of = f"all {best.size:,} days of history" if self.by == "days" else f"all {best.size:,} viewers"
        told = f"{best.label} leads with {all_of} (NDCG@{self.k} {best.ndcg:.4f} on {self.viewers:,} viewers)"
        pair = next((one for one in self.doublings if one.first == best.model), None)
        if pair is None:
            return f"{told}; with half of it, it could not learn."
        gap = f"95 % interval {signed(pair.low)} to {signed(pair.high)}"
        change = f"from {sizes} it changed by {signed(pair.difference)} ({gap})"
        if max(abs(pair.low), abs(pair.high)) < NEGLIGIBLE * best.ndcg:
            return f"{told}; {change}, so more {_more(self.by)} makes next to no difference."
        if not pair.told_apart:
            return f"{told}; {change}, so whether more {_more(self.by)} helps can't be told."
        if pair.difference > 0:
            return f"{told}; {change}, so it was still learning."
        return f"{told}; {change}, so it does better with less."

    def beginners(self) -> str:
        """Which model leads with the least history."""
        first = [point for point in self.points if point.size == self.sizes[0] and not point.error]
        best = self.leader
        if not first or best is None:
            return ""
        early = max(first, key=lambda point: point.ndcg)
        amount = f"With the last {early.size:,} days only" if self.by == "days" else f"With {early.size:,} viewers only"
        if early.model == best.model:
            return f"{amount}, {early.label} leads too ({early.ndcg:.4f})."
        return f"{amount}, {early.label} leads instead ({early.ndcg:.4f})."

    def better_with_less(self) -> str:
        """Models that are worse for the older half of the history, or for the second half of the viewers."""
        labels = {point.model: point.label for point in self.points}
        worse = [pair for pair in self.doublings if pair.told_apart and pair.difference < 0]
        if not worse:
            return ""
        named = ", ".join(f"{labels[pair.first]} (by {-pair.difference:.4f})" for pair in worse)
        what = "without the older half of the history" if self.by == "days" else "with half of the viewers"
        return f"Better {what}: {named}."

    def recipe(self) -> str:
        """Python code that computes this curve again, given the dataset."""
        known = [name for name in self.names if name in registry()]
        own = [f"# and your own model {name!r}" for name in self.names if name not in known]
        split = self.split.partition("(")[0]
        dataset = (
            [f"dataset = Workspace().dataset({self.dataset_folder!r})"]
            if self.dataset_folder
            else ["# dataset is the one you made with Dataset.from_frames"]
        )
        return "\n".join(
            [
                *(["from datetime import datetime", ""] if "datetime" in self.split else []),
                f"from analysis.recommend import {split}, learning_curve",
                *(["from analysis.workspace import Workspace"] if self.dataset_folder else []),
                "",
                *dataset,
                f"assert dataset.content_hash == {self.dataset_hash!r}",
                *own,
                "curve = learning_curve(",
                f"    dataset, {known!r}, by={self.by!r}, signal={self.signal!r}, split={self.split},",
                f"    k={self.k}, seed={self.seed},",
                ")",
                "print(curve.summary())",
            ]
        )

    def to_json(self) -> dict[str, Any]:
        """Everything, as plain JSON values; `LearningCurve.from_json` reads it back."""
        stored = {f.name: plain(getattr(self, f.name)) for f in dataclasses.fields(self)}
        return {"format": FORMAT, "summary": self.summary(), **stored}

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> LearningCurve:
        """Read what `to_json` wrote.

        Raises:
            DataError: It is of another format, or no learning curve.
        """
        try:
            if stored["format"] != FORMAT:
                raise DataError(
                    f"The learning curve has format {stored['format']}, this version reads format {FORMAT}.",
                    "Compute it again.",
                )
            values = {f.name: stored[f.name] for f in dataclasses.fields(cls)}
            values |= {name: tuple(stored[name]) for name in ("names", "sizes")}
            gaps = ("ndcg", "low", "high")
            values["points"] = tuple(
                LearningPoint(**{**one, **{name: math.nan for name in gaps if one[name] is None}})
                for one in stored["points"]
            )
            values["doublings"] = tuple(Comparison(**one) for one in stored["doublings"])
            return cls(**values)
        except (KeyError, TypeError, AttributeError) as error:
            raise DataError(f"The learning curve can't be read ({error!r}).", "Delete it and start anew.") from error


def learning_curve(
    dataset: Dataset,
    models: Sequence[str | type[Recommender]] | None = None,
    *,
    by: By = "days",
    signal: Signal | None = None,
    split: TemporalSplit | None = None,
    k: int = 10,
    seed: int = 0,
    limit_seconds: float | None = None,
    progress: Progress | None = None,
    keep: Callable[[LearningCurve], None] | None = None,
) -> LearningCurve:
    """Fit models, with their default settings, on more and more of the training period, and test them on the same test.

    By days, models learn from the last days before the test only: half, a quarter of the history and so on. Titles that
    a viewer watched before are left out of the lists all the same, so that forgetting is not punished twice. A viewer
    without a play in those days is a newcomer to most models, and counts.

    By viewers, an eighth of the viewers is always learnt from and alone is tested; more and more others join them.

    Args:
        dataset: The data.
        models: Names or classes; `DEFAULT` by default.
        by: `days` or `viewers`.
        signal: `views` or `ratings`; plays by default where there are any.
        split: The moment that parts training and test; by default the latest 20 % of the interactions are the test.
        k: Length of the lists that are judged.
        seed: Of the models, the draw of viewers and the resampling.
        limit_seconds: Time that a model may take for each point; only in a process's main thread.
        progress: Called with the share done and a few words.
        keep: Called with what was found so far after every point.

    Raises:
        DataError: The dataset lacks the signal or times, or the history is too short or has too few viewers.
        ModelError: A model's name is unknown.
        ParameterError: A number is out of range, or a model is named twice.
    """
    kinds = chosen_kinds(models)
    if k < 1:
        raise ParameterError(f"A list can't have {k} titles.", "Ask for k of 1 or more.")
    if by not in ("days", "viewers"):
        raise ParameterError(f"There is no learning curve by {by!r}.", "Choose days or viewers.")
    with at_most(limit_seconds, "The learning curve"):
        pass  # Where time can't be watched, that is said before anything is computed.
    tell = progress or (lambda share, words: None)
    tell(0.0, "Reading the dataset")
    interactions = Interactions.from_dataset(dataset, signal)
    split = split or TemporalSplit()
    whole = split.split(interactions)
    steps, tested = _by_days(whole) if by == "days" else _by_viewers(whole, seed)
    blank = LearningCurve(
        by=by,
        dataset=dataset.name,
        dataset_folder=dataset.folder.name if dataset.folder else "",
        dataset_hash=dataset.content_hash,
        signal=interactions.signal,
        split=split_code(split),
        split_at=pd.Timestamp(whole.at).isoformat(),
        k=k,
        seed=seed,
        names=tuple(kind.name for kind in kinds),
        sizes=tuple(size for size, _ in steps),
        viewers=len(tested),
        points=(),
        doublings=(),
        complete=False,
        made_at=dt.datetime.now(dt.UTC).replace(tzinfo=None, microsecond=0).isoformat(),
    )
    judge = _Judge(whole, tested, k, seed)
    points: list[LearningPoint] = []
    for place, (size, train) in enumerate(steps):
        for turn, kind in enumerate(kinds):
            done, total = place * len(kinds) + turn, len(steps) * len(kinds)
            said = f"{kind.label}, {size:,} {by}"
            points.append(judge.point(kind, size, train, limit_seconds, _within(tell, done, total, said)))
            if keep is not None:
                keep(replace(blank, points=tuple(points)))
    result = replace(blank, points=tuple(points), doublings=judge.doublings(blank.sizes), complete=True)
    if keep is not None:
        keep(result)
    return result


class _Judge:
    """Measures models with a part of the history on viewers that stay the same, and remembers each viewer's value."""

    def __init__(self, whole: Split, tested: Index, k: int, seed: int) -> None:
        self._whole, self._tested, self._k, self._seed = whole, tested, k, seed
        known = whole.train.matrix
        rows = np.repeat(np.arange(known.shape[0]), np.diff(known.indptr))
        self._known = pair_keys(rows, known.indices, whole.train.n_titles)
        self._values: dict[tuple[str, int], Floats] = {}

    def point(
        self, kind: type[Recommender], size: int, train: Interactions, limit: float | None, tell: Progress
    ) -> LearningPoint:
        """One model with one part of the history; whatever the model does, it is a point."""
        blank = LearningPoint(kind.name, kind.label, size, len(train))
        tell(0.0, "")
        try:
            with at_most(limit, kind.label):
                model = kind(seed=self._seed).fit(train, tell)
                if model.follows_time:
                    model.observe(self._whole.test)
                values = np.concatenate(
                    [
                        self._ndcg(model, train, self._tested[start : start + _BLOCK])
                        for start in range(0, len(self._tested), _BLOCK)
                    ]
                )
        except Exception as error:
            return replace(blank, error=failure(error))
        self._values[kind.name, size] = values
        low, high = interval(self._draws(values))
        return replace(blank, ndcg=float(values.mean()), low=low, high=high)

    def doublings(self, sizes: tuple[int, ...]) -> tuple[Comparison, ...]:
        """All of the history against half of it, for each model that could learn from both."""
        pairs: list[Comparison] = []
        for name in dict.fromkeys(name for name, _ in self._values):
            both = [self._values.get((name, size)) for size in sizes[-1:-3:-1]]
            if both[0] is None or both[1] is None:
                continue
            values = {name: both[0], f"{name} with half": both[1]}
            pairs += compare_all("ndcg", values, {key: self._draws(one) for key, one in values.items()})
        corrected = holm([pair.p for pair in pairs])
        return tuple(replace(pair, p_holm=p) for pair, p in zip(pairs, corrected, strict=True))

    def _draws(self, values: Floats) -> Floats:
        with one_blas_thread():
            draws: Floats = bootstrap_ratios(values[:, None], np.ones((len(values), 1)), self._seed)[:, 0]
        return draws

    def _ndcg(self, model: Recommender, train: Interactions, viewers: Index) -> Floats:
        """NDCG@k of lists without what these viewers had watched before, be it known to the model or not."""
        whole = self._whole
        forgotten = whole.train.plays_per_viewer[viewers] - train.plays_per_viewer[viewers]
        ids = train.viewers[viewers]
        at = whole.first_visits[np.searchsorted(whole.viewers, viewers)] if model.follows_time else None
        lists = model.recommend(ids, self._k + int(forgotten.max(initial=0)), at=at)
        title = np.searchsorted(train.titles, np.where(lists.filled, lists.title_ids, train.titles[0]))
        barred = np.isin(pair_keys(viewers[:, None], title, train.n_titles), self._known) | ~lists.filled
        first = np.argsort(barred, axis=1, kind="stable")[:, : self._k]
        scores = np.where(np.take_along_axis(barred, first, 1), np.nan, np.take_along_axis(lists.scores, first, 1))
        kept = RecommendationTable("viewer_id", ids, np.take_along_axis(lists.title_ids, first, 1), scores)
        return metrics.ndcg(*metrics.hits_and_relevant(kept, whole.relevant, train))


def _by_days(whole: Split) -> tuple[list[tuple[int, Interactions]], Index]:
    """The training of the last days before the test, for less and more days; everybody is tested."""
    if len(whole.viewers) < LEAST_VIEWERS:
        raise DataError(
            f"{len(whole.viewers):,} viewers with history watched anything new in the test period; with fewer than "
            f"{LEAST_VIEWERS} a curve would be drawn by chance.",
            "Test on a larger share, or bring more data.",
        )
    times = whole.train.at
    total = math.ceil((whole.at - times[0]) / np.timedelta64(1, "D"))
    sizes = [total]
    while len(sizes) < POINTS and sizes[-1] // 2 >= LEAST_DAYS:
        sizes.append(sizes[-1] // 2)
    if len(sizes) < 2:
        raise DataError(
            f"The history before the test is {total} days long; a learning curve needs {2 * LEAST_DAYS} or more.",
            "Test on a smaller share, or ask for the curve by viewers.",
        )
    steps = [(days, whole.train.cut(whole.at - np.timedelta64(days, "D"))[1]) for days in sorted(sizes)]
    return [(days, train) for days, train in steps if len(train)], whole.viewers


def _by_viewers(whole: Split, seed: int) -> tuple[list[tuple[int, Interactions]], Index]:
    """The training of some viewers and of more and more others; tested are those of the first part."""
    there = np.flatnonzero(whole.train.plays_per_viewer > 0)
    order = np.random.default_rng(seed).permutation(there)
    tested = np.zeros(whole.train.n_viewers, dtype=bool)
    tested[whole.viewers] = True
    for start in range(len(SHARES) - 1):
        sizes = [round(share * len(order)) for share in SHARES[start:]]
        panel = np.sort(order[: sizes[0]])
        if tested[panel].sum() >= LEAST_VIEWERS:
            break
    else:
        raise DataError(
            f"{int(tested.sum()):,} viewers are tested; half of them are too few for a learning curve by viewers.",
            "Test on a larger share, ask for the curve by days, or bring more data.",
        )
    steps = []
    for size in sizes:
        joined: Flags = np.zeros(whole.train.n_viewers, dtype=bool)
        joined[order[:size]] = True
        steps.append((size, of_viewers(whole.train, joined)))
    viewers: npt.NDArray[np.int32] = panel[tested[panel]].astype(np.int32)
    return steps, viewers


def _more(by: By) -> str:
    return "history" if by == "days" else "viewers"


def _within(tell: Progress, place: int, count: int, words: str) -> Progress:
    return lambda share, said: tell((place + share) / count, f"{words}: {said}" if said else words)

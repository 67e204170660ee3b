"""For whom and when is a model good: NDCG within segments of viewers, plays and titles."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import narwhals as nw
import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import special

from analysis import engine
from analysis.data.dataset import Dataset
from analysis.recommend import metrics
from analysis.recommend.compare import holm
from analysis.recommend.interactions import WATCHED, Flags, Signal, pair_keys
from analysis.recommend.measure import Measured
from analysis.recommend.metrics import Floats
from analysis.recommend.splits import NEW_DAYS, Split

LEAST_VIEWERS = 30
"""Viewers a segment needs: with fewer, an interval over viewers is a guess."""

DIMENSIONS: dict[str, str] = {
    "history": "Titles watched before",
    "activity": "Plays before",
    "country": "Country",
    "genre": "Genre of the title",
    "age": "How new the title was",
    "device": "Device of the play",
    "hours": "Hour of the play",
    "weekday": "Day of the play",
    "season": "Months of the play",
}
"""What is cut by, and how that is said."""

_HISTORY = ((1, "1–4 titles"), (5, "5–19 titles"), (20, "20–49 titles"), (50, "50 or more"))
NEWEST = f"first watched under {NEW_DAYS} days before"
_AGES = ((-math.inf, NEWEST), (NEW_DAYS, "30–179 days before"), (180, "180 days before or more"))
_HOURS = ((0, "night, 0–6"), (6, "morning, 6–12"), (12, "afternoon, 12–18"), (18, "evening, 18–24"))
_SEASONS = ("Dec–Feb", "Mar–May", "Jun–Aug", "Sep–Nov")


@dataclass(frozen=True)
class SegmentScore:
    """One model within one segment.

    Attributes:
        dimension: What is cut by, a name in `DIMENSIONS`.
        segment: The segment.
        model: Name of the model.
        viewers: Tested viewers with something to find in the segment.
        ndcg: Mean NDCG@k over them, counting only what is to be found in the segment.
        low: Lower end of its 95 % interval over viewers.
        high: Upper end.
    """

    dimension: str
    segment: str
    model: str
    viewers: int
    ndcg: float
    low: float
    high: float


@dataclass(frozen=True)
class SegmentContrast:
    """The best model of a segment against another one, on the same viewers.

    Attributes:
        dimension: What is cut by.
        segment: The segment.
        best: Name of the model with the highest NDCG@k in it.
        other: Name of the other model.
        viewers: Tested viewers with something to find in the segment.
        difference: Mean difference of NDCG@k, best minus other.
        low: Lower end of its 95 % interval over viewers.
        high: Upper end.
        p_holm: P-value of a paired t-test after Holm's correction for all pairs in all segments of the dimension.
    """

    dimension: str
    segment: str
    best: str
    other: str
    viewers: int
    difference: float
    low: float
    high: float
    p_holm: float

    @property
    def told_apart(self) -> bool:
        """Whether the two differ by more than chance would explain, at 5 % over all pairs together."""
        return self.p_holm < 0.05


def segments_of(dataset: Dataset, part: Split, signal: Signal) -> list[tuple[str, str, Flags]]:
    """Segments of a test: dimension, name, and which of the relevant pairs are in it, shape (n_relevant,)."""
    viewer, title = part.relevant // part.test.n_titles, part.relevant % part.test.n_titles
    found: list[tuple[str, str, Flags]] = []
    if part.given is None:
        titles = part.train.plays_per_viewer[viewer]
        for (low, name), (high, _) in zip(_HISTORY, [*_HISTORY[1:], (math.inf, "")], strict=True):
            found.append(("history", name, (titles >= low) & (titles < high)))
        plays = np.bincount(part.train.viewer, minlength=part.train.n_viewers)[viewer]
        edges = np.quantile(plays[np.unique(viewer, return_index=True)[1]], [1 / 3, 2 / 3])
        third = np.searchsorted(edges, plays, side="left")
        for place, name in enumerate(("least active third", "middle third", "most active third")):
            found.append(("activity", name, third == place))
    if "country" in part.train.profiles:
        found += _by_value("country", part.train.profiles["country"].to_numpy(dtype=object)[viewer])
    links = part.train.links[part.train.links["relation"] == "has_genre"]
    for genre, edges_of in links.groupby("entity"):
        found.append(("genre", str(genre), np.isin(title, edges_of["title"].to_numpy())))
    days = part.days_known[title]
    for (youngest, name), (oldest, _) in zip(_AGES, [*_AGES[1:], (math.inf, "")], strict=True):
        found.append(("age", name, (days >= youngest) & (days < oldest)))
    if signal == "views":
        found += _of_plays(dataset, part)
    return found


def segment_values(
    segments: Sequence[tuple[str, str, Flags]], part: Split, measured: Sequence[Measured]
) -> dict[tuple[str, str], Floats]:
    """Each tested viewer's NDCG by each model in each segment with enough viewers, shape (n_viewers, n_models)."""
    n_titles = part.test.n_titles
    judged = [one.judged for one in measured if one.judged is not None]
    found = {}
    for dimension, name, inside in segments:
        relevant = part.relevant[inside]
        counts = np.bincount(relevant // n_titles, minlength=part.test.n_viewers)[part.viewers]
        here = counts > 0
        if here.sum() < LEAST_VIEWERS:
            continue
        columns = [metrics.hits_and_relevant(lists, relevant, part.train)[0][here] for lists in judged]
        found[dimension, name] = np.column_stack([metrics.ndcg(hits, counts[here]) for hits in columns])
    return found


def segment_scores(values: Mapping[tuple[str, str], Floats], models: Sequence[str]) -> tuple[SegmentScore, ...]:
    """Each model's NDCG in each segment; intervals are Student's, over viewers."""
    scores = []
    for (dimension, name), per_viewer in values.items():
        n = len(per_viewer)
        half = special.stdtrit(n - 1, 0.975) * per_viewer.std(axis=0, ddof=1) / math.sqrt(n)
        for model, mean, reach in zip(models, per_viewer.mean(axis=0), half, strict=True):
            low, high = max(float(mean - reach), 0.0), min(float(mean + reach), 1.0)
            scores.append(SegmentScore(dimension, name, model, n, float(mean), low, high))
    return tuple(scores)


def segment_contrasts(values: Mapping[tuple[str, str], Floats], models: Sequence[str]) -> tuple[SegmentContrast, ...]:
    """The best model of each segment against each other one; corrected for all pairs in all segments of a dimension."""
    found = []
    for dimension in dict.fromkeys(dimension for dimension, _ in values):
        names = [name for of, name in values if of == dimension]
        pairs = [_pairs(values[dimension, name]) for name in names]
        first, second = np.triu_indices(len(models), 1)
        adjusted = holm([float(p) for _, _, p in pairs for p in p[first, second]])
        for place, (name, (difference, reach, _)) in enumerate(zip(names, pairs, strict=True)):
            per_viewer = values[dimension, name]
            p_holm = np.ones((len(models), len(models)))
            p_holm[first, second] = adjusted[place * len(first) : (place + 1) * len(first)]
            p_holm = np.minimum(p_holm, p_holm.T)
            order = np.argsort(-per_viewer.mean(axis=0), kind="stable")
            best = int(order[0])
            for other in order[1:]:
                gap, half = float(difference[best, other]), float(reach[best, other])
                found.append(
                    SegmentContrast(
                        dimension, name, models[best], models[other], len(per_viewer),
                        gap, gap - half, gap + half, float(p_holm[best, other]),
                    )
                )  # fmt: skip
    return tuple(found)


def _pairs(per_viewer: Floats) -> tuple[Floats, Floats, Floats]:
    """For each pair of models: mean difference, half of its 95 % interval, and the p-value of a paired t-test."""
    n = len(per_viewer)
    means, covariance = per_viewer.mean(axis=0), np.atleast_2d(np.cov(per_viewer.T))
    difference = means[:, None] - means[None, :]
    variance = np.diag(covariance)[:, None] + np.diag(covariance)[None, :] - 2 * covariance
    error = np.sqrt(np.clip(variance, 0, None) / n)
    # Two models with the same lists differ by rounding only.
    same = error < 1e-9
    t = np.divide(np.abs(difference), error, out=np.zeros_like(error), where=~same)
    p = 2 * special.stdtr(n - 1, -t)
    p[same & (np.abs(difference) > 1e-9)] = 0.0
    return difference, special.stdtrit(n - 1, 0.975) * error, p


def _of_plays(dataset: Dataset, part: Split) -> list[tuple[str, str, Flags]]:
    """Segments by the first watched play of each relevant pair."""
    have = dataset.columns("views")
    extra = [name for name in ("device", "started_local", "completion") if name in have]
    with dataset.read() as tables:
        lazy = tables["views"].filter(nw.col("started_at") >= pd.Timestamp(part.at).to_pydatetime())
        plays = engine.to_pandas(lazy.select("viewer_id", "title_id", "started_at", *extra).sort("started_at"))
    if "completion" in plays:
        plays = plays[~(plays["completion"] < WATCHED)]
    test = part.test
    keys = pair_keys(
        np.searchsorted(test.viewers, plays["viewer_id"].to_numpy()),
        np.searchsorted(test.titles, plays["title_id"].to_numpy()),
        test.n_titles,
    )
    known, first = np.unique(keys, return_index=True)
    place = np.minimum(np.searchsorted(known, part.relevant), max(len(known) - 1, 0))
    if not len(known) or not (known[place] == part.relevant).all():
        # A split that takes plays from before its moment, or ids that are not all in the dataset: nothing to say.
        return []
    rows = plays.iloc[first[place]]
    found = _by_value("device", rows["device"].to_numpy(dtype=object)) if "device" in rows else []
    if "started_local" in rows:
        local = pd.to_datetime(rows["started_local"])
        hour = np.searchsorted([low for low, _ in _HOURS], local.dt.hour.to_numpy(), side="right") - 1
        found += [("hours", name, hour == place) for place, (_, name) in enumerate(_HOURS)]
        weekend = (local.dt.day_of_week >= 5).to_numpy()
        found += [("weekday", "Monday to Friday", ~weekend), ("weekday", "weekend", weekend)]
        season = (local.dt.month.to_numpy() % 12) // 3
        found += [("season", name, season == place) for place, name in enumerate(_SEASONS)]
    return found


def _by_value(dimension: str, values: npt.NDArray[np.object_]) -> list[tuple[str, str, Flags]]:
    names = sorted({str(value) for value in values if isinstance(value, str)})
    return [(dimension, name, np.array([value == name for value in values], dtype=bool)) for name in names]

"""The result of an evaluation: a row a model, who was tested, and what can be said in words."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from analysis.errors import DataError
from analysis.recommend.base import Recommender
from analysis.recommend.compare import Comparison, Estimate
from analysis.recommend.interactions import Signal
from analysis.recommend.lists import RecommendationTable
from analysis.recommend.metrics import METRICS
from analysis.recommend.registry import models
from analysis.recommend.segments import SegmentContrast, SegmentScore
from analysis.results import Result, plain

FORMAT = 2
"""Version of the stored form. Format 1 knew one kind of split and no segments; it is still read."""

_IN_MEMORY = ("lists", "fitted")
"""Fields that are kept beside the stored form, or not at all."""

_SINCE_2: dict[str, Any] = {
    "split": {"name": "time", "words": "one point in time for everybody", "leaks": False, "code": ""},
    "segments": (),
}


@dataclass(frozen=True)
class Entry:
    """One model's row.

    Attributes:
        model: Name of the model.
        label: Its name as shown.
        parameters: Its parameters.
        seed: Its seed.
        estimates: Metrics by name; a metric the model has nothing for is absent.
        fit_seconds: Time of the fit.
        recommend_seconds: Time of making lists for all viewers it serves.
        error: What went wrong, or empty.
        can: What a model of one's own declared that it can do, names in `CAPABILITIES`; empty for the program's.
    """

    model: str
    label: str
    parameters: Mapping[str, Any]
    seed: int
    estimates: Mapping[str, Estimate]
    fit_seconds: float
    recommend_seconds: float
    error: str = ""
    can: tuple[str, ...] = ()


@dataclass(frozen=True)
class Leaderboard(Result):
    """Models in the order of NDCG@k on the same test period and viewers; models that failed come last.

    Attributes:
        dataset: Name of the dataset.
        dataset_folder: Name of its folder, or empty where it was held in memory.
        dataset_hash: Hash of its content.
        signal: What was learnt and tested: `views` or `ratings`.
        share: Share of the interactions tested on, or None where a date was given.
        split_at: First moment of the test period, UTC.
        k: Length of the lists judged.
        seed: Of the resampling, and of the models unless they have their own.
        entries: A row a model.
        comparisons: Every pair of models on NDCG@k.
        counts: What was trained, tested and left out.
        unlearnable_share: Share of the titles to find that nobody had watched in training.
        made_at: When, UTC.
        split: How training and test were parted: `name`, `words`, whether it `leaks`, and the `code` that makes it.
        segments: Each model's NDCG@k within segments of viewers, plays and titles.
        contrasts: The best model of each segment against each other one.
        lists: Each model's lists for all viewers it serves; not part of the stored form.
        fitted: The models, fitted on the training period of a split in time; not part of the stored form.
    """

    dataset: str
    dataset_folder: str
    dataset_hash: str
    signal: Signal
    share: float | None
    split_at: str
    k: int
    seed: int
    entries: tuple[Entry, ...]
    comparisons: tuple[Comparison, ...]
    counts: Mapping[str, int]
    unlearnable_share: float
    made_at: str
    split: Mapping[str, Any] = field(default_factory=lambda: dict(_SINCE_2["split"]))
    segments: tuple[SegmentScore, ...] = ()
    contrasts: tuple[SegmentContrast, ...] = ()
    lists: Mapping[str, RecommendationTable] = field(default_factory=dict, repr=False, compare=False)
    fitted: Mapping[str, Recommender] = field(default_factory=dict, repr=False, compare=False)

    @property
    def finished(self) -> tuple[Entry, ...]:
        """Rows of the models that did not fail, best first."""
        return tuple(entry for entry in self.entries if not entry.error)

    def to_frame(self) -> pd.DataFrame:
        """One row a model: each metric with the ends of its interval (`…_low`, `…_high`), seconds and error."""
        rows = []
        for place, entry in enumerate(self.entries):
            row: dict[str, Any] = {"rank": place + 1 if not entry.error else None, "model": entry.model}
            row["label"] = entry.label
            for name in METRICS:
                if any(name in other.estimates for other in self.entries):
                    estimate = entry.estimates.get(name, Estimate(math.nan))
                    row[name] = estimate.value
                    if any(not math.isnan(e.estimates[name].low) for e in self.entries if name in e.estimates):
                        row |= {f"{name}_low": estimate.low, f"{name}_high": estimate.high}
            row |= {"fit_seconds": entry.fit_seconds, "recommend_seconds": entry.recommend_seconds}
            rows.append(row | {"error": entry.error})
        return pd.DataFrame(rows).astype({"rank": "Int64"})

    def pairs_frame(self) -> pd.DataFrame:
        """One row a pair of models: difference on NDCG@k, interval, effect size, corrected p-value and verdict."""
        labels = {entry.model: entry.label for entry in self.entries}
        rows = [
            {
                "first": labels[pair.first],
                "second": labels[pair.second],
                "difference": pair.difference,
                "low": pair.low,
                "high": pair.high,
                "effect": pair.effect,
                "p_holm": pair.p_holm,
                "verdict": "told apart" if pair.told_apart else "can't be told apart",
            }
            for pair in self.comparisons
        ]
        return pd.DataFrame(
            rows, columns=["first", "second", "difference", "low", "high", "effect", "p_holm", "verdict"]
        )

    def segments_frame(self) -> pd.DataFrame:
        """One row a model in a segment: dimension, segment, model, viewers, NDCG@k and the ends of its interval."""
        columns = [f.name for f in dataclasses.fields(SegmentScore)]
        return pd.DataFrame([dataclasses.astuple(one) for one in self.segments], columns=columns)

    def best_in(self, dimension: str, segment: str) -> str:
        """Which model is best in a segment, and which others can't be told apart from it, in a sentence."""
        mine = [one for one in self.contrasts if (one.dimension, one.segment) == (dimension, segment)]
        scores = {s.model: s for s in self.segments if (s.dimension, s.segment) == (dimension, segment)}
        if not mine:
            return f"Too few viewers were tested, or only one model, to compare models for {segment}."
        labels = {entry.model: entry.label for entry in self.entries}
        best = scores[mine[0].best]
        score = (
            f"NDCG@{self.k} {best.ndcg:.4f}, 95 % interval {best.low:.4f} to {best.high:.4f}, {best.viewers:,} viewers"
        )
        ties = [labels[one.other] for one in mine if not one.told_apart]
        behind = next((one for one in mine if one.told_apart), None)
        leads = f"{segment}: {labels[best.model]} {'leads' if ties else 'is best'} ({score})"
        if not ties:
            rival = f"{labels[mine[0].other]} by {mine[0].difference:.4f}"
            gap = f"95 % interval {mine[0].low:.4f} to {mine[0].high:.4f}"
            return f"{leads}, ahead of every other model, of {rival} ({gap})."
        if behind is None:
            return f"{leads}, but can't be told apart from {_listed(ties)}."
        gap = f"{behind.difference:.4f}, 95 % interval {behind.low:.4f} to {behind.high:.4f}"
        return f"{leads}, can't be told apart from {_listed(ties)}, and is ahead of {labels[behind.other]} ({gap})."

    def best_frame(self, dimension: str) -> pd.DataFrame:
        """One row a segment: viewers, best model, NDCG@k with its interval, and who can't be told apart from it."""
        labels = {entry.model: entry.label for entry in self.entries}
        rows = []
        for segment in dict.fromkeys(one.segment for one in self.contrasts if one.dimension == dimension):
            mine = [one for one in self.contrasts if (one.dimension, one.segment) == (dimension, segment)]
            score = next(
                s for s in self.segments if (s.dimension, s.segment, s.model) == (dimension, segment, mine[0].best)
            )
            ties = ", ".join(labels[one.other] for one in mine if not one.told_apart)
            rows.append([segment, score.viewers, labels[score.model], score.ndcg, score.low, score.high, ties or "–"])
        columns = ["segment", "viewers", "best", "ndcg", "low", "high", "cant_be_told_apart_from"]
        return pd.DataFrame(rows, columns=columns)

    def summary(self) -> str:
        """Which model is best, by how much, and how sure that is."""
        if not self.finished:
            return f"None of the {len(self.entries)} models could be evaluated; each row says why."
        best = self.finished[0]
        ndcg = best.estimates["ndcg"]
        tested = f"{self.counts['viewers tested']:,} viewers"
        score = f"NDCG@{self.k} {ndcg.value:.4f} (95 % interval {ndcg.low:.4f} to {ndcg.high:.4f})"
        if len(self.finished) == 1:
            return f"{best.label} reaches {score} on {tested}; there is no other model to compare it with."
        if ndcg.value == 0:
            return f"No model put a single title into its {self.k} places that any of {tested} went on to watch."
        rival = self.comparisons[0]
        second = self.finished[1].label
        gap = f"{rival.difference:.4f} (95 % interval {rival.low:.4f} to {rival.high:.4f})"
        if rival.told_apart:
            return f"{best.label} is best with {score} on {tested}, ahead of {second} by {gap}."
        # An interval of one pair may leave zero out where all pairs together don't.
        pairs = f", within chance where {len(self.comparisons)} pairs are compared"
        chance = "" if rival.low <= 0 <= rival.high else pairs
        return (
            f"{best.label} leads with {score} on {tested}, but it can't be told apart from {second}: "
            f"the difference is {gap}{chance}."
        )

    def recipe(self) -> str:
        """Python code that computes this leaderboard again, given the dataset."""
        code = str(self.split["code"]) or f"TemporalSplit(share={self.share!r})"
        imported = [code.partition("(")[0], "evaluate"]
        lines, own = [], []
        for entry in sorted(self.entries, key=lambda one: one.model):
            known = models().get(entry.model)
            if known is not None and dict(entry.parameters) == plain(known.Parameters()) and entry.seed == self.seed:
                lines.append(f'        "{entry.model}",')
            elif known is not None:
                values = ", ".join(f"{name}={value!r}" for name, value in entry.parameters.items())
                imported.append(known.__name__)
                lines.append(f"        {known.__name__}({known.__name__}.Parameters({values}), seed={entry.seed}),")
            else:
                values = ", ".join(f"{name}={value!r}" for name, value in entry.parameters.items())
                own.append(f"{entry.model} = own_class(Workspace().home / 'models', {entry.model!r})")
                lines.append(f"        {entry.model}({entry.model}.Parameters({values}), seed={entry.seed}),")
        head = ["from datetime import datetime", ""] if "datetime" in code else []
        dataset = (
            [f"dataset = Workspace().dataset({self.dataset_folder!r})"]
            if self.dataset_folder
            else ["# dataset is the one you made with Dataset.from_frames"]
        )
        workspace = ["from analysis.recommend.custom import own_class"] if own else []
        workspace += ["from analysis.workspace import Workspace"] if self.dataset_folder or own else []
        return "\n".join(
            [
                *head,
                f"from analysis.recommend import {', '.join(sorted(imported, key=str.lower))}",
                *workspace,
                "",
                *dataset,
                f"assert dataset.content_hash == {self.dataset_hash!r}",
                *own,
                "leaderboard = evaluate(",
                "    dataset,",
                "    models=[",
                *lines,
                "    ],",
                f"    signal={self.signal!r},",
                f"    split={code},",
                f"    k={self.k},",
                f"    seed={self.seed},",
                ")",
                "print(leaderboard.summary())",
            ]
        )

    def to_json(self) -> dict[str, Any]:
        """Everything but the lists, as plain JSON values; `Leaderboard.from_json` reads it back."""
        stored = {f.name: plain(getattr(self, f.name)) for f in dataclasses.fields(self) if f.name not in _IN_MEMORY}
        return {"format": FORMAT, "summary": self.summary(), **stored}

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Leaderboard:
        """Read what `to_json` wrote.

        Raises:
            DataError: It is of another format, or no leaderboard.
        """
        try:
            if stored["format"] not in (1, FORMAT):
                raise DataError(
                    f"The leaderboard has format {stored['format']}, this version reads formats 1 and {FORMAT}.",
                    "Train the models again.",
                )
            # Runs of format 2 that were kept before segments were compared have no contrasts.
            stored = {**(_SINCE_2 if stored["format"] == 1 else {}), "contrasts": (), **stored}
            values = {f.name: stored[f.name] for f in dataclasses.fields(cls) if f.name not in _IN_MEMORY}
            values["segments"] = tuple(SegmentScore(**one) for one in stored["segments"])
            values["contrasts"] = tuple(SegmentContrast(**one) for one in stored["contrasts"])
            values["entries"] = tuple(_entry(entry) for entry in stored["entries"])
            values["comparisons"] = tuple(Comparison(**one) for one in stored["comparisons"])
            return cls(**values)
        except (KeyError, TypeError, AttributeError) as error:
            raise DataError(f"The leaderboard can't be read ({error!r}).", "Train the models again.") from error


@dataclass(frozen=True)
class LeaderboardBrief(Result):
    """A leaderboard with the few columns that fit on a terminal or a page; `Leaderboard.to_frame` has them all.

    Attributes:
        leaderboard: The whole.
    """

    leaderboard: Leaderboard

    def to_frame(self) -> pd.DataFrame:
        """One row a model: its label, NDCG with the ends of its interval, and the metrics most asked for."""
        whole = self.leaderboard.to_frame()
        wanted = ["label", "ndcg", "ndcg_low", "ndcg_high", "recall", "hit_rate", "coverage", "novelty", "rmse"]
        columns = [c for c in [*wanted, "fit_seconds", "error"] if c in whole.columns]
        return whole[columns].rename(columns={"label": "model"})

    def summary(self) -> str:
        """The leaderboard's sentence."""
        return self.leaderboard.summary()


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _entry(stored: Mapping[str, Any]) -> Entry:
    nan = math.nan
    estimates = {
        name: Estimate(*(nan if one[key] is None else one[key] for key in ("value", "low", "high")))
        for name, one in stored["estimates"].items()
    }
    seconds = {key: nan if stored[key] is None else stored[key] for key in ("fit_seconds", "recommend_seconds")}
    return Entry(**{**stored, "estimates": estimates, **seconds, "can": tuple(stored.get("can", ()))})

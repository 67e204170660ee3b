"""What learning tastes adds to the best list that is the same for everybody, and on which titles it falls behind."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from analysis.recommend.compare import Comparison
from analysis.recommend.leaderboard import Entry, Leaderboard
from analysis.recommend.segments import NEWEST
from analysis.recommend.splits import NEW_DAYS, NEW_TITLES
from analysis.recommend.tuning import signed
from analysis.results import Result

SAME_FOR_ALL = ("popularity", "recent_popularity", "popularity_at_time")
"""Models that give everybody the same list, but for what each has watched."""

_CHANCE = "random"


@dataclass(frozen=True)
class TasteGain(Result):
    """The best model that learns tastes against the best list that is the same for everybody.

    Attributes:
        personal: Name of the best model that learns tastes, as shown.
        common: Name of the best model with the same list for everybody, as shown.
        k: Length of the lists judged.
        difference: NDCG@k, personal minus common, over the tested viewers.
        low: Lower end of its 95 % interval.
        high: Upper end.
        told_apart: Whether it is more than chance would explain, with Holm's correction over all pairs of the run.
        behind: Best-placed model that learns tastes and is told apart below the common list, as shown, or empty.
        behind_by: By how much, on NDCG@k; 0 where there is none.
        new_share: Share of the titles to find, of those watched in training, that were new; see `NEW_DAYS`.
        behind_new: NDCG@k of `behind` on new titles, or NaN where too few viewers found one.
        common_new: The same of the common list.
    """

    personal: str
    common: str
    k: int
    difference: float
    low: float
    high: float
    told_apart: bool
    behind: str
    behind_by: float
    new_share: float
    behind_new: float
    common_new: float

    def to_frame(self) -> pd.DataFrame:
        """One row: both names, the difference with its interval, and the comparison on new titles."""
        names = ["personal", "common", "difference", "low", "high", "told_apart", "behind", "behind_by", "new_share"]
        names += ["behind_new", "common_new"]
        return pd.DataFrame([{name: getattr(self, name) for name in names}])

    def summary(self) -> str:
        """What tastes add, and where a model without what is new falls behind."""
        gap = f"95 % interval {signed(self.low)} to {signed(self.high)}"
        same = f"{self.common}, the best list that is the same for everybody"
        if not self.told_apart:
            told = (
                f"{self.personal} can't be told apart from {same} (NDCG@{self.k} {signed(self.difference)}, {gap}): "
                "what learning tastes adds can't be seen here."
            )
        elif self.difference > 0:
            told = f"Learning tastes adds {self.difference:.4f} ({gap}): {self.personal} is ahead of {same}."
        else:
            told = (
                f"No model that learns tastes is as good as {same}: {self.personal} is behind by "
                f"{-self.difference:.4f} ({gap})."
            )
        return f"{told} {self._why()}".rstrip()

    def _why(self) -> str:
        if not self.behind or not self.behind_new < self.common_new:
            return ""
        name = "It" if self.behind == self.personal else self.behind
        falls = "" if name == "It" else f" falls behind that list by {self.behind_by:.4f}. It"
        share = f"{100 * self.new_share:.0f} %"
        return (
            f"{name}{falls} misses what is new: of the titles to find that a list could hold, {share} were first "
            f"watched in the {NEW_DAYS} days before the test, and on these it reaches {self.behind_new:.4f} where that "
            f"list reaches {self.common_new:.4f}. A taste for a title takes plays to learn."
        )


def taste_gain(board: Leaderboard) -> TasteGain | None:
    """What learning tastes adds; None where a run has no model of one of the two kinds."""
    common = next((entry for entry in board.finished if entry.model in SAME_FOR_ALL), None)
    personal = [entry for entry in board.finished if entry.model not in (*SAME_FOR_ALL, _CHANCE)]
    if common is None or not personal:
        return None
    best = _against(board, personal[0], common)
    losers = [(entry, _against(board, entry, common)) for entry in personal]
    behind = next(((entry, pair) for entry, pair in losers if pair.told_apart and pair.difference < 0), None)
    on_new = {one.model: one.ndcg for one in board.segments if (one.dimension, one.segment) == ("age", NEWEST)}
    reachable = board.counts["test titles to find"] * (1 - board.unlearnable_share)
    return TasteGain(
        personal=personal[0].label,
        common=common.label,
        k=board.k,
        difference=best.difference,
        low=best.low,
        high=best.high,
        told_apart=best.told_apart,
        behind=behind[0].label if behind else "",
        behind_by=-behind[1].difference if behind else 0.0,
        new_share=board.counts.get(NEW_TITLES, 0) / reachable if reachable else 0.0,
        behind_new=on_new.get(behind[0].model, float("nan")) if behind else float("nan"),
        common_new=on_new.get(common.model, float("nan")),
    )


def _against(board: Leaderboard, one: Entry, other: Entry) -> Comparison:
    """The comparison of two models of the run, the first minus the second."""
    for pair in board.comparisons:
        if (pair.first, pair.second) == (one.model, other.model):
            return pair
        if (pair.first, pair.second) == (other.model, one.model):
            return pair.turned()
    raise LookupError(f"The run does not compare {one.model} with {other.model}.")

"""What recommenders hand back: ranked titles for viewers, or for titles that others resemble."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from analysis.recommend.interactions import Flags, Ids, Scores
from analysis.results import Result


@dataclass(frozen=True, eq=False)
class RecommendationTable(Result):
    """Ranked titles for viewers, or for titles that others resemble.

    Attributes:
        of: What `ids` are: `viewer_id` or `title_id`.
        ids: For whom, shape (n,).
        title_ids: Titles, best first, shape (n, k); −1 where a list is shorter than k.
        scores: The model's scores in its own unit, shape (n, k); NaN where a list is shorter than k.
    """

    of: Literal["viewer_id", "title_id"]
    ids: Ids
    title_ids: Ids
    scores: Scores

    @property
    def filled(self) -> Flags:
        """Which places hold a title, shape (n, k)."""
        return ~np.isnan(self.scores)

    def to_frame(self) -> pd.DataFrame:
        """One row a recommended title: whom it is for, rank from 1, title and score."""
        n, k = self.title_ids.shape
        filled = self.filled.ravel()
        return pd.DataFrame(
            {
                self.of: np.repeat(self.ids, k)[filled],
                "rank": np.tile(np.arange(1, k + 1), n)[filled],
                "title_id" if self.of == "viewer_id" else "similar_id": self.title_ids.ravel()[filled],
                "score": self.scores.ravel()[filled],
            }
        )

    def summary(self) -> str:
        """How many lists there are and how long they are."""
        lengths = self.filled.sum(axis=1)
        whom = "viewers" if self.of == "viewer_id" else "titles"
        mean = lengths.mean() if len(lengths) else 0.0
        return f"Lists for {len(self.ids):,} {whom}, {mean:.1f} titles each on average; {(lengths == 0).sum():,} empty."

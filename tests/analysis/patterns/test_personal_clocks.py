"""Viewers of different clocks are told apart and found again, and those of one clock are not split."""

import numpy as np
import pandas as pd
import pytest

from analysis.data import Dataset
from analysis.errors import DataError
from analysis.patterns.insights import ask
from analysis.patterns.personal_clocks import personal_clocks

EARLY, LATE = (7, 8, 13), (21, 22, 23)


def views(hours: list[tuple[int, ...]], *, each: int = 40, days: int = 200, seed: int = 1) -> Dataset:
    """Each viewer watches mostly at their own hours, on `each` days."""
    rng = np.random.default_rng(seed)
    viewer = np.repeat(np.arange(len(hours)), each)
    day = rng.integers(0, days, len(viewer))
    own = np.array([rng.choice(hours[v]) for v in viewer])
    hour = np.where(rng.random(len(viewer)) < 0.7, own, rng.integers(0, 24, len(viewer)))
    at = pd.Timestamp("2024-01-01") + pd.to_timedelta(day * 24 + hour, unit="h")
    return Dataset.from_frames(
        views=pd.DataFrame(
            {"view_id": range(len(at)), "viewer_id": viewer, "title_id": 1, "started_at": at, "started_local": at}
        )
    )


def test_two_kinds_of_viewers_are_told_apart_and_stay() -> None:
    found = personal_clocks(views([LATE] * 120 + [EARLY] * 60))
    assert found.names[0] == "weekday late evenings"
    assert len(found.names) == 2
    assert found.share[0].low < 2 / 3 < found.share[0].high
    assert found.same.value > 0.95
    assert found.by_chance == pytest.approx(5 / 9, abs=0.05)
    late = found.lift[0].reshape(2, 8)
    assert (late[:, 7] > 1.3).all()
    assert (late[:, 2] < 0.7).all()
    assert found.profile.sum(axis=1) == pytest.approx([1, 1])
    assert "fall into 2 groups" in found.summary()
    assert len(found.to_frame()) == 32
    assert ask(views([LATE] * 120 + [EARLY] * 60), "personal clocks").summary() == found.summary()


def test_viewers_of_one_clock_are_not_split() -> None:
    split = [len(personal_clocks(views([LATE] * 100, seed=seed)).names) > 1 for seed in range(4)]
    assert not any(split)
    assert "don't fall into groups" in personal_clocks(views([LATE] * 100)).summary()


def test_who_changes_the_clock_is_not_said_to_stay() -> None:
    """Sixty viewers who watch late in spring and early in autumn, among steady ones."""
    steady, changing = views([LATE] * 100 + [EARLY] * 100), views([LATE] * 60, days=100)
    turned = views([EARLY] * 60, days=100, seed=2).frame("views", None)
    turned["started_local"] += pd.Timedelta(days=100)
    rows = [steady.frame("views", None), changing.frame("views", None), turned]
    rows[1]["viewer_id"] += 1000
    rows[2]["viewer_id"] += 1000
    together = pd.concat(rows, ignore_index=True).assign(view_id=lambda frame: range(len(frame)))
    together["started_at"] = together["started_local"]
    found = personal_clocks(Dataset.from_frames(views=together))
    assert found.same.high < 0.85
    assert found.same.low > 0.65


def test_too_few_viewers_and_days_without_hours_are_refused() -> None:
    with pytest.raises(DataError, match="groups need 40"):
        personal_clocks(views([LATE] * 20))
    plain = views([LATE] * 60).frame("views", None)
    plain["started_at"] = plain["started_local"] = plain["started_local"].dt.normalize()
    with pytest.raises(DataError, match="without times of day"):
        personal_clocks(Dataset.from_frames(views=plain))
    with pytest.raises(DataError, match="ratings and no plays"):
        personal_clocks(Dataset.from_frames(ratings=pd.DataFrame({"viewer_id": [1], "title_id": [1], "stars": [3.0]})))

"""Concentration against published numbers, decay and flow against pandas, and false claims on worlds without any."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from analysis.data import Dataset
from analysis.errors import DataError
from analysis.patterns.concentration import concentration, effective_size, gini, lorenz
from analysis.patterns.flow import chance_to_watch, flow, together
from analysis.patterns.insights import ask
from analysis.patterns.lifecycle import FOLLOWED, changes, decay, movers
from tests.analysis.patterns.conftest import make_titles, make_views

INCOMES = np.array([541, 1463, 2445, 3438, 4437, 5401, 6392, 8304, 11904, 22261], dtype=float)
"""The example of the help page of R's package ineq, whose Gini coefficient is 0.4620911."""


def test_gini_is_the_published_one_and_that_of_mean_differences() -> None:
    assert float(gini(INCOMES)) == pytest.approx(0.4620911, abs=1e-7)
    values = np.random.default_rng(0).gamma(0.4, size=(3, 80))
    differences = np.abs(values[:, :, None] - values[:, None, :]).mean(axis=(1, 2))
    assert gini(values) == pytest.approx(differences / (2 * values.mean(axis=1)))
    # The same number as the area under the curve, as the trapezoid of a hundred points sees it.
    area = np.trapezoid(lorenz(values), dx=0.01, axis=-1)
    assert gini(values) == pytest.approx(1 - 2 * area, abs=0.002)
    assert effective_size(values) == pytest.approx(80 * (1 - gini(values)))


def test_concentration_counts_the_unwatched_and_covers_the_truth() -> None:
    truth = np.random.default_rng(1).gamma(0.5, size=60)
    shares, covered = truth / truth.sum(), 0
    for seed in range(8):
        rng = np.random.default_rng(seed)
        # Viewers differ in what they like, so plays of one viewer hang together.
        liking = rng.gamma(2.0, shares * 60 + 1e-9, (400, 60)) + 1e-12
        counts = np.array([rng.multinomial(40, row / row.sum()) for row in liking])
        viewer, title = np.nonzero(counts)
        views = pd.DataFrame({"viewer_id": viewer, "title_id": title}).loc[
            np.repeat(np.arange(len(viewer)), counts[viewer, title])
        ]
        views["started_at"] = pd.Timestamp("2025-01-01")
        catalogue = pa.table({"title_id": range(70), "name": [f"Title {i}" for i in range(70)]})
        found = concentration(Dataset.from_frames(views=views, titles=catalogue))
        assert found.titles == 70
        assert found.measure == "plays"
        probability = np.append((liking / liking.sum(axis=1, keepdims=True)).mean(axis=0), np.zeros(10))
        # Of other viewers of the same kind, whose mean liking is that of very many.
        covered += found.gini.low <= GINI_OF_MANY <= found.gini.high
        assert found.gini.value == pytest.approx(float(gini(probability)), abs=0.012)
    assert covered >= 6
    assert found.leaders["share"].is_monotonic_decreasing
    assert found.lorenz[[0, -1]] == pytest.approx([0, 1])
    assert "watched alike" in found.summary()


def _gini_of_many() -> float:
    truth = np.random.default_rng(1).gamma(0.5, size=60)
    liking = np.random.default_rng(99).gamma(2.0, truth / truth.sum() * 60 + 1e-9, (60_000, 60)) + 1e-12
    return float(gini(np.append((liking / liking.sum(axis=1, keepdims=True)).mean(axis=0), np.zeros(10))))


GINI_OF_MANY = _gini_of_many()


def test_decay_is_that_of_pandas() -> None:
    rng = np.random.default_rng(2)
    start = pd.Timestamp("2025-01-01")
    released = start + pd.to_timedelta(np.r_[np.arange(9, 209, 10), [-50, 290]], unit="D")
    title = np.repeat(np.arange(22), 60)
    age = np.minimum(rng.exponential(20, len(title)), 150).astype(int)
    at = released[title] + pd.to_timedelta(age, unit="D")
    views = pd.DataFrame({"viewer_id": rng.integers(0, 90, len(title)), "title_id": title, "started_at": at})
    last = pd.DataFrame({"viewer_id": [0], "title_id": [0], "started_at": [start + pd.Timedelta(days=300)]})
    views = pd.concat([views[(at >= start) & (at <= start + pd.Timedelta(days=300))], last])
    titles = pa.table(
        {
            "title_id": range(22), "name": ["x"] * 22, "kind": ["film", "series"] * 11,
            "released_on": pa.array(released.date, pa.date32()),
        }
    )  # fmt: skip
    found = decay(Dataset.from_frames(views=views, titles=titles))
    whole = found.curves[0]
    assert [c.kind for c in found.curves] == ["all titles", "film", "series"]
    # One came out before the data begin, one ten days before they end.
    assert (whole.titles, found.others) == (20, 1)
    ages = age[title < 20]
    ages = ages[ages < FOLLOWED]
    assert whole.share[14] == pytest.approx((ages < 15).mean())
    assert whole.early.low < whole.early.value < whole.early.high
    assert whole.half_day == int(np.median(ages)) + 1
    assert "by day" in found.summary()


def steady(seed: int, titles: int = 150) -> np.ndarray:
    """Two windows alike, in which viewers watch a title several times in a row: 64 buckets × 2 × titles."""
    rng = np.random.default_rng(seed)
    weight = rng.gamma(0.7, size=titles)
    sums = np.zeros((64, 2, titles))
    visits = 2_000
    where = (
        rng.integers(0, 64, visits),
        rng.integers(0, 2, visits),
        rng.choice(titles, visits, p=weight / weight.sum()),
    )
    np.add.at(sums, where, 1 + rng.geometric(0.4, visits))
    return sums


def test_in_a_steady_world_next_to_nothing_rises_or_fades() -> None:
    everything = np.ones(150, dtype=bool)
    worlds = sum((changes(steady(seed), everything)[4] <= 0.05).any() for seed in range(60))
    # Where nothing changes, each claim is false: at most one world in twenty may have one.
    assert worlds <= 6
    found = 0
    for seed in range(10):
        sums = steady(seed)
        largest = sums.sum(axis=(0, 1)).argmax()
        sums[:, 1, largest] *= 4
        change, low, high, shrunk, q = changes(sums, everything)
        found += q[largest] <= 0.05
        assert low[largest] < change[largest] < high[largest]
        assert 1 <= shrunk[largest] < change[largest]
    assert found >= 9


def test_movers_leave_the_new_ones_out() -> None:
    views = make_views(12_000, seed=3, start="2025-01-01", days=120)
    late = views["started_at"] > views["started_at"].max() - pd.Timedelta(days=28)
    views.loc[late & (views["title_id"] % 10 == 3), "title_id"] = 13
    views.loc[late & (views["title_id"] == 24), "title_id"] = 14
    titles = make_titles().to_pandas()
    titles["released_on"] = pd.Timestamp("2020-01-01")
    titles.loc[titles["title_id"] == 14, "released_on"] = views["started_at"].max() - pd.Timedelta(days=20)
    found = movers(Dataset.from_frames(views=views, titles=titles))
    assert found.titles.iloc[0]["title"] == "Title 13"
    assert found.titles.iloc[0]["claim"] == "rising"
    assert found.new == 1
    assert "Title 14" not in found.titles["title"].tolist()
    assert (found.titles[found.titles["title"] == "Title 33"]["change"] < 0.2).all()
    assert "rise" in found.summary()
    with pytest.raises(DataError, match="last two stretches"):
        movers(Dataset.from_frames(views=views[late]))


def wandering(seed: int, pull: float = 0.0, viewers: int = 120) -> Dataset:
    """Viewers with tastes of their own; with `pull` the next title has the genre of the one before."""
    rng = np.random.default_rng(seed)
    taste = rng.dirichlet(np.full(4, 0.6), viewers).cumsum(axis=1)
    genre = (rng.random((viewers, 40, 1)) > taste[:, None]).sum(axis=2).clip(max=3)
    for step in range(1, 40):
        same = rng.random(viewers) < pull
        genre[same, step] = genre[same, step - 1]
    # Thirty titles of each genre, an hour apart.
    title = genre * 30 + rng.integers(0, 30, genre.shape)
    genres = [[("Drama", "Comedy", "Horror", "Family")[i // 30]] for i in range(120)]
    titles = pa.table({"title_id": range(120), "name": ["x"] * 120, "genres": pa.array(genres)})
    hour = pd.to_timedelta(np.tile(np.arange(40), viewers), unit="h")
    views = pd.DataFrame({"viewer_id": np.repeat(np.arange(viewers), 40), "title_id": title.ravel()})
    views["started_at"] = pd.Timestamp("2025-01-01") + hour
    return Dataset.from_frames(views=views, titles=titles)


def test_taste_is_no_flow_and_a_mood_is() -> None:
    claims = 0
    for seed in range(4):
        found = flow(wandering(seed))
        claims += bool(found.claimed.any())
        # Taste alone makes genres follow themselves.
        assert np.diag(found.by_taste).min() > 1.2
    assert claims <= 1
    moody = flow(wandering(7, pull=0.3))
    assert np.diag(moody.claimed).all()
    assert moody.strongest is not None
    assert (np.diag(moody.lift) > 1.05).all()
    assert moody.share.sum(axis=1) == pytest.approx(1)
    assert "differ beyond chance" in moody.summary()
    assert len(moody.to_frame()) == 16


def test_flow_counts_pairs_as_pandas_does() -> None:
    dataset = wandering(1, viewers=12)
    views = dataset.frame("views").sort_values(["viewer_id", "started_at"], kind="stable")
    visits = views[views["title_id"] != views.groupby("viewer_id")["title_id"].shift()]
    before = visits.groupby("viewer_id")["title_id"].shift()
    genre = pd.Series(["Drama", "Comedy", "Horror", "Family"])
    pairs = pd.crosstab(
        genre[before[before.notna()].astype(int) // 30].to_numpy(),
        genre[visits["title_id"][before.notna()] // 30].to_numpy(),
        normalize="index",
    )
    found = flow(dataset)
    assert found.pairs == int(before.notna().sum())
    assert found.share == pytest.approx(pairs.loc[list(found.genres), list(found.genres)].to_numpy())


def test_being_busy_makes_no_pair_and_liking_both_does() -> None:
    rng = np.random.default_rng(5)
    busy, hit = rng.normal(-1, 1.2, 1_500), rng.normal(0, 0.7, 30)
    watched = rng.random((1_500, 30)) < 1 / (1 + np.exp(-(busy[:, None] + hit)))
    frames = []
    for together_too in (False, True):
        if together_too:
            # Half of those who watch title 0 watch title 1 for it.
            watched[:, 1] |= watched[:, 0] & (rng.random(1_500) < 0.5)
        viewer, title = np.nonzero(watched)
        frames.append(pd.DataFrame({"viewer_id": viewer, "title_id": title, "started_at": pd.Timestamp("2025-01-01")}))
    plain, paired = (together(Dataset.from_frames(views=frame)) for frame in frames)
    assert plain.pairs["claimed"].sum() <= 2
    assert np.median(plain.pairs["lift"]) == pytest.approx(1, abs=0.03)
    assert paired.pairs.iloc[0][["title", "other"]].tolist() == ["title 0", "title 1"]
    assert paired.pairs.iloc[0]["claimed"]
    assert paired.viewers == frames[1]["viewer_id"].nunique()
    assert "title 0 and title 1" in paired.summary()


def test_chance_keeps_both_margins() -> None:
    rng = np.random.default_rng(6)
    watched = rng.random((400, 12)) < rng.random((400, 1)) * rng.random(12)
    viewers = np.bincount(watched.sum(axis=1), minlength=13).astype(float)
    chance = chance_to_watch(viewers, watched.sum(axis=0).astype(float))
    assert viewers @ chance == pytest.approx(watched.sum(axis=0), rel=0.01)
    assert chance[1:12].sum(axis=1) == pytest.approx(np.arange(1, 12), rel=0.02)


def test_ratings_are_counted_as_such_and_what_is_missing_is_said() -> None:
    rng = np.random.default_rng(8)
    at = pd.Timestamp("2025-01-01") + pd.to_timedelta(rng.integers(0, 200 * 86_400, 3_000), unit="s")
    rated = pd.DataFrame(
        {"viewer_id": rng.integers(0, 100, 3_000), "title_id": rng.integers(0, 40, 3_000), "rated_at": at, "stars": 3.0}
    )
    dataset = Dataset.from_frames(ratings=rated, titles=make_titles())
    assert ask(dataset, "concentration").measure == "ratings"
    assert ask(dataset, "what follows what").noun == "ratings"
    assert ask(dataset, "watched together").verb == "rated"
    assert ask(dataset, "rising and fading").noun == "ratings"
    with pytest.raises(DataError, match="no release dates"):
        ask(dataset, "release decay")
    with pytest.raises(DataError, match="carry no times"):
        ask(Dataset.from_frames(ratings=rated.drop(columns="rated_at")), "rising and fading")
    with pytest.raises(DataError, match="have no genres"):
        ask(Dataset.from_frames(ratings=rated), "what follows what")

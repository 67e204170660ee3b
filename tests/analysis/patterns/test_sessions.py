"""Sessions, devices, surfaces and binges against pandas and hand counts; the mixture against the simulator's own."""

import dataclasses

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from analysis.data import Dataset
from analysis.errors import DataError, ParameterError
from analysis.patterns import kept
from analysis.patterns.binges import binges, finishing_by
from analysis.patterns.completion import completion
from analysis.patterns.devices import devices
from analysis.patterns.insights import ask, ready
from analysis.patterns.sessions import sessions
from analysis.patterns.surfaces import surfaces
from analysis.simulate import watching
from analysis.simulate.config import Behaviour
from analysis.stats.quantiles import quantile
from tests.analysis.patterns.conftest import make_views

START = pd.Timestamp("2025-01-01 20:00")


def plays(rows: list[tuple[int, int, float, float]], **columns: object) -> pd.DataFrame:
    """Plays from (viewer, title, minutes after the start, minutes watched)."""
    frame = pd.DataFrame(rows, columns=["viewer_id", "title_id", "after", "minutes"])
    frame["started_at"] = START + pd.to_timedelta(frame.pop("after"), unit="min")
    return frame.assign(**columns)


@pytest.fixture(scope="module")
def busy() -> pd.DataFrame:
    """Plays with sessions that the data name."""
    views = make_views(6_000, seed=4, viewers=150)
    views["session_id"] = views["viewer_id"] * 1_000 + np.random.default_rng(4).integers(0, 12, len(views))
    return views


def test_sessions_are_those_of_pandas(busy: pd.DataFrame) -> None:
    found = sessions(Dataset.from_frames(views=busy))
    each = busy.groupby("session_id").agg(
        plays=("title_id", "size"), titles=("title_id", "nunique"), minutes=("minutes", "sum"),
        devices=("device", "nunique"),
    )  # fmt: skip
    assert found.named
    assert found.sessions == len(each)
    assert found.viewers == busy["viewer_id"].nunique()
    assert found.plays.value == pytest.approx(each["plays"].mean())
    assert found.titles.value == pytest.approx(each["titles"].mean())
    assert found.several.value == pytest.approx((each["plays"] > 1).mean())
    assert found.switched.value == pytest.approx((each["devices"] > 1).mean())
    assert found.minutes.value == pytest.approx(each["minutes"].median(), abs=5)
    assert found.minutes.low < found.minutes.value < found.minutes.high
    assert found.lengths.sum() == pytest.approx(1)
    assert found.by_plays[:4] == pytest.approx([(each["plays"] == n).mean() for n in range(1, 5)])
    assert "plays on average" in found.summary()


def test_a_break_of_half_an_hour_ends_a_session() -> None:
    # The second play begins 29 minutes after the first has ended, the third 31 after the second; another viewer.
    views = plays([(1, 1, 0, 60), (1, 2, 89, 10), (1, 3, 130, 10), (2, 1, 0, 5)])
    found = sessions(Dataset.from_frames(views=views))
    assert not found.named
    assert found.sessions == 3
    assert found.by_plays[:2] == pytest.approx([2 / 3, 1 / 3])
    # One play without a number is enough for the numbers not to be trusted.
    holed = views.assign(session_id=pd.array([1, 1, None, 2], dtype="Int64"))
    assert not sessions(Dataset.from_frames(views=holed)).named


def test_slices_of_viewers_add_up_to_the_whole(busy: pd.DataFrame, write, workspace, monkeypatch) -> None:
    at = busy["started_at"].astype("datetime64[us]")
    dataset = write(views=busy.assign(view_id=np.arange(len(busy)), started_at=at, started_local=at))
    assert not ready(dataset, "sessions", workspace=workspace)
    whole = sessions(Dataset.from_frames(views=busy))
    monkeypatch.setattr(kept, "AT_ONCE", 1_000)
    sliced = ask(dataset, "sessions", workspace=workspace)
    assert ready(dataset, "sessions", workspace=workspace)
    pd.testing.assert_frame_equal(sliced.to_frame(), whole.to_frame())
    with pytest.raises(ParameterError, match="no question 'love'"):
        ask(dataset, "love", workspace=workspace)


def test_devices_are_those_of_pandas(busy: pd.DataFrame) -> None:
    found = devices(Dataset.from_frames(views=busy))
    minutes = busy.groupby("device")["minutes"].sum().sort_values(ascending=False)
    assert found.names == tuple(minutes.index)
    assert [i.value for i in found.share] == pytest.approx((minutes / minutes.sum()).to_list())
    at_nine = busy[busy["started_at"].dt.hour == 21].groupby("device")["minutes"].sum()
    assert found.by_hour[21] == pytest.approx((at_nine / at_nine.sum())[list(found.names)].to_numpy())
    ordered = busy.sort_values(["viewer_id", "started_at"], kind="stable")
    before = ordered.groupby("viewer_id")["device"].shift()
    switched = (before != ordered["device"])[before.notna()]
    assert found.switched.value == pytest.approx(switched.mean(), abs=2e-3)
    used = busy.drop_duplicates(["viewer_id", "device"]).groupby("viewer_id").size()
    assert found.several.value == pytest.approx(used.ge(2).mean())
    assert found.moves.sum(axis=1) == pytest.approx(1)
    # Devices are drawn by chance, so the next one is no other than usual.
    assert found.moves[1, 0] == pytest.approx((busy["device"] == found.names[0]).mean(), abs=0.05)


def test_a_title_taken_along() -> None:
    views = plays([(1, 1, 0, 20), (1, 1, 600, 20), (1, 2, 1200, 20), (2, 1, 0, 20), (2, 1, 600, 20)])
    views["device"] = ["tv", "phone", "tv", "tv", "tv"]
    views["completion"] = [0.4, 0.9, 0.5, 0.4, 0.8]
    found = devices(Dataset.from_frames(views=views))
    assert found.carried.value == pytest.approx(1 / 2)
    assert found.switched.value == pytest.approx(2 / 3)


def simulated_plays(seed: int, count: int = 20_000) -> tuple[pd.DataFrame, pd.DataFrame, float]:
    """Plays by the simulator's rules, their titles, and the share that truly bailed out."""
    rng = np.random.default_rng(seed)
    running = rng.choice([30.0, 45.0, 60.0, 90.0, 120.0], 60)
    title = rng.integers(0, 60, count)
    zero = np.zeros(count)
    outcome = watching.play(
        rng.random((watching.DRAWS, count)), np.rint(64 * rng.normal(0, 1, count)).astype(np.int64), running[title],
        zero, zero.astype(bool), running[title] < 60, Behaviour(),
    )  # fmt: skip
    views = pd.DataFrame(
        {
            "viewer_id": rng.integers(0, 800, count), "title_id": title, "minutes": outcome.minutes,
            "completion": outcome.reached, "started_at": START, "pauses": outcome.pauses,
        }
    )  # fmt: skip
    return views, pd.DataFrame({"title_id": range(60), "minutes": running}), float(outcome.bailed.mean())


def test_bail_outs_are_told_from_those_who_stop_in_between() -> None:
    minute = 0
    for seed in range(4):
        views, titles, truth = simulated_plays(seed)
        found = completion(Dataset.from_frames(views=views, titles=titles.assign(name="x")))
        # Half a minute, and then exponential with a mean of four.
        minute += found.bail_minute.low <= 0.5 + 4 * np.log(2) <= found.bail_minute.high
        # What bails out late in a short title looks like stopping in between: the share comes out a little low.
        assert -0.05 < found.bailed.value - truth < 0.02
        assert found.bailed.value + found.middle.value + found.through.value == pytest.approx(1, abs=1e-6)
        assert found.finished.value == pytest.approx((views["completion"] >= 0.9).mean())
    assert minute >= 3


def test_completion_counts_are_plain_and_repeats_are_left_out_of_the_mixture() -> None:
    views, titles, _ = simulated_plays(9, 6_000)
    # Every third play is taken up in the middle: what was reached is then more than what was watched.
    half = views["title_id"] % 3 == 0
    views.loc[half, "completion"] = np.minimum(views.loc[half, "completion"] + 0.5, 1)
    found = completion(Dataset.from_frames(views=views.assign(is_repeat=half), titles=titles.assign(name="x")))
    assert found.plays == 6_000
    assert found.from_start < 6_000 - half.sum() * 0.9
    assert found.repeats.value == pytest.approx(half.mean())
    assert found.pauses.value == pytest.approx(views["pauses"].sum() / views["minutes"].sum() * 60)
    assert found.minutes.value == pytest.approx(views["minutes"].mean())
    fresh = views[~half]
    stopped = fresh["completion"] < 0.9
    assert found.leaving[1] == pytest.approx(
        ((fresh["minutes"] // 1 == 1) & stopped).sum() / (fresh["minutes"] >= 1).sum(), abs=0.01
    )
    # Of one length, minutes and shares of it are the same thing.
    short = dataclasses.replace(found)
    same = completion(Dataset.from_frames(views=views, titles=titles.assign(name="x", minutes=40.0)))
    assert np.isnan(same.bailed.value)
    assert "bail out" in short.summary()
    assert "bail out" not in same.summary()


def test_surfaces_visits_and_searches() -> None:
    views = plays([(1, 1, 2, 30), (1, 2, 40, 10), (2, 1, 1, 60)], surface=["row", "search", "row"])
    views["session_id"] = [1, 1, 2]
    views["completion"] = [1.0, 0.2, 0.5]
    shown = pd.DataFrame({"session_id": [1, 1, 2, 3], "viewer_id": [1, 1, 2, 3], "title_id": 1, "shown_at": START})
    searches = pd.DataFrame(
        {
            "viewer_id": [1, 1, 2, 3], "session_id": 1, "searched_at": START, "query": ["Ghost", "ghost", "a", "b"],
            "title_id": pd.array([None, None, 1, 2], dtype="Int64"),
        }
    )  # fmt: skip
    found = surfaces(Dataset.from_frames(views=views, impressions=shown, searches=searches))
    assert found.names == ("row", "search")
    assert [i.value for i in found.share] == pytest.approx([0.9, 0.1])
    assert found.finished[0].value == pytest.approx(0.5)
    assert (found.visits, found.searches) == (3, 4)
    assert found.led.value == pytest.approx(2 / 3)
    # One waited a minute, one two.
    assert 60 <= found.seconds.value <= 120
    assert found.without.value == 0.5
    assert found.failing.iloc[0].to_list() == ["ghost", 2, 1.0]
    assert "49" not in found.summary()
    alone = surfaces(Dataset.from_frames(views=views))
    assert (alone.visits, alone.searches) == (0, 0)
    assert "searches" not in alone.summary()


def series(viewers: int = 60) -> tuple[pd.DataFrame, pa.Table]:
    """A series of four episodes: all see two, half of the viewers one a day to the end."""
    rows = [
        (v, 7, 1440.0 * day + 5 * v, 40.0, day + 1, 1.0)
        for v in range(viewers)
        for day in range(4 if v % 2 else 2)
    ]  # fmt: skip
    rows += [(0, 1, 400 * 1440.0, 10.0, None, 0.5)]
    frame = plays([row[:4] for row in rows])
    frame["episode"] = pd.array([row[4] for row in rows], dtype="Int64")
    titles = pa.table({"title_id": [1, 7], "name": ["Film", "Series"], "episodes": [1, 4]})
    return frame.assign(completion=[row[5] for row in rows]), titles


def test_binges_days_and_the_episode_that_hooks() -> None:
    views, titles = series()
    found = binges(Dataset.from_frames(views=views, titles=titles))
    assert found.sittings == 180
    assert found.binges.value == 0
    assert [i.value for i in found.next_episode[:3]] == pytest.approx([1, 0.5, 1])
    assert found.begun == 60
    assert found.finishing[[0, 2, 3, 120]] == pytest.approx([0, 0, 0.5, 0.5])
    season = found.seasons.iloc[0]
    assert season["title"] == "Series"
    assert season["finished_share"] == pytest.approx(0.5)
    assert season["hooks_at"] == 3
    # The same plays one after the other are one sitting each.
    views["started_at"] = START + pd.to_timedelta(views["episode"].fillna(9).astype(float) * 41, unit="min")
    assert binges(Dataset.from_frames(views=views, titles=titles)).binges.value == pytest.approx(0.5)


def test_who_is_lost_from_sight_counts_as_long_as_seen() -> None:
    # Ten begin; two finish on day 0, three are lost on day 1, one finishes on day 2.
    found = finishing_by(np.array([2.0, 0, 1, 0]), np.array([0.0, 3, 0, 4]))
    assert found == pytest.approx([0.2, 0.2, 1 - 0.8 * 4 / 5])


def test_a_clustered_median_covers_the_truth() -> None:
    rng = np.random.default_rng(11)
    truth = np.median(np.exp(rng.normal(0, 0.4, 400_000)) * rng.exponential(20, 400_000))
    covered, edges = 0, np.arange(0, 805, 5, dtype=float)
    for _ in range(60):
        value = np.minimum(np.exp(rng.normal(0, 0.4, (64, 1))) * rng.exponential(20, (64, 30)), 799)
        counts = np.zeros((64, 160))
        np.add.at(counts, (np.arange(64)[:, None], (value // 5).astype(int)), 1)
        found = quantile(counts, edges)
        covered += found.low <= truth <= found.high
    assert covered >= 53


def test_what_is_missing_is_said(busy: pd.DataFrame) -> None:
    bare = Dataset.from_frames(views=busy[["viewer_id", "title_id", "started_at"]])
    for name, column in (
        ("sessions", "minutes"), ("devices", "device"), ("completion", "completion"), ("surfaces", "surface"),
    ):  # fmt: skip
        with pytest.raises(DataError, match=f"no column {column}"):
            ask(bare, name)
    with pytest.raises(DataError, match="name no episodes"):
        binges(Dataset.from_frames(views=busy))
    rated = Dataset.from_frames(ratings=pd.DataFrame({"viewer_id": [1], "title_id": [1], "stars": [3.0]}))
    with pytest.raises(DataError, match="has ratings and no plays"):
        sessions(rated)

"""The quality report counts what is wrong, on data whose faults are known."""

import datetime as dt
import json

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from analysis.data import Dataset, quality
from analysis.data.importers import import_data
from analysis.data.quality import check

NOW = dt.datetime(2025, 1, 1)


def views(**changes):
    count = 6
    columns = {
        "viewer_id": [1, 1, 2, 2, 3, 3],
        "title_id": [10, 20, 10, 20, 10, 20],
        "started_at": [dt.datetime(2024, 5, 1 + i, 20) for i in range(count)],
        "minutes": [30.0] * count,
        "completion": [0.5] * count,
        "device": ["tv"] * count,
    }
    return pa.table({**columns, **changes})


TITLES = pa.table({"title_id": [10, 20], "name": ["Salt", "Tide"]})
VIEWERS = pa.table({"viewer_id": [1, 2, 3]})


def found(report, table, column, what):
    return next(f for f in report.findings if (f.table, f.column, f.check) == (table, column, what))


def test_sound_data_is_called_sound():
    report = check(Dataset.from_frames(name="Sound", views=views(), titles=TITLES, viewers=VIEWERS), now=NOW)
    assert report.problems == ()
    assert report.summary() == "Sound holds 6 views from 2024-05-01 to 2024-05-06; nothing is wrong with it."
    assert report.rows == {"titles": 2, "viewers": 3, "views": 6}
    assert all(f.rows == 0 for f in report.findings)


def test_each_fault_is_counted_where_it_is():
    early, late = dt.datetime(1980, 1, 1), dt.datetime(2026, 1, 1)
    table = views(
        title_id=[10, 10, 99, 98, 10, 20],
        viewer_id=[1, 1, 2, 2, 77, 3],
        started_at=[dt.datetime(2024, 5, 1)] * 2 + [late, early] + [dt.datetime(2024, 5, 3)] * 2,
        minutes=[1441.0, -1.0, None, float("nan"), 1.0, 1.0],
        completion=[1.2, -0.1, 0.5, 0.5, 0.5, None],
        device=["tv", "toaster", None, "tv", "tv", "tv"],
        view_id=[1, 1, 3, 4, 5, 6],
    )
    report = check(Dataset.from_frames(views=table, titles=TITLES, viewers=VIEWERS), now=NOW)
    counts = {
        ("minutes", "too high"): (1, "wrong"),
        ("minutes", "too low"): (1, "wrong"),
        ("minutes", "missing"): (2, "look"),
        ("completion", "too high"): (1, "wrong"),
        ("completion", "too low"): (1, "wrong"),
        ("completion", "missing"): (1, "look"),
        ("device", "unknown word"): (1, "wrong"),
        ("device", "missing"): (1, "look"),
        ("started_at", "future"): (1, "wrong"),
        ("started_at", "before 1990"): (1, "look"),
        ("title_id", "orphaned"): (2, "look"),
        ("viewer_id", "orphaned"): (1, "look"),
        ("view_id", "repeated"): (1, "wrong"),
        ("viewer_id, title_id, started_at", "repeated"): (1, "look"),
    }
    for (column, what), (rows, severity) in counts.items():
        finding = found(report, "views", column, what)
        assert (finding.rows, finding.severity) == (rows, severity), finding
        assert finding.share == pytest.approx(rows / 6)
    assert len(report.problems) == len(counts)
    assert [f.severity for f in report.findings] == sorted(
        (f.severity for f in report.findings), key=["wrong", "look", "fine"].index
    )
    assert "7 things are wrong" in report.summary()
    json.dumps(report.to_json())


def test_repeats_counted_in_buckets_are_the_same_number(monkeypatch):
    rng = np.random.default_rng(4)
    count = 5_000
    frame = pd.DataFrame({"viewer_id": rng.integers(0, 60, count), "title_id": rng.integers(0, 60, count)})
    frame["stars"] = 3.0
    frame["rated_at"] = pd.Timestamp("2024-01-01").as_unit("us")
    expected = int(frame.duplicated(["viewer_id", "title_id", "rated_at"]).sum())
    dataset = Dataset.from_frames(ratings=frame)
    column = "viewer_id, title_id, rated_at"
    assert found(check(dataset, now=NOW), "ratings", column, "repeated").rows == expected
    monkeypatch.setattr(quality, "KEYS_AT_ONCE", 700)
    assert found(check(dataset, now=NOW), "ratings", column, "repeated").rows == expected


def test_a_viewer_who_can_be_no_person_is_named():
    rng = np.random.default_rng(5)
    people = np.repeat(np.arange(200), rng.integers(5, 15, 200))
    robot = np.full(30_000, 999)
    ids = np.concatenate([people, robot])
    frame = pd.DataFrame({"viewer_id": ids, "title_id": np.arange(len(ids)), "stars": 3.0})
    finding = found(check(Dataset.from_frames(ratings=frame)), "ratings", "viewer_id", "implausibly many")
    assert (finding.rows, finding.severity) == (30_000, "look")
    assert finding.detail == "implausibly many ratings for 1 viewer (up to 30,000)"
    calm = check(Dataset.from_frames(ratings=frame[frame["viewer_id"] != 999]))
    assert found(calm, "ratings", "viewer_id", "implausibly many").rows == 0


def test_what_was_dropped_at_import_is_told(tmp_path, workspace):
    file = tmp_path / "ratings.csv"
    good = "".join(f"1,{i},3,978300000\n" for i in range(5))
    file.write_text("userId,movieId,rating,timestamp\n" + good + "1,2,9,978300000\n1,2,3,978300000\n")
    report = check(import_data(file).open())
    assert set(report.dropped) == {
        ("ratings.csv", "the rating is outside 0.5 to 5", 1),
        ("ratings.csv", "the same viewer, title and time as an earlier row", 1),
    }
    assert report.summary().endswith("2 rows were left out at import.")
    assert report.dropped_frame()["rows"].sum() == 2


def test_first_and_last_day_are_those_of_the_wall_clock():
    late = pd.Timestamp("2024-05-02 02:30").as_unit("us")
    views = pd.DataFrame({"viewer_id": [1, 1], "title_id": [1, 2], "started_at": [late, late + pd.Timedelta("21h")]})
    ratings = views.rename(columns={"started_at": "rated_at"}).assign(stars=3.0)
    for tables in ({"views": views}, {"ratings": ratings}):
        utc, west = (check(Dataset.from_frames(**tables, time_zone=zone)) for zone in ("UTC", "America/New_York"))
        assert (utc.first.day, utc.last.day, utc.days) == (2, 2, 1)
        assert (west.first.day, west.last.day, west.days) == (1, 2, 2)
        assert "from 2024-05-01 to 2024-05-02" in west.summary()
    early = ratings.assign(rated_at=ratings["rated_at"] - pd.Timedelta("3D"))
    assert check(Dataset.from_frames(views=views, ratings=early)).days == 1
    untimed = check(Dataset.from_frames(ratings=ratings.drop(columns="rated_at")))
    assert (untimed.first, untimed.days) == (None, 0)


def test_real_movietweetings_is_sound(real_data, workspace):
    report = check(import_data(real_data / "movietweetings-100k").open())
    assert not [f for f in report.findings if f.severity == "wrong"]
    assert (report.first.date(), report.last.date()) == (dt.date(2013, 2, 28), dt.date(2013, 9, 1))

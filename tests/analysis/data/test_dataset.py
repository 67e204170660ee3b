"""Datasets from frames, the schema, and what is said when something is missing."""

import datetime as dt

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from analysis.data import Dataset, schema
from analysis.errors import DataError

MOMENTS = [dt.datetime(2024, 1, 1, 23, 30), dt.datetime(2024, 7, 1, 12, 0)]
VIEWS = {"viewer_id": [1, 2], "title_id": [5, 5], "started_at": MOMENTS, "minutes": [30.0, 45.0]}


@pytest.mark.parametrize("make", [pd.DataFrame, pl.DataFrame, pa.table], ids=["pandas", "polars", "arrow"])
def test_from_frames_of_any_library(make):
    dataset = Dataset.from_frames(views=make(VIEWS), time_zone="America/New_York")
    views = dataset.frame("views")
    assert views["view_id"].to_list() == [0, 1]
    assert views["started_local"].to_list() == [pd.Timestamp("2024-01-01 18:30"), pd.Timestamp("2024-07-01 08:00")]
    assert views["started_at"].to_list() == [pd.Timestamp(m) for m in MOMENTS]
    assert dataset.tables == ("views",)


def test_equal_frames_of_any_library_have_one_hash():
    hashes = {Dataset.from_frames(views=make(VIEWS)).content_hash for make in (pd.DataFrame, pl.DataFrame, pa.table)}
    assert len(hashes) == 1


def test_the_zone_belongs_to_the_content_where_no_part_knows_the_wall_clock():
    ratings = pa.table({"viewer_id": [1, 2], "title_id": [5, 5], "stars": [3.0, 4.0], "rated_at": MOMENTS})

    def hashes(**tables):
        zones = ("UTC", "America/New_York", "Europe/Berlin")
        return {Dataset.from_frames(**tables, time_zone=zone).content_hash for zone in zones}

    assert len(hashes(ratings=ratings)) == 3
    clocked = pa.table({**VIEWS, "started_local": MOMENTS})
    assert len(hashes(views=clocked, ratings=ratings)) == 1


def test_times_with_a_zone_become_utc():
    zoned = pd.DataFrame(VIEWS)
    zoned["started_at"] = pd.to_datetime(zoned["started_at"]).dt.tz_localize("Europe/Berlin")
    views = Dataset.from_frames(views=zoned, time_zone="Europe/Berlin").frame("views")
    assert views["started_at"][0] == pd.Timestamp("2024-01-01 22:30")
    assert views["started_local"][0] == pd.Timestamp("2024-01-01 23:30")


@pytest.mark.parametrize(
    ("tables", "words"),
    [
        ({"plays": pa.table(VIEWS)}, "no table 'plays'"),
        ({"titles": pa.table({"title_id": [1], "name": ["Salt"]})}, "neither views nor ratings"),
        ({"views": pa.table({**VIEWS, "speed": [1, 2]})}, "unknown column 'speed'"),
        ({"views": pa.table({k: v for k, v in VIEWS.items() if k != "title_id"})}, "lacks the column 'title_id'"),
        ({"views": pa.table({**VIEWS, "viewer_id": [1, None]})}, "views.viewer_id is empty in 1 of 2 rows"),
        ({"views": pa.table({**VIEWS, "viewer_id": ["a", "b"]})}, "views.viewer_id can't be read as int64"),
    ],
)
def test_frames_that_do_not_fit_name_the_column(tables, words):
    with pytest.raises(DataError, match=words):
        Dataset.from_frames(**tables)


def test_a_missing_table_or_column_says_what_there_is():
    dataset = Dataset.from_frames(views=pa.table(VIEWS))
    with pytest.raises(DataError, match="no table ratings"):
        dataset.frame("ratings")
    with pytest.raises(DataError, match="no column 'device'"):
        dataset.frame("views", ["device"])
    with dataset.read() as tables:
        assert "views" in tables
        assert "ratings" not in tables
    with pytest.raises(DataError, match="held in memory"):
        dataset.files("views")


def test_every_column_is_described_once():
    for table in schema.TABLES.values():
        names = [c.name for c in table.columns]
        assert len(names) == len(set(names))
        assert all(c.doc for c in table.columns)
        assert set(table.key) <= set(names)
    with pytest.raises(DataError, match="no column 'stars'"):
        schema.VIEWS.column("stars")

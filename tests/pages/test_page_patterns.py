"""The page of viewing patterns, as its visitor uses it."""

import pandas as pd
import pyarrow as pa
import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from analysis import patterns
from analysis.data import DatasetWriter
from analysis.workspace import ROOT, Workspace
from tests.analysis.patterns.conftest import make_views, on_disk
from ui import patterns as ui_patterns


def open_page(**query: str) -> AppTest:
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=120)
    for key, value in query.items():
        app.query_params[key] = value
    app.run()
    return app.switch_page("pages/explore/patterns.py").run()


def words(app: AppTest) -> str:
    kinds = ("header", "subheader", "markdown", "info", "warning", "error", "caption")
    return " ".join(e.value for kind in kinds for e in app.get(kind)).replace("\\", "")


def test_sample_is_answered_and_every_filter_counts() -> None:
    page = open_page()
    assert not page.exception
    assert not page.error
    assert "Saturday and Sunday hold" in words(page)
    assert "each viewer's local time" in words(page)
    assert [card.label for card in page.metric] == ["Weekend share", "Night share", "Busiest hour", "Plays"]
    everything = page.metric[3].value
    for key in ("genre", "device", "country", "kind"):
        box = page.selectbox(key=f"patterns_{key}")
        box.select(box.options[1]).run()
        assert not page.exception
        assert page.metric[3].value != everything, key
        box = page.selectbox(key=f"patterns_{key}")
        box.select(box.options[0]).run()
    assert page.metric[3].value == everything
    months = page.select_slider(key="patterns_months")
    months.set_range(months.options[3], months.options[5]).run()
    assert page.metric[3].value != everything
    page.segmented_control(key="patterns_measure").set_value("minutes").run()
    assert not page.exception
    assert page.metric[3].label == "Minutes"


def test_mistakes_are_kept_out_of_the_picture_and_said(workspace: Workspace) -> None:
    views = on_disk(make_views(300))
    views.loc[0, ["started_at", "started_local"]] = pd.Timestamp("1985-05-05")
    views.loc[1, "minutes"] = 2400.0
    bad = views.assign(started_local=pd.Timestamp("1970-01-01"), started_at=pd.Timestamp("1970-01-01"))
    for name, rows in (("odd", views), ("hopeless", bad)):
        with DatasetWriter(workspace.datasets / name, name=name, source="a test") as writer:
            writer.add("views", pa.Table.from_pandas(rows, preserve_index=False))
    page = open_page(patterns_hours="12 h")
    page.selectbox(key="data").select("odd").run()
    assert "Not in the picture: plays of which 1 lie before 1990, 1 are longer than a day." in words(page)
    assert page.metric[3].value == "298"
    assert page.metric[2].value.endswith(("am", "pm"))
    page.selectbox(key="data").select("hopeless").run()
    assert not page.exception
    assert "None of the plays of hopeless can be counted" in words(page)


def test_link_with_what_is_not_there_says_so() -> None:
    page = open_page(patterns_device="fridge", patterns_months="1999-01")
    assert "The link asks for fridge" in words(page)
    assert "The link asks for 1999-01" in words(page)
    assert "Saturday and Sunday hold" in words(page)


def test_ratings_are_said_to_be_ratings_and_have_a_zone(workspace: Workspace) -> None:
    # Saturday at three in the morning in London is still Friday in New York.
    at = pd.date_range("2024-01-06 03:00", periods=60, freq="7D").astype("datetime64[us]")
    with DatasetWriter(workspace.datasets / "rated", name="Rated <b>", source="a test") as writer:
        columns = {"viewer_id": range(60), "title_id": [1] * 60, "rated_at": pa.array(at), "stars": [4.0] * 60}
        writer.add("ratings", pa.table(columns))
    page = open_page()
    page.selectbox(key="data").select("rated").run()
    assert not page.exception
    assert "shows when people rate" in words(page)
    assert page.metric[0].value == "100.0 %"
    assert [box.key for box in page.selectbox] == ["patterns_zone", "data"]
    page.selectbox(key="patterns_zone").select("America/New_York").run()
    assert page.metric[0].value == "0.0 %"
    assert "America/New_York" in words(page)


def test_big_datasets_are_counted_by_a_job(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    views = on_disk(make_views(1500))
    with DatasetWriter(workspace.datasets / "big", name="Big", source="a test") as writer:
        writer.add("views", pa.Table.from_pandas(views, preserve_index=False))
    monkeypatch.setattr(patterns, "AT_ONCE", 1000)
    page = open_page()
    page.selectbox(key="data").select("big").run()
    assert "have not been counted yet" in words(page)
    assert page.button(key="patterns_count").label == "Count 1,500 plays"
    assert not page.metric
    patterns.prepare(workspace.dataset("big"), workspace=workspace)
    page.run()
    assert page.metric[3].value == "1,500"


def test_clicks_choose_and_a_second_click_lets_go(monkeypatch: pytest.MonkeyPatch) -> None:
    kept: dict[str, object] = {}
    monkeypatch.setattr(st, "session_state", kept)
    months = ("2024-01", "2024-02", "2024-03")
    for wanted in ({"patterns_genre": "Horror", "patterns_months": ("2024-02", "2024-02")},
                   {"patterns_genre": "All genres", "patterns_months": ("2024-01", "2024-03")}):  # fmt: skip
        ui_patterns.clicked_genre({"customdata": ["Horror"]})
        ui_patterns.clicked_day(months, {"customdata": ["2024-02-11"]})
        assert kept == wanted
    ui_patterns.clicked_hour({"customdata": [4, 20]})
    assert kept["patterns_at"] == "Friday 20:00"


def test_an_hour_in_the_link_shows_its_titles() -> None:
    page = open_page(patterns_at="Friday 20:00", patterns_hours="12 h")
    assert not page.exception
    assert "On Friday from 8 pm to 9 pm there were" in words(page)
    assert any("Share of the hour" in str(frame.proto) for frame in page.dataframe)

"""The page of the calendar: a day is chosen by its link or by a click, and filters count."""

import datetime as dt

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from analysis.workspace import ROOT
from ui import patterns_calendar


def words(app: AppTest) -> str:
    kinds = ("header", "subheader", "markdown", "info", "warning")
    return " ".join(element.value for kind in kinds for element in app.get(kind)).replace("\\", "")


def test_a_link_chooses_a_day_and_filters_count() -> None:
    page = AppTest.from_file(str(ROOT / "app.py"), default_timeout=120).switch_page("pages/explore/calendar.py")
    page.query_params["calendar_day"] = "2025-12-25"
    page.run()
    assert not page.exception
    assert page.date_input(key="calendar_day").value == dt.date(2025, 12, 25)
    assert "Thursday 25 December 2025:" in words(page)
    assert "It is a public holiday" in words(page)
    titles = next(frame.value for frame in page.dataframe if "days_since_release" in frame.value.columns)
    assert titles["share"].is_monotonic_decreasing
    assert "True of the simulated service: Sunday has" in words(page)
    busiest = page.metric[0].value
    page.selectbox(key="calendar_country").select("DE").run()
    assert not page.exception
    assert page.metric[0].value != busiest
    assert "True of the simulated service" not in words(page)


def test_a_click_sets_the_day(monkeypatch: pytest.MonkeyPatch) -> None:
    kept: dict[str, dt.date] = {}
    monkeypatch.setattr(st, "session_state", kept)
    patterns_calendar.clicked({"customdata": ["2025-10-31"]})
    assert kept == {"calendar_day": dt.date(2025, 10, 31)}

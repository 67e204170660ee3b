"""The page of genres and hours: links and clicks choose, hours follow the visitor's clock, truths stand beside."""

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from analysis.workspace import ROOT
from ui import patterns_hours


@pytest.fixture(scope="module")
def page() -> AppTest:
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=120).switch_page("pages/explore/hours.py")
    for key, value in {"weekday": "Sunday", "hour": "9:00", "genre": "Thriller"}.items():
        app.query_params[f"hours_{key}"] = value
    app.query_params["patterns_hours"] = "12 h"
    return app.run()


def words(app: AppTest) -> str:
    kinds = ("header", "subheader", "markdown", "warning")
    return " ".join(element.value for kind in kinds for element in app.get(kind)).replace("\\", "")


def test_a_link_chooses_hour_and_genre_on_a_twelve_hour_clock(page: AppTest) -> None:
    assert not page.exception
    assert "On Sunday from 9 am to 10 am there were" in words(page)
    assert "Thriller: " in words(page)
    assert ":00 on" not in words(page)


def test_late_thrillers_are_sized_beside_the_truth_until_it_is_not_wanted(page: AppTest) -> None:
    assert "Thriller, 21:00 to 23:00 against daytime: 1." in words(page)
    assert "True of the simulated service are" in words(page)
    page.toggle(key="hours_truth").set_value(False).run()
    assert "True of the simulated service" not in words(page)
    assert "Planted" not in words(page)


def test_a_click_on_a_genre_or_on_its_week_sets_the_choices(monkeypatch: pytest.MonkeyPatch) -> None:
    kept: dict[str, str] = {}
    monkeypatch.setattr(st, "session_state", kept)
    patterns_hours.clicked({"customdata": ["Horror", None, 23]})
    assert kept == {"hours_genre": "Horror", "hours_hour": "23:00"}
    patterns_hours.clicked({"customdata": ["Horror", 4, 20]})
    assert kept == {"hours_genre": "Horror", "hours_hour": "20:00", "hours_weekday": "Friday"}

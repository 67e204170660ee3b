"""The page of seasons: a cell is chosen by its link, by its boxes or by a click, and shows its numbers."""

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from analysis.workspace import ROOT
from ui import patterns_seasons


@pytest.fixture(scope="module")
def page() -> AppTest:
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=120).switch_page("pages/explore/seasons.py")
    app.query_params["seasons_genre"], app.query_params["seasons_season"] = "Drama", "May"
    return app.run()


def words(app: AppTest) -> str:
    kinds = ("header", "subheader", "markdown", "warning")
    return " ".join(element.value for kind in kinds for element in app.get(kind)).replace("\\", "")


def test_a_link_chooses_a_cell_and_shows_its_numbers(page: AppTest) -> None:
    assert not page.exception
    assert page.selectbox(key="seasons_genre").value == "Drama"
    assert page.selectbox(key="seasons_season").value == "May"
    assert "In May Drama is watched" in words(page)
    assert "Drama through the year" in words(page)
    table = next(frame.value for frame in page.dataframe if "what" in frame.value.columns)
    assert {"Appetite", "95 % interval", "Explained by supply"} <= set(table["what"])


def test_another_cell_has_other_numbers_and_what_was_planted(page: AppTest) -> None:
    page.selectbox(key="seasons_genre").select("Horror")
    page.selectbox(key="seasons_season").select("October").run()
    assert not page.exception
    assert "In October Horror is watched" in words(page)
    assert "It differs beyond chance" in words(page)
    table = next(frame.value for frame in page.dataframe if "what" in frame.value.columns)
    assert table["what"].str.startswith("Planted in the sample").any()


def test_a_click_sets_both_boxes(monkeypatch: pytest.MonkeyPatch) -> None:
    kept: dict[str, str] = {}
    monkeypatch.setattr(st, "session_state", kept)
    patterns_seasons.clicked({"x": "Oct", "y": "Horror", "customdata": ["Horror", "October", "…"]})
    assert kept == {"seasons_genre": "Horror", "seasons_season": "October"}


def test_what_is_true_stands_beside_the_count_until_it_is_not_wanted() -> None:
    page = AppTest.from_file(str(ROOT / "app.py"), default_timeout=120).switch_page("pages/explore/seasons.py").run()
    assert "Horror, October against the months around: 1." in words(page)
    assert "True of the simulated service are" in words(page)
    page.toggle(key="seasons_truth").set_value(False).run()
    assert not page.exception
    assert "True of the simulated service" not in words(page)
    table = next(frame.value for frame in page.dataframe if "what" in frame.value.columns)
    assert not table["what"].str.startswith("Planted").any()

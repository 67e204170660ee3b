"""The lessons page: every lesson opens, moves, and says what to remember."""

import pytest
from streamlit.testing.v1 import AppTest

from analysis.workspace import ROOT
from ui.experiments_lessons import LESSONS


@pytest.fixture
def page(workspace):
    return AppTest.from_file(str(ROOT / "app.py"), default_timeout=120).switch_page("pages/learn/experiment_lessons.py")


@pytest.mark.parametrize("lesson", LESSONS)
def test_every_lesson_is_simulated_and_moves(page, lesson):
    page.query_params["lesson"] = lesson
    page.run()
    assert not page.exception
    assert not page.error
    assert any(LESSONS[lesson].question in text.value for text in page.markdown)
    before = page.header[0].value
    first = LESSONS[lesson].sliders[0]
    page.select_slider[0].set_value(first.options[-1] if first.value != first.options[-1] else first.options[0]).run()
    assert not page.exception
    assert page.header[0].value != before
    assert any("remember" in heading.value for heading in page.subheader)


def test_sliders_begin_where_they_stand():
    for lesson in LESSONS.values():
        for slider in lesson.sliders:
            assert slider.value in slider.options

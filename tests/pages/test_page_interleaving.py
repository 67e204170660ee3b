"""The interleaving page: two rankers of known quality, and a file of credits."""

import pytest
from streamlit.testing.v1 import AppTest

from analysis.workspace import ROOT

CREDITS = "viewer,old,new\n" + "".join(f"v{i},{i % 3},{i % 3 + (1 if i % 4 else 0)}\n" for i in range(200))


@pytest.fixture
def page(workspace):
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=120)
    return app.switch_page("pages/experiment/interleaving.py").run()


def words(app):
    return " ".join(e.value for kind in ("header", "subheader", "markdown", "info", "error") for e in app.get(kind))


def test_rankers_of_known_quality_are_tried_both_ways(page):
    assert not page.exception
    assert "Interleaving finds the true difference of" in page.header[0].value.replace("\\", "")
    page.select_slider(key="interleaving_b").set_value(0.6).run()
    assert not page.exception
    assert "Both rankers are equally good" in page.header[0].value


def test_a_file_of_credits_is_analysed(page):
    page.segmented_control(key="interleaving_source").set_value("file").run()
    assert "Drop a CSV or Parquet file above" in words(page)
    page.file_uploader(key="interleaving_file").upload("credits.csv", CREDITS.encode(), "text/csv").run()
    assert not page.exception
    assert "100 % prefer new to old" in page.header[0].value.replace("\\", "").replace("\u00a0", " ")
    page.file_uploader(key="interleaving_file").upload("bad.csv", b"viewer,old\n1,2\n2,3\n", "text/csv").run()
    assert "fewer than two number columns" in words(page)

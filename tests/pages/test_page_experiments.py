"""The experiments page, as its visitor uses it."""

import pytest
from streamlit.testing.v1 import AppTest

from analysis.workspace import ROOT

CSV = "user,group,minutes,started\n" + "".join(
    f"{i},{'control' if i % 2 else '<b>new</b>'},{20 + i % 7 + (0 if i % 2 else 4)},{i % 3 == 0:d}\n"
    for i in range(600)
)


@pytest.fixture
def page(workspace):
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=120).run()
    return app.switch_page("pages/experiment/experiments.py").run()


def words(app):
    text = " ".join(e.value for kind in ("header", "subheader", "markdown", "info", "error") for e in app.get(kind))
    # The page escapes Markdown and glues numbers to their units.
    return text.replace("\\", "").replace("\u00a0", " ")


def test_the_samples_experiments_get_their_verdicts(page):
    """Those whose page differs: a broken split, a plan of six weeks, a planned segment, and an early look."""
    assert not page.exception
    for name in ("bigger-previews", "dense-home"):
        page.selectbox(key="experiments_name").select(name).run()
        assert not page.exception
        assert not page.error
        assert [card.label for card in page.metric][1:] == ["Split", "Units", "Runtime"]
        assert "checks that the data allow are fine" in words(page) or "to look at twice" in words(page)
        assert "is better than control with probability" in words(page)
    assert "In truth it reverses: " in words(page)
    page.selectbox(key="experiments_name").select("player-rewrite").run()
    assert "Cannot say. The units are not split as planned" in words(page)
    assert "with probability" not in words(page)
    page.selectbox(key="experiments_name").select("autoplay-countdown").run()
    assert "Roll out treatment" in words(page)
    assert "may fall by 20 % at most" in words(page)
    page.multiselect(key="experiments_more").set_value(["median minutes per viewer", "staying 28 days"]).run()
    assert not page.exception
    assert "The hazard in the treatment is" in words(page)
    page.slider(key="experiments_day_autoplay-countdown").set_value(10).run()
    assert not page.exception
    assert "It has not run its minimum time yet" in words(page)
    assert "always-valid interval" in words(page)
    slider = page.slider(key="experiments_day_autoplay-countdown")
    slider.set_value(slider.max).run()
    before = page.metric[0].delta
    page.toggle(key="experiments_adjusted").set_value(True).run()
    assert page.metric[0].delta != before


def test_a_file_of_units_is_analysed(page):
    page.segmented_control(key="experiments_source").set_value("upload").run()
    assert "Drop a CSV or Parquet file above" in words(page)
    page.file_uploader(key="experiments_files").upload("units.csv", CSV.encode(), "text/csv").run()
    assert not page.exception
    assert "Roll out <b>new</b>. Minutes: 17 % higher" in words(page)
    assert page.metric[2].value == "600"
    (more,) = [m for m in page.multiselect if m.label == "Also compare"]
    more.set_value(["median of minutes", "minutes, capped"]).run()
    assert not page.exception
    metrics = {row for table in page.dataframe for row in table.value.get("Metric", [])}
    assert {"median of minutes", "minutes, capped"} <= metrics


ASSIGNED = "user,variant,assigned_at\n" + "".join(
    f"u{i},{'control' if i % 2 else 'new'},2026-05-{1 + i % 9:02}\n" for i in range(200)
)
EVENTS = "user,happened_at,event,minutes\n" + "".join(
    f"u{i % 200},2026-05-{10 + i % 20:02},{'play' if i % 3 else 'search'},{10 + i % 7 + (0 if i % 2 else 3)}\n"
    for i in range(1_000)
)


def test_two_files_are_joined_as_assignments_and_events(page):
    page.segmented_control(key="experiments_source").set_value("upload").run()
    files = [("log.csv", EVENTS.encode(), "text/csv"), ("who.csv", ASSIGNED.encode(), "text/csv")]
    page.file_uploader(key="experiments_files").set_value(files).run()
    assert not page.exception
    assert not page.error
    assert "who.csv: 200 assignments" in " ".join(c.value for c in page.caption).replace("\\", "")
    metrics = {row for table in page.dataframe for row in table.value.get("Metric", [])}
    assert {"events per unit", "minutes per event", "play per unit", "units with an event"} <= metrics
    (decides,) = [box for box in page.selectbox if box.label == "Metric that decides"]
    decides.select("minutes per event").run()
    assert "Roll out new. Minutes per event" in words(page)
    page.file_uploader(key="experiments_files").set_value([("a.csv", EVENTS.encode(), "text/csv"), files[0]]).run()
    assert "do not belong together" in words(page)


def test_a_bad_file_is_an_error_box_and_no_trace(page):
    page.segmented_control(key="experiments_source").set_value("upload").run()
    bad = CSV.replace("\n5,control,", "\n5,control,many").encode()
    page.file_uploader(key="experiments_files").upload("units.csv", bad, "text/csv").run()
    (outcomes,) = [m for m in page.multiselect if m.label == "Outcomes"]
    outcomes.set_value(["minutes"]).run()
    assert not page.exception
    assert "holds 'many25' in row 6" in words(page)


def test_typed_numbers_are_analysed(page, monkeypatch):
    page.segmented_control(key="experiments_source").set_value("typed").run()
    assert not page.exception
    assert "Type the numbers of two variants at least" in words(page)
    for successes, expected in (
        ([200, 260], "Roll out treatment. Outcome: 29 % higher in treatment than in control"),
        ([200, None], "Type the numbers of two variants at least"),
        ([200, 2000], "Row 2: 2,000 successes in 1,010 units"),
    ):

        def typed(start, successes=successes, **_options):
            return start.assign(units=[1000.0, 1010.0], successes=successes).astype({"successes": "Float64"})

        # The test driver can't type into the editor's cells.
        monkeypatch.setattr("streamlit.data_editor", typed)
        page.run()
        assert not page.exception
        assert expected in words(page)

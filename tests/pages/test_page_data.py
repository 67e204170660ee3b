"""The Data page: what it says of a dataset, and bringing one in by its path."""

import time

import pytest
from streamlit.testing.v1 import AppTest

from analysis import jobs
from analysis.data.importers import import_data
from analysis.workspace import ROOT

WAIT_SECONDS = 60


def page():
    test = AppTest.from_file(str(ROOT / "app.py"), default_timeout=120)
    test.switch_page("pages/start/data.py")
    return test


@pytest.fixture
def plays(tmp_path):
    file = tmp_path / "plays.csv"
    file.write_text(
        "customer,show,when,secs\nanna,Salt,2024-05-01 20:00,600\nbob,Salt,2024-05-02 21:00,1200\nbob,Tide,soon,1\n"
    )
    return file


def give_path(test, path):
    next(w for w in test.button_group if w.key == "data_way").set_value("path").run()
    test.text_input(key="data_path").set_value(str(path)).run()
    return test


def words(test):
    return " ".join(
        element.value for kind in (test.markdown, test.header, test.subheader, test.caption) for element in kind
    )


def test_a_dataset_is_described_with_its_faults(workspace, tmp_path):
    file = tmp_path / "ratings.csv"
    good = "".join(f"1,{film},3,978300000\n" for film in range(5))
    file.write_text("userId,movieId,rating,timestamp\n" + good + "1,9,77,978300000\n")
    import_data(file, name="Small")
    test = page()
    test.query_params["data"] = "small"
    test.run()
    assert not test.exception
    assert not test.error
    cards = {metric.label: metric.value for metric in test.metric}
    assert (cards["Ratings"], cards["Viewers"], cards["Titles"]) == ("5", "1", "5")
    assert "1 row was left out at import" in words(test)
    dropped = next(frame.value for frame in test.dataframe if "reason" in frame.value.columns)
    assert dropped["reason"].to_list() == ["the rating is outside 0.5 to 5"]


def test_two_datasets_of_equal_content_are_told_apart(workspace, plays):
    for name in ("First", "Second"):
        import_data(plays, name=name)
    test = page()
    for name in ("First", "Second"):
        test.query_params["data"] = name.lower()
        test.session_state["data"] = name.lower()
        test.run()
        assert f"{name} holds 2 views" in words(test)


def test_a_wrong_path_is_answered_in_the_error_box(workspace, tmp_path):
    picture = tmp_path / "ratings.csv"
    picture.write_bytes(b"\x89PNG\r\n" + b"\0" * 50)
    test = give_path(page().run(), picture)
    assert not test.exception
    assert len(test.error) == 1
    assert "PNG picture" in test.error[0].value


def test_paths_are_offered_only_while_the_app_serves_this_machine_alone(workspace, monkeypatch):
    import streamlit as st

    real = st.get_option
    monkeypatch.setattr(st, "get_option", lambda name: "0.0.0.0" if name == "server.address" else real(name))
    test = page().run()
    assert not test.exception
    assert "data_way" not in {w.key for w in test.button_group}


def test_a_table_is_mapped_corrected_and_imported_as_a_job(workspace, plays):
    test = give_path(page().run(), plays)
    boxes = {box.label: box for box in test.selectbox}
    assert (boxes["Viewer"].value, boxes["Title"].value, boxes["Time"].value) == ("customer", "show", "when")
    assert boxes["Length watched"].value == "–"
    boxes["Length watched"].set_value("secs").run()
    next(b for b in test.selectbox if b.label == "Unit of the length").set_value("seconds").run()
    next(b for b in test.button if b.label == "Import").click().run()
    assert not test.exception
    assert not test.error
    until = time.monotonic() + WAIT_SECONDS
    while (job := jobs.recent(workspace, "import")[0]).active and time.monotonic() < until:
        time.sleep(0.2)
    assert job.state == "done", job.problem
    test.run()
    assert "Imported plays" in words(test).replace("\\", "")
    views = workspace.dataset("plays").frame("views")
    assert views["minutes"].to_list() == [10.0, 20.0]
    listed = next(f.value for f in test.dataframe if "why" in f.value.columns or "line" in f.value.columns)
    assert listed["line"].to_list() == [4]
    next(b for b in test.button if b.key == "data_show").click().run()
    assert {metric.label: metric.value for metric in test.metric}["Views"] == "2"


def test_a_table_without_a_title_is_not_imported(workspace, tmp_path):
    file = tmp_path / "unknown.csv"
    file.write_text("a,b\n1,2\n2,3\n")
    test = give_path(page().run(), file)
    assert not test.exception
    assert [button.disabled for button in test.button if button.label == "Import"] == [True]


def test_a_damaged_dataset_is_named_once_and_others_can_be_brought(workspace, plays):
    folder = import_data(plays, name="Plays").folder
    part = next((folder / "views").iterdir())
    part.write_bytes(part.read_bytes()[:-20])
    test = page()
    test.query_params["data"] = folder.name
    test.run()
    assert not test.exception
    assert [error.value for error in test.error] == [test.error[0].value]
    assert "is damaged" in test.error[0].value
    assert any(w.key == "data_way" for w in test.button_group)

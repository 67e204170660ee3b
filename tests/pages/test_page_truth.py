"""The page of the known truth, and the toggle that draws the truth on others."""

import pandas as pd
import pyarrow as pa
import pytest
from streamlit.testing.v1 import AppTest

from analysis.data import Dataset, DatasetWriter
from analysis.truth import known, truth_table
from analysis.workspace import ROOT, SAMPLE, Workspace


def open_page(script: str, **query: str) -> AppTest:
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=120).switch_page(script)
    for name, value in query.items():
        app.query_params[name] = value
    return app.run()


def words(app: AppTest) -> str:
    kinds = ("header", "subheader", "markdown", "info", "warning", "error", "caption")
    text = " ".join(e.value for kind in kinds for e in app.get(kind))
    return text.replace("\\", "").replace("\u00a0", " ")


def test_the_sample_is_held_to_its_truth(workspace: Workspace) -> None:
    page = open_page("pages/learn/truth.py")
    assert not page.exception
    assert not page.error
    found = truth_table(Dataset.open(SAMPLE))
    assert found.summary() in words(page)
    assert [card.label for card in page.metric] == [
        "Hold the truth", "Expected to hold", "Farthest off", "Without a promise",
    ]  # fmt: skip
    assert page.metric[0].value == f"{found.covered} of {len(found.promised)}"
    for row in found.missed:
        assert row.name in words(page)
    table = page.dataframe[0].value
    assert len(table) == len(found.promised)
    assert set(table["Interval"]) <= {"holds", "misses"}
    assert (table["Interval"] == "misses").sum() == len(found.missed)
    stars = next(row for row in found.rows if row.name == "mean stars of all plays")
    given = stars.shown(stars.estimate.value)
    assert f"plain answer is {given}, which is {stars.estimate.value - stars.truth:.4g} stars too high" in words(page)
    assert "missing not at random" in words(page)


def test_a_dataset_without_truth_says_how_to_get_one(workspace: Workspace) -> None:
    at = pd.date_range("2024-01-06", periods=40, freq="D").astype("datetime64[us]")
    with DatasetWriter(workspace.datasets / "plain", name="Plain", source="a test") as writer:
        columns = {"viewer_id": range(40), "title_id": [1] * 40, "rated_at": pa.array(at), "stars": [4.0] * 40}
        writer.add("ratings", pa.table(columns))
    page = open_page("pages/learn/truth.py", data="plain")
    assert not page.exception
    assert "Nobody knows the truth behind this dataset" in words(page)
    assert not page.metric


@pytest.mark.parametrize("shown", [True, False])
def test_the_experiments_page_draws_the_truth_where_it_is_wanted(workspace: Workspace, shown: bool) -> None:
    page = open_page("pages/experiment/experiments.py")
    toggle = page.toggle(key="experiments_truth")
    assert toggle.value
    if not shown:
        toggle.set_value(False).run()
    assert not page.exception
    drawn = [chart.proto.spec for chart in page.get("plotly_chart")]
    assert any("True effect of the simulation" in spec for spec in drawn) == shown


def test_the_patterns_page_says_the_truth_of_all_plays_only() -> None:
    # The tests' common workspace: another page may have counted the sample already.
    page = open_page("pages/explore/patterns.py")
    assert not page.exception
    weekend = known(Dataset.open(SAMPLE), "weekend share of plays")
    assert f"True of the simulated service: {100 * weekend:.1f} % of plays fall on the weekend" in words(page)
    drawn = [chart.proto.spec for chart in page.get("plotly_chart")]
    assert sum("truth 1." in spec for spec in drawn) == 1
    page.toggle(key="patterns_truth").set_value(False).run()
    assert "True of the simulated service" not in words(page)
    assert not [chart for chart in page.get("plotly_chart") if "truth 1." in chart.proto.spec]
    page.toggle(key="patterns_truth").set_value(True).run()
    page.selectbox(key="patterns_device").select("tv").run()
    assert not page.exception
    assert "True of the simulated service" not in words(page), "the truth is that of all plays"
    assert not [toggle for toggle in page.toggle if toggle.key == "patterns_truth"]

"""Plans and decisions, as their writer uses them."""

import pytest
from streamlit.testing.v1 import AppTest

from analysis.experiments.registry import Registry
from analysis.workspace import ROOT


@pytest.fixture
def page(workspace):
    return AppTest.from_file(str(ROOT / "app.py"), default_timeout=120).switch_page("pages/experiment/plans.py").run()


def words(app):
    return " ".join(e.value for kind in ("header", "markdown", "error", "warning") for e in app.get(kind))


def button(app, label):
    return next(b for b in app.button if b.label == label)


def test_a_plan_is_written_started_and_reviewed(page, workspace):
    assert not page.exception
    assert "would have" in page.header[0].value
    before = page.metric[1].value
    page.select_slider(key="plans_looks").set_value(3)
    page.select_slider(key="plans_variants").set_value(3).run()
    assert not page.exception
    assert page.metric[1].value != before
    assert "May give up below z of" in {c for table in page.dataframe for c in table.value.columns}
    said = words(page).replace("\\", "")
    assert "a cut of leaving by 20" in said
    assert "by interleaving that 55" in said
    button(page, "Write it down").click().run()
    assert any("Name the experiment" in w.value for w in page.warning)
    page.text_input(key="plans_name").set_value("short-trailers")
    button(page, "Write it down").click().run()
    assert "lacks a hypothesis" in words(page).replace("\\", "")
    page.text_input(key="plans_hypothesis").set_value("Shorter trailers start more plays.")
    page.text_input(key="plans_who").set_value("Anna")
    page.multiselect(key="plans_guards").set_value(["completion rate"])
    button(page, "Write it down").click().run()
    assert not page.exception
    found = Registry(workspace).get("sample", "short-trailers")
    assert (found.status, found.plan.primary) == ("draft", "minutes per viewer")
    assert found.plan.guardrails[0].metric == "completion rate"
    assert found.plan.looks == (1 / 3, 2 / 3, 1.0)
    page.text_input(key="plans_mover").set_value("Anna").run()
    button(page, "Start it").click().run()
    assert Registry(workspace).get("sample", "short-trailers").plan.registered
    button(page, "Ready for review").click().run()
    assert Registry(workspace).get("sample", "short-trailers").status == "ready for review"
    assert not page.exception


def test_a_decision_needs_a_reason_and_goes_into_the_log(workspace):
    page = AppTest.from_file(str(ROOT / "app.py"), default_timeout=120).switch_page("pages/experiment/experiments.py")
    page.query_params["experiments_name"] = "new-home"
    page.run()
    assert not page.exception
    button(page, "Write it into the log").click().run()
    assert any("Choose a decision" in w.value for w in page.warning)
    page.segmented_control(key="experiments_decision").set_value("roll out")
    page.text_input(key="experiments_who").set_value("Ben")
    button(page, "Write it into the log").click().run()
    assert "needs a name and a reason" in words(page)
    page.text_input(key="experiments_why").set_value("a third more minutes")
    button(page, "Write it into the log").click().run()
    assert not page.exception
    line = Registry(workspace).log("sample", "new-home").lines[-1]
    assert (line.who, line.event, line.why) == ("Ben", "roll out", "a third more minutes")
    assert line.found.startswith("Roll out treatment.")
    assert "Ben decided" in words(page).replace("\\", "")

"""The registry: plans before results, a status that only goes forward, a log that is only added to."""

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from analysis.errors import ExperimentError
from analysis.experiments.plan import Guardrail, Plan
from analysis.experiments.registry import LogRecord, Registry
from analysis.workspace import Workspace

PLAN = Plan(primary="minutes", hypothesis="More.", guardrails=(Guardrail("completion", 0.1),), planned_days=28)


@pytest.fixture
def registry(workspace):
    return Registry(workspace)


def test_a_plan_goes_from_draft_to_concluded(registry, workspace):
    assert registry.get("sample", "rows") is None
    draft = registry.write("sample", "rows", PLAN, "Anna")
    assert (draft.status, draft.plan.registered) == ("draft", False)
    changed = registry.write("sample", "rows", Plan("plays", "Fewer.", planned_days=14), "Anna")
    assert changed.plan.primary == "plays"
    running = registry.start("sample", "rows", "Anna")
    assert (running.status, running.plan.registered) == ("running", True)
    with pytest.raises(ExperimentError, match="can’t be changed"):
        registry.write("sample", "rows", PLAN, "Anna")
    registry.saw("sample", "rows", "Ben", "Keep going.")
    assert registry.get("sample", "rows").plan.registered  # looking after the start takes nothing away
    assert registry.decide("sample", "rows", "Ben", "keep going", "too early").status == "running"
    assert registry.review("sample", "rows", "Anna").status == "ready for review"
    done = registry.decide("sample", "rows", "Ben", "roll out", "all of it is a gain", "Roll out treatment.")
    assert done.status == "concluded"
    with pytest.raises(ExperimentError, match="concluded"):
        registry.decide("sample", "rows", "Ben", "stopped", "no")
    # Another process sees the same.
    again = Registry(Workspace(workspace.home))
    assert [line.event for line in again.log("sample", "rows").lines] == [
        "wrote the plan", "wrote the plan", "started", "keep going", "asked for a review", "roll out",
    ]  # fmt: skip
    assert "Ben decided" in again.log().summary()
    assert "because all of it is a gain" in again.log().summary()
    assert [each.name for each in again.all("sample")] == ["rows"]
    assert len(again.log().to_frame()) == 6


def test_a_plan_written_after_a_look_is_not_pre_registered(registry):
    registry.saw("sample", "rows")
    registry.saw("sample", "rows")
    registry.write("sample", "rows", PLAN, "Anna")
    assert not registry.start("sample", "rows", "Anna").plan.registered
    assert [line.event for line in registry.log().lines] == ["looked", "wrote the plan", "started"]


def test_the_log_is_only_added_to(registry, workspace):
    registry.write("sample", "rows", PLAN, "Anna")
    with Session(workspace.database) as session:
        session.scalars(sa.select(LogRecord)).one().who = "Mallory"
        with pytest.raises(ExperimentError, match="can't be changed"):
            session.commit()
    for statement in ("UPDATE experiment_log SET who = 'Mallory'", "DELETE FROM experiment_log"):
        with pytest.raises(sa.exc.IntegrityError, match="only added to"), workspace.database.begin() as connection:
            connection.execute(sa.text(statement))
    assert registry.log().lines[0].who == "Anna"


def test_what_is_missing_is_asked_for(registry):
    with pytest.raises(ExperimentError, match="lacks a primary metric and a hypothesis and an end"):
        registry.write("sample", "rows", Plan(), "Anna")
    with pytest.raises(ExperimentError, match="not said who"):
        registry.write("sample", "rows", PLAN, " ")
    with pytest.raises(ExperimentError, match="no plan of rows"):
        registry.start("sample", "rows", "Anna")
    registry.saw("sample", "other")
    with pytest.raises(ExperimentError, match="no plan of other"):
        registry.start("sample", "other", "Anna")
    assert registry.all() == ()
    with pytest.raises(ExperimentError, match="name and a reason"):
        registry.decide("sample", "rows", "Ben", "roll out", "")
    with pytest.raises(ExperimentError, match="no decision"):
        registry.decide("sample", "rows", "Ben", "maybe", "so")
    assert registry.decide("sample", "rows", "Ben", "stopped", "a fault").status == "concluded"
    assert registry.log("nowhere").summary() == "Nothing has been decided yet."

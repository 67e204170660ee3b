"""Experiments as the workspace keeps them: the plan before the results, the status, and a log of who decided what.

A plan is changed only while it is a draft. Whether it counts as written down before the results follows from the log:
a plan that starts after somebody has looked does not. The log is only added to; the database refuses anything else.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, Session, mapped_column

from analysis.errors import ExperimentError
from analysis.experiments.plan import Plan
from analysis.results import Result
from analysis.workspace import Base, Workspace

if TYPE_CHECKING:
    import pandas as pd

Status = Literal["draft", "running", "ready for review", "concluded"]

Decision = Literal["roll out", "keep going", "do not roll out", "stopped"]


class ExperimentRecord(Base):
    """An experiment as the workspace database keeps it."""

    __tablename__ = "experiments"

    dataset: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(primary_key=True)
    plan: Mapped[dict[str, Any]] = mapped_column(sa.JSON)
    status: Mapped[str]
    seen: Mapped[bool] = mapped_column(default=False)


class LogRecord(Base):
    """One line of the log."""

    __tablename__ = "experiment_log"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    dataset: Mapped[str] = mapped_column(index=True)
    name: Mapped[str] = mapped_column(index=True)
    at: Mapped[str]
    who: Mapped[str]
    event: Mapped[str]
    why: Mapped[str]
    found: Mapped[str]


def _refuse(*_: object) -> None:
    raise ExperimentError("The log of decisions can't be changed.", "Add a line that says what was wrong.")


sa.event.listen(LogRecord, "before_update", _refuse)
sa.event.listen(LogRecord, "before_delete", _refuse)

_GUARDS = tuple(
    f"CREATE TRIGGER IF NOT EXISTS experiment_log_no_{action.lower()} BEFORE {action} ON experiment_log "
    "BEGIN SELECT RAISE(ABORT, 'the log of decisions is only added to'); END"
    for action in ("UPDATE", "DELETE")
)
"""The database itself refuses too, where somebody writes to it past this module."""


@dataclass(frozen=True)
class Registered:
    """One experiment of the registry.

    Attributes:
        dataset: The dataset it belongs to, by its name in the workspace.
        name: Its name there.
        plan: What was written down; marked as such where that was before anybody looked.
        status: Where it stands.
    """

    dataset: str
    name: str
    plan: Plan
    status: Status


@dataclass(frozen=True)
class Line:
    """One line of the log.

    Attributes:
        at: When (UTC).
        who: Who did it.
        dataset: The dataset of the experiment.
        name: The experiment.
        event: What was done: wrote the plan, started, looked, asked for a review, or the decision.
        why: The reason given.
        found: What the results said at that moment.
    """

    at: dt.datetime
    who: str
    dataset: str
    name: str
    event: str
    why: str
    found: str


@dataclass(frozen=True)
class Log(Result):
    """What happened to experiments, oldest first.

    Attributes:
        lines: Lines of the log.
    """

    lines: tuple[Line, ...]

    def to_frame(self) -> pd.DataFrame:
        """One row a line."""
        import pandas as pd

        return pd.DataFrame([dataclasses.asdict(line) for line in self.lines], columns=list(Line.__dataclass_fields__))

    def summary(self) -> str:
        """The last decision."""
        decided = [line for line in self.lines if line.event in get_args(Decision)]
        if not decided:
            return "Nothing has been decided yet."
        last = decided[-1]
        return f"{last.who} decided on {last.at:%d %B %Y}: {last.event} ({last.name}), because {last.why}"


class Registry:
    """The experiments of a workspace."""

    def __init__(self, workspace: Workspace | None = None) -> None:
        self._database = (workspace or Workspace()).database
        if self._database.dialect.name == "sqlite":
            with self._database.begin() as connection:
                for guard in _GUARDS:
                    connection.execute(sa.text(guard))

    def write(self, dataset: str, name: str, plan: Plan, who: str) -> Registered:
        """Write a plan down, or change one that has not started.

        Raises:
            ExperimentError: The experiment has started, or something is not said: the primary metric, the hypothesis,
                the end, or who wrote it.
        """
        lacking = [what for what, value in (("a primary metric", plan.primary), ("a hypothesis", plan.hypothesis),
                                            ("an end in days", plan.planned_days)) if not value]  # fmt: skip
        if lacking:
            raise ExperimentError(f"The plan lacks {' and '.join(lacking)}.", "Say it before the results are seen.")
        with Session(self._database) as session:
            record = session.get(ExperimentRecord, (dataset, name))
            if record is not None and record.status != "draft":
                raise ExperimentError(
                    f"{name} is {record.status}; its plan can’t be changed.", "Plan a new experiment instead."
                )
            stored = dataclasses.replace(plan, registered=False).to_json()
            if record is None:
                record = ExperimentRecord(dataset=dataset, name=name, plan=stored, status="draft", seen=False)
                session.add(record)
            record.plan = stored
            self._add(session, dataset, name, who, "wrote the plan", " ".join(plan.sentences()))
            session.commit()
            return _registered(record)

    def start(self, dataset: str, name: str, who: str) -> Registered:
        """Start an experiment: from now on its plan stands.

        Raises:
            ExperimentError: There is no draft of that name.
        """
        return self._move(dataset, name, who, "started", ("draft",), "running")

    def review(self, dataset: str, name: str, who: str) -> Registered:
        """Say that its planned end is reached.

        Raises:
            ExperimentError: It is not running.
        """
        return self._move(dataset, name, who, "asked for a review", ("running",), "ready for review")

    def saw(self, dataset: str, name: str, who: str = "somebody", found: str = "") -> None:
        """Note that results were shown; before the start, that takes the mark "pre-registered" from the plan."""
        with Session(self._database) as session:
            record = session.get(ExperimentRecord, (dataset, name))
            if record is None:
                record = ExperimentRecord(dataset=dataset, name=name, plan=Plan().to_json(), status="draft", seen=False)
                session.add(record)
            if record.seen or record.status != "draft":
                return
            record.seen = True
            self._add(session, dataset, name, who, "looked", "", found)
            session.commit()

    def decide(self, dataset: str, name: str, who: str, decision: Decision, why: str, found: str = "") -> Registered:
        """Write a decision into the log; all but `keep going` conclude the experiment.

        Args:
            dataset: The dataset of the experiment.
            name: The experiment.
            who: Who decides.
            decision: What is decided.
            why: The reason, in words.
            found: The verdict at that moment.

        Raises:
            ExperimentError: Who or why is missing, the decision is unknown, or the experiment is concluded.
        """
        if decision not in get_args(Decision):
            raise ExperimentError(f"{decision!r} is no decision.", f"Choose from: {', '.join(get_args(Decision))}.")
        if not who.strip() or not why.strip():
            raise ExperimentError("A decision needs a name and a reason.", "Say who decides, and why.")
        with Session(self._database) as session:
            record = session.get(ExperimentRecord, (dataset, name))
            if record is None:
                record = ExperimentRecord(dataset=dataset, name=name, plan=Plan().to_json(), status="draft", seen=True)
                session.add(record)
            if record.status == "concluded":
                raise ExperimentError(f"{name} is concluded.", "Look into the log for the decision and its reason.")
            if decision != "keep going":
                record.status = "concluded"
            self._add(session, dataset, name, who, decision, why, found)
            session.commit()
            return _registered(record)

    def get(self, dataset: str, name: str) -> Registered | None:
        """The experiment of that name, or None where nothing was written down."""
        with Session(self._database) as session:
            record = session.get(ExperimentRecord, (dataset, name))
            return _registered(record) if record is not None else None

    def all(self, dataset: str | None = None) -> tuple[Registered, ...]:
        """All experiments that have a plan, by dataset and name."""
        wanted = sa.select(ExperimentRecord).order_by(ExperimentRecord.dataset, ExperimentRecord.name)
        if dataset is not None:
            wanted = wanted.where(ExperimentRecord.dataset == dataset)
        with Session(self._database) as session:
            found = tuple(_registered(record) for record in session.scalars(wanted))
        return tuple(each for each in found if each.plan.primary or each.status == "concluded")

    def log(self, dataset: str | None = None, name: str | None = None) -> Log:
        """What happened, oldest first."""
        wanted = sa.select(LogRecord).order_by(LogRecord.id)
        if dataset is not None:
            wanted = wanted.where(LogRecord.dataset == dataset)
        if name is not None:
            wanted = wanted.where(LogRecord.name == name)
        with Session(self._database) as session:
            return Log(
                tuple(
                    Line(dt.datetime.fromisoformat(r.at), r.who, r.dataset, r.name, r.event, r.why, r.found)
                    for r in session.scalars(wanted)
                )
            )

    def _move(self, dataset: str, name: str, who: str, event: str, since: tuple[Status, ...], to: Status) -> Registered:
        with Session(self._database) as session:
            record = session.get(ExperimentRecord, (dataset, name))
            if record is None or not record.plan.get("primary"):
                raise ExperimentError(f"There is no plan of {name}.", "Write one down first.")
            if record.status not in since:
                raise ExperimentError(f"{name} is {record.status}, not {' or '.join(since)}.", "Look at its log.")
            record.status = to
            self._add(session, dataset, name, who, event, "")
            session.commit()
            return _registered(record)

    @staticmethod
    def _add(session: Session, dataset: str, name: str, who: str, event: str, why: str, found: str = "") -> None:
        if not who.strip():
            raise ExperimentError("It is not said who did it.", "Give a name.")
        now = dt.datetime.now(dt.UTC).replace(tzinfo=None, microsecond=0)
        session.add(
            LogRecord(
                dataset=dataset, name=name, at=now.isoformat(), who=who.strip(), event=event, why=why, found=found
            )
        )


def _registered(record: ExperimentRecord) -> Registered:
    plan = Plan.from_json(record.plan)
    before = record.status != "draft" and not record.seen and bool(plan.primary)
    status: Status = record.status  # type: ignore[assignment]
    return Registered(record.dataset, record.name, dataclasses.replace(plan, registered=before), status)

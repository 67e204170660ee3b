"""Studies: tunings and learning curves that are kept in the workspace, one record each, with all that was found.

A record is written anew after every trial, so what was found stays when the work is cancelled or killed.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import uuid
from dataclasses import dataclass
from typing import Any

import pandas as pd
import sqlalchemy as sa
from sqlalchemy.orm import Mapped, Session, mapped_column

from analysis.errors import DataError
from analysis.recommend.learning import LearningCurve
from analysis.recommend.tuning import Tuning
from analysis.results import Result
from analysis.workspace import Base, Workspace

Study = Tuning | LearningCurve
KINDS: dict[str, type[Any]] = {"tuning": Tuning, "learning_curve": LearningCurve}
"""Results by the kind that their records have."""


class StudyRecord(Base):
    """One kept study."""

    __tablename__ = "studies"

    id: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(index=True)
    made_at: Mapped[dt.datetime]
    dataset: Mapped[str]
    dataset_hash: Mapped[str] = mapped_column(index=True)
    models: Mapped[str]
    complete: Mapped[bool]
    summary: Mapped[str]
    document: Mapped[dict[str, Any]] = mapped_column(sa.JSON)


@dataclass(frozen=True)
class StudyInfo:
    """What a list of studies shows.

    Attributes:
        id: Name of the study.
        kind: `tuning` or `learning_curve`.
        made_at: When it began, UTC.
        dataset: Name of the dataset.
        models: Names of the models.
        complete: Whether it was not stopped before its end.
        summary: What came out, in a sentence.
    """

    id: str
    kind: str
    made_at: dt.datetime
    dataset: str
    models: tuple[str, ...]
    complete: bool
    summary: str


@dataclass(frozen=True)
class StudyList(Result):
    """Kept studies, newest first."""

    studies: tuple[StudyInfo, ...]

    def to_frame(self) -> pd.DataFrame:
        """One row a study."""
        columns = ["id", "kind", "made_at", "dataset", "models", "complete", "summary"]
        rows = [[s.id, s.kind, s.made_at, s.dataset, ", ".join(s.models), s.complete, s.summary] for s in self.studies]
        return pd.DataFrame(rows, columns=columns)

    def summary(self) -> str:
        """How many studies there are."""
        return f"{len(self.studies)} {'study' if len(self.studies) == 1 else 'studies'}."


class Keeper:
    """Keeps one study as it grows: `tune(…, keep=Keeper(workspace))`; one that goes on is kept under its name."""

    def __init__(self, workspace: Workspace, study_id: str | None = None) -> None:
        self._workspace = workspace
        self.id = study_id or f"{dt.datetime.now(dt.UTC):%Y-%m-%d}-{uuid.uuid4().hex[:8]}"

    def __call__(self, study: Study) -> None:
        """Write what was found so far."""
        kind = next(name for name, one in KINDS.items() if isinstance(study, one))
        record = StudyRecord(
            id=self.id,
            kind=kind,
            made_at=dt.datetime.fromisoformat(study.made_at),
            dataset=study.dataset,
            dataset_hash=study.dataset_hash,
            models=",".join(study.names),
            complete=study.complete,
            summary=study.summary(),
            document=study.to_json(),
        )
        # The work is worth more than the record of a part of it: a database that is busy for long must not end it.
        busy = () if study.complete else (sa.exc.OperationalError,)
        with contextlib.suppress(*busy), Session(self._workspace.database) as session, session.begin():
            session.merge(record)


def keep_study(workspace: Workspace, study: Study) -> str:
    """Keep a study, and give its name."""
    keeper = Keeper(workspace)
    keeper(study)
    return keeper.id


def list_studies(workspace: Workspace, kind: str | None = None, dataset_hash: str | None = None) -> StudyList:
    """Kept studies, newest first, of one kind and dataset or of all."""
    columns = [getattr(StudyRecord, name) for name in StudyInfo.__dataclass_fields__]
    query = sa.select(*columns).order_by(StudyRecord.made_at.desc(), StudyRecord.id)
    if kind is not None:
        query = query.where(StudyRecord.kind == kind)
    if dataset_hash is not None:
        query = query.where(StudyRecord.dataset_hash == dataset_hash)
    with Session(workspace.database) as session:
        rows = session.execute(query).all()
    return StudyList(tuple(StudyInfo(**row._asdict() | {"models": tuple(row.models.split(","))}) for row in rows))


def load_study(workspace: Workspace, study_id: str) -> Study:
    """A kept study.

    Raises:
        DataError: There is none of that name, or it can't be read.
    """
    with Session(workspace.database) as session:
        record = session.get(StudyRecord, study_id)
    if record is None:
        raise DataError(f"There is no study {study_id!r}.", "It may have been deleted; choose another, or start anew.")
    study: Study = KINDS[record.kind].from_json(record.document)
    return study


def delete_study(workspace: Workspace, study_id: str) -> None:
    """Delete a kept study; deleting one that is gone already is no error, as two people may do it at once."""
    with Session(workspace.database) as session, session.begin():
        record = session.get(StudyRecord, study_id)
        if record is not None:
            session.delete(record)

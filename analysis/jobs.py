"""Long work: a job is a subprocess that runs `python -m analysis …`, what a person could type.

Its state and progress are in the workspace database, its output in a folder of its own, so every page, every person
and the next start of the app see the same jobs. A worker holds a lock on a file for as long as it lives; the
operating system lets go of it however the process ends, which is how a killed job is known from a slow one.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, Session, mapped_column

from analysis.errors import JobError, ParameterError, PrimetimeError
from analysis.results import Result
from analysis.workspace import ROOT, Base, Workspace

if TYPE_CHECKING:
    import pandas as pd

KEPT = 50
"""Ended jobs whose record and output are kept."""

REPORT_SECONDS = 0.5
"""Least time between two writes of a worker's progress."""

GRACE_SECONDS = 3.0
"""Time a cancelled worker has to clean up before it is killed."""

ACTIVE = ("queued", "running")

DIED = JobError(
    "Its process ended before the work was done, probably killed or out of memory.",
    "Run it again; if that happens once more, use less data or close other programs.",
)


class JobRecord(Base):
    """A job as the workspace database keeps it."""

    __tablename__ = "jobs"

    id: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(index=True)
    title: Mapped[str]
    argv: Mapped[list[str]] = mapped_column(sa.JSON)
    dataset_hash: Mapped[str]
    state: Mapped[str] = mapped_column(index=True)
    progress: Mapped[float] = mapped_column(default=0.0)
    message: Mapped[str] = mapped_column(default="")
    problem: Mapped[str] = mapped_column(default="")
    remedy: Mapped[str] = mapped_column(default="")
    pid: Mapped[int | None]
    submitted_at: Mapped[float]
    started_at: Mapped[float | None]
    ended_at: Mapped[float | None]


@dataclass(frozen=True)
class Job(Result):
    """A job at one moment.

    Attributes:
        id: Its identifier, also the name of its folder.
        kind: What sort of work it is, for the page that shows it (`fit`, `import`, …).
        title: The work in a few words.
        argv: The words after `python -m analysis`.
        dataset_hash: Content hash of the dataset it works on, or empty.
        state: `queued`, `running`, `done`, `failed` or `cancelled`.
        progress: Share of the work done, 0–1.
        message: What it was doing last.
        problem: What went wrong, or empty.
        remedy: What to do about it, or empty.
        pid: Its process, once it has been started.
        submitted_at: Unix time in seconds.
        started_at: Unix time in seconds, or None while it waits.
        ended_at: Unix time in seconds, or None until it has ended.
        folder: Where its output is.
    """

    id: str
    kind: str
    title: str
    argv: tuple[str, ...]
    dataset_hash: str
    state: str
    progress: float
    message: str
    problem: str
    remedy: str
    pid: int | None
    submitted_at: float
    started_at: float | None
    ended_at: float | None
    folder: Path

    @property
    def active(self) -> bool:
        """Whether it waits or runs."""
        return self.state in ACTIVE

    @property
    def seconds(self) -> float:
        """Time it has run, in seconds; 0 while it waits."""
        if self.started_at is None:
            return 0.0
        return max((self.ended_at or time.time()) - self.started_at, 0.0)

    def result(self) -> dict[str, Any]:
        """The JSON document that its command printed.

        Raises:
            JobError: It has not (or not well) ended.
        """
        lines = _text(self.folder / "stdout").splitlines()
        try:
            document: dict[str, Any] = json.loads(lines[-1])
        except (IndexError, json.JSONDecodeError) as error:
            raise JobError(f"The job “{self.title}” has no result; it is {self.state}.", "Run it again.") from error
        return document

    def log(self, characters: int = 4000) -> str:
        """The last of what its command said on standard error."""
        return _text(self.folder / "stderr", characters)

    def to_frame(self) -> pd.DataFrame:
        """One row: what a person asks about a job."""
        return JobList((self,)).to_frame()

    def summary(self) -> str:
        """The job, its state and how far it is."""
        if self.state == "running":
            return f"{self.title}: running for {self.seconds:.0f} s, {self.progress:.0%} done. {self.message}".strip()
        if self.state == "failed":
            return f"{self.title}: failed. {self.problem} {self.remedy}"
        return f"{self.title}: {self.state}."


@dataclass(frozen=True)
class JobList(Result):
    """Jobs, the newest first.

    Attributes:
        jobs: The jobs.
    """

    jobs: tuple[Job, ...]

    def to_frame(self) -> pd.DataFrame:
        """One row a job."""
        import pandas as pd

        columns = ("id", "kind", "title", "state", "progress", "seconds", "message", "problem", "remedy")
        rows = [[getattr(job, name) for name in columns] for job in self.jobs]
        return pd.DataFrame(rows, columns=list(columns))

    def summary(self) -> str:
        """How many run, wait and have ended."""
        states = [job.state for job in self.jobs]
        running, queued = states.count("running"), states.count("queued")
        return f"{running} running, {queued} waiting, {len(states) - running - queued} ended."


def limit() -> int:
    """How many jobs run at once: `PRIMETIME_JOBS`, or 1 on a small machine and 2 on others.

    Raises:
        ParameterError: `PRIMETIME_JOBS` is not a whole number from 1.
    """
    given = os.environ.get("PRIMETIME_JOBS")
    if given is None:
        return 1 if (os.cpu_count() or 1) < 4 else 2
    if not given.isdecimal() or int(given) < 1:
        raise ParameterError(f"PRIMETIME_JOBS is {given!r}.", "Set it to a whole number from 1, or unset it.")
    return int(given)


def submit(workspace: Workspace, argv: Sequence[str], *, title: str, kind: str, dataset_hash: str = "") -> Job:
    """Queue `python -m analysis <argv>` and start it when there is room.

    While the same command on the same dataset waits or runs, that job is handed back instead of a second one.
    `--json` is added to the command, so that `Job.result()` can read what it printed.
    """
    words = [str(word) for word in argv]
    with _alone(workspace), Session(workspace.database) as session:
        for record in session.scalars(sa.select(JobRecord).where(JobRecord.state.in_(ACTIVE))):
            if record.argv == words and record.dataset_hash == dataset_hash:
                job = _job(workspace, record)
                break
        else:
            record = JobRecord(
                id=uuid.uuid4().hex[:12],
                kind=kind,
                title=title,
                argv=words,
                dataset_hash=dataset_hash,
                state="queued",
                submitted_at=time.time(),
            )
            session.add(record)
            session.commit()
            job = _job(workspace, record)
            _prune(workspace, session)
    return get(workspace, job.id)


def get(workspace: Workspace, job_id: str) -> Job:
    """One job as it is now.

    Raises:
        JobError: There is none of that id.
    """
    pump(workspace)
    return _read(workspace, job_id)


def recent(workspace: Workspace, kind: str | None = None, *, count: int = 20) -> tuple[Job, ...]:
    """The newest jobs, of one kind or of all, as they are now."""
    pump(workspace)
    query = sa.select(JobRecord).order_by(JobRecord.submitted_at.desc(), JobRecord.id).limit(count)
    if kind is not None:
        query = query.where(JobRecord.kind == kind)
    with Session(workspace.database) as session:
        return tuple(_job(workspace, record) for record in session.scalars(query))


def cancel(workspace: Workspace, job_id: str) -> Job:
    """End a job: a waiting one never starts, a running one is stopped with all its processes.

    Raises:
        JobError: There is none of that id.
    """
    with _alone(workspace):
        job = _read(workspace, job_id)
        if job.active:
            _change(workspace, job_id, ACTIVE, state="cancelled", ended_at=time.time(), message="")
        stop = job.state == "running" and job.pid is not None and _lives(job.folder)
        if stop:
            _signal(job, signal.SIGTERM)
    if stop:
        deadline = time.monotonic() + GRACE_SECONDS
        while _lives(job.folder) and time.monotonic() < deadline:
            time.sleep(0.05)
        if _lives(job.folder):
            _signal(job, signal.SIGKILL)
    return get(workspace, job_id)


def forget(workspace: Workspace, job_id: str) -> None:
    """Remove an ended job and its output; one that waits or runs stays."""
    with _alone(workspace), Session(workspace.database) as session:
        record = session.get(JobRecord, job_id)
        if record is not None and record.state not in ACTIVE:
            _remove(workspace, session, record)
            session.commit()


def pump(workspace: Workspace) -> None:
    """Look after the queue: fail the jobs whose process is gone, start waiting ones while fewer than the limit run.

    Safe to call from any number of threads and processes; one at a time gets through.
    """
    with Session(workspace.database) as session:
        if not session.scalar(sa.select(sa.exists().where(JobRecord.state.in_(ACTIVE)))):
            return
    with _alone(workspace), Session(workspace.database) as session:
        running = 0
        for job_id in session.scalars(sa.select(JobRecord.id).where(JobRecord.state == "running")).all():
            if _lives(workspace.jobs / job_id):
                running += 1
            else:
                _fail(workspace, job_id, DIED)
        waiting = sa.select(JobRecord).where(JobRecord.state == "queued").order_by(JobRecord.submitted_at)
        for record in session.scalars(waiting.limit(max(limit() - running, 0))).all():
            _start(workspace, _job(workspace, record))


class Worker:
    """The job's own end of the record, in the process that does the work."""

    def __init__(self, workspace: Workspace, job_id: str) -> None:
        self._workspace = workspace
        self._job_id = job_id
        self._written = 0.0

    def report(self, share: float, message: str) -> None:
        """Write how far the work is, at most every half second."""
        now = time.monotonic()
        if now - self._written < REPORT_SECONDS:
            return
        self._written = now
        # The work is worth more than its progress bar: a database that is busy for long must not end it.
        with contextlib.suppress(sa.exc.OperationalError):
            share = min(max(float(share), 0.0), 1.0)
            _change(self._workspace, self._job_id, ("running",), progress=share, message=message[:500])

    def end(self, problem: PrimetimeError | None) -> None:
        """Write how the work ended."""
        if problem is not None:
            _fail(self._workspace, self._job_id, problem)
        else:
            sys.stdout.flush()
            _change(
                self._workspace,
                self._job_id,
                ("running",),
                state="done",
                progress=1.0,
                message="",
                ended_at=time.time(),
            )


@contextlib.contextmanager
def working(job_id: str) -> Iterator[Worker]:
    """Be the worker of a job; when it ends, the next one is started even if the app is gone."""
    workspace = Workspace()
    # Leaving by an exception lets half-written files be removed on the way out.
    signal.signal(signal.SIGTERM, _stopped)
    # The page that waits for the work should stay quick.
    os.nice(5)
    try:
        yield Worker(workspace, job_id)
    finally:
        pump(workspace)


def _stopped(number: int, _frame: FrameType | None) -> None:
    raise SystemExit(128 + number)


def _start(workspace: Workspace, job: Job) -> None:
    """Start a waiting job's process, or fail the job where the machine refuses; called alone."""
    try:
        process = _process(workspace, job)
    except OSError as error:
        problem = JobError(f"Its process could not be started: {error}.", "Free memory and disk, then run it again.")
        _fail(workspace, job.id, problem, ACTIVE)
        return
    if process is not None:
        _change(workspace, job.id, ("running",), pid=process.pid)
        threading.Thread(target=_wait, args=(process, workspace), name=f"job-{job.id}", daemon=True).start()


def _process(workspace: Workspace, job: Job) -> subprocess.Popen[bytes] | None:
    """The started process of a job, or None where the job waits no more."""
    job.folder.mkdir(parents=True, exist_ok=True)
    with (
        (job.folder / "lock").open("w") as lock,
        (job.folder / "stdout").open("wb") as stdout,
        (job.folder / "stderr").open("wb") as stderr,
    ):
        # The lock belongs to the open file, which the worker inherits: it is held from before the job counts as
        # running until the worker's last process is gone, with no moment in between.
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not _change(workspace, job.id, ("queued",), state="running", started_at=time.time()):
            return None
        words = [*job.argv, "--json"] if "--json" not in job.argv else list(job.argv)
        return subprocess.Popen(
            [sys.executable, "-m", "analysis", *words],
            cwd=ROOT,
            env=os.environ | {"PRIMETIME_HOME": str(workspace.home), "PRIMETIME_JOB": job.id},
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=stderr,
            pass_fds=[lock.fileno()],
            start_new_session=True,
        )


def _wait(process: subprocess.Popen[bytes], workspace: Workspace) -> None:
    """Take the ended process from the system's table, and see to it that the next job starts if it was killed."""
    process.wait()
    if process.returncode and workspace.home.is_dir():
        pump(workspace)


def _signal(job: Job, number: int) -> None:
    """Send a signal to all processes of a job that lives."""
    # The worker leads a session of its own, so its group has its id.
    with contextlib.suppress(ProcessLookupError):
        os.killpg(job.pid or 0, number)


def _lives(folder: Path) -> bool:
    """Whether the worker's lock is held."""
    try:
        with (folder / "lock").open() as lock:
            # A shared lock, so that two who ask at once don't take each other for the worker.
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except FileNotFoundError:
        return False
    return False


@contextlib.contextmanager
def _alone(workspace: Workspace) -> Iterator[None]:
    """Hold the queue's lock: one thread of one process at a time."""
    workspace.jobs.mkdir(parents=True, exist_ok=True)
    with (workspace.jobs / ".queue").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _change(workspace: Workspace, job_id: str, states: Sequence[str], **values: Any) -> bool:
    """Change a job that is in one of `states`; tell whether it was."""
    update = sa.update(JobRecord).where(JobRecord.id == job_id, JobRecord.state.in_(states)).values(**values)
    with workspace.database.begin() as connection:
        return connection.execute(update).rowcount == 1


def _fail(workspace: Workspace, job_id: str, error: PrimetimeError, states: Sequence[str] = ("running",)) -> None:
    values = {"problem": error.problem, "remedy": error.remedy, "ended_at": time.time()}
    _change(workspace, job_id, states, state="failed", **values)


def _prune(workspace: Workspace, session: Session) -> None:
    """Remove all but the newest of the ended jobs; called alone."""
    ended = sa.select(JobRecord).where(JobRecord.state.not_in(ACTIVE)).order_by(JobRecord.submitted_at.desc())
    for record in session.scalars(ended.offset(KEPT)).all():
        _remove(workspace, session, record)
    session.commit()


def _remove(workspace: Workspace, session: Session, record: JobRecord) -> None:
    shutil.rmtree(workspace.jobs / record.id, ignore_errors=True)
    session.delete(record)


def _read(workspace: Workspace, job_id: str) -> Job:
    """The job as the database has it."""
    with Session(workspace.database) as session:
        record = session.get(JobRecord, job_id)
        if record is None:
            raise JobError(f"There is no job {job_id!r}.", "See `python -m analysis jobs list`; old jobs are removed.")
        return _job(workspace, record)


def _job(workspace: Workspace, record: JobRecord) -> Job:
    return Job(
        id=record.id,
        kind=record.kind,
        title=record.title,
        argv=tuple(record.argv),
        dataset_hash=record.dataset_hash,
        state=record.state,
        progress=record.progress,
        message=record.message,
        problem=record.problem,
        remedy=record.remedy,
        pid=record.pid,
        submitted_at=record.submitted_at,
        started_at=record.started_at,
        ended_at=record.ended_at,
        folder=workspace.jobs / record.id,
    )


def _text(file: Path, characters: int | None = None) -> str:
    """A file's text, or its last characters; empty where there is none."""
    if not file.is_file():
        return ""
    with file.open("rb") as stream:
        if characters is not None:
            stream.seek(max(file.stat().st_size - characters, 0))
        return stream.read().decode("utf-8", errors="replace")

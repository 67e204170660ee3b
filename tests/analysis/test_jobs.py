"""Jobs are real processes here, as short as a command line's start; none is made up for the tests."""

import os
import signal
import subprocess
import sys
import time

import pytest

from analysis import jobs
from analysis.errors import JobError, ParameterError
from analysis.workspace import ROOT

GOOD = ["jobs", "list", "--count", "3"]
BAD = ["jobs", "cancel", "nowhere"]


@pytest.fixture(autouse=True)
def _nothing_left_running(workspace, monkeypatch):
    monkeypatch.setenv("PRIMETIME_JOBS", "1")
    yield
    for job in jobs.recent(workspace):
        if job.active:
            jobs.cancel(workspace, job.id)


def submit(workspace, argv, **more):
    return jobs.submit(workspace, argv, title=" ".join(argv), kind="test", **more)


def wait(workspace, *ids, seconds=60):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = [jobs.get(workspace, job_id) for job_id in ids]
        if not any(job.active for job in found):
            return found if len(found) > 1 else found[0]
        time.sleep(0.1)
    raise AssertionError([job.summary() for job in found])


def gone(pid):
    """Whether a process is neither running nor a zombie; the thread that waits for it may need a moment."""
    for _ in range(100):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.05)
    return False


def test_a_job_runs_the_command_and_keeps_what_it_printed(workspace):
    started = submit(workspace, GOOD, dataset_hash="abc")
    assert started.active
    done = wait(workspace, started.id)
    assert (done.state, done.progress, done.dataset_hash, done.argv) == ("done", 1.0, "abc", tuple(GOOD))
    # The job saw itself running: what it printed is what the command prints.
    assert done.result()["rows"][0]["id"] == done.id
    assert done.result()["rows"][0]["state"] == "running"
    assert done.seconds > 0
    assert done.summary() == "jobs list --count 3: done."


def test_a_failing_command_tells_its_problem_and_remedy(workspace):
    failed = wait(workspace, submit(workspace, BAD).id)
    assert failed.state == "failed"
    assert failed.problem == "There is no job 'nowhere'."
    assert "jobs list" in failed.remedy
    assert "There is no job 'nowhere'." in failed.log()
    assert failed.result() == {"error": {"problem": failed.problem, "remedy": failed.remedy}}


def test_a_command_that_does_not_exist_fails_too(workspace):
    failed = wait(workspace, submit(workspace, ["nonsense"]).id)
    assert failed.state == "failed"
    assert "nonsense" in failed.problem


def test_a_killed_job_fails_clearly_while_another_finishes(workspace, monkeypatch):
    monkeypatch.setenv("PRIMETIME_JOBS", "2")
    killed, other = submit(workspace, GOOD), submit(workspace, [*GOOD, "--kind", "test"])
    assert killed.state == other.state == "running"
    os.kill(killed.pid, signal.SIGKILL)
    killed, other = wait(workspace, killed.id, other.id)
    assert killed.state == "failed"
    assert killed.problem == jobs.DIED.problem
    assert "Run it again" in killed.remedy
    with pytest.raises(JobError, match="has no result"):
        killed.result()
    assert other.state == "done"


def test_the_next_job_starts_when_one_is_killed_and_nobody_looks(workspace):
    killed, waiting = submit(workspace, GOOD), submit(workspace, [*GOOD, "--kind", "test"])
    assert (killed.state, waiting.state) == ("running", "queued")
    os.kill(killed.pid, signal.SIGKILL)
    stdout = waiting.folder / "stdout"
    deadline = time.monotonic() + 60
    # Files, not `jobs.get`, which would itself look after the queue.
    while not (stdout.is_file() and stdout.read_text()):
        assert time.monotonic() < deadline, "the waiting job was not started"
        time.sleep(0.1)
    assert wait(workspace, waiting.id).state == "done"


def test_cancel_stops_a_running_job_and_drops_a_waiting_one(workspace):
    running, waiting = submit(workspace, GOOD), submit(workspace, [*GOOD, "--kind", "test"])
    assert jobs.cancel(workspace, waiting.id).state == "cancelled"
    assert jobs.cancel(workspace, running.id).state == "cancelled"
    assert not jobs._lives(running.folder)
    assert not waiting.folder.exists()
    assert gone(running.pid)
    # An ended job stays as it ended.
    assert jobs.cancel(workspace, running.id).state == "cancelled"


def test_no_more_run_at_once_than_the_limit(workspace, monkeypatch):
    monkeypatch.setenv("PRIMETIME_JOBS", "2")
    ids = [submit(workspace, ["jobs", "cancel", str(n)]).id for n in range(4)]
    most = 0
    found = jobs.recent(workspace)
    while any(job.active for job in found):
        most = max(most, sum(job.state == "running" for job in found))
        time.sleep(0.05)
        found = jobs.recent(workspace)
    assert most == 2
    ended = [jobs.get(workspace, job_id) for job_id in ids]
    assert [job.state for job in ended] == ["failed"] * 4
    # First come, first served.
    assert [job.started_at for job in ended] == sorted(job.started_at for job in ended)


def test_the_same_command_twice_is_one_job(workspace):
    first = submit(workspace, GOOD)
    assert submit(workspace, GOOD).id == first.id
    assert submit(workspace, GOOD, dataset_hash="another").id != first.id


def test_two_processes_that_look_after_the_queue_start_a_job_once(workspace, monkeypatch):
    blocker = submit(workspace, GOOD)
    waiting = [submit(workspace, ["jobs", "cancel", str(n)]).id for n in range(3)]
    script = (
        "import sys\n"
        "from analysis import jobs\n"
        "from analysis.workspace import Workspace\n"
        "start = jobs._start\n"
        "jobs._start = lambda workspace, job: (print(job.id), start(workspace, job))\n"
        "workspace = Workspace()\n"
        "sys.stdin.readline()\n"
        "for _ in range(20):\n"
        "    jobs.pump(workspace)\n"
    )
    monkeypatch.setenv("PRIMETIME_JOBS", "4")
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True, "cwd": ROOT}
    pumps = [subprocess.Popen([sys.executable, "-c", script], **pipes) for _ in range(2)]
    # Both are ready before either begins; this process only reads the folder until then.
    for pump in pumps:
        pump.stdin.write("go\n")
        pump.stdin.flush()
    started = [line for pump in pumps for line in pump.communicate(timeout=60)[0].split()]
    assert len(started) == len(set(started))
    assert set(started) <= set(waiting)
    blocker, *others = wait(workspace, blocker.id, *waiting)
    assert blocker.state == "done"
    assert {job.problem for job in others} == {f"There is no job '{n}'." for n in range(3)}


def test_jobs_outlive_the_process_that_submitted_them(workspace):
    script = (
        "from analysis import jobs\n"
        "from analysis.workspace import Workspace\n"
        f"for argv in ({GOOD!r}, {BAD!r}):\n"
        "    print(jobs.submit(Workspace(), argv, title='x', kind='test').id)\n"
    )
    printed = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    first, second = wait(workspace, *printed.stdout.split())
    assert (first.state, second.state) == ("done", "failed")


def test_progress_is_written_seldom_and_the_end_always(workspace, monkeypatch):
    job = submit(workspace, GOOD)
    written = []
    change = jobs._change
    monkeypatch.setattr(jobs, "_change", lambda *args, **values: written.append(values) or change(*args, **values))
    worker = jobs.Worker(workspace, job.id)
    for step in range(1000):
        worker.report(step / 1000, f"step {step}")
    assert len(written) < 5
    assert jobs._read(workspace, job.id).message == "step 0"
    worker.report(5.0, "not written so soon")
    wait(workspace, job.id)
    monkeypatch.setattr(jobs, "REPORT_SECONDS", 0.0)
    worker.report(0.5, "too late")
    assert jobs._read(workspace, job.id).progress == 1.0


def test_old_jobs_are_removed(workspace, monkeypatch):
    monkeypatch.setattr(jobs, "KEPT", 1)
    old = wait(workspace, submit(workspace, BAD).id)
    new = wait(workspace, submit(workspace, [*BAD, "--json"]).id)
    submit(workspace, GOOD)
    assert not old.folder.exists()
    assert new.folder.exists()
    with pytest.raises(JobError, match="There is no job"):
        jobs.get(workspace, old.id)


def test_forgetting_removes_what_has_ended_only(workspace):
    job = submit(workspace, BAD)
    jobs.forget(workspace, job.id)
    wait(workspace, job.id)
    jobs.forget(workspace, job.id)
    assert jobs.recent(workspace) == ()


@pytest.mark.parametrize("value", ["0", "many", "-1", ""])
def test_a_bad_limit_is_refused(monkeypatch, value):
    monkeypatch.setenv("PRIMETIME_JOBS", value)
    with pytest.raises(ParameterError, match="PRIMETIME_JOBS"):
        jobs.limit()


def test_a_job_whose_folder_cannot_be_written_fails_and_says_why(workspace, monkeypatch):
    def full(*_args, **_kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(jobs.subprocess, "Popen", full)
    failed = submit(workspace, GOOD)
    assert failed.state == "failed"
    assert "No space left on device" in failed.problem
    monkeypatch.undo()
    monkeypatch.setattr(jobs, "_process", full)
    # Not even its folder could be made: it must not wait for ever, and hold up the others.
    failed = submit(workspace, BAD)
    assert failed.state == "failed"

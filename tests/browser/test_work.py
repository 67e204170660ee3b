"""What people do: bring a dataset, train models, reload, and see a killed job fail while another one finishes."""

import io
import os
import signal
import time
import zipfile

import numpy as np
import pytest

from analysis import jobs
from analysis.workspace import Workspace
from scripts.server import settle

pytestmark = pytest.mark.browser

PATIENCE = 180_000
"""Milliseconds; a job is a process of its own, and the machine may be busy."""


def movietweetings() -> bytes:
    """A zip in MovieTweetings' layout: 400 ratings of 40 people, made here."""
    rng = np.random.default_rng(20130228)
    pairs = rng.choice(40 * 50, size=400, replace=False)
    times = 1362062307 + np.sort(rng.integers(0, 180 * 86400, 400))
    ratings = [
        f"{pair // 50 + 1}::{1_000_000 + pair % 50}::{stars}::{at}"
        for pair, stars, at in zip(pairs, rng.integers(1, 11, 400), times, strict=True)
    ]
    movies = [f"{1_000_000 + n}::A film of number {n} ({1980 + n % 40})::Drama|Crime" for n in range(50)]
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("tiny/ratings.dat", "\n".join(ratings) + "\n")
        archive.writestr("tiny/movies.dat", "\n".join(movies) + "\n")
    return out.getvalue()


def wait_for(what, seconds=PATIENCE / 1000):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = what()
        if found:
            return found
        time.sleep(0.2)
    raise AssertionError(f"waited {seconds:.0f} s in vain")


@pytest.fixture
def imported(server, visit):
    """The tiny dataset, brought in through the Data page once for all tests; its name in the workspace."""
    workspace = Workspace(server.log.parent)
    if not (workspace.datasets / "tiny").exists():
        page = visit(f"{server.url}/data")
        page.get_by_role("tab", name="Bring data").click()
        page.locator('input[type="file"]').set_input_files(
            {"name": "tiny.zip", "mimeType": "application/zip", "buffer": movietweetings()}
        )
        page.get_by_text("MovieTweetings").first.wait_for(timeout=PATIENCE)
        name = page.get_by_label("Name of the dataset")
        name.fill("Tiny")
        name.press("Enter")
        settle(page)
        page.get_by_role("button", name="Import", exact=False).last.click()
        wait_for(lambda: (workspace.datasets / "tiny").exists())
        # The page sees by itself that the job has ended, and offers the dataset.
        page.get_by_role("button", name="Show this dataset on every page").click(timeout=PATIENCE)
        page.wait_for_url("**data=tiny**", timeout=PATIENCE)
    return "tiny"


def test_an_uploaded_zip_becomes_a_dataset_that_pages_show(imported, server, visit):
    page = visit(f"{server.url}/patterns?data={imported}")
    text = page.locator('[data-testid="stMain"]').inner_text()
    assert "Tiny" in text
    assert "400" in text
    assert "data=tiny" in page.url


def test_a_killed_job_fails_clearly_while_another_finishes(imported, server, visit):
    workspace = Workspace(server.log.parent)

    def newest(state):
        return next((job for job in jobs.recent(workspace, "train") if job.state == state), None)

    page = visit(f"{server.url}/train")
    # The sample carries a run, so the form is folded away.
    page.get_by_text("Train models", exact=True).click()
    page.get_by_role("button", name="Train and compare").click()
    first = wait_for(lambda: newest("running"))
    assert first.pid is not None
    # Held where it is, so that it can't end before the reload, the second job and the kill have come, however slowly.
    os.kill(first.pid, signal.SIGSTOP)
    panel = page.locator(f".st-key-job_{first.id}")
    panel.wait_for(timeout=PATIENCE)

    page.reload()
    settle(page)
    panel.wait_for(timeout=PATIENCE)
    assert first.title in panel.inner_text()

    other = visit(f"{server.url}/train?data={imported}")
    other.get_by_role("button", name="Train and compare").click()
    second = wait_for(lambda: newest("queued"))

    os.kill(first.pid, signal.SIGKILL)
    page.get_by_text(jobs.DIED.problem).wait_for(timeout=PATIENCE)
    assert "failed" in panel.inner_text()
    assert jobs.DIED.remedy in panel.inner_text()

    wait_for(lambda: not jobs.get(workspace, second.id).active)
    assert jobs.get(workspace, second.id).state == "done", jobs.get(workspace, second.id).log()
    # The page that watched it shows its result without being asked.
    other.get_by_text("Leaderboard", exact=True).wait_for(timeout=PATIENCE)

    page.get_by_role("button", name="Dismiss").click()
    panel.wait_for(state="detached", timeout=PATIENCE)

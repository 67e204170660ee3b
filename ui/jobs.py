"""Long work on a page: start it, watch it, stop it.

    jobs.submit_button("Fit", ["train", "--data", "sample"], title="Fit five models", kind="fit", key="train_fit")
    jobs.panel("fit")

A job belongs to the workspace, not to the visit: a reload, another browser and the next start of the app show it.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from functools import partial

import streamlit as st

from analysis import jobs
from analysis.errors import PrimetimeError
from ui import state
from ui.story import error_box, guard
from ui.text import escape

POLL_SECONDS = 1.0
"""Time between two looks at a running job; a page with nothing running does not look."""

FAILED_SHOWN_SECONDS = 24 * 3600
"""A failure stays on the page for a day, or until it is dismissed."""


def submit_button(
    label: str,
    argv: Sequence[str],
    *,
    title: str,
    kind: str,
    key: str,
    dataset_hash: str = "",
    disabled: bool = False,
    help: str | None = None,
) -> bool:
    """A button that starts `python -m analysis <argv>` as a job; put it above the `panel` of its kind.

    Returns:
        Whether it was pressed in this run.
    """
    pressed = st.button(label, type="primary", icon=":material/play_arrow:", key=key, disabled=disabled, help=help)
    if pressed:
        start(argv, title=title, kind=kind, dataset_hash=dataset_hash)
    return pressed


def start(argv: Sequence[str], *, title: str, kind: str, dataset_hash: str = "") -> jobs.Job | None:
    """Start a job (after a form's button, say); a problem is shown in the error box."""
    try:
        return jobs.submit(state.workspace(), argv, title=title, kind=kind, dataset_hash=dataset_hash)
    except PrimetimeError as error:
        error_box(error)
        return None


def panel(kind: str, *, dataset_hash: str | None = None) -> tuple[jobs.Job, ...]:
    """Show the jobs of a kind that wait, run or have failed, and keep them up to date while they go on.

    When one ends, the page runs once more, so that its results appear.

    Args:
        kind: The kind that was given when the jobs were started.
        dataset_hash: Only jobs on this dataset; None for all.

    Returns:
        The jobs that wait or run.
    """
    for title in st.session_state.pop(f"jobs_{kind}_done", ()):
        st.toast(f"{escape(title)}: done.", icon=":material/check:")
    active = tuple(job for job in _found(kind, dataset_hash) if job.active)
    watched = frozenset(job.id for job in active)
    show = guard(partial(_show, kind, dataset_hash, watched))
    st.fragment(show, run_every=POLL_SECONDS if active else None)()
    return active


def _found(kind: str, dataset_hash: str | None) -> list[jobs.Job]:
    found = jobs.recent(state.workspace(), kind)
    return [job for job in found if dataset_hash in (None, job.dataset_hash)]


def _show(kind: str, dataset_hash: str | None, watched: frozenset[str]) -> None:
    found = _found(kind, dataset_hash)
    ended = [job for job in found if job.id in watched and not job.active]
    if ended:
        st.session_state[f"jobs_{kind}_done"] = [job.title for job in ended if job.state == "done"]
        st.rerun()
    for job in found:
        if job.active:
            _active(job)
        elif job.state == "failed" and time.time() - (job.ended_at or 0) < FAILED_SHOWN_SECONDS:
            _failed(job)


def _active(job: jobs.Job) -> None:
    with st.container(border=True, key=f"job_{job.id}"):
        with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
            st.markdown(f"**{escape(job.title)}**")
            st.button("Cancel", key=f"job_cancel_{job.id}", icon=":material/stop:", on_click=_cancel, args=(job.id,))
        if job.state == "queued":
            st.caption("Waiting for another job to end.")
        else:
            st.progress(job.progress, text=f"{escape(job.message) or 'Starting'} · {duration(job.seconds)}")


def _failed(job: jobs.Job) -> None:
    with st.container(key=f"job_{job.id}"):
        st.error(
            f"{escape(job.problem)}\n\n{escape(job.remedy)}",
            title=f"{escape(job.title)}: failed",
            icon=":material/error:",
        )
        with st.container(horizontal=True, vertical_alignment="center"):
            with st.popover("Log", icon=":material/terminal:"):
                st.code(job.log() or "It said nothing.", language=None, wrap_lines=True)
            st.button("Dismiss", key=f"job_dismiss_{job.id}", on_click=_dismiss, args=(job.id,))


def _cancel(job_id: str) -> None:
    jobs.cancel(state.workspace(), job_id)


def _dismiss(job_id: str) -> None:
    jobs.forget(state.workspace(), job_id)


def duration(seconds: float) -> str:
    """A time in words.

    >>> duration(8.4), duration(95)
    ('8 s', '1 min 35 s')
    """
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"

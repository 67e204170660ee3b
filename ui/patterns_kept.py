"""Small tables of a large dataset are counted by a job before a page shows them."""

from __future__ import annotations

import streamlit as st

from analysis.patterns import AT_ONCE
from analysis.patterns.insights import ready
from ui import jobs, state
from ui.story import Story


def count_first(story: Story, part: str) -> None:
    """Offer to count a large dataset by a job, and stop the page until that is done.

    Args:
        story: The page.
        part: Of `analysis.patterns.insights.INSIGHTS`.
    """
    dataset = story.dataset
    if max(dataset.info.rows("views"), dataset.info.rows("ratings")) <= AT_ONCE:
        return
    if ready(dataset, part, workspace=state.workspace()):
        return
    story.empty("This part of the dataset has not been counted yet.", "It is done once and then kept.")
    jobs.submit_button(
        f"Count {part}",
        ["insights", part, "--data", state.current_key()],
        title=f"Count {part} of {dataset.name}",
        kind="insights",
        key=f"insights_{part}",
        dataset_hash=dataset.content_hash,
    )
    jobs.panel("insights", dataset_hash=dataset.content_hash)
    st.stop()

"""Interleaving on the page: a simulation with rankers of known quality, or a file of credits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import streamlit as st

from analysis.experiments import files
from analysis.experiments.interleaving import Preference, read_credits
from analysis.experiments.sensitivity import Sensitivity, sensitivity
from analysis.experiments.words import number, p_value, percent
from ui.experiments_files import on_disk
from ui.story import Card, Story, Tone

if TYPE_CHECKING:
    from streamlit.runtime.uploaded_file_manager import UploadedFile

SOURCES = {"simulated": "Rankers of known quality", "file": "A file of credits"}
QUALITIES = [round(0.05 * i, 2) for i in range(20)]
VIEWERS = [50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000]
LENGTHS = [3, 5, 10, 20]


def source() -> str:
    """Ask whether to simulate or to read a file."""
    return st.segmented_control(
        "Where are the rankers?",
        list(SOURCES),
        format_func=SOURCES.get,
        default="simulated",
        required=True,
        key="interleaving_source",
        bind="query-params",
    )


def simulate() -> Sensitivity:
    """Ask for two rankers, and try them."""
    with st.grid(4, min_column_width=190):
        a = _slide("Ranker A knows tastes", QUALITIES, 0.6, "interleaving_a", "Correlation of its scores with tastes.")
        b = _slide("Ranker B knows tastes", QUALITIES, 0.7, "interleaving_b", "Set it to A’s to see false alarms.")
        viewers = _slide("Viewers", VIEWERS, 1_000, "interleaving_viewers", "In all, whichever way it is tried.")
        length = _slide("Length of the list", LENGTHS, 10, "interleaving_length", "Places that a viewer sees.")
    return _simulated(float(a), float(b), int(viewers), int(length))


def _slide(label: str, options: Sequence[float], value: float, key: str, help: str) -> float:
    return st.select_slider(
        label, options, value=value, key=key, bind="query-params", help=help, format_func=lambda x: f"{x:,}"
    )


@st.cache_data(max_entries=128, ttl=3600, show_spinner=False)
def _simulated(a: float, b: float, viewers: int, length: int) -> Sensitivity:
    return sensitivity(a, b, viewers, length=length)


def simulated_cards(found: Sensitivity) -> list[Card]:
    """One experiment, tried both ways."""
    credit, parted = found.shared.credit, found.parted
    lift = parted.relative
    return [
        Card("True lift of B", percent(found.true_lift), "Plays per viewer, each list shown alone to everybody."),
        Card(
            "Interleaving", f"{number(found.shared.share_b.estimate * 100, 2)} %", "Prefer B, of those who prefer one.",
            p_value(credit.p_value),
        ),
        Card(
            "A/B test", percent(lift.estimate) if lift else "unknown", "Lift of B in plays per viewer.",
            p_value(parted.p_value),
        ),
    ]  # fmt: skip


def credit_cards(found: Preference) -> list[Card]:
    """What a file of credits says."""
    share = found.share_b
    return [
        Card(f"Prefer {found.names[1]}", percent(share.estimate, sign=False), "Of viewers with a preference.",
             f"{percent(share.low, sign=False)} to {percent(share.high, sign=False)}"),
        Card("Credit", f"{number(found.credit.estimate)}", "Mean difference a viewer.", p_value(found.credit.p_value)),
        Card("Viewers", f"{found.wins_a + found.wins_b + found.ties:,}", None, f"{found.ties:,} without preference"),
    ]  # fmt: skip


def tone(found: Preference) -> Tone:
    """The tone of the verdict: only a clear preference is one."""
    if found.share_b.p_value >= 0.05 or found.credit.p_value >= 0.05:
        return "unsure"
    return "better" if found.credit.estimate > 0 else "worse"


def upload(story: Story) -> Preference | None:
    """Ask for a file of credits; None where there is none yet."""
    given = st.file_uploader(
        "A table with one row a viewer", type=["csv", "tsv", "txt", "parquet"], key="interleaving_file"
    )
    if given is None:
        story.empty(
            "Drop a CSV or Parquet file above.",
            "One row a viewer, with two number columns: what they chose (plays, minutes) of the titles that ranker A "
            "put into the shared list, and of those of ranker B.",
        )
        return None
    proposal = _proposal(given.file_id, given)
    numbers = [c.name for c in proposal.columns if c.kind == "number" and c.name != proposal.unit]
    if len(numbers) < 2:
        story.empty("The file has fewer than two number columns.", "Bring one for each ranker.")
        return None
    with st.grid(2, min_column_width=220):
        a = st.selectbox("Ranker A", numbers, key=f"interleaving_a_{given.file_id}")
        b = st.selectbox("Ranker B", [n for n in numbers if n != a], key=f"interleaving_b_{given.file_id}")
    return _credits(given.file_id, str(a), str(b), given)


@st.cache_resource(max_entries=8, ttl=3600, show_spinner="Reading the file")
def _proposal(file_id: str, _given: UploadedFile) -> files.Proposal:
    with on_disk([_given]) as paths:
        return files.propose(paths[0])


@st.cache_resource(max_entries=8, ttl=3600, show_spinner="Reading the file")
def _credits(file_id: str, a: str, b: str, _given: UploadedFile) -> Preference:
    with on_disk([_given]) as paths:
        return read_credits(paths[0], a, b)

"""Plans and decisions on the page: what the registry holds, a form for a new plan, and one for a decision."""

from __future__ import annotations

from typing import get_args

import pandas as pd
import streamlit as st

from analysis.data import Dataset
from analysis.errors import PrimetimeError
from analysis.experiments import reach, viewing
from analysis.experiments.plan import Guardrail, Plan
from analysis.experiments.registry import Decision, Registered, Registry
from analysis.experiments.report import ExperimentReport
from ui import state
from ui.story import Story, error_box
from ui.text import escape

METRICS = [name for name, kind, _ in viewing.METRICS if kind != "proportion"]
GUARDS = [name for name, _, _ in viewing.METRICS]
LENGTHS = [7, 14, 21, 28, 42, 56]


@st.cache_resource(max_entries=4)
def _registry(home: str) -> Registry:
    return Registry(state.workspace())


def registry() -> Registry:
    """The registry of this server's workspace."""
    return _registry(str(state.workspace().home))


@st.cache_resource(max_entries=32, ttl=3600, show_spinner="Counting viewers")
def _reach(_dataset: Dataset, content: str, metric: str, days: int) -> reach.Reach:
    return reach.reach(_dataset, metric, days=days)


def forecast(dataset: Dataset, metric: str, days: int) -> reach.Reach:
    """What an experiment of so many days on all viewers would find."""
    return _reach(dataset, dataset.content_hash, metric, days)


def question() -> tuple[str, int]:
    """Ask what is to be measured, and for how long."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        metric = st.selectbox("Metric", METRICS, key="plans_metric", bind="query-params")
        days = st.select_slider("Longest experiment (days)", LENGTHS, value=28, key="plans_days", bind="query-params")
    return metric, days


def write(story: Story, metric: str, days: int) -> None:
    """The form that writes a plan down."""
    with st.form("plans_new", clear_on_submit=False):
        name = st.text_input("Name", key="plans_name", placeholder="bigger-buttons", max_chars=60)
        hypothesis = st.text_input(
            "Hypothesis", key="plans_hypothesis", placeholder="Bigger buttons make people start sooner.", max_chars=300
        )
        guards = st.multiselect("Guardrails", [m for m in GUARDS if m != metric], key="plans_guards")
        with st.grid(3, min_column_width=180):
            margin = st.number_input("Largest loss tolerated (%)", 0.1, 99.0, 5.0, 0.5, key="plans_margin")
            worth = st.number_input("Smallest lift worth having (%)", 0.0, 100.0, 0.0, 0.5, key="plans_worth")
            looks = st.number_input("Planned looks", 1, 10, 1, key="plans_looks")
        rule = st.text_input(
            "Decision rule",
            "Roll out when the whole interval is a gain and no guardrail suffers; otherwise keep what there is.",
            key="plans_rule",
            max_chars=300,
        )
        who = st.text_input("Written by", key="plans_who", max_chars=60)
        st.caption(f"It decides by {escape(metric)} after {days} days, as chosen above.")
        if not st.form_submit_button("Write it down", icon=":material/edit_note:"):
            return
    try:
        if not name.strip():
            st.warning("Name the experiment.")
            return
        plan = Plan(
            primary=metric,
            hypothesis=hypothesis.strip(),
            guardrails=tuple(Guardrail(guard, margin / 100) for guard in guards),
            worth=worth / 100,
            planned_days=float(days),
            looks=tuple((i + 1) / looks for i in range(int(looks))),
            rule=rule.strip(),
        )
        registry().write(state.current_key(), name.strip(), plan, who)
        st.rerun()
    except PrimetimeError as error:
        error_box(error)


def table(found: tuple[Registered, ...]) -> pd.DataFrame:
    """The experiments that have a plan."""
    return pd.DataFrame(
        [
            {
                "Experiment": each.name,
                "Status": each.status,
                "Pre-registered": "yes" if each.plan.registered else "not yet" if each.status == "draft" else "no",
                "Decides": each.plan.primary,
                "Days": each.plan.planned_days,
                "Guardrails": ", ".join(g.metric for g in each.plan.guardrails),
            }
            for each in found
        ]
    )


def move(found: tuple[Registered, ...]) -> None:
    """Start a draft, or ask for the review of what runs."""
    open_ = [each for each in found if each.status in ("draft", "running")]
    if not open_:
        return
    with st.container(horizontal=True, vertical_alignment="bottom"):
        name = st.selectbox("Experiment", [each.name for each in open_], key="plans_chosen")
        who = st.text_input("Your name", key="plans_mover", max_chars=60)
        chosen = next(each for each in open_ if each.name == name)
        label = "Start it" if chosen.status == "draft" else "Ready for review"
        if st.button(label, key="plans_move", disabled=not who.strip()):
            act = registry().start if chosen.status == "draft" else registry().review
            act(chosen.dataset, chosen.name, who)
            st.rerun()
    if chosen.status == "draft":
        st.caption("From the start on the plan can’t be changed.")


def planned(dataset_key: str, name: str) -> Plan | None:
    """The plan of a dataset's experiment that has started, or None."""
    found = registry().get(dataset_key, name)
    return found.plan if found is not None and found.status != "draft" and found.plan.primary else None


def decide(story: Story, report: ExperimentReport) -> None:
    """The log of one experiment, and the form that adds a decision to it."""
    key, name = state.current_key(), report.experiment.name
    found = registry().get(key, name)
    log = registry().log(key, name)
    story.heading("Decision")
    if log.lines:
        story.text(log.summary())
    else:
        story.text("Nothing has been decided yet.")
    if found is not None and found.status == "concluded":
        return
    with st.expander("Decide", icon=":material/gavel:"), st.form("experiments_decide", border=False):
        choice = st.segmented_control(
            "Decision", list(get_args(Decision)), default=None, key="experiments_decision", format_func=str.capitalize
        )
        why = st.text_input("Why", key="experiments_why", max_chars=300)
        who = st.text_input("Who", key="experiments_who", max_chars=60)
        st.caption("It goes into a log that is only added to, together with the verdict above.")
        if st.form_submit_button("Write it into the log", icon=":material/edit_note:"):
            try:
                if choice is None:
                    st.warning("Choose a decision.")
                    return
                registry().decide(key, name, who, choice, why, report.summary())
                st.rerun()
            except PrimetimeError as error:
                error_box(error)

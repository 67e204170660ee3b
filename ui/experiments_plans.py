"""Plans and decisions on the page: what the registry holds, a form for a new plan, and one for a decision."""

from __future__ import annotations

from dataclasses import dataclass
from typing import get_args

import pandas as pd
import streamlit as st

from analysis.data import Dataset
from analysis.errors import PrimetimeError
from analysis.experiments import futility, reach, sizes, viewing
from analysis.experiments.plan import DESIGN, Guardrail, Plan
from analysis.experiments.registry import Decision, Registered, Registry
from analysis.experiments.report import ExperimentReport
from analysis.experiments.words import percent, plural
from ui import state
from ui.story import Card, Story, error_box
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


@dataclass(frozen=True)
class Design:
    """What is asked of the forecast."""

    metric: str
    days: int
    variants: int
    looks: int
    explained: float

    @property
    def information(self) -> tuple[float, ...]:
        """Evenly spaced looks, as shares of the planned days."""
        return tuple((i + 1) / self.looks for i in range(self.looks))


@st.cache_resource(max_entries=32, ttl=3600, show_spinner="Counting viewers")
def _reach(_dataset: Dataset, content: str, design: Design) -> reach.Reach:
    alpha = 0.05 / (design.variants - 1)
    inflation = reach.looks_cost(design.information, DESIGN, alpha=alpha) if design.looks > 1 else 1.0
    return reach.reach(
        _dataset,
        design.metric,
        days=design.days,
        variants=design.variants,
        alpha=alpha,
        explained=design.explained,
        inflation=inflation,
    )


def forecast(dataset: Dataset, design: Design) -> reach.Reach:
    """What an experiment of so many days on all viewers would find."""
    return _reach(dataset, dataset.content_hash, design)


def question() -> Design:
    """Ask what is to be measured, for how long, and how."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        metric = st.selectbox("Metric", METRICS, key="plans_metric", bind="query-params")
        days = st.select_slider("Longest experiment (days)", LENGTHS, value=28, key="plans_days", bind="query-params")
    with st.grid(3, min_column_width=200):
        variants = st.select_slider(
            "Variants", [2, 3, 4, 5, 6], value=2, key="plans_variants", bind="query-params",
            help="The control among them. Each treatment’s level is that of Bonferroni’s correction.",
        )  # fmt: skip
        looks = st.select_slider(
            "Planned looks", list(range(1, 11)), value=1, key="plans_looks", bind="query-params",
            help="Looking on the way costs units, but may end it sooner.",
        )  # fmt: skip
        explained = st.select_slider(
            "Explained by viewing before", [0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7], value=0.0, key="plans_explained",
            bind="query-params", format_func=lambda share: f"{share:.0%}",
            help="Share of the variance that the adjustment (CUPED) takes out; the experiments page says what it was.",
        )  # fmt: skip
    return Design(metric, days, variants, looks, explained)


def cards(found: reach.Reach, design: Design) -> list[Card]:
    """Viewers, and what they could tell."""
    lift, margin, week = (
        percent(share, sign=False)
        for share in (found.lifts[-1], found.margins[-1], found.lifts[min(6, len(found.lifts) - 1)])
    )
    days = plural(design.days, "day")
    return [
        Card("Viewers", f"{found.viewers[-1]:,}", "Different viewers who come within these days.", days),
        Card("Detectable lift", lift, "Found four times in five.", f"of {design.metric}"),
        Card("After one week", week, "Detectable lift after seven days."),
        Card("Loss ruled out", margin, "Shown four times in five for a change that is just as good.", days),
    ]


@st.cache_resource(max_entries=32, ttl=3600, show_spinner=False)
def _bounds(design: Design) -> futility.Futility:
    return futility.futility(design.information, DESIGN, alpha=0.025 / (design.variants - 1))


def looks(story: Story, design: Design) -> None:
    """When each look falls, above which z one stops with an effect and below which one may give up."""
    if design.looks < 2:
        return
    found = _bounds(design)
    story.heading("At each look")
    story.text(found.summary())
    frame = found.to_frame().assign(day=[share * design.days for share in design.information])
    names = {
        "day": "Day",
        "critical_z": "Stop at z of",
        "nominal_p": "One-sided p",
        "futile_z": "May give up below z of",
        "given_up_without_effect": "Given up by then, without an effect",
    }
    story.table(
        frame[list(names)].rename(columns=names),
        key="plans_bounds",
        alt="Boundaries of each planned look",
        columns={
            "Day": st.column_config.NumberColumn(format="%.0f"),
            "Stop at z of": st.column_config.NumberColumn(format="%.3f"),
            "One-sided p": st.column_config.NumberColumn(format="%.5f"),
            "May give up below z of": st.column_config.NumberColumn(format="%.3f"),
            "Given up by then, without an effect": st.column_config.NumberColumn(format="percent"),
        },
    )


def others(story: Story, accrual: tuple[int, ...]) -> None:
    """What other questions take: fewer who leave, and which of two rankers is preferred."""
    story.heading("Other questions")
    with st.grid(2, min_column_width=260):
        with st.container():
            cut = st.select_slider(
                "Fewer who leave", [0.05, 0.1, 0.2, 0.3, 0.5], value=0.2, key="plans_cut", bind="query-params",
                format_func=lambda share: f"{share:.0%}",
            )  # fmt: skip
        with st.container():
            share = st.select_slider(
                "Prefer the better ranker", [0.51, 0.52, 0.55, 0.6, 0.7], value=0.55, key="plans_share",
                bind="query-params", format_func=lambda share: f"{share:.0%}",
                help="Of the viewers who prefer either when both share one list; a third are taken to prefer neither.",
            )  # fmt: skip
    try:
        staying, _ = _staying(story.dataset, story.dataset.content_hash)
        story.text(sizes.size_of_leaving(staying, cut, accrual).summary())
    except PrimetimeError as error:
        story.text(error.problem)
    story.text(sizes.size_of_preference(share, 1 / 3, accrual).summary())


@st.cache_resource(max_entries=8, ttl=3600, show_spinner=False)
def _staying(_dataset: Dataset, content: str) -> tuple[float, int]:
    return sizes.staying_share(_dataset)


def write(story: Story, design: Design) -> None:
    """The form that writes a plan down."""
    metric, days = design.metric, design.days
    with st.form("plans_new", clear_on_submit=False):
        name = st.text_input("Name", key="plans_name", placeholder="bigger-buttons", max_chars=60)
        hypothesis = st.text_input(
            "Hypothesis", key="plans_hypothesis", placeholder="Bigger buttons make people start sooner.", max_chars=300
        )
        guards = st.multiselect("Guardrails", [m for m in GUARDS if m != metric], key="plans_guards")
        with st.grid(2, min_column_width=180):
            margin = st.number_input("Largest loss tolerated (%)", 0.1, 99.0, 5.0, 0.5, key="plans_margin")
            worth = st.number_input("Smallest lift worth having (%)", 0.0, 100.0, 0.0, 0.5, key="plans_worth")
        rule = st.text_input(
            "Decision rule",
            "Roll out when the whole interval is a gain and no guardrail suffers; otherwise keep what there is.",
            key="plans_rule",
            max_chars=300,
        )
        who = st.text_input("Written by", key="plans_who", max_chars=60)
        st.caption(
            f"It decides by {escape(metric)} after {days} days, with {plural(design.looks, 'look')}, as chosen above."
        )
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
            looks=design.information,
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

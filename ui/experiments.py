"""What the experiments page asks for: where the experiment comes from, and how to judge it."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
import streamlit as st

from analysis.data import Dataset
from analysis.experiments import sources, viewing
from analysis.experiments.belief import belief
from analysis.experiments.experiment import Experiment
from analysis.experiments.plan import Guardrail, Plan
from analysis.experiments.report import ExperimentReport
from analysis.experiments.viewing_units import MORE_METRICS, says_who_left
from analysis.experiments.words import number, p_value, percent, plural
from ui import experiments_files, experiments_plans, state
from ui.charts import experiments_more as more_charts
from ui.glossary import define
from ui.story import Card, Story, Tone
from ui.text import count, escape

SOURCES = {"dataset": "This dataset", "upload": "A file", "typed": "Typed numbers"}
FORMS = {"successes": "Successes of units", "means": "Means and variances"}
CONFIDENCE = {0.9: "90 %", 0.95: "95 %", 0.99: "99 %"}
TONES: Mapping[str, Tone] = {"roll out": "better", "do not roll out": "worse"}
BADGES: Mapping[str, tuple[Any, str]] = {
    "roll out": ("blue", ":material/rocket_launch:"),
    "do not roll out": ("orange", ":material/block:"),
    "keep going": ("gray", ":material/hourglass_empty:"),
    "cannot say": ("gray", ":material/help:"),
}


def choose(story: Story) -> Experiment | None:
    """Ask where the experiment comes from, and read it; None where there is nothing to read yet, which is said."""
    source = st.segmented_control(
        "Where is the experiment?",
        list(SOURCES),
        format_func=SOURCES.get,
        default="dataset",
        required=True,
        key="experiments_source",
        bind="query-params",
    )
    if source != "dataset":
        st.caption("The dataset chosen in the sidebar plays no part here.")
    if source == "upload":
        return experiments_files.upload(story)
    return _typed(story) if source == "typed" else _of_dataset(story)


def settings(experiment: Experiment) -> dict[str, Any]:
    """Ask how to judge it: the arguments of `analyse`, as the plan has them where there is one."""
    names = [metric.name for metric in experiment.metrics]
    plan = experiment.plan or Plan()
    # Each planned experiment has its own choice, so that one's primary metric is not carried to the next.
    key = f"experiments_primary_{experiment.name}" if experiment.plan else "experiments_primary"
    with st.container(horizontal=True, vertical_alignment="bottom"):
        asked = st.query_params.get(key)
        if asked is not None and asked not in names:
            st.warning(f"The link asks for the metric {escape(asked)}, which is not here. {escape(names[0])} is used.")
        primary = st.selectbox(
            "Metric that decides",
            names,
            index=names.index(plan.primary) if plan.primary in names else 0,
            key=key,
            bind="query-params",
            help="Choose it before you look: picking the best of many afterwards finds effects that are not there.",
        )
        confidence = st.segmented_control(
            "Confidence",
            list(CONFIDENCE),
            format_func=CONFIDENCE.get,
            default=0.95,
            required=True,
            key="experiments_confidence",
            bind="query-params",
            help=define("95 % interval"),
        )
        worth = st.number_input(
            "Smallest lift worth having (%)",
            min_value=0.0,
            max_value=100.0,
            value=0.0,
            step=0.5,
            key="experiments_worth",
            bind="query-params",
            help="Where even the best end of the interval is below this, the answer is no. 0 for any gain.",
        )
    if experiment.plan is None:
        plan = dataclasses.replace(plan, guardrails=_guardrails([name for name in names if name != primary]))
    return {"plan": plan, "primary": primary, "confidence": confidence, "worth": worth / 100}


def _guardrails(others: Sequence[str]) -> tuple[Guardrail, ...]:
    """Ask which metrics must not suffer, for an experiment that has no plan."""
    if not others:
        return ()
    with st.container(horizontal=True, vertical_alignment="bottom"):
        chosen = st.multiselect(
            "Guardrails",
            others,
            key="experiments_guardrails",
            help="Metrics that must not suffer, whatever the deciding one gains.",
        )
        margin = st.number_input(
            "Largest loss tolerated (%)",
            min_value=0.1,
            max_value=99.0,
            value=5.0,
            step=0.5,
            key="experiments_margin",
            help="A guardrail is kept when its whole interval stays above this loss.",
        )
    return tuple(Guardrail(name, margin / 100) for name in chosen)


def plan(story: Story, report: ExperimentReport) -> None:
    """What was written down beforehand, or that nothing was."""
    if report.plan.registered:
        story.heading("What was written down beforehand")
        story.text(" ".join(report.plan.sentences()))
    elif report.experiment.plan is not None:
        story.text("This departs from the plan, so it counts as not pre-registered.")


def as_of(experiment: Experiment, last: dt.date) -> dt.date | None:
    """Ask how far to look, as one would have on an earlier day; None for the end."""
    total = round(experiment.days or 0)
    if total < 3:
        return None
    day = st.slider(
        "Look after so many days",
        2,
        total,
        total,
        key=f"experiments_day_{experiment.name}",
        bind="query-params",
        help="What somebody would have seen on that day. A look that nobody planned gets the wider interval.",
    )
    return None if day == total else last - dt.timedelta(days=total - day)


def cards(report: ExperimentReport) -> list[Card]:
    """The health strip: effect, split, units, runtime."""
    experiment, comparison = report.experiment, report.reading.comparison
    effect, note = "unknown", None
    if comparison is not None and not comparison.problem:
        lift, difference = comparison.relative, comparison.absolute
        effect = percent(lift.estimate) if lift else number(difference.estimate)
        low, high = (
            (percent(lift.low), percent(lift.high)) if lift else (number(difference.low), number(difference.high))
        )
        note = f"{low} to {high}"
    days = "unknown" if experiment.days is None else plural(round(experiment.days), "day")
    split = "broken" if report.split.failed else "as planned"
    return [
        Card(report.primary.capitalize(), effect, define("95 % interval"), note),
        Card("Split", split, define("sample-ratio mismatch"), p_value(report.split.p_value)),
        Card("Units", count(sum(experiment.units.values())), None, plural(len(experiment.units), "variant")),
        Card("Runtime", days, "A whole week at least: people watch differently at weekends."),
    ]


STATES: Mapping[str, tuple[Any, str]] = {
    "fine": ("blue", ":material/check:"),
    "look twice": ("gray", ":material/visibility:"),
    "broken": ("orange", ":material/report:"),
    "unknown": ("gray", ":material/help:"),
}


def health(story: Story, report: ExperimentReport) -> None:
    """The health strip: a badge a check with what was found, and which of them are not fine."""
    with st.container(horizontal=True, gap="xsmall", key="experiments_health"):
        for check in report.health.checks:
            colour, icon = STATES[check.state]
            st.badge(f"{check.name}: {check.state}", icon=icon, color=colour, help=escape(check.text))
    story.text(f"Health: {report.health.summary()}")


def exposed(story: Story, report: ExperimentReport) -> None:
    """When units came."""
    found = report.experiment.observed.exposure
    if found is not None and len(found.dates) > 1:
        story.chart(more_charts.exposure(found), key="experiments_exposure", alt=found.summary())


def beside(story: Story, report: ExperimentReport) -> None:
    """What to believe of the effect, and who stays."""
    believed = belief(report)
    if believed is not None:
        story.chart(more_charts.density(believed), key="experiments_density", alt=believed.summary())
        story.text(believed.summary())
    curves, control = report.experiment.survival, report.experiment.control
    if curves and control is not None:
        said = " ".join(f"{name}: {each.summary()}" for name, each in curves.items())
        story.chart(more_charts.staying(curves, control), key="experiments_staying", alt=said)
        story.text(said)


def badge(report: ExperimentReport) -> None:
    """The decision as a badge."""
    colour, icon = BADGES[report.verdict.badge]
    st.badge(report.verdict.badge.capitalize(), icon=icon, color=colour)


def variants_table(report: ExperimentReport) -> pd.DataFrame:
    """The table per variant as the page shows it."""
    names = {
        "metric": "Metric",
        "variant": "Variant",
        "units": "Units",
        "numerator": "Sum",
        "denominator": "Over",
        "mean": "Value",
        "mean_low": "From",
        "mean_high": "To",
        "missing": "Missing",
    }
    table = report.variants_frame()[list(names)].rename(columns=names)
    return table if table["Missing"].any() else table.drop(columns="Missing")


def code(report: ExperimentReport) -> str:
    """Python that reproduces the report."""
    if report.plan == report.experiment.plan:
        imports, how = "", ""
    else:
        given = {
            field.name: getattr(report.plan, field.name)
            for field in dataclasses.fields(report.plan)
            if getattr(report.plan, field.name) != field.default
        }
        imports = "from analysis.experiments.plan import Guardrail, Plan\n"
        how = f", plan=Plan({', '.join(f'{name}={value!r}' for name, value in given.items())})"
    show = "print(report.summary())\nprint(report.to_frame())\n"
    return f"{imports}{report.experiment.code}report = analyse(experiment{how})\n{show}"


@st.cache_resource(max_entries=64, ttl=3600, show_spinner="Joining assignments and views")
def _read(
    _dataset: Dataset, content: str, name: str, adjusted: bool, more: tuple[str, ...], until: dt.date | None
) -> Experiment:
    return viewing.read_experiment(_dataset, name, adjusted=adjusted, more=more, until=until)


@st.cache_resource(max_entries=64, ttl=3600, show_spinner=False)
def _last_day(_dataset: Dataset, content: str, name: str) -> dt.date:
    return viewing.last_day(_dataset, name)


@st.cache_resource(max_entries=16, ttl=3600, show_spinner=False)
def _list(_dataset: Dataset, content: str) -> viewing.ExperimentList:
    return viewing.list_experiments(_dataset)


def _of_dataset(story: Story) -> Experiment | None:
    dataset = story.dataset
    names = _list(dataset, dataset.content_hash).names if dataset.has("views") else ()
    if not names:
        story.empty(
            f"{escape(dataset.name)} holds no experiments (tables assignments and views).",
            "Bring a table of units or type numbers above, or choose another dataset in the sidebar.",
        )
        return None
    asked = st.query_params.get("experiments_name")
    if asked is not None and asked not in names:
        st.warning(f"The link asks for the experiment {escape(asked)}, which is not in this dataset.")
    with st.container(horizontal=True, vertical_alignment="bottom"):
        name = st.selectbox("Experiment", names, key="experiments_name", bind="query-params")
        adjusted = st.toggle(
            "Adjust for viewing before",
            key="experiments_adjusted",
            bind="query-params",
            help="CUPED: what a viewer watched in the 28 days before explains much of what they watch now. Taking it "
            "out narrows the interval and favours nobody.",
        )
        more = tuple(
            st.multiselect(
                "Also compare",
                [m for m in MORE_METRICS if "staying" not in m or says_who_left(dataset)],
                key="experiments_more",
                bind="query-params",
                help="Medians and a capped mean, which no single heavy viewer can carry, and who stays subscribed.",
            )
        )
    whole = _planned(_read(dataset, dataset.content_hash, name, adjusted, more, None))
    last = _last_day(dataset, dataset.content_hash, name)
    until = as_of(whole, last)
    st.session_state["experiments_until"] = until
    return whole if until is None else _planned(_read(dataset, dataset.content_hash, name, adjusted, more, until))


def _planned(experiment: Experiment) -> Experiment:
    """The experiment with the plan that the registry holds, where it has none of its own."""
    if experiment.plan is not None:
        return experiment
    plan = experiments_plans.planned(state.current_key(), experiment.name)
    names = {metric.name for metric in experiment.metrics}
    if plan is None or not {plan.primary, *(g.metric for g in plan.guardrails)} <= names:
        experiments_plans.registry().saw(state.current_key(), experiment.name)
        return experiment
    return dataclasses.replace(experiment, plan=plan)


def _typed(story: Story) -> Experiment | None:
    form = st.segmented_control(
        "What is known of each variant?",
        list(FORMS),
        format_func=FORMS.get,
        default="successes",
        required=True,
        key="experiments_form",
        bind="query-params",
    )
    numbers = ["successes"] if form == "successes" else ["mean", "standard_deviation"]
    rows = len(_EXAMPLE)
    start = pd.DataFrame({"variant": _EXAMPLE} | {c: [None] * rows for c in ["units", *numbers]})
    config = {
        "variant": st.column_config.TextColumn("Variant"),
        "units": st.column_config.NumberColumn("Units", min_value=1, step=1),
    }
    config |= {
        c: st.column_config.NumberColumn(c.replace("_", " ").capitalize(), min_value=0 if c != "mean" else None)
        for c in numbers
    }
    table = st.data_editor(
        start.astype(dict.fromkeys(["units", *numbers], "Float64")),
        key=f"experiments_table_{form}",
        column_config=config,
        num_rows="dynamic",
        hide_index=True,
        alt="Numbers of each variant, to be typed in",
    )
    with st.container(horizontal=True, vertical_alignment="bottom"):
        days = st.number_input("Days it ran", min_value=0.0, value=None, step=1.0, key="experiments_days")
        less = st.toggle("Less is better", key="experiments_less")
    filled = table.dropna(how="all", subset=["units", *numbers])
    if len(table.dropna(subset=["units", *numbers])) < 2:
        story.empty("Type the numbers of two variants at least.", "Add a row for each further variant.")
        return None
    return sources.experiment_of_summary(filled, days=days, lower_is_better=["outcome"] if less else [])


_EXAMPLE = ("control", "treatment")


def of_dataset() -> bool:
    """Whether the experiment shown is one of the dataset's own."""
    return st.session_state.get("experiments_source", "dataset") == "dataset"

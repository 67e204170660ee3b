"""The lower part of the experiments page: the course of one experiment of a dataset, cached for all visitors."""

from __future__ import annotations

import datetime as dt

import streamlit as st

from analysis.data import Dataset
from analysis.errors import ExperimentError
from analysis.experiments import planner, segments, timeline
from analysis.experiments.experiment import Experiment
from analysis.experiments.report import ExperimentReport
from analysis.experiments.words import p_value, percent
from ui import experiments as room
from ui.charts import experiments_detail as charts
from ui.story import Story

TARGETS = [0.01, 0.02, 0.03, 0.05, 0.08, 0.1, 0.15, 0.2]


@st.cache_resource(max_entries=64, ttl=3600, show_spinner="Going through the days")
def _course(_dataset: Dataset, content: str, _experiment: Experiment, name: str, metric: str, until: dt.date | None):  # type: ignore[no-untyped-def]
    return timeline.timeline(_dataset, _experiment, metric, until=until)


@st.cache_resource(max_entries=64, ttl=3600, show_spinner="Going through the weeks")
def _weeks(_dataset: Dataset, content: str, _experiment: Experiment, name: str, metric: str, until: dt.date | None):  # type: ignore[no-untyped-def]
    return segments.by_week(_dataset, _experiment, metric, until=until)


def differs(report: ExperimentReport) -> bool:
    """Whether the effect is not the same in all segments, so that they belong above the rest."""
    return report.segments is not None and any(test.found for test in report.segments.interactions)


def by_segment(story: Story, report: ExperimentReport) -> None:
    """The effect by segment, whether it differs, and the truth where it is known."""
    found = report.segments
    if found is None or not found.segments:
        return
    # The switch that hides the truth empties it.
    known = room.of_dataset() and report.experiment.truth
    true = segments.true_lifts(story.dataset, report.experiment, found.metric) if known else {}
    story.chart(charts.segments(found, true), key="experiments_segments", alt=found.summary())
    story.text(found.summary())
    if true:
        told = ", ".join(f"{percent(lift)} for {value}" for (_, value), lift in true.items())
        turned = min(true.values()) < 0 < max(true.values())
        story.text(f"{'In truth it reverses' if turned else 'True effects'}: {told}.")
    planned = [segments.spoken(t.column) for t in found.interactions if t.planned]
    asked = f"Only {' and '.join(planned)} was asked about beforehand. " if planned else "None was asked about before. "
    story.text(
        f"{asked}Of the others, a difference is called one below p = .01 only, corrected for their number: one of "
        "twenty segments stands out by chance alone."
    )


def show(story: Story, report: ExperimentReport, until: dt.date | None) -> None:
    """Lift over time, what is new, and the outlook; what can't be followed is said."""
    experiment, metric = report.experiment, report.primary
    own = room.of_dataset()
    if not own and experiment.daily is None:
        return
    try:
        key = (story.dataset, story.dataset.content_hash, experiment, experiment.name, metric, until)
        course = _course(*key) if own else timeline.course_of(experiment, metric)
        by_week = _weeks(*key) if own else None
    except ExperimentError as error:
        story.text(f"{error.problem} {error.remedy}")
        return
    known = experiment.truth.get(metric)
    looks = _looks(report, course.days[0].date)
    story.chart(
        charts.course(course, looks, known[1] if known else None), key="experiments_course", alt=course.summary()
    )
    story.text(course.summary())
    story.text(
        f"Checked every day, the split has {p_value(course.days[-1].split_p)} (a check that may be looked at daily)."
    )
    if by_week is not None and len(by_week.weeks) > 1:
        story.chart(charts.weeks(by_week), key="experiments_weeks", alt=by_week.summary())
        story.text(by_week.summary())
    _outlook(story, course)


def _looks(report: ExperimentReport, start: dt.date) -> list[dt.date]:
    """Days of the planned looks."""
    planned = report.plan.planned_days
    if planned is None or not report.plan.registered:
        return []
    return [start + dt.timedelta(days=round(share * planned)) for share in report.plan.looks]


def _outlook(story: Story, course: timeline.Timeline) -> None:
    story.heading("How long would it take?")
    lift = st.select_slider(
        "Lift to be found",
        TARGETS,
        value=0.05,
        format_func=lambda share: f"{share:.0%}",
        key="experiments_target",
        bind="query-params",
    )
    try:
        found = planner.outlook(course, lift)
    except ExperimentError as error:
        story.text(f"{error.problem} {error.remedy}")
        return
    story.text(found.summary())
    if len(found.curve) > 1:
        story.chart(charts.outlook(found), key="experiments_outlook", alt=found.summary())

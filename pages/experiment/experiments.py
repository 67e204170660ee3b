"""Experiments: is the new version better, and should it be rolled out?"""

import streamlit as st

from analysis.experiments.report import analyse
from ui import experiments as room
from ui import experiments_detail as detail
from ui import experiments_plans as plans
from ui import truth
from ui.charts import experiments as charts
from ui.story import Story

MEANS = (
    "The interval is the answer: it holds the effects that fit the data. All of it above zero is a gain, all of it "
    "below a loss; with zero inside, nobody can tell yet. The p-value says how often a difference this large would "
    "appear without any effect; it is not the chance that the variant is better. A broken split comes first: then the "
    "variants hold different people, and no number below means anything."
)
COMPUTED = (
    "Means and ratios: Welch’s test of moments that one query sums up, ratios by the delta method; the interval of "
    "the lift is Fieller’s. Proportions: the pooled two-proportion z-test, with Mee’s interval of the difference and "
    "Koopman’s of the lift. Each interval inverts its test, so interval and p-value never contradict each other. More "
    "than two variants: one test over all (Pearson’s χ², or Welch’s F), then pairs with Holm’s p-values and "
    "Bonferroni’s intervals. Split: χ² against the planned shares, broken below p = .001. A guardrail is kept when "
    "its whole interval stays within the margin. All of this is for one look at a moment fixed beforehand; a look that "
    "was planned before the end has the group-sequential interval, one that nobody planned a confidence sequence."
)
COLUMNS = {
    "Sum": st.column_config.NumberColumn(format="localized", help="Successes, or the sum of what was measured."),
    "Over": st.column_config.NumberColumn(format="localized", help="Units, or the sum that a ratio is divided by."),
    "Value": st.column_config.NumberColumn(format="%.4g", help="Mean, share, ratio or quantile."),
    "From": st.column_config.NumberColumn(format="%.4g", help="Lower end of its interval."),
    "To": st.column_config.NumberColumn(format="%.4g", help="Upper end of its interval."),
}

story = Story.begin("Experiments", "Is the new version better, and should it be rolled out?")
experiment = room.choose(story)
if experiment is None:
    st.stop()
if not room.of_dataset():
    story.concerns(experiment.source)
experiment = truth.with_or_without(experiment, story.dataset)
report = analyse(experiment, **room.settings(experiment))

if experiment.question:
    story.text(experiment.question)
room.badge(report)
story.verdict(report.summary(), room.TONES.get(report.verdict.badge, "unsure"))
story.metrics(room.cards(report))
room.health(story, report)
story.chart(charts.forest(report), key="experiments_forest", alt=report.summary())
if len(experiment.units) > 2:
    story.text(report.comparisons[0].summary())
for guardrail in report.guardrails:
    story.text(f"Guardrail: {guardrail.text}")
differs = detail.differs(report)
if differs:
    detail.by_segment(story, report)
room.plan(story, report)
room.beside(story, report)
story.heading("What to keep in mind")
story.text(report.split.summary())
for caution in report.cautions:
    story.text(caution)
story.heading("Variants")
story.table(
    room.variants_table(report), key="experiments_variants", alt="Sums and values of each variant", columns=COLUMNS
)
room.exposed(story, report)
if not differs:
    detail.by_segment(story, report)
detail.show(story, report, st.session_state.get("experiments_until"))
if room.of_dataset():
    plans.decide(story, report)
story.text(f"Read from: {experiment.source}. Tests: {report.comparisons[0].pairs[0].method}.")
story.explain(MEANS, COMPUTED)
with st.expander("Python that reproduces this", icon=":material/code:"):
    st.code(room.code(report), language="python")
story.end(report.to_frame())

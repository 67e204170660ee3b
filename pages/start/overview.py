"""Overview: what is going on, in four sentences with a number, a picture and a way on each."""

from collections.abc import Callable

import plotly.graph_objects as go
import streamlit as st

from analysis import patterns, recommend
from ui import state
from ui.glossary import define
from ui.overview import CHAPTER, trained, tried, viewing
from ui.story import Card, Story, guarded
from ui.text import count, escape, share


def chapter(heading: str, page: str, label: str, tell: Callable[[], None]) -> None:
    """One chapter in its own card; a problem in it leaves the others standing."""
    with st.container(border=True, height="stretch"):
        story.heading(heading)
        with guarded():
            tell()
        st.page_link(page, label=label, icon=":material/arrow_forward:", query_params=dict(st.query_params))


def show(sentence: str, figure: go.Figure, key: str) -> None:
    story.text(sentence)
    story.chart(figure, key=key, alt=sentence)


def tell_growth() -> None:
    show(found.daily.summary(), growth, "overview_daily")


def tell_week() -> None:
    show(found.clock.summary(), week, "overview_clock")


def tell_models() -> None:
    run = recommend.newest_run(state.workspace(), dataset)
    if run is None:
        story.empty("No model has been trained on this dataset yet.", "Five classic ones take a minute or two.")
        return
    show(run.summary(), trained(run, run.id, content), "overview_models")


def tell_experiments() -> None:
    if not dataset.has("assignments"):
        story.empty("This dataset holds no experiments.", "Bring a table of units, or type the counts of your test.")
        return
    with story.loading(CHAPTER):
        found, lifts = tried(dataset, content)
    show(found.summary(), lifts, "overview_experiments")


story = Story.begin("Overview", "What is going on, in four sentences?", needs=("views", "ratings"))
dataset, content = story.dataset, story.dataset.content_hash
what = patterns.events(dataset)
watch = "watch" if what.table == "views" else "rate"
found = None
with guarded(), story.loading(120):
    found, growth, week = viewing(dataset, content)
    days = (found.daily.days[-1] - found.daily.days[0]).days + 1
    rows = dataset.info.rows(what.table)
    story.verdict(
        f"{count(dataset.info.rows('viewers'))} viewers, {count(dataset.info.rows('titles'))} titles and "
        f"{count(rows)} {what.noun} in {days:,} days: {found.clock.headline()[0].lower()}{found.clock.headline()[1:]}."
    )
    story.metrics(
        [
            Card("Viewers", count(dataset.info.rows("viewers")), define("viewer")),
            Card("Titles", count(dataset.info.rows("titles"))),
            Card(what.noun.capitalize(), count(rows), define("interaction"), f"{rows / days:,.0f} a day"),
            Card("On the weekend", share(found.clock.weekend.value), define("weekend share"), what.zone_label),
        ]
    )
with st.grid(2, min_column_width=420):
    if found is not None:
        chapter("Does it grow?", "pages/explore/patterns.py", "All viewing patterns", tell_growth)
        chapter(f"When do people {watch}?", "pages/explore/patterns.py", "The week, hour by hour", tell_week)
    chapter("What finds the next title?", "pages/recommend/train.py", "Train and compare", tell_models)
    chapter("What worked when it was tried?", "pages/experiment/experiments.py", "Experiments", tell_experiments)
story.explain(
    "Each card is the first sentence of a page; follow its link for the rest. The numbers are of the dataset chosen on "
    f"the left, {escape(dataset.name)}, and change with it.",
    "Patterns come from counts by local hour and day, with intervals clustered by viewer. Models are trained on the "
    "past and tested on what came after, all on the same viewers. Each experiment is judged by its primary metric, its "
    "split and how long it ran; nothing is corrected for the number of experiments, as each is a decision of its own.",
)
if found is not None:
    story.end(found.to_frame)

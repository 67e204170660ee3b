"""Forecast: how much will be watched in the next eight weeks, and of what."""

import pandas as pd
import streamlit as st

from analysis import patterns
from analysis.errors import DataError
from ui.glossary import define
from ui.patterns import count_first
from ui.patterns_forecast import look, look_at_genres
from ui.story import Card, Story
from ui.text import count, escape, share

RATED = "This dataset has ratings and no plays, so this page forecasts when people rate, not when they watch."
MEANS = (
    "The line is as likely to be too high as too low, and the bands say how far off it may be. A forecast earns its "
    "place by erring less than simply repeating the last week, on weeks it had not seen; where none does, the page "
    "says so. Nothing here knows of a release, a campaign or an outage to come."
)
COMPUTED = (
    "Four methods compete on the logarithm of each day: the last week again (seasonal naive); a regression on weekday, "
    "season of the year, public and school holidays and a linear trend, with autoregressive errors; exponential "
    "smoothing with a damped trend and a weekly season; and the mean of the latter two. At origins two weeks apart "
    "each is fitted to what was known then and held against the eight weeks after. The error is scaled by that of "
    "repeating the week within the history (Hyndman and Koehler), and the method with the smallest mean is taken. "
    "Intervals are the method's own where they held as many days as they claim; else they are stretched, week by week "
    "of the horizon, until they hold enough (split conformal prediction). The last eight weeks are forecast with "
    "method and intervals chosen without them. Genre shares are forecast by week as centred log-ratios, so that they "
    "add up to 100 %."
)
MEASURES = {"minutes": "Minutes", "events": "Plays"}
RECORD = {
    "method": "Method",
    "mean_absolute_scaled_error": st.column_config.NumberColumn("Scaled error", format="%.2f"),
    "origins": "Backtests",
    "better_than_naive": "Better than the last week",
    "own_coverage_80": st.column_config.NumberColumn("Own 80 % bands held", format="percent"),
    "own_coverage_95": st.column_config.NumberColumn("Own 95 % bands held", format="percent"),
    "chosen": "Chosen",
}

story = Story.begin(
    "Forecast", "How much will be watched in the next eight weeks, and of what?", needs=("views", "ratings")
)
dataset, what = story.dataset, patterns.events(story.dataset)
if what.table == "ratings":
    story.text(RATED)
measure = "events"
if what.has_minutes:
    measure = st.segmented_control(
        "Forecast", list(MEASURES), format_func=MEASURES.get, default="minutes", required=True,
        key="forecast_measure", bind="query-params",
    )  # fmt: skip
count_first(story, what, None)
try:
    with story.loading(height=420):
        found, figures = look(dataset, dataset.content_hash, measure or "minutes", None)
except DataError as error:
    story.empty(escape(error.problem), escape(error.remedy))
    st.stop()

past, held = found.projection.record, found.held_out
errors = past.mean_errors
story.verdict(found.summary(), "neutral" if found.beats_naive else "unsure")
story.metrics(
    [
        Card(
            f"{found.noun.capitalize()} a day ahead", count(found.projection.mean.mean()), None, "mean of eight weeks"
        ),
        Card("Scaled error", f"{errors[past.best]:.2f}", define("scaled error"), f"last week again: {errors[0]:.2f}"),
        Card(
            "Better than last week", f"{past.better(past.best)} of {len(past.origins)}", define("backtest"), "backtests"
        ),
        Card("Held-out days in the band", f"{held.inside} of {held.known}", define("coverage"), "of the 95 % interval"),
    ]
)
story.chart(figures["ahead"], key="forecast_ahead", alt=found.summary())
story.text(f"The calendar knows {', '.join(found.knows)} of the days to come.")
own = share(past.coverage(past.best, 0.95))
story.text(
    f"In the backtests the method's own 95 % intervals held {own} of days, so they are stretched here."
    if found.stretched
    else f"In the backtests the method's own 95 % intervals held {own} of days, so they are shown as they are."
)
story.text(
    f"The held-out weeks were forecast by {held.method}: scaled error {held.error:.2f}, against {held.naive_error:.2f} "
    "for the last week again."
)
story.chart(figures["record"], key="forecast_record", alt="Scaled error of each method at each origin.")
story.table(found.backtests(), key="forecast_methods", alt="The record of the methods.", columns=RECORD)
numbers = [found.to_frame().assign(of=found.noun)]
if "genre" in what.splits:
    try:
        with story.loading(height=600):
            genres, figure = look_at_genres(dataset, dataset.content_hash, measure or "minutes", None)
    except DataError as error:
        story.text(f"{error.problem} {error.remedy}")
    else:
        story.chart(figure, key="forecast_genres", alt=genres.summary())
        story.text(genres.summary())
        numbers.append(genres.to_frame().assign(of="genre shares"))
story.explain(MEANS, COMPUTED)
story.end(pd.concat(numbers, ignore_index=True))

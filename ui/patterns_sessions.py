"""What the page of sessions and devices is made of: six parts, each cached with its figures, and told as a story."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import plotly.graph_objects as go
import streamlit as st

from analysis.data import Dataset
from analysis.patterns.binges import Binges, binges
from analysis.patterns.completion import Completion, completion
from analysis.patterns.devices import Devices, devices
from analysis.patterns.personal_clocks import LEAST, PersonalClocks, personal_clocks
from analysis.patterns.sessions import BREAK, Sessions, sessions
from analysis.patterns.surfaces import Surfaces, surfaces
from analysis.patterns.words import FEWEST, Habits
from analysis.results import Result
from analysis.stats.clustered import Interval
from ui import state, truth
from ui.charts import patterns_clocks as clock_charts
from ui.charts import patterns_sessions as charts
from ui.glossary import define
from ui.habits import of_locale
from ui.story import Card, Story
from ui.text import interval, share

KEY = "sessions_truth"


@st.cache_resource(max_entries=40, ttl=3600, show_spinner=False)
def look(_dataset: Dataset, content: str, part: str, habits: Habits) -> tuple[Result, dict[str, go.Figure]]:
    """One part's finding and its figures; shared by all visitors, so not to be changed."""
    found, draw = _PARTS[part][0], _PARTS[part][1]
    result = found(_dataset, workspace=state.workspace())
    return result, draw(result, habits)


def tell(story: Story, part: str) -> Result:
    """Tell one part on the page, and hand back its finding."""
    habits = of_locale(st.context.locale)
    found, figures = look(story.dataset, story.dataset.content_hash, part, habits)
    story.verdict(found.summary())
    _PARTS[part][2](story, found, figures)
    return found


def _sessions_figures(result: Sessions, habits: Habits) -> dict[str, go.Figure]:
    figures = {"lengths": charts.lengths(result)}
    if len(result.devices) > 1:
        title = f"Half of the sessions on {result.devices[0]} hold less than {result.minutes_on[0].value:.0f} minutes"
        figures["on"] = _minutes(title, result)
    return figures


def _minutes(title: str, result: Sessions) -> go.Figure:
    figure = charts.shares(title, "Median minutes watched in a session by the device it was on, with 95 % intervals",
                           result.devices, result.minutes_on, {})  # fmt: skip
    figure.update_xaxes(tickformat=".0f", title="minutes")
    figure.update_traces(hovertemplate="%{y}: %{x:.1f} (%{customdata[0]:.1f} to %{customdata[1]:.1f})<extra></extra>")
    return figure


def _tell_sessions(story: Story, found: Sessions, figures: dict[str, go.Figure]) -> None:
    story.metrics(
        [
            Card("Median session", f"{found.minutes.value:.1f} min", define("session"), _spread(found.minutes)),
            Card("Plays a session", f"{found.plays.value:.2f}", None, _spread(found.plays, 2)),
            Card("Sessions a week", f"{found.per_week.value:.2f}", "Of a viewer, from the first play to the last.",
                 _spread(found.per_week, 2)),
            Card("Titles a session", f"{found.titles.value:.2f}", None, _spread(found.titles, 2)),
        ]
    )  # fmt: skip
    if not found.named:
        story.text(f"The data name no sessions: a break of {BREAK} minutes ends one.")
    story.chart(figures["lengths"], key="sessions_lengths", alt=found.headline())
    if "on" in figures:
        story.chart(figures["on"], key="sessions_on", alt="Median minutes of a session by device.")


def _devices_figures(result: Devices, habits: Habits) -> dict[str, go.Figure]:
    figures = {}
    if result.has_hours:
        figures["hours"] = charts.by_hour(result, habits)
    if len(result.names) > 1:
        figures["moves"] = charts.moves(result)
    return figures


def _tell_devices(story: Story, found: Devices, figures: dict[str, go.Figure]) -> None:
    first = found.share[0]
    wanted = (
        (f"On {found.names[0]}", first, f"Share of {found.measure}."),
        ("Several devices", found.several, "Viewers who used two or more."),
        ("Plays after a switch", found.switched, "Plays after one on another device."),
        ("Taken along", found.carried, "Of unfinished titles gone on with at once, those on another device."),
    )
    # What a dataset can't tell (completion, for what is unfinished) has no card.
    story.metrics([Card(label, share(i.value), words, _spread(i)) for label, i, words in wanted if i.value == i.value])
    known = _known(story, {name: f"share of minutes on {name}" for name in found.names}, found.measure == "minutes")
    title = found.headline().partition(";")[0]
    subtitle = f"Share of {found.measure} on each device, with 95 % intervals"
    story.chart(charts.shares(title, subtitle, found.names, found.share, known), key="sessions_devices",
                alt=found.summary())  # fmt: skip
    if "hours" in figures:
        story.chart(figures["hours"], key="sessions_hours", alt=found.headline())
    if "moves" in figures:
        story.chart(figures["moves"], key="sessions_moves", alt="Device of one play and of the next.")


def _clocks_figures(result: PersonalClocks, habits: Habits) -> dict[str, go.Figure]:
    figures = {"profiles": clock_charts.profiles(result, habits)}
    if len(result.names) > 1:
        figures["staying"] = clock_charts.staying(result)
    return figures


def _tell_clocks(story: Story, found: PersonalClocks, figures: dict[str, go.Figure]) -> None:
    chosen = len(found.names)
    cards = [
        Card("Groups", str(chosen), "The fewest that foretell odd days from even ones as well as any number."),
        Card("Viewers", f"{found.viewers:,}", f"With {LEAST} sittings or more in each half of their time.",
             f"{found.left_out:,} with fewer" if found.left_out else None),
    ]  # fmt: skip
    if chosen > 1:
        cards += [
            Card("Largest group", share(found.share[0].value), None, found.names[0]),
            Card("Keep their group", share(found.same.value), "The same group by both halves of their time.",
                 f"by chance {share(found.by_chance)}"),
        ]  # fmt: skip
    story.metrics(cards)
    story.chart(figures["profiles"], key="sessions_profiles", alt=found.summary())
    if "staying" in figures:
        story.chart(figures["staying"], key="sessions_staying", alt="Share of each group that stays in it.")


def _completion_figures(result: Completion, habits: Habits) -> dict[str, go.Figure]:
    figures = {"reached": charts.reached(result)}
    if result.leaving[0] == result.leaving[0]:
        figures["leaving"] = charts.leaving(result)
    return figures


def _tell_completion(story: Story, found: Completion, figures: dict[str, go.Figure]) -> None:
    cards = [Card("Finished", share(found.finished.value), define("completion"), _spread(found.finished))]
    if found.bailed.value == found.bailed.value:
        cards += [
            Card("Bail-outs", share(found.bailed.value), "Of plays from the beginning, by the mixture.",
                 _spread(found.bailed)),
            Card("Half bail out by", f"minute {found.bail_minute.value:.1f}", None, _spread(found.bail_minute)),
        ]  # fmt: skip
    for label, value, spread in (
        ("Repeats", share(found.repeats.value), _spread(found.repeats)),
        ("Pauses an hour", f"{found.pauses.value:.2f}", _spread(found.pauses, 2)),
    ):
        if "nan" not in value:
            cards.append(Card(label, value, None, spread))
    story.metrics(cards)
    if found.skips.known:
        story.text(f"Viewers skip {found.skips.value:.2f} times an hour ({_spread(found.skips, 2)}).")
    known = _known(story, {"Finished": "share of plays that were finished", "Minutes": "mean minutes per play"})
    if known:
        story.text(
            f"True of the simulated service: {share(known['Finished'])} of plays are finished, and a play lasts "
            f"{known['Minutes']:.1f} minutes on average; estimated {found.minutes.value:.1f} minutes "
            f"({_spread(found.minutes, 2)})."
        )
    story.chart(figures["reached"], key="sessions_reached", alt=found.headline())
    if "leaving" in figures:
        story.chart(figures["leaving"], key="sessions_leaving", alt="Share that stops in each of the first minutes.")


def _binges_figures(result: Binges, habits: Habits) -> dict[str, go.Figure]:
    figures = {"episodes": charts.episodes(result)}
    if any(i.known for i in result.next_episode):
        figures["going_on"] = charts.going_on(result)
    if result.begun:
        figures["finishing"] = charts.finishing(result)
    return figures


def _tell_binges(story: Story, found: Binges, figures: dict[str, go.Figure]) -> None:
    cards = [Card("Binges", share(found.binges.value), "Sittings with three or more episodes of a series.",
                  _spread(found.binges))]  # fmt: skip
    if found.begun:
        cards += [
            Card("Finished in a week", share(found.in_a_week.value, 2), "Of those who begin a season.",
                 interval(found.in_a_week.low, found.in_a_week.high, percent=True, digits=2)),
            Card("Seasons begun", f"{found.begun:,}", "One viewer and one season count once."),
            Card("Half of finishers by", f"day {found.median_days:.0f}", "Of those who finish within 120 days."),
        ]  # fmt: skip
    story.metrics(cards)
    for name, alt in (
        ("episodes", found.headline()),
        ("going_on", "Share that begins the next episode."),
        ("finishing", "Share that has finished a season by day."),
    ):
        if name in figures:
            story.chart(figures[name], key=f"sessions_{name}", alt=alt)
    if len(found.seasons):
        story.heading("The episode that hooks")
        story.text("The first episode after which seven in ten viewers finish the season; empty where there is none.")
        columns = {
            "title": "Series", "episodes": "Episodes", "began": st.column_config.NumberColumn("Began it"),
            "finished_share": st.column_config.NumberColumn("Finished it", format="percent"),
            "hooks_at": st.column_config.NumberColumn("Hooks at", format="%d"),
            "stay_share": st.column_config.NumberColumn("Stay from there", format="percent"),
            "low": st.column_config.NumberColumn("From", format="percent"),
            "high": st.column_config.NumberColumn("To", format="percent"),
        }  # fmt: skip
        story.table(found.seasons.head(15), key="sessions_hooks", alt="Series and the episode that hooks.",
                    columns=columns)  # fmt: skip


def _surfaces_figures(result: Surfaces, habits: Habits) -> dict[str, go.Figure]:
    known = any(i.value == i.value for i in result.finished)
    return {"ends": charts.ends(result)} if known else {}


def _tell_surfaces(story: Story, found: Surfaces, figures: dict[str, go.Figure]) -> None:
    cards = [Card(f"From {found.names[0]}", share(found.share[0].value), f"Share of {found.measure}.",
                  _spread(found.share[0]))]  # fmt: skip
    if found.visits:
        cards.append(Card("Visits with a play", share(found.led.value), "Of visits to the home page whose "
                          "impressions are kept.", _spread(found.led)))  # fmt: skip
        cards.append(Card("Page to play", f"{found.seconds.value:.0f} s", "Median, where a play follows."))
    if found.searches:
        cards.append(Card("Searches in vain", share(found.without.value), "Nothing was chosen after them.",
                          _spread(found.without)))  # fmt: skip
    story.metrics(cards)
    known = _known(story, {"search": "share of minutes from search"}, found.measure == "minutes")
    story.chart(charts.begins(found, known), key="sessions_begins", alt=found.summary())
    if "ends" in figures:
        story.chart(figures["ends"], key="sessions_ends", alt="Share of plays finished by surface.")
    if len(found.failing):
        story.heading("Searches that end without a choice")
        columns = {
            "query": "Query", "searches": st.column_config.NumberColumn("Searches"),
            "without_result": st.column_config.NumberColumn("Without a choice", format="percent"),
        }  # fmt: skip
        story.table(found.failing, key="sessions_failing", alt="Queries without a choice.", columns=columns)


def _known(story: Story, names: dict[str, str], applies: bool = True) -> dict[str, float]:
    """True values to draw, if they are known, apply to what is shown, and are wanted."""
    values = {shown: truth.value(story.dataset, name) for shown, name in names.items()} if applies else {}
    known = {shown: value for shown, value in values.items() if value is not None}
    return known if len(known) == len(names) and truth.toggle(story.dataset, KEY) else {}


def _spread(i: Interval, digits: int = 1) -> str | None:
    """The interval of a share (one digit), or of a number (two, or beyond 1); none where few viewers make it idle."""
    if not i.known or i.clusters < FEWEST:
        return None
    return interval(i.low, i.high, percent=digits == 1 and i.low >= 0 and i.high <= 1, digits=digits)


_PARTS: dict[str, tuple[Callable[..., Any], Callable[..., Any], Callable[..., None]]] = {
    "Sessions": (sessions, _sessions_figures, _tell_sessions),
    "Devices": (devices, _devices_figures, _tell_devices),
    "Personal clocks": (personal_clocks, _clocks_figures, _tell_clocks),
    "Completion": (completion, _completion_figures, _tell_completion),
    "Binges": (binges, _binges_figures, _tell_binges),
    "Surfaces": (surfaces, _surfaces_figures, _tell_surfaces),
}
PARTS = tuple(_PARTS)

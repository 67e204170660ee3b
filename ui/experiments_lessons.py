"""The lessons' sliders: each asks for a few numbers, simulates and hands back result and charts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import plotly.graph_objects as go
import streamlit as st

from analysis.experiments import lessons, lessons_data
from analysis.results import Result
from ui.charts import experiments_lessons as charts


@dataclass(frozen=True)
class Slider:
    """One number that breaks the lesson."""

    name: str
    label: str
    options: Sequence[float]
    value: float
    show: Callable[[Any], str] = str
    help: str | None = None


@dataclass(frozen=True)
class Lesson:
    """One lesson: a question, a simulation, its sliders and charts."""

    title: str
    question: str
    simulate: Callable[..., Any]
    sliders: tuple[Slider, ...]
    charts: tuple[Callable[[Any], go.Figure], ...]


def _percent(value: float) -> str:
    return f"{value:.0%}"


SHARES = (0.0, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3)
CHANCES = (0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 0.9)

# The address holds what the pills show, so they are keyed by their titles.
LESSONS: dict[str, Lesson] = {
    "Peeking": Lesson(
        "Peeking",
        "What happens when one looks every day and stops as soon as it pleases?",
        lessons.peeking,
        (
            Slider("looks", "Looks", (1, 2, 3, 5, 7, 10, 14, 20, 28, 50, 100, 200), 20),
            Slider("seed", "Other chance", tuple(range(10)), 0, help="The same simulation with other random numbers."),
        ),
        (charts.peeking, charts.peeking_paths),
    ),
    "Winner’s curse": Lesson(
        "Winner’s curse",
        "What does a small experiment say of a small effect?",
        lessons.winners_curse,
        (Slider("power", "Chance to find the effect", (0.06, 0.1, 0.2, 0.3, 0.5, 0.7, 0.8, 0.9, 0.95), 0.2, _percent),),
        (charts.winners_curse,),
    ),
    "Broken split": Lesson(
        "Broken split",
        "What if some of one variant’s viewers never reach the log?",
        lessons_data.broken_split,
        (
            Slider("lost", "Share of the treatment lost", SHARES, 0.1, _percent),
            Slider("picky", "Heavy viewers lost more", (0.0, 0.5, 1.0, 2.0), 1.0, help="0 loses everybody alike."),
        ),
        (charts.broken_split,),
    ),
    "Simpson’s reversal": Lesson(
        "Simpson’s reversal",
        "Can a change be worse every day and better overall?",
        lessons_data.simpson,
        (
            Slider("friday_share", "Friday’s share in the treatment", CHANCES, 0.2, _percent),
            Slider("saturday_share", "Saturday’s share in the treatment", CHANCES, 0.5, _percent),
            Slider("truth", "True effect", (-0.2, -0.1, -0.05, 0.0, 0.05, 0.1), -0.05, lambda x: f"{x:+.0%}"),
        ),
        (charts.simpson,),
    ),
    "Viewing before": Lesson(
        "Viewing before",
        "How much sooner does one know, with what was known before?",
        lessons_data.cuped,
        (Slider("correlation", "Correlation with viewing before", (0.0, 0.2, 0.4, 0.6, 0.7, 0.8, 0.9, 0.95), 0.7),),
        (charts.cuped,),
    ),
    "Novelty": Lesson(
        "Novelty",
        "Is it better, or only new?",
        lessons_data.novelty,
        (
            Slider("first", "Lift on the first day", (0.05, 0.1, 0.15, 0.2, 0.3), 0.15, _percent),
            Slider("lasting", "Lift that lasts", (-0.02, 0.0, 0.01, 0.02, 0.05), 0.0, _percent),
            Slider(
                "half_life", "Days until half of it is gone", (1.0, 2.0, 4.0, 7.0, 14.0, 28.0), 4.0, "{:.0f}".format
            ),
        ),
        (charts.novelty,),
    ),
    "Many metrics": Lesson(
        "Many metrics",
        "What if one looks at twenty metrics and picks the best?",
        lessons.many_metrics,
        (
            Slider("metrics", "Metrics", (1, 2, 3, 5, 10, 20, 50, 100), 20),
            Slider("correlation", "Correlation of two metrics", (0.0, 0.3, 0.6, 0.9, 1.0), 0.3),
        ),
        (charts.many_metrics,),
    ),
    "Clickbait": Lesson(
        "Clickbait",
        "What stops a change that brings clicks and disappoints?",
        lessons_data.clickbait,
        (
            Slider("strength", "Promised and not kept", (0.0, 0.1, 0.2, 0.3, 0.5, 1.0), 0.3, _percent),
            Slider("margin", "Loss of completion tolerated", (0.02, 0.05, 0.1, 0.2), 0.05, _percent),
        ),
        (charts.clickbait,),
    ),
}


def choose() -> Lesson:
    """The lesson chosen."""
    asked = st.query_params.get("lesson")
    if asked is not None and asked not in LESSONS:
        st.warning("The link asks for a lesson that is not here; the first one is shown.")
    key = st.pills(
        "Lesson",
        list(LESSONS),
        default="Peeking",
        required=True,
        key="lesson",
        bind="query-params",
        label_visibility="collapsed",
    )
    return LESSONS[key]


def numbers(lesson: Lesson) -> dict[str, float]:
    """The lesson's sliders."""
    with st.grid(len(lesson.sliders), min_column_width=240):
        return {
            slider.name: st.select_slider(
                slider.label,
                list(slider.options),
                value=slider.value,
                format_func=slider.show,
                key=f"lesson_{lesson.title}_{slider.name}".lower().replace("’", "").replace(" ", "_"),
                bind="query-params",
                help=slider.help,
            )
            for slider in lesson.sliders
        }


@st.cache_data(max_entries=128, ttl=3600, show_spinner=False)
def _simulate(title: str, chosen: tuple[tuple[str, float], ...], _lesson: Lesson) -> Result:
    found: Result = _lesson.simulate(**dict(chosen))
    return found


def simulate(lesson: Lesson, chosen: dict[str, float]) -> Any:
    """The lesson's result for the numbers chosen."""
    return _simulate(lesson.title, tuple(chosen.items()), lesson)

"""Experiment lessons: what fools an experimenter, simulated with the truth drawn in."""

import streamlit as st

from ui import experiments_lessons as room
from ui.story import Story

COMPUTED = (
    "Every lesson simulates hundreds to thousands of experiments whose truth is set, at a fixed seed, and reads them "
    "as the experiments page would. The same numbers give the same picture; the seed changes only with the slider that "
    "says so. The functions stand in analysis.experiments.lessons and lessons_data and can be called from a notebook."
)
MEANS = (
    "Each picture shows what an honest experimenter would have seen, and in pink what is true. Move the sliders until "
    "it breaks, and again until it holds."
)

story = Story.begin("Experiment lessons", "What fools an experimenter? Move the sliders and see.")
story.concerns("Made on the spot, with a truth that is known; no dataset is read.", label="Simulated", icon="science")
lesson = room.choose()
st.markdown(f"**{lesson.title}.** {lesson.question}")
chosen = room.numbers(lesson)
result = room.simulate(lesson, chosen)
story.verdict(result.summary())
for place, chart in enumerate(lesson.charts):
    story.chart(chart(result), key=f"lesson_chart_{lesson.title}_{place}", alt=result.summary())
story.heading("What to remember")
story.text(result.remember)
story.explain(MEANS, COMPUTED)
story.end(result.to_frame())

"""Who comes back: how long viewers stay, silence and return, and what the first week predicts."""

import streamlit as st

from analysis import patterns
from analysis.errors import DataError
from ui.patterns import count_first
from ui.patterns_kept import count_first as count_part_first
from ui.patterns_retention import PARTS, tell
from ui.story import Story
from ui.text import escape

NOTES = {
    "Staying": (
        "The curve falls where viewers leave; a steep start says that the first weeks decide. Groups differ where "
        "their bands part for long, and the log-rank test says whether that is more than chance. It is no proof that "
        "the segment is the cause. In the triangle, a row is a month's newcomers: compare rows to see whether newer "
        "ones stay longer.",
        "Kaplan and Meier's estimate with Greenwood's variance on the log(−log) scale. Viewers who joined before the "
        "data begin are followed from then on (delayed entry), and those who have not left until the last day. Where "
        "the data have every stay of those who came back, it is about the first. A curve ends where fewer than 20 "
        "viewers are left to follow. A viewer is active in a month with at least one play in it.",
    ),
    "Silence and return": (
        "The chance to be back falls with every silent day: where it gets steep is the time to remind people. Who has "
        "left and comes back cost nothing to win.",
        "A silence is the days without a play between two days with one. The one that goes on when the data or the "
        "subscription end counts as long as it has lasted (Kaplan and Meier). Intervals are clustered by viewer "
        "(jackknife over 64 buckets). Return after leaving is from the table of memberships.",
    ),
    "First week": (
        "What goes with staying is a sign of who will stay. It need not be a cause: bringing people to do it may "
        "change nothing, and an experiment would tell.",
        "Viewers who joined within the data and were there after seven days are followed from then on, so that nobody "
        "counts as active for having stayed (landmark). Cox's proportional hazards with Efron's ties, all in one "
        "model; hours count in doublings.",
    ),
}

story = Story.begin(
    "Who comes back", "How long do viewers stay, and which newcomers still watch?", needs=("views", "ratings")
)
dataset = story.dataset
if not dataset.has("views"):
    story.empty(
        f"{escape(dataset.name)} has ratings and no plays: who has stopped rating may still watch.",
        "Bring plays, and viewers with their days of joining and leaving, on the Data page.",
    )
    st.stop()
part = st.segmented_control(
    "Look at", PARTS, default=PARTS[0], required=True, key="retention_part", bind="query-params"
)
part = part if part in PARTS else PARTS[0]
if part == PARTS[0]:
    count_first(story, patterns.events(dataset), None)
else:
    count_part_first(story, part.lower())
try:
    with st.spinner("Following viewers", show_time=True):
        found = tell(story, part)
except DataError as error:
    story.empty(escape(error.problem), escape(error.remedy))
    st.stop()
story.explain(*NOTES[part])
story.end(found.to_frame())

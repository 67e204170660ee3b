"""Titles & genres: what holds the viewing, how titles live, and what goes with what."""

import streamlit as st

from analysis.errors import DataError
from ui.patterns_kept import count_first
from ui.patterns_titles import PARTS, tell
from ui.story import Story
from ui.text import escape

RATED = "This dataset has ratings and no plays: read it as what people rate, not what they watch."
CLUSTERED = "Intervals are clustered by viewer (jackknife over 64 buckets of viewers)."
NOTES = {
    "Concentration": (
        "A few titles hold most of the viewing everywhere. Where the effective catalogue size grows, recommendations "
        "bring more of the catalogue to people; where it falls, they all see the same.",
        "Titles of the catalogue that nobody watched count. The effective catalogue size is 2 Σ i·p(i) − 1 over the "
        "titles by falling share p. Where titles have few plays each, chance alone makes them look uneven. "
        + CLUSTERED,
    ),
    "Release decay": (
        "What comes soon after a release is the launch; what comes late is the catalogue. A curve that rises late is a "
        "title that word of mouth carried.",
        "Titles whose first 84 days lie within the data are pooled, so that large ones weigh more. Intervals are by "
        "title (jackknife over titles): they say how sure this is for other titles.",
    ),
    "Rising and fading": (
        "What rises on its own deserves a better place; what fades may have been moved. New titles are left out, as "
        "they can but rise and then fade.",
        "Shares of the last 28 days against the 28 before, so that both have the same weekdays, of titles with 20 or "
        "more in both. The error of the log ratio is that by viewer, and never less than that of independent plays. "
        "Claims hold at a false discovery rate of 5 % over all tested titles (Benjamini and Hochberg). " + CLUSTERED,
    ),
    "What follows what": (
        "A genre that follows itself more than taste explains is a mood that lasts into the next title. Below 1 is "
        "change: people look for something else.",
        "A viewer's plays of one title in a row are one; each title and the next are a pair, with 1/k for each of k "
        "genres. Chance is any order of the same viewer's titles, so taste is taken out; what was new or in season at "
        "the time is not. Dots mark pairs at a false discovery rate of 5 % (Benjamini and Hochberg). " + CLUSTERED,
    ),
    "Watched together": (
        "Pairs with the same viewers are candidates for one row, or for one campaign. Titles on offer at the same "
        "time share viewers by that alone.",
        "The 80 most watched titles. Chance is a random network in which each viewer watches as many of them, and each "
        "title has as many viewers, as they have. Claims at a false discovery rate of 5 % over all pairs. " + CLUSTERED,
    ),
}

story = Story.begin(
    "Titles & genres", "What holds the viewing, how do titles live, and what goes with what?",
    needs=("views", "ratings"),
)  # fmt: skip
if not story.dataset.has("views"):
    story.text(RATED)
part = st.segmented_control("Look at", PARTS, default=PARTS[0], required=True, key="titles_part", bind="query-params")
part = part if part in PARTS else PARTS[0]
count_first(story, part.lower())
try:
    with st.spinner(f"Counting: {part.lower()}", show_time=True):
        found = tell(story, part)
except DataError as error:
    story.empty(escape(error.problem), escape(error.remedy))
    st.stop()
story.explain(*NOTES[part])
story.end(found.to_frame())

"""Sessions & devices: how people sit down to watch, on what, how far they get, and where it begins."""

import streamlit as st

from analysis.errors import DataError
from ui.patterns_kept import count_first
from ui.patterns_sessions import PARTS, tell
from ui.story import Story
from ui.text import escape

CLUSTERED = (
    "Intervals are clustered by viewer: viewers are hashed into 64 buckets, and each is left out once (jackknife). "
)
NOTES = {
    "Sessions": (
        "Short sessions with one play are the rule of streaming; what makes sessions longer is what is on offer when "
        "the first title is over.",
        "A session is what the data call one; where they don't, a break of 30 minutes since the end of the play before "
        "ends it. Medians have Woodruff's interval: that of the share of sessions below it, turned back into minutes. "
        "Sessions a week are counted from a viewer's first play to the last.",
    ),
    "Devices": (
        "Where a device has its hour says what to show on it then. Who takes a title along to another device needs it "
        "at the top of the page there.",
        "A play counts in the hour it starts in, on the viewer's clock. A switch is a play on another device than the "
        "same viewer's play before, however long before that was. Taken along are titles left unfinished that are "
        "gone on with in the very next play.",
    ),
    "Personal clocks": (
        "Who watches when is a person's own habit: remind each group before its hours, and not all at once. Where many "
        "change their group, the groups are shades of one habit rather than kinds of people.",
        "A sitting is a day on which a viewer watched within three hours of the clock. Groups are a mixture of "
        "multinomials over eight times of day on weekdays and on the weekend; their number is the smallest that, "
        "fitted to even days, foretells the odd ones as well as the best one does, within a standard error. Who stays "
        "is read off the two halves of each viewer's time. A group is named by the time that tells most of it.",
    ),
    "Completion": (
        "Bail-outs say that the title was not what it seemed: look at its artwork and its place on the page. Who stops "
        "in the middle ran out of time or patience with the title itself.",
        "Finished is 90 % of the running time. Of the plays from the beginning that are not finished, bail-outs end "
        "after so many minutes whatever the title's length, the others after such a share of it: titles of different "
        "lengths tell the two apart (mixture of two histograms by maximum likelihood; bail-outs within 30 minutes, the "
        "others not before 5 %; each length with its own share of bail-outs).",
    ),
    "Binges": (
        "The first episodes lose most viewers. An episode that hooks is one to bring people to: those who finished it "
        "mostly stay. It is no proof that the episode is the cause.",
        "A sitting is one series in one session. A season is the whole series where seasons are not numbered; days are "
        "counted from the first play of its first episode to the end of its last, and who began too late to be "
        "followed counts as long as they could be (Kaplan and Meier). Hooks are sought among those followed for 120 "
        "days, with Wilson's intervals, in seasons where 30 viewers finished the episode.",
    ),
    "Surfaces": (
        "What begins in a row was found by browsing, what begins with a search was looked for. A search without a "
        "choice is a title that was missing, or not found.",
        "A play's surface is where it began. A visit is a session whose home page was logged; it leads to a play if "
        "the session has one. A search ends without a choice if no title was chosen from its results.",
    ),
}

story = Story.begin(
    "Sessions & devices", "How do people sit down to watch, on what, and how far do they get?",
    needs=("views", "ratings"),
)  # fmt: skip
if not story.dataset.has("views"):
    story.empty(
        f"{escape(story.dataset.name)} has ratings and no plays: nothing is known of sessions, devices and completion.",
        "Bring plays on the Data page, or choose another dataset.",
    )
    st.stop()
part = st.segmented_control(
    "Look at", PARTS, default=PARTS[0], required=True, key="sessions_part", bind="query-params"
)  # fmt: skip
part = part if part in PARTS else PARTS[0]
count_first(story, part.lower())
try:
    with st.spinner(f"Counting: {part.lower()}", show_time=True):
        found = tell(story, part)
except DataError as error:
    story.empty(escape(error.problem), escape(error.remedy))
    st.stop()
means, computed = NOTES[part]
story.explain(means, computed + " " + CLUSTERED)
story.end(found.to_frame())

"""Seasons: which genres are wanted more in a season, and not only released more."""

import streamlit as st

from analysis import patterns
from analysis.errors import DataError
from ui import patterns_known, truth
from ui.charts import patterns_seasons as charts
from ui.glossary import define
from ui.patterns import count_first
from ui.patterns_seasons import chosen, clicked, look, numbers
from ui.story import Card, Story
from ui.text import escape

MEANS = (
    "A genre's share rises in a season because more of it comes out, or because people want it more. The first can be "
    "bought and the second can be planned for. A dot beside 1.00 with a short line is a genre that keeps its level; "
    "a line that holds 1.00 means that nobody can tell."
)
COMPUTED = (
    "Each title has an appeal of its own, and a pull that falls with its age; both are estimated beside "
    "what the month does to its genres, so that they say what was available on each day. Plays of titles by month "
    "then follow a negative binomial model with that as offset, all genres at once, each with its months and a linear "
    "trend. What a genre does is held against a robust mean of the other genres in the same season, in which one that "
    "moves much by itself has no weight. School holidays are told from the days and countries of one title within one "
    "month, by the share of schools that are closed. A title of k genres is moved by 1/k of each one's effect, so the "
    "effect is that on a title wholly of the genre. "
    "Intervals are clustered by title (bias-reduced, CR2), with as many degrees of freedom as there are titles of "
    "equal weight; cells that rest on fewer than four are not tested. Claims hold at a false discovery rate of "
    "5 % over all tested cells (Benjamini and Hochberg)."
)
PLANTED = (
    "What was planted in the sample is a factor on the odds of a click. Plays move less than that, because about half "
    "of them go on with something begun before."
)
HELD = (
    "Below is what the count alone shows, appetite and supply together, and plays that go on with something. Of that, "
    "what is true of the simulated service is known."
)

story = Story.begin(
    "Seasons", "Which genres are wanted more in a season, and not only released more?", needs=("views", "ratings")
)
dataset = story.dataset
if dataset.has("views"):
    count_first(story, patterns.events(dataset), None)
try:
    with st.spinner("Telling appetite from supply", show_time=True):
        found, known, figures = look(dataset, dataset.content_hash)
except DataError as error:
    story.empty(escape(error.problem), escape(error.remedy))
    st.stop()

story.verdict(found.summary())
claims = found.claims()
more = [cell for cell in claims if found.appetite[cell] > 1]
story.metrics(
    [
        Card("Seasonal claims", str(len(claims)), define("false discovery rate"), f"of {found.tested} tested"),
        Card("More wanted", str(len(more)), None, "genres in a season"),
        Card("Less wanted", str(len(claims) - len(more)), None, "genres in a season"),
        Card(
            "First weeks", f"{max(pull for _, pull in found.decay):.0f} ×", define("release decay"), "pull of a title"
        ),
    ]
)
wanted = truth.toggle(dataset, "seasons_truth")
known = known if wanted else {}
story.chart(figures["planted" if known else "causes"], key="seasons_causes", alt=found.summary())
for genre, season in claims[:4]:
    story.text(found.sentence(genre, season))
if known:
    story.text(PLANTED)
if wanted:
    story.text(HELD)
    patterns_known.tell(story, patterns_known.SEASONS)
if found.years[0] == found.years[1]:
    story.text(f"All of it is from {found.years[0]}: whether it comes back every year can't be seen in one year.")
if found.left_out > 0:
    story.text(f"{found.left_out * 100:.1f} % of plays are of titles without a place in the model and are left out.")
story.chart(figures["every_cell"], key="seasons_cells", alt=found.headline(), picked=clicked)
genre, season = chosen(found)
story.text(f"{found.sentence(genre, season)} {found.verdict(genre, season)}")
story.chart(charts.of_genre(found, genre, season), key="seasons_genre_year", alt=found.sentence(genre, season))
story.table(numbers(found, genre, season, known), key="seasons_numbers", alt=found.sentence(genre, season))
story.chart(figures["decay"], key="seasons_decay", alt="Pull of a title by days since its release.")
story.explain(MEANS, COMPUTED)
story.end(found.to_frame())

"""Data: what the dataset holds, what is wrong with it, and how to bring another one."""

import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from analysis.data import Dataset
from analysis.data.listing import list_datasets, table_rows
from analysis.data.quality import QualityReport, check
from ui import data as room
from ui import state
from ui.charts import data as charts
from ui.glossary import define
from ui.story import Card, Story, guarded
from ui.text import count

TABS = ["This dataset", "Bring data", "All datasets"]
ROW = 35
"""Height of a table's row, in pixels; left alone, a table shows ten rows and a dataset has up to eleven tables."""
COUNT = st.column_config.NumberColumn(format="localized")
NOTHING_SHOWN = 160
"""Height kept free for the sentence and the cards while they are computed, in pixels."""


@st.cache_resource(max_entries=16, ttl=24 * 3600, show_spinner=False)
def quality(_dataset: Dataset, version: tuple[str, int]) -> tuple[QualityReport, go.Figure, pd.DataFrame]:
    found = check(_dataset)
    return found, charts.completeness(found), table_rows(_dataset)


def tell_cards() -> None:
    clock = "viewers' clock" if report.rows.get("views") else f"clock of {report.time_zone}"
    events = report.rows.get("views", 0) or report.rows.get("ratings", 0)
    story.verdict(report.summary(), "worse" if any(f.severity == "wrong" for f in report.findings) else "neutral")
    story.metrics(
        [
            Card("Views" if report.rows.get("views") else "Ratings", count(events), define("interaction")),
            Card("Viewers", count(report.rows.get("viewers", 0)), define("viewer")),
            Card("Titles", count(report.rows.get("titles", 0))),
            Card("Days", f"{report.days:,}" if report.days else "–", note=clock if report.days else "no times"),
        ]
    )


def tell_quality() -> None:
    story.chart(figure, key="data_completeness", alt=figure.layout.meta["title"])
    story.heading("Its tables")
    story.table(
        tables, key="data_tables", alt="Tables of the dataset with their rows and columns",
        columns={"rows": COUNT}, height=ROW * (len(tables) + 1) + 2,
    )  # fmt: skip
    problems = report.problems_frame()
    story.heading("What to know about its quality")
    if len(problems):
        share = st.column_config.NumberColumn("share of rows", format="percent")
        story.table(
            problems,
            key="data_findings",
            alt=f"{len(problems)} findings",
            columns={"share": share, "rows": COUNT},
        )
    else:
        story.text(f"{len(report.findings)} things were looked at, and all are as they should be.")
    if report.dropped:
        story.heading("What was left out when it was imported")
        story.table(report.dropped_frame(), key="data_dropped", alt="Rows left out at import, by reason",
                    columns={"rows": COUNT})  # fmt: skip


story = Story.begin("Data", "What is in this dataset, and can it be trusted?")
dataset = story.dataset
report = None
with guarded(), story.loading(NOTHING_SHOWN):
    report, figure, tables = quality(dataset, state.version(dataset))
    tell_cards()
this, bring, everything = st.tabs(TABS, key="data_tab", bind="query-params")
with this, guarded():
    if report is not None:
        tell_quality()
with bring:
    with guarded():
        room.bring()
    with st.expander("Where to get data", icon=":material/travel_explore:"):
        st.markdown(room.SOURCES)
with everything, guarded():
    listing = list_datasets(state.workspace())
    st.markdown("Choose one in the sidebar; every page then shows it.")
    counts = dict.fromkeys(("views", "ratings", "titles", "viewers"), COUNT)
    st.dataframe(listing.to_frame(), key="data_list", alt=listing.summary(), hide_index=True, column_config=counts)
    for folder, problem in listing.unreadable:
        st.warning(f"`{folder.name}`: {problem}")
story.explain(
    "A number on any page is as good as the rows below it. *Wrong* values can't be true; *look* may be right, such as "
    "a viewer with very many plays. Orphaned rows name a title or viewer that is in no catalogue: they count, but "
    "have no name or genre.",
    "Every table is scanned once for empty values, values outside of their limits and impossible times. Repeats are "
    "rows with an equal key. A viewer is implausibly busy beyond three interquartile ranges above the third quartile "
    "of the logarithm of rows a viewer (Tukey's far out). Rows left out at import are counted with their reason.",
)
if report is not None:
    story.end(report.to_frame())

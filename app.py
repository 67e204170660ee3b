"""Primetime's frame: navigation, logo and dataset picker; every page is a script in `pages/`."""

from pathlib import Path

import streamlit as st

from ui import state
from ui.story import guarded

HERE = Path(__file__).resolve().parent

PAGES = {
    "Start": [
        ("pages/start/overview.py", "Overview", ":material/home:"),
        ("pages/start/data.py", "Data", ":material/database:"),
    ],
    "Explore": [
        ("pages/explore/patterns.py", "Viewing patterns", ":material/schedule:"),
        ("pages/explore/hours.py", "Genres & hours", ":material/nest_clock_farsight_analog:"),
        ("pages/explore/calendar.py", "Calendar", ":material/event:"),
        ("pages/explore/seasons.py", "Seasons", ":material/calendar_month:"),
        ("pages/explore/sessions.py", "Sessions & devices", ":material/devices:"),
        ("pages/explore/titles.py", "Titles & genres", ":material/movie:"),
        ("pages/explore/personal.py", "My year", ":material/person:"),
        ("pages/explore/retention.py", "Who comes back", ":material/group:"),
        ("pages/explore/forecast.py", "Forecast", ":material/trending_up:"),
    ],
    "Recommend": [
        ("pages/recommend/train.py", "Train & compare", ":material/leaderboard:"),
        ("pages/recommend/tuning.py", "Tuning", ":material/tune:"),
        ("pages/recommend/recommendations.py", "Recommendations", ":material/playlist_play:"),
    ],
    "Experiment": [
        ("pages/experiment/experiments.py", "Experiments", ":material/science:"),
        ("pages/experiment/interleaving.py", "Interleaving", ":material/shuffle:"),
        ("pages/experiment/plans.py", "Plans & decisions", ":material/edit_note:"),
    ],
    "Learn": [
        ("pages/learn/truth.py", "Known truth", ":material/visibility:"),
        ("pages/learn/experiment_lessons.py", "Experiment lessons", ":material/school:"),
    ],
}
"""Section -> pages (file, title, icon), in the menu's order."""

# Before the navigation: without an icon of its own, the browser would fetch each page's from a font server.
st.set_page_config(page_title="Primetime", page_icon=str(HERE / "ui/assets/mark.svg"), layout="wide")
st.logo(str(HERE / "ui/assets/logo.svg"), icon_image=str(HERE / "ui/assets/mark.svg"), size="large")
page = st.navigation(
    {
        section: [
            st.Page(file, title=title, icon=icon, url_path=Path(file).stem, default=file.endswith("overview.py"))
            for file, title, icon in pages
        ]
        for section, pages in PAGES.items()
    },
    expanded=True,
)
# After it, so that browser tabs, bookmarks and the history tell the pages apart.
st.set_page_config(page_title=f"{page.title} · Primetime")
with guarded():
    with st.sidebar:
        # Streamlit puts the sidebar's own widgets below the menu, where a long menu pushes them out of sight.
        st.html(
            "<style>[data-testid=stSidebarContent]{display:flex;flex-direction:column}"
            "[data-testid=stSidebarContent]>*{flex-shrink:0}[data-testid=stSidebarNav]{order:2}"
            "[data-testid=stSidebarUserContent]{order:1;padding-bottom:1rem}</style>"
        )
        state.dataset_picker()
    page.run()

"""A page as a short story: each part is shown when it is told, and kept for the report.

    story = Story.begin("Viewing patterns", "When do people watch, and what?", needs=("views", "ratings"))
    story.verdict(clock.summary())
    story.metrics([Card("Weekend share", share(clock.weekend_share), define("weekend share"))])
    story.chart(charts.clock(clock), key="patterns_clock", alt=clock.summary())
    story.explain("Programme the evening.", "Views are counted by the hour they start in.")
    story.end(clock.to_frame())

What is on the screen is what is in the report: there is no second list to keep in step.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import urlencode

import pandas as pd
import plotly.graph_objects as go
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from analysis.data import Dataset
from analysis.errors import PrimetimeError
from analysis.workspace import explain as explain_error
from ui import report, state
from ui.charts.theme import HEIGHT
from ui.text import escape

Tone = Literal["neutral", "better", "worse", "unsure"]

_TONE_ICON: Mapping[str, str] = {
    "neutral": ":material/lightbulb:",
    "better": ":material/trending_up:",
    "worse": ":material/trending_down:",
    "unsure": ":material/help:",
}

PLOTLY_CONFIG = {
    "displaylogo": False,
    "responsive": True,
    "modeBarButtonsToRemove": ["select2d", "lasso2d", "autoScale2d", "zoomIn2d", "zoomOut2d"],
    "toImageButtonOptions": {"format": "png", "scale": 2},
}


@dataclass(frozen=True)
class Card:
    """One number on a card: label, value as text, and what it means (from the glossary)."""

    label: str
    value: str
    help: str | None = None
    note: str | None = None


class Story:
    """The page being told. Begin one with `Story.begin`."""

    def __init__(self, title: str, dataset: Dataset) -> None:
        self.title = title
        self.dataset = dataset
        self._origin = f"{dataset.name} · content hash {dataset.content_hash[:12]} · {dataset.info.source}"
        self._blocks: list[report.Block] = []
        self._place: DeltaGenerator | None = None

    @classmethod
    def begin(cls, title: str, question: str, *, needs: Sequence[str] = ()) -> Story:
        """Show the page's head and the banner of the chosen dataset.

        Args:
            title: Name of the page.
            question: The question the page answers.
            needs: Tables of which the dataset must have at least one; otherwise the page says how to bring one
                and stops.
        """
        story = cls(title, state.current())
        with st.container(gap="xsmall"):
            st.title(title, anchor=False)
            st.markdown(question)
            story._place = st.empty()
            with story._place.container(gap="xsmall"):
                banner(story.dataset)
        if needs and not any(story.dataset.has(table) for table in needs):
            story.empty(
                f"This page needs {' or '.join(needs)}, and {escape(story.dataset.name)} has none.",
                "Choose another dataset in the sidebar, or bring a file that has them on the Data page.",
            )
            st.stop()
        return story

    def concerns(self, source: str, *, label: str = "Your numbers", icon: str = "upload_file") -> None:
        """Say that the page is not about the chosen dataset, but about `source` (plain text)."""
        self._origin = source
        if self._place is not None:
            with self._place.container(horizontal=True, vertical_alignment="center", gap="xsmall"):
                st.badge(label, icon=f":material/{icon}:", color="gray")
                st.caption(escape(source))

    @staticmethod
    def loading(height: int = HEIGHT) -> AbstractContextManager[Any]:
        """A grey placeholder of the height of what comes, while it is computed: `with story.loading(): …`."""
        return st.skeleton(height=height)

    def verdict(self, sentence: str, tone: Tone = "neutral") -> None:
        """The sentence that answers the page's question (plain text)."""
        with st.container(border=True, key=f"verdict_{len(self._blocks)}"):
            st.header(f"{_TONE_ICON[tone]} {escape(sentence)}", anchor=False)
        self._blocks.append(report.Text(sentence, level=2))

    def metrics(self, cards: Sequence[Card]) -> None:
        """Three or four numbers."""
        with st.grid(len(cards), min_column_width=170):
            for card in cards:
                st.metric(
                    card.label,
                    card.value,
                    help=card.help,
                    border=True,
                    height="stretch",
                    delta=card.note,
                    delta_color="off",
                    delta_arrow="off",
                )
        self._blocks.append(report.Numbers(tuple((card.label, card.value) for card in cards)))

    def heading(self, text: str) -> None:
        """A heading between charts (plain text)."""
        st.subheader(escape(text), anchor=False)
        self._blocks.append(report.Text(text, level=2))

    def text(self, text: str) -> None:
        """A paragraph (plain text)."""
        st.markdown(escape(text))
        self._blocks.append(report.Text(text))

    def chart(
        self, figure: go.Figure, *, key: str, alt: str, picked: Callable[[Mapping[str, Any]], None] | None = None
    ) -> None:
        """A chart of `ui.charts` below its finding; it may be shared between visitors, so it is not changed.

        With `picked`, a click on a point calls it with that point (its `x`, `y` and `customdata`) before the page runs
        again, so that it can set what the widgets hold. Cells of a heatmap can't be clicked, points over them can.
        """
        title, subtitle = figure.layout.meta["title"], figure.layout.meta["subtitle"]
        if title:
            st.subheader(escape(title), anchor=False)
        if subtitle:
            st.caption(escape(subtitle))
        if picked is None:
            st.plotly_chart(figure, key=key, alt=alt, config=PLOTLY_CONFIG)
        else:
            clicked = _on_click(key, picked)
            st.plotly_chart(figure, key=key, alt=alt, config=PLOTLY_CONFIG, on_select=clicked, selection_mode="points")
        self._blocks.append(report.Chart(figure, alt))

    def table(
        self,
        frame: pd.DataFrame,
        *,
        key: str,
        alt: str,
        columns: Mapping[str, Any] | None = None,
        height: int | Literal["auto"] = "auto",
    ) -> None:
        """A table; `columns` is Streamlit's column configuration."""
        st.dataframe(frame, key=key, alt=alt, hide_index=True, column_config=columns, height=height)
        self._blocks.append(report.Frame(frame))

    def explain(self, means: str, computed: str) -> None:
        """What the numbers mean and how they are computed (Markdown of ours, never data)."""
        with st.expander("What this means, and how it is computed", icon=":material/menu_book:"):
            st.markdown(f"**What this means.** {means}")
            st.markdown(f"**How it is computed.** {computed}")
        self._blocks += [report.Text(f"What this means. {means}"), report.Text(f"How it is computed. {computed}")]

    def empty(self, problem: str, remedy: str) -> None:
        """A useful empty state: what is missing, and what to do (Markdown)."""
        st.info(f"{problem} {remedy}", title="Nothing to show yet", icon=":material/inbox:")

    def end(self, numbers: pd.DataFrame | Callable[[], pd.DataFrame]) -> None:
        """Downloads and the link, at the foot of the page; numbers that take a while may come as a function."""
        name = "-".join(self.title.lower().replace("&", "and").split())
        blocks = tuple(self._blocks)
        st.divider()
        with st.container(horizontal=True, vertical_alignment="center"):
            st.download_button(
                "Numbers (CSV)",
                lambda: (numbers() if callable(numbers) else numbers).to_csv(index=False),
                file_name=f"{name}.csv",
                mime="text/csv",
                icon=":material/table:",
                on_click="ignore",
                key=f"csv_{name}",
            )
            st.download_button(
                "Report (HTML)",
                lambda: report.to_html(self.title, self._origin, blocks),
                file_name=f"{name}.html",
                mime="text/html",
                icon=":material/article:",
                on_click="ignore",
                key=f"html_{name}",
            )
            with st.popover("Link", icon=":material/link:"):
                st.caption("This link reproduces the view.")
                st.code(link(), language=None, wrap_lines=True)


def _on_click(key: str, picked: Callable[[Mapping[str, Any]], None]) -> Callable[[], None]:
    def clicked() -> None:
        points = st.session_state[key].selection.points
        if points:
            picked(points[0])

    return clicked


def link() -> str:
    """The address of the page with all that is chosen on it."""
    query = urlencode([(key, value) for key in st.query_params for value in st.query_params.get_all(key)])
    address = st.context.url or ""
    return f"{address}?{query}" if query else address


def banner(dataset: Dataset) -> None:
    """Which dataset this is, that it is sample data when it is, and behind a question mark what to know of it."""
    info = dataset.info
    notes = escape(" ".join(info.notes)) or None
    # The badge stands beside the caption: within it, it would be paled until its contrast is too low to read.
    with st.container(horizontal=True, vertical_alignment="center", gap="xsmall"):
        if info.kind in ("sample", "simulated"):
            st.badge("Sample data", icon=":material/science:", color="blue")
            st.caption(
                f"{escape(info.name)}: a simulated service whose truth is known. No real person is in it.", help=notes
            )
        else:
            label = "Your own data" if info.kind == "personal" else "Imported data"
            st.badge(label, icon=":material/database:", color="gray")
            st.caption(f"{escape(info.name)} · {escape(info.source)}", help=notes)


def error_box(error: PrimetimeError) -> None:
    """The error box: what is wrong, and what to do."""
    st.error(f"{escape(error.problem)}\n\n{escape(error.remedy)}", icon=":material/error:")


@contextmanager
def guarded() -> Iterator[None]:
    """Show a problem as an error box instead of a stack trace; what was shown above it stays."""
    try:
        yield
    except PrimetimeError as error:
        error_box(error)
    except Exception as error:
        log = logging.getLogger("primetime")
        known = explain_error(error)
        if known is not None:
            log.warning("%s", known)
            error_box(known)
            return
        log.exception("A page failed")
        st.error(
            "Something went wrong on this page; the details are in the server's log. "
            "Nothing you made is lost. Reload the page, or choose another dataset.",
            icon=":material/error:",
        )


def guard(function: Callable[..., None]) -> Callable[..., None]:
    """`guarded` as a decorator, for fragments (they run outside the page's own guard)."""

    def inner(*args: Any, **kwargs: Any) -> None:
        with guarded():
            function(*args, **kwargs)

    return inner

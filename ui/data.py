"""What the Data page asks for: the files, what their columns mean, and under which name to keep them."""

from __future__ import annotations

import dataclasses
import hashlib
from pathlib import Path
from typing import Any, get_args
from zoneinfo import available_timezones

import pandas as pd
import streamlit as st

from analysis import jobs
from analysis.data import uploads
from analysis.data.importers import ColumnMapping, Layout, detect, propose_mapping, suggest_name
from analysis.data.importers.mapping import ROLES, MinutesUnit, TimeFormat, read_sample
from analysis.errors import JobError, PrimetimeError
from ui import jobs as ui_jobs
from ui import state
from ui.story import error_box
from ui.text import escape

TYPES = ["zip", "csv", "tsv", "txt", "parquet", "dat", "data", "item", "user"]
"""What the browser offers to choose; what a file really is, is looked at on the server."""

WAYS = {"upload": "Upload files", "path": "A path on this machine"}
NONE = "–"

TIMES = {
    "unix seconds": "seconds since 1970",
    "unix milliseconds": "milliseconds since 1970",
    "iso": "year first: 2024-12-31 20:15",
    "day first": "day first: 31/12/2024 20:15",
    "month first": "month first: 12/31/2024 20:15",
}
"""How times may be written, as the page says it."""

LABELS = {
    "viewer": ("Viewer", "Who watched or rated. Leave it out if the table is one person's."),
    "title": ("Title", "What was watched or rated: an id or a name. Needed."),
    "time": ("Time", "When it was watched or rated. Needed for views."),
    "rating": ("Rating", "With a rating the rows become ratings, otherwise views."),
    "minutes": ("Length watched", "How long it was watched."),
    "completion": ("Share watched", "Share of the running time that was watched."),
    "device": ("Device", "Told apart: TV, computer, phone and tablet."),
    "season": ("Season", "Season of a series."),
    "episode": ("Episode", "Episode of a series."),
    "title_name": ("Name of the title", "Where the title itself is an id."),
    "genres": ("Genres", "Several are parted by a bar, a comma or a semicolon."),
}

SOURCES = """
**Your own Netflix history.** On netflix.com, open Account, then Security, then *Personal info access*, and ask for your
data; after some days a zip arrives whose `ViewingActivity.csv` has every profile, time and device. Quicker, but with
dates only: Account, your profile, *Viewing activity*, *Download all* gives `NetflixViewingHistory.csv`. Upload the zip
or the file as it is.

**MovieLens.** GroupLens, a research group of the University of Minnesota, offers ratings of films in sizes from 100,000
to 32 million on its site, grouplens.org, under *Datasets*. Any of its zips can be imported as it is. Its terms allow
research use and ask you not to pass the data on.

**MovieTweetings.** Ratings that people tweeted, in a public repository of that name by Simon Dooms. Choose
`ratings.dat` and `movies.dat` together.

**Your service's own logs.** Any CSV or Parquet file with one row a play or a rating: the page proposes which column is
the viewer, the title and the time, and you correct it.
"""


def serves_this_machine_alone() -> bool:
    """Whether only this machine's own browser reaches the app, so that paths may be read from its disk."""
    return st.get_option("server.address") in ("localhost", "127.0.0.1", "::1")


def bring() -> None:
    """Ask for files, say what they are, and import them as a job."""
    source = _source()
    if source is not None:
        try:
            _offer(source)
        except PrimetimeError as error:
            error_box(error)
    ui_jobs.panel("import")
    _last_import()


def _source() -> Path | None:
    way = "upload"
    if serves_this_machine_alone():
        way = st.segmented_control(
            "Where are the files?", list(WAYS), format_func=WAYS.get, default="upload", required=True, key="data_way"
        )
    if way == "path":
        text = st.text_input(
            "File, folder or zip archive on this machine",
            key="data_path",
            placeholder="/home/me/Downloads/ml-latest-small.zip",
            help="Only offered while the app serves this machine alone. Large files need no upload this way.",
        )
        return Path(text.strip()).expanduser() if text.strip() else None
    limit = int(st.get_option("server.maxUploadSize"))
    files = st.file_uploader(
        "Choose a zip, a CSV or a Parquet file, or the files of one dataset together",
        type=TYPES,
        accept_multiple_files=True,
        key="data_files",
        help=f"Up to {limit} MB. Larger ones: `python -m analysis data import PATH`.",
    )
    return _saved(files, limit * 1024**2) if files else None


def _saved(files: list[Any], limit: int) -> Path | None:
    """Uploaded files on disk; written once, and again only when a failed import has removed them."""
    chosen = tuple(file.file_id for file in files)
    known, path = st.session_state.get("data_saved", ((), None))
    if known == chosen and path is not None and Path(path).exists():
        return Path(path)
    if known == chosen and path is not None and _was_imported(path):
        # The upload was removed when it had been read; to write it again would keep people's data for nothing.
        return None
    for file in files:
        file.seek(0)
    try:
        saved = uploads.save(state.workspace(), [(file.name, file) for file in files], limit=limit)
    except PrimetimeError as error:
        error_box(error)
        return None
    st.session_state["data_saved"] = (chosen, str(saved))
    return saved


def _was_imported(path: str) -> bool:
    found = jobs.recent(state.workspace(), "import")
    return any(job.state == "done" and path in job.argv for job in found)


def _offer(source: Path) -> None:
    """Say what the files are, ask for what is not in them, and offer to import them."""
    layout = detect(source)
    tag = hashlib.sha256(str(source).encode()).hexdigest()[:8]
    names = ", ".join(f"`{file.name}`" for file in layout.files.values())
    what = "a table; say below what its columns mean" if layout.key == "table" else escape(layout.title)
    st.success(f"{names}: this is {what}.", icon=":material/search_check:")
    mapping = _mapping(source, tag) if layout.key == "table" else None
    with st.container(horizontal=True, vertical_alignment="bottom"):
        name = st.text_input("Name of the dataset", suggest_name(source, layout), max_chars=80, key=f"data_name_{tag}")
        zone = st.selectbox(
            "Time zone of the viewers",
            _zones(),
            key="data_zone",
            help="Times are stored in UTC; hours and weekdays are shown on this clock.",
        )
    ui_jobs.submit_button(
        "Import",
        _command(source, name or suggest_name(source, layout), zone, layout, mapping),
        title=f"Import {name}",
        kind="import",
        key=f"data_import_{tag}",
        disabled=mapping is not None and not _is_enough(mapping),
        help="A title, and a time or a rating, have to be mapped." if mapping is not None else None,
    )


def _command(source: Path, name: str, zone: str, layout: Layout, mapping: ColumnMapping | None) -> list[str]:
    words = ["data", "import", str(source), "--name", name, "--time-zone", zone]
    if layout.key == "table" and mapping is not None:
        for pair in mapping.pairs():
            words += ["--map", pair]
    return words if uploads.folder_of(source) is None else [*words, "--discard-source"]


def _mapping(source: Path, tag: str) -> ColumnMapping:
    """The proposed mapping as a form, over the first rows of the table."""
    sample = read_sample(source)
    proposed = propose_mapping(source)
    st.markdown("**What the columns mean.** The proposal comes from their names and values; correct what is wrong.")
    st.dataframe(sample, key=f"data_sample_{tag}", alt="The first rows of the table", hide_index=True)
    chosen: dict[str, str | None] = {}
    options = [NONE, *sample.columns]
    with st.grid(4, min_column_width=170):
        for role in ROLES:
            label, words = LABELS[role]
            guess = getattr(proposed, role)
            picked = st.selectbox(
                label, options, index=options.index(guess) if guess else 0, help=words, key=f"data_{role}_{tag}"
            )
            chosen[role] = None if picked == NONE else picked
    mapping = dataclasses.replace(proposed, **chosen)  # type: ignore[arg-type]
    mapping = dataclasses.replace(mapping, **_formats(mapping, tag))
    st.caption(f"The rows become {_becomes(mapping)}.")
    return mapping


def _formats(mapping: ColumnMapping, tag: str) -> dict[str, Any]:
    """How the chosen columns are written."""
    chosen: dict[str, Any] = {}
    with st.container(horizontal=True, vertical_alignment="bottom"):
        if mapping.time:
            formats = list(get_args(TimeFormat))
            chosen["time_format"] = st.selectbox(
                "Times are written", formats, index=formats.index(mapping.time_format), format_func=TIMES.get,
                key=f"data_time_format_{tag}",
            )  # fmt: skip
            chosen["time_is_local"] = st.checkbox(
                "Times are the viewers' wall clock", mapping.time_is_local, key=f"data_local_{tag}",
                help="Otherwise times without a zone are UTC.",
            )  # fmt: skip
        if mapping.minutes:
            units = list(get_args(MinutesUnit))
            chosen["minutes_unit"] = st.selectbox(
                "Unit of the length", units, index=units.index(mapping.minutes_unit), key=f"data_unit_{tag}"
            )
        if mapping.completion:
            chosen["completion_in_percent"] = st.checkbox(
                "The share watched is in percent", mapping.completion_in_percent, key=f"data_percent_{tag}"
            )
        if mapping.rating:
            chosen["lowest_rating"] = st.number_input(
                "Lowest rating", value=mapping.lowest_rating, min_value=0.0, key=f"data_lowest_{tag}"
            )
            chosen["highest_rating"] = st.number_input(
                "Highest rating", value=mapping.highest_rating, key=f"data_highest_{tag}",
                help="Ratings outside of the scale are left out and counted.",
            )  # fmt: skip
    return chosen


def _is_enough(mapping: ColumnMapping) -> bool:
    return mapping.title is not None and (mapping.time is not None or mapping.rating is not None)


def _becomes(mapping: ColumnMapping) -> str:
    if not _is_enough(mapping):
        return "nothing yet: a title, and a time or a rating, are needed"
    kinds = [word for word, holds in (("ratings", mapping.rating), ("views", mapping.holds_views)) if holds]
    return " and ".join(kinds)


@st.cache_data(max_entries=1, show_spinner=False)
def _zones() -> list[str]:
    """UTC first, then all places by name."""
    return ["UTC", *sorted(zone for zone in available_timezones() if "/" in zone and not zone.startswith("Etc/"))]


def _last_import() -> None:
    """What the newest finished import did, and a way to its dataset."""
    done = next((job for job in jobs.recent(state.workspace(), "import") if job.state == "done"), None)
    if done is None:
        return
    try:
        result = done.result()
    except JobError:
        return
    folder = Path(result["folder"])
    if folder.name not in state.folders():
        return
    with st.container(border=True, key="data_last"):
        st.markdown(f":material/check_circle: {escape(result['summary'])}")
        for note in result["notes"]:
            st.caption(escape(note))
        left_out = pd.DataFrame([row for row in result["rows"] if row["outcome"] == "left out"])
        if len(left_out):
            with st.expander("What was left out, and why", icon=":material/rule:"):
                st.dataframe(left_out.drop(columns="outcome"), key="data_left_out", alt="Rows left out by reason",
                             hide_index=True)  # fmt: skip
                bad = pd.DataFrame(result["bad_rows"])
                if len(bad):
                    st.caption("The first of them, with their line:")
                    st.dataframe(bad, key="data_bad_rows", alt="The first rows left out", hide_index=True)
        if folder.name != state.current_key():
            st.button("Show this dataset on every page", key="data_show", icon=":material/visibility:",
                      on_click=state.choose, args=(folder.name,))  # fmt: skip

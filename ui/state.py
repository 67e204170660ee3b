"""What the app knows of a visitor: the workspace, and the dataset chosen in the sidebar.

Nothing is kept at module level for one visitor; the choice lives in the URL, so a link reproduces it.
"""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from analysis.data import Dataset
from analysis.data.dataset import MANIFEST
from analysis.errors import DataError
from analysis.workspace import SAMPLE, Workspace
from ui.text import escape

DATA_KEY = "data"
"""Name of the URL parameter and widget that choose the dataset: the folder's name, or `sample`."""


@st.cache_resource(max_entries=4)
def _workspace(home: str) -> Workspace:
    return Workspace(home)


def workspace() -> Workspace:
    """The workspace of this server."""
    return _workspace(str(Workspace().home))


@st.cache_resource(max_entries=32)
def _open(folder: str, _changed: int) -> Dataset:
    return Dataset.open(folder)


def _key(folder: Path) -> str:
    return "sample" if folder == SAMPLE else folder.name


def folders() -> dict[str, Path]:
    """The datasets to choose from: key in the URL -> folder."""
    found = {_key(folder): folder for folder in workspace().list_datasets()}
    if not found:
        raise DataError("There is no dataset.", "Make the sample again with `make sample`, then reload the page.")
    return found


def open_folder(folder: Path) -> Dataset:
    """A dataset by its folder; opened once for all visitors, again when its manifest changes."""
    return _open(str(folder), (folder / MANIFEST).stat().st_mtime_ns)


def version(dataset: Dataset) -> tuple[str, int]:
    """What tells a dataset from another of equal content: its folder, and when its description was written.

    For caches that hold more than follows from the rows: the name, what was left out at import, damaged files.
    """
    return str(dataset.folder), (dataset.folder / MANIFEST).stat().st_mtime_ns if dataset.folder else 0


def current() -> Dataset:
    """The dataset chosen in the sidebar."""
    known = folders()
    return open_folder(known.get(st.session_state.get(DATA_KEY, ""), next(iter(known.values()))))


def current_key() -> str:
    """The chosen dataset's name, as the command line's `--data` takes it."""
    known = folders()
    chosen = st.session_state.get(DATA_KEY, "")
    return chosen if chosen in known else next(iter(known))


def choose(key: str) -> None:
    """Choose a dataset from code; to be called from a callback (`on_click=choose, args=(key,)`)."""
    st.session_state[DATA_KEY] = key


def dataset_picker() -> None:
    """The dataset selectbox of the sidebar."""
    known = folders()
    wanted = st.query_params.get(DATA_KEY)
    if wanted and wanted not in known:
        st.warning(
            f"There is no dataset {escape(wanted)} here, or it is here no longer. The first one is shown instead."
        )
    # Streamlit puts into the URL what the box shows; so it shows the keys, which the links and the command line take,
    # and the banner on the page says the name.
    st.selectbox(
        "Dataset",
        list(known),
        key=DATA_KEY,
        bind="query-params",
        help="Every page shows this dataset. Bring your own on the Data page.",
    )

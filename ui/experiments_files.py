"""Experiments from files: a table of units, an event log with its assignments, ASOS, Upworthy; columns are proposed."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import streamlit as st

from analysis.experiments import archives, cells, files, logs, sources
from analysis.experiments.experiment import Experiment
from analysis.experiments.metrics import Ratio, Term
from analysis.experiments.outcomes import Capped, Quantile, Staying, UnitTerm, label
from ui.story import Story
from ui.text import escape

if TYPE_CHECKING:
    from streamlit.runtime.uploaded_file_manager import UploadedFile

NONE = "None"


@contextmanager
def on_disk(uploads: Sequence[UploadedFile]) -> Iterator[list[Path]]:
    """Uploads as files for the engine, for as long as they are read."""
    with tempfile.TemporaryDirectory(prefix="primetime-") as folder:
        paths = [Path(folder) / Path(upload.name).name for upload in uploads]
        for upload, path in zip(uploads, paths, strict=True):
            path.write_bytes(upload.getbuffer())
        yield paths


@st.cache_resource(max_entries=8, ttl=3600, show_spinner="Reading the file")
def _proposals(ids: tuple[str, ...], _uploads: Sequence[UploadedFile]) -> list[files.Proposal]:
    with on_disk(_uploads) as paths:
        return [files.propose(path) for path in paths]


@st.cache_resource(max_entries=4, ttl=3600, show_spinner="Reading the archive")
def _archive(ids: tuple[str, ...], layout: str, _uploads: Sequence[UploadedFile]) -> archives.Asos | archives.Upworthy:
    with on_disk(_uploads) as paths:
        if layout == "asos":
            return archives.read_asos(paths[0])
        # Impressions are the larger numbers; by name they are the matrix n.
        clicks, impressions = sorted(paths, key=lambda path: path.name.lower().startswith("n"))
        return archives.read_upworthy(clicks, impressions)


@st.cache_resource(max_entries=16, ttl=3600, show_spinner="Reading the file")
def _units(
    ids: tuple[str, ...],
    outcomes: tuple[Term | UnitTerm, ...],
    chosen: tuple[tuple[str, str | None], ...],
    less: tuple[str, ...],
    segments: tuple[str, ...],
    _uploads: Sequence[UploadedFile],
) -> Experiment:
    with on_disk(_uploads) as paths:
        options: dict[str, Any] = dict(chosen)
        return sources.read_units(
            paths[0], outcomes=list(outcomes), lower_is_better=list(less), segments=segments, **options
        )


@st.cache_resource(max_entries=16, ttl=3600, show_spinner="Joining events and assignments")
def _log(
    ids: tuple[str, ...],
    columns: logs.LogColumns,
    swapped: bool,
    control: str | None,
    adjusted: bool,
    less: tuple[str, ...],
    _uploads: Sequence[UploadedFile],
) -> Experiment:
    with on_disk(_uploads) as paths:
        assignments, events = reversed(paths) if swapped else paths
        return logs.read_log(
            assignments, events, columns, control=control, adjusted=adjusted, lower_is_better=list(less)
        )


def upload(story: Story) -> Experiment | None:
    """Ask for files, tell what they are, and read the experiment; None where that is not possible yet."""
    uploads = st.file_uploader(
        "A table with one row a unit, or assignments and events as two files",
        type=["csv", "tsv", "txt", "parquet"],
        accept_multiple_files=True,
        key="experiments_files",
        help="Files of the ASOS archive and Upworthy’s two matrices are read too.",
    )
    if not uploads:
        story.empty(
            "Drop a CSV or Parquet file above.",
            "One row a unit (a viewer, say), with a column that names its variant and a number column a metric. Or two "
            "files: who was assigned to what and when, and what happened, one row an event.",
        )
        return None
    ids = tuple(upload.file_id for upload in uploads)
    proposals = _proposals(ids, uploads)
    layout = archives.layout_of(
        [(u.name, [c.name for c in p.columns]) for u, p in zip(uploads, proposals, strict=True)]
    )
    if layout != "units":
        found = _archive(ids, layout, uploads)
        names = found.experiments if isinstance(found, archives.Asos) else found.tests
        chosen = st.selectbox("Experiment", names, format_func=_dated, key=f"experiments_archive_{ids[0]}")
        return found.experiment(chosen)
    if len(uploads) == 1:
        return _mapped(story, ids, uploads, proposals[0])
    pair = logs.pair_up(*proposals) if len(uploads) == 2 else None
    if pair is None:
        story.empty(
            "These files do not belong together.",
            "Bring one table of units, or two files: assignments, with a column that names the variant, and events.",
        )
        return None
    return _paired(story, ids, uploads, pair)


def _dated(name: str) -> str:
    """An Upworthy test with its day, other experiments as they are."""
    return f"{name} · {archives.created_at(name):%Y-%m-%d}" if len(name) == archives.ID_DIGITS else name


def _pick(key: str, label: str, options: Sequence[str], guess: str | None, help: str) -> str | None:
    """Ask for a column, with the guess chosen; None for none."""
    choices = [NONE, *options]
    place = choices.index(guess) if guess in choices else 0
    found = st.selectbox(label, choices, index=place, key=f"experiments_{label}_{key}", help=help)
    return None if found == NONE else found


def _mapped(
    story: Story, ids: tuple[str, ...], uploads: Sequence[UploadedFile], proposal: files.Proposal
) -> Experiment | None:
    """Show which column is which, as guessed, for correction."""
    key, names = ids[0], [column.name for column in proposal.columns]
    few = [c.name for c in proposal.columns if c.distinct <= files.MOST_VARIANTS] or names
    st.caption(f"{proposal.rows:,} rows. Check which column is which. {_read_as(proposal)}")
    with st.grid(3, min_column_width=220):
        variant = _pick(key, "Variant", few, proposal.variant, "The column that names each unit’s variant.")
        values = proposal.column(variant).levels if variant else ()
        control = _pick(key, "Control", values, proposal.control, "How things are now; None to compare all pairs.")
        unit = _pick(key, "Unit", names, proposal.unit, "Checked for repeats and for units in two variants.")
        time = _pick(key, "Time of assignment", names, proposal.time, "From it the runtime follows.")
        covariate = _pick(key, "Known before", names, None, "A number from before it began, to adjust by (CUPED).")
        over = _pick(key, "Divide by", names, None, "For ratios such as minutes per play; None for means per unit.")
    outcomes = st.multiselect(
        "Outcomes", names, default=proposal.outcomes[:3], key=f"experiments_outcomes_{key}",
        help="Number columns; a column of 0 and 1 is a share of units. The first one decides unless you say otherwise.",
    )  # fmt: skip
    terms: list[Term | UnitTerm] = [Ratio(o, over) if over and o != over else o for o in outcomes]
    terms += _more(key, proposal, [o for o in outcomes if proposal.column(o).distinct > 2])
    with st.grid(2, min_column_width=260):
        less = st.multiselect("Less is better for", [label(t) for t in terms], key=f"experiments_less_{key}")
        kinds = _kinds(key, proposal, (variant, unit, time, covariate, *outcomes))
    if not variant or not terms:
        story.empty("Choose the column that names the variant, and an outcome.", "Then the experiment is analysed.")
        return None
    chosen = {"variant": variant, "unit": unit, "control": control, "time": time, "covariate": covariate}
    return _units(
        ids, tuple(terms), tuple((k, v) for k, v in chosen.items() if v or k == "control"), tuple(less), kinds, uploads
    )


def _read_as(proposal: files.Proposal) -> str:
    """How columns were read that are written in an unusual way."""
    return escape(" ".join(proposal.notes))


def _kinds(key: str, proposal: files.Proposal, taken: Sequence[str | None]) -> tuple[str, ...]:
    """Ask which columns say what kind of unit each is."""
    few = [c.name for c in proposal.columns if 2 <= c.distinct <= cells.MOST_SEGMENTS and c.name not in taken]
    return tuple(
        st.multiselect(
            "Segments", few, default=[c for c in proposal.segments if c in few], key=f"experiments_kinds_{key}",
            help="Columns such as plan, country or device: the effect is looked at in each value, and whether it "
            "differs between them. They must be known before the experiment, or it can change them itself.",
        )
    )  # fmt: skip


def _more(key: str, proposal: files.Proposal, outcomes: Sequence[str]) -> list[UnitTerm]:
    """Ask for metrics that need each unit's outcome: quantiles, capped means, staying."""
    with st.expander("Medians, capped means, time until something happens", icon=":material/tune:"):
        options = {label(t): t for o in outcomes for t in (Quantile(o), Quantile(o, 0.9), Quantile(o, 0.95), Capped(o))}
        chosen = st.multiselect(
            "Also compare", list(options), key=f"experiments_more_{key}",
            help="A quantile says what a typical or a heavy unit does. A capped mean sets the largest hundredth to one "
            "value, so that a single unit can’t carry it.",
        )  # fmt: skip
        numbers = [c.name for c in proposal.columns if c.kind == "number"]
        with st.grid(3, min_column_width=180):
            days = _pick(key, "Days until it happened", numbers, None, "Or until the unit was last seen.")
            event = _pick(key, "Whether it happened", numbers, None, "1 where it did (left, say), 0 where not.")
            by = st.number_input("By day", min_value=1, value=28, key=f"experiments_by_{key}")
    staying = [Staying(days, event, float(by))] if days and event else []
    return [*(options[name] for name in chosen), *staying]


def _paired(
    story: Story, ids: tuple[str, ...], uploads: Sequence[UploadedFile], pair: logs.LogProposal
) -> Experiment | None:
    """Show which column of assignments and events is which, as guessed, for correction."""
    key = "_".join(ids)
    first, second = (uploads[1], uploads[0]) if pair.swapped else (uploads[0], uploads[1])
    guess = pair.columns or logs.LogColumns("", pair.assignments.variant or "", "")
    names, more = ([c.name for c in p.columns] for p in (pair.assignments, pair.events))
    numbers = [c.name for c in pair.events.columns if c.kind == "number"]
    st.caption(
        f"{escape(first.name)}: {pair.assignments.rows:,} assignments. Check which column is which. "
        f"{_read_as(pair.assignments)}"
    )
    with st.grid(4, min_column_width=180):
        unit = _pick(key, "Unit", names, guess.unit, "Who was assigned.")
        variant = _pick(key, "Variant", names, guess.variant, "To what.")
        values = pair.assignments.column(variant).levels if variant else ()
        control = _pick(key, "Control", values, pair.assignments.control, "How things are now; None for all pairs.")
        assigned = _pick(key, "Time of assignment", names, guess.assigned_at, "Events count from here on.")
    st.caption(f"{escape(second.name)}: {pair.events.rows:,} events. {_read_as(pair.events)}")
    with st.grid(4, min_column_width=180):
        event_unit = _pick(key, "Unit of the event", more, guess.event_unit, "Who did it; the same ids as above.")
        happened = _pick(key, "Time of the event", more, guess.happened_at, "None to count all events.")
        kind = _pick(key, "Kind of event", more, guess.kind, "A column such as event or action, if there is one.")
        summed = st.multiselect("Sum up", numbers, default=list(guess.values), key=f"experiments_sum_{key}")
    levels = pair.events.column(kind).levels if kind else ()
    with st.container(horizontal=True, vertical_alignment="bottom"):
        kinds = st.multiselect("Count", levels, default=list(guess.kinds), key=f"experiments_kinds_{key}_{kind}")
        adjusted = st.toggle(
            "Adjust for events before", key=f"experiments_before_{key}", disabled=not (assigned and happened),
            help="CUPED, by the events of the 28 days before the assignment.",
        )  # fmt: skip
    if not (unit and variant and event_unit):
        story.empty("Choose unit and variant of the assignments, and the unit of the events.", "Then they are joined.")
        return None
    few = _kinds(key, pair.assignments, (variant, unit, assigned))
    columns = logs.LogColumns(unit, variant, event_unit, assigned, happened, kind, tuple(kinds), tuple(summed), few)
    metrics = logs.metric_names(columns)
    less = st.multiselect("Less is better for", metrics, key=f"experiments_less_{key}")
    return _log(ids, columns, pair.swapped, control, adjusted, tuple(less), uploads)
